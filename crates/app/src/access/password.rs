//! Hashing of passwords and client secrets (argon2id), off the async threads: a hash takes tens of milliseconds and 19 MiB, and
//! anybody can ask for one. So few are computed at once, few more may wait, and the memory is given back.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use tokio::sync::{Semaphore, SemaphorePermit};
use usher_domain::Secret;

use crate::system::random_bytes;

/// How many hashes are computed at once.
pub(crate) const AT_ONCE: usize = 4;
/// How many more may wait for that.
pub(crate) const WAITING: usize = 128;
/// When to try again after [`HashError::Busy`].
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How many bytes of address space are reserved for a hash, of which it touches 19 MiB. glibc keeps what was freed for later,
/// in each of its arenas, unless the allocation is larger than 32 MiB: such a one is always given back to the system.
const RESERVED: usize = 33 * 1024 * 1024;

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);
static QUEUE: Semaphore = Semaphore::const_new(AT_ONCE + WAITING);

/// Why a secret was not hashed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    /// Too many are waiting; nothing was computed.
    #[error("Too many passwords and secrets are being checked at the moment. Try again in a few seconds.")]
    Busy,
    /// It did not work.
    #[error("hashing a secret failed: {0:#}")]
    Failed(#[from] anyhow::Error),
}

/// A place in the queue for hashing, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "it is held, not read")] SemaphorePermit<'static>);

/// Takes a place in the queue, before anything else is done to check a secret.
///
/// # Errors
/// [`HashError::Busy`] when too many are waiting.
pub(crate) fn place() -> Result<Place, HashError> {
    QUEUE.try_acquire().map(Place).map_err(|_| HashError::Busy)
}

/// The PHC string to keep in place of the secret.
///
/// # Errors
/// [`HashError::Busy`] when too many are waiting.
pub(crate) async fn hash(secret: Secret) -> Result<String, HashError> {
    let _place = place()?;
    let turn = TURNS.acquire().await.context("no hash is computed any more")?;
    let hashed = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        hash_now(&secret)
    });
    Ok(hashed.await.context("the hash was interrupted")??)
}

fn hash_now(secret: &Secret) -> Result<String> {
    let salt = Salt::new(&random_bytes::<16>()).map_err(|error| anyhow!("{error}"))?;
    let params = Params::default();
    let output = computed(
        secret,
        &salt,
        Algorithm::default(),
        Version::default(),
        &params,
        Params::DEFAULT_OUTPUT_LEN,
    )?;
    let hash = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(&params).map_err(|error| anyhow!("{error}"))?,
        salt: Some(salt),
        hash: Some(Output::new(&output).map_err(|error| anyhow!("{error}"))?),
    };
    Ok(hash.to_string())
}

/// Whether this is the secret that was hashed. Against no hash at all it takes as long and says no, so that the
/// time does not tell whether a client or administrator exists.
pub(crate) async fn verify(_: &Place, secret: Secret, hash: Option<String>) -> bool {
    let Ok(turn) = TURNS.acquire().await else { return false };
    let verified = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let known = hash.is_some();
        let verified = verify_now(&secret, hash.as_deref().unwrap_or(NOBODY));
        verified.unwrap_or(false) && known
    });
    verified.await.unwrap_or(false)
}

fn verify_now(secret: &Secret, hash: &str) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let output = computed(secret, salt, algorithm, version, &params, expected.as_ref().len()).ok()?;
    Some(verify_slices_are_equal(&output, expected.as_ref()).is_ok())
}

fn computed(
    secret: &Secret,
    salt: &Salt,
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    length: usize,
) -> Result<Vec<u8>> {
    let blocks = params.block_count();
    let mut memory = Vec::with_capacity(blocks.max(RESERVED / Block::SIZE));
    memory.resize(blocks, Block::new());
    let mut output = vec![0; length];
    Argon2::new(algorithm, version, params.clone())
        .hash_password_into_with_memory(secret.expose().as_bytes(), salt.as_ref(), &mut output, &mut memory)
        .map_err(|error| anyhow!("{error}"))?;
    Ok(output)
}

/// The hash of a secret that nobody has, with the default cost.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5aGFzdGhpczE$QjSHSi8wX8H2oVwRpXBxvyqI7+6MEWrm8QLHmpwDIWQ";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_secret_that_was_hashed_verifies() {
        let hash = hash(Secret::new("open sesame")).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        let place = place().unwrap();
        assert!(verify(&place, Secret::new("open sesame"), Some(hash.clone())).await);
        assert!(!verify(&place, Secret::new("open barley"), Some(hash)).await);
        assert!(!verify(&place, Secret::new("open sesame"), None).await);
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}

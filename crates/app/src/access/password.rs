//! Hashing of passwords and client secrets (argon2id), off the async threads: a hash takes tens of milliseconds.

use anyhow::{Context, Result, anyhow};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;
use usher_domain::Secret;

/// How many hashes are computed at once: each takes 19 MiB and a core, and whoever is nobody can ask for one.
pub(crate) const AT_ONCE: usize = 4;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);

/// The PHC string to keep in place of the secret.
pub(crate) async fn hash(secret: Secret) -> Result<String> {
    let _place = PLACES.acquire().await.context("hashing a secret was interrupted")?;
    tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password(secret.expose().as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|error| anyhow!("hashing a secret failed: {error}"))
    })
    .await
    .context("hashing a secret was interrupted")?
}

/// Whether this is the secret that was hashed. Against no hash at all it takes as long and says no, so that the
/// time does not tell whether a client or administrator exists.
pub(crate) async fn verify(secret: Secret, hash: Option<String>) -> bool {
    let Ok(_place) = PLACES.acquire().await else { return false };
    tokio::task::spawn_blocking(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let verified = PasswordHash::new(&hash)
            .is_ok_and(|hash| Argon2::default().verify_password(secret.expose().as_bytes(), &hash).is_ok());
        verified && known
    })
    .await
    .unwrap_or(false)
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
        assert!(verify(Secret::new("open sesame"), Some(hash.clone())).await);
        assert!(!verify(Secret::new("open barley"), Some(hash)).await);
        assert!(!verify(Secret::new("open sesame"), None).await);
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}

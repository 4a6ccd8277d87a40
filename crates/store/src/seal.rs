//! Secrets at rest: sealed with a key that lives outside the database, each bound to the place it stands in.
//!
//! A sealed value reads `v1.KEYID.NONCE+CIPHERTEXT+TAG`, the parts base64url: AES-256-GCM, a random nonce, and the
//! place as associated data, so that a value copied to another row does not open. From the same key comes one that
//! signs what is kept in the open but must not be forged, such as the end of the audit's chain. Nothing here prints a
//! key or a secret.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use usher_domain::{Secret, ports::store::StoreError};
use zeroize::Zeroizing;

use crate::{
    keyfile::{self, KEY_LEN, Stamp},
    sealed::Place,
};

const FORMAT: &str = "v1";
/// What the key that signs is derived for.
const SIGNING: &[u8] = b"usher audit signatures v1";

/// Why there is no seal.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key file cannot be read or made.
    #[error("the key file {} cannot be read or made: {source}. Check that its directory exists and is ours.", path.display())]
    File {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read the key file.
    #[error("the key file {path} may be read by others (mode {mode:04o}). Run `chmod 600 {path}`; if others could have read it, change the secrets it protects.", path = path.display())]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The database is sealed with a key, and the key file is not there.
    #[error("the key file {} is not there, and the database is sealed with it (key {keys}). A new key would lose every secret that the database holds. Put the file back, or name the one that the database was used with in seal_key_file. Nothing was changed.", path.display())]
    Missing {
        /// The key file.
        path: PathBuf,
        /// The ids of the keys that the database is sealed with.
        keys: String,
    },
    /// The key file is another database's, or an older one.
    #[error("the key file {} does not fit the database, which is sealed with the key {key}; the file has {has}. A new key would lose every secret that the database holds. Put back the file that the database was used with, or name it in seal_key_file. Nothing was changed.", path.display())]
    DoesNotFit {
        /// The key file.
        path: PathBuf,
        /// The id of a key that it lacks.
        key: String,
        /// The ids of the keys that it has.
        has: String,
    },
    /// The key file holds something else.
    #[error("line {line} of the key file {} is not a key (32 bytes as base64url). Put back the file that the database was used with.", path.display())]
    NotAKey {
        /// The key file.
        path: PathBuf,
        /// Counted from 1; 1 when the file is empty.
        line: usize,
    },
    /// The system has no randomness, or refuses the key.
    #[error("the system's cryptography does not work; nothing can be sealed")]
    Crypto,
}

/// What seals and opens secrets: a ring of keys. The first key seals; all of them open.
///
/// A ring that comes from a file follows it: when the file is replaced, the next secret is sealed and opened with what it
/// holds now, in every server that reads it, without a restart.
#[derive(Clone)]
pub struct Seal(Arc<Ring>);

struct Ring {
    /// Where the keys come from, when they come from a file.
    path: Option<PathBuf>,
    kept: RwLock<Kept>,
}

struct Kept {
    keys: Arc<[Key]>,
    /// Which file they were read from.
    stamp: Option<Stamp>,
}

struct Key {
    id: String,
    key: RandomizedNonceKey,
    /// Derived from the same bytes, so that there is one file to keep.
    signing: hmac::Key,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys().iter().map(|key| &key.id)).finish()
    }
}

impl Seal {
    /// Reads the key file, as [`Seal::read`] does. A file that is not there is made with a new key.
    pub fn open_or_create(path: &Path) -> Result<Seal, SealError> {
        if !path.try_exists().map_err(|source| SealError::File { path: path.to_owned(), source })? {
            keyfile::create(path)?;
        }
        Seal::read(path)
    }

    /// Reads the key file: one key a line, the first one seals. It must be readable by its owner alone.
    pub fn read(path: &Path) -> Result<Seal, SealError> {
        let kept = Kept { stamp: Stamp::of(path), keys: read_keys(path)? };
        Ok(Seal(Arc::new(Ring { path: Some(path.to_owned()), kept: RwLock::new(kept) })))
    }

    /// A seal of these keys; the first one seals. For tests, and for keys that come from elsewhere than a file.
    pub fn from_keys(sealing: &[u8; KEY_LEN], opening: &[[u8; KEY_LEN]]) -> Result<Seal, SealError> {
        let keys: Result<Vec<Key>, _> = std::iter::once(sealing).chain(opening).map(Key::new).collect();
        let kept = Kept { stamp: None, keys: keys?.into() };
        Ok(Seal(Arc::new(Ring { path: None, kept: RwLock::new(kept) })))
    }

    /// The ids of the keys, the one that seals first: what is known of them in the open.
    pub fn ids(&self) -> Vec<String> {
        self.keys().iter().map(|key| key.id.clone()).collect()
    }

    /// Whether a key of this id is among them, in the file as it is now.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.follow().is_ok() && self.keys().iter().any(|key| key.id == id)
    }

    /// Seals a secret for the one place where it is kept.
    pub(crate) fn seal(&self, place: &Place, secret: &Secret) -> Result<String, StoreError> {
        let broken = || StoreError::Unavailable(SealError::Crypto.to_string());
        self.follow()?;
        let keys = self.keys();
        let key = keys.first().ok_or_else(broken)?;
        let mut sealed = secret.expose().as_bytes().to_vec();
        let nonce =
            key.key.seal_in_place_append_tag(Aad::from(place.as_str()), &mut sealed).map_err(|_| broken())?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(format!("{FORMAT}.{}.{}", key.id, BASE64.encode(bytes)))
    }

    /// Opens what was sealed for that place.
    pub(crate) fn open(&self, place: &Place, sealed: &str) -> Result<Secret, StoreError> {
        let corrupt = |why: &str| StoreError::Corrupt(format!("the secret at {place} {why}"));
        let mut parts = sealed.split('.');
        let (Some(FORMAT), Some(id), Some(text), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(corrupt("is sealed in a form that this version does not know"));
        };
        let keys = self.opening(id)?;
        let key = keys.iter().find(|key| key.id == id).ok_or_else(|| {
            corrupt(&format!(
                "is sealed with the key {id}, which is not in the key file. Put back the key file that the \
                 database was used with, or enter the secret anew."
            ))
        })?;
        let damaged = || corrupt("is damaged, or was sealed for another place. Enter it anew.");
        let mut bytes = Zeroizing::new(BASE64.decode(text).map_err(|_| damaged())?);
        let (nonce, rest) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let open = key.key.open_in_place(nonce, Aad::from(place.as_str()), rest).map_err(|_| damaged())?;
        Ok(Secret::new(std::str::from_utf8(open).map_err(|_| damaged())?))
    }

    /// Signs what is kept in the open but must not be forged: `v1.KEYID.HMAC`.
    pub(crate) fn sign(&self, said: &[u8]) -> Result<String, StoreError> {
        self.follow()?;
        let keys = self.keys();
        let key = keys.first().ok_or_else(|| StoreError::Unavailable(SealError::Crypto.to_string()))?;
        let signature = hmac::sign(&key.signing, said);
        Ok(format!("{FORMAT}.{}.{}", key.id, BASE64.encode(signature.as_ref())))
    }

    /// Whether one of our keys signed this; what is wrong with the signature, if not.
    pub(crate) fn check(&self, said: &[u8], signature: &str) -> Result<(), String> {
        let mut parts = signature.split('.');
        let (Some(FORMAT), Some(id), Some(text), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("is in a form that this version does not know".into());
        };
        let keys = self.opening(id).map_err(|error| error.to_string())?;
        let key = keys
            .iter()
            .find(|key| key.id == id)
            .ok_or_else(|| format!("was made with the key {id}, which is not in the key file"))?;
        let signature = BASE64.decode(text).map_err(|_| "is damaged")?;
        hmac::verify(&key.signing, said, &signature).map_err(|_| "is not by our key".into())
    }

    /// Whether this was sealed with the key that seals now.
    pub(crate) fn is_current(&self, sealed: &str) -> bool {
        let keys = self.keys();
        keys.first().is_some_and(|key| sealed.split('.').nth(1) == Some(key.id.as_str()))
    }

    /// Reads the file again, if it is another one than was read.
    pub(crate) fn follow(&self) -> Result<(), StoreError> {
        let Some(path) = &self.0.path else { return Ok(()) };
        let stamp = Stamp::of(path);
        // Gone for a moment, or for good: what was read is still true.
        if stamp.is_none() || stamp == self.kept().stamp {
            return Ok(());
        }
        let keys = read_keys(path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        *self.0.kept.write().unwrap_or_else(PoisonError::into_inner) = Kept { keys, stamp };
        Ok(())
    }

    /// The keys, read again if this one is not among them: another process may have used one that came after ours.
    fn opening(&self, id: &str) -> Result<Arc<[Key]>, StoreError> {
        let keys = self.keys();
        if keys.iter().any(|key| key.id == id) {
            return Ok(keys);
        }
        self.follow()?;
        Ok(self.keys())
    }

    fn keys(&self) -> Arc<[Key]> {
        Arc::clone(&self.kept().keys)
    }

    fn kept(&self) -> RwLockReadGuard<'_, Kept> {
        self.0.kept.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of the key that sealed or signed this; `None` if it is not in our format.
pub(crate) fn key_of(sealed: &str) -> Option<&str> {
    let mut parts = sealed.split('.');
    (parts.next() == Some(FORMAT)).then(|| parts.next()).flatten()
}

fn read_keys(path: &Path) -> Result<Arc<[Key]>, SealError> {
    keyfile::read(path)?.keys().map(Key::new).collect()
}

impl Key {
    fn new(bytes: &[u8; KEY_LEN]) -> Result<Key, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| SealError::Crypto)?;
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), SIGNING);
        let signing = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Ok(Key { id: keyfile::id_of(bytes), key, signing })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn at(place: &str) -> Place {
        Place::anywhere(place)
    }

    fn seal(byte: u8) -> Seal {
        Seal::from_keys(&[byte; KEY_LEN], &[]).unwrap()
    }

    #[test]
    fn a_secret_opens_only_at_its_place() {
        let sealed = seal(1).seal(&at("connections/a/KEY"), &Secret::new("pss't Łß")).unwrap();
        assert!(!sealed.contains("pss"));
        assert_eq!(seal(1).open(&at("connections/a/KEY"), &sealed).unwrap().expose(), "pss't Łß");
        let elsewhere = seal(1).open(&at("connections/b/KEY"), &sealed).unwrap_err();
        assert!(matches!(elsewhere, StoreError::Corrupt(_)));
    }

    #[test]
    fn the_same_secret_is_sealed_differently_each_time() {
        let secret = Secret::new("x");
        assert_ne!(seal(1).seal(&at("p"), &secret).unwrap(), seal(1).seal(&at("p"), &secret).unwrap());
    }

    #[test]
    fn a_signature_holds_for_what_was_signed_under_any_of_our_keys() {
        let signature = seal(1).sign(b"the end").unwrap();
        let both = Seal::from_keys(&[2; KEY_LEN], &[[1; KEY_LEN]]).unwrap();
        assert_eq!(
            (seal(1).check(b"the end", &signature), both.check(b"the end", &signature)),
            (Ok(()), Ok(()))
        );
        assert!(seal(1).check(b"the enD", &signature).unwrap_err().contains("not by our key"));
        assert!(seal(2).check(b"the end", &signature).unwrap_err().contains("not in the key file"));
        assert!(seal(1).check(b"the end", "v1").is_err());
    }

    #[test]
    fn a_missing_key_is_named() {
        let sealed = seal(1).seal(&at("p"), &Secret::new("x")).unwrap();
        let id = sealed.split('.').nth(1).unwrap().to_owned();
        let StoreError::Corrupt(message) = seal(2).open(&at("p"), &sealed).unwrap_err() else { panic!() };
        assert!(message.contains(&id), "{message}");
    }

    #[test]
    fn an_older_key_still_opens_while_the_first_one_seals() {
        let old = seal(1).seal(&at("p"), &Secret::new("x")).unwrap();
        let both = Seal::from_keys(&[2; KEY_LEN], &[[1; KEY_LEN]]).unwrap();
        assert_eq!(both.open(&at("p"), &old).unwrap().expose(), "x");
        let new = both.seal(&at("p"), &Secret::new("x")).unwrap();
        assert!(seal(2).open(&at("p"), &new).is_ok());
    }

    #[test]
    fn what_is_damaged_or_of_another_form_is_an_error() {
        for sealed in ["", "v1", "v2.a.b", "v1.a.b.c", "clear text"] {
            assert!(seal(1).open(&at("p"), sealed).is_err(), "{sealed}");
        }
        let sealed = seal(1).seal(&at("p"), &Secret::new("x")).unwrap();
        assert!(seal(1).open(&at("p"), &sealed[..sealed.len() - 4]).is_err());
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone_and_then_kept() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("usher.key");
        let sealed = Seal::open_or_create(&path).unwrap().seal(&at("p"), &Secret::new("x")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(Seal::open_or_create(&path).unwrap().open(&at("p"), &sealed).is_ok());

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Seal::open_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("mode 0640") && error.contains("chmod 600"), "{error}");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short\n").unwrap();
        assert!(matches!(Seal::open_or_create(&path), Err(SealError::NotAKey { line: 1, .. })));
    }

    #[test]
    fn a_ring_follows_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("usher.key");
        let [server, other] = [(); 2].map(|()| Seal::open_or_create(&path).unwrap());
        let old = server.seal(&at("p"), &Secret::new("x")).unwrap();
        let mut file = keyfile::read(&path).unwrap();
        file.add_new().unwrap();
        keyfile::write(&path, &file).unwrap();
        let new = server.seal(&at("p"), &Secret::new("x")).unwrap();
        assert_ne!(old.split('.').nth(1), new.split('.').nth(1));
        assert!(server.is_current(&new) && !server.is_current(&old));
        // One that has sealed nothing since opens both all the same.
        assert_eq!(other.open(&at("p"), &new).unwrap().expose(), "x");
        assert_eq!(other.open(&at("p"), &old).unwrap().expose(), "x");
        file.keep_newest();
        keyfile::write(&path, &file).unwrap();
        assert!(Seal::open_or_create(&path).unwrap().open(&at("p"), &old).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", seal(7));
        assert!(!shown.contains(&BASE64.encode([7; KEY_LEN])) && shown.len() < 30, "{shown}");
    }
}

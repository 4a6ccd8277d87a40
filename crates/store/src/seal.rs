//! Secrets at rest: sealed with a key that lives outside the database, each bound to the place it stands in.
//!
//! A sealed value reads `v1.KEYID.NONCE+CIPHERTEXT+TAG`, the parts base64url: AES-256-GCM, a random nonce, and the
//! place as associated data, so that a value copied to another row does not open. From the same key comes one that
//! signs what is kept in the open but must not be forged, such as the end of the audit's chain. Nothing here prints a
//! key or a secret.

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest, hmac, rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use usher_domain::{Secret, ports::store::StoreError};
use zeroize::Zeroizing;

const KEY_LEN: usize = 32;
const KEY_ID_LEN: usize = 8;
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

/// What seals and opens secrets. The first key seals; all of them open.
#[derive(Clone)]
pub struct Seal {
    keys: Arc<[Key]>,
}

struct Key {
    id: String,
    key: RandomizedNonceKey,
    /// Derived from the same bytes, so that there is one file to keep.
    signing: hmac::Key,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

impl Seal {
    /// Reads the key file: one key a line, the first one seals. A file that is not there is made with a new key,
    /// readable by its owner alone; one that others may read is refused.
    pub fn open_or_create(path: &Path) -> Result<Seal, SealError> {
        let file = |source| SealError::File { path: path.to_owned(), source };
        if !path.try_exists().map_err(file)? {
            create(path)?;
        }
        check_mode(path)?;
        let text = Zeroizing::new(fs::read_to_string(path).map_err(file)?);
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let not_a_key = || SealError::NotAKey { path: path.to_owned(), line: index + 1 };
            let bytes = Zeroizing::new(BASE64.decode(line.trim()).map_err(|_| not_a_key())?);
            keys.push(Key::new(<&[u8; KEY_LEN]>::try_from(bytes.as_slice()).map_err(|_| not_a_key())?)?);
        }
        if keys.is_empty() {
            return Err(SealError::NotAKey { path: path.to_owned(), line: 1 });
        }
        Ok(Seal { keys: keys.into() })
    }

    /// A seal of these keys; the first one seals. For tests, and for keys that come from elsewhere than a file.
    pub fn from_keys(sealing: &[u8; KEY_LEN], opening: &[[u8; KEY_LEN]]) -> Result<Seal, SealError> {
        let keys: Result<Vec<Key>, _> = std::iter::once(sealing).chain(opening).map(Key::new).collect();
        Ok(Seal { keys: keys?.into() })
    }

    /// Seals a secret for one place, such as `connections/ID/KEY`.
    pub(crate) fn seal(&self, place: &str, secret: &Secret) -> Result<String, StoreError> {
        let broken = || StoreError::Unavailable(SealError::Crypto.to_string());
        let key = self.keys.first().ok_or_else(broken)?;
        let mut sealed = secret.expose().as_bytes().to_vec();
        let nonce = key.key.seal_in_place_append_tag(Aad::from(place), &mut sealed).map_err(|_| broken())?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(format!("{FORMAT}.{}.{}", key.id, BASE64.encode(bytes)))
    }

    /// Opens what was sealed for that place.
    pub(crate) fn open(&self, place: &str, sealed: &str) -> Result<Secret, StoreError> {
        let corrupt = |why: &str| StoreError::Corrupt(format!("the secret at {place} {why}"));
        let mut parts = sealed.split('.');
        let (Some(FORMAT), Some(id), Some(text), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(corrupt("is sealed in a form that this version does not know"));
        };
        let key = self.keys.iter().find(|key| key.id == id).ok_or_else(|| {
            corrupt(&format!(
                "is sealed with the key {id}, which is not in the key file. Put back the key file that the \
                 database was used with, or enter the secret anew."
            ))
        })?;
        let damaged = || corrupt("is damaged, or was sealed for another place. Enter it anew.");
        let mut bytes = Zeroizing::new(BASE64.decode(text).map_err(|_| damaged())?);
        let (nonce, rest) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let open = key.key.open_in_place(nonce, Aad::from(place), rest).map_err(|_| damaged())?;
        Ok(Secret::new(std::str::from_utf8(open).map_err(|_| damaged())?))
    }

    /// Signs what is kept in the open but must not be forged: `v1.KEYID.HMAC`.
    pub(crate) fn sign(&self, said: &[u8]) -> Result<String, StoreError> {
        let key = self.keys.first().ok_or_else(|| StoreError::Unavailable(SealError::Crypto.to_string()))?;
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
        let key = self
            .keys
            .iter()
            .find(|key| key.id == id)
            .ok_or_else(|| format!("was made with the key {id}, which is not in the key file"))?;
        let signature = BASE64.decode(text).map_err(|_| "is damaged")?;
        hmac::verify(&key.signing, said, &signature).map_err(|_| "is not by our key".into())
    }
}

impl Key {
    fn new(bytes: &[u8; KEY_LEN]) -> Result<Key, SealError> {
        let digest = digest::digest(&digest::SHA256, bytes);
        let id = digest.as_ref().iter().take(KEY_ID_LEN).copied().collect::<Vec<u8>>();
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| SealError::Crypto)?;
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), SIGNING);
        Ok(Key { id: BASE64.encode(id), key, signing: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()) })
    }
}

/// Writes a new key beside `path`, then gives it its name: a key file is whole, or it is not there. When two start at
/// once, the first one's key counts for both.
fn create(path: &Path) -> Result<(), SealError> {
    let file = |source| SealError::File { path: path.to_owned(), source };
    let mut key = Zeroizing::new([0; KEY_LEN]);
    rand::fill(key.as_mut()).map_err(|_| SealError::Crypto)?;
    let text = Zeroizing::new(BASE64.encode(key.as_ref()) + "\n");
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let named = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    });
    let removed = fs::remove_file(&draft);
    named.and(removed).and_then(|()| sync_directory(path)).map_err(file)
}

/// Makes the new name survive a power cut: a database full of secrets is worth nothing without its key.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => fs::File::open(".")?.sync_all(),
    }
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), SealError> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(path).map_err(|source| SealError::File { path: path.to_owned(), source })?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(SealError::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check_mode(_path: &Path) -> Result<(), SealError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(byte: u8) -> Seal {
        Seal::from_keys(&[byte; KEY_LEN], &[]).unwrap()
    }

    #[test]
    fn a_secret_opens_only_at_its_place() {
        let sealed = seal(1).seal("connections/a/KEY", &Secret::new("pss't Łß")).unwrap();
        assert!(!sealed.contains("pss"));
        assert_eq!(seal(1).open("connections/a/KEY", &sealed).unwrap().expose(), "pss't Łß");
        let elsewhere = seal(1).open("connections/b/KEY", &sealed).unwrap_err();
        assert!(matches!(elsewhere, StoreError::Corrupt(_)));
    }

    #[test]
    fn the_same_secret_is_sealed_differently_each_time() {
        let secret = Secret::new("x");
        assert_ne!(seal(1).seal("p", &secret).unwrap(), seal(1).seal("p", &secret).unwrap());
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
        let sealed = seal(1).seal("p", &Secret::new("x")).unwrap();
        let id = sealed.split('.').nth(1).unwrap().to_owned();
        let StoreError::Corrupt(message) = seal(2).open("p", &sealed).unwrap_err() else { panic!() };
        assert!(message.contains(&id), "{message}");
    }

    #[test]
    fn an_older_key_still_opens_while_the_first_one_seals() {
        let old = seal(1).seal("p", &Secret::new("x")).unwrap();
        let both = Seal::from_keys(&[2; KEY_LEN], &[[1; KEY_LEN]]).unwrap();
        assert_eq!(both.open("p", &old).unwrap().expose(), "x");
        let new = both.seal("p", &Secret::new("x")).unwrap();
        assert!(seal(2).open("p", &new).is_ok());
    }

    #[test]
    fn what_is_damaged_or_of_another_form_is_an_error() {
        for sealed in ["", "v1", "v2.a.b", "v1.a.b.c", "clear text"] {
            assert!(seal(1).open("p", sealed).is_err(), "{sealed}");
        }
        let sealed = seal(1).seal("p", &Secret::new("x")).unwrap();
        assert!(seal(1).open("p", &sealed[..sealed.len() - 4]).is_err());
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone_and_then_kept() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("usher.key");
        let sealed = Seal::open_or_create(&path).unwrap().seal("p", &Secret::new("x")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(Seal::open_or_create(&path).unwrap().open("p", &sealed).is_ok());

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Seal::open_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("mode 0640") && error.contains("chmod 600"), "{error}");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short\n").unwrap();
        assert!(matches!(Seal::open_or_create(&path), Err(SealError::NotAKey { line: 1, .. })));
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", seal(7));
        assert!(!shown.contains(&BASE64.encode([7; KEY_LEN])) && shown.len() < 30, "{shown}");
    }
}

//! The file that holds the sealing keys: one a line, base64url, the newest first.
//!
//! It is always replaced whole, by a new file under the old name, so that a reader sees the old keys or the new ones and
//! a power cut loses neither. Nothing here prints a key.

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::{digest, rand};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use zeroize::Zeroizing;

use crate::seal::SealError;

pub(crate) const KEY_LEN: usize = 32;
const KEY_ID_LEN: usize = 8;

/// Before a key that may open already, and does not seal yet.
const NEXT: &str = "next:";

/// The keys of a file.
pub struct KeyFile {
    keys: Vec<Zeroizing<[u8; KEY_LEN]>>,
    /// One that opens, and seals only after [`KeyFile::add_new`].
    next: Option<Zeroizing<[u8; KEY_LEN]>>,
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys().map(id_of)).finish()
    }
}

impl KeyFile {
    /// How many keys seal or did; the first one seals.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// A key file is never empty.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The id of the key that seals, as it stands in what it sealed.
    pub fn newest(&self) -> String {
        self.keys.first().map(|key| id_of(key)).unwrap_or_default()
    }

    /// Makes a key that opens and does not seal yet, for servers that have a copy of this file; keeps the one there is.
    pub fn prepare(&mut self) -> Result<(), SealError> {
        if self.next.is_none() {
            self.next = Some(new_key()?);
        }
        Ok(())
    }

    /// Puts a new key first, the prepared one if there is one: from then on it seals.
    pub fn add_new(&mut self) -> Result<(), SealError> {
        let key = match self.next.take() {
            Some(key) => key,
            None => new_key()?,
        };
        self.keys.insert(0, key);
        Ok(())
    }

    /// Whether a key was prepared.
    pub fn is_prepared(&self) -> bool {
        self.next.is_some()
    }

    /// Drops all keys but the one that seals (and a prepared one).
    pub fn keep_newest(&mut self) {
        self.keys.truncate(1);
    }

    /// All of them, the sealing one first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8; KEY_LEN]> {
        self.keys.iter().chain(&self.next).map(|key| &**key)
    }
}

/// What a key is called in what it sealed: no more can be learned from it than which key it was.
pub(crate) fn id_of(key: &[u8; KEY_LEN]) -> String {
    let digest = digest::digest(&digest::SHA256, key);
    BASE64.encode(digest.as_ref().iter().take(KEY_ID_LEN).copied().collect::<Vec<u8>>())
}

fn new_key() -> Result<Zeroizing<[u8; KEY_LEN]>, SealError> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    rand::fill(key.as_mut()).map_err(|_| SealError::Crypto)?;
    Ok(key)
}

/// Reads a key file. One that others may read is refused.
pub fn read(path: &Path) -> Result<KeyFile, SealError> {
    check_mode(path)?;
    let text =
        fs::read_to_string(path).map_err(|source| SealError::File { path: path.to_owned(), source })?;
    let text = Zeroizing::new(text);
    let mut file = KeyFile { keys: Vec::new(), next: None };
    for (index, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
        let not_a_key = || SealError::NotAKey { path: path.to_owned(), line: index + 1 };
        let (is_next, text) = match line.strip_prefix(NEXT) {
            Some(text) => (true, text),
            None => (false, line),
        };
        let bytes = Zeroizing::new(BASE64.decode(text).map_err(|_| not_a_key())?);
        let key = <[u8; KEY_LEN]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| not_a_key())?;
        if is_next {
            file.next = Some(key);
        } else {
            file.keys.push(key);
        }
    }
    if file.keys.is_empty() {
        return Err(SealError::NotAKey { path: path.to_owned(), line: 1 });
    }
    Ok(file)
}

/// Replaces the key file by one with these keys.
pub fn write(path: &Path, file: &KeyFile) -> Result<(), SealError> {
    put(path, file, |draft| fs::rename(draft, path))
}

/// Makes a key file with a new key. When two start at once, the first one's key counts for both.
pub(crate) fn create(path: &Path) -> Result<(), SealError> {
    let file = KeyFile { keys: vec![new_key()?], next: None };
    put(path, &file, |draft| {
        let named = match fs::hard_link(draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            done => done,
        };
        let removed = fs::remove_file(draft);
        named.and(removed)
    })
}

/// Writes keys beside `path`, and has `name` give them their name: a key file is whole, or it is not there.
fn put(path: &Path, keys: &KeyFile, name: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), SealError> {
    let mut text = Zeroizing::new(String::new());
    for key in &keys.keys {
        text.push_str(&BASE64.encode(key.as_ref()));
        text.push('\n');
    }
    if let Some(next) = &keys.next {
        text.push_str(NEXT);
        text.push_str(&BASE64.encode(next.as_ref()));
        text.push('\n');
    }
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
    let named = written.and_then(|()| name(&draft)).and_then(|()| sync_directory(path));
    named.map_err(|source| SealError::File { path: path.to_owned(), source })
}

/// Makes the new name survive a power cut: a database full of secrets is worth nothing without its key.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => fs::File::open(".")?.sync_all(),
    }
}

/// Tells one file from the next that has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    #[cfg(unix)]
    file: (u64, u64),
    length: u64,
    modified: Option<std::time::SystemTime>,
}

impl Stamp {
    /// The stamp of the file that is there now.
    pub(crate) fn of(path: &Path) -> Option<Stamp> {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        let metadata = fs::metadata(path).ok()?;
        Some(Stamp {
            #[cfg(unix)]
            file: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
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

    #[test]
    fn a_prepared_key_opens_at_once_and_seals_when_its_turn_comes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("usher.key");
        create(&path).unwrap();
        let mut file = read(&path).unwrap();
        let first = file.newest();
        file.prepare().unwrap();
        file.prepare().unwrap();
        write(&path, &file).unwrap();

        let mut file = read(&path).unwrap();
        assert_eq!((file.len(), file.is_prepared(), file.newest()), (1, true, first.clone()));
        let prepared = file.keys().map(id_of).nth(1).unwrap();
        file.add_new().unwrap();
        write(&path, &file).unwrap();
        let mut file = read(&path).unwrap();
        assert_eq!(file.keys().map(id_of).collect::<Vec<_>>(), [prepared.clone(), first]);
        file.keep_newest();
        write(&path, &file).unwrap();
        assert_eq!(read(&path).unwrap().keys().map(id_of).collect::<Vec<_>>(), [prepared]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left");
    }
}

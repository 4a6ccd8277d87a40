//! The right to be the only worker on an SQLite database. The operating system keeps it, as a lock on a file beside the
//! database, so that it ends with the process, however that ends. A second worker would not see what the first is doing.
//!
//! Only workers take it. Servers that only answer requests, and commands that write for a moment, share the database.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use usher_domain::ports::store::{StoreError, StoreResult};

/// What is added to the name of the database's file.
const SUFFIX: &str = ".worker.lock";

/// Held as long as this is kept.
#[derive(Debug)]
pub struct WorkerLock {
    _file: File,
}

/// Takes the lock for a database in this file, which need not be there yet.
///
/// # Errors
/// When another process has it, with its id and what to do; when the lock's file cannot be written.
pub(crate) fn take(database: &Path) -> StoreResult<WorkerLock> {
    let database = resolved(database);
    let mut name = database.clone().into_os_string();
    name.push(SUFFIX);
    let path = PathBuf::from(name);
    let at = |error: std::io::Error| {
        StoreError::Unavailable(format!(
            "the lock {} cannot be taken: {error}. The user that Usher runs as must be able to write it.",
            path.display()
        ))
    };
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).clone();
    let mut file = options.open(&path).map_err(at)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::Unavailable(taken(&database, &mut file))),
        Err(TryLockError::Error(error)) => return Err(at(error)),
    }
    // For the message above; the lock holds without it, so a full disk does not stop a start.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(WorkerLock { _file: file })
}

fn taken(database: &Path, file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let process = match text.trim().parse::<u32>() {
        Ok(id) if read.is_ok() => format!("another Usher process ({id})"),
        _ => "another Usher process".to_owned(),
    };
    format!(
        "{process} already works on {}, and an SQLite database has one worker. Stop that process first, or start this one \
         with --role web, which answers requests and leaves the work to the other. For several workers, use PostgreSQL.",
        database.display()
    )
}

/// The same file has one lock, by whatever path it is named.
fn resolved(database: &Path) -> PathBuf {
    let parent = database.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    database
        .canonicalize()
        .or_else(|_| {
            parent.canonicalize().map(|parent| parent.join(database.file_name().unwrap_or_default()))
        })
        .unwrap_or_else(|_| database.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_database_has_one_worker_by_whatever_path_and_the_next_one_when_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("usher.db");
        let held = take(&database).unwrap();
        std::fs::write(&database, "").unwrap();
        let link = dir.path().join("link.db");
        std::os::unix::fs::symlink(&database, &link).unwrap();
        let refused = take(&link).unwrap_err().to_string();
        let this = format!("another Usher process ({}) already works on ", std::process::id());
        assert!(refused.contains(&this), "{refused}");
        assert!(refused.contains("--role web") && refused.contains("PostgreSQL"), "{refused}");
        take(&dir.path().join("another.db")).unwrap();
        drop(held);
        take(&link).unwrap();
    }
}

//! What a database is, found out before it is used.

use std::{collections::BTreeSet, path::Path};

use crate::seal::{Seal, SealError};

/// What was found where a database is, or is to be. Finding it out changes nothing, in it or beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The version of its schema; `None` when there is no database of Usher's yet.
    pub schema: Option<i64>,
    /// The ids of the keys that sealed its secrets and signed the ends of its audit.
    pub keys: BTreeSet<String>,
}

impl Found {
    /// The seal of this database, from the key file. A new key is made only where nothing is sealed yet.
    ///
    /// # Errors
    /// As [`Seal::read`]; also when the file is missing or lacks a key that the database needs.
    pub fn seal_or_create(&self, key_file: &Path) -> Result<Seal, SealError> {
        if self.keys.is_empty() { Seal::open_or_create(key_file) } else { self.seal(key_file) }
    }

    /// The seal of this database, from a key file that must be there.
    ///
    /// # Errors
    /// As [`Seal::read`]; also when the file is missing or lacks a key that the database needs.
    pub fn seal(&self, key_file: &Path) -> Result<Seal, SealError> {
        let there = key_file.try_exists();
        if !there.map_err(|source| SealError::File { path: key_file.to_owned(), source })? {
            let keys = self.keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(SealError::Missing { path: key_file.to_owned(), keys });
        }
        let seal = Seal::read(key_file)?;
        match self.keys.iter().find(|key| !seal.has(key)) {
            None => Ok(seal),
            Some(key) => Err(SealError::DoesNotFit {
                path: key_file.to_owned(),
                key: key.clone(),
                has: seal.ids().join(", "),
            }),
        }
    }
}

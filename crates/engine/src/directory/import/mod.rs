//! Many users and groups at once: rows that are good land, rows that are bad are told by their line.
//!
//! Importing the same rows twice changes nothing the second time. Nobody is deleted, and nobody is taken out of a
//! group: a list says who is there, not who must go. Reading files is not done here.

mod groups;
mod users;

pub use groups::GroupRow;
pub use users::UserRow;
use usher_domain::{Detail, Rejection, directory::change::ChangeSet};

/// How many rows make one change set: few enough that a transaction is short, many enough that there are few.
const CHUNK: usize = 500;

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its line, as the caller counts.
    pub line: u64,
    /// What it became.
    pub as_what: ImportedAs,
    /// What is wrong with it. A group's row may land although some of its members cannot be found.
    pub faults: Vec<Detail>,
}

/// What a row became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportedAs {
    /// It is new.
    Created,
    /// It was there, and differed.
    Updated,
    /// It was there, and was the same.
    Unchanged,
    /// Nothing of it was done; see the faults.
    Refused,
}

impl Imported {
    fn good(line: u64, as_what: ImportedAs) -> Self {
        Imported { line, as_what, faults: Vec::new() }
    }

    fn refused(line: u64, why: Rejection) -> Self {
        Imported { line, as_what: ImportedAs::Refused, faults: details(why) }
    }
}

/// A rejection as faults of a row: one without details is a fault itself.
fn details(why: Rejection) -> Vec<Detail> {
    if why.details.is_empty() { vec![Detail::new(why.code, "row", why.message)] } else { why.details }
}

fn append(changes: &mut ChangeSet, more: ChangeSet) {
    changes.writes.extend(more.writes);
    changes.events.extend(more.events);
}

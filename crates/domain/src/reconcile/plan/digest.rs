//! What a plan comes to: its digest, its counts, what the guard weighs, and what moved since an earlier plan.

use std::{collections::BTreeMap, io};

use sha2::{Digest, Sha256};

use super::{Counts, Plan};
use crate::{
    Timestamp,
    reconcile::{
        guard::Tally,
        operation::{Action, Operation, Removal},
    },
};

/// So many differences are told by name; the rest is counted.
const TOLD: usize = 20;

impl Plan {
    /// SHA-256, in hex, over the operations and what taking away does beside. The same whenever the same is to be done:
    /// neither findings nor times that follow from the present (when an account is to be removed, only whether) are
    /// in it.
    pub fn digest(&self) -> String {
        let mut hash = Hashing(Sha256::new());
        for operation in &self.operations {
            let timeless = timeless(operation);
            // Writing into a hash does not fail, and operations have no map keys that JSON lacks.
            let written = serde_json::to_writer(&mut hash, timeless.as_ref().unwrap_or(operation));
            debug_assert!(written.is_ok());
            hash.0.update(b"\n");
        }
        hash.0.update(self.manner.as_bytes());
        hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Operations by kind.
    pub fn counts(&self) -> Counts {
        let mut counts = BTreeMap::new();
        for operation in &self.operations {
            *counts.entry(operation.action.stage()).or_insert(0) += 1;
        }
        Counts(counts.into_iter().map(|(stage, count)| (stage.kind().to_owned(), count)).collect())
    }

    /// What the plan takes away, for the guard.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for operation in &self.operations {
            match operation.action.removal() {
                Some(Removal::User) => tally.users += 1,
                Some(Removal::Membership) => tally.memberships += 1,
                Some(Removal::Group) => tally.groups += 1,
                None => {}
            }
        }
        tally
    }

    /// How many licences are missing, as far as is known.
    pub fn seats_missing(&self) -> u32 {
        self.seats.map_or(0, |seats| self.seats_needed.saturating_sub(seats.left()))
    }

    /// What moved since an earlier plan, in short sentences; empty exactly when the digests are equal.
    pub fn moved_since(&self, earlier: &Plan) -> Vec<String> {
        let (was, is) = (by_key(earlier), by_key(self));
        let mut moved = Vec::new();
        if self.manner != earlier.manner {
            let or_nothing = |manner: &str| match manner {
                "" => "nothing beside".to_owned(),
                manner => format!("\u{201c}{manner}\u{201d}"),
            };
            let (was, is) = (or_nothing(&earlier.manner), or_nothing(&self.manner));
            moved.push(format!("What taking away does to devices, accounts and files: was {was}, is {is}."));
        }
        for (key, operation) in &is {
            match was.get(key) {
                None => moved.push(format!("New: {}.", operation.action.sentence(&operation.label))),
                Some(before) if !same(before, operation) => {
                    moved.push(format!("Changed: {}.", operation.action.sentence(&operation.label)));
                }
                Some(_) => {}
            }
        }
        for (_, operation) in was.iter().filter(|(key, _)| !is.contains_key(*key)) {
            moved.push(format!("No longer: {}.", operation.action.sentence(&operation.label)));
        }
        if moved.len() > TOLD {
            let more = moved.len() - TOLD;
            moved.truncate(TOLD);
            moved.push(format!("And {more} more."));
        }
        moved
    }
}

type Key<'a> = (crate::reconcile::operation::Stage, crate::reconcile::scope::Subject, String);

fn by_key(plan: &Plan) -> BTreeMap<Key<'_>, &Operation> {
    let keyed = plan.operations.iter().map(|operation| {
        let (_, group, account) = operation.action.detail();
        let detail = format!("{}/{account}", group.map(|id| id.to_string()).unwrap_or_default());
        ((operation.action.stage(), operation.subject, detail), operation)
    });
    keyed.collect()
}

/// Whether two operations come to the same, times aside.
fn same(a: &Operation, b: &Operation) -> bool {
    timeless(a).as_ref().unwrap_or(a) == timeless(b).as_ref().unwrap_or(b)
}

/// The operation with its time replaced, if it has one.
fn timeless(operation: &Operation) -> Option<Operation> {
    let mut copy = None;
    if let Action::Suspend { remove_at: Some(_), .. } | Action::Amend { remove_at: Some(_), .. } =
        operation.action
    {
        let mut operation = operation.clone();
        if let Action::Suspend { remove_at, .. } | Action::Amend { remove_at, .. } = &mut operation.action {
            *remove_at = Some(Timestamp::from_millis(0));
        }
        copy = Some(operation);
    }
    copy
}

struct Hashing(Sha256);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Which keys sign and verify access tokens. The newest signs; the others verify until their last token has expired, and
//! are then deleted.

use std::time::Duration;

use uuid::Uuid;

use super::{SigningKey, events};
use crate::{
    EnvironmentId, Rejection, Secret, Timestamp,
    directory::{
        audit::Event,
        change::{ChangeSet, Write},
        commands::{Decision, Stamp},
    },
};

/// How long an access token is good.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// How often a new key begins to sign.
pub const ROTATED_EVERY: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a server may go on signing with the key before, because it has not heard of the new one yet.
const UNHEARD: Duration = Duration::from_secs(300);

/// What is to be done about the keys (the newest first) by now: a new one, of `fresh`, when the newest is too old or there
/// is none; and those go whose last token has expired. `environments` are told.
pub fn tend(
    keys: &[SigningKey],
    fresh: &Secret,
    environments: &[EnvironmentId],
    stamp: &Stamp<'_>,
) -> ChangeSet {
    let due = keys.first().is_none_or(|newest| stamp.now.since(newest.created_at) >= ROTATED_EVERY);
    let mut changes = if due { rotate(fresh, environments, stamp).1 } else { ChangeSet::default() };
    for (newer, old) in keys.iter().zip(keys.iter().skip(1)) {
        if is_spent(newer.created_at, stamp.now) {
            changes.writes.push(Write::SigningKeyGone(old.id));
        }
    }
    changes
}

/// Whether no good token can be left of a key whose successor was made then.
fn is_spent(succeeded_at: Timestamp, now: Timestamp) -> bool {
    now.since(succeeded_at) > TOKEN_LIFETIME + UNHEARD
}

/// A new key that signs from now on. Those of before verify as long as their tokens live.
pub fn rotate(fresh: &Secret, environments: &[EnvironmentId], stamp: &Stamp<'_>) -> (SigningKey, ChangeSet) {
    let key = SigningKey { id: stamp.ids.next(), key: fresh.clone(), created_at: stamp.now };
    let told = environments.iter().map(|environment| {
        let description = "Created a key that signs access tokens".to_owned();
        stamp.event(*environment, "KEY.CREATED", events::of_key(key.id), description, None)
    });
    let events = told.collect();
    (key.clone(), ChangeSet { writes: vec![Write::SigningKey(key)], events, due: Vec::new() })
}

/// The audit event for sealing every secret anew; `key` is the id of the key that seals from then on.
pub fn rekeyed(key: &str, environment: EnvironmentId, stamp: &Stamp<'_>) -> Event {
    let description = format!("Sealed every secret anew under the key {key}");
    stamp.event(environment, "KEY.UPDATED", events::of_seal_key(key), description, None)
}

/// Deletes a key before its time: its tokens are good for nothing at once.
///
/// # Errors
/// There is no such key, or it is the one that signs.
pub fn revoke(
    keys: &[SigningKey],
    id: Uuid,
    environments: &[EnvironmentId],
    stamp: &Stamp<'_>,
) -> Decision<()> {
    let place = keys.iter().position(|key| key.id == id);
    match place {
        None => Err(Rejection::not_found("signing key", id)),
        Some(0) => Err(Rejection::field(
            "CONSTRAINT_VIOLATION",
            "id",
            "This key signs access tokens now; make a new one first (POST signingKeys), then delete it",
        )),
        Some(_) => {
            let told = environments.iter().map(|environment| {
                let description = "Deleted a key that signed access tokens; its tokens are void".to_owned();
                stamp.event(*environment, "KEY.DELETED", events::of_key(id), description, None)
            });
            let events = told.collect();
            Ok(((), ChangeSet { writes: vec![Write::SigningKeyGone(id)], events, due: Vec::new() }))
        }
    }
}

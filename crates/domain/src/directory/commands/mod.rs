//! What is asked of the directory, and what it becomes: one function per command, from values to a change set.
//!
//! Bodies are JSON objects as PingOne's API spells them, since every door has or makes one, and since a request is
//! then judged whole: all faults are told at once. Nothing here loads, awaits, or knows what is due.

pub(crate) mod body;
pub(crate) mod char_class;
pub(crate) mod diff;
pub mod environment;
pub(crate) mod events;
pub mod group;
pub mod membership;
pub mod nesting;
pub mod population;
#[cfg(test)]
pub(crate) mod tests;
pub mod user;
pub(crate) mod user_body;

use serde_json::{Map, Value};

use crate::{Ids, Rejection, Timestamp, directory::audit::Actor, directory::change::ChangeSet};

/// A request's body, as PingOne's API spells it.
pub type Body = Map<String, Value>;

/// What a command becomes: the thing as it will be, and the change set that makes it so. A command that changes
/// nothing has an empty one.
pub type Decision<T> = Result<(T, ChangeSet), Rejection>;

/// Who asks, when, and where new ids come from.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// The present instant.
    pub now: Timestamp,
    /// Who asks.
    pub actor: &'a Actor,
    /// The request it came from.
    pub correlation_id: Option<&'a str>,
    /// New ids, of entities and events.
    pub ids: &'a dyn Ids,
}

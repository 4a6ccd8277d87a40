//! The port to the sessions of the console.

use async_trait::async_trait;

use super::store::StoreResult;
use crate::{AdministratorId, Timestamp, access::Administrator, session::Session};

/// The sessions of the console. They are no part of the directory: opening one is no change set, and writes no event
/// by itself. What ends them beside time is one: `Write::SessionsGone`.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Adds a session, if its administrator is enabled and still of that version: `false` when somebody changed them since
    /// they proved who they are, so that no sign-in outlives a new password that was set at the same moment.
    async fn open_session(&self, session: &Session, version: i64) -> StoreResult<bool>;
    /// The session of that digest with its administrator as they are now, however old it is.
    async fn session(&self, digest: &str) -> StoreResult<Option<(Session, Administrator)>>;
    /// Remembers that it was used.
    async fn touch_session(&self, digest: &str, at: Timestamp) -> StoreResult<()>;
    /// Ends a session; one that is gone already is no error.
    async fn end_session(&self, digest: &str) -> StoreResult<()>;
    /// The sessions of one administrator, the latest first, however old they are.
    async fn sessions_of(&self, administrator: AdministratorId) -> StoreResult<Vec<Session>>;
    /// Forgets sessions that were last used before then, and those that began before `born`.
    async fn forget_sessions(&self, seen: Timestamp, born: Timestamp) -> StoreResult<()>;
}

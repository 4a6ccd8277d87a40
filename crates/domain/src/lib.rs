//! What is true: the directory, the rules, and the pure arithmetic of reconciling.
//!
//! Nothing here reads a clock, does I/O or knows a runtime. Time and ids come in as arguments; the two traits
//! in [`ports`] say what the floors above must provide. To change what a sync does, start in [`reconcile`];
//! to change what the directory accepts, in [`directory`]; what a connection or a rule may say, in [`provisioning`].

pub mod access;
mod caret;
pub mod directory;
pub mod ids;
pub mod limits;
pub mod ports;
pub mod problem;
pub mod provisioning;
pub mod reconcile;
pub mod secret;
pub mod session;
pub mod shown;
pub mod subscription;
pub mod targets;
pub mod time;

pub use ids::*;
pub use problem::{Detail, Problem, Rejection};
pub use secret::Secret;
pub use time::{CLOCK_SLACK, Clock, Ids, Timestamp};

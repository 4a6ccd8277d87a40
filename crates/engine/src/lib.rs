//! The work, done: the directory's one door for writes, and the way from "due" to "in step".
//!
//! Knows the ports of `usher-domain` and nothing of what is behind them: no SQL, no remote system by name.

pub mod deliver;
pub mod directory;
mod execute;
mod limits;
pub mod reconcile;
pub mod stop;
pub mod timekeeper;
mod upkeep;
mod watch;
pub mod worker;

pub use crate::limits::LIMITS;

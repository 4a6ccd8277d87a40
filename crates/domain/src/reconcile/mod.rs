//! The pure arithmetic of a sync: desired ← directory, snapshot ← remote side, then correlate, plan, judge.
//!
//! ```text
//! desired(rule, directory)  ┐
//! snapshot(observed)        ├→ plan (sorted, printable, digested) → guard → outcomes → status
//! links(known)              ┘
//! ```
//! Nothing here awaits. What these functions do not get as an argument, they do not know.

pub mod attributes;
pub mod census;
mod correlate;
pub mod desired;
pub mod guard;
pub mod inbound;
mod index;
pub mod links;
pub mod operation;
pub mod outcome;
pub mod plan;
pub mod run;
pub mod scope;
pub mod snapshot;
pub mod status;

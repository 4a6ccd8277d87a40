//! The simulator as its clients see it, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod client;
mod events;
mod faults;
mod groups;
mod invariants;
mod members;
mod wire;

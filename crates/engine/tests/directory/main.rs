//! The one door for writes, over a real database.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on stops")]

mod deliveries;
mod groups;
mod import;
mod provisioning;
mod users;
mod whole_rules;
mod world;

//! Every row of the inbound table, from a simulated team through the real connector into the directory; both
//! directions on one connection; and the incidents of this field, each by its name.
//!
//! The world is the outbound tests'; [`rule`] puts an inbound rule into it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../outbound/world/mod.rs"]
#[expect(dead_code, reason = "the outbound tests use what is not used here")]
mod world;

mod active;
mod both;
mod following;
mod groups;
mod incidents;
mod rule;
mod schedule;
mod table;

//! Runs from a change in the directory to the remote team, with a real store and a team in memory.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails should say where")]

mod clocks;
mod faults;
mod guard;
mod properties;
mod rules;
mod steady;
mod world;

//! The planner, told as sentences (`accounts`, `leavers`, `rehire`, `groups`), as a document (`reading`), as standings
//! (`standing`) and as laws that hold in any world (`laws`).
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod accounts;
mod groups;
mod laws;
mod leavers;
mod reading;
mod rehire;
mod standing;
mod team;
mod world;

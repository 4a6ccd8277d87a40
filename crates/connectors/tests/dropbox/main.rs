//! The Dropbox connector against the simulated team, over HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod apply;
mod connection;
mod endless;
mod events;
mod faults;
mod observe;
mod world;

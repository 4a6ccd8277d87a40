//! What the domain needs of the world, as traits. Their docs say what an implementation must, may and must not do.

pub mod connector;
pub mod job;
pub mod meter;
pub mod receiver;
pub mod session;
pub mod store;
pub mod watch;

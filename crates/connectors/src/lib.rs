//! The world, spoken to: one module for each kind of remote system, behind
//! [`usher_domain::ports::connector::Connector`]. Nothing here knows the store, the engine, or what a plan is for.

pub mod dropbox;
pub mod fake;

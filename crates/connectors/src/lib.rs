//! The world, spoken to: one module for each kind of remote system, behind
//! [`usher_domain::ports::connector::Connector`], webhooks, behind [`usher_domain::ports::receiver::Receiver`], and the
//! OpenID provider that administrators sign in by. Nothing here knows the store, the engine, or what a plan is for.

pub mod dropbox;
pub mod fake;
mod guard;
mod http;
mod limits;
mod mask;
pub mod openid;
mod retry_after;
pub mod webhook;

pub use crate::limits::LIMITS;

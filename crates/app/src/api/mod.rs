//! The API, PingOne-shaped. Handlers read the request, call the engine, and show the answer; they decide nothing.
//!
//! To add a route: a row in [`routes`] with the permission that it needs and what it takes and gives, a handler beside
//! its siblings, how the resource is shown in [`show`], and its schema in [`openapi`]; then
//! `USHER_WRITE_DOCS=1 cargo test -p usher --bin usher openapi`.

mod activities;
mod administrators;
mod clients;
mod drafts;
mod environments;
pub(crate) mod error;

mod explanation;
mod expressions;
pub(crate) mod extract;
mod gate;
mod groups;
mod hal;
mod imports;
mod mappings;
mod memberships;
mod openapi;
mod plans;
mod populations;
mod revisions;
mod routes;
mod rules;
mod runs;
mod show;
mod signing_keys;
mod store_metadata;
mod stores;
mod subscriptions;
mod syncs;
mod token;
mod users;

use crate::{correlation, state::AppState};

pub(crate) use routes::{router, worker_router};

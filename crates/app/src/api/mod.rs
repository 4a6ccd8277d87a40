//! The API, PingOne-shaped. Handlers read the request, call the engine, and show the answer; they decide nothing.
//!
//! To add a route: a line in [`routes`] with the permission it needs, a handler beside its siblings, and how the
//! resource is shown in [`show`].

mod environments;
pub(crate) mod error;

mod explanation;
mod extract;
mod gate;
mod groups;
mod hal;
mod imports;
mod mappings;
mod memberships;
mod plans;
mod populations;
mod revisions;
mod routes;
mod rules;
mod runs;
mod show;
mod stores;
mod syncs;
mod token;
mod users;

use crate::{correlation, state::AppState};

pub(crate) use routes::router;

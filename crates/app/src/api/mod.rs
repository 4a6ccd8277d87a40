//! The API, PingOne-shaped. Handlers read the request, call the engine, and show the answer; they decide nothing.
//!
//! To add a route: a line in [`routes`] with the permission it needs, a handler beside its siblings, and how the
//! resource is shown in [`show`].

pub(crate) mod correlation;
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

use std::{ops::Deref, sync::Arc};

use tokio::sync::Notify;
use url::Url;
use usher_domain::{Clock, Ids, ports::store::Store};
use usher_engine::{
    directory::Directory,
    reconcile::{Connectors, Reconciler},
};

use crate::access::token::Tokens;

/// What every handler can reach.
#[derive(Debug, Clone)]
pub(crate) struct AppState(Arc<App>);

/// What every handler can reach, once.
pub(crate) struct App {
    /// Reads.
    pub(crate) store: Arc<dyn Store>,
    /// Writes.
    pub(crate) directory: Directory,
    /// Previews, resyncs, approvals.
    pub(crate) reconciler: Reconciler,
    /// Connections become connectors here, for tests of a connection.
    pub(crate) connectors: Arc<dyn Connectors>,
    /// Wakes the workers of this process when something was made due.
    pub(crate) wake: Arc<Notify>,
    /// Access tokens.
    pub(crate) tokens: Tokens,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// New ids.
    pub(crate) ids: Arc<dyn Ids>,
    /// The address that links begin with, when it is configured.
    pub(crate) public_url: Option<Url>,
}

impl AppState {
    /// Shares it between the handlers.
    pub(crate) fn new(app: App) -> Self {
        AppState(Arc::new(app))
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

pub(crate) use routes::router;
pub(crate) use stores::create_connection;

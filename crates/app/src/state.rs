//! What the handlers of every door reach: one value, joined in [`crate::serve`].

use std::{ops::Deref, sync::Arc};

use tokio::sync::Notify;
use url::Url;
use usher_domain::{Clock, Ids, ports::store::Store};
use usher_engine::{directory::Directory, reconcile::Reconciler};

use crate::{
    access::{
        administrators::Administrators, failures::Failures, guesses::Guesses, openid::SignInProvider,
        rates::Rates, token::Tokens,
    },
    metrics::Metrics,
    verifier::Verifier,
};

/// What every handler can reach.
#[derive(Debug, Clone)]
pub(crate) struct AppState(Arc<App>);

/// What every handler can reach, once.
pub(crate) struct App {
    /// Reads.
    pub(crate) store: Arc<dyn Store>,
    /// Writes.
    pub(crate) directory: Directory,
    /// Previews, resyncs, approvals, tests of connections.
    pub(crate) reconciler: Reconciler,
    /// Wakes the workers of this process when something was made due.
    pub(crate) wake: Arc<Notify>,
    /// Wakes the deliveries of this process when something happened.
    pub(crate) deliver: Arc<Notify>,
    /// Access tokens.
    pub(crate) tokens: Tokens,
    /// Administrators of the console, as they come to the door.
    pub(crate) administrators: Administrators,
    /// The OpenID provider that administrators may sign in by.
    pub(crate) provider: Option<SignInProvider>,
    /// Guesses that the audit is told of.
    pub(crate) guesses: Arc<Guesses>,
    /// Failures at the token endpoint.
    pub(crate) failures: Failures,
    /// How many requests clients may send.
    pub(crate) rates: Rates,
    /// Checks of the audit that run in this process.
    pub(crate) verifier: Verifier,
    /// Proxies whose word counts for where a request comes from.
    pub(crate) trusted_proxies: Vec<std::net::IpAddr>,
    /// What this process did, in numbers.
    pub(crate) metrics: Arc<Metrics>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// New ids.
    pub(crate) ids: Arc<dyn Ids>,
    /// The address that links begin with, when it is configured.
    pub(crate) public_url: Option<Url>,
    /// What is served when nobody says otherwise: `http`, or `https` with a certificate of our own.
    pub(crate) scheme: &'static str,
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

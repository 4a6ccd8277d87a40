//! What the handlers of every door reach: one value, joined in [`crate::serve`].

use std::{
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::Notify;
use url::Url;
use usher_domain::{
    Clock, EnvironmentId, Ids,
    ports::store::{Store, StoreResult},
};
use usher_engine::{directory::Directory, reconcile::Reconciler};

use crate::{
    access::{
        administrators::Administrators, failures::Failures, guesses::Guesses, openid::SignInProvider,
        rates::Rates, token::Tokens,
    },
    metrics::Metrics,
    readiness::Readiness,
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
    /// Guesses that are to be recorded in the audit.
    pub(crate) guesses: Arc<Guesses>,
    /// Failures at the token endpoint.
    pub(crate) failures: Failures,
    /// How many requests clients may send.
    pub(crate) rates: Rates,
    /// Checks of the audit that run in this process.
    pub(crate) verifier: Verifier,
    /// Whether this server can do its work.
    pub(crate) readiness: Readiness,
    /// The one environment, if there is only one, as this process last saw it.
    pub(crate) only_environment: RwLock<Option<EnvironmentId>>,
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

impl App {
    /// Looks which environments there are: at the start, after one was made, and now and then, since another server may
    /// make one.
    pub(crate) async fn learn_environments(&self) -> StoreResult<()> {
        let environments = self.store.environments().await?;
        let only = match environments.as_slice() {
            [one] => Some(one.id),
            _ => None,
        };
        *self.only_environment.write().unwrap_or_else(PoisonError::into_inner) = only;
        Ok(())
    }

    /// The one environment, if there is only one. Does not use the database.
    pub(crate) fn known_environment(&self) -> Option<EnvironmentId> {
        *self.only_environment.read().unwrap_or_else(PoisonError::into_inner)
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

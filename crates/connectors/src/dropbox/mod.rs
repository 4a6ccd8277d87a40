//! A Dropbox team, behind [`Connector`]. `client` is the one way there (its `post`), `wire` their JSON, `observe`
//! reads, `events` follows the log, `apply` writes, `check` tests the connection. Deciding what should be done is nobody's business here.

mod apply;
mod check;
mod client;
mod events;
mod fault;
mod lookup;
mod observe;
mod pace;
mod problems;
mod routes;
mod token;
mod transport;
mod validate;
mod wire;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use tokio::sync::watch;
use usher_domain::{
    Timestamp,
    ports::{
        connector::{Changes, CheckReport, Connector, ConnectorError, LogPosition, Look, Outcomes, Progress},
        meter::Meter,
    },
    provisioning::connection::{DropboxAccess, Policy},
    reconcile::{
        operation::Operation,
        snapshot::{AccountId, Snapshot},
    },
    targets::Targets,
};

use self::{check::Needs, client::Client};
/// What bounds a listing and a connection test.
pub(crate) mod limits {
    pub(crate) use super::{
        observe::{LARGEST_LISTING, LISTING_TIME, MOST_PAGES},
        pace::TEST_TIME,
    };
}
pub use self::{
    pace::Patience,
    routes::{ROUTES, Route},
};

/// The largest page that Dropbox gives.
const LARGEST_PAGE: u32 = 1000;

/// One Dropbox team. Remembers across calls its tokens, its pace, and how large a page or a call may be.
#[derive(Debug)]
pub struct DropboxConnector {
    client: Client,
    access: DropboxAccess,
    needs: Needs,
    own_account: Option<AccountId>,
    members_page: AtomicU32,
    groups_page: AtomicU32,
    members_per_call: AtomicU32,
}

impl DropboxConnector {
    /// A connector with the patience of a background run. `policy` says which scopes a test asks for;
    /// `own_account` is what the connection's last test found (no call is made for it), and goes into snapshots;
    /// `targets` says where names may lead.
    ///
    /// # Errors
    /// [`ConnectorError::Protocol`] when no HTTPS client can be set up on this machine.
    pub fn new(
        access: DropboxAccess,
        policy: &Policy,
        own_account: Option<AccountId>,
        targets: &Targets,
    ) -> Result<Self, ConnectorError> {
        Self::with_patience(access, policy, own_account, targets, Patience::default())
    }

    /// The same, with another patience: less of it where a person waits for a test, hardly any in tests.
    ///
    /// # Errors
    /// As [`DropboxConnector::new`].
    pub fn with_patience(
        access: DropboxAccess,
        policy: &Policy,
        own_account: Option<AccountId>,
        targets: &Targets,
        patience: Patience,
    ) -> Result<Self, ConnectorError> {
        Ok(DropboxConnector {
            client: Client::new(&access, targets, patience)?,
            needs: Needs::of(policy),
            own_account,
            members_page: AtomicU32::new(LARGEST_PAGE),
            groups_page: AtomicU32::new(LARGEST_PAGE),
            members_per_call: AtomicU32::new(access.max_members_per_call.max(1)),
            access,
        })
    }

    /// The same, its calls counted.
    #[must_use]
    pub fn metered(mut self, meter: Arc<dyn Meter>) -> Self {
        self.client = self.client.metered(meter);
        self
    }

    /// The same, but once `stop` is true, waits end and nothing more is called.
    #[must_use]
    pub fn stopped_by(mut self, stop: watch::Receiver<bool>) -> Self {
        self.client = self.client.stopped_by(stop);
        self
    }

    /// How many units of work run at once.
    fn in_flight(&self) -> usize {
        self.access.max_in_flight.max(1) as usize
    }

    /// How many members one group call may carry at present.
    fn members_cap(&self) -> usize {
        self.members_per_call.load(Ordering::Relaxed) as usize
    }

    /// A group call of `size` members was refused for its size or form: from now on at most half of that.
    fn lower_members_cap(&self, size: usize) {
        let half = u32::try_from(size / 2).unwrap_or(u32::MAX).max(1);
        self.members_per_call.fetch_min(half, Ordering::Relaxed);
    }
}

#[async_trait]
impl Connector for DropboxConnector {
    async fn check(&self) -> CheckReport {
        self.test().await
    }

    async fn observe(&self, look: &Look, progress: &dyn Progress) -> Result<Snapshot, ConnectorError> {
        match look {
            Look::Whole => self.whole(progress).await,
            Look::At { accounts, people, groups } => self.at(accounts, people, groups, progress).await,
        }
    }

    fn apply<'a>(&'a self, operations: &'a [Operation]) -> Outcomes<'a> {
        self.outcomes(operations)
    }

    async fn changes(
        &self,
        position: Option<&LogPosition>,
        since: Timestamp,
    ) -> Result<Changes, ConnectorError> {
        self.read_log(position, since).await
    }

    fn calls(&self, operations: &[Operation]) -> u64 {
        self.floor(operations)
    }
}

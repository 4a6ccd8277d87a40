//! A team that is being served.

use std::io;
use std::net::SocketAddr;
use std::ops::DerefMut;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::calls::CallLog;
use crate::faults::Faults;
use crate::server::{self, Shared};
use crate::team::Team;

/// A running simulator. Dropping it stops it.
///
/// # Panics
/// On drop, when answers were checked and one of them was not as the specification says: the simulator is wrong, and
/// no test that ran against it means anything.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Serves a team on a free port of 127.0.0.1, on a task of the current runtime.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(team: Team) -> io::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), team).await
    }

    /// Serves a team at this address.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub async fn start_at(address: SocketAddr, team: Team) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(team));
        let (address, serving) = server::serve(address, Arc::clone(&shared)).await?;
        Ok(Self { address, shared, task: tokio::spawn(serving) })
    }

    /// The base address, such as `http://127.0.0.1:40000`, below which `/2/team/…` is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The token endpoint's address.
    pub fn token_url(&self) -> String {
        format!("{}/oauth2/token", self.url())
    }

    /// The app's key.
    pub fn client_id(&self) -> String {
        self.shared.team().credentials.client_id.clone()
    }

    /// The app's secret.
    pub fn client_secret(&self) -> String {
        self.shared.team().credentials.client_secret.clone()
    }

    /// The refresh token of the app's authorisation.
    pub fn refresh_token(&self) -> String {
        self.shared.team().credentials.refresh_token.clone()
    }

    /// A fresh access token, without a call to the token endpoint.
    pub fn access_token(&self) -> String {
        self.shared.issue_token()
    }

    /// The team, to look at and to act on. Calls wait while it is held: do not hold it across an await.
    pub fn team(&self) -> impl DerefMut<Target = Team> + '_ {
        self.shared.team()
    }

    /// What was asked so far.
    pub fn calls(&self) -> CallLog {
        self.shared.calls.clone()
    }

    /// Where faults are ordered.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Answers that were not as the specification says. Empty, unless the simulator is wrong.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.complaints()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.stop();
        self.task.abort();
        let complaints = self.complaints();
        if !complaints.is_empty() && !std::thread::panicking() {
            panic!("the simulator is wrong: {}", complaints.join("; "));
        }
    }
}

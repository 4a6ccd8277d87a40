//! Records guesses at usernames, clients and secrets in the audit, without letting an attacker fill it: the first guess
//! from each source is recorded at once, and those of the following minute as one event with their count.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::interval;
use usher_domain::{
    ClientId, Clock, EnvironmentId, Timestamp,
    access::{WorkerClient, refused::Refused},
    directory::audit::Actor,
};
use usher_engine::directory::{By, Directory, DirectoryError};

use super::source::network;

/// How long guesses from one source are gathered into one event.
pub(crate) const GATHERED_FOR: Duration = Duration::from_secs(60);
/// How many sources each server records separately at a time; guesses from all others share one event.
pub(crate) const MOST_SOURCES: usize = 100;

/// What guesses have in common that become one event: what was tried, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Source {
    kind: Kind,
    from: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Username,
    ProviderAccount,
    Client(EnvironmentId),
    Secret(ClientId),
    Elsewhere,
}

/// Guesses of one source that are not recorded yet.
#[derive(Debug)]
struct Unrecorded {
    refused: Refused,
    /// `None`: of the whole server.
    environment: Option<EnvironmentId>,
    since: Timestamp,
    count: u64,
}

/// What was guessed lately, in the memory of this server.
pub(crate) struct Guesses {
    directory: Directory,
    clock: std::sync::Arc<dyn Clock>,
    sources: Mutex<HashMap<Source, Unrecorded>>,
}

impl std::fmt::Debug for Guesses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guesses").finish_non_exhaustive()
    }
}

impl Guesses {
    pub(crate) fn new(directory: Directory, clock: std::sync::Arc<dyn Clock>) -> Self {
        Guesses { directory, clock, sources: Mutex::default() }
    }

    /// A sign-in with a username that nobody has.
    pub(crate) async fn unknown_username(&self, from: Option<IpAddr>) {
        self.count(Kind::Username, Refused::Username, None, from).await;
    }

    /// A sign-in by an account at the OpenID provider that belongs to nobody here.
    pub(crate) async fn unknown_account(&self, from: Option<IpAddr>) {
        self.count(Kind::ProviderAccount, Refused::ProviderAccount, None, from).await;
    }

    /// A client that does not exist asked for a token of this environment.
    pub(crate) async fn unknown_client(&self, environment: EnvironmentId, from: Option<IpAddr>) {
        self.count(Kind::Client(environment), Refused::Client, Some(environment), from).await;
    }

    /// A client that is disabled, or did not show its secret, asked for a token.
    pub(crate) async fn wrong_secret(&self, client: &WorkerClient, from: Option<IpAddr>) {
        let (kind, refused) = (Kind::Secret(client.id), Refused::Secret(Box::new(client.clone())));
        self.count(kind, refused, Some(client.environment), from).await;
    }

    async fn count(
        &self,
        kind: Kind,
        refused: Refused,
        environment: Option<EnvironmentId>,
        from: Option<IpAddr>,
    ) {
        let now = self.clock.now();
        let source = Source { kind, from: network(from) };
        let first = {
            let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(unrecorded) = sources.get_mut(&source) {
                unrecorded.count = unrecorded.count.saturating_add(1);
                false
            } else if sources.len() < MOST_SOURCES {
                let unrecorded = Unrecorded { refused: refused.clone(), environment, since: now, count: 0 };
                sources.insert(source.clone(), unrecorded);
                true
            } else {
                let others = Source { kind: Kind::Elsewhere, from: "other addresses".into() };
                let unrecorded =
                    Unrecorded { refused: Refused::Elsewhere, environment: None, since: now, count: 0 };
                let others = sources.entry(others).or_insert(unrecorded);
                others.count = others.count.saturating_add(1);
                false
            }
        };
        if first {
            self.tell(&refused, environment, &source.from, 1).await;
        }
    }

    /// Records what was gathered for long enough, or all of it at the end.
    pub(crate) async fn flush(&self, all: bool) {
        let now = self.clock.now();
        let mut due = Vec::new();
        {
            let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            sources.retain(|source, unrecorded| {
                // A clock that went back must not keep them.
                let is_due = all || unrecorded.since > now || now.since(unrecorded.since) >= GATHERED_FOR;
                if !is_due {
                    return true;
                }
                let count = std::mem::take(&mut unrecorded.count);
                unrecorded.since = now;
                if count > 0 {
                    due.push((
                        unrecorded.refused.clone(),
                        unrecorded.environment,
                        source.from.clone(),
                        count,
                    ));
                }
                count > 0
            });
        }
        for (refused, environment, from, count) in due {
            self.tell(&refused, environment, &from, count).await;
        }
    }

    /// Flushes for as long as it is polled.
    pub(crate) async fn tend(&self) {
        let mut round = interval(GATHERED_FOR / 4);
        loop {
            round.tick().await;
            self.flush(false).await;
        }
    }

    /// The attempt is refused in any case; an audit that cannot be written now is a matter for the log.
    async fn tell(&self, refused: &Refused, environment: Option<EnvironmentId>, from: &str, count: u64) {
        let request = Some(crate::correlation::current()).filter(|id| !id.is_empty());
        let by = By { actor: Actor::System, correlation_id: request };
        let recorded: Result<(), DirectoryError> =
            self.directory.refused(&by, refused, environment, from, count).await;
        if let Err(error) = recorded {
            tracing::error!(%error, from, count, "refused attempts could not be recorded in the audit");
        }
    }
}

#[cfg(test)]
mod tests;

//! `usher serve`: the only place where store and connectors meet.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use usher_connectors::dropbox::DropboxConnector;
use usher_domain::{
    Clock, ConnectionId, Ids, Problem,
    ports::store::Store,
    provisioning::connection::{Connection, ConnectionKind, DropboxSettings, Health},
    reconcile::snapshot::AccountId,
};
use usher_engine::{
    directory::Directory,
    reconcile::{Connectors, Opened, Reconciler, retry::Retry},
    worker::{Settings, Worker},
};
use usher_store::{Seal, Storage};

use crate::{
    access::{administrators::Administrators, failures::Failures, rates::Rates, token::Tokens, upkeep},
    api, bootstrap,
    cli::Role,
    config::Config,
    console,
    state::{App, AppState},
    system::{SystemClock, SystemIds},
};

/// Connections become connectors here. One is kept per connection, so that its token, its pacing and its page size
/// survive from run to run; other settings make another one.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    allow_http: bool,
    kept: Mutex<HashMap<ConnectionId, Kept>>,
}

#[derive(Debug)]
struct Kept {
    settings: DropboxSettings,
    own_account: Option<AccountId>,
    connector: Arc<DropboxConnector>,
}

impl Connectors for Connections {
    fn open(&self, connection: &Connection) -> Result<Opened, Problem> {
        if connection.kind != ConnectionKind::Dropbox {
            return Err(Problem::new(
                "NOT_DRIVEN",
                format!("The connection {} is not of a kind that Usher drives.", connection.name),
                "Use a connection of type Dropbox.",
            ));
        }
        let parsed = DropboxSettings::parse(&connection.configuration, &connection.secrets, self.allow_http);
        let settings = parsed.map_err(|faults| {
            let faults: Vec<String> =
                faults.iter().map(|fault| format!("{} {}", fault.target, fault.message)).collect();
            Problem::new(
                "SETTINGS_UNREADABLE",
                format!(
                    "The settings of the connection {} are at fault: {}.",
                    connection.name,
                    faults.join("; ")
                ),
                "Correct the connection.",
            )
        })?;
        let own_account = match &connection.health {
            Health::Valid { own_account, .. } => Some(own_account.clone()),
            _ => None,
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get(&connection.id)
            && kept.settings == settings
            && kept.own_account == own_account
        {
            let connector = Arc::clone(&kept.connector);
            return Ok(Opened { connector, policy: settings.policy });
        }
        let connector = DropboxConnector::new(settings.access.clone(), &settings.policy, own_account.clone())
            .map_err(|error| error.problem().clone())?;
        let connector = Arc::new(connector);
        let policy = settings.policy.clone();
        let opened = Opened { connector: Arc::clone(&connector) as Arc<_>, policy };
        kept.insert(connection.id, Kept { settings, own_account, connector });
        Ok(opened)
    }
}

/// Everything that a process needs, joined.
pub(crate) struct Joined {
    /// What handlers reach.
    pub(crate) app: AppState,
    /// The workers, not yet started.
    pub(crate) worker: Worker,
}

/// Opens the database, makes its first environment if it is empty, and joins store, engine and connectors.
pub(crate) async fn join(config: &Config) -> Result<Joined> {
    let store = open(config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(SystemIds);
    let directory = Directory::new(
        Arc::clone(&store),
        Arc::clone(&clock),
        Arc::clone(&ids),
        config.quiet_time,
        config.allow_http_targets,
    );
    bootstrap::ensure(&directory, &config.bootstrap, &*ids).await?;
    let connectors: Arc<dyn Connectors> =
        Arc::new(Connections { allow_http: config.allow_http_targets, ..Connections::default() });
    let reconciler = Reconciler::new(
        Arc::clone(&store),
        connectors,
        Arc::clone(&clock),
        Arc::clone(&ids),
        Retry::default(),
    );
    let owner = format!("{}/{}", std::process::id(), ids.next());
    let worker = Worker::new(reconciler.clone(), Settings { lease: config.lease, ..Settings::new(owner) });
    let wake = worker.waker();
    let tokens = Tokens::new(Arc::clone(&store));
    let administrators = Administrators::new(Arc::clone(&store), directory.clone(), Arc::clone(&clock));
    let app = AppState::new(App {
        store,
        directory,
        reconciler,
        wake,
        tokens,
        administrators,
        failures: Failures::default(),
        rates: Rates::new(config.max_requests_per_second),
        trusted_proxies: config.trusted_proxies.clone(),
        clock,
        ids,
        public_url: config.public_url.clone(),
    });
    Ok(Joined { app, worker })
}

/// The key that seals secrets; made when there is none.
pub(crate) fn seal(config: &Config) -> Result<Seal> {
    Ok(Seal::open_or_create(&config.seal_key_file)?)
}

/// Opens the database with its schema up to date.
pub(crate) async fn open(config: &Config) -> Result<Arc<dyn Store>> {
    let seal = seal(config)?;
    Storage::migrate(config.database_url.expose())
        .await
        .context("bringing the database schema up to date")?;
    Storage::open(config.database_url.expose(), seal).await.context("opening the database")
}

/// The API, being served.
pub(crate) struct Serving {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    stop: Arc<Notify>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// Starts to serve.
    pub(crate) async fn start(listen: SocketAddr, app: AppState) -> Result<Serving> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("listening at {listen}; is another Usher running there?"))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let doors = api::router(app.clone()).merge(console::router(app));
        let task = tokio::spawn(async move {
            let service = doors.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service)
                .with_graceful_shutdown(async move { stopped.notified().await })
                .await
        });
        Ok(Serving { address, stop, task })
    }

    /// Takes no more requests, and waits for those in hand.
    pub(crate) async fn stop(self) -> Result<()> {
        self.stop.notify_one();
        Ok(self.task.await??)
    }
}

/// The workers, at work.
pub(crate) struct Working {
    worker: Worker,
    task: JoinHandle<()>,
}

impl Working {
    /// Starts to work.
    pub(crate) fn start(worker: Worker) -> Working {
        let at_work = worker.clone();
        Working { worker, task: tokio::spawn(async move { at_work.run().await }) }
    }

    /// Claims nothing more, and waits for the calls in hand.
    pub(crate) async fn stop(self) -> Result<()> {
        self.worker.stop();
        Ok(self.task.await?)
    }
}

/// `usher serve`
pub(crate) async fn serve(config: Config, role: Role) -> Result<()> {
    let Joined { app, worker } = join(&config).await?;
    let tending = tokio::spawn(upkeep::tend(app.clone()));
    let serving = match role {
        Role::Worker => None,
        Role::All | Role::Web => Some(Serving::start(config.listen, app).await?),
    };
    let working = match role {
        Role::Web => None,
        Role::All | Role::Worker => Some(Working::start(worker)),
    };
    if let Some(serving) = &serving {
        tracing::info!(address = %serving.address, "usher is listening");
    }
    shutdown().await;
    tending.abort();
    tracing::info!("stopping: no new work, the calls in hand are finished");
    if let Some(working) = working {
        working.stop().await?;
    }
    if let Some(serving) = serving {
        serving.stop().await?;
    }
    Ok(())
}

/// Returns when the process is asked to end.
pub(crate) async fn shutdown() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}

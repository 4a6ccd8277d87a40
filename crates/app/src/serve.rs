//! `usher serve`: the only place where store and connectors meet.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use usher_connectors::{dropbox::DropboxConnector, webhook::Webhooks};
use usher_domain::{
    Clock, ConnectionId, Ids, Problem,
    ports::{meter::Meter, store::Store},
    provisioning::connection::{Connection, ConnectionKind, DropboxSettings, Health},
    reconcile::snapshot::AccountId,
    targets::Targets,
};
use usher_engine::{
    deliver::{self, Deliverer},
    directory::Directory,
    reconcile::{Connectors, Opened, Reconciler, retry::Retry},
    stop::Stop,
    timekeeper::Timekeeper,
    worker::{Settings, Worker},
};
use usher_store::{Seal, Storage, WorkerLock};

use crate::{
    access::{
        administrators::Administrators, failures::Failures, guesses::Guesses, openid::SignInProvider,
        rates::Rates, token::Tokens, upkeep,
    },
    api, bootstrap,
    cli::Role,
    config::Config,
    console,
    listen::{self, Door},
    metrics::Metrics,
    readiness::Readiness,
    state::{App, AppState},
    system::{SystemClock, SystemIds},
    verifier::Verifier,
    web,
};

/// Connections become connectors here. One is kept per connection, so that its token, its pacing and its page size
/// survive from run to run; other settings make another one.
#[derive(Debug)]
pub(crate) struct Connections {
    targets: Targets,
    meter: Arc<dyn Meter>,
    stop: Stop,
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
        let parsed = DropboxSettings::parse(&connection.configuration, &connection.secrets, &self.targets);
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
        let (access, policy) = (settings.access.clone(), &settings.policy);
        let connector = DropboxConnector::new(access, policy, own_account.clone(), &self.targets)
            .map_err(|error| error.problem().clone())?;
        let connector = connector.metered(Arc::clone(&self.meter)).stopped_by(self.stop.watch());
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
    /// The deliveries, not yet started.
    pub(crate) deliverer: Deliverer,
}

/// Opens the database, makes its first environment if it is empty, and joins store, engine and connectors.
pub(crate) async fn join(config: &Config) -> Result<Joined> {
    let joined = assemble(config, open(config).await?)?;
    let app = &joined.app;
    bootstrap::ensure(&app.directory, &config.bootstrap, &*app.ids).await?;
    app.learn_environments().await?;
    Ok(joined)
}

/// Joins store, engine and connectors over an open database; writes nothing.
pub(crate) fn assemble(config: &Config, store: Arc<dyn Store>) -> Result<Joined> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(SystemIds);
    let directory = Directory::new(
        Arc::clone(&store),
        Arc::clone(&clock),
        Arc::clone(&ids),
        config.quiet_time,
        config.targets.clone(),
    );
    let metrics = Metrics::new();
    let stop = Stop::default();
    let connectors: Arc<dyn Connectors> = Arc::new(Connections {
        targets: config.targets.clone(),
        meter: Arc::clone(&metrics) as Arc<dyn Meter>,
        stop: stop.clone(),
        kept: Mutex::default(),
    });
    let reconciler = Reconciler::new(
        Arc::clone(&store),
        connectors,
        Arc::clone(&clock),
        Arc::clone(&ids),
        Retry::default(),
    )
    .metered(Arc::clone(&metrics) as Arc<dyn Meter>);
    let owner = format!("{}/{}", std::process::id(), ids.next());
    let receiver = Webhooks::new(config.targets.clone()).map_err(|problem| anyhow!("{problem}"))?;
    let deliverer = Deliverer::new(
        Arc::clone(&store),
        Arc::new(receiver),
        Arc::clone(&clock),
        deliver::Settings { lease: config.lease, ..deliver::Settings::new(owner.clone(), config.v1()) },
    )
    .metered(Arc::clone(&metrics) as Arc<dyn Meter>)
    .stopped_by(stop.clone());
    let settings =
        Settings { lease: config.lease, rules_at_once: config.rules_at_once, ..Settings::new(owner) };
    let worker = Worker::new(reconciler.clone(), settings).stopped_by(stop);
    let (wake, deliver) = (worker.waker(), deliverer.waker());
    let tokens = Tokens::new(Arc::clone(&store));
    let guesses = Arc::new(Guesses::new(directory.clone(), Arc::clone(&clock)));
    let administrators =
        Administrators::new(Arc::clone(&store), directory.clone(), Arc::clone(&clock), Arc::clone(&guesses));
    let verifier = Verifier::new(Arc::clone(&store), Arc::clone(&clock));
    let provider = config.openid.as_ref().map(|openid| SignInProvider::new(openid, &config.targets));
    let provider = provider.transpose().map_err(|problem| anyhow!("{problem}"))?;
    let readiness = Readiness::new(Arc::clone(&store));
    let app = AppState::new(App {
        store,
        directory,
        reconciler,
        wake,
        deliver,
        tokens,
        administrators,
        provider,
        guesses,
        failures: Failures::default(),
        verifier,
        readiness,
        only_environment: RwLock::default(),
        rates: Rates::new(config.max_requests_per_second),
        trusted_proxies: config.trusted_proxies.clone(),
        metrics,
        clock,
        ids,
        public_url: config.public_url.clone(),
        scheme: config.scheme(),
    });
    Ok(Joined { app, worker, deliverer })
}

/// Notices when the clock is set.
pub(crate) async fn timekeeper(app: &AppState) -> Result<Timekeeper> {
    let wake = vec![Arc::clone(&app.wake), Arc::clone(&app.deliver)];
    let (store, clock) = (Arc::clone(&app.store), Arc::clone(&app.clock));
    Ok(Timekeeper::begin(store, clock, Arc::clone(&app.metrics) as Arc<dyn Meter>, wake).await?)
}

/// The key that seals a database's secrets, which must fit it; made when nothing is sealed yet. Writes nothing else.
pub(crate) async fn seal(config: &Config) -> Result<Seal> {
    let found = Storage::look(config.database_url.expose()).await.context("looking at the database")?;
    Ok(found.seal_or_create(&config.seal_key_file)?)
}

/// Opens the database with its schema up to date.
///
/// # Errors
/// The seal key is missing or another database's; then nothing was written.
pub(crate) async fn open(config: &Config) -> Result<Arc<dyn Store>> {
    let seal = seal(config).await?;
    Storage::migrate(config.database_url.expose())
        .await
        .context("bringing the database schema up to date")?;
    let store = Storage::open(config.database_url.expose(), seal).await.context("opening the database")?;
    // Another server may have begun with a key of its own in the meantime.
    store.ready().await.context("opening the database")?;
    Ok(store)
}

/// How long the database may take to be closed; what was committed is safe in any case.
pub(crate) const CLOSING: Duration = Duration::from_secs(3);

/// Closes the database. An SQLite database is then complete in one file.
pub(crate) async fn close(store: &dyn Store) {
    if timeout(CLOSING, store.close()).await.is_err() {
        tracing::warn!("the database was not closed within {} s; nothing is lost", CLOSING.as_secs());
    }
}

/// The API, being served.
pub(crate) struct Serving {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    stop: Arc<Notify>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// Lets clients in, to what this role serves.
    pub(crate) fn start(door: Door, role: Role, app: AppState) -> Result<Serving> {
        let address = door.address()?;
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let https =
            app.scheme == "https" || app.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let metrics = Arc::clone(&app.metrics);
        let routes = match role {
            Role::Worker => api::worker_router(app),
            Role::All | Role::Web => api::router(app.clone()).merge(console::router(app)),
        };
        let routes = web::careful(routes, https, Arc::clone(&metrics));
        let task = tokio::spawn(async move {
            listen::serve(door, routes, metrics, async move { stopped.notified().await }).await
        });
        Ok(Serving { address, stop, task })
    }

    /// Takes no more requests, and waits for those in hand.
    pub(crate) async fn stop(self) -> Result<()> {
        self.stop.notify_one();
        Ok(self.task.await??)
    }
}

/// The workers and the deliveries, at work.
pub(crate) struct Working {
    _lock: Option<WorkerLock>,
    worker: Worker,
    deliverer: Deliverer,
    tasks: [JoinHandle<()>; 2],
}

impl Working {
    /// Starts to work. The holder of an SQLite database's lock is its only worker: it takes over the work of a dead one at
    /// once.
    pub(crate) async fn start(lock: Option<WorkerLock>, joined: Joined) -> Result<Working> {
        let Joined { app, worker, deliverer } = joined;
        if lock.is_some() {
            let ended = app.store.end_leases(app.clock.now()).await?;
            if ended > 0 {
                tracing::info!(rules = ended, "taking over the work of a process that is gone");
            }
        }
        let (working, delivering) = (worker.clone(), deliverer.clone());
        let tasks = [
            tokio::spawn(async move { working.run().await }),
            tokio::spawn(async move { delivering.run().await }),
        ];
        Ok(Working { _lock: lock, worker, deliverer, tasks })
    }

    /// Claims nothing more, and waits for the calls in hand.
    pub(crate) async fn stop(self) -> Result<()> {
        self.worker.stop();
        self.deliverer.stop();
        for task in self.tasks {
            task.await?;
        }
        Ok(())
    }
}

/// `usher serve`
pub(crate) async fn serve(config: Config, role: Role) -> Result<()> {
    let lock = match role {
        Role::Web => None,
        Role::All | Role::Worker => Storage::lock_worker(config.database_url.expose())?,
    };
    // Before a first start makes secrets and shows them: an address that is taken, or a bad certificate, ends it here.
    let door = Door::open(&config).await?;
    let joined = join(&config).await?;
    let app = joined.app.clone();
    let tending = tokio::spawn(upkeep::tend(app.clone()));
    let mut timekeeper = timekeeper(&app).await?;
    let keeping_time = tokio::spawn(async move { timekeeper.run().await });
    let serving = Serving::start(door, role, app.clone())?;
    let working = match role {
        Role::Web => None,
        Role::All | Role::Worker => Some(Working::start(lock, joined).await?),
    };
    tracing::info!(address = %serving.address, "usher is listening");
    shutdown().await;
    tending.abort();
    keeping_time.abort();
    tracing::info!("stopping: no new work, the calls in hand are finished");
    let worked = async {
        match working {
            Some(working) => working.stop().await,
            None => Ok(()),
        }
    };
    tokio::try_join!(worked, serving.stop())?;
    app.guesses.flush(true).await;
    close(&*app.store).await;
    Ok(())
}

/// How long the process may take to end. Runs and requests have less, so that this is only for what cannot be waited for,
/// such as a database that does not answer.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(9);

/// Ends the process in time, whatever is under way. What is aborted is planned again, as after a crash. Runs in its own
/// thread, since tasks may be what keeps the process from ending.
fn end_in_time() {
    std::thread::spawn(|| {
        std::thread::sleep(STOP_WITHIN);
        tracing::warn!("aborting what did not end within {} s; it is planned again", STOP_WITHIN.as_secs());
        std::process::exit(0);
    });
}

/// Returns when the process is asked to end; from then on it has [`STOP_WITHIN`].
pub(crate) async fn shutdown() {
    asked_to_end().await;
    end_in_time();
}

async fn asked_to_end() {
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

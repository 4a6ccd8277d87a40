//! `usher demo`: everything on this machine. A simulated Dropbox team that people already use, a sample directory of
//! 2,000, one outbound and one inbound rule; their first syncs with a progress bar, a summary of each, and a change in
//! either direction that arrives at once.

mod inbound;
mod team;

use std::{
    io::IsTerminal,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use dropbox_simulator::Simulator;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use usher_domain::{
    Clock as _, EnvironmentId, Ids, Secret,
    directory::audit::Actor,
    provisioning::rule::Rule,
    reconcile::{
        run::{Run, RunState},
        status::StatusCounts,
    },
    targets::Targets,
};
use usher_engine::directory::By;
use usher_store::{Storage, WorkerLock};

use crate::{
    cli::{Role, say},
    config::{Bootstrap, Config, LogFormat},
    csv_files::{self, Report},
    listen::Door,
    serve::{Serving, Working, close, join, shutdown},
    state::AppState,
    system::{SystemClock, SystemIds, random_secret},
};

/// The sample directory.
const USERS: &str = include_str!("../../../../examples/directory/users.csv");
const GROUPS: &str = include_str!("../../../../examples/directory/groups.csv");

/// How the demo is shown.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the demo keeps its database; begun afresh each time
    #[arg(long, default_value = "usher-demo", value_name = "DIR")]
    dir: PathBuf,
    /// Where the API listens; a free port if this one is taken
    #[arg(long, default_value = "127.0.0.1:8080", env = "USHER_LISTEN")]
    listen: SocketAddr,
    /// Exit after the summary: 0 when nobody failed
    #[arg(long)]
    once: bool,
    /// The log filter, such as usher=debug
    #[arg(long, default_value = "warn", env = "USHER_LOG")]
    log: String,
}

/// Runs the demo.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    crate::log::start(&options.log, LogFormat::Auto)?;
    let simulator = Simulator::start(team::team(USERS, SystemClock.now())?)
        .await
        .context("starting the simulated Dropbox team")?;
    let (config, lock) = begin_afresh(&options)?;
    let door = match Door::open(&config).await {
        Ok(door) => door,
        Err(_) => {
            Door::open(&Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..config.clone() }).await?
        }
    };
    let joined = join(&config).await?;
    let app = joined.app.clone();
    let working = Working::start(lock, joined).await?;
    let serving = Serving::start(door, Role::All, app.clone())?;
    let environment = app.store.environments().await?.first().map(|environment| environment.id);
    let environment = environment.context("the database has no environment")?;

    say(
        "Usher demo: a directory of 2,000 people, and a simulated Dropbox team that some of them already use.\n",
    );
    let rule = set_up(&app, environment, &simulator).await?;
    let mut synced = first_sync(&app, &simulator, &rule).await?;
    if synced {
        live(&app, environment, &simulator).await?;
        let inbound = inbound::set_up(&app, environment, &rule).await?;
        synced = first_sync(&app, &simulator, &inbound).await?;
        if synced {
            inbound::live(&app, environment, &simulator, &inbound).await?;
        }
    }
    if !options.once {
        addresses(&serving, environment, &config, &rule);
        shutdown().await;
    }
    working.stop().await?;
    serving.stop().await?;
    close(&*app.store).await;
    Ok(if synced { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Who signs in to the demo's console.
const ADMINISTRATOR: &str = "admin";

/// What says that a directory's database is a demo's, and may be thrown away.
const MARK: &str = "this-is-a-demo";

/// A directory of the demo's own with the last demo's files gone, and a configuration for it. A database that no demo
/// made is never touched, and neither is one that another demo works on: the lock is taken first.
fn begin_afresh(options: &Options) -> Result<(Config, Option<WorkerLock>)> {
    let dir = &options.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    ensure!(
        dir.join(MARK).exists() || !(dir.join("usher.db").exists() || dir.join("usher.key").exists()),
        "{} holds a database that no demo made, and the demo begins afresh: name another directory with --dir",
        dir.display()
    );
    std::fs::write(dir.join(MARK), "The demo throws this directory's database away each time it starts.\n")
        .with_context(|| format!("writing to {}", dir.display()))?;
    let database_url = Secret::new(format!("sqlite://{}", dir.join("usher.db").display()));
    let lock = Storage::lock_worker(database_url.expose())?;
    for name in ["usher.db", "usher.db-wal", "usher.db-shm", "usher.key"] {
        match std::fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing the last demo's {name}"));
            }
            _ => {}
        }
    }
    let config = Config {
        openid: None,
        listen: options.listen,
        public_url: None,
        database_url,
        seal_key_file: options.dir.join("usher.key"),
        log: options.log.clone(),
        log_format: LogFormat::Auto,
        quiet_time: Duration::from_millis(300),
        lease: Duration::from_secs(60),
        rules_at_once: usher_engine::worker::RULES_AT_ONCE,
        targets: Targets::default(),
        tls: None,
        bootstrap: Bootstrap {
            client_id: Some(SystemIds.next()),
            client_secret: Some(random_secret()),
            admin_username: Some(ADMINISTRATOR.into()),
            admin_password: Some(random_secret()),
            ..Bootstrap::default()
        },
        max_requests_per_second: 0,
        trusted_proxies: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        connections_per_address: 64,
    };
    Ok((config, lock))
}

fn by() -> By {
    By { actor: Actor::System, correlation_id: None }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// The steps that an administrator does: people in, connection tested and on, rule made and on.
async fn set_up(app: &AppState, environment: EnvironmentId, simulator: &Simulator) -> Result<Rule> {
    let (rows, faults) = csv_files::users(USERS)?;
    let users = Report::new(app.directory.import_users(&by(), environment, &rows, true).await?, faults);
    let (rows, faults) = csv_files::groups(GROUPS)?;
    let groups = Report::new(app.directory.import_groups(&by(), environment, &rows).await?, faults);
    ensure!(
        users.failed.is_empty() && groups.failed.is_empty(),
        "the sample has faults: {users:?} {groups:?}"
    );
    say(format!("Directory    {} users, {} groups imported", users.created, groups.created));

    let body = object(json!({
        "type": "Dropbox",
        "name": "Dropbox (simulated)",
        "status": "ACTIVE",
        "configuration": {
            "BASE_URL": format!("{}/2", simulator.url()),
            "AUTHENTICATION_METHOD": "OAUTH",
            "OAUTH_CLIENT_ID": simulator.client_id(),
            "OAUTH_CLIENT_SECRET": simulator.client_secret(),
            "OAUTH_REFRESH_TOKEN": simulator.refresh_token(),
            "OAUTH_TOKEN_URL": simulator.token_url(),
            "GRANT_TYPE": "refresh_token",
            "DEPROVISION_USERS": true,
            "REMOVE_ACTION": "Disable",
            "MAX_CALLS_PER_SECOND": 0,
        },
    }));
    let connection = app.reconciler.create_connection(&app.directory, &by(), environment, &body).await?;
    say(format!("Connection   {}, tested: {}", connection.name, told(&connection.health)));

    let directory = app.store.connections(environment).await?;
    let directory = directory
        .iter()
        .find(|connection| {
            connection.kind == usher_domain::provisioning::connection::ConnectionKind::Directory
        })
        .context("the environment has no directory connection")?;
    let plan =
        app.directory.create_plan(&by(), environment, &object(json!({ "name": "Provisioning" }))).await?;
    let groups: Vec<Value> =
        app.store.groups(environment).await?.iter().map(|group| json!({ "id": group.id })).collect();
    let rule = object(json!({
        "plan": { "id": plan.id },
        "name": "Everyone to Dropbox",
        "sourceStore": { "id": directory.id },
        "targetStore": { "id": connection.id },
        "populationExpression": "population.name eq \"Employees\" or population.name eq \"Interns\"",
        "groups": groups,
        "active": true,
    }));
    let rule = app.directory.create_rule(&by(), environment, &rule).await?;
    say(format!(
        "Rule         {}: employees and interns, not contractors; {} groups\n",
        rule.name,
        rule.groups.len()
    ));
    app.wake.notify_one();
    Ok(rule)
}

fn told(health: &usher_domain::provisioning::connection::Health) -> String {
    match health {
        usher_domain::provisioning::connection::Health::Valid { team, own_email, .. } => {
            format!("team \"{team}\", authorised by {own_email}")
        }
        other => format!("{other:?}"),
    }
}

/// Waits for a rule's first sync, with a progress bar, and tells its summary; whether everyone was synced who should be.
async fn first_sync(app: &AppState, simulator: &Simulator, rule: &Rule) -> Result<bool> {
    let (began, before) = (Instant::now(), simulator.calls().total());
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("First sync   {msg:9} {bar:40} {pos}/{len} operations")?);
    let run = loop {
        let latest = app
            .store
            .runs(rule.id, &usher_domain::ports::store::PageRequest { after: None, limit: 1 })
            .await?;
        if let Some(run) = latest.items.into_iter().next() {
            bar.set_message(if run.state == RunState::Planning { "planning" } else { "applying" });
            bar.set_length(run.total);
            bar.set_position(run.done);
            if run.state.is_final() || run.state == RunState::Held {
                break run;
            }
        }
        if began.elapsed() > Duration::from_secs(600) {
            bail!("the first sync did not end within ten minutes");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    bar.finish_and_clear();
    let (users, groups) = app.store.status_counts(rule.id).await?;
    let calls = simulator.calls().total() - before;
    summary(calls, rule, &run, users, groups, began.elapsed());
    let poor = app.store.statuses_of(rule.id, None).await?;
    for status in poor
        .iter()
        .filter(|status| {
            status.problem.is_some() && status.standing != usher_domain::reconcile::status::Standing::Unsynced
        })
        .take(5)
    {
        if let Some(problem) = &status.problem {
            say(format!("  {}", problem));
        }
    }
    Ok(users.failed == 0 && users.impacted > 0)
}

fn summary(calls: u64, rule: &Rule, run: &Run, users: StatusCounts, groups: StatusCounts, took: Duration) {
    let line = |name: &str, it: StatusCounts| {
        format!(
            "  {name:19}  Impacted {:>5}  Success {:>5}  Unsynced {:>4}  Partial Synced {:>4}  Failed {:>4}",
            it.impacted, it.success, it.unsynced, it.partial, it.failed
        )
    };
    say(format!(
        "First sync   {:?} after {:.1} s: {} operations, {} calls to Dropbox",
        run.state,
        took.as_secs_f64(),
        run.total,
        calls
    ));
    let counts: Vec<String> = run.counts.0.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    say(format!("             {}\n", counts.join(", ")));
    say(format!("Sync status of \"{}\"", rule.name));
    say(line("User Sync Summary", users));
    say(line("Group Sync Summary", groups));
}

/// A change in the directory, and how long it takes to be seen in Dropbox.
async fn live(app: &AppState, environment: EnvironmentId, simulator: &Simulator) -> Result<()> {
    let query = usher_domain::ports::store::UserQuery {
        username: Some("marina.castro".into()),
        ..Default::default()
    };
    let page = usher_domain::ports::store::PageRequest { after: None, limit: 1 };
    let found = app.store.users(environment, &query, &page).await?;
    let user = found.items.first().context("the sample has no marina.castro")?;
    let began = Instant::now();
    let change = object(json!({ "name": { "family": "Castro-Lima" } }));
    app.directory.patch_user(&by(), environment, user.id, &change).await?;
    app.wake.notify_one();
    loop {
        let seen = simulator
            .team()
            .member_by_email(&user.email)
            .is_some_and(|member| member.surname == "Castro-Lima");
        if seen {
            break;
        }
        if began.elapsed() > Duration::from_secs(30) {
            bail!("a change in the directory did not reach Dropbox within 30 s");
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    say(format!(
        "\nLive         {} was renamed in the directory; Dropbox had it {} ms later",
        user.username,
        began.elapsed().as_millis()
    ));
    Ok(())
}

/// The program that runs, as a shell takes it.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("usher"));
    quoted(&path.display().to_string())
}

/// A word of a shell's, in quotes where it needs them.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[test]
fn a_path_with_spaces_and_quotes_is_one_word() {
    assert_eq!(quoted("/usr/bin/usher"), "/usr/bin/usher");
    assert_eq!(quoted("/home/o'neil/my usher"), r"'/home/o'\''neil/my usher'");
}

fn addresses(serving: &Serving, environment: EnvironmentId, config: &Config, rule: &Rule) {
    let (Some(client), Some(secret)) = (config.bootstrap.client_id, &config.bootstrap.client_secret) else {
        return;
    };
    if let Some(password) = &config.bootstrap.admin_password {
        let (address, password) = (serving.address, password.expose());
        say(format!(
            "\nThe console is at http://{address}/console: sign in as {ADMINISTRATOR}, password {password}"
        ));
    }
    let usher = program();
    say(format!(
        "\nThe API is at http://{}. In another terminal:\n\n  \
         export USHER_URL=http://{} USHER_ENVIRONMENT_ID={environment}\n  \
         export USHER_CLIENT_ID={client} USHER_CLIENT_SECRET={}\n  \
         {usher} status\n  {usher} preview {}\n  {usher} explain marina.castro\n\nCtrl-C ends the demo.",
        serving.address,
        serving.address,
        secret.expose(),
        quoted(&rule.name)
    ));
}

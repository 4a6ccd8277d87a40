//! A place where Usher lives (configuration, key, database) and the processes that are started there.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, atomic::AtomicU32, atomic::Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{api::Api, cable::Cable, database::Database, stalling::Stalling};

/// The environment that every server begins with.
pub(crate) const ENVIRONMENT: &str = "0197b2d0-0000-7000-8000-0000000000e1";
/// The worker client that every server begins with; it has all roles.
pub(crate) const CLIENT: &str = "0197b2d0-0000-7000-8000-0000000000c1";
/// Its secret, unlike anything else that could be found in a log.
pub(crate) const SECRET: &str = "canary-bootstrap-client-secret-5d1c";

/// Stands for the server's own address in the value of a setting.
const OWN: &str = "{url}";

/// How long a server may take to answer `/readyz`, generously, for a machine that does much else.
const START: Duration = Duration::from_secs(60);

/// Where servers of one database are started.
#[derive(Debug, Clone)]
pub(crate) struct Home(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: TempDir,
    /// Thrown away with the place.
    _database: Database,
    variables: BTreeMap<&'static str, String>,
    /// Whether the settings are in a file, and not in variables.
    by_file: bool,
    servers: AtomicU32,
}

impl Home {
    /// A new SQLite database.
    pub(crate) fn sqlite() -> Home {
        Home::with(&[])
    }

    /// A new SQLite database, with these settings beside the usual ones; `{url}` in one is the server's own address.
    pub(crate) fn with(variables: &[(&'static str, &str)]) -> Home {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::sqlite(dir.path());
        Home::new(dir, database, variables, false)
    }

    /// The same, configured by a file, `usher.toml`.
    pub(crate) fn by_file(variables: &[(&'static str, &str)]) -> Home {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::sqlite(dir.path());
        let home = Home::new(dir, database, variables, true);
        std::fs::write(home.dir().join("usher.toml"), as_file(&home.0.variables)).unwrap();
        home
    }

    /// A new database on the PostgreSQL server for tests; `None` when such tests are left out.
    pub(crate) async fn postgres(variables: &[(&'static str, &str)]) -> Option<Home> {
        let database = Database::postgres().await?;
        Some(Home::new(tempfile::tempdir().unwrap(), database, variables, false))
    }

    /// The same, with a cable between the servers and PostgreSQL.
    pub(crate) async fn postgres_by_cable(variables: &[(&'static str, &str)]) -> Option<(Home, Cable)> {
        let database = Database::postgres().await?;
        let mut url = url::Url::parse(database.url()).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let cable = Cable::to(&server).await;
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(cable.port())).unwrap();
        let mut variables = variables.to_vec();
        variables.push(("USHER_DATABASE_URL", url.as_str()));
        Some((Home::new(tempfile::tempdir().unwrap(), database, &variables, false), cable))
    }

    /// The same, with a way to it that can stand still.
    pub(crate) async fn postgres_that_stalls() -> Option<(Home, Stalling)> {
        let database = Database::postgres().await?;
        let mut url = url::Url::parse(database.url()).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let stalling = Stalling::start(server).await;
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(stalling.port)).unwrap();
        let variables = [("USHER_DATABASE_URL", url.as_str())];
        Some((Home::new(tempfile::tempdir().unwrap(), database, &variables, false), stalling))
    }

    fn new(dir: TempDir, database: Database, variables: &[(&'static str, &str)], by_file: bool) -> Home {
        let mut all = BTreeMap::from([
            ("USHER_LOG", "info,usher=debug".to_owned()),
            ("USHER_LOG_FORMAT", "json".to_owned()),
            // Bursts are gathered briefly, so that tests need not wait; the default is tested by the engine.
            ("USHER_QUIET_TIME_MS", "20".to_owned()),
            ("USHER_BOOTSTRAP_ENVIRONMENT_ID", ENVIRONMENT.to_owned()),
            ("USHER_BOOTSTRAP_CLIENT_ID", CLIENT.to_owned()),
            ("USHER_BOOTSTRAP_CLIENT_SECRET", SECRET.to_owned()),
            ("USHER_BOOTSTRAP_ADMIN_USERNAME", "root".to_owned()),
            ("USHER_BOOTSTRAP_ADMIN_PASSWORD", "canary-admin-password-77ab".to_owned()),
        ]);
        all.insert("USHER_DATABASE_URL", database.url().to_owned());
        all.insert("USHER_SEAL_KEY_FILE", dir.path().join("usher.key").display().to_string());
        all.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Home(Arc::new(Inner {
            dir,
            _database: database,
            variables: all,
            by_file,
            servers: AtomicU32::new(0),
        }))
    }

    /// Where its files are.
    pub(crate) fn dir(&self) -> &Path {
        self.0.dir.path()
    }

    /// `usher` with these arguments, configured for this place and nothing of the machine's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = bare_command(args);
        command.current_dir(self.dir());
        if self.0.by_file {
            command.args(["--config", "usher.toml"])
        } else {
            command.envs(&self.0.variables)
        };
        command
    }

    /// Starts a server and waits until it is ready.
    pub(crate) async fn serve(&self) -> Usher {
        let number = self.0.servers.fetch_add(1, Ordering::SeqCst);
        let log = self.dir().join(format!("server-{number}.log"));
        self.serve_printing_to(log).await
    }

    /// The same, with its output to this file or pipe.
    pub(crate) async fn serve_printing_to(&self, log: PathBuf) -> Usher {
        let mut usher = Usher { home: self.clone(), child: None, port: 0, log, role: "all" };
        usher.start().await;
        usher
    }

    /// Starts a server of this role.
    pub(crate) async fn serve_as(&self, role: &'static str) -> Usher {
        let log = self.dir().join(format!("server-{role}.log"));
        let mut usher = Usher { home: self.clone(), child: None, port: 0, log, role };
        usher.start().await;
        usher
    }

    /// Everything that any server here printed.
    pub(crate) fn printed(&self) -> String {
        let servers = self.0.servers.load(Ordering::SeqCst);
        let logs = (0..servers).map(|number| self.dir().join(format!("server-{number}.log")));
        logs.filter_map(|log| std::fs::read(log).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }
}

/// The same settings in a file.
fn as_file(variables: &BTreeMap<&'static str, String>) -> String {
    let (mut file, mut bootstrap) = (String::new(), "[bootstrap]\n".to_owned());
    for (name, value) in variables {
        let key = name.trim_start_matches("USHER_").to_lowercase();
        match key.strip_prefix("bootstrap_") {
            Some(key) => bootstrap.push_str(&format!("{key} = {value:?}\n")),
            None => file.push_str(&format!("{key} = {value:?}\n")),
        }
    }
    file + &bootstrap
}

/// `usher` with these arguments and no configuration but what the caller adds.
pub(crate) fn bare_command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command.args(args).env_clear().env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR"));
    command
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Usher {
    home: Home,
    child: Option<Child>,
    port: u16,
    log: PathBuf,
    role: &'static str,
}

impl Usher {
    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it lives.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// A client of its API, with a token of the client that the place begins with.
    pub(crate) async fn api(&self) -> Api {
        let of = |name| self.home.0.variables[name].as_str();
        let (environment, client) = (of("USHER_BOOTSTRAP_ENVIRONMENT_ID"), of("USHER_BOOTSTRAP_CLIENT_ID"));
        Api::with_token(&self.url(), environment, client).await
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// What the process keeps in memory now, and the most that it ever kept, in bytes (Linux).
    pub(crate) fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let kilobytes = |name: &str| -> u64 {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Memory { now: kilobytes("VmRSS:") * 1024, peak: kilobytes("VmHWM:") * 1024 }
    }

    /// `kill -9`, and waits until the process is gone.
    pub(crate) fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again, at the same address.
    pub(crate) async fn restart(&mut self) {
        self.kill9();
        self.start().await;
    }

    /// Asks it to stop (SIGTERM); answers how it ended.
    pub(crate) async fn stop(&mut self) -> std::process::ExitStatus {
        let mut child = self.child.take().unwrap();
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(asked.success(), "the signal could not be sent");
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if began.elapsed() > START {
                child.kill().unwrap();
                panic!("the server did not stop within {START:?} of SIGTERM\n{}", self.tail());
            }
            pause().await;
        }
    }

    async fn start(&mut self) {
        let began = Instant::now();
        let http = super::api::http_client();
        'with_a_port: loop {
            if self.port == 0 {
                self.port = free_port();
            }
            let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
            let mut command = self.home.command(&["serve", "--role", self.role]);
            command.env("USHER_LISTEN", format!("127.0.0.1:{}", self.port));
            for (name, value) in self.home.0.variables.iter().filter(|(_, value)| value.contains(OWN)) {
                command.env(name, value.replace(OWN, &self.url()));
            }
            command.stdout(copy(&log)).stderr(log);
            self.child = Some(command.spawn().unwrap());
            loop {
                if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap()) {
                    let said = self.tail();
                    // Someone else took the free port meanwhile.
                    if said.contains("in use") && began.elapsed() < START {
                        self.port = 0;
                        continue 'with_a_port;
                    }
                    panic!("the server ended ({status}) before it was ready:\n{said}");
                }
                let answer = http.get(format!("{}/readyz", self.url())).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
                assert!(began.elapsed() < START, "the server is not ready after {START:?}:\n{}", self.tail());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Everything that it printed.
    pub(crate) fn printed(&self) -> String {
        // A device or a pipe has no end.
        if !self.log.is_file() {
            return String::new();
        }
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last lines that it printed.
    pub(crate) fn tail(&self) -> String {
        let text = self.printed();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// How much memory it holds now, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.as_ref().unwrap().id()));
        let status = status.unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Runs one without waiting for its end.
    pub(crate) fn cli_started(&self, args: &[&str]) -> Child {
        self.cli_command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// An admin verb against this server, as the worker client of all roles.
    pub(crate) fn cli_command(&self, args: &[&str]) -> Command {
        let mut command = bare_command(args);
        command
            .current_dir(self.home.dir())
            .env("USHER_URL", self.url())
            .env("USHER_CLIENT_ID", CLIENT)
            .env("USHER_CLIENT_SECRET", SECRET);
        command
    }

    /// Runs an admin verb against this server, as the worker client of all roles.
    pub(crate) async fn cli(&self, args: &[&str]) -> Output {
        let mut command = self.cli_command(args);
        // Not on this thread: the simulator that the server talks to may be served by it.
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
    }
}

/// Resident memory of a process, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// At present.
    pub(crate) now: u64,
    /// The most so far.
    pub(crate) peak: u64,
}

impl Drop for Usher {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            eprintln!("── the last that {} printed:\n{}", self.log.display(), self.tail());
        }
    }
}

/// Between two looks at something that is waited for, with a deadline.
pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

fn copy(file: &File) -> File {
    file.try_clone().unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

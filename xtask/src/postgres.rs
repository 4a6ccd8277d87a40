//! A PostgreSQL server for the length of one test run: made, used, thrown away.
//!
//! The server is started by a small shell script, its *keeper*, which waits on a pipe that only this process
//! holds open. However this process ends (done, failed, ctrl-C, killed) the pipe closes, and the keeper
//! stops the server and deletes its files.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::system;

/// The variable by which tests find their server; set by a person, it names one to use instead.
pub(crate) const VARIABLE: &str = "USHER_TEST_POSTGRES";
/// The variable that tells tests that they are left out on purpose, so that they need not complain.
pub(crate) const SKIP: &str = "USHER_TEST_SKIP_POSTGRES";

const START: Duration = Duration::from_secs(60);

/// First word: the directory to delete at the end; the rest: the server's command line.
const KEEPER: &str = r#"
directory=$1; shift
"$@" >"$directory/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -INT "$server"
wait "$server"
rm -rf -- "$directory"
"#;

/// Where the server's programs are.
pub(crate) struct Programs {
    initdb: PathBuf,
    postgres: PathBuf,
}

impl Programs {
    /// Finds them, or installs them where that is possible.
    ///
    /// # Errors
    /// When there are none, with what to install.
    pub(crate) fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        if system::can_install() {
            system::install(&["postgresql"]).context("PostgreSQL could not be installed")?;
        }
        Self::find().ok_or_else(|| {
            anyhow!(
                "PostgreSQL's initdb and postgres are neither in PATH nor under /usr/lib/postgresql. Install them \
                 (Debian: apt-get install postgresql; macOS: brew install postgresql), or name a server in \
                 {VARIABLE}, or pass --no-postgres to leave those tests out"
            )
        })
    }

    fn find() -> Option<Self> {
        let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut packaged: Vec<_> = packaged.map(|version| version.path().join("bin")).collect();
        packaged.sort();
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).chain(packaged.into_iter().rev()).find_map(|directory| {
            let found = Self { initdb: directory.join("initdb"), postgres: directory.join("postgres") };
            (found.initdb.is_file() && found.postgres.is_file()).then_some(found)
        })
    }
}

/// A running server; dropping it stops it and deletes its files.
pub(crate) struct Server {
    keeper: Child,
    port: u16,
}

impl Server {
    /// Makes a new cluster below `target` (or in the temporary directory, when the user that must run it
    /// cannot reach `target`) and waits until it answers on a free port of 127.0.0.1.
    pub(crate) fn start(programs: &Programs, target: &Path) -> Result<Self> {
        let owner = if system::is_root() { Some(Owner::find()?) } else { None };
        let directory = make_directory(target, owner.as_ref())?;
        let data = directory.join("data");
        let made = as_owner(owner.as_ref(), &programs.initdb)
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .current_dir(&directory)
            .output()
            .context("cannot run initdb");
        let made = made.and_then(|output| {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(output.status.success(), "initdb failed: {}", why.trim());
            Ok(())
        });
        if let Err(error) = made {
            let _already_failing = fs::remove_dir_all(&directory);
            return Err(error);
        }
        let port = free_port()?;
        let server = as_owner(owner.as_ref(), &programs.postgres);
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&directory);
        keeper.arg(server.get_program()).args(server.get_args()).arg("-D").arg(&data);
        keeper.args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
        ] {
            keeper.args(["-c", setting]);
        }
        // Its own process group, so that ctrl-C reaches us and not it.
        keeper.current_dir(&directory).stdin(Stdio::piped()).process_group(0);
        let server = Self { keeper: keeper.spawn().context("cannot run sh")?, port };
        wait_until_ready(&directory)?;
        Ok(server)
    }

    /// The URL of its `postgres` database, as its superuser.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _nothing_left_to_do = self.keeper.wait();
    }
}

/// The user that runs the server when we are root, since PostgreSQL refuses to run as root.
struct Owner {
    uid: u32,
    gid: u32,
    setpriv: PathBuf,
}

impl Owner {
    fn find() -> Result<Self> {
        let setpriv = system::find("setpriv").context(
            "as root, PostgreSQL is started through setpriv, which is missing: apt-get install util-linux, or run the \
             tests as an ordinary user",
        )?;
        let id = |flag, name| system::answer(Command::new("id").args([flag, name]))?.parse().ok();
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some((id("-u", name)?, id("-g", name)?)))
            .map(|(uid, gid)| Self { uid, gid, setpriv })
            .context("neither a user postgres nor a user nobody exists to run PostgreSQL, which refuses to run as root")
    }
}

/// A command as the owner; setpriv becomes the program, so that its process id is the server's.
fn as_owner(owner: Option<&Owner>, program: &Path) -> Command {
    let Some(Owner { uid, gid, setpriv }) = owner else { return Command::new(program) };
    let mut command = Command::new(setpriv);
    command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups").arg(program);
    command
}

fn make_directory(target: &Path, owner: Option<&Owner>) -> Result<PathBuf> {
    let name = format!("usher-test-postgres-{}", std::process::id());
    for place in [target.to_path_buf(), std::env::temp_dir()] {
        let directory = place.join(&name);
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let Some(owner) = owner else { return Ok(directory) };
        chown(&directory, Some(owner.uid), Some(owner.gid))
            .with_context(|| format!("cannot give {} to another user", directory.display()))?;
        let reachable = as_owner(Some(owner), Path::new("test")).arg("-w").arg(&directory).status();
        if reachable.is_ok_and(|status| status.success()) {
            return Ok(directory);
        }
        let _tried_elsewhere = fs::remove_dir_all(&directory);
    }
    bail!(
        "the user that must run PostgreSQL can reach neither {} nor the temporary directory",
        target.display()
    )
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// The eighth line of `postmaster.pid` says `ready` once the server takes connections.
fn wait_until_ready(directory: &Path) -> Result<()> {
    let began = Instant::now();
    loop {
        let state = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap_or_default();
        if state.lines().nth(7).map(str::trim) == Some("ready") {
            return Ok(());
        }
        let log = fs::read_to_string(directory.join("log")).unwrap_or_default();
        ensure!(!log.contains("FATAL:"), "PostgreSQL did not start: {}", log.trim());
        ensure!(began.elapsed() < START, "PostgreSQL did not start within {START:?}: {}", log.trim());
        sleep(Duration::from_millis(50));
    }
}

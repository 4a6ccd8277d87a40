//! The command line. Admin verbs are clients of the API: there is no door around access and audit.

mod audit;
mod client;
mod directory;
mod fields;
mod import;
mod state;
pub(crate) mod sync;

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, CommandFactory, Parser, Subcommand};
use usher_domain::{directory::audit::verify::Anchor, shown};

pub(crate) use client::Connect;

/// Usher shows people to their seats, and sees them out: it keeps a Dropbox team in step with a directory of users
/// and groups.
#[derive(Debug, Parser)]
#[command(name = "usher", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// API and workers in one process
    Serve {
        #[command(flatten)]
        config: ConfigFile,
        /// What this process does
        #[arg(long, value_enum, default_value = "all")]
        role: Role,
    },
    /// Everything on this machine: SQLite, a simulated Dropbox team, a sample directory
    Demo(crate::demo::Options),
    /// Make or renew the database schema
    Migrate {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Check configuration, key, database and connections; every fault at once
    Check {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Make a checked copy of an SQLite database in a new directory, without the seal key, while servers run; on
    /// PostgreSQL, print the commands to run
    Backup {
        #[command(flatten)]
        config: ConfigFile,
        /// A new directory for this backup
        dir: PathBuf,
    },
    /// Check a backup and put it in place of the configured database; no server may be running
    Restore {
        #[command(flatten)]
        config: ConfigFile,
        /// The backup's directory
        dir: PathBuf,
        /// Replace the database that is there
        #[arg(long)]
        force: bool,
    },
    /// Seal every credential anew under a new key, while servers run; run again to go on after an interruption
    Rekey {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        options: crate::rekey::Options,
    },
    /// Make an administrator and a worker client with every role, when nobody is left who can give some role; run it on the
    /// server's own machine, with its configuration
    RecoverAdmin {
        #[command(flatten)]
        config: ConfigFile,
        /// The environment's id, where there is more than one
        #[arg(long, env = "USHER_ENVIRONMENT_ID", value_name = "ID")]
        environment: Option<usher_domain::EnvironmentId>,
    },
    /// Bring users (and groups) in from CSV files
    Import {
        #[command(flatten)]
        connect: Connect,
        #[command(flatten)]
        options: import::Options,
    },
    /// What a sync of this rule would do; exit 0 nothing, 2 changes pending, 3 held by the guard, 1 failure, 64 wrong arguments
    Preview {
        #[command(flatten)]
        connect: Connect,
        /// The rule's name or id
        rule: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Full resync of this rule now; exit codes as for preview
    Sync {
        #[command(flatten)]
        connect: Connect,
        /// The rule's name or id
        rule: String,
        /// Wait until it is done, with progress
        #[arg(long)]
        wait: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a held run go on, if its plan is still the same
    Approve {
        #[command(flatten)]
        connect: Connect,
        /// The run's id
        run: String,
        /// The digest you looked at; without it, the one the run is held with
        #[arg(long)]
        digest: Option<String>,
    },
    /// How rules stand, in PingOne's terms
    Status {
        #[command(flatten)]
        connect: Connect,
        /// The rule's name or id; all rules without it
        rule: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Why someone has, or has not, what they should
    Explain {
        #[command(flatten)]
        connect: Connect,
        /// The user's username, e-mail or id
        user: String,
        /// Only this rule, by name or id
        #[arg(long)]
        rule: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// The audit: check its chain, take away what it says of a person
    Audit {
        #[command(subcommand)]
        verb: AuditVerb,
    },
    /// Users of the directory
    Users {
        #[command(flatten)]
        connect: Connect,
        #[command(subcommand)]
        verb: directory::Verb<fields::User>,
    },
    /// Groups of the directory
    Groups {
        #[command(flatten)]
        connect: Connect,
        #[command(subcommand)]
        verb: directory::GroupVerb,
    },
    /// Populations
    Populations {
        #[command(flatten)]
        connect: Connect,
        #[command(subcommand)]
        verb: directory::Verb<fields::Population>,
    },
    /// Connections (the API calls them stores)
    Connections {
        #[command(flatten)]
        connect: Connect,
        #[command(subcommand)]
        verb: directory::Verb<fields::Connection>,
    },
    /// Rules
    Rules {
        #[command(flatten)]
        connect: Connect,
        #[command(subcommand)]
        verb: directory::Verb<fields::Rule>,
    },
    /// Worker clients of the API
    Clients {
        #[command(flatten)]
        connect: Connect,
        #[command(subcommand)]
        verb: directory::ClientVerb,
    },
    /// Administrators of the console
    Administrators {
        #[command(flatten)]
        connect: Connect,
        #[command(subcommand)]
        verb: directory::AdministratorVerb,
    },
    /// The keys that sign access tokens
    SigningKeys {
        #[command(flatten)]
        connect: Connect,
        #[command(subcommand)]
        verb: directory::KeyVerb,
    },
    /// Populations, connections and rules as a declarative file, on standard output
    Export {
        #[command(flatten)]
        connect: Connect,
    },
    /// Make populations, connections and rules what a file says; shows the plan first
    Apply {
        #[command(flatten)]
        connect: Connect,
        #[command(flatten)]
        options: state::Options,
    },
    /// A script that completes commands in your shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What to do with the audit.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    /// Find any change, removal, reordering, insertion or truncation, in the database itself; exit 0 none, 3 tampered
    /// with, 1 failure
    Verify {
        #[command(flatten)]
        config: ConfigFile,
        /// An end that was seen before, as this printed it; an older copy of the database does not have it
        #[arg(long, value_name = "[ENVIRONMENT:]SEQ:HASH")]
        expect: Vec<Anchor>,
    },
    /// Take names, sentences and values away from every event about a user; the chain still verifies
    Redact {
        #[command(flatten)]
        connect: Connect,
        /// The user's username, e-mail or id; only the id if they are deleted
        #[arg(long)]
        user: String,
    },
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// API and workers
    All,
    /// API only
    Web,
    /// Workers only; answers /healthz, /readyz and /metrics
    Worker,
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file; every key can also be an environment variable
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Nothing to do.
const NOTHING: u8 = 0;
/// It did not work.
const FAILURE: u8 = 1;
/// Changes are pending.
const PENDING: u8 = 2;
/// Held by the guard.
const HELD: u8 = 3;
/// The arguments are wrong.
pub(crate) const USAGE: u8 = 64;
/// The exit code when nothing reads what is printed: the one that a shell reports for SIGPIPE.
const BROKEN_PIPE: i32 = 141;

/// Arguments that turn out to be wrong only when they are used: the process ends with [`USAGE`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongArguments(pub(crate) String);

/// Runs an admin verb.
pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let code = match command {
        Command::Import { connect, options } => import::import(&connect.client().await?, options).await?,
        Command::Preview { connect, rule, json } => {
            sync::preview(&connect.client().await?, &rule, json).await?
        }
        Command::Sync { connect, rule, wait, json } => {
            sync::sync(&connect.client().await?, &rule, wait, json).await?
        }
        Command::Approve { connect, run, digest } => {
            sync::approve(&connect.client().await?, &run, digest).await?
        }
        Command::Status { connect, rule, json } => {
            sync::status(&connect.client().await?, rule.as_deref(), json).await?
        }
        Command::Explain { connect, user, rule, json } => {
            sync::explain(&connect.client().await?, &user, rule.as_deref(), json).await?
        }
        Command::Audit { verb: AuditVerb::Redact { connect, user } } => {
            audit::redact(&connect.client().await?, &user).await?
        }
        Command::Users { connect, verb } => directory::run(&connect.client().await?, verb).await?,
        Command::Groups { connect, verb } => directory::groups(&connect.client().await?, verb).await?,
        Command::Populations { connect, verb } => directory::run(&connect.client().await?, verb).await?,
        Command::Connections { connect, verb } => directory::run(&connect.client().await?, verb).await?,
        Command::Rules { connect, verb } => directory::run(&connect.client().await?, verb).await?,
        Command::Clients { connect, verb } => directory::clients(&connect.client().await?, verb).await?,
        Command::Administrators { connect, verb } => {
            directory::administrators(&connect.client().await?, verb).await?
        }
        Command::SigningKeys { connect, verb } => {
            directory::signing_keys(&connect.client().await?, verb).await?
        }
        Command::Export { connect } => state::export(&connect.client().await?).await?,
        Command::Apply { connect, options } => state::apply(&connect.client().await?, &options).await?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "usher", &mut script);
            say(String::from_utf8_lossy(&script).trim_end());
            NOTHING
        }
        Command::Rekey { .. }
        | Command::RecoverAdmin { .. }
        | Command::Backup { .. }
        | Command::Restore { .. }
        | Command::Serve { .. }
        | Command::Demo(_)
        | Command::Migrate { .. }
        | Command::Check { .. }
        | Command::Audit { verb: AuditVerb::Verify { .. } } => {
            anyhow::bail!("this verb does not speak to the API")
        }
    };
    Ok(ExitCode::from(code))
}

/// Prints text for the person who asked. What it quotes of the server cannot control the terminal.
pub(crate) fn say(line: impl std::fmt::Display) {
    print(&shown::lines(&line.to_string()));
}

/// Prints a value for the program that asked, as JSON.
///
/// # Errors
/// When the value cannot be written as JSON.
pub(crate) fn say_json<T: serde::Serialize + ?Sized>(value: &T) -> anyhow::Result<()> {
    print(&shown::json(&serde_json::to_string_pretty(value)?));
    Ok(())
}

/// Prints a file: as it is, unless a person sees it on a terminal.
pub(crate) fn say_file(text: &str) {
    if std::io::stdout().is_terminal() { say(text) } else { print(text) }
}

/// Prints a line. When the reader is gone (`usher users list | head`), the process ends here, as quietly as other programs
/// do.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(BROKEN_PIPE);
        }
        crate::log::complain(&anyhow::Error::from(error).context("standard output cannot be written"));
        std::process::exit(i32::from(FAILURE));
    }
}

//! `cargo xtask test`: the one command that runs every test there is, on a machine with only Rust.
//!
//! What is missing is looked for first and told all at once, before anything is built. A part is left out
//! only when a flag asks for it, and the summary says so; otherwise a missing piece is a failure.

use std::io::{BufRead, BufReader, Write, stdout};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::browser::Browser;
use crate::cargo::{cargo, target_directory};
use crate::postgres::{self, Programs, Server};
use crate::python::{self, Environment, Python};
use crate::system;
use crate::tally::Tally;

/// What is built: what `cargo test` will run, with the same features, and the binaries; so one build serves all
/// parts. Benchmarks are left to the lints: they only mean something when built for release.
const TARGETS: [&str; 5] = ["--workspace", "--lib", "--bins", "--tests", "--examples"];

/// The variable that makes tests of a full disk skip themselves on purpose.
const SKIP_TMPFS: &str = "USHER_TEST_SKIP_TMPFS";

#[derive(Args)]
pub(crate) struct Options {
    /// Leave out the parts that need Python: the simulator judged by Dropbox's own SDK, the API by a fuzzer
    #[arg(long)]
    no_python: bool,
    /// Leave out the tests that need a PostgreSQL server (SQLite is always tested)
    #[arg(long)]
    no_postgres: bool,
    /// Leave out the tests that fill a disk, which takes the right to mount a tmpfs
    #[arg(long)]
    no_tmpfs: bool,
    /// Leave out the tests that drive the console in a browser
    #[arg(long)]
    no_browser: bool,
    /// For cargo test, instead of the whole workspace: `cargo xtask test -- -p usher-domain guard`
    #[arg(last = true)]
    cargo_args: Vec<String>,
}

impl Options {
    /// Whether only some Rust tests are wanted.
    fn chooses(&self) -> bool {
        !self.cargo_args.is_empty()
    }
}

/// One part of the run, as the summary tells of it.
struct Part {
    name: &'static str,
    took: Duration,
    tally: Tally,
}

/// Runs every part, even when one fails, and sums up. The last line on standard output is always
/// `N passed, N failed`, once everything needed is there.
///
/// # Errors
/// When a piece is missing, with what to install; failures of tests are in the exit code.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let target = target_directory()?;
    let began = Instant::now();
    let Pieces { server, url, judges, browser } = prepare(options, &target)?;
    let mut parts = vec![Part { name: "prepare", took: began.elapsed(), tally: Tally::default() }];
    // Without a choice of targets: libraries, binaries, tests, and the examples in the docs. (`--doc` in a command
    // of its own would build every library once more.)
    let mut tests = cargo(["test", "--no-fail-fast"]);
    if !names_a_package(&options.cargo_args) {
        tests.arg("--workspace");
    }
    tests.args(&options.cargo_args).env_remove(postgres::VARIABLE);
    tests.envs(url.as_ref().map(|url| (postgres::VARIABLE, url)));
    tests.envs(options.no_postgres.then_some((postgres::SKIP, "1")));
    tests.envs(options.no_tmpfs.then_some((SKIP_TMPFS, "1")));
    tests.envs(browser.iter().flat_map(Browser::variables));
    let run_tests = || count(tests, &mut stdout(), Tally::of_rust);

    if options.chooses() {
        parts.push(part("chosen tests", run_tests));
    } else {
        let build = part("build", || system::run(cargo(["build"]).args(TARGETS)).map(|()| Tally::default()));
        let built = build.tally.failed == 0;
        parts.push(build);
        if built {
            parts.push(part("Rust", run_tests));
        }
        if let (true, Some(judges)) = (built, judges) {
            let usher = target.join("debug/usher");
            let simulator = target.join("debug/dropbox-simulator");
            let sdk = judges.sdk.run(&[("--simulator", &simulator)]);
            parts.push(part("Python SDK", || count_script(sdk, &mut stdout())));
            let fuzzer = judges.fuzzer.run(&[("--usher", &usher), ("--simulator", &simulator)]);
            parts.push(part("API fuzzer", || count_script(fuzzer, &mut stdout())));
        }
    }
    drop(server);
    Ok(conclude(options, &parts))
}

/// What the tests need beside Rust.
struct Pieces {
    /// Ours, to be stopped at the end; none when left out or when a person named another.
    server: Option<Server>,
    url: Option<String>,
    judges: Option<Judges>,
    browser: Option<Browser>,
}

/// The Python programs that judge from outside.
struct Judges {
    sdk: Environment,
    fuzzer: Environment,
}

fn prepare(options: &Options, target: &Path) -> Result<Pieces> {
    std::fs::create_dir_all(target).with_context(|| format!("cannot make {}", target.display()))?;
    let given = std::env::var(postgres::VARIABLE).ok().filter(|url| !url.is_empty());
    let programs = (!options.no_postgres && given.is_none()).then(Programs::find_or_install).transpose();
    let python = (!options.no_python && !options.chooses()).then(Python::find_or_install).transpose();
    let (programs, python) = match (programs, python) {
        (Ok(programs), Ok(python)) => (programs, python),
        (Err(one), Err(other)) => bail!("two pieces are missing.\n  {one:#}\n  {other:#}"),
        (Err(one), _) | (_, Err(one)) => return Err(one),
    };
    let browser = (!options.no_browser).then(|| Browser::find_or_install(target)).transpose()?;
    let judges = python
        .map(|python| {
            let sdk = python.environment(&python::SDK, target)?;
            anyhow::Ok(Judges { sdk, fuzzer: python.environment(&python::FUZZER, target)? })
        })
        .transpose()?;
    let server = programs.map(|programs| Server::start(&programs, target)).transpose()?;
    let url = match &server {
        Some(server) => Some(server.url()),
        None if options.no_postgres => None,
        None => given,
    };
    match (&server, &url) {
        (Some(server), _) => println!("a PostgreSQL server of our own answers at {}", server.url()),
        (None, Some(_)) => println!("the PostgreSQL server that {} names is used", postgres::VARIABLE),
        (None, None) => {}
    }
    Ok(Pieces { server, url, judges, browser })
}

/// Does one part; a part that could not be done counts as one failure.
fn part(name: &'static str, work: impl FnOnce() -> Result<Tally>) -> Part {
    println!("\n── {name}");
    let began = Instant::now();
    let tally = work().unwrap_or_else(|error| {
        println!("{error:#}");
        Tally { failed: 1, ..Tally::default() }
    });
    Part { name, took: began.elapsed(), tally }
}

/// Runs a command, shows its lines as they come, and sums up those that count something. A command that
/// fails without counting a failure (a test program that crashed) counts as one.
fn count(mut command: Command, show: &mut impl Write, read: impl Fn(&str) -> Option<Tally>) -> Result<Tally> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start it")?;
    let mut lines = BufReader::new(child.stdout.take().context("its output cannot be read")?);
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        show.write_all(&line)?;
        if let Some(counted) = read(&String::from_utf8_lossy(&line)) {
            tally += counted;
        }
        line.clear();
    }
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        writeln!(show, "it ended with {status} though no test is counted as failed: counted as one failure")?;
        tally.failed = 1;
    }
    Ok(tally)
}

/// Like [`count`], for a script that must say what it counted.
fn count_script(command: Command, show: &mut impl Write) -> Result<Tally> {
    let tally = count(command, show, Tally::of_script)?;
    ensure!(
        tally != Tally::default(),
        "the script ran no test, or did not end in a line \"N passed, N failed\""
    );
    Ok(tally)
}

fn names_a_package(args: &[String]) -> bool {
    let before_harness = args.iter().take_while(|arg| *arg != "--");
    before_harness.into_iter().any(|arg| {
        arg == "-p"
            || arg == "--workspace"
            || arg.starts_with("--package")
            || (arg.starts_with("-p") && !arg.starts_with("--"))
    })
}

fn conclude(options: &Options, parts: &[Part]) -> ExitCode {
    let mut total = Tally::default();
    println!("\n{:<14}{:>9}{:>9}{:>9}{:>9}", "part", "time", "passed", "failed", "ignored");
    for Part { name, took, tally } in parts {
        let Tally { passed, failed, ignored } = tally;
        println!("{name:<14}{:>7.1} s{passed:>9}{failed:>9}{ignored:>9}", took.as_secs_f64());
        total += *tally;
    }
    if options.chooses() {
        println!("everything else is left out, as chosen by the arguments after --");
    }
    let parts = [
        (options.no_postgres, "PostgreSQL"),
        (options.no_tmpfs, "Full disk"),
        (options.no_python, "Python SDK and API fuzzer"),
        (options.no_browser, "Browser"),
    ];
    for (left_out, what) in parts {
        if left_out {
            println!("{what:<28}left out, as asked");
        }
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed == 0 && total.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{count, count_script, names_a_package};
    use crate::tally::Tally;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_that_fails_without_a_count_is_one_failure() {
        let mut shown = Vec::new();
        let crashed = count(shell("echo 'running 3 tests'; exit 101"), &mut shown, Tally::of_rust).unwrap();
        assert_eq!(crashed, Tally { passed: 0, failed: 1, ignored: 0 });
        insta::assert_snapshot!(String::from_utf8(shown).unwrap(), @"
        running 3 tests
        it ended with exit status: 101 though no test is counted as failed: counted as one failure
        ");
    }

    #[test]
    fn the_counts_of_all_test_programs_are_summed() {
        let lines = [
            "test result: ok. 2 passed; 0 failed; 0 ignored",
            "test result: FAILED. 1 passed; 4 failed; 1 ignored",
        ];
        let script = format!("echo '{}'; echo '{}'; exit 1", lines[0], lines[1]);
        let summed = count(shell(&script), &mut Vec::new(), Tally::of_rust).unwrap();
        assert_eq!(summed, Tally { passed: 3, failed: 4, ignored: 1 });
    }

    #[test]
    fn a_script_that_counts_nothing_has_failed_even_when_it_succeeds() {
        assert!(count_script(shell("echo fine"), &mut Vec::new()).is_err());
        assert!(count_script(shell("echo '5 passed, 0 failed'"), &mut Vec::new()).is_ok());
    }

    #[test]
    fn a_chosen_package_replaces_the_whole_workspace() {
        let args = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(names_a_package(&args("-p usher-domain guard")));
        assert!(names_a_package(&args("--package=usher-domain")));
        assert!(!names_a_package(&args("guard -- -p")));
    }
}

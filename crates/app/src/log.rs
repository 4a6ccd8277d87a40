//! Log lines: pretty for people, JSON for collectors, always on standard error.

pub(crate) mod target;

use std::{
    backtrace::Backtrace,
    io::{IsTerminal, Write as _},
    panic::PanicHookInfo,
};

use anyhow::{Result, anyhow};
use tracing_subscriber::EnvFilter;
use usher_domain::shown;

use crate::config::LogFormat;

use target::ToTarget;
pub(crate) use target::{dropped, flush};

/// Starts logging.
pub(crate) fn start(filter: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter)?;
    let pretty = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(ToTarget::start()?);
    let started = if pretty { builder.try_init() } else { builder.json().flatten_event(true).try_init() };
    started.map_err(|error| anyhow!("logging cannot start: {error}"))
}

/// Prints an error with its causes, for a person: the process ends with this, and there may be no log. What it quotes of a
/// server cannot control the terminal.
pub(crate) fn complain(error: &anyhow::Error) {
    print(format_args!("usher: {}", shown::lines(&format!("{error:#}"))));
}

/// Tells a person something once that must not go to the log, such as a generated secret.
pub(crate) fn announce(line: impl std::fmt::Display) {
    print(format_args!("{line}"));
}

/// Prints a line on standard error, after the log lines before it. When it cannot be written (a full disk, a closed pipe),
/// nothing is printed, and the process goes on.
fn print(line: std::fmt::Arguments<'_>) {
    flush();
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// From now on a panic is told in the log, in the span of its request, without what might be somebody's secret.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(told));
}

/// Words that stand in the program are told. Those that were made at run time may repeat what was worked on (slicing a text
/// repeats the text), so only their place is told, which is what a mender looks for first.
fn told(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let words = panic.payload().downcast_ref::<&'static str>().copied();
    let words = words.unwrap_or("its words are withheld, since they may hold what was worked on");
    let backtrace = Backtrace::capture();
    if tracing::dispatcher::has_been_set() {
        tracing::error!(at, %backtrace, "panicked: {words}");
        // The process may end with this.
        flush();
    } else {
        print(format_args!("usher panicked at {at}: {words}\n{backtrace}"));
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    const CANARY: &str = "cänary-panic-secret-2f6e";
    /// Says to a process of this test program how it is to panic.
    const HOW: &str = "USHER_TEST_PANIC";

    /// What a process prints that panics with a secret in hand; with a log, or without.
    fn printed(how: &str) -> String {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "log::tests::a_process_that_panics", "--nocapture"]).env(HOW, how);
        let output = child.env("RUST_BACKTRACE", "1").output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    #[test]
    fn a_process_that_panics() {
        let Ok(how) = std::env::var(HOW) else { return };
        super::tell_panics();
        if how.contains("log") {
            super::start("trace", crate::config::LogFormat::Json).unwrap();
        }
        let secret = usher_domain::Secret::new(CANARY);
        if how.contains("slice") {
            // In the middle of the second letter: the words repeat the text.
            assert_ne!(&secret.expose()[..2], "c");
        }
        assert!(how.contains("formatted"), "words that stand in the program");
        panic!("{} {secret:?}", secret.expose());
    }

    #[test]
    fn a_panic_tells_its_place_and_never_what_was_worked_on() {
        for how in ["slice", "slice log", "formatted", "formatted log"] {
            let printed = printed(how);
            assert!(printed.contains("panicked") && printed.contains("src/log.rs:"), "{printed}");
            assert!(!printed.contains("nary-panic-secret"), "{how}: {printed}");
            assert!(printed.contains("a_process_that_panics"), "a panic without its backtrace: {printed}");
        }
        assert!(printed("plain log").contains("words that stand in the program"));
    }
}

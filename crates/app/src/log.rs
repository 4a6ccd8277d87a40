//! Log lines: pretty for people, JSON for collectors, always on standard error.

use std::io::IsTerminal;

use anyhow::{Result, anyhow};
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Starts logging.
pub(crate) fn start(filter: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter)?;
    let pretty = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if pretty { builder.try_init() } else { builder.json().flatten_event(true).try_init() };
    started.map_err(|error| anyhow!("logging cannot start: {error}"))
}

/// Tells a person what went wrong, with its causes.
#[expect(clippy::print_stderr, reason = "the process ends with this; there may be no log")]
pub(crate) fn complain(error: &anyhow::Error) {
    eprintln!("usher: {error:#}");
}

/// Tells a person something once that must not go to the log, such as a generated secret.
#[expect(
    clippy::print_stderr,
    reason = "a generated secret is shown once, on the terminal, and never logged"
)]
pub(crate) fn announce(line: impl std::fmt::Display) {
    eprintln!("{line}");
}

//! `cargo xtask endurance`: minutes of everything at once, on the real server. Too long for each change; run it before a release.

use anyhow::Result;
use clap::Args;

use crate::bench;

/// How the benchmark learns how long it is to take.
const MINUTES: &str = "USHER_ENDURANCE_MINUTES";

#[derive(Args)]
pub(crate) struct Options {
    /// How long it takes
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// Put the table into docs/performance.md, between its markers
    #[arg(long)]
    write: bool,
}

/// Runs it.
///
/// # Errors
/// When a request fails, memory grows, or the team is not in step at the end.
pub(crate) fn run(options: &Options) -> Result<()> {
    bench::measure("endurance", "usher", &[(MINUTES, options.minutes.to_string())], options.write)
}

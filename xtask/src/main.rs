//! The project's own chores, each one verb of `cargo xtask`.
//!
//! Here lives what builds, tests, checks and measures Usher. Nothing of Usher itself: this crate depends on
//! none of the others, and none depends on it.
#![expect(clippy::print_stdout, reason = "a command-line tool; what it prints is what it is for")]

mod bench;
mod browser;
mod cargo;
mod checks;
mod deny;
mod endurance;
mod postgres;
mod python;
mod screenshots;
mod system;
mod tally;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Usher's chores: test it, check it, measure it")]
struct Chores {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Every test: Rust on both databases, examples in the docs, the simulator by Dropbox's own SDK, the API by a fuzzer
    Test(test::Options),
    /// Formatting, lints and dependencies, as the build server checks them
    Checks,
    /// Only the dependencies: licences, banned crates, sources, duplicates (rules in deny.toml)
    Deny,
    /// The benchmarks, built for release
    Bench(bench::Options),
    /// Minutes of changes, faults, previews, API calls and console pages at once; fails when memory grows
    Endurance(endurance::Options),
    /// The pictures of the operator's guide, taken anew of the demo's console
    Screenshots,
}

fn main() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let ended = match Chores::parse().verb {
        Verb::Test(options) => test::run(&options),
        Verb::Checks => checks::run().map(done),
        Verb::Deny => deny::run().map(done),
        Verb::Bench(options) => bench::run(&options).map(done),
        Verb::Endurance(options) => endurance::run(&options).map(done),
        Verb::Screenshots => screenshots::run().map(done),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

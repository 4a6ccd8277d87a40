//! `cargo xtask checks`: what the build server asks of a change before it runs a test.

use anyhow::{Context, Result};

use crate::cargo::cargo;
use crate::{deny, system};

/// Formatting, lints and dependencies, in the order of their cost.
///
/// # Errors
/// At the first that does not hold.
pub(crate) fn run() -> Result<()> {
    system::run(&mut cargo(["fmt", "--all", "--check"])).context("not formatted: run cargo fmt")?;
    deny::run()?;
    system::run(&mut cargo(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
        .context("the lints of Cargo.toml and clippy.toml do not hold")
}

//! Calling cargo: the same cargo that started this, from the top of the repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The top of the repository: the directory that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// `cargo ARGS`, to be run at the top of the repository.
pub(crate) fn cargo<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// What `cargo metadata` says of the workspace and, with targets named, of the dependencies used there.
///
/// # Errors
/// When cargo cannot run, or the lock file does not fit the manifests.
pub(crate) fn metadata(targets: &[String]) -> Result<Value> {
    let mut command = cargo(["metadata", "--format-version", "1", "--locked"]);
    for target in targets {
        command.args(["--filter-platform", target]);
    }
    let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed (its message is above)");
    serde_json::from_slice(&output.stdout).context("cargo metadata did not answer in JSON")
}

/// Where cargo puts what it builds (`target/`, unless the environment or a config file says otherwise).
pub(crate) fn target_directory() -> Result<PathBuf> {
    let output = cargo(["metadata", "--format-version", "1", "--no-deps"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed (its message is above)");
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata did not answer in JSON")?;
    let directory =
        metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(PathBuf::from(directory))
}

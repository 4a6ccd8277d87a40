//! `usher export` and `usher apply`: populations, connections and rules as a file.
//!
//! Names are the identity. [`file`](mod@file) is how it is written, [`current`] what the server has, [`plan`] how they
//! differ, [`carry_out`] how the one becomes the other. Secrets are never exported: the file says where they are.

mod carry_out;
mod current;
mod file;
mod plan;

use std::{
    io::{BufRead, IsTerminal},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::{NOTHING, PENDING, client::ApiClient, say, say_file, say_json};
use current::Current;
use file::State;
use plan::Plan;

/// What to apply, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The file
    file: PathBuf,
    /// Only show the plan; exit 0 nothing to do, 2 changes pending
    #[arg(long, conflicts_with_all = ["yes", "update_secrets"])]
    plan: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Also remove what the file does not have
    #[arg(long)]
    prune: bool,
    /// Send the secrets of connections that have them already, too; whether they changed cannot be seen
    #[arg(long)]
    update_secrets: bool,
    /// The plan as JSON
    #[arg(long)]
    json: bool,
}

/// `usher export`
pub(crate) async fn export(api: &ApiClient) -> Result<u8> {
    // First, so that the audit knows of every export that was begun.
    api.post("/exports", &json!({})).await?;
    let current = Current::read(api).await?;
    say_file(file::written(&current.state).trim_end());
    Ok(NOTHING)
}

/// `usher apply FILE`
pub(crate) async fn apply(api: &ApiClient, options: &Options) -> Result<u8> {
    let wanted = State::read(&options.file)?;
    let current = Current::read(api).await?;
    let plan = Plan::new(&wanted, &current, options.prune, options.update_secrets)?;
    if options.json {
        say_json(&plan.shown())?;
    } else {
        say(&plan);
    }
    if plan.is_empty() {
        return Ok(NOTHING);
    }
    if options.plan {
        return Ok(PENDING);
    }
    if !options.yes && !is_wanted()? {
        say("Nothing was changed.");
        return Ok(PENDING);
    }
    carry_out::carry_out(api, &plan, current).await?;
    if !options.json {
        say("Applied.");
    }
    Ok(NOTHING)
}

fn is_wanted() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody is there to be asked; look at the plan, then say --yes");
    }
    say("Apply it? Only `yes` does.");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

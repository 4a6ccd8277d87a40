//! `usher import`: CSV files, sent to the API, which reads them; what was refused is told by line.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use super::{FAILURE, NOTHING, client::ApiClient, say, say_json};

/// What to import.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// username,email,given,family,enabled,population,title,department,office,employee_number,external_id
    users: PathBuf,
    /// The population of users whose row names none
    #[arg(long)]
    population: Option<String>,
    /// Make populations that are not there yet
    #[arg(long)]
    create_populations: bool,
    /// group,description,nested_groups,members
    #[arg(long)]
    groups: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Imports; exit 1 when any row was refused.
pub(crate) async fn import(api: &ApiClient, options: Options) -> Result<u8> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(population) = &options.population {
        query.append_pair("population", population);
    }
    query.append_pair("createPopulations", if options.create_populations { "true" } else { "false" });
    let users = send(api, &format!("/imports/users?{}", query.finish()), &options.users).await?;
    let mut refused = told("users", &options.users, &users, options.json)?;
    if let Some(file) = &options.groups {
        let groups = send(api, "/imports/groups", file).await?;
        refused += told("groups", file, &groups, options.json)?;
    }
    Ok(if refused == 0 { NOTHING } else { FAILURE })
}

async fn send(api: &ApiClient, path: &str, file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    api.post_text(path, text, "text/csv").await
}

/// Tells what became of a file; answers how many rows were refused.
fn told(what: &str, file: &Path, answer: &Value, json: bool) -> Result<usize> {
    let refused = answer["failed"].as_array().map_or(0, Vec::len);
    if json {
        say_json(answer)?;
        return Ok(refused);
    }
    for fault in answer["failed"].as_array().into_iter().flatten() {
        say(format!(
            "{}:{}: {}",
            file.display(),
            fault["line"],
            fault["message"].as_str().unwrap_or_default()
        ));
    }
    say(format!(
        "{what}: {} created, {} updated, {} unchanged, {refused} refused",
        answer["created"], answer["updated"], answer["unchanged"]
    ));
    Ok(refused)
}

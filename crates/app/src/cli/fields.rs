//! `create`, `update` and `delete`: flags become bodies. What a body may hold is the API's to judge; here are only the
//! flags that people type, and the names in them that the API knows by ids.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    WrongArguments,
    client::ApiClient,
    directory::{ADMINISTRATORS, CLIENTS, CONNECTIONS, GROUPS, Kind, POPULATIONS, RULES, USERS},
};

/// Members of a body.
pub(crate) type Body = Map<String, Value>;

/// The flags of one kind of thing.
pub(crate) trait Fields: Args {
    /// Which kind.
    const KIND: Kind;

    /// Puts what the flags say into a body: an empty one to create something, the present one to update it.
    fn put(self, api: &ApiClient, body: &mut Body) -> impl Future<Output = Result<()>>;
}

/// Puts a value in, if the flag was given.
fn set(body: &mut Body, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        body.insert(name.into(), value.into());
    }
}

/// `KEY=VALUE`; the value as JSON where it reads as a number, a truth, a list or an object, else as text.
fn settings(given: &[String]) -> Result<Vec<(String, Value)>> {
    given
        .iter()
        .map(|text| {
            let (key, value) =
                text.split_once('=').ok_or_else(|| WrongArguments(format!("`{text}` is not KEY=VALUE")))?;
            let read = serde_json::from_str(value).ok().filter(|value: &Value| !value.is_string());
            Ok((key.to_owned(), read.unwrap_or_else(|| json!(value))))
        })
        .collect()
}

/// The object at a member of a body, made when it is not there.
fn object<'b>(body: &'b mut Body, name: &str) -> Result<&'b mut Body> {
    let member = body.entry(name).or_insert_with(|| json!({}));
    member.as_object_mut().with_context(|| format!("{name} is no object"))
}

async fn reference(api: &ApiClient, kind: &Kind, name: &str) -> Result<Value> {
    Ok(json!({ "id": kind.find(api, name).await?["id"] }))
}

/// Flags of users
#[derive(Debug, Args)]
pub(crate) struct User {
    /// What they sign in with; unique
    #[arg(long)]
    username: Option<String>,
    /// Their e-mail address
    #[arg(long)]
    email: Option<String>,
    /// Their given name
    #[arg(long)]
    given: Option<String>,
    /// Their family name
    #[arg(long)]
    family: Option<String>,
    /// Their title
    #[arg(long)]
    title: Option<String>,
    /// Their id in another system
    #[arg(long)]
    external_id: Option<String>,
    /// Where they live: a population's name or id
    #[arg(long)]
    population: Option<String>,
    /// true or false
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    enabled: Option<bool>,
    /// Another attribute: KEY=VALUE; KEY=null clears it
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Fields for User {
    const KIND: Kind = USERS;

    async fn put(self, api: &ApiClient, body: &mut Body) -> Result<()> {
        set(body, "username", self.username);
        set(body, "email", self.email);
        set(body, "title", self.title);
        set(body, "externalId", self.external_id);
        set(body, "enabled", self.enabled);
        if self.given.is_some() || self.family.is_some() {
            let name = object(body, "name")?;
            set(name, "given", self.given);
            set(name, "family", self.family);
        }
        if let Some(population) = &self.population {
            body.insert("population".into(), reference(api, &POPULATIONS, population).await?);
        }
        body.extend(settings(&self.set)?);
        Ok(())
    }
}

/// Flags of groups
#[derive(Debug, Args)]
pub(crate) struct Group {
    /// Its name
    #[arg(long = "name", id = "new_name")]
    name: Option<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// The population that it is confined to: a name or id
    #[arg(long)]
    population: Option<String>,
    /// Makes it dynamic: a SCIM filter that says who is in it
    #[arg(long, value_name = "FILTER")]
    user_filter: Option<String>,
    /// Its id in another system
    #[arg(long)]
    external_id: Option<String>,
}

impl Fields for Group {
    const KIND: Kind = GROUPS;

    async fn put(self, api: &ApiClient, body: &mut Body) -> Result<()> {
        set(body, "name", self.name);
        set(body, "description", self.description);
        set(body, "userFilter", self.user_filter);
        set(body, "externalId", self.external_id);
        if let Some(population) = &self.population {
            body.insert("population".into(), reference(api, &POPULATIONS, population).await?);
        }
        Ok(())
    }
}

/// Flags of populations
#[derive(Debug, Args)]
pub(crate) struct Population {
    /// Its name
    #[arg(long = "name", id = "new_name")]
    name: Option<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// Where users live whose population is not given
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    default: Option<bool>,
}

impl Fields for Population {
    const KIND: Kind = POPULATIONS;

    async fn put(self, _: &ApiClient, body: &mut Body) -> Result<()> {
        set(body, "name", self.name);
        set(body, "description", self.description);
        set(body, "default", self.default);
        Ok(())
    }
}

/// Flags of connections
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Its name
    #[arg(long = "name", id = "new_name")]
    name: Option<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// What it connects to; a new one is of type Dropbox
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Whether its rules run; switching it on tests it first
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    active: Option<bool>,
    /// Whether deleting a rule takes its accounts away
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    managed: Option<bool>,
    /// A setting: KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A secret setting, from a variable or a file: KEY=env:NAME or KEY=file:PATH
    #[arg(long = "secret", value_name = "KEY=env:NAME|file:PATH")]
    secret: Vec<String>,
}

impl Fields for Connection {
    const KIND: Kind = CONNECTIONS;

    async fn put(self, _: &ApiClient, body: &mut Body) -> Result<()> {
        set(body, "name", self.name);
        set(body, "description", self.description);
        set(body, "managed", self.managed);
        set(body, "status", self.active.map(|active| if active { "ACTIVE" } else { "INACTIVE" }));
        if self.kind.is_some() || !body.contains_key("type") {
            body.insert("type".into(), json!(self.kind.as_deref().unwrap_or("Dropbox")));
        }
        let mut more = settings(&self.set)?;
        for text in &self.secret {
            let (key, place) =
                text.split_once('=').with_context(|| format!("`{text}` is not KEY=env:NAME"))?;
            more.push((key.to_owned(), json!(secret(place)?)));
        }
        object(body, "configuration")?.extend(more);
        Ok(())
    }
}

/// A secret from where it is: `env:NAME` or `file:PATH`.
fn secret(place: &str) -> Result<String> {
    match place.split_once(':') {
        Some(("env", name)) => std::env::var(name).with_context(|| format!("the variable {name} is not set")),
        Some(("file", path)) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
            Ok(text.trim_end().to_owned())
        }
        // Not repeated: it may be the secret itself.
        _ => bail!(WrongArguments(
            "give a secret as env:NAME or file:PATH, so that it is not kept in the shell's history".into()
        )),
    }
}

/// Flags of rules
#[derive(Debug, Args)]
pub(crate) struct Rule {
    /// Its name
    #[arg(long = "name", id = "new_name")]
    name: Option<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// The connection: a name or id; never changes
    #[arg(long)]
    connection: Option<String>,
    /// From the directory to the connection, or the other way; never changes
    #[arg(long, value_enum, default_value = "outbound")]
    direction: Direction,
    /// Who is in scope: a SCIM filter
    #[arg(long)]
    filter: Option<String>,
    /// A group that is provisioned: a name or id; may be given again
    #[arg(long = "group")]
    groups: Vec<String>,
    /// Whether it runs
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    active: Option<bool>,
    /// A setting, such as GUARD_MAX_REMOVALS=10
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Which way a rule goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Direction {
    /// From the directory to the connection
    Outbound,
    /// From the connection to the directory
    Inbound,
}

impl Fields for Rule {
    const KIND: Kind = RULES;

    async fn put(self, api: &ApiClient, body: &mut Body) -> Result<()> {
        set(body, "name", self.name);
        set(body, "description", self.description);
        set(body, "populationExpression", self.filter);
        set(body, "active", self.active);
        if let Some(connection) = &self.connection {
            let remote = reference(api, &CONNECTIONS, connection).await?;
            let (source, target) = ends(self.direction, directory(api).await?, remote);
            body.insert("sourceStore".into(), source);
            body.insert("targetStore".into(), target);
        }
        if !body.contains_key("plan") {
            body.insert("plan".into(), plan(api).await?);
        }
        if !self.groups.is_empty() {
            let mut groups = Vec::new();
            for group in &self.groups {
                groups.push(reference(api, &GROUPS, group).await?);
            }
            body.insert("groups".into(), Value::Array(groups));
        }
        object(body, "configuration")?.extend(settings(&self.set)?);
        Ok(())
    }
}

/// Source and target of a rule of that direction.
pub(crate) fn ends(direction: Direction, directory: Value, remote: Value) -> (Value, Value) {
    match direction {
        Direction::Outbound => (directory, remote),
        Direction::Inbound => (remote, directory),
    }
}

/// The connection that is the directory itself.
pub(crate) async fn directory(api: &ApiClient) -> Result<Value> {
    let all = api.list("/propagation/stores", "stores").await?;
    let found =
        all.iter().find(|store| store["type"] == "directory").context("there is no directory store")?;
    Ok(json!({ "id": found["id"] }))
}

/// The plan that rules stand on; made when there is none.
pub(crate) async fn plan(api: &ApiClient) -> Result<Value> {
    let plans = api.list("/propagation/plans", "plans").await?;
    let plan = match plans.into_iter().next() {
        Some(plan) => plan,
        None => api.post("/propagation/plans", &json!({ "name": "Provisioning" })).await?,
    };
    Ok(json!({ "id": plan["id"] }))
}

/// Flags of worker clients
#[derive(Debug, Args)]
pub(crate) struct Client {
    /// Its name
    #[arg(long = "name", id = "new_name")]
    name: Option<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// A role, such as "Identity Data Admin"; may be given again, and all together replace those of before
    #[arg(long = "role")]
    roles: Vec<String>,
    /// Whether it gets tokens
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    enabled: Option<bool>,
}

impl Fields for Client {
    const KIND: Kind = CLIENTS;

    async fn put(self, _: &ApiClient, body: &mut Body) -> Result<()> {
        set(body, "name", self.name);
        set(body, "description", self.description);
        set(body, "enabled", self.enabled);
        set(body, "roles", (!self.roles.is_empty()).then_some(self.roles));
        Ok(())
    }
}

/// Flags of administrators
#[derive(Debug, Args)]
pub(crate) struct Administrator {
    /// What they sign in with; unique
    #[arg(long)]
    username: Option<String>,
    /// A role, such as "Sync Approver"; may be given again, and all together replace those of before
    #[arg(long = "role")]
    roles: Vec<String>,
    /// Whether they may sign in
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    enabled: Option<bool>,
    /// For a new administrator: a file with the password; without it one is generated and shown once
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Fields for Administrator {
    const KIND: Kind = ADMINISTRATORS;

    async fn put(self, _: &ApiClient, body: &mut Body) -> Result<()> {
        set(body, "username", self.username);
        set(body, "enabled", self.enabled);
        set(body, "roles", (!self.roles.is_empty()).then_some(self.roles));
        if let Some(file) = self.password_file {
            if body.contains_key("id") {
                bail!(WrongArguments(
                    "--password-file is for a new administrator; use `usher administrators set-password`"
                        .into()
                ));
            }
            body.insert("password".into(), json!(password(&file)?));
        }
        Ok(())
    }
}

/// A password from a file.
pub(crate) fn password(file: &std::path::Path) -> Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(text.trim_end().to_owned())
}

//! The verbs of people and things: `list`, `show`, `create`, `update`, `delete`, and what only some kinds can.

use std::{io::IsTerminal, path::PathBuf};

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    NOTHING, WrongArguments,
    client::ApiClient,
    fields::{self, Body, Fields},
    say, say_json,
};

/// What to do with them.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb<F: Fields> {
    /// All of them, one a line
    List {
        /// A SCIM filter
        #[arg(long)]
        filter: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// One of them
    Show {
        /// Its name (of a user: username or e-mail) or id
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make one
    Create {
        #[command(flatten)]
        fields: F,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Change one; what is not given stays
    Update {
        /// Its name (of a user: username or e-mail) or id
        #[arg(value_name = "NAME", id = "which")]
        name: String,
        #[command(flatten)]
        fields: F,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete one
    Delete {
        /// Its name (of a user: username or e-mail) or id
        name: String,
        /// Of a rule: also take away the accounts that it made
        #[arg(long)]
        deprovision: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with groups.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupVerb {
    #[command(flatten)]
    Plain(Verb<fields::Group>),
    /// Put users into a group
    AddMember {
        /// The group's name or id
        group: String,
        /// Usernames, e-mails or ids
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Take users out of a group
    RemoveMember {
        /// The group's name or id
        group: String,
        /// Usernames, e-mails or ids
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Nest a group in another one
    AddGroup {
        /// The outer group's name or id
        group: String,
        /// The inner group's name or id
        inner: String,
    },
    /// Take a group out of another one
    RemoveGroup {
        /// The outer group's name or id
        group: String,
        /// The inner group's name or id
        inner: String,
    },
}

/// What to do with worker clients.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientVerb {
    #[command(flatten)]
    Plain(Verb<fields::Client>),
    /// Give a client a new secret, shown this once
    RotateSecret {
        /// The client's name or id
        name: String,
        /// For how many seconds the old secret stays good
        #[arg(long, default_value_t = 0)]
        overlap: u64,
        /// Also end the access tokens that the client has: for a secret that leaked
        #[arg(long, conflicts_with = "overlap")]
        end_tokens: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with administrators.
#[derive(Debug, Subcommand)]
pub(crate) enum AdministratorVerb {
    #[command(flatten)]
    Plain(Verb<fields::Administrator>),
    /// Give an administrator a new password; without a file one is generated and shown this once
    SetPassword {
        /// The username or id
        name: String,
        /// A file with the password
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Turn off the second factor of someone who lost their device
    ResetTotp {
        /// The username or id
        name: String,
    },
    /// Release someone from their account at the OpenID provider
    ReleaseProvider {
        /// The username or id
        name: String,
    },
}

/// What to do with the keys that sign access tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyVerb {
    /// All of them; the first one signs
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Sign with a new key from now on; tokens of the old ones stay good until they expire
    Rotate,
    /// Delete a key that signs no more: its tokens are void at once
    Revoke {
        /// The key's id
        id: String,
    },
}

/// A kind of thing, as the API lists it.
#[derive(Debug)]
pub(crate) struct Kind {
    path: &'static str,
    embedded: &'static str,
    what: &'static str,
    /// The members that a line shows, as JSON pointers.
    columns: &'static [&'static str],
}

pub(crate) const USERS: Kind = Kind {
    path: "/users",
    embedded: "users",
    what: "user",
    columns: &["/username", "/email", "/enabled", "/name/given", "/name/family", "/id"],
};
pub(crate) const GROUPS: Kind = Kind {
    path: "/groups",
    embedded: "groups",
    what: "group",
    columns: &["/name", "/directMemberCounts/users", "/description", "/id"],
};
pub(crate) const POPULATIONS: Kind = Kind {
    path: "/populations",
    embedded: "populations",
    what: "population",
    columns: &["/name", "/userCount", "/default", "/id"],
};
pub(crate) const CONNECTIONS: Kind = Kind {
    path: "/propagation/stores",
    embedded: "stores",
    what: "connection",
    columns: &["/name", "/type", "/status", "/health/health", "/id"],
};
pub(crate) const RULES: Kind = Kind {
    path: "/propagation/rules",
    embedded: "rules",
    what: "rule",
    columns: &["/name", "/active", "/populationExpression", "/id"],
};

pub(crate) const CLIENTS: Kind = Kind {
    path: "/clients",
    embedded: "clients",
    what: "client",
    columns: &["/name", "/roles", "/enabled", "/id"],
};
pub(crate) const ADMINISTRATORS: Kind = Kind {
    path: "/administrators",
    embedded: "administrators",
    what: "administrator",
    columns: &["/username", "/roles", "/enabled", "/totpEnabled", "/id"],
};
const KEYS: Kind = Kind {
    path: "/signingKeys",
    embedded: "signingKeys",
    what: "signing key",
    columns: &["/id", "/signs", "/createdAt"],
};

impl Kind {
    /// All of them.
    pub(crate) async fn all(&self, api: &ApiClient) -> Result<Vec<Value>> {
        api.list(&format!("{}?limit=1000", self.path), self.embedded).await
    }

    /// The one of that name or id.
    pub(crate) async fn find(&self, api: &ApiClient, name: &str) -> Result<Value> {
        match self.embedded {
            "users" => user(api, name).await,
            _ => api.find(&format!("{}?limit=1000", self.path), self.embedded, self.what, name).await,
        }
    }

    fn address(&self, item: &Value) -> String {
        format!("{}/{}", self.path, item["id"].as_str().unwrap_or_default())
    }
}

/// Does what a verb says.
pub(crate) async fn run<F: Fields>(api: &ApiClient, verb: Verb<F>) -> Result<u8> {
    let kind = &F::KIND;
    match verb {
        Verb::List { filter, json } => {
            let query = filter.map_or_else(
                || "?limit=1000".to_owned(),
                |filter| format!("?limit=1000&{}", encoded(&filter)),
            );
            let items = api.list(&format!("{}{query}", kind.path), kind.embedded).await?;
            table(kind, &items, json)?;
        }
        Verb::Show { name, json } => told(&kind.find(api, &name).await?, json)?,
        Verb::Create { fields, json } => {
            let mut body = Body::new();
            fields.put(api, &mut body).await?;
            told(&api.post(kind.path, &Value::Object(body)).await?, json)?;
        }
        Verb::Update { name, fields, json } => {
            let current = kind.find(api, &name).await?;
            told(&update(api, kind, current, fields).await?, json)?;
        }
        Verb::Delete { name, deprovision, json } => {
            let item = kind.find(api, &name).await?;
            let query = match (deprovision, kind.embedded) {
                (false, _) => "",
                (true, "rules") => "?deprovision=true",
                (true, _) => bail!(WrongArguments("--deprovision is for rules".into())),
            };
            api.delete(&format!("{}{query}", kind.address(&item))).await?;
            if json {
                say_json(&json!({ "id": item["id"], "deleted": true }))?;
            } else {
                say(format!("Deleted the {} {name}.", kind.what));
            }
        }
    }
    Ok(NOTHING)
}

/// Changes one thing; answers it as it is then.
async fn update<F: Fields>(api: &ApiClient, kind: &Kind, current: Value, fields: F) -> Result<Value> {
    let address = kind.address(&current);
    if kind.embedded == "users" {
        // Only what is given is sent, and what has a route of its own goes there.
        let mut changes = Body::new();
        fields.put(api, &mut changes).await?;
        for (member, below) in [("enabled", "enabled"), ("population", "population")] {
            if let Some(value) = changes.remove(member) {
                let body = if member == "enabled" { json!({ "enabled": value }) } else { value };
                api.put(&format!("{address}/{below}"), &body).await?;
            }
        }
        if !changes.is_empty() {
            api.patch(&address, &Value::Object(changes)).await?;
        }
        return api.get(&address).await;
    }
    // What clients send back of what they were shown, beside what they change, is ignored where it is read-only.
    let Value::Object(mut body) = current else { bail!("the {} could not be read", kind.what) };
    fields.put(api, &mut body).await?;
    api.put(&address, &Value::Object(body)).await
}

/// Groups, and who is in them.
pub(crate) async fn groups(api: &ApiClient, verb: GroupVerb) -> Result<u8> {
    match verb {
        GroupVerb::Plain(verb) => return run(api, verb).await,
        GroupVerb::AddMember { group, users } => {
            let group = GROUPS.find(api, &group).await?;
            for wanted in users {
                let user = user(api, &wanted).await?;
                let path = format!("{}/memberOfGroups", USERS.address(&user));
                api.post(&path, &json!({ "id": group["id"] })).await?;
                say(format!("{wanted} is in {}.", cell(group.get("name"))));
            }
        }
        GroupVerb::RemoveMember { group, users } => {
            let group = GROUPS.find(api, &group).await?;
            for wanted in users {
                let user = user(api, &wanted).await?;
                let path = format!("{}/memberOfGroups/{}", USERS.address(&user), cell(group.get("id")));
                api.delete(&path).await?;
                say(format!("{wanted} is no longer in {}.", cell(group.get("name"))));
            }
        }
        GroupVerb::AddGroup { group, inner } => {
            let (outer, inside) = (GROUPS.find(api, &group).await?, GROUPS.find(api, &inner).await?);
            let path = format!("{}/memberOfGroups", GROUPS.address(&inside));
            api.post(&path, &json!({ "id": outer["id"] })).await?;
            say(format!("{inner} is nested in {group}."));
        }
        GroupVerb::RemoveGroup { group, inner } => {
            let (outer, inside) = (GROUPS.find(api, &group).await?, GROUPS.find(api, &inner).await?);
            let path = format!("{}/memberOfGroups/{}", GROUPS.address(&inside), cell(outer.get("id")));
            api.delete(&path).await?;
            say(format!("{inner} is no longer nested in {group}."));
        }
    }
    Ok(NOTHING)
}

/// Worker clients, and their secrets.
pub(crate) async fn clients(api: &ApiClient, verb: ClientVerb) -> Result<u8> {
    match verb {
        ClientVerb::Plain(verb) => run(api, verb).await,
        ClientVerb::RotateSecret { name, overlap, end_tokens, json } => {
            let client = CLIENTS.find(api, &name).await?;
            let path = format!("{}/secret", CLIENTS.address(&client));
            told(
                &api.post(&path, &json!({ "overlapSeconds": overlap, "endTokens": end_tokens })).await?,
                json,
            )?;
            Ok(NOTHING)
        }
    }
}

/// Administrators, their passwords and second factors.
pub(crate) async fn administrators(api: &ApiClient, verb: AdministratorVerb) -> Result<u8> {
    match verb {
        AdministratorVerb::Plain(verb) => return run(api, verb).await,
        AdministratorVerb::SetPassword { name, password_file, json } => {
            let administrator = ADMINISTRATORS.find(api, &name).await?;
            let body = match password_file {
                Some(file) => json!({ "password": fields::password(&file)? }),
                None => json!({}),
            };
            let path = format!("{}/password", ADMINISTRATORS.address(&administrator));
            told(&api.post(&path, &body).await?, json)?;
        }
        AdministratorVerb::ResetTotp { name } => {
            let administrator = ADMINISTRATORS.find(api, &name).await?;
            api.delete(&format!("{}/totp", ADMINISTRATORS.address(&administrator))).await?;
            say(format!("The second factor of {name} is off, and their sessions ended."));
        }
        AdministratorVerb::ReleaseProvider { name } => {
            let administrator = ADMINISTRATORS.find(api, &name).await?;
            api.delete(&format!("{}/provider", ADMINISTRATORS.address(&administrator))).await?;
            say(format!("{name} is no longer bound to an account at the OpenID provider."));
        }
    }
    Ok(NOTHING)
}

/// The keys that sign access tokens.
pub(crate) async fn signing_keys(api: &ApiClient, verb: KeyVerb) -> Result<u8> {
    match verb {
        KeyVerb::List { json } => table(&KEYS, &api.list(KEYS.path, KEYS.embedded).await?, json)?,
        KeyVerb::Rotate => {
            let made = api.post(KEYS.path, &json!({})).await?;
            say(format!("The key {} signs from now on.", cell(made.get("id"))));
        }
        KeyVerb::Revoke { id } => {
            api.delete(&format!("{}/{id}", KEYS.path)).await?;
            say(format!("The key {id} is gone; every server refuses its tokens within a second."));
        }
    }
    Ok(NOTHING)
}

/// Prints a listing: JSON; a table for a person at a terminal; lines with tabs for a program.
fn table(kind: &Kind, items: &[Value], json: bool) -> Result<()> {
    if json {
        say_json(items)?;
        return Ok(());
    }
    let rows =
        items.iter().map(|item| kind.columns.iter().map(|column| cell(item.pointer(column))).collect());
    let rows: Vec<Vec<String>> = rows.collect();
    if !std::io::stdout().is_terminal() {
        rows.iter().for_each(|row| say(row.join("\t")));
        return Ok(());
    }
    let title = |column: &&str| column.rsplit('/').next().unwrap_or_default().to_uppercase();
    for line in aligned(kind.columns.iter().map(title).collect(), rows) {
        say(line);
    }
    Ok(())
}

/// Lines with their cells one below the other, under their titles.
fn aligned(titles: Vec<String>, rows: Vec<Vec<String>>) -> Vec<String> {
    let all: Vec<Vec<String>> = std::iter::once(titles).chain(rows).collect();
    let columns = all.first().map_or(0, Vec::len);
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect()
}

/// Prints one thing.
fn told(item: &Value, json: bool) -> Result<()> {
    if json {
        say_json(item)?;
    } else {
        show(item, "");
    }
    Ok(())
}

/// The user with this username, e-mail or id.
pub(crate) async fn user(api: &ApiClient, wanted: &str) -> Result<Value> {
    if wanted.parse::<usher_domain::UserId>().is_ok() {
        return api.get(&format!("/users/{wanted}")).await;
    }
    let text = serde_json::to_string(wanted)?;
    let filter = encoded(&format!("username eq {text} or email eq {text}"));
    let mut found = api.list(&format!("/users?{filter}"), "users").await?;
    match (found.len(), found.pop()) {
        (1, Some(user)) => Ok(user),
        (0, _) => bail!("there is no user with the username or e-mail {wanted}"),
        _ => bail!("more than one user has the e-mail {wanted}; use the username or id"),
    }
}

fn encoded(filter: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish()
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".into(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

/// A thing as indented `name: value` lines, links left out.
fn show(value: &Value, indent: &str) {
    for (name, member) in value.as_object().into_iter().flatten().filter(|(name, _)| *name != "_links") {
        match member {
            Value::Object(inner) if !inner.is_empty() => {
                say(format!("{indent}{name}:"));
                show(member, &format!("{indent}  "));
            }
            other => say(format!("{indent}{name}: {}", cell(Some(other)))),
        }
    }
}

#[test]
fn a_table_has_its_cells_one_below_the_other() {
    let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
    let lines = aligned(row(["NAME", "ID"]), vec![row(["Ægir", "1"]), row(["a longer name", "2"])]);
    insta::assert_snapshot!(lines.join("\n"), @"
    NAME           ID
    Ægir           1
    a longer name  2
    ");
}

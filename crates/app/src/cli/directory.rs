//! `list` and `show` of users, groups, populations, connections and rules.

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::Value;

use super::{NOTHING, client::ApiClient, say};

/// What to do with them.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
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

/// Lists or shows.
pub(crate) async fn run(api: &ApiClient, kind: &Kind, verb: Verb) -> Result<u8> {
    match verb {
        Verb::List { filter, json } => {
            let query = filter.map_or_else(
                || "?limit=1000".to_owned(),
                |filter| format!("?limit=1000&{}", encoded(&filter)),
            );
            let items = api.list(&format!("{}{query}", kind.path), kind.embedded).await?;
            if json {
                say(serde_json::to_string_pretty(&items)?);
            } else {
                for item in &items {
                    let cells: Vec<String> =
                        kind.columns.iter().map(|column| cell(item.pointer(column))).collect();
                    say(cells.join("\t"));
                }
            }
        }
        Verb::Show { name, json } => {
            let item = if kind.embedded == "users" {
                user(api, &name).await?
            } else {
                api.find(&format!("{}?limit=1000", kind.path), kind.embedded, kind.what, &name).await?
            };
            if json {
                say(serde_json::to_string_pretty(&item)?);
            } else {
                show(&item, "");
            }
        }
    }
    Ok(NOTHING)
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

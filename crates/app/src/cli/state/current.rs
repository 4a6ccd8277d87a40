//! What the server has, as the file would say it, with the ids that the API wants.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::{Result, bail};
use serde_json::Value;
use usher_domain::secret::MASK;

use super::file::{Connection, Direction, Mapping, Population, Rule, SecretPlace, Settings, State};
use crate::cli::{
    client::ApiClient,
    directory::{CONNECTIONS, GROUPS, POPULATIONS, RULES},
};

/// The setting of inbound rules that names a population by its id.
pub(super) const POPULATION_ID: &str = "POPULATION_ID";

/// What the server has.
#[derive(Debug, Default)]
pub(super) struct Current {
    pub(super) state: State,
    /// Ids by name.
    pub(super) populations: BTreeMap<String, String>,
    pub(super) connections: BTreeMap<String, String>,
    pub(super) rules: BTreeMap<String, String>,
    pub(super) groups: BTreeMap<String, String>,
    /// The id of each rule's mapping, by rule and target.
    pub(super) mappings: BTreeMap<(String, String), String>,
    /// The connection that is the directory itself.
    pub(super) directory: String,
}

impl Current {
    /// Asks the server.
    pub(super) async fn read(api: &ApiClient) -> Result<Current> {
        let mut current = Current::default();
        for item in POPULATIONS.all(api).await? {
            let name = text(&item["name"]);
            unique(&mut current.populations, "population", &name, &item)?;
            let description = optional(&item["description"]);
            let it = Population { name: name.clone(), description, default: item["default"] == true };
            current.state.populations.insert(name, (0, it));
        }
        for item in GROUPS.all(api).await? {
            // Groups of the same name in several populations cannot be told apart by it: the last one counts.
            current.groups.insert(text(&item["name"]), text(&item["id"]));
        }
        let mut of_id: BTreeMap<String, String> = BTreeMap::new();
        for item in CONNECTIONS.all(api).await? {
            if item["type"] == "directory" {
                current.directory = text(&item["id"]);
                continue;
            }
            let it = connection(&item);
            unique(&mut current.connections, "connection", &it.name, &item)?;
            of_id.insert(text(&item["id"]), it.name.clone());
            current.state.connections.insert(it.name.clone(), (0, it));
        }
        for item in RULES.all(api).await? {
            let mut it = current.rule(&item, &of_id);
            unique(&mut current.rules, "rule", &it.name, &item)?;
            let path = format!("/propagation/rules/{}/mappings", text(&item["id"]));
            for mapping in api.list(&path, "mappings").await? {
                let target = text(&mapping["targetAttribute"]);
                current.mappings.insert((it.name.clone(), target.clone()), text(&mapping["id"]));
                it.mappings.push(Mapping {
                    target,
                    source: optional(&mapping["sourceAttribute"]),
                    expression: optional(&mapping["expression"]),
                });
            }
            it.mappings.sort_by(|one, other| one.target.cmp(&other.target));
            current.state.rules.insert(it.name.clone(), (0, it));
        }
        current.state.path = PathBuf::new();
        Ok(current)
    }

    fn rule(&self, item: &Value, connections: &BTreeMap<String, String>) -> Rule {
        let (source, target) = (text(&item["sourceStore"]["id"]), text(&item["targetStore"]["id"]));
        let (direction, remote) = if source == self.directory {
            (Direction::Outbound, target)
        } else {
            (Direction::Inbound, source)
        };
        let name_of = |names: &BTreeMap<String, String>, id: &str| {
            names.iter().find(|(_, known)| *known == id).map(|(name, _)| name.clone())
        };
        let groups = item["groups"].as_array().into_iter().flatten();
        // A group that is gone has no name, and is not in the file.
        let groups: BTreeSet<String> =
            groups.filter_map(|group| name_of(&self.groups, group["id"].as_str()?)).collect();
        let mut configuration = settings(&item["configuration"]);
        let population = configuration.get(POPULATION_ID).and_then(Value::as_str);
        let population = population.and_then(|id| name_of(&self.populations, id));
        if population.is_some() {
            configuration.remove(POPULATION_ID);
        }
        Rule {
            name: text(&item["name"]),
            description: optional(&item["description"]),
            connection: connections.get(&remote).cloned().unwrap_or_default(),
            direction,
            active: item["active"] == true,
            filter: optional(&item["populationExpression"]),
            groups,
            population,
            configuration,
            mappings: Vec::new(),
        }
    }
}

fn connection(item: &Value) -> Connection {
    let name = text(&item["name"]);
    let (secrets, configuration): (Settings, Settings) =
        settings(&item["configuration"]).into_iter().partition(|(_, value)| value == MASK);
    let variable = |key: &str| {
        let text = format!("USHER_{name}_{key}").to_uppercase();
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    };
    let place = |key: &String| (key.clone(), SecretPlace::Named { env: Some(variable(key)), file: None });
    Connection {
        kind: text(&item["type"]),
        description: optional(&item["description"]),
        active: item["status"] == "ACTIVE",
        managed: item["managed"] == true,
        configuration,
        secrets: secrets.keys().map(place).collect(),
        name,
    }
}

fn unique(ids: &mut BTreeMap<String, String>, what: &str, name: &str, item: &Value) -> Result<()> {
    if ids.insert(name.to_owned(), text(&item["id"])).is_some() {
        bail!(
            "the server has more than one {what} named {name}; rename one, since a file tells them apart by name"
        );
    }
    Ok(())
}

fn settings(value: &Value) -> Settings {
    let members = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    members.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

//! How the file and the server differ: steps that can be read aloud. Nothing here asks or changes anything.

use std::{collections::BTreeMap, fmt};

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use usher_domain::provisioning::connection::ConnectionKind;

use super::{
    current::Current,
    file::{Connection, Mapping, Population, Rule, Settings, State},
};

/// One field that is to be another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) field: String,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

/// What is to become of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    Create,
    Update,
    Remove,
    /// The server has it and the file has not: it stays.
    Keep,
}

/// One thing, as it is wanted; for what is removed, as it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Thing {
    Population(Population),
    /// With those secrets that are to be sent.
    Connection(Connection, BTreeMap<String, String>),
    Rule(Rule),
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) thing: Thing,
    pub(super) changes: Vec<Change>,
    /// Where in the file.
    pub(super) line: usize,
}

/// All steps, in the order in which they are done.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// The file, for messages.
    pub(super) path: String,
}

impl Thing {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Thing::Population(_) => "population",
            Thing::Connection(..) => "connection",
            Thing::Rule(_) => "rule",
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Thing::Population(it) => &it.name,
            Thing::Connection(it, _) => &it.name,
            Thing::Rule(it) => &it.name,
        }
    }
}

impl Plan {
    /// What makes the server what the file says. With `prune`, what the file does not have is removed. Secrets that are
    /// to be sent are read here, so that a missing one is found before anything is changed.
    ///
    /// # Errors
    /// Every reference and secret of the file that leads nowhere, at its line.
    pub(super) fn new(wanted: &State, current: &Current, prune: bool, all_secrets: bool) -> Result<Plan> {
        let mut plan = Plan { steps: Vec::new(), path: wanted.path.display().to_string() };
        let mut faults = Vec::new();
        let has = &current.state;
        for (name, (line, it)) in &wanted.populations {
            let changes = population_changes(has.populations.get(name).map(|(_, it)| it), it);
            plan.want(*line, has.populations.contains_key(name), Thing::Population(it.clone()), changes);
        }
        let base = wanted.path.parent().unwrap_or(&wanted.path);
        for (name, (line, it)) in &wanted.connections {
            let before = has.connections.get(name).map(|(_, it)| it);
            let mut secrets = BTreeMap::new();
            for (key, place) in &it.secrets {
                let is_there = before.is_some_and(|before| before.secrets.contains_key(key));
                if is_there && !all_secrets {
                    continue;
                }
                match place.read(base) {
                    Ok(secret) => drop(secrets.insert(key.clone(), secret)),
                    Err(error) => {
                        faults.push((*line, format!("the connection {name}: secrets.{key}: {error:#}")))
                    }
                }
            }
            if before.is_none() && ConnectionKind::named(&it.kind).is_none() {
                let allowed = ConnectionKind::allowed();
                faults
                    .push((*line, format!("the connection {name}: its type {} must be {allowed}", it.kind)));
            }
            if before.is_some_and(|before| before.kind != it.kind) {
                faults.push((
                    *line,
                    format!("the connection {name}: its type never changes; use another name"),
                ));
            }
            let changes = connection_changes(before, it, &secrets);
            plan.want(*line, before.is_some(), Thing::Connection(it.clone(), secrets), changes);
        }
        for (name, (line, it)) in &wanted.rules {
            let before = has.rules.get(name).map(|(_, it)| it);
            let mut fault = |what: String| faults.push((*line, format!("the rule {name}: {what}")));
            let known =
                |all: &BTreeMap<String, String>, file: bool, name: &String| file || all.contains_key(name);
            if !known(&current.connections, wanted.connections.contains_key(&it.connection), &it.connection) {
                fault(format!("there is no connection {} in the file or on the server", it.connection));
            }
            for group in it.groups.iter().filter(|group| !current.groups.contains_key(*group)) {
                fault(format!("there is no group {group} on the server; make it, or import it, first"));
            }
            if let Some(population) = &it.population
                && !known(&current.populations, wanted.populations.contains_key(population), population)
            {
                fault(format!("there is no population {population} in the file or on the server"));
            }
            if before.is_some_and(|before| {
                (&before.connection, before.direction) != (&it.connection, it.direction)
            }) {
                fault("its connection and direction never change; use another name for another rule".into());
            }
            let changes = rule_changes(before, it);
            plan.want(*line, before.is_some(), Thing::Rule(it.clone()), changes);
        }
        if !faults.is_empty() {
            faults.sort();
            let told: Vec<String> =
                faults.iter().map(|(line, what)| format!("{}:{line}: {what}", plan.path)).collect();
            return Err(anyhow!(told.join("\n")));
        }
        plan.rest(wanted, has, prune);
        Ok(plan)
    }

    fn want(&mut self, line: usize, is_there: bool, thing: Thing, changes: Vec<Change>) {
        if is_there && changes.is_empty() {
            return;
        }
        let action = if is_there { Action::Update } else { Action::Create };
        self.steps.push(Step { action, thing, changes, line });
    }

    /// What the server has beside the file: rules first, then what they stand on.
    fn rest(&mut self, wanted: &State, has: &State, prune: bool) {
        let action = if prune { Action::Remove } else { Action::Keep };
        let mut rest = |thing: Thing| {
            self.steps.push(Step { action, thing, changes: Vec::new(), line: 0 });
        };
        for (name, (_, it)) in &has.rules {
            if !wanted.rules.contains_key(name) {
                rest(Thing::Rule(it.clone()));
            }
        }
        for (name, (_, it)) in &has.connections {
            if !wanted.connections.contains_key(name) {
                rest(Thing::Connection(it.clone(), BTreeMap::new()));
            }
        }
        let another_default = wanted.populations.values().any(|(_, it)| it.default);
        for (name, (_, it)) in &has.populations {
            // There is always a default population.
            if !wanted.populations.contains_key(name) && (!it.default || another_default) {
                rest(Thing::Population(it.clone()));
            }
        }
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Keep)
    }

    /// As JSON.
    pub(super) fn shown(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            let changes: Vec<Value> = step
                .changes
                .iter()
                .map(|change| json!({ "field": change.field, "from": change.from, "to": change.to }))
                .collect();
            let action = format!("{:?}", step.action).to_lowercase();
            json!({ "action": action, "kind": step.thing.kind(), "name": step.thing.name(), "changes": changes })
        });
        json!({ "steps": steps.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            let (kind, name) = (step.thing.kind(), step.thing.name());
            match step.action {
                Action::Create => writeln!(f, "+ create the {kind} {name}")?,
                Action::Update => writeln!(f, "~ update the {kind} {name}")?,
                Action::Remove => writeln!(f, "- remove the {kind} {name}")?,
                Action::Keep => {
                    writeln!(f, "  keep the {kind} {name}, which is not in the file (--prune removes it)")?
                }
            }
            for Change { field, from, to } in &step.changes {
                match (from, to) {
                    (None, Some(to)) => writeln!(f, "    {field}: {to}")?,
                    (Some(from), Some(to)) => writeln!(f, "    {field}: {from} → {to}")?,
                    (from, None) => {
                        writeln!(f, "    {field}: {} → none", from.as_deref().unwrap_or_default())?
                    }
                }
            }
        }
        if self.is_empty() {
            return write!(f, "Nothing to do.");
        }
        let count = |action| self.steps.iter().filter(|step| step.action == action).count();
        write!(
            f,
            "Plan: {} to create, {} to update, {} to remove.",
            count(Action::Create),
            count(Action::Update),
            count(Action::Remove)
        )
    }
}

/// Gathers what differs.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn text(&mut self, field: &str, from: Option<&str>, to: Option<&str>) {
        if from != to {
            let own = |text: Option<&str>| text.map(str::to_owned);
            self.0.push(Change { field: field.into(), from: own(from), to: own(to) });
        }
    }

    /// Of what is not there yet only what is on is told.
    fn flag(&mut self, field: &str, from: Option<bool>, to: bool) {
        if from.unwrap_or(false) != to {
            let word = |flag: bool| flag.to_string();
            self.0.push(Change { field: field.into(), from: from.map(word), to: Some(word(to)) });
        }
    }

    fn settings(&mut self, from: Option<&Settings>, to: &Settings) {
        let empty = Settings::new();
        let from = from.unwrap_or(&empty);
        for (key, to) in to {
            let from = from.get(key);
            if !from.is_some_and(|from| same(from, to)) {
                self.text(key, from.map(plain).as_deref(), Some(&plain(to)));
            }
        }
        for (key, gone) in from.iter().filter(|(key, _)| !to.contains_key(*key)) {
            self.text(key, Some(&plain(gone)), None);
        }
    }
}

/// Settings may be given as text or as what they are.
fn same(one: &Value, other: &Value) -> bool {
    one == other || !one.is_object() && !one.is_array() && plain(one) == plain(other)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn population_changes(before: Option<&Population>, it: &Population) -> Vec<Change> {
    let mut changes = Changes::default();
    let description = before.and_then(|before| before.description.as_deref());
    changes.text("description", description, it.description.as_deref());
    // One stops being the default by another one's becoming it.
    if it.default {
        changes.flag("default", before.map(|before| before.default), true);
    }
    changes.0
}

fn connection_changes(
    before: Option<&Connection>,
    it: &Connection,
    secrets: &BTreeMap<String, String>,
) -> Vec<Change> {
    let mut changes = Changes::default();
    let description = before.and_then(|before| before.description.as_deref());
    changes.text("description", description, it.description.as_deref());
    changes.flag("active", before.map(|before| before.active), it.active);
    changes.flag("managed", before.map(|before| before.managed), it.managed);
    changes.settings(before.map(|before| &before.configuration), &it.configuration);
    for key in secrets.keys() {
        let is_there = before.is_some_and(|before| before.secrets.contains_key(key));
        changes.text(
            key,
            is_there.then_some("a secret"),
            Some(if is_there { "sent anew" } else { "a secret" }),
        );
    }
    changes.0
}

fn rule_changes(before: Option<&Rule>, it: &Rule) -> Vec<Change> {
    let mut changes = Changes::default();
    if before.is_none() {
        changes.text("connection", None, Some(&it.connection));
        changes.text("direction", None, Some(it.direction.word()));
    }
    let description = before.and_then(|before| before.description.as_deref());
    changes.text("description", description, it.description.as_deref());
    changes.flag("active", before.map(|before| before.active), it.active);
    changes.text("filter", before.and_then(|before| before.filter.as_deref()), it.filter.as_deref());
    changes.text(
        "population",
        before.and_then(|before| before.population.as_deref()),
        it.population.as_deref(),
    );
    let groups = |rule: &Rule| {
        let named: Vec<&str> = rule.groups.iter().map(String::as_str).collect();
        (!named.is_empty()).then(|| named.join(", "))
    };
    changes.text("groups", before.and_then(groups).as_deref(), groups(it).as_deref());
    changes.settings(before.map(|before| &before.configuration), &it.configuration);
    let none = Vec::new();
    let (old, new) = (before.map_or(&none, |before| &before.mappings), &it.mappings);
    let of = |all: &[Mapping], target: &str| all.iter().find(|mapping| mapping.target == target).cloned();
    for mapping in new {
        let was = of(old, &mapping.target);
        if was.as_ref() != Some(mapping) {
            let field = format!("mapping of {}", mapping.target);
            changes.text(&field, was.as_ref().map(Mapping::origin), Some(mapping.origin()));
            if was.as_ref().is_some_and(|was| was.origin() == mapping.origin()) {
                changes.text(&field, Some("by the other kind"), Some(mapping.origin()));
            }
        }
    }
    for gone in old.iter().filter(|gone| of(new, &gone.target).is_none()) {
        changes.text(&format!("mapping of {}", gone.target), Some(gone.origin()), None);
    }
    changes.0
}

//! What the wizard holds: its fields, and what they become.

use serde_json::{Map, Value, json};
use usher_domain::{
    ConnectionId,
    directory::{
        commands::Body,
        filter::{Filter, conditions::Conditions},
    },
    provisioning::{
        connection::{Connection, ConnectionKind},
        mapping::{Mapping, MappingSource, defaults},
        rule::{Direction, Rule},
    },
};

use crate::console::{form::Form, provisioning::conditions};

/// The steps, in order.
pub(super) const STEPS: [(&str, &str); 6] = [
    ("direction", "Direction"),
    ("details", "Connection and name"),
    ("filter", "User filter"),
    ("mapping", "Attribute mapping"),
    ("scope", "Groups and settings"),
    ("preview", "Preview"),
];

/// Which fields a step shows; all others travel hidden.
pub(super) fn fields_of(step: &str) -> &'static [&'static str] {
    match step {
        "direction" => &["direction"],
        "details" => &["connection", "name", "description"],
        "filter" => &["c", "filter", "filter_was"],
        "mapping" => &["m_target", "m_source", "m_expression", "try_user"],
        "scope" => &[
            "group",
            "group_q",
            "population",
            "create",
            "update",
            "disable",
            "deprovision",
            "remove_action",
            "only_active",
            "sync_groups",
            "schedule",
            "events",
            "authority",
            "max_removals",
            "max_percent",
            "window",
        ],
        _ => &["active"],
    }
}

/// Every field that a wizard may hold.
pub(super) fn all_fields() -> impl Iterator<Item = &'static str> {
    STEPS.iter().flat_map(|(step, _)| fields_of(step)).copied()
}

/// The onboarding settings that are switches: field, key, what stands when they are not given.
pub(super) const SWITCHES: [(&str, &str, bool); 7] = [
    ("create", "CREATE_USERS", true),
    ("update", "UPDATE_USERS", true),
    ("disable", "DISABLE_USERS", true),
    ("deprovision", "DEPROVISION_USERS", false),
    ("only_active", "SYNC_ONLY_ACTIVE_USERS", false),
    ("sync_groups", "SYNC_GROUPS", false),
    ("events", "FOLLOW_EVENTS", false),
];
/// The guard's: field and key. An empty one is as the environment has it.
pub(super) const GUARD: [(&str, &str); 3] = [
    ("max_removals", "GUARD_MAX_REMOVALS"),
    ("max_percent", "GUARD_MAX_REMOVAL_PERCENT"),
    ("window", "GUARD_WINDOW_MINUTES"),
];
/// Settings that the wizard has fields for; what else a rule has is kept as it is.
const OURS: [&str; 4] = ["POPULATION_ID", "REMOVE_ACTION", "SCHEDULE", "AUTHORITY"];

/// A wizard that has just begun.
pub(super) fn blank() -> Form {
    let mut form = Form::of([
        ("direction", "outbound".to_owned()),
        ("remove_action", "Disable".to_owned()),
        ("schedule", "daily".to_owned()),
        ("active", "true".to_owned()),
    ]);
    for (field, _, on) in SWITCHES {
        if on {
            form.set(field, "true");
        }
    }
    set_conditions(&mut form, &Conditions::default());
    form
}

/// A wizard that holds a rule.
pub(super) fn of_rule(rule: &Rule, mappings: &[Mapping]) -> Form {
    let mut form = blank();
    form.set("direction", if rule.direction == Direction::Inbound { "inbound" } else { "outbound" });
    form.set("connection", rule.connection().to_string());
    form.set("name", rule.name.clone());
    form.set("description", rule.description.clone().unwrap_or_default());
    if !rule.active {
        form.unset("active");
    }
    let filter = rule.filter.as_deref().and_then(|text| Filter::parse(text).ok());
    set_conditions(&mut form, &Conditions::of(filter.as_ref()));
    form.set_all("group", rule.groups.iter().map(ToString::to_string).collect());
    let rows: Vec<Row> = mappings.iter().map(Row::of).collect();
    set_rows(&mut form, &rows);
    let given = |key: &str| rule.configuration.get(key);
    for (field, key, default) in SWITCHES {
        let on = match given(key) {
            Some(value) => value.as_bool().unwrap_or_else(|| value.as_str() == Some("true")),
            None => default,
        };
        if on { form.set(field, "true") } else { form.unset(field) }
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (field, key) in GUARD {
        if let Some(value) = given(key) {
            form.set(field, text(value));
        }
    }
    for (field, key) in
        [("population", "POPULATION_ID"), ("remove_action", "REMOVE_ACTION"), ("schedule", "SCHEDULE")]
    {
        if let Some(value) = given(key) {
            form.set(field, text(value));
        }
    }
    if let Some(side) = given("AUTHORITY").and_then(|it| it.get("*")).and_then(Value::as_str) {
        form.set("authority", side);
    }
    form
}

/// Which way the rule goes.
pub(super) fn direction(form: &Form) -> Direction {
    if form.value("direction") == "inbound" { Direction::Inbound } else { Direction::Outbound }
}

/// The conditions: as the text says if it was changed, else as the rows say.
///
/// # Errors
/// The text cannot be read.
pub(super) fn conditions(form: &Form) -> Result<Conditions, String> {
    let text = form.value("filter");
    if text == form.value("filter_was") {
        return Ok(conditions::read(form.all("c")));
    }
    if text.is_empty() {
        return Ok(Conditions::default());
    }
    Filter::parse(text).map(|filter| Conditions::of(Some(&filter))).map_err(|error| error.to_string())
}

/// Puts conditions into the form, with their text.
pub(super) fn set_conditions(form: &mut Form, conditions: &Conditions) {
    form.set_all("c", conditions::cells(conditions));
    if let Ok(filter) = conditions.filter() {
        let text = filter.map(|filter| filter.to_string()).unwrap_or_default();
        form.set("filter", text.clone());
        form.set("filter_was", text);
    }
}

/// One mapping, as it is filled in.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) target: String,
    pub(super) source: String,
    pub(super) expression: String,
}

impl Row {
    fn of(it: &Mapping) -> Self {
        let (source, expression) = match &it.source {
            MappingSource::SourceAttribute(path) => (path.clone(), String::new()),
            MappingSource::Expression(text) => (String::new(), text.clone()),
        };
        Row { target: it.target.clone(), source, expression }
    }

    fn is_blank(&self) -> bool {
        self.target.is_empty() && self.source.is_empty() && self.expression.is_empty()
    }

    /// As an expression: what Test expression evaluates.
    pub(super) fn as_expression(&self) -> String {
        if self.expression.is_empty() { format!("user.{}", self.source) } else { self.expression.clone() }
    }
}

/// The mapping rows, as they are filled in.
pub(super) fn rows(form: &Form) -> Vec<Row> {
    let mut sources = form.all("m_source");
    let mut expressions = form.all("m_expression");
    form.all("m_target")
        .map(|target| Row {
            target: target.to_owned(),
            source: sources.next().unwrap_or_default().to_owned(),
            expression: expressions.next().unwrap_or_default().to_owned(),
        })
        .collect()
}

/// Puts mapping rows into the form.
pub(super) fn set_rows(form: &mut Form, rows: &[Row]) {
    form.set_all("m_target", rows.iter().map(|row| row.target.clone()).collect());
    form.set_all("m_source", rows.iter().map(|row| row.source.clone()).collect());
    form.set_all("m_expression", rows.iter().map(|row| row.expression.clone()).collect());
}

/// The rows that stand when none is given, to be changed.
pub(super) fn default_rows(direction: Direction) -> Vec<Row> {
    let row = |(source, target): &(&str, &str)| Row {
        target: (*target).to_owned(),
        source: (*source).to_owned(),
        expression: String::new(),
    };
    defaults(direction).iter().map(row).collect()
}

/// The bodies of the mappings, each with the number of its row; blank rows are left out.
pub(super) fn mappings(form: &Form) -> Vec<(usize, Body)> {
    let filled = rows(form).into_iter().enumerate().filter(|(_, row)| !row.is_blank());
    let body = |row: Row| {
        let mut body = Map::new();
        for (key, value) in
            [("sourceAttribute", row.source), ("expression", row.expression), ("targetAttribute", row.target)]
        {
            if !value.is_empty() {
                body.insert(key.to_owned(), json!(value));
            }
        }
        body
    };
    filled.map(|(n, row)| (n, body(row))).collect()
}

/// The body of the rule. `current` is the one that is changed: settings that the wizard has no field for stay.
pub(super) fn body(
    form: &Form,
    current: Option<&Rule>,
    connections: &[Connection],
    filter: Option<&Filter>,
) -> Body {
    let inbound = direction(form) == Direction::Inbound;
    let directory = connections.iter().find(|it| it.kind == ConnectionKind::Directory).map(|it| it.id);
    let chosen = form.value("connection").parse::<ConnectionId>().ok();
    let (source, target) = if inbound { (chosen, directory) } else { (directory, chosen) };
    let end = |id: Option<ConnectionId>| id.map_or(Value::Null, |id| json!({ "id": id }));
    let groups: Vec<Value> =
        if inbound { Vec::new() } else { form.all("group").map(|id| json!({ "id": id })).collect() };
    let body = json!({
        "name": form.value("name"),
        "description": form.some("description"),
        "sourceStore": end(source),
        "targetStore": end(target),
        "active": form.ticked("active"),
        "populationExpression": filter.map(ToString::to_string),
        "groups": groups,
        "configuration": configuration(form, current, inbound),
    });
    body.as_object().cloned().unwrap_or_default()
}

fn configuration(form: &Form, current: Option<&Rule>, inbound: bool) -> Map<String, Value> {
    let known = |key: &str| {
        SWITCHES.iter().any(|(_, it, _)| *it == key)
            || GUARD.iter().any(|(_, it)| *it == key)
            || OURS.contains(&key)
    };
    let kept = current.into_iter().flat_map(|rule| &rule.configuration).filter(|(key, _)| !known(key));
    let mut configuration: Map<String, Value> =
        kept.map(|(key, value)| (key.clone(), value.clone())).collect();
    for (field, key) in GUARD {
        if let Some(text) = form.some(field) {
            configuration
                .insert(key.to_owned(), text.parse::<u64>().map_or_else(|_| json!(text), |n| json!(n)));
        }
    }
    if inbound {
        for (field, key, _) in SWITCHES {
            configuration.insert(key.to_owned(), json!(form.ticked(field)));
        }
        for (field, key) in
            [("population", "POPULATION_ID"), ("remove_action", "REMOVE_ACTION"), ("schedule", "SCHEDULE")]
        {
            if let Some(text) = form.some(field) {
                configuration.insert(key.to_owned(), json!(text));
            }
        }
        // A rule may say more, attribute by attribute: that is kept as long as the form does not say otherwise.
        let before = current.and_then(|rule| rule.configuration.get("AUTHORITY")).cloned();
        match (form.some("authority"), before) {
            (Some(side), Some(Value::Object(mut named))) => {
                named.insert("*".to_owned(), json!(side));
                configuration.insert("AUTHORITY".to_owned(), Value::Object(named));
            }
            (Some(side), _) => drop(configuration.insert("AUTHORITY".to_owned(), json!({ "*": side }))),
            (None, Some(Value::Object(mut named))) => {
                named.remove("*");
                configuration.insert("AUTHORITY".to_owned(), Value::Object(named));
            }
            (None, _) => {}
        }
    }
    configuration
}

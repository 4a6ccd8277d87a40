//! The file: what it may say, how it is read with every fault at its line, and how it is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;
use usher_domain::provisioning::commands::connection::is_secret;

/// Settings, by their keys.
pub(super) type Settings = BTreeMap<String, Value>;

/// What the file says, or the server has.
#[derive(Debug, Default)]
pub(super) struct State {
    /// In name order, each with the line where it begins; 0 when it comes from the server.
    pub(super) populations: BTreeMap<String, (usize, Population)>,
    pub(super) connections: BTreeMap<String, (usize, Connection)>,
    pub(super) rules: BTreeMap<String, (usize, Rule)>,
    /// The file, for messages.
    pub(super) path: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    population: Vec<Spanned<Population>>,
    #[serde(default)]
    connection: Vec<Spanned<Connection>>,
    #[serde(default)]
    rule: Vec<Spanned<Rule>>,
}

/// `[[population]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Population {
    pub(super) name: String,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) default: bool,
}

/// `[[connection]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connection {
    pub(super) name: String,
    #[serde(rename = "type", default = "dropbox")]
    pub(super) kind: String,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) active: bool,
    #[serde(default)]
    pub(super) managed: bool,
    #[serde(default)]
    pub(super) configuration: Settings,
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, SecretPlace>,
}

fn dropbox() -> String {
    "Dropbox".into()
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum SecretPlace {
    /// `{ env = "…" }` or `{ file = "…" }`
    Named { env: Option<String>, file: Option<PathBuf> },
    /// Something else, perhaps the secret itself: refused, and not repeated.
    Other(serde::de::IgnoredAny),
}

/// `[[rule]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// The connection's name.
    pub(super) connection: String,
    #[serde(default)]
    pub(super) direction: Direction,
    #[serde(default)]
    pub(super) active: bool,
    pub(super) filter: Option<String>,
    /// Names of groups.
    #[serde(default)]
    pub(super) groups: BTreeSet<String>,
    /// Inbound: the name of the population where people are put (`POPULATION_ID`).
    pub(super) population: Option<String>,
    #[serde(default)]
    pub(super) configuration: Settings,
    #[serde(default, rename = "mapping")]
    pub(super) mappings: Vec<Mapping>,
}

/// Which way a rule goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    #[default]
    Outbound,
    Inbound,
}

impl Direction {
    pub(super) fn word(self) -> &'static str {
        match self {
            Direction::Outbound => "outbound",
            Direction::Inbound => "inbound",
        }
    }
}

/// `[[rule.mapping]]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    pub(super) target: String,
    pub(super) source: Option<String>,
    pub(super) expression: Option<String>,
}

impl Mapping {
    /// From where, for a person.
    pub(super) fn origin(&self) -> &str {
        self.source.as_deref().or(self.expression.as_deref()).unwrap_or_default()
    }
}

impl SecretPlace {
    /// The secret. Files are named from where the state file is.
    pub(super) fn read(&self, base: &Path) -> Result<String> {
        match self {
            SecretPlace::Named { env: Some(name), file: None } => {
                std::env::var(name).with_context(|| format!("the variable {name} is not set"))
            }
            SecretPlace::Named { env: None, file: Some(file) } => {
                let path = base.join(file);
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("{} cannot be read", path.display()))?;
                Ok(text.trim_end().to_owned())
            }
            _ => bail!(
                "a secret is named by {{ env = \"…\" }} or {{ file = \"…\" }}; it does not stand in the file itself"
            ),
        }
    }
}

impl State {
    /// Reads a file; every fault that can be told without the server, each at its line.
    pub(super) fn read(path: &Path) -> Result<State> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut state = State::parse(&text).map_err(|faults| {
            let told: Vec<String> =
                faults.iter().map(|(line, what)| format!("{}:{line}: {what}", path.display())).collect();
            anyhow::anyhow!(told.join("\n"))
        })?;
        state.path = path.to_owned();
        Ok(state)
    }

    fn parse(text: &str) -> Result<State, Vec<(usize, String)>> {
        let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        let file: File = toml::from_str(text).map_err(|error| {
            // Not the error's own text: it repeats the line, which may hold a secret.
            vec![(line(error.span().map_or(0, |span| span.start)), error.message().to_owned())]
        })?;
        let mut faults = Vec::new();
        let state = State {
            populations: keyed(file.population, |it| &it.name, "population", &line, &mut faults),
            connections: keyed(file.connection, |it| &it.name, "connection", &line, &mut faults),
            rules: keyed(file.rule, |it| &it.name, "rule", &line, &mut faults),
            path: PathBuf::new(),
        };
        let mut defaults: Vec<_> = state.populations.values().filter(|(_, it)| it.default).collect();
        defaults.sort_by_key(|(line, _)| *line);
        if let [_, (line, second), ..] = defaults.as_slice() {
            faults.push((
                *line,
                format!("the population {} is the second one with `default = true`", second.name),
            ));
        }
        for (line, connection) in state.connections.values() {
            // Refused before a plan is made, which would show it.
            for key in connection.configuration.keys().filter(|key| is_secret(key)) {
                let what =
                    "is a secret: name its place under secrets, as { env = \"…\" } or { file = \"…\" }";
                faults
                    .push((*line, format!("the connection {}: configuration.{key} {what}", connection.name)));
            }
            for (key, place) in &connection.secrets {
                if !matches!(
                    place,
                    SecretPlace::Named { env: Some(_), file: None }
                        | SecretPlace::Named { env: None, file: Some(_) }
                ) {
                    let what = "must be { env = \"…\" } or { file = \"…\" }, and not the secret itself";
                    faults.push((*line, format!("the connection {}: secrets.{key} {what}", connection.name)));
                }
                if connection.configuration.contains_key(key) {
                    let name = &connection.name;
                    faults.push((
                        *line,
                        format!("the connection {name}: {key} is in both configuration and secrets"),
                    ));
                }
            }
        }
        for (line, rule) in state.rules.values() {
            let mut targets = BTreeSet::new();
            for mapping in &rule.mappings {
                let (name, target) = (&rule.name, &mapping.target);
                if mapping.source.is_some() == mapping.expression.is_some() {
                    faults.push((
                        *line,
                        format!("the rule {name}: the mapping of {target} needs either source or expression"),
                    ));
                }
                if !targets.insert(target) {
                    faults.push((*line, format!("the rule {name} maps {target} twice")));
                }
            }
        }
        if faults.is_empty() {
            return Ok(state);
        }
        faults.sort();
        Err(faults)
    }
}

fn keyed<T>(
    items: Vec<Spanned<T>>,
    name: impl Fn(&T) -> &String,
    what: &str,
    line: &impl Fn(usize) -> usize,
    faults: &mut Vec<(usize, String)>,
) -> BTreeMap<String, (usize, T)> {
    let mut all: BTreeMap<String, (usize, T)> = BTreeMap::new();
    for item in items {
        let at = line(item.span().start);
        let item = item.into_inner();
        let key = name(&item).clone();
        match all.get(&key) {
            Some((first, _)) => {
                faults.push((at, format!("the {what} {key} is in the file already, at line {first}")))
            }
            None => {
                all.insert(key, (at, item));
            }
        }
    }
    all
}

/// A state as a file: in name order, so that the same state is the same text.
pub(super) fn written(state: &State) -> String {
    let mut out = String::from(
        "# What `usher export` found. `usher apply` shows what a server lacks of it, and then makes it so.\n\
         # Names are the identity: a new name is a new thing. Secrets are not here; their places are.\n",
    );
    for (_, it) in state.populations.values() {
        out.push_str("\n[[population]]\n");
        line(&mut out, "name", &it.name);
        optional(&mut out, "description", it.description.as_deref());
        if it.default {
            out.push_str("default = true # users without a population live here\n");
        }
    }
    for (_, it) in state.connections.values() {
        out.push_str("\n[[connection]]\n");
        line(&mut out, "name", &it.name);
        line(&mut out, "type", &it.kind);
        optional(&mut out, "description", it.description.as_deref());
        let _ = writeln!(out, "active = {}\nmanaged = {}", it.active, it.managed);
        settings(&mut out, "connection.configuration", &it.configuration);
        if !it.secrets.is_empty() {
            out.push_str("\n[connection.secrets] # set these variables, or name files: { file = \"…\" }\n");
            for (key, place) in &it.secrets {
                if let SecretPlace::Named { env: Some(name), .. } = place {
                    let _ = writeln!(out, "{key} = {{ env = {} }}", quoted(name));
                }
            }
        }
    }
    for (_, it) in state.rules.values() {
        out.push_str("\n[[rule]]\n");
        line(&mut out, "name", &it.name);
        optional(&mut out, "description", it.description.as_deref());
        line(&mut out, "connection", &it.connection);
        line(&mut out, "direction", it.direction.word());
        let _ = writeln!(out, "active = {}", it.active);
        optional(&mut out, "filter", it.filter.as_deref());
        optional(&mut out, "population", it.population.as_deref());
        if !it.groups.is_empty() {
            let groups: Vec<String> = it.groups.iter().map(|group| quoted(group)).collect();
            let _ = writeln!(out, "groups = [{}]", groups.join(", "));
        }
        settings(&mut out, "rule.configuration", &it.configuration);
        for mapping in &it.mappings {
            out.push_str("\n[[rule.mapping]]\n");
            line(&mut out, "target", &mapping.target);
            optional(&mut out, "source", mapping.source.as_deref());
            optional(&mut out, "expression", mapping.expression.as_deref());
        }
    }
    out
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn line(out: &mut String, key: &str, text: &str) {
    let _ = writeln!(out, "{key} = {}", quoted(text));
}

fn optional(out: &mut String, key: &str, text: Option<&str>) {
    if let Some(text) = text {
        line(out, key, text);
    }
}

fn settings(out: &mut String, table: &str, settings: &Settings) {
    if settings.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n[{table}]");
    for (key, value) in settings {
        // What TOML cannot say (null) is not said.
        if let Ok(value) = toml::Value::try_from(value) {
            let _ = writeln!(out, "{} = {value}", bare(key));
        }
    }
}

/// A key as it may stand on the left.
fn bare(key: &str) -> String {
    let is_bare = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_bare { key.to_owned() } else { quoted(key) }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn faults(text: &str) -> String {
        let faults = State::parse(text).unwrap_err();
        faults.iter().map(|(line, what)| format!("{line}: {what}")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_fault_is_told_at_its_line_and_no_secret_is_repeated() {
        let text = r#"
[[population]]
name = "Staff"
default = true

[[population]]
name = "Staff"

[[population]]
name = "Others"
default = true

[[connection]]
name = "Dropbox"
secrets = { OAUTH_CLIENT_SECRET = "hunter2", OAUTH_REFRESH_TOKEN = { env = "A", file = "b" } }

[[rule]]
name = "People"
connection = "Dropbox"
mapping = [{ target = "email", source = "email", expression = "x" }, { target = "email", source = "email" }]
"#;
        assert_snapshot!(faults(text), @r#"
        6: the population Staff is in the file already, at line 2
        9: the population Others is the second one with `default = true`
        13: the connection Dropbox: secrets.OAUTH_CLIENT_SECRET must be { env = "…" } or { file = "…" }, and not the secret itself
        13: the connection Dropbox: secrets.OAUTH_REFRESH_TOKEN must be { env = "…" } or { file = "…" }, and not the secret itself
        17: the rule People maps email twice
        17: the rule People: the mapping of email needs either source or expression
        "#);
    }

    #[test]
    fn the_example_is_a_good_file() {
        let state = State::parse(include_str!("../../../../../examples/state.toml")).unwrap();
        assert_eq!((state.populations.len(), state.connections.len(), state.rules.len()), (2, 1, 1));
    }

    #[test]
    fn what_is_no_toml_or_not_known_is_told_by_its_line() {
        assert_snapshot!(faults("\n[[rule]]\nname = \"a\"\nconnection = \"b\"\ncolour = 1\n"), @"5: unknown field `colour`, expected one of `name`, `description`, `connection`, `direction`, `active`, `filter`, `groups`, `population`, `configuration`, `mapping`");
        let told = faults("[[connection]]\nname = \"a\"\n[connection.secrets]\nKEY = hunter2\n");
        assert!(told.starts_with("4: ") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_secret_among_the_settings_is_refused_and_not_repeated() {
        let text =
            "[[connection]]\nname = \"a\"\n[connection.configuration]\nOAUTH_REFRESH_TOKEN = \"hunter2\"\n";
        assert_snapshot!(faults(text), @r#"1: the connection a: configuration.OAUTH_REFRESH_TOKEN is a secret: name its place under secrets, as { env = "…" } or { file = "…" }"#);
    }

    #[test]
    fn what_is_written_reads_as_the_same() {
        let mapping =
            Mapping { target: "email".into(), source: None, expression: Some("\"a\" + email".into()) };
        let rule = Rule {
            name: "Everyone \"here\"".into(),
            description: Some("two\nlines".into()),
            connection: "Dropbox".into(),
            direction: Direction::Inbound,
            active: true,
            filter: Some("title eq \"x\"".into()),
            groups: BTreeSet::from(["B".into(), "A".into()]),
            population: Some("Staff".into()),
            configuration: BTreeMap::from([
                ("GUARD_MAX_REMOVALS".into(), 5.into()),
                ("a b".into(), "x".into()),
            ]),
            mappings: vec![mapping],
        };
        let connection = Connection {
            name: "Dropbox".into(),
            kind: "Dropbox".into(),
            description: None,
            active: false,
            managed: true,
            configuration: BTreeMap::from([("PROTECTED_EMAILS".into(), serde_json::json!(["a@b"]))]),
            secrets: BTreeMap::from([(
                "OAUTH_CLIENT_SECRET".into(),
                SecretPlace::Named { env: Some("SECRET".into()), file: None },
            )]),
        };
        let population = Population { name: "Staff".into(), description: None, default: true };
        let state = State {
            populations: BTreeMap::from([("Staff".into(), (0, population))]),
            connections: BTreeMap::from([("Dropbox".into(), (0, connection))]),
            rules: BTreeMap::from([(rule.name.clone(), (0, rule))]),
            path: PathBuf::new(),
        };
        let text = written(&state);
        let read = State::parse(&text).unwrap();
        let plain = |state: &State| {
            let rules: Vec<_> = state.rules.values().map(|(_, it)| it.clone()).collect();
            let connections: Vec<_> = state.connections.values().map(|(_, it)| it.clone()).collect();
            let populations: Vec<_> = state.populations.values().map(|(_, it)| it.clone()).collect();
            (rules, connections, populations)
        };
        assert_eq!(plain(&read), plain(&state), "{text}");
        assert_eq!(written(&read), text);
    }
}

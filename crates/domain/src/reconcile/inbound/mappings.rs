//! An inbound rule's mappings, compiled once per run, and what they make of one account.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use super::member::{Member, status};
use crate::{
    Problem,
    directory::{
        commands::Body,
        filter::{AttrPath, Attributes, Value, Values},
        user::User,
        view::UserView,
    },
    provisioning::{
        expression::{Context, Expression},
        mapping::{Mapping, MappingSource, defaults},
        onboarding::Owned,
        rule::Direction,
    },
    reconcile::{
        attributes::Attribute, desired::means_enabled, operation::Assignment, snapshot::AccountState,
    },
};

/// The target of the mapping that says whether the user is enabled.
const ENABLED: &str = "enabled";

/// A rule's mappings, ready to be put to accounts.
#[derive(Clone, Debug)]
pub struct InboundMappings {
    /// All but `enabled`.
    entries: Vec<Entry>,
    enabled: Option<(From, Owned)>,
    has_expressions: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    target: AttrPath,
    from: From,
    /// What of the account it is made from.
    inputs: Owned,
}

#[derive(Clone, Debug)]
enum From {
    Attribute(Attribute),
    Status,
    Path(AttrPath),
    Expression(Expression),
}

/// One mapped value of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedValue {
    /// The directory's attribute.
    pub target: String,
    /// As the mapping makes it.
    pub wanted: String,
    /// The attributes of the account that it is made from.
    pub inputs: Vec<String>,
    /// As the user has it.
    pub present: Option<String>,
    /// Whether the directory decides it, so that only a new user gets it.
    pub only_new: bool,
}

impl InboundMappings {
    /// Reads a rule's mappings; none at all means the defaults.
    ///
    /// # Errors
    /// When a source cannot be read. It was checked when it was saved, so this tells of data from another version.
    pub fn compile(mappings: &[Mapping]) -> Result<Self, Problem> {
        let mut compiled = InboundMappings { entries: Vec::new(), enabled: None, has_expressions: false };
        for mapping in mappings {
            compiled.add(&mapping.target, &mapping.source)?;
        }
        if mappings.is_empty() {
            for (source, target) in defaults(Direction::Inbound) {
                compiled.add(target, &MappingSource::SourceAttribute((*source).to_owned()))?;
            }
        }
        compiled.entries.sort_by(|a, b| a.target.as_str().cmp(b.target.as_str()));
        Ok(compiled)
    }

    fn add(&mut self, target: &str, source: &MappingSource) -> Result<(), Problem> {
        let path = |text: &str| AttrPath::parse(text).map_err(|error| unreadable(target, &error.to_string()));
        let from = match source {
            MappingSource::SourceAttribute(text) if text == "status" => From::Status,
            MappingSource::SourceAttribute(text) => match Attribute::named(text) {
                Some(attribute) => From::Attribute(attribute),
                None => From::Path(path(text)?),
            },
            MappingSource::Expression(text) => From::Expression(
                Expression::parse(text).map_err(|error| unreadable(target, &error.to_string()))?,
            ),
        };
        self.has_expressions |= matches!(from, From::Expression(_));
        let inputs = from.owned();
        if target == ENABLED {
            self.enabled = Some((from, inputs));
        } else {
            let target = path(target)?;
            self.entries.retain(|there| there.target != target);
            self.entries.push(Entry { target, from, inputs });
        }
        Ok(())
    }

    /// Whether the user of this account should be enabled, and whether a mapping says so that Dropbox decides.
    ///
    /// # Errors
    /// The mapping has no value.
    pub(super) fn enabled(&self, member: &Member<'_>, directory: Owned) -> Result<(bool, bool), Problem> {
        let Some((from, inputs)) = &self.enabled else { return Ok((true, false)) };
        let enabled = match from {
            From::Status => !matches!(member.account.state, AccountState::Suspended { .. }),
            from => means_enabled(&from.value(ENABLED, member, None)?),
        };
        Ok((enabled, !inputs.meets(directory)))
    }

    /// The attributes of the user that differ, of those that Dropbox decides. Costs no allocation when none does.
    ///
    /// # Errors
    /// A mapping has no single value for this account.
    pub(super) fn changes(
        &self,
        member: &Member<'_>,
        user: &User,
        directory: Owned,
    ) -> Result<Vec<Assignment>, Problem> {
        let json = self.has_expressions.then(|| member.to_value());
        let view = UserView { user, population: None, groups: &[] };
        let mut changes = Vec::new();
        for entry in self.entries.iter().filter(|entry| !entry.inputs.meets(directory)) {
            let wanted = entry.from.value(entry.target.as_str(), member, json.as_ref())?;
            let is = present(&view, &entry.target);
            if !same(&entry.target, &is, &wanted) {
                changes.push(Assignment {
                    attribute: entry.target.as_str().into(),
                    before: is.into(),
                    after: wanted.into(),
                });
            }
        }
        Ok(changes)
    }

    /// All values, for a new user. What has none is left out.
    ///
    /// # Errors
    /// A mapping has no single value for this account.
    pub(super) fn values(&self, member: &Member<'_>) -> Result<Vec<Assignment>, Problem> {
        let json = self.has_expressions.then(|| member.to_value());
        let mut values = Vec::new();
        for entry in &self.entries {
            let wanted = entry.from.value(entry.target.as_str(), member, json.as_ref())?;
            if !wanted.is_empty() {
                let attribute = entry.target.as_str().into();
                values.push(Assignment { attribute, before: "".into(), after: wanted.into() });
            }
        }
        Ok(values)
    }

    /// What every mapping makes of an account, for explanations.
    pub fn explain(
        &self,
        member: &Member<'_>,
        user: Option<&User>,
        directory: Owned,
    ) -> Vec<Result<MappedValue, Problem>> {
        let json = member.to_value();
        let entries = self.entries.iter().map(|entry| (&entry.target, &entry.from, entry.inputs));
        let mut told: Vec<_> = entries
            .map(|(target, from, inputs)| {
                let wanted = from.value(target.as_str(), member, Some(&json))?.into_owned();
                let present = user.map(|user| {
                    present(&UserView { user, population: None, groups: &[] }, target).into_owned()
                });
                let only_new = inputs.meets(directory);
                Ok(MappedValue {
                    target: target.as_str().to_owned(),
                    wanted,
                    inputs: from.inputs(),
                    present,
                    only_new,
                })
            })
            .collect();
        if let Some((from, inputs)) = &self.enabled {
            told.push(self.enabled(member, directory).map(|(wanted, _)| MappedValue {
                target: ENABLED.to_owned(),
                wanted: wanted.to_string(),
                inputs: from.inputs(),
                present: user.map(|user| user.enabled.to_string()),
                only_new: inputs.meets(directory),
            }));
        }
        told
    }
}

impl From {
    fn value<'a>(
        &self,
        target: &str,
        member: &Member<'a>,
        json: Option<&Json>,
    ) -> Result<Cow<'a, str>, Problem> {
        match self {
            From::Attribute(attribute) => Ok(member.account.attributes.get(*attribute).into()),
            From::Status => Ok(status(&member.account.state).into()),
            From::Path(path) => match member.get(path) {
                Values::None => Ok("".into()),
                Values::One(Value::Text(text)) => Ok(text.into_owned().into()),
                Values::One(Value::Bool(value)) => Ok(value.to_string().into()),
                _ => Err(not_single(target, path.as_str())),
            },
            From::Expression(expression) => {
                let made;
                let root = match json {
                    Some(json) => json,
                    None => {
                        made = member.to_value();
                        &made
                    }
                };
                let value = expression.evaluate(&Context { root }).map_err(|error| {
                    let of = member.account.attributes.get(Attribute::Email);
                    let why = error.message();
                    Problem::new(
                        "MAPPING_FAILED",
                        format!(
                            "The mapping to {target} has no value for {of}: {}.",
                            why.trim_end_matches('.')
                        ),
                        error.remedy(),
                    )
                })?;
                match value {
                    Json::Null => Ok("".into()),
                    Json::String(text) => Ok(text.into()),
                    Json::Bool(value) => Ok(value.to_string().into()),
                    Json::Number(value) => Ok(value.to_string().into()),
                    Json::Array(_) | Json::Object(_) => Err(not_single(target, expression.source())),
                }
            }
        }
    }

    fn inputs(&self) -> Vec<String> {
        match self {
            From::Attribute(attribute) => vec![attribute.name().to_owned()],
            From::Status => vec!["status".to_owned()],
            From::Path(path) => vec![path.to_string()],
            From::Expression(expression) => expression.inputs(),
        }
    }

    /// What authority is given over among the inputs.
    fn owned(&self) -> Owned {
        self.inputs().iter().fold(Owned::NONE, |all, input| {
            all.and(match input.split('.').next().unwrap_or_default() {
                "team_member_id" => Owned::NONE,
                "domain" => Owned::attribute(Attribute::Email),
                "display" => Owned::attribute(Attribute::GivenName).and(Owned::attribute(Attribute::Surname)),
                // The whole account, or something that is read in a way that cannot be told.
                name => Owned::named(name).unwrap_or(Owned::ALL),
            })
        })
    }
}

/// The user's value as text; empty when there is none.
fn present<'a>(view: &UserView<'a>, path: &AttrPath) -> Cow<'a, str> {
    let text = |value: &'a Option<String>| Cow::Borrowed(value.as_deref().unwrap_or(""));
    let user = view.user;
    match path.key() {
        "username" => user.username.as_str().into(),
        "email" => user.email.as_str().into(),
        "externalid" => text(&user.external_id),
        "name.given" => text(&user.name.given),
        "name.family" => text(&user.name.family),
        _ => match view.get(path) {
            Values::One(Value::Text(text)) => text.into_owned().into(),
            Values::One(Value::Bool(value)) => value.to_string().into(),
            Values::One(Value::Number(value)) => value.to_string().into(),
            _ => "".into(),
        },
    }
}

/// Whether a value is as it should be. Addresses and usernames are the same in any case.
fn same(target: &AttrPath, is: &str, should: &str) -> bool {
    is == should || matches!(target.key(), "username" | "email") && is.to_lowercase() == should.to_lowercase()
}

/// Values as a body in PingOne's spelling: paths become objects, and the empty text becomes null.
pub fn body(values: &[Assignment]) -> Body {
    let mut body = Map::new();
    for Assignment { attribute, after, .. } in values {
        let value = if after.is_empty() { Json::Null } else { (&**after).into() };
        let mut into = &mut body;
        let mut names = attribute.split('.').peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                into.insert(name.to_owned(), value);
                break;
            }
            let slot = into.entry(name.to_owned()).or_insert_with(|| Map::new().into());
            match slot.as_object_mut() {
                Some(object) => into = object,
                None => break,
            }
        }
    }
    body
}

fn not_single(target: &str, source: &str) -> Problem {
    Problem::new(
        "MAPPING_NOT_SINGLE",
        format!("The mapping to {target} gives more than a single value: {source}."),
        "Change the mapping so that it chooses one of the values.",
    )
}

fn unreadable(target: &str, why: &str) -> Problem {
    Problem::new(
        "MAPPING_UNREADABLE",
        format!("The rule's mapping to {target} cannot be read. {why}"),
        "Correct or delete this mapping.",
    )
}

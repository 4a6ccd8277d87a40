//! A rule's mappings, compiled once per run, and what they make of one user.

use serde_json::Value as Json;

use crate::{
    Problem, Timestamp,
    directory::{
        filter::{AttrPath, Attributes, Value, Values},
        view::UserView,
    },
    provisioning::{
        expression::{Context, Expression},
        mapping::{Mapping, MappingSource},
    },
    reconcile::attributes::{Attribute, AttributeMask, AttributeSet},
};

/// The target of the mapping that says whether the account is in use.
const STATUS: &str = "status";

/// A rule's mappings, ready to be put to users.
#[derive(Clone, Debug)]
pub struct CompiledMappings {
    attributes: Vec<(Attribute, Compiled)>,
    status: Option<Compiled>,
    mapped: AttributeMask,
    has_expressions: bool,
}

#[derive(Clone, Debug)]
struct Compiled {
    target: Box<str>,
    from: From,
}

#[derive(Clone, Debug)]
enum From {
    Path(AttrPath),
    Expression(Expression),
}

/// What the mappings make of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Whether the account should be in use.
    pub enabled: bool,
    /// The values; the e-mail is lower-cased.
    pub attributes: AttributeSet,
    /// The first mapping that has no value for this user that an account could take.
    pub fault: Option<Box<Problem>>,
}

impl CompiledMappings {
    /// Reads a rule's mappings. None at all means the defaults: e-mail, given name, family name, enabled.
    ///
    /// # Errors
    /// When a mapping names a target that does not exist, or its source cannot be read. Both are checked when a
    /// mapping is saved, so this tells of data from another version.
    pub fn compile(mappings: &[Mapping]) -> Result<Self, Problem> {
        let mut compiled = CompiledMappings {
            attributes: Vec::new(),
            status: None,
            mapped: AttributeMask::default(),
            has_expressions: false,
        };
        for mapping in mappings {
            compiled.add(&mapping.target, &mapping.source)?;
        }
        if mappings.is_empty() {
            let defaults = [
                ("email", "email"),
                ("name.given", "given_name"),
                ("name.family", "surname"),
                ("enabled", STATUS),
            ];
            for (source, target) in defaults {
                compiled.add(target, &MappingSource::SourceAttribute(source.to_owned()))?;
            }
        }
        compiled.attributes.sort_by_key(|(attribute, _)| *attribute);
        Ok(compiled)
    }

    fn add(&mut self, target: &str, source: &MappingSource) -> Result<(), Problem> {
        let from = match source {
            MappingSource::SourceAttribute(path) => {
                From::Path(AttrPath::parse(path).map_err(|error| unreadable(target, &error.to_string()))?)
            }
            MappingSource::Expression(text) => From::Expression(
                Expression::parse(text).map_err(|error| unreadable(target, &error.to_string()))?,
            ),
        };
        self.has_expressions |= matches!(from, From::Expression(_));
        let mapping = Compiled { target: target.into(), from };
        match Attribute::named(target) {
            Some(attribute) => {
                self.mapped = self.mapped.with(attribute);
                self.attributes.retain(|(there, _)| *there != attribute);
                self.attributes.push((attribute, mapping));
            }
            None if target == STATUS => self.status = Some(mapping),
            None => return Err(unreadable(target, "An account has no such attribute.")),
        }
        Ok(())
    }

    /// The attributes that are mapped: all others are left as they are.
    pub fn mapped(&self) -> AttributeMask {
        self.mapped
    }

    /// The user's attributes that an attribute is made from, for explanations.
    pub fn inputs(&self, attribute: Attribute) -> Vec<String> {
        let mapping = self.attributes.iter().find(|(it, _)| *it == attribute);
        match mapping.map(|(_, mapping)| &mapping.from) {
            Some(From::Path(path)) => vec![path.to_string()],
            Some(From::Expression(expression)) => expression.inputs(),
            None => Vec::new(),
        }
    }

    /// What the mappings make of one user. A value that cannot be evaluated, or is not a single value, is that user's
    /// fault and nobody else's.
    pub fn apply(&self, person: &UserView<'_>) -> Mapped {
        let json = self.has_expressions.then(|| person.to_value());
        let mut fault = None;
        let mut value = |mapping: &Compiled| match mapping.value(person, json.as_ref()) {
            Ok(value) => value,
            Err(problem) => {
                fault.get_or_insert(Box::new(problem));
                String::new()
            }
        };
        let enabled = match &self.status {
            None => person.user.enabled,
            Some(mapping) => match value(mapping) {
                nothing if nothing.trim().is_empty() => person.user.enabled,
                status => means_enabled(&status),
            },
        };
        let mut values: Vec<(Attribute, String)> =
            self.attributes.iter().map(|(attribute, mapping)| (*attribute, value(mapping))).collect();
        for (attribute, value) in &mut values {
            if *attribute == Attribute::Email {
                *value = value.trim().to_lowercase();
            }
        }
        Mapped {
            enabled,
            attributes: AttributeSet::new(
                values.iter().map(|(attribute, value)| (*attribute, value.as_str())),
            ),
            fault,
        }
    }
}

impl Compiled {
    /// The value as text; empty when there is none.
    fn value(&self, person: &UserView<'_>, json: Option<&Json>) -> Result<String, Problem> {
        match &self.from {
            From::Path(path) => match person.get(path) {
                Values::None => Ok(String::new()),
                Values::One(value) => text(&value).ok_or_else(|| self.not_single(path.as_str())),
                Values::Many(_) => Err(self.not_single(path.as_str())),
            },
            From::Expression(expression) => {
                let context = Context { root: json.unwrap_or(&Json::Null) };
                let value = expression.evaluate(&context).map_err(|error| {
                    Problem::new(
                        "MAPPING_FAILED",
                        format!(
                            "The mapping to {} has no value for {}: {}.",
                            self.target,
                            person.user.username,
                            error.message().trim_end_matches('.')
                        ),
                        error.remedy(),
                    )
                })?;
                match value {
                    Json::Null => Ok(String::new()),
                    Json::String(text) => Ok(text),
                    Json::Bool(value) => Ok(value.to_string()),
                    Json::Number(value) => Ok(value.to_string()),
                    Json::Array(_) | Json::Object(_) => Err(self.not_single(expression.source())),
                }
            }
        }
    }

    fn not_single(&self, source: &str) -> Problem {
        Problem::new(
            "MAPPING_NOT_SINGLE",
            format!("The mapping to {} gives more than a single value: {source}.", self.target),
            "Change the mapping so that it chooses one of the values.",
        )
    }
}

fn unreadable(target: &str, why: &str) -> Problem {
    Problem::new(
        "MAPPING_UNREADABLE",
        format!("The rule's mapping to {target} cannot be read. {why}"),
        "Correct or delete this mapping.",
    )
}

fn text(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Text(text) => text.clone().into_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Id(id) => id.to_string(),
        Value::Time(time) => Timestamp::from_datetime(*time).to_string(),
        Value::Complex(_) => return None,
    })
}

/// The words that mean an account in use; every other word means one that is not.
pub(in crate::reconcile) fn means_enabled(status: &str) -> bool {
    ["true", "active", "enabled", "1", "yes"].iter().any(|word| status.trim().eq_ignore_ascii_case(word))
}

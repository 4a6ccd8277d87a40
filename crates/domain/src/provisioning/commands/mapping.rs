//! Making, changing and deleting a rule's mappings.

use serde_json::{Map, Value, json};

use super::{events, rule::maps_email};
use crate::{
    Detail, Rejection,
    directory::{
        change::{ChangeSet, Write},
        commands::{
            Body, Decision, Stamp,
            body::{Chars, Faults},
            diff, user,
        },
        view::UserView,
    },
    provisioning::{
        connection::{Connection, ConnectionKind},
        expression::{Expression, MAX_EXPRESSION_BYTES},
        mapping::{Mapping, MappingSource},
        rule::{Direction, Rule},
    },
    reconcile::{attributes::Attribute, inbound},
};

/// What can be mapped to in the directory, beside custom attributes.
const DIRECTORY_TARGETS: [&str; 24] = [
    "accountId",
    "address.countryCode",
    "address.locality",
    "address.postalCode",
    "address.region",
    "address.streetAddress",
    "email",
    "enabled",
    "externalId",
    "locale",
    "mobilePhone",
    "name.family",
    "name.formatted",
    "name.given",
    "name.honorificPrefix",
    "name.honorificSuffix",
    "name.middle",
    "nickname",
    "preferredLanguage",
    "primaryPhone",
    "timezone",
    "title",
    "type",
    "username",
];

/// What must be known to judge a mapping's body.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Its remote connection.
    pub connection: &'a Connection,
    /// All its mappings.
    pub mappings: &'a [Mapping],
    /// Custom attributes that users have; asked for only when [`uses_custom_attributes`] says so.
    pub custom: &'a [String],
}

/// What a Dropbox rule can map to, for suggestions; an inbound rule also to custom attributes.
pub fn targets(direction: Direction) -> Vec<&'static str> {
    match direction {
        Direction::Outbound => Attribute::ALL.into_iter().map(Attribute::name).chain(["status"]).collect(),
        Direction::Inbound => DIRECTORY_TARGETS.to_vec(),
    }
}

/// Whether a body uses attributes that must be looked for among the users' custom ones.
pub fn uses_custom_attributes(body: &Body) -> bool {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    text("sourceAttribute").is_some_and(|path| !UserView::is_standard(path))
        || text("expression").is_some_and(|text| {
            Expression::parse(text)
                .is_ok_and(|expression| expression.inputs().iter().any(|it| !is_known(it, &[])))
        })
}

/// Makes a mapping: `sourceAttribute` or `expression`, and `targetAttribute`.
///
/// # Errors
/// Every fault of the body; the rule is active, and would be without `email`.
pub fn create(body: &Body, facts: Facts<'_>, stamp: &Stamp<'_>) -> Decision<Mapping> {
    let (source, target) = read(None, body, facts)?;
    let mapping = Mapping {
        id: stamp.ids.next().into(),
        environment: facts.rule.environment,
        rule: facts.rule.id,
        source,
        target,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    keeps_email(facts, None, Some(&mapping))?;
    let changes = written(&mapping, facts.rule, "CREATED", "Created", Map::new(), stamp);
    Ok((mapping, changes))
}

/// The mappings that these bodies would be, in place of all that the rule has. Nothing is decided: this is what a
/// preview is made of.
///
/// # Errors
/// Every fault of every body; they would leave an active rule without `email`.
pub fn draft(bodies: &[Body], facts: Facts<'_>, stamp: &Stamp<'_>) -> Result<Vec<Mapping>, Rejection> {
    let mut faults = Faults::default();
    let mut drafted: Vec<Mapping> = Vec::new();
    for (place, body) in bodies.iter().enumerate() {
        match read(None, body, Facts { mappings: &drafted, ..facts }) {
            Ok((source, target)) => drafted.push(Mapping {
                id: stamp.ids.next().into(),
                environment: facts.rule.environment,
                rule: facts.rule.id,
                source,
                target,
                created_at: stamp.now,
                updated_at: stamp.now,
                version: 1,
            }),
            Err(rejection) => rejection.details.into_iter().for_each(|detail| {
                faults.add(Detail { target: format!("mappings[{place}].{}", detail.target), ..detail });
            }),
        }
    }
    if let Err(message) = maps_email(facts.rule.direction, &drafted) {
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "mappings", message));
    }
    faults.finish()?;
    Ok(drafted)
}

/// Replaces a mapping.
///
/// # Errors
/// Every fault of the body; the rule is active, and would be without `email`.
pub fn replace(current: &Mapping, body: &Body, facts: Facts<'_>, stamp: &Stamp<'_>) -> Decision<Mapping> {
    let (source, target) = read(Some(current), body, facts)?;
    let mut mapping = Mapping { source, target, ..current.clone() };
    let changed = diff::changed(current, &mapping);
    if changed.is_empty() {
        return Ok((mapping, ChangeSet::default()));
    }
    mapping.updated_at = stamp.now;
    mapping.version += 1;
    keeps_email(facts, Some(current), Some(&mapping))?;
    let changes = written(&mapping, facts.rule, "UPDATED", "Updated", changed, stamp);
    Ok((mapping, changes))
}

/// Deletes a mapping. Without any, the defaults stand again.
///
/// # Errors
/// The rule is active, and would be without `email`.
pub fn delete(current: &Mapping, facts: Facts<'_>, stamp: &Stamp<'_>) -> Result<ChangeSet, Rejection> {
    keeps_email(facts, Some(current), None)?;
    let mut changes = written(current, facts.rule, "DELETED", "Deleted", Map::new(), stamp);
    changes.writes = vec![Write::MappingGone(current.id)];
    Ok(changes)
}

fn keeps_email(facts: Facts<'_>, old: Option<&Mapping>, new: Option<&Mapping>) -> Result<(), Rejection> {
    if !facts.rule.active {
        return Ok(());
    }
    let others = facts.mappings.iter().filter(|it| old.is_none_or(|old| old.id != it.id));
    let after: Vec<Mapping> = others.chain(new).cloned().collect();
    maps_email(facts.rule.direction, &after)
        .map_err(|message| Rejection::field("CONSTRAINT_VIOLATION", "targetAttribute", message))
}

fn read(
    current: Option<&Mapping>,
    body: &Body,
    facts: Facts<'_>,
) -> Result<(MappingSource, String), Rejection> {
    let mut faults = Faults::default();
    let attribute = faults.text(body, "sourceAttribute", 256, Chars::Printable);
    let expression = faults.text(body, "expression", MAX_EXPRESSION_BYTES, Chars::Lines);
    let given = |key: &str| !matches!(body.get(key), None | Some(Value::Null));
    if given("sourceAttribute") && given("expression") {
        let message = "A mapping has either `sourceAttribute` or `expression`; both are given";
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "expression", message));
    } else if !given("sourceAttribute") && !given("expression") {
        faults.required("sourceAttribute", "the path of an attribute; or give `expression` instead");
    }
    if let Some(path) = &attribute {
        check_source(path, facts, &mut faults);
    }
    if let Some(text) = &expression {
        check_expression(text, facts, &mut faults);
    }
    let target = faults.required_text(body, "targetAttribute", 256, Chars::Printable);
    if !target.is_empty() {
        check_target(current, &target, facts, &mut faults);
    }
    faults.finish()?;
    let source = match (attribute, expression) {
        (Some(path), _) => MappingSource::SourceAttribute(path),
        (None, text) => MappingSource::Expression(text.unwrap_or_default()),
    };
    Ok((source, target))
}

fn check_source(path: &str, facts: Facts<'_>, faults: &mut Faults) {
    let known = match (facts.rule.direction, &facts.connection.kind) {
        (Direction::Outbound, _) => UserView::is_standard(path) || is_inside(path, facts.custom),
        (Direction::Inbound, ConnectionKind::Other(_)) => true,
        (Direction::Inbound, _) => inbound::ATTRIBUTES.contains(&path),
    };
    if !known {
        unknown("sourceAttribute", path, facts, faults);
    }
}

fn check_expression(text: &str, facts: Facts<'_>, faults: &mut Faults) {
    match Expression::parse(text) {
        Err(error) => faults.invalid("expression", error.to_string()),
        Ok(expression) if facts.rule.direction == Direction::Outbound => {
            for path in expression.inputs().iter().filter(|path| !is_known(path, facts.custom)) {
                unknown("expression", path, facts, faults);
            }
        }
        Ok(_) => {}
    }
}

/// Whether an expression may read the path: an attribute, a part of one that has parts, or the whole user.
fn is_known(path: &str, custom: &[String]) -> bool {
    let is_outer = |known: &str| {
        known.get(..path.len()).is_some_and(|start| start.eq_ignore_ascii_case(path))
            && known[path.len()..].starts_with('.')
    };
    path.starts_with('#')
        || UserView::is_standard(path)
        || UserView::ATTRIBUTES.iter().any(|known| is_outer(known))
        || is_inside(path, custom)
}

/// Whether a path is a custom attribute, or leads into one.
fn is_inside(path: &str, custom: &[String]) -> bool {
    let root = path.split('.').next().unwrap_or(path);
    custom.iter().any(|name| name.eq_ignore_ascii_case(root))
}

fn unknown(target: &str, path: &str, facts: Facts<'_>, faults: &mut Faults) {
    let known: Vec<&str> = match facts.rule.direction {
        Direction::Outbound => {
            UserView::ATTRIBUTES.into_iter().chain(facts.custom.iter().map(String::as_str)).collect()
        }
        Direction::Inbound => inbound::ATTRIBUTES.to_vec(),
    };
    let whose = match facts.rule.direction {
        Direction::Outbound => "no user of the directory has it, and it is not a standard one",
        Direction::Inbound => "accounts do not have it",
    };
    let message =
        format!("`{path}` is not an attribute of the source: {whose}; there are {}", known.join(", "));
    let detail = Detail::new("INVALID_VALUE", target, message);
    faults.add(detail.with_inner(json!({"allowedValues": known})));
}

fn check_target(current: Option<&Mapping>, target: &str, facts: Facts<'_>, faults: &mut Faults) {
    let taken = |it: &&Mapping| it.target == target && current.is_none_or(|current| current.id != it.id);
    if let Some(other) = facts.mappings.iter().find(taken) {
        let message =
            format!("`{target}` is mapped already, by mapping {}; a target is mapped once", other.id);
        faults.add(Detail::new("UNIQUENESS_VIOLATION", "targetAttribute", message));
    }
    let allowed: Vec<&str> = match (facts.rule.direction, &facts.connection.kind) {
        (Direction::Outbound, ConnectionKind::Other(_)) => return,
        (Direction::Inbound, _) if user::is_custom_name(target) => return,
        (direction, _) => targets(direction),
    };
    if !allowed.contains(&target) {
        let message =
            format!("`{target}` is not an attribute of the target; there are {}", allowed.join(", "));
        let detail = Detail::new("INVALID_VALUE", "targetAttribute", message);
        faults.add(detail.with_inner(json!({"allowedValues": allowed})));
    }
}

fn written(
    mapping: &Mapping,
    rule: &Rule,
    action: &str,
    verb: &str,
    changed: Map<String, Value>,
    stamp: &Stamp<'_>,
) -> ChangeSet {
    ChangeSet {
        writes: vec![Write::Mapping(mapping.clone())],
        events: vec![stamp.event(
            mapping.environment,
            &format!("PROVISIONING_MAPPING.{action}"),
            events::of_mapping(mapping),
            format!("{verb} provisioning mapping to {} of rule {}.", mapping.target, rule.name),
            Some(changed),
        )],
        due: Vec::new(),
    }
}

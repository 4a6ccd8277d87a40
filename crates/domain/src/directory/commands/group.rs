//! Making, changing and deleting groups.

use serde_json::{Value, json};

use super::{
    Body, Decision, Stamp,
    body::{Chars, Faults, has_nul},
    diff, events,
    population::same_name,
};
use crate::{
    Detail, EnvironmentId, GroupId, PopulationId, Rejection,
    directory::{
        change::{ChangeSet, Write},
        filter::Filter,
        group::Group,
        population::Population,
        view::UserView,
    },
    provisioning::rule::Rule,
};

/// The most groups of an environment (facts §1.12).
pub const MAX_GROUPS: usize = 100_000;

/// What must be known of the directory to judge a group's body.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The groups of the environment.
    pub groups: &'a [Group],
    /// The population that the body names, when it is there.
    pub population: Option<&'a Population>,
    /// Direct members of the group as it is: users, nested groups.
    pub members: (u64, u64),
    /// Custom attributes that users of the environment have; asked for only when [`custom_attributes`] says so.
    pub custom: &'a [String],
}

/// The population that a body names, if it is an id.
pub fn population(body: &Body) -> Option<PopulationId> {
    super::user::population(body)
}

/// Whether a body's `userFilter` uses attributes that must be looked for among the users' custom ones.
pub fn uses_custom_attributes(body: &Body) -> bool {
    body.get("userFilter").and_then(Value::as_str).is_some_and(UserView::needs_custom)
}

/// Makes a group: `name` (required), `description`, `externalId`, `customData`, `userFilter`, `population.id`.
///
/// # Errors
/// Every fault of the body.
pub fn create(
    environment: EnvironmentId,
    body: &Body,
    facts: Facts<'_>,
    stamp: &Stamp<'_>,
) -> Decision<Group> {
    let mut faults = Faults::default();
    let named: Option<PopulationId> = faults.reference(body, "population");
    if let (Some(named), None) = (named, facts.population) {
        faults.invalid("population.id", format!("There is no population {named} in this environment"));
    }
    if facts.groups.len() >= MAX_GROUPS {
        let message = format!("The environment has {MAX_GROUPS} groups, the most that are allowed");
        faults.add(
            Detail::new("SIZE_LIMIT_EXCEEDED", "environment", message)
                .with_inner(json!({"maximumValue": MAX_GROUPS})),
        );
    }
    let blank = Group {
        id: stamp.ids.next().into(),
        environment,
        population: facts.population.map(|population| population.id),
        name: String::new(),
        description: None,
        external_id: None,
        custom_data: None,
        user_filter: None,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let group = read(&blank, body, facts, &mut faults);
    faults.finish()?;
    let changes = created(&group, stamp);
    Ok((group, changes))
}

/// Makes a group of that id, which an inbound rule brings in. `groups` are those of the environment.
///
/// # Errors
/// It cannot be one, or its name is taken.
pub fn provision(
    id: GroupId,
    environment: EnvironmentId,
    population: PopulationId,
    name: &str,
    groups: &[Group],
    stamp: &Stamp<'_>,
) -> Decision<Group> {
    let blank = Group {
        id,
        environment,
        population: Some(population),
        name: String::new(),
        description: None,
        external_id: None,
        custom_data: None,
        user_filter: None,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let group = named(&blank, name, groups)?;
    let changes = created(&group, stamp);
    Ok((group, changes))
}

/// Gives a group another name and leaves all else. `groups` are those of the environment.
///
/// # Errors
/// It cannot be one, or is taken.
pub fn rename(current: &Group, name: &str, groups: &[Group], stamp: &Stamp<'_>) -> Decision<Group> {
    Ok(settle(current, named(current, name, groups)?, stamp))
}

fn named(current: &Group, name: &str, groups: &[Group]) -> Result<Group, Rejection> {
    let mut faults = Faults::default();
    let body: Body = [("name".to_owned(), Value::from(name))].into_iter().collect();
    let name = faults.required_text(&body, "name", 256, Chars::Printable);
    check_name(current, &name, groups, &mut faults);
    faults.finish()?;
    Ok(Group { name, ..current.clone() })
}

fn created(group: &Group, stamp: &Stamp<'_>) -> ChangeSet {
    ChangeSet {
        writes: vec![Write::Group(group.clone())],
        events: vec![stamp.event(
            group.environment,
            "GROUP.CREATED",
            events::of_group(group),
            format!("Created Group {}", group.name),
            None,
        )],
        due: Vec::new(),
    }
}

/// Replaces what a client may set: what the body leaves out is cleared. The population never changes.
///
/// # Errors
/// Every fault of the body.
pub fn replace(current: &Group, body: &Body, facts: Facts<'_>, stamp: &Stamp<'_>) -> Decision<Group> {
    let mut faults = Faults::default();
    let named: Option<PopulationId> = faults.reference(body, "population");
    if named.is_some() && named != current.population {
        let allowed = match current.population {
            Some(id) => format!("leave it out, or name {id}"),
            None => "leave it out".into(),
        };
        let message = format!("A group's population never changes; {allowed}");
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "population.id", message));
    }
    let group = read(current, body, facts, &mut faults);
    faults.finish()?;
    Ok(settle(current, group, stamp))
}

/// Gives a group another description and leaves all else.
///
/// # Errors
/// It cannot be one.
pub fn describe(current: &Group, description: &Value, stamp: &Stamp<'_>) -> Decision<Group> {
    let mut faults = Faults::default();
    let description = faults.text_at(Some(description), "description", 1024, Chars::Lines);
    faults.finish()?;
    Ok(settle(current, Group { description, ..current.clone() }, stamp))
}

/// The change set between two states of a group; empty when they are the same.
fn settle(current: &Group, mut group: Group, stamp: &Stamp<'_>) -> (Group, ChangeSet) {
    let changed = diff::changed(current, &group);
    if changed.is_empty() {
        return (group, ChangeSet::default());
    }
    group.updated_at = stamp.now;
    group.version += 1;
    let changes = ChangeSet {
        writes: vec![Write::Group(group.clone())],
        events: vec![stamp.event(
            group.environment,
            "GROUP.UPDATED",
            events::of_group(&group),
            format!("Updated {} for Group {}", diff::fields(&changed), group.name),
            Some(changed),
        )],
        due: Vec::new(),
    };
    (group, changes)
}

/// Deletes a group, with its memberships and nestings, and takes it off the rules that provision it.
pub fn delete(current: &Group, rules: &[Rule], stamp: &Stamp<'_>) -> ChangeSet {
    let mut changes = ChangeSet::default();
    for rule in rules.iter().filter(|rule| rule.retiring.is_none() && rule.groups.contains(&current.id)) {
        let mut rule = Rule { updated_at: stamp.now, version: rule.version + 1, ..rule.clone() };
        rule.groups.retain(|group| *group != current.id);
        changes.writes.push(Write::Rule(rule));
    }
    changes.writes.push(Write::GroupGone(current.id));
    changes.events.push(stamp.event(
        current.environment,
        "GROUP.DELETED",
        events::of_group(current),
        format!("Deleted Group {}", current.name),
        None,
    ));
    changes
}

fn read(current: &Group, body: &Body, facts: Facts<'_>, faults: &mut Faults) -> Group {
    let name = faults.required_text(body, "name", 256, Chars::Printable);
    check_name(current, &name, facts.groups, faults);
    let custom_data = faults.object(body, "customData").cloned().map(Value::Object);
    if let Some(data) = &custom_data {
        let size = data.to_string().len();
        if size > super::user::MAX_PROFILE_BYTES || has_nul(data) {
            let max = super::user::MAX_PROFILE_BYTES;
            let message = format!("`customData` has {size} bytes; at most {max} are allowed, and no U+0000");
            faults.add(
                Detail::new("SIZE_LIMIT_EXCEEDED", "customData", message)
                    .with_inner(json!({"maximumValue": max})),
            );
        }
    }
    let user_filter = faults.text(body, "userFilter", 8 * 1024, Chars::Lines);
    if let Some(text) = &user_filter {
        check_filter(text, facts, faults);
    }
    Group {
        name,
        description: faults.text(body, "description", 1024, Chars::Lines),
        external_id: faults.text(body, "externalId", 1024, Chars::Printable),
        custom_data,
        user_filter,
        ..current.clone()
    }
}

/// A population's groups differ by name among themselves and from those of the environment, so that nobody is in
/// two groups of one name; groups of different populations may share a name.
fn check_name(current: &Group, name: &str, groups: &[Group], faults: &mut Faults) {
    let clash = groups.iter().find(|other| {
        other.id != current.id
            && (other.population == current.population
                || other.population.is_none()
                || current.population.is_none())
            && same_name(&other.name, name)
    });
    if let Some(other) = clash {
        let place = match other.population {
            Some(_) if other.population == current.population => "The population has".to_owned(),
            Some(id) => format!("Population {id} has"),
            None => "The environment has".to_owned(),
        };
        let message = format!(
            "{place} a group named `{}` already; a name is unique in its population and among the groups of the environment",
            other.name
        );
        faults.add(Detail::new("UNIQUENESS_VIOLATION", "name", message));
    }
}

fn check_filter(text: &str, facts: Facts<'_>, faults: &mut Faults) {
    let checked = Filter::parse(text).and_then(|filter| UserView::check(&filter, facts.custom));
    if let Err(error) = checked {
        faults.invalid("userFilter", error.to_string());
    }
    let (users, groups) = facts.members;
    if users + groups > 0 {
        let message = format!(
            "The group has {users} users and {groups} groups that were added by hand; take them out before it becomes dynamic"
        );
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "userFilter", message));
    }
}

//! Which subjects of which rules a change makes due. An outbound rule that is active and not being deleted follows
//! the directory; a rule that a person changed is looked at whole.

use std::collections::BTreeSet;

use usher_domain::{
    EnvironmentId, GroupId, RuleId, Timestamp,
    directory::change::{ChangeSet, Due, DueSubject, Write},
    ports::store::{Store, StoreResult},
    provisioning::{
        mapping::MappingSource,
        rule::{Direction, Rule},
    },
};

use super::Directory;

/// What a change touches beside the users that it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    /// A group's existence or name.
    Group(GroupId),
    /// The memberships of many: nesting, a dynamic filter, a group that is gone.
    Memberships,
    /// The name of a group: rules that choose or compute by it.
    GroupName,
    /// The name of a population: rules that choose or compute by it.
    PopulationName,
    /// One rule, whole, whatever its direction and state.
    Rule(RuleId),
}

impl Directory {
    /// What a change set makes due, at `at`.
    pub(super) async fn due(
        &self,
        environment: EnvironmentId,
        changes: &ChangeSet,
        touched: &[Touched],
        at: Timestamp,
    ) -> StoreResult<Vec<Due>> {
        of(&*self.store, environment, changes, touched, at).await
    }
}

/// What a change set makes due, at `at`.
pub(crate) async fn of(
    store: &dyn Store,
    environment: EnvironmentId,
    changes: &ChangeSet,
    touched: &[Touched],
    at: Timestamp,
) -> StoreResult<Vec<Due>> {
    let mut subjects = BTreeSet::new();
    for write in &changes.writes {
        match write {
            Write::User(user) => _ = subjects.insert(DueSubject::User(user.id)),
            Write::UserGone(user) => _ = subjects.insert(DueSubject::User(*user)),
            Write::Member(it) | Write::MemberGone(it) => _ = subjects.insert(DueSubject::User(it.user)),
            _ => {}
        }
    }
    let mut due = BTreeSet::new();
    for it in touched {
        if let Touched::Rule(rule) = it {
            due.insert((*rule, DueSubject::Everything));
        }
    }
    let follows = touched.iter().any(|it| !matches!(it, Touched::Rule(_)));
    if follows || !subjects.is_empty() {
        for rule in store.rules(environment).await? {
            if rule.direction == Direction::Outbound && rule.active && rule.retiring.is_none() {
                due.extend(subjects.iter().map(|subject| (rule.id, subject.clone())));
                for it in touched {
                    due.extend(subject(store, &rule, *it).await?.map(|subject| (rule.id, subject)));
                }
            }
        }
    }
    Ok(due.into_iter().map(|(rule, subject)| Due { rule, subject, at }).collect())
}

/// What of an active outbound rule is touched.
async fn subject(store: &dyn Store, rule: &Rule, touched: Touched) -> StoreResult<Option<DueSubject>> {
    let everything = Some(DueSubject::Everything);
    Ok(match touched {
        Touched::Group(group) => rule.groups.contains(&group).then_some(DueSubject::Group(group)),
        Touched::Memberships => everything,
        Touched::GroupName if mentions(store, rule, "memberofgroup").await? => everything,
        Touched::PopulationName if mentions(store, rule, "population").await? => everything,
        Touched::GroupName | Touched::PopulationName | Touched::Rule(_) => None,
    })
}

/// Whether a rule's filter or mappings have a word in them (lower case), such as the beginning of an attribute.
async fn mentions(store: &dyn Store, rule: &Rule, word: &str) -> StoreResult<bool> {
    let has = |text: &str| text.to_lowercase().contains(word);
    if rule.filter.as_deref().is_some_and(has) {
        return Ok(true);
    }
    let mappings = store.mappings(rule.id).await?;
    Ok(mappings.iter().any(|mapping| match &mapping.source {
        MappingSource::SourceAttribute(text) | MappingSource::Expression(text) => has(text),
    }))
}

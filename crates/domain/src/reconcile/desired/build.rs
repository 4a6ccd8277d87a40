//! Puts together what should be: the users whom the rule's filter matches, and the rule's groups.

use serde_json::Value as Json;

use crate::{
    GroupId, UserId,
    directory::filter::{Attributes, Filter},
    reconcile::scope::Scope,
};

use super::{CompiledMappings, Desired, DesiredAccount, DesiredGroup};

/// A user, as filters and mappings see them.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Who.
    pub user: UserId,
    /// What people call them, for faults.
    pub label: &'a str,
    /// Whether they are enabled in the directory.
    pub enabled: bool,
    /// What filters and plain mappings ask.
    pub view: &'a dyn Attributes,
    /// What expressions see; made only when a mapping needs it.
    pub json: &'a dyn Fn() -> Json,
    /// Whether they are a member of a group, directly or indirectly.
    pub is_member: &'a dyn Fn(GroupId) -> bool,
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("user", &self.user)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

/// What should be: of these people those in scope whom the filter matches, each as the mappings make them. `groups`
/// are those groups of the rule that exist, in any order.
pub fn desired<'a>(
    scope: Scope,
    filter: Option<&Filter>,
    mappings: &CompiledMappings,
    mut groups: Vec<DesiredGroup>,
    people: impl IntoIterator<Item = Source<'a>>,
) -> Desired {
    groups.sort_unstable_by_key(|group| group.group);
    groups.dedup_by_key(|group| group.group);

    let mut accounts: Vec<DesiredAccount> = people
        .into_iter()
        .filter(|person| scope.has_user(person.user))
        .filter(|person| filter.is_none_or(|filter| filter.matches(person.view)))
        .map(|person| {
            let mapped = mappings.apply(&person);
            let member_of = (0..).zip(&groups).filter(|(_, group)| (person.is_member)(group.group));
            DesiredAccount {
                user: person.user,
                enabled: mapped.enabled,
                attributes: mapped.attributes,
                groups: member_of.map(|(index, _)| index).collect(),
                fault: mapped.fault,
            }
        })
        .collect();
    accounts.sort_unstable_by_key(|account| account.user);
    Desired { scope, accounts, groups, mapped: mappings.mapped() }
}

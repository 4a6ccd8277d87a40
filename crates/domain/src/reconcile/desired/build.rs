//! Puts together what should be: the users whom the rule's filter matches, and the rule's groups.

use crate::{
    directory::{filter::Filter, view::UserView},
    reconcile::scope::Scope,
};

use super::{CompiledMappings, Desired, DesiredAccount, DesiredGroup};

/// Gathers what should be: of these people those in scope whom the filter matches, each as the mappings make them. `groups`
/// are those groups of the rule that exist, in any order.
#[derive(Debug)]
pub struct Builder<'a> {
    filter: Option<&'a Filter>,
    mappings: &'a CompiledMappings,
    desired: Desired,
}

impl<'a> Builder<'a> {
    /// Nobody yet.
    pub fn new(
        scope: Scope,
        filter: Option<&'a Filter>,
        mappings: &'a CompiledMappings,
        mut groups: Vec<DesiredGroup>,
    ) -> Self {
        groups.sort_unstable_by_key(|group| group.group);
        groups.dedup_by_key(|group| group.group);
        let desired = Desired { scope, accounts: Vec::new(), groups, mapped: mappings.mapped() };
        Builder { filter, mappings, desired }
    }

    /// Adds a user, if they are in scope and the filter matches them.
    pub fn add(&mut self, person: &UserView<'_>) {
        let user = person.user.id;
        if !self.desired.scope.has_user(user) || self.filter.is_some_and(|filter| !filter.matches(person)) {
            return;
        }
        let mapped = self.mappings.apply(person);
        let place = |group| {
            let found = self.desired.groups.binary_search_by_key(&group, |wanted| wanted.group).ok()?;
            u32::try_from(found).ok()
        };
        let mut groups: Vec<u32> = person.groups.iter().filter_map(|group| place(group.id)).collect();
        groups.sort_unstable();
        self.desired.accounts.push(DesiredAccount {
            user,
            enabled: mapped.enabled,
            attributes: mapped.attributes,
            groups: groups.into(),
            fault: mapped.fault,
        });
    }

    /// What should be.
    pub fn finish(mut self) -> Desired {
        self.desired.accounts.sort_unstable_by_key(|account| account.user);
        self.desired
    }
}

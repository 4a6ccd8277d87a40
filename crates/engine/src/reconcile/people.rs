//! The directory, as far as a run needs it: all of it, or the users in scope; and what should be because of it.

use rustc_hash::{FxHashMap, FxHashSet};
use usher_domain::{
    GroupId, PopulationId, UserId,
    directory::{
        filter::Filter,
        group::{Group, Membership},
        memberships::Memberships,
        user::User,
        view::UserView,
    },
    ports::store::StoreResult,
    reconcile::{
        desired::{Builder, CompiledMappings, Desired, DesiredGroup},
        links::Links,
        scope::Scope,
    },
};

use super::{Reconciler, Setup};

/// The users in scope, and all groups.
pub(crate) struct People {
    /// In id order.
    users: Vec<User>,
    groups: FxHashMap<GroupId, Group>,
    populations: FxHashMap<PopulationId, String>,
    memberships: Memberships,
}

impl Reconciler {
    /// Reads the directory.
    pub(super) async fn people(&self, setup: &Setup, scope: &Scope) -> StoreResult<People> {
        let environment = setup.rule.environment;
        let (mut users, direct): (Vec<User>, Vec<Membership>) = match scope {
            Scope::Full => {
                let users = self.store.all_users(environment).await?;
                (users, self.store.memberships(environment, None).await?)
            }
            Scope::Subjects { users, .. } => {
                let ids: Vec<UserId> = users.iter().copied().collect();
                let users = self.store.users_by_id(environment, &ids).await?;
                (users, self.store.memberships(environment, Some(&ids)).await?)
            }
            Scope::Accounts(_) => (Vec::new(), Vec::new()),
        };
        users.sort_unstable_by_key(|user| user.id);
        self.with_groups(setup, users, &direct).await
    }

    /// These users, in id order, with all that is to be known of their groups.
    pub(super) async fn with_groups(
        &self,
        setup: &Setup,
        users: Vec<User>,
        direct: &[Membership],
    ) -> StoreResult<People> {
        let environment = setup.rule.environment;
        let groups = self.store.groups(environment).await?;
        let nestings = self.store.nestings(environment).await?;
        let populations = self.store.populations(environment).await?;
        Ok(People {
            users,
            memberships: Memberships::new(&groups, &nestings, direct),
            groups: groups.into_iter().map(|group| (group.id, group)).collect(),
            populations: populations.into_iter().map(|home| (home.id, home.name)).collect(),
        })
    }
}

impl People {
    /// The user, if the directory has them.
    pub(crate) fn user(&self, id: UserId) -> Option<&User> {
        self.users.binary_search_by_key(&id, |user| user.id).ok().and_then(|index| self.users.get(index))
    }

    /// The group, if the directory has it.
    pub(crate) fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// All groups of the directory, in id order.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.groups.values().cloned().collect();
        groups.sort_unstable_by_key(|group| group.id);
        groups
    }

    /// Whether the directory has the population.
    pub(super) fn has_population(&self, id: PopulationId) -> bool {
        self.populations.contains_key(&id)
    }

    /// All of them, in id order.
    pub(super) fn users(&self) -> &[User] {
        &self.users
    }

    /// What should be. A rule that is being deleted wants nothing.
    pub(super) fn desired(&self, setup: &Setup, mappings: &CompiledMappings, scope: Scope) -> Desired {
        if setup.rule.retiring.is_some() {
            return Builder::new(scope, None, mappings, Vec::new()).finish();
        }
        let groups = setup.rule.groups.iter().filter_map(|id| self.groups.get(id));
        let groups = groups.map(|group| DesiredGroup { group: group.id, name: group.name.as_str().into() });
        let mut builder = Builder::new(scope, setup.filter.as_ref(), mappings, groups.collect());
        for user in &self.users {
            self.see(user, |view| builder.add(view));
        }
        builder.finish()
    }

    /// Those whom this rule has linked and another active rule of the connection wants.
    pub(super) fn claimed_elsewhere(&self, setup: &Setup, links: &Links) -> FxHashSet<UserId> {
        if setup.neighbours.is_empty() {
            return FxHashSet::default();
        }
        let wanted = |view: &UserView<'_>| {
            let matches = |filter: &Option<Filter>| filter.as_ref().is_none_or(|filter| filter.matches(view));
            setup.neighbours.iter().any(|rule| matches(&rule.filter))
        };
        let ours = links.accounts().iter().filter(|link| link.rule == setup.rule.id);
        ours.filter_map(|link| self.user(link.user))
            .filter(|user| self.see(user, wanted))
            .map(|user| user.id)
            .collect()
    }

    /// Shows a user as filters and mappings see them.
    pub(super) fn see<T>(&self, user: &User, show: impl FnOnce(&UserView<'_>) -> T) -> T {
        let population = self.populations.get(&user.population).map(String::as_str);
        let groups = self.memberships.groups_of(user, population);
        show(&UserView { user, population, groups: &groups })
    }
}

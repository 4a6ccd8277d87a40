//! The main path of an inbound rule: what was seen of the team is what should be, the directory is what is.

use rustc_hash::{FxHashMap, FxHashSet};
use usher_domain::{
    RuleId, UserId,
    directory::{filter::Filter, group::Membership, user::User},
    ports::{
        connector::{Look, LookAtGroups, Progress},
        store::{PageRequest, StoreResult, UserQuery},
    },
    provisioning::{
        onboarding::{Onboarding, Owned},
        rule::{Direction, Rule},
    },
    reconcile::{
        attributes::Attribute,
        inbound::{InboundMappings, InboundPlan, Known, Provenance, plan, user_of_account},
        links::Links,
        scope::Scope,
        snapshot::{AccountId, Snapshot},
    },
};

use super::{People, Planned, ReconcileError, Reconciler, Setup, Wanted};

/// So many users are read by one key at most: more than one is ambiguous already.
const FEW: u32 = 8;

impl Reconciler {
    /// What is to be done, with what was seen.
    pub(super) async fn seen_inbound(
        &self,
        setup: &Setup,
        mappings: &InboundMappings,
        onboarding: &Onboarding,
        scope: Scope,
        progress: &dyn Progress,
    ) -> Result<(Planned, Snapshot), ReconcileError> {
        let mut links = self.store.links(setup.connection.id, &scope).await?;
        let look = look(setup, onboarding, &scope);
        let mut seen = setup.waits.read(setup.connector.observe(&look, progress)).await?;
        self.saw(setup.connection.id, &seen);
        seen.scope = scope.clone();
        let of: Option<Vec<AccountId>> = match &scope {
            Scope::Accounts(accounts) => Some(accounts.iter().cloned().collect()),
            _ => None,
        };
        let provisioned = self.store.provisioned(setup.rule.id, of.as_deref()).await?;
        let people = match &scope {
            Scope::Full => self.people(setup, &Scope::Full).await?,
            _ => {
                let people = self.people_of(setup, &seen, &links, &provisioned).await?;
                // Whoever is found for an account may have another one by a link of theirs.
                let users = people.users().iter().map(|user| user.id).collect();
                let more = Scope::Subjects { users, groups: Default::default() };
                links = links.with(self.store.links(setup.connection.id, &more).await?);
                people
            }
        };
        let theirs = self.made_by_others(&setup.rule).await?;
        let left_behind: FxHashSet<AccountId> =
            self.store.left_behind(setup.connection.id).await?.into_iter().collect();
        let neighbours: FxHashSet<RuleId> = setup.inbound.iter().map(|it| it.rule).collect();
        let written = written(setup, &people);
        let memberships = self.memberships_of(setup, onboarding, &scope, &people).await?;
        let groups = if onboarding.groups { people.groups() } else { Vec::new() };
        let mut onboarding = onboarding.clone();
        onboarding.population = onboarding.population.filter(|home| people.has_population(*home));
        let InboundPlan { plan, impacted } = plan(&Known {
            rule: setup.rule.id,
            connection: setup.connection.id,
            retiring: setup.rule.retiring,
            onboarding: &onboarding,
            filter: setup.filter.as_ref(),
            mappings,
            seen: &seen,
            links: &links,
            users: people.users(),
            groups: &groups,
            memberships: &memberships,
            groups_written: &setup.groups_claimed_elsewhere(),
            provisioned: &provisioned,
            written: &written,
            theirs: &theirs,
            neighbours: &neighbours,
            left_behind: &left_behind,
        });
        let seats = seen.seats;
        Ok((Planned { plan, wanted: Wanted::Inbound(scope, impacted), links, people, seats }, seen))
    }

    /// Direct memberships, in user order, if the rule brings groups in.
    async fn memberships_of(
        &self,
        setup: &Setup,
        onboarding: &Onboarding,
        scope: &Scope,
        people: &People,
    ) -> StoreResult<Vec<Membership>> {
        if !onboarding.groups {
            return Ok(Vec::new());
        }
        let ids: Vec<UserId> = people.users().iter().map(|user| user.id).collect();
        let of = if scope.is_full() { None } else { Some(ids.as_slice()) };
        let mut memberships = self.store.memberships(setup.rule.environment, of).await?;
        memberships.sort_unstable_by_key(|it| (it.user, it.group));
        Ok(memberships)
    }

    /// The users whom other active inbound rules of the environment made.
    async fn made_by_others(&self, rule: &Rule) -> StoreResult<FxHashMap<UserId, RuleId>> {
        let mut theirs = FxHashMap::default();
        for other in self.store.rules(rule.environment).await? {
            let awake = other.active && other.retiring.is_none();
            if other.id != rule.id && other.direction == Direction::Inbound && awake {
                let made = self.store.provisioned(other.id, None).await?;
                theirs.extend(made.into_iter().map(|it| (it.user, other.id)));
            }
        }
        Ok(theirs)
    }

    /// Whoever may belong to what was seen: by link, by provenance, and by every key that correlation goes by.
    async fn people_of(
        &self,
        setup: &Setup,
        seen: &Snapshot,
        links: &Links,
        provisioned: &[Provenance],
    ) -> StoreResult<People> {
        let environment = setup.rule.environment;
        let mut ids: Vec<UserId> = links.accounts().iter().map(|link| link.user).collect();
        ids.extend(provisioned.iter().map(|made| made.user));
        let mut users: FxHashMap<UserId, User> = FxHashMap::default();
        let few = PageRequest { after: None, limit: FEW };
        for account in &seen.accounts {
            ids.push(user_of_account(setup.connection.id, &account.id));
            let email = account.attributes.get(Attribute::Email).to_owned();
            let external_id = account.attributes.get(Attribute::ExternalId).to_owned();
            ids.extend(external_id.parse::<UserId>().ok());
            let plain = UserQuery::default;
            let queries = [
                UserQuery { email: Some(email.clone()), ..plain() },
                UserQuery { username: Some(email), ..plain() },
                UserQuery { external_id: Some(external_id), ..plain() },
                UserQuery { external_id: Some(account.id.as_str().to_owned()), ..plain() },
            ];
            let asks = |query: &&UserQuery| {
                [&query.email, &query.username, &query.external_id]
                    .into_iter()
                    .flatten()
                    .all(|text| !text.is_empty())
            };
            for query in queries.iter().filter(asks) {
                let found = self.store.users(environment, query, &few).await?;
                users.extend(found.items.into_iter().map(|user| (user.id, user)));
            }
        }
        ids.retain(|id| !users.contains_key(id));
        ids.sort_unstable();
        ids.dedup();
        let known = self.store.users_by_id(environment, &ids).await?;
        users.extend(known.into_iter().map(|user| (user.id, user)));
        let mut users: Vec<User> = users.into_values().collect();
        users.sort_unstable_by_key(|user| user.id);
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let direct = self.store.memberships(environment, Some(&ids)).await?;
        self.with_groups(setup, users, &direct).await
    }
}

/// What to look at.
fn look(setup: &Setup, onboarding: &Onboarding, scope: &Scope) -> Look {
    let Scope::Accounts(accounts) = scope else { return Look::Whole };
    let asks_for_groups = |filter: &Filter| filter.attributes().any(|path| path.key().starts_with("groups"));
    let groups = if onboarding.groups || setup.filter.as_ref().is_some_and(asks_for_groups) {
        LookAtGroups::All
    } else {
        LookAtGroups::None
    };
    Look::At { accounts: accounts.iter().cloned().collect(), people: Vec::new(), groups }
}

/// What active outbound rules of the connection write of each user's account.
fn written(setup: &Setup, people: &People) -> Vec<Owned> {
    if setup.neighbours.is_empty() {
        return Vec::new();
    }
    people.users().iter().map(|user| written_of(setup, people, user)).collect()
}

/// What active outbound rules of the connection write of a user's account.
pub(super) fn written_of(setup: &Setup, people: &People, user: &User) -> Owned {
    people.see(user, |view| {
        let wants = |filter: &Option<Filter>| filter.as_ref().is_none_or(|filter| filter.matches(view));
        let rules = setup.neighbours.iter().filter(|rule| wants(&rule.filter));
        rules.fold(Owned::NONE, |all, rule| all.and(rule.writes))
    })
}

//! A small language for tests: a directory, a team, what is remembered, and what planning makes of them.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;
use usher_domain::{
    GroupId, Problem, RuleId, Timestamp, UserId,
    provisioning::connection::Policy,
    reconcile::{
        attributes::{Attribute, AttributeMask, AttributeSet},
        desired::{Desired, DesiredAccount, DesiredGroup},
        links::{AccountLink, GroupLink, Links, Origin},
        operation::{Action, Operation},
        outcome::{Made, Outcome},
        plan::{Known, Plan, Retiring, plan},
        scope::{Scope, Subject},
        snapshot::{AccountId, AccountState, GroupKind, RemoteGroupId},
    },
};
use uuid::Uuid;

use crate::team::{MadeSoFar, Member, Team, TeamGroup};

pub(crate) const RULE: RuleId = RuleId(Uuid::from_u128(1));
pub(crate) const OTHER_RULE: RuleId = RuleId(Uuid::from_u128(2));
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// An id that is the same for the same name.
fn id(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(name.bytes()).for_each(|(slot, byte)| *slot = byte);
    Uuid::from_bytes(bytes)
}

pub(crate) fn user(name: &str) -> UserId {
    UserId(id(name))
}

pub(crate) fn group(name: &str) -> GroupId {
    GroupId(id(name))
}

/// The account id that a synced user of that name has.
pub(crate) fn account(name: &str) -> String {
    format!("dbmid:{name}")
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    pub enabled: bool,
    pub attributes: AttributeSet,
    pub groups: BTreeSet<GroupId>,
    pub fault: Option<Problem>,
}

/// What a stage's intents may overwrite: links and placements.
type Memory = (BTreeMap<UserId, AccountLink>, BTreeSet<(UserId, GroupId)>);

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub policy: Policy,
    pub mapped: AttributeMask,
    pub people: BTreeMap<UserId, Person>,
    pub groups: BTreeMap<GroupId, String>,
    pub team: Team,
    pub accounts: BTreeMap<UserId, AccountLink>,
    pub group_links: BTreeMap<GroupId, GroupLink>,
    pub placed: BTreeSet<(UserId, GroupId)>,
    pub elsewhere: FxHashSet<UserId>,
    pub groups_elsewhere: FxHashSet<GroupId>,
    pub retiring: Option<Retiring>,
    pub now: Timestamp,
    last: Option<UserId>,
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl World {
    /// An empty directory and a team with nobody but the connection's administrator.
    pub(crate) fn new() -> Self {
        let mut team = Team::default();
        let admin = AttributeSet::new([(Attribute::Email, "root@example.com")]);
        let member = Member { admin: true, ..Member::new(admin, AccountState::Active) };
        team.members.insert(account("root"), member);
        team.own = Some(account("root"));
        World {
            policy: Policy::default(),
            mapped: [Attribute::Email, Attribute::GivenName, Attribute::Surname].into_iter().collect(),
            people: BTreeMap::new(),
            groups: BTreeMap::new(),
            team,
            accounts: BTreeMap::new(),
            group_links: BTreeMap::new(),
            placed: BTreeSet::new(),
            elsewhere: FxHashSet::default(),
            groups_elsewhere: FxHashSet::default(),
            retiring: None,
            now: NOW,
            last: None,
        }
    }

    /// A group of the rule.
    pub(crate) fn group(mut self, name: &str) -> Self {
        self.groups.insert(group(name), name.into());
        self
    }

    /// A user of the rule, enabled.
    pub(crate) fn user(mut self, name: &str) -> Self {
        let (email, given) = (format!("{name}@example.com"), capital(name));
        let attributes = AttributeSet::new([
            (Attribute::Email, email.as_str()),
            (Attribute::GivenName, given.as_str()),
            (Attribute::Surname, "Example"),
        ]);
        let groups = BTreeSet::new();
        self.people.insert(user(name), Person { enabled: true, attributes, groups, fault: None });
        self.last = Some(user(name));
        self
    }

    /// The user named last is a member of that group.
    pub(crate) fn in_group(mut self, name: &str) -> Self {
        let last = self.last.expect("a user comes first");
        self.people.get_mut(&last).unwrap().groups.insert(group(name));
        self
    }

    /// Everyone has the account and everything else that they should have.
    pub(crate) fn synced(mut self) -> Self {
        for (id, name) in &self.groups.clone() {
            let remote = format!("g:{name}");
            let (name, external_id) = (name.clone(), Some(id.to_string()));
            let kind = GroupKind::CompanyManaged;
            self.team.groups.insert(remote.clone(), TeamGroup { name, external_id, kind });
            let remote = RemoteGroupId::from(remote);
            let link = GroupLink { group: *id, remote, rule: RULE, origin: Origin::Created };
            self.group_links.insert(*id, link);
        }
        for (user, person) in &self.people.clone() {
            let name: String = person.attributes.get(Attribute::Email).split('@').take(1).collect();
            let attributes = person.attributes.with(Attribute::ExternalId, &user.to_string());
            let mut member = Member::new(attributes, AccountState::Active);
            for group in &person.groups {
                member.groups.insert(self.group_links[group].remote.to_string());
                self.placed.insert((*user, *group));
            }
            self.team.members.insert(account(&name), member);
            self.link(*user, &account(&name), Origin::Created);
        }
        self
    }

    /// An account of that name with its address and nothing else, that nobody is linked to.
    pub(crate) fn account(mut self, name: &str) -> Self {
        let email = format!("{name}@example.com");
        let attributes = AttributeSet::new([(Attribute::Email, email.as_str())]);
        self.team.members.insert(account(name), Member::new(attributes, AccountState::Active));
        self
    }

    /// Changes one thing.
    pub(crate) fn but(mut self, change: impl FnOnce(&mut World)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn link(&mut self, user: UserId, account: &str, origin: Origin) {
        let account = AccountId::from(account);
        let (suspended_by_us, remove_at) = (false, None);
        let link = AccountLink { user, account, rule: RULE, origin, suspended_by_us, remove_at };
        self.accounts.insert(user, link);
    }

    pub(crate) fn person(&mut self, name: &str) -> &mut Person {
        self.people.get_mut(&user(name)).expect("such a user")
    }

    pub(crate) fn member(&mut self, name: &str) -> &mut Member {
        self.team.members.get_mut(&account(name)).expect("such an account")
    }

    pub(crate) fn linked(&mut self, name: &str) -> &mut AccountLink {
        self.accounts.get_mut(&user(name)).expect("such a link")
    }

    pub(crate) fn desired(&self, scope: &Scope) -> Desired {
        let ids: Vec<_> = self.groups.keys().collect();
        let accounts = self.people.iter().filter(|(id, _)| scope.has_user(**id)).map(|(id, person)| {
            let at = |group: &GroupId| ids.iter().position(|id| *id == group).map(|at| at as u32);
            DesiredAccount {
                user: *id,
                enabled: person.enabled,
                attributes: person.attributes.clone(),
                groups: person.groups.iter().filter_map(at).collect(),
                fault: person.fault.clone().map(Box::new),
            }
        });
        let groups =
            self.groups.iter().map(|(id, name)| DesiredGroup { group: *id, name: name.as_str().into() });
        Desired {
            scope: scope.clone(),
            accounts: accounts.collect(),
            groups: groups.collect(),
            mapped: self.mapped,
        }
    }

    pub(crate) fn links(&self, scope: &Scope) -> Links {
        let accounts = self.accounts.values().filter(|link| scope.has_user(link.user));
        let placed = self.placed.iter().filter(|(user, _)| scope.has_user(*user)).copied();
        Links::new(accounts.cloned().collect(), self.group_links.values().cloned().collect(), placed)
    }

    /// The plan of everything.
    pub(crate) fn plan(&self) -> Plan {
        self.plan_within(&Scope::Full)
    }

    pub(crate) fn plan_within(&self, scope: &Scope) -> Plan {
        let in_scope = self.accounts.values().filter(|link| scope.has_user(link.user));
        let linked = in_scope.map(|link| link.account.as_str()).collect();
        let people: Vec<_> = self
            .people
            .iter()
            .filter(|(id, _)| scope.has_user(**id))
            .flat_map(|(id, person)| {
                let email = person.attributes.get(Attribute::Email);
                let mapped = person.attributes.get(Attribute::ExternalId);
                [(id.to_string(), email.to_owned()), (mapped.to_owned(), email.to_owned())]
            })
            .collect();
        plan(&Known {
            rule: RULE,
            retiring: self.retiring,
            policy: &self.policy,
            desired: &self.desired(scope),
            seen: &self.team.observe(scope, &linked, &people),
            links: &self.links(scope),
            from_dropbox: Default::default(),
            claimed_elsewhere: &self.elsewhere,
            groups_claimed_elsewhere: &self.groups_elsewhere,
            now: self.now,
        })
    }

    /// Applies all operations and records them.
    pub(crate) fn apply(&mut self, plan: &Plan) -> Vec<Outcome> {
        self.apply_until_killed(plan, plan.operations.len(), 0)
    }

    /// Applies the first `steps` operations, and is killed before the last `lost` of them are recorded. As the
    /// executor does it, a stage is recorded before the next one begins, and what is recorded before a call is so
    /// for the whole stage before its first call.
    pub(crate) fn apply_until_killed(&mut self, plan: &Plan, steps: usize, lost: usize) -> Vec<Outcome> {
        let mut made = MadeSoFar::default();
        let mut outcomes = Vec::new();
        for stage in plan.operations.chunk_by(|a, b| a.action.stage() == b.action.stage()) {
            let left = steps - outcomes.len();
            if left == 0 {
                break;
            }
            let kept = if left > stage.len() { stage.len() } else { left.saturating_sub(lost) };
            let before = self.memory();
            stage.iter().for_each(|operation| self.intend(operation));
            for (at, operation) in stage.iter().enumerate().take(left) {
                let outcome = self.team.apply(operation, &mut made);
                if at < kept || operation.action.is_local() {
                    self.record(operation, &outcome);
                    if !outcome.is_success() {
                        self.take_back(operation, &before);
                    }
                }
                outcomes.push(outcome);
            }
        }
        outcomes
    }

    /// Remembers what is recorded before the call.
    fn intend(&mut self, operation: &Operation) {
        if matches!(operation.action, Action::Suspend { .. } | Action::AddMember { .. }) {
            self.record(operation, &Outcome::done());
        }
    }

    /// Forgets what was recorded before a call that was refused.
    fn take_back(&mut self, operation: &Operation, (accounts, placed): &Memory) {
        match (&operation.action, operation.subject) {
            (Action::AddMember { group, user, .. }, _) if !placed.contains(&(*user, *group)) => {
                self.placed.remove(&(*user, *group));
            }
            (Action::Suspend { .. }, Subject::User(user)) => {
                if let Some(link) = accounts.get(&user) {
                    self.accounts.insert(user, link.clone());
                }
            }
            _ => {}
        }
    }

    fn memory(&self) -> Memory {
        (self.accounts.clone(), self.placed.clone())
    }

    /// Remembers what an operation's documentation says is recorded.
    fn record(&mut self, operation: &Operation, outcome: &Outcome) {
        if !outcome.is_success() {
            return;
        }
        let of_user = match operation.subject {
            Subject::User(user) => user,
            Subject::Group(_) => UserId(Uuid::nil()),
        };
        let of_group = match operation.subject {
            Subject::Group(group) => group,
            Subject::User(_) => GroupId(Uuid::nil()),
        };
        let amend = |world: &mut World, by_us: bool, at: Option<Timestamp>| {
            if let Some(link) = world.accounts.get_mut(&of_user) {
                (link.suspended_by_us, link.remove_at) = (by_us, at);
            }
        };
        match &operation.action {
            Action::Unlink { .. } | Action::CancelInvitation { .. } => {
                self.accounts.remove(&of_user);
                self.placed.retain(|(user, _)| *user != of_user);
            }
            Action::UnlinkGroup { .. } | Action::DeleteGroup { .. } => {
                self.group_links.remove(&of_group);
                self.placed.retain(|(_, group)| *group != of_group);
            }
            Action::Link { account, origin, from, suspended_by_us } => {
                if let Some(former) = from {
                    self.accounts.remove(former);
                    let theirs = self.placed.iter().filter(|(user, _)| user == former);
                    let groups: Vec<_> = theirs.map(|(_, group)| *group).collect();
                    self.placed.retain(|(user, _)| user != former);
                    self.placed.extend(groups.into_iter().map(|group| (of_user, group)));
                }
                self.link(of_user, account.as_str(), *origin);
                if let Some(link) = self.accounts.get_mut(&of_user) {
                    link.suspended_by_us = *suspended_by_us;
                }
            }
            Action::LinkGroup { remote, origin } => {
                let link = GroupLink { group: of_group, remote: remote.clone(), rule: RULE, origin: *origin };
                self.group_links.insert(of_group, link);
            }
            Action::Amend { suspended_by_us, remove_at, .. } => amend(self, *suspended_by_us, *remove_at),
            Action::Suspend { remove_at, .. } => amend(self, true, *remove_at),
            Action::Unsuspend { .. } => amend(self, false, None),
            Action::Recover { .. } => {
                let by_us = self.accounts.get(&of_user).is_some_and(|link| link.suspended_by_us);
                amend(self, by_us, None);
            }
            Action::Create { .. } => {
                if let Some(Made::Account { id, .. }) = outcome.made() {
                    self.link(of_user, id.as_str(), Origin::Created);
                }
            }
            Action::CreateGroup { .. } => {
                if let Some(Made::Group { id }) = outcome.made() {
                    let (remote, origin) = (id.clone(), Origin::Created);
                    let link = GroupLink { group: of_group, remote, rule: RULE, origin };
                    self.group_links.insert(of_group, link);
                }
            }
            Action::AddMember { group, user, .. } => drop(self.placed.insert((*user, *group))),
            Action::ForgetMember { group, user, .. } => drop(self.placed.remove(&(*user, *group))),
            Action::RemoveMember { group, user, .. } => {
                if let Some(user) = user {
                    self.placed.remove(&(*user, *group));
                }
            }
            Action::Remove { .. } | Action::Update { .. } | Action::RenameGroup { .. } => {}
            other => panic!("not a step of an outbound rule: {other:?}"),
        }
    }

    /// Plans and applies until nothing is to be done; gives the number of rounds, or the plan that would not end.
    pub(crate) fn converge(&mut self) -> Result<u32, String> {
        for round in 0..6 {
            let plan = self.plan();
            if plan.is_empty() {
                return Ok(round);
            }
            self.apply(&plan);
        }
        Err(self.plan().to_string())
    }

    /// The operations, one line each; for tests of what is planned, not of how it reads.
    pub(crate) fn steps(&self) -> Vec<String> {
        lines(&self.plan())
    }
}

pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    plan.operations.iter().map(|operation| operation.to_string().replace("\n      ", " | ")).collect()
}

/// The findings: label, standing, code.
pub(crate) fn found(plan: &Plan) -> Vec<String> {
    let line = |finding: &usher_domain::reconcile::plan::Finding| {
        let standing = finding.standing.map_or("-".into(), |standing| format!("{standing:?}"));
        format!("{} {standing} {}", finding.label, finding.problem.code)
    };
    plan.findings.iter().map(line).collect()
}

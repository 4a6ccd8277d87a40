//! An ideal Dropbox team in memory: it does what an operation says, or refuses as the real one would.

use std::collections::{BTreeMap, BTreeSet};

use usher_domain::{
    Problem, UserId,
    reconcile::{
        attributes::{Attribute, AttributeSet},
        operation::{Action, Operation},
        outcome::{Made, Outcome},
        scope::{Scope, Subject},
        snapshot::{
            Account, AccountId, AccountState, GroupKeys, GroupKind, RemoteGroup, RemoteGroupId, Seats,
            Snapshot,
        },
    },
};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub state: AccountState,
    /// The state to which recovering brings it back.
    pub before: AccountState,
    pub attributes: AttributeSet,
    pub secondary: Vec<String>,
    pub admin: bool,
    pub groups: BTreeSet<String>,
}

impl Member {
    pub(crate) fn new(attributes: AttributeSet, state: AccountState) -> Self {
        let (before, secondary, groups) = (AccountState::Active, Vec::new(), BTreeSet::new());
        Member { state, before, attributes, secondary, admin: false, groups }
    }

    pub(crate) fn holds(&self, email: &str) -> bool {
        self.attributes.get(Attribute::Email) == email || self.secondary.iter().any(|other| other == email)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TeamGroup {
    pub name: String,
    pub external_id: Option<String>,
    pub kind: GroupKind,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Team {
    pub members: BTreeMap<String, Member>,
    pub groups: BTreeMap<String, TeamGroup>,
    pub own: Option<String>,
    pub seats: Option<Seats>,
    made: u32,
}

/// What was made earlier in the same plan.
#[derive(Default)]
pub(crate) struct MadeSoFar {
    accounts: BTreeMap<UserId, AccountId>,
    groups: BTreeMap<usher_domain::GroupId, RemoteGroupId>,
}

fn refused(code: &'static str) -> Outcome {
    Outcome::Refused { problem: Problem::new(code, code, "") }
}

impl Team {
    pub(crate) fn observe(
        &self,
        scope: &Scope,
        linked: &BTreeSet<&str>,
        people: &[(String, String)],
    ) -> Snapshot {
        let full = scope.is_full();
        let mut keys = GroupKeys::default();
        let found = |id: &str, member: &Member| {
            let fits = |(external_id, email): &(String, String)| {
                !matches!(member.state, AccountState::Removed { .. })
                    && ((!external_id.is_empty()
                        && member.attributes.get(Attribute::ExternalId) == external_id)
                        || member.holds(email))
            };
            full || linked.contains(id) || people.iter().any(fits)
        };
        let accounts = self.members.iter().filter(|(id, member)| found(id, member)).map(|(id, member)| {
            let removed = matches!(member.state, AccountState::Removed { .. });
            let mut groups: Vec<_> =
                member.groups.iter().filter(|_| !removed).map(|group| keys.key(group)).collect();
            groups.sort_unstable();
            Account {
                id: AccountId::from(id.as_str()),
                state: member.state.clone(),
                attributes: member.attributes.clone(),
                secondary_emails: member.secondary.iter().map(|email| email.as_str().into()).collect(),
                is_admin: member.admin,
                groups: groups.into(),
            }
        });
        let accounts = accounts.collect();
        let groups = self.groups.iter().map(|(id, group)| RemoteGroup {
            key: keys.key(id),
            name: group.name.as_str().into(),
            external_id: group.external_id.as_deref().map(Into::into),
            kind: group.kind,
        });
        let groups = groups.collect();
        Snapshot {
            scope: scope.clone(),
            accounts,
            groups,
            groups_whole: true,
            group_ids: keys.into_ids(),
            seats: self.seats,
            own_account: self.own.as_deref().map(AccountId::from),
        }
    }

    fn held(&self, email: &str, except: &str) -> bool {
        self.members.iter().any(|(id, member)| {
            id != except
                && member.state != (AccountState::Removed { recoverable: false })
                && member.holds(email)
        })
    }

    fn member(&mut self, id: &AccountId) -> Option<&mut Member> {
        self.members.get_mut(id.as_str())
    }

    pub(crate) fn apply(&mut self, operation: &Operation, made: &mut MadeSoFar) -> Outcome {
        match &operation.action {
            action if action.is_local() => Outcome::done(),
            Action::Suspend { account, .. } => self.shift(account, |state| match state {
                AccountState::Active => Some(AccountState::Suspended { since: None }),
                _ => None,
            }),
            Action::Unsuspend { account } => self.shift(account, |state| match state {
                AccountState::Suspended { .. } => Some(AccountState::Active),
                AccountState::Active => Some(AccountState::Active),
                _ => None,
            }),
            Action::CancelInvitation { account } => match self.members.get(account.as_str()) {
                Some(member) if member.state == AccountState::Invited => {
                    self.members.remove(account.as_str());
                    Outcome::done()
                }
                _ => refused("not_invited"),
            },
            Action::Remove { account } => match self.member(account) {
                Some(member)
                    if matches!(member.state, AccountState::Active | AccountState::Suspended { .. }) =>
                {
                    member.before = member.state.clone();
                    member.state = AccountState::Removed { recoverable: true };
                    Outcome::done()
                }
                _ => refused("not_removable"),
            },
            Action::Recover { account } => match self.member(account) {
                Some(member) if member.state == (AccountState::Removed { recoverable: true }) => {
                    member.state = member.before.clone();
                    Outcome::done()
                }
                _ => refused("user_unrecoverable"),
            },
            Action::Create { attributes } => {
                if self.held(attributes.get(Attribute::Email), "") {
                    return refused("user_already_on_team");
                }
                self.made += 1;
                let id = format!("dbmid:made{}", self.made);
                self.members.insert(id.clone(), Member::new(attributes.clone(), AccountState::Invited));
                let Subject::User(user) = operation.subject else { panic!("a create is about a user") };
                made.accounts.insert(user, AccountId::from(id.as_str()));
                Outcome::Done { made: Some(Made::Account { id: AccountId::from(id), invited: true }) }
            }
            Action::Update { account, changes } => {
                for change in changes {
                    if change.attribute == Attribute::Email && self.held(&change.after, account.as_str()) {
                        return refused("email_reserved_for_other_user");
                    }
                }
                let Some(member) = self.member(account) else { return refused("user_not_found") };
                if matches!(member.state, AccountState::Removed { .. }) {
                    return refused("set_profile_disallowed");
                }
                for change in changes {
                    assert_eq!(member.attributes.get(change.attribute), &*change.before);
                    member.attributes = member.attributes.with(change.attribute, &change.after);
                }
                Outcome::done()
            }
            Action::CreateGroup { name } => {
                if self.named(name, "") {
                    return refused("group_name_already_used");
                }
                self.made += 1;
                let id = format!("g:made{}", self.made);
                let Subject::Group(group) = operation.subject else { panic!("about a group") };
                let (name, external_id) = (name.to_string(), Some(group.to_string()));
                let kind = GroupKind::CompanyManaged;
                self.groups.insert(id.clone(), TeamGroup { name, external_id, kind });
                made.groups.insert(group, RemoteGroupId::from(id.as_str()));
                Outcome::Done { made: Some(Made::Group { id: RemoteGroupId::from(id) }) }
            }
            Action::RenameGroup { remote, after, .. } => {
                if self.named(after, remote.as_str()) {
                    return refused("group_name_already_used");
                }
                let Some(group) = self.groups.get_mut(remote.as_str()) else { return refused("no_group") };
                group.name = after.to_string();
                Outcome::done()
            }
            Action::DeleteGroup { remote } => {
                self.groups.remove(remote.as_str());
                for member in self.members.values_mut() {
                    member.groups.remove(remote.as_str());
                }
                Outcome::done()
            }
            Action::AddMember { group, remote, account, user, .. } => {
                let account = account.as_ref().or_else(|| made.accounts.get(user)).cloned();
                let remote = remote.as_ref().or_else(|| made.groups.get(group)).cloned();
                let (Some(account), Some(remote)) = (account, remote) else {
                    return Outcome::Skipped { problem: Problem::new("SKIPPED", "", "") };
                };
                if !self.groups.contains_key(remote.as_str()) {
                    return refused("group_not_found");
                }
                let Some(member) = self.member(&account) else { return refused("user_not_found") };
                member.groups.insert(remote.to_string());
                Outcome::done()
            }
            Action::RemoveMember { remote, account, .. } => {
                let Some(member) = self.member(account) else { return refused("user_not_found") };
                if member.groups.remove(remote.as_str()) { Outcome::done() } else { refused("not_in_group") }
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    fn named(&self, name: &str, except: &str) -> bool {
        let same = |group: &TeamGroup| group.name.to_lowercase() == name.to_lowercase();
        self.groups.iter().any(|(id, group)| id != except && same(group))
    }

    fn shift(&mut self, account: &AccountId, to: impl Fn(&AccountState) -> Option<AccountState>) -> Outcome {
        let Some(member) = self.member(account) else { return refused("user_not_found") };
        match to(&member.state) {
            Some(state) => {
                member.state = state;
                Outcome::done()
            }
            None => refused("wrong_state"),
        }
    }
}

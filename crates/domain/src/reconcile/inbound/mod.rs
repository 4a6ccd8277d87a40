//! The same arithmetic with the sides swapped: desired are the accounts as they were seen, through the rule's filter
//! and mappings; actual is the directory; the operations are changes of the directory.
//!
//! Three things keep both directions from chasing each other. An attribute of a pair is written in one direction only
//! ([`crate::provisioning::onboarding::Authority`]). A pair that either direction linked is a pair for both. And a
//! user is removed only by the rule that made them ([`Provenance`]). Here never: a call, a clock, a guess.

mod correlate;
mod findings;
mod groups;
mod leavers;
mod mappings;
mod member;
mod people;
mod usernames;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::{
    guard::Tally,
    links::Links,
    operation::{Action, Because, Operation},
    plan::{Finding, Plan, Retiring, in_order},
    scope::Subject,
    snapshot::{AccountId, Snapshot},
    status::Standing,
};
use crate::{
    ConnectionId, GroupId, Problem, RuleId, UserId,
    directory::{
        filter::Filter,
        group::{Group, Membership},
        user::User,
    },
    ids,
    provisioning::onboarding::{Onboarding, Owned},
};

pub use mappings::{InboundMappings, MappedValue, body};
pub use member::{ATTRIBUTES, Groups, Member, status};

/// A user whom an inbound rule made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Whom.
    pub user: UserId,
    /// For which account.
    pub account: AccountId,
    /// The rule disabled them because the account is not of the rule any more.
    pub has_left: bool,
}

/// All that planning knows.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The rule that is planned.
    pub rule: RuleId,
    /// Its connection.
    pub connection: ConnectionId,
    /// Whether the rule is being deleted: then no account is wanted.
    pub retiring: Option<Retiring>,
    /// How the rule brings people in.
    pub onboarding: &'a Onboarding,
    /// Which accounts it wants; all without one.
    pub filter: Option<&'a Filter>,
    /// What it makes of them.
    pub mappings: &'a InboundMappings,
    /// What was seen of the team.
    pub seen: &'a Snapshot,
    /// What is remembered of the connection.
    pub links: &'a Links,
    /// The directory, in user order: all of it under a full scope, else whoever may belong to the accounts in scope.
    pub users: &'a [User],
    /// The directory's groups, in id order.
    pub groups: &'a [Group],
    /// Direct memberships of `users` by hand, in user order; asked for only when the rule brings groups in.
    pub memberships: &'a [Membership],
    /// Groups that active outbound rules of the connection provision.
    pub groups_written: &'a FxHashSet<GroupId>,
    /// The users whom the rule made, in user order.
    pub provisioned: &'a [Provenance],
    /// What active outbound rules of the connection write, by place in `users`; empty when there are none.
    pub written: &'a [Owned],
    /// The users whom other active inbound rules made.
    pub theirs: &'a FxHashMap<UserId, RuleId>,
    /// Other active inbound rules of the connection.
    pub neighbours: &'a FxHashSet<RuleId>,
    /// Accounts that outbound rules made for users who are gone.
    pub left_behind: &'a FxHashSet<AccountId>,
}

/// The plan, and the subjects that the rule targets within the scope, in their order.
#[derive(Debug)]
pub struct InboundPlan {
    /// See there.
    pub plan: Plan,
    /// Users, also those who are only about to be made.
    pub impacted: Vec<Subject>,
}

/// The id of the user whom an inbound rule makes for an account: always the same one, so that two attempts never make
/// two users, and an account without a user has a name to be spoken of.
pub fn user_of_account(connection: ConnectionId, account: &AccountId) -> UserId {
    UserId(ids::derived(&[&connection.to_string(), account.as_str()]))
}

/// Plans.
pub fn plan(known: &Known) -> InboundPlan {
    let mut draft = Draft::new(known);
    let pairs = correlate::correlate(&mut draft);
    people::plan(&mut draft, &pairs);
    leavers::plan(&mut draft, &pairs);
    usernames::resolve(&mut draft);
    groups::plan(&mut draft, &pairs);
    draft.finish()
}

/// What an account is to the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Wanted.
    Wanted,
    /// In a state that this version does not know: left alone.
    Unknown,
    /// Not of the rule, and why.
    Out(Because),
    /// The repetition of an account that is listed twice, or outside the scope.
    Ignored,
}

/// A plan in the making.
struct Draft<'a> {
    known: &'a Known<'a>,
    /// By place in [`Snapshot::accounts`].
    fates: Vec<Fate>,
    operations: Vec<Operation>,
    findings: Vec<Finding>,
    impacted: Vec<Subject>,
    /// Users that have an account, or may have: never taken for leavers.
    kept: FxHashSet<UserId>,
    wants_full: bool,
}

impl<'a> Draft<'a> {
    fn new(known: &'a Known<'a>) -> Self {
        Draft {
            known,
            fates: Vec::new(),
            operations: Vec::new(),
            findings: Vec::new(),
            impacted: Vec::new(),
            kept: FxHashSet::default(),
            wants_full: false,
        }
    }

    fn user(&self, id: UserId) -> Option<&'a User> {
        self.place(id).and_then(|place| self.known.users.get(place))
    }

    fn place(&self, id: UserId) -> Option<usize> {
        self.known.users.binary_search_by_key(&id, |user| user.id).ok()
    }

    fn provenance(&self, user: UserId) -> Option<&'a Provenance> {
        let made = self.known.provisioned;
        made.binary_search_by_key(&user, |it| it.user).ok().and_then(|place| made.get(place))
    }

    fn push(&mut self, user: UserId, label: &str, because: Because, action: Action) {
        let subject = Subject::User(user);
        self.operations.push(Operation { action, subject, label: label.into(), because });
    }

    fn group(&mut self, group: GroupId, label: &str, because: Because, action: Action) {
        let subject = Subject::Group(group);
        self.operations.push(Operation { action, subject, label: label.into(), because });
    }

    fn finding(&mut self, user: UserId, label: &str, standing: Option<Standing>, problem: Problem) {
        self.findings.push(Finding { subject: Subject::User(user), label: label.into(), standing, problem });
    }

    fn finish(mut self) -> InboundPlan {
        in_order(&mut self.operations);
        self.findings.sort_unstable();
        self.findings.dedup();
        self.impacted.sort_unstable();
        self.impacted.dedup();
        let users = self.impacted.iter().filter(|it| matches!(it, Subject::User(_))).count();
        let ours = self.known.links.groups().iter().filter(|link| link.rule == self.known.rule).count();
        let plan = Plan {
            impacted_users: users as u64,
            impacted_groups: (self.impacted.len() - users) as u64,
            seats_needed: 0,
            seats: None,
            manner: Box::default(),
            wants_full: self.wants_full,
            of: Tally {
                users: self.known.provisioned.len() as u64,
                memberships: self.known.links.placed_by(self.known.rule),
                groups: ours as u64,
            },
            operations: self.operations,
            findings: self.findings,
        };
        InboundPlan { plan, impacted: self.impacted }
    }
}

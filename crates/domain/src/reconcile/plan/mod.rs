//! The difference between what should be and what is, as sorted operations that can be read aloud.
//!
//! Planning is pure: it reads [`Known`] and gives a [`Plan`], the same one for the same knowledge. What the rows
//! of its tables mean is told by the tests in `tests/planner`. Here never: a call, a clock, a guess.

mod accounts;
mod digest;
mod display;
mod draft;
mod findings;
mod groups;
mod leavers;
mod memberships;
mod reading;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::{
    desired::Desired,
    guard::Tally,
    links::{AccountLink, Links},
    operation::Operation,
    scope::Subject,
    snapshot::{Seats, Snapshot},
    status::Standing,
};
use crate::{
    GroupId, Problem, RuleId, Timestamp, UserId,
    directory::filter::Filter,
    provisioning::{connection::Policy, onboarding::Owned},
};

pub(super) use findings::no_account;

/// All that planning knows.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The rule that is planned. Only its own links are deprovisioned.
    pub rule: RuleId,
    /// Whether the rule is being deleted: then nothing is desired, and links are deprovisioned
    /// (connection `managed`) or forgotten.
    pub retiring: Option<Retiring>,
    /// What the connection allows.
    pub policy: &'a Policy,
    /// What should be.
    pub desired: &'a Desired,
    /// What is.
    pub seen: &'a Snapshot,
    /// What is remembered.
    pub links: &'a Links,
    /// Users that another active rule of the same connection wants: never deprovisioned by this one.
    pub claimed_elsewhere: &'a FxHashSet<UserId>,
    /// Groups that another active rule of the same connection has: never deleted by this one.
    pub groups_claimed_elsewhere: &'a FxHashSet<GroupId>,
    /// What active inbound rules of the same connection decide.
    pub from_dropbox: FromDropbox<'a>,
    /// The time, for days of grace.
    pub now: Timestamp,
}

/// What active inbound rules of a connection decide, and an outbound rule therefore does not.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromDropbox<'a> {
    /// The users whom they made, sorted: whether these have an account is decided in Dropbox.
    pub made: &'a [UserId],
    /// Those rules: the groups that they linked have their members from Dropbox, and the links of users whom they only
    /// matched are an outbound rule's that wants the users.
    pub ids: &'a [RuleId],
    /// For each rule the accounts that it wants, and what Dropbox decides of those.
    pub rules: &'a [(Option<&'a Filter>, Owned)],
}

impl FromDropbox<'_> {
    /// Whether an inbound rule made the user.
    fn has_made(&self, user: UserId) -> bool {
        self.made.binary_search(&user).is_ok()
    }
}

impl Known<'_> {
    /// Whether an inbound rule was first to link a user whom it did not make: whoever wants the user to have the account
    /// answers for it from now on, else nobody would ever take it away.
    fn takes_over(&self, link: &AccountLink) -> bool {
        self.from_dropbox.ids.contains(&link.rule) && !self.from_dropbox.has_made(link.user)
    }

    /// Whether this rule, should it not want the user, may deprovision by the link: its own, and nobody else's wish.
    fn may_deprovision(&self, link: &AccountLink) -> bool {
        link.rule == self.rule
            && self.desired.scope.has_user(link.user)
            && !self.claimed_elsewhere.contains(&link.user)
            && !self.from_dropbox.has_made(link.user)
    }
}

/// Plans.
pub fn plan(known: &Known) -> Plan {
    let mut draft = draft::Draft::new(known);
    accounts::plan(&mut draft);
    leavers::plan(&mut draft);
    let groups = groups::plan(&mut draft);
    memberships::plan(&mut draft, &groups);
    draft.finish()
}

/// Puts operations into the order of the world; within a stage by label, then subject.
pub(super) fn in_order(operations: &mut [Operation]) {
    operations.sort_by(|a, b| {
        (a.action.stage().cmp(&b.action.stage()))
            .then_with(|| a.label.cmp(&b.label))
            .then_with(|| a.subject.cmp(&b.subject))
            .then_with(|| a.action.detail().cmp(&b.action.detail()))
    });
}

/// How a rule that is being deleted leaves its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Retiring {
    /// Accounts are deprovisioned by the remove action, whatever `DEPROVISION_USERS` says.
    Deprovision,
    /// Links are forgotten; accounts stay.
    Unlink,
}

/// What is to be done, and what cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// In the order of the world; within a stage by label, then subject.
    pub operations: Vec<Operation>,
    /// What stands in the way of whom; sorted by subject. A subject of the rule without a finding and whose
    /// operations succeed is `Success`.
    pub findings: Vec<Finding>,
    /// The users and groups that the rule targets within the scope, counted.
    pub impacted_users: u64,
    /// See `impacted_users`.
    pub impacted_groups: u64,
    /// What taking accounts away does beside (see [`Policy::manner`]); empty when the plan takes none away.
    #[serde(default)]
    pub manner: Box<str>,
    /// How many licences the plan needs, and what is known of those there are.
    pub seats_needed: u32,
    /// The licences observed.
    pub seats: Option<Seats>,
    /// A scoped plan that found something only a full observation can decide.
    pub wants_full: bool,
    /// The linked users, placed memberships and linked groups of the rule: what removals are a share of.
    pub of: Tally,
}

/// What stands in the way of one subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Whom.
    pub subject: Subject,
    /// The subject as people know it.
    pub label: Box<str>,
    /// Where it stands because of it. `None`: it is not of the rule any more (something was left alone).
    pub standing: Option<Standing>,
    /// What, and what to do.
    pub problem: Problem,
}

impl Finding {
    /// Whether time alone may end it, so that the subject is worth another look although nobody changed anything.
    pub fn passes(&self) -> bool {
        matches!(&*self.problem.code, findings::ADDRESS_OF_REMOVED_MEMBER | findings::UNKNOWN_STATE)
    }
}

/// Operations by kind, for summaries. Keys are the kinds of [`super::operation::Action`] in their order.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(pub BTreeMap<String, u64>);

/// Which subjects a plan touches, for tests and for the executor's bookkeeping.
impl Plan {
    /// Everyone and everything that has an operation.
    pub fn subjects(&self) -> BTreeSet<Subject> {
        self.operations.iter().map(|operation| operation.subject).collect()
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

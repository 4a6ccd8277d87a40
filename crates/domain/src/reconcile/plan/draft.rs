//! A plan in the making: what all parts of planning share.

use std::cell::OnceCell;

use rustc_hash::FxHashSet;

use super::{Finding, Known, Plan, findings, in_order};
use crate::{
    GroupId, Problem, UserId,
    directory::filter::Filter,
    provisioning::onboarding::Owned,
    reconcile::{
        attributes::Attribute,
        correlate::{self, Correlation, NONE},
        desired::{DesiredAccount, DesiredGroup},
        guard::Tally,
        inbound::{Groups, Member},
        index::TextIndex,
        operation::{Action, Because, Operation},
        scope::Subject,
        snapshot::{Account, AccountState},
        status::Standing,
    },
};

/// In place of an account's position in [`Draft::presence`]: one that this plan creates.
pub(super) const CREATED: u32 = u32::MAX - 1;

#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) known: &'a Known<'a>,
    /// The users wanted; none when the rule is being deleted.
    pub(super) wanted: &'a [DesiredAccount],
    /// The groups wanted; none when the rule is being deleted.
    pub(super) wanted_groups: &'a [DesiredGroup],
    pub(super) pairs: Correlation,
    /// For each desired account: the position of the account whose memberships are kept, [`CREATED`], or [`NONE`].
    pub(super) presence: Vec<u32>,
    /// Accounts of links that this plan forgets because the account is gone: placements do not count any more.
    pub(super) gone_links: FxHashSet<u32>,
    pub(super) operations: Vec<Operation>,
    pub(super) findings: Vec<Finding>,
    pub(super) wants_full: bool,
    seats_taken: u32,
    seats_freed: u32,
    admins: Admins,
    addresses: OnceCell<TextIndex>,
    groups: OnceCell<Groups>,
}

/// Who must stay, so that the team keeps an administrator.
#[derive(Debug)]
enum Admins {
    /// The connection's own account is one, and it always stays.
    Own,
    /// So many are active and stay so far.
    Left(usize),
    /// A scoped look cannot tell.
    Untold,
}

impl<'a> Draft<'a> {
    pub(super) fn new(known: &'a Known<'a>) -> Self {
        let retiring = known.retiring.is_some();
        let wanted = if retiring { &[] } else { known.desired.accounts.as_slice() };
        let wanted_groups = if retiring { &[] } else { known.desired.groups.as_slice() };
        let pairs = correlate::correlate(wanted, known.desired.mapped, known.seen, known.links, |link| {
            known.may_deprovision(link)
        });
        let admins = match &known.seen.own_account {
            Some(_) => Admins::Own,
            None if known.seen.scope.is_full() => Admins::Left(
                known.seen.accounts.iter().filter(|a| a.is_admin && a.state == AccountState::Active).count(),
            ),
            None => Admins::Untold,
        };
        Draft {
            known,
            wanted,
            wanted_groups,
            pairs,
            presence: vec![NONE; wanted.len()],
            gone_links: FxHashSet::default(),
            operations: Vec::new(),
            findings: Vec::new(),
            wants_full: false,
            seats_taken: 0,
            seats_freed: 0,
            admins,
            addresses: OnceCell::new(),
            groups: OnceCell::new(),
        }
    }

    /// Plans something about a user.
    pub(super) fn user(&mut self, user: UserId, label: &str, because: Because, action: Action) {
        match &action {
            Action::Create { .. } | Action::Recover { .. } => self.seats_taken += 1,
            Action::Remove { .. } | Action::CancelInvitation { .. } => self.seats_freed += 1,
            _ => {}
        }
        self.push(Subject::User(user), label, because, action);
    }

    /// Plans something about a group.
    pub(super) fn group(&mut self, group: GroupId, label: &str, because: Because, action: Action) {
        self.push(Subject::Group(group), label, because, action);
    }

    fn push(&mut self, subject: Subject, label: &str, because: Because, action: Action) {
        self.operations.push(Operation { action, subject, label: label.into(), because });
    }

    /// Notes what stands in a subject's way.
    pub(super) fn finding(
        &mut self,
        subject: Subject,
        label: &str,
        standing: Option<Standing>,
        problem: Problem,
    ) {
        self.findings.push(Finding { subject, label: label.into(), standing, problem });
    }

    /// What Dropbox decides of an account, so that it is left as it is.
    pub(super) fn theirs(&self, account: &Account) -> Owned {
        let (rules, seen) = (self.known.from_dropbox.rules, self.known.seen);
        let wants = |filter: &Option<&Filter>| {
            filter.is_none_or(|filter| {
                let groups = self.groups.get_or_init(|| Groups::of(seen));
                filter.matches(&Member::new(account, seen, groups))
            })
        };
        let rules = rules.iter().filter(|(filter, owned)| *owned != Owned::NONE && wants(filter));
        rules.fold(Owned::NONE, |all, (_, owned)| all.and(*owned))
    }

    /// Asks whether an account may be suspended, removed, or its invitation cancelled. `Ok(false)`: only a full
    /// look can tell. `Err`: it may not, and why.
    pub(super) fn may_take_away(&mut self, account: &Account, desired_email: &str) -> Result<bool, Problem> {
        let email = account.attributes.get(Attribute::Email);
        if self.known.seen.own_account.as_ref() == Some(&account.id) {
            return Err(findings::own_account(email));
        }
        let protected = &self.known.policy.protected;
        let is_protected = |address: &str| !address.is_empty() && protected.contains(address);
        if is_protected(email)
            || is_protected(desired_email)
            || account.secondary_emails.iter().any(|address| is_protected(address))
        {
            return Err(findings::protected(email));
        }
        if !account.is_admin || account.state != AccountState::Active {
            return Ok(true);
        }
        match &mut self.admins {
            Admins::Own => Ok(true),
            Admins::Left(0 | 1) => Err(findings::last_admin(email)),
            Admins::Left(left) => {
                *left -= 1;
                Ok(true)
            }
            Admins::Untold => {
                self.wants_full = true;
                Ok(false)
            }
        }
    }

    /// The account, other than `except`, that has this address: live, or removed and recoverable.
    pub(super) fn holder(&self, email: &str, except: u32) -> Option<(u32, &'a Account)> {
        let seen = self.known.seen;
        let index = self
            .addresses
            .get_or_init(|| correlate::index_addresses(seen, |_, account| !correlate::is_gone(account)));
        let hits = index.candidates(email).filter(|at| *at != except);
        hits.filter_map(|at| Some((at, seen.accounts.get(at as usize)?)))
            .filter(|(_, account)| correlate::has_address(account, email))
            .min_by_key(|(at, account)| (!correlate::is_live(account), *at))
    }

    /// Sorts, counts, and hands the plan over.
    pub(super) fn finish(mut self) -> Plan {
        in_order(&mut self.operations);
        self.findings.sort_unstable();
        self.findings.dedup();
        let Known { rule, desired, links, seen, policy, .. } = *self.known;
        let in_scope = |group: &&DesiredGroup| desired.scope.has_group(group.group);
        let users = self.wanted.iter().filter(|want| desired.scope.has_user(want.user)).count();
        let takes_away = self.operations.iter().any(|operation| operation.action.removes_user());
        Plan {
            manner: if takes_away { policy.manner.clone() } else { Box::default() },
            impacted_users: users as u64,
            impacted_groups: self.wanted_groups.iter().filter(in_scope).count() as u64,
            seats_needed: self.seats_taken.saturating_sub(self.seats_freed),
            seats: seen.seats,
            wants_full: self.wants_full,
            of: Tally {
                users: links.accounts().iter().filter(|link| link.rule == rule).count() as u64,
                memberships: links.placed_by(rule),
                groups: links.groups().iter().filter(|link| link.rule == rule).count() as u64,
            },
            operations: self.operations,
            findings: self.findings,
        }
    }
}

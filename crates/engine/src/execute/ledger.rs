//! The book that a run keeps while it changes the world: which ids were made, what is to be remembered, what was
//! recorded. It owns the order *first remember the intent, then call, then record the outcome*.

use std::time::Duration;

use rustc_hash::FxHashMap;
use usher_domain::{
    GroupId, Problem, Timestamp, UserId,
    directory::change::ChangeSet,
    ports::{
        connector::THROTTLED,
        store::{Record, StoreError, StoreResult},
    },
    provisioning::rule::Direction,
    reconcile::{
        attributes::Attribute,
        inbound::Provenance,
        links::{AccountLink, GroupLink, Origin},
        operation::{Action, Because, Operation},
        outcome::{Made, Outcome},
        run::{Run, RunOperation},
        scope::Subject,
        snapshot::{AccountId, RemoteGroupId},
    },
};

use super::Halt;
use crate::{
    reconcile::{Claimed, Planned, Reconciler},
    stop::stopped,
};

/// Outcomes are recorded at least this often while they come in, and with them the run's progress.
const RECORD_EVERY: Duration = Duration::from_millis(250);
/// So many records are not kept back any longer, however fast they come.
const RECORD_AT: usize = 500;

pub(super) struct Ledger<'a> {
    reconciler: &'a Reconciler,
    claimed: &'a Claimed,
    run: &'a mut Run,
    planned: &'a Planned,
    /// By place in the plan.
    outcomes: Vec<Option<Outcome>>,
    /// Links as they are by now; `None` was forgotten. What is not in here is as it was planned from.
    accounts: FxHashMap<UserId, Option<AccountLink>>,
    groups: FxHashMap<GroupId, Option<GroupLink>>,
    records: Vec<Record>,
    recorded_at: Timestamp,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(
        reconciler: &'a Reconciler,
        claimed: &'a Claimed,
        run: &'a mut Run,
        planned: &'a Planned,
    ) -> Self {
        Ledger {
            recorded_at: reconciler.clock.now(),
            outcomes: vec![None; planned.plan.operations.len()],
            accounts: FxHashMap::default(),
            groups: FxHashMap::default(),
            records: Vec::new(),
            reconciler,
            claimed,
            run,
            planned,
        }
    }

    /// Says that the run is under way, and that the held run whose place it takes is over.
    pub(super) async fn open(&mut self) -> StoreResult<()> {
        self.records.extend(self.reconciler.overtaken(self.claimed, self.run));
        if self.records.is_empty() && self.outcomes.is_empty() {
            return Ok(());
        }
        self.write().await
    }

    /// Readies a stage: local operations and those that cannot be done have their outcome at once; the others come
    /// back with their ids filled in, and with their places in the plan. What must be remembered before they are
    /// called is among the next records.
    pub(super) fn prepare(&mut self, from: usize, stage: &[Operation]) -> (Vec<usize>, Vec<Operation>) {
        let (mut places, mut operations) = (Vec::new(), Vec::new());
        for (place, operation) in (from..).zip(stage) {
            if operation.action.is_local() {
                self.note(place, operation, Outcome::done());
                continue;
            }
            match self.resolve(operation) {
                Ok(operation) => {
                    self.remember_intent(&operation);
                    places.push(place);
                    operations.push(operation);
                }
                Err(problem) => self.note(place, operation, Outcome::Skipped { problem }),
            }
        }
        (places, operations)
    }

    /// Fills in the ids that an earlier step made.
    fn resolve(&self, operation: &Operation) -> Result<Operation, Problem> {
        let mut operation = operation.clone();
        if let Action::AddMember { group, group_name, remote, account, user } = &mut operation.action {
            if remote.is_none() {
                *remote = self.group(*group).map(|link| link.remote.clone());
            }
            if account.is_none() {
                *account = self.account(*user).map(|link| link.account.clone());
            }
            if remote.is_none() {
                return Err(skipped(format!("The group {group_name} could not be created.")));
            }
            if account.is_none() {
                return Err(skipped(format!("The account of {} could not be created.", operation.label)));
            }
        }
        Ok(operation)
    }

    /// What must be known even if the answer never comes: that we made an account (its user may be deleted before
    /// anybody looks again), that we put someone into a group, and that it was us who suspended an account.
    fn remember_intent(&mut self, operation: &Operation) {
        match (&operation.action, operation.subject) {
            (Action::AddMember { group, user, .. }, _) => self.records.push(Record::Place(*user, *group)),
            (Action::Suspend { account, remove_at }, Subject::User(user)) => {
                self.amend(user, account, true, *remove_at);
            }
            (Action::Create { attributes }, Subject::User(user)) => {
                let external_id = attributes.get(Attribute::ExternalId);
                if !external_id.is_empty() {
                    let account = AccountId::expected(user, external_id);
                    self.records.push(Record::Link(self.made(user, account, Origin::Created)));
                }
            }
            _ => {}
        }
    }

    /// Notes what became of an operation, and what is remembered because of it.
    pub(super) fn note(&mut self, place: usize, operation: &Operation, outcome: Outcome) {
        if outcome.is_success() {
            self.remember(operation, outcome.made());
        } else if was_not_done(&operation.action, &outcome) {
            self.take_back(operation);
        }
        self.enter(place, operation, outcome);
    }

    /// Notes the outcome of an operation that may or may not have been done: what is remembered stays as it is.
    pub(super) fn enter(&mut self, place: usize, operation: &Operation, outcome: Outcome) {
        let Some(slot) = self.outcomes.get_mut(place) else { return };
        if slot.replace(outcome.clone()).is_none() {
            self.run.done += 1;
        }
        let operation = operation.clone();
        let record = RunOperation { seq: place as u64, operation, outcome: Some(outcome) };
        self.records.push(Record::Outcome(self.run.id, record));
    }

    /// What an operation that succeeded leaves in memory (see [`Action`]).
    fn remember(&mut self, operation: &Operation, made: Option<&Made>) {
        match (&operation.action, operation.subject) {
            (action, Subject::User(user)) if self.claimed.rule.direction == Direction::Inbound => {
                self.remember_inbound(action, user);
            }
            (Action::Unlink { account }, Subject::User(user)) => {
                let made = self.planned.links.account(user);
                let made =
                    made.is_some_and(|link| link.account == *account && link.origin == Origin::Created);
                if made && operation.because != Because::Gone && account.expected_external_id().is_none() {
                    self.records.push(Record::LeftBehind(account.clone()));
                }
                self.accounts.insert(user, None);
                self.records.push(Record::Unlink(user));
            }
            (Action::CancelInvitation { .. }, Subject::User(user)) => {
                self.accounts.insert(user, None);
                self.records.push(Record::Unlink(user));
            }
            (Action::Link { account, origin, from, suspended_by_us }, Subject::User(user)) => {
                let placements = from.map_or_else(Vec::new, |former| self.forget_former(former));
                self.new_account(user, account.clone(), *origin, *suspended_by_us);
                self.records.extend(placements.into_iter().map(|group| Record::Place(user, group)));
            }
            (Action::Create { .. }, Subject::User(user)) => {
                if let Some(Made::Account { id, .. }) = made {
                    self.new_account(user, id.clone(), Origin::Created, false);
                }
            }
            (Action::Amend { account, suspended_by_us, remove_at }, Subject::User(user)) => {
                self.amend(user, account, *suspended_by_us, *remove_at);
            }
            (Action::Recover { account }, Subject::User(user)) => {
                let by_us = self.account(user).is_some_and(|link| link.suspended_by_us);
                self.amend(user, account, by_us, None);
            }
            (Action::Unsuspend { account }, Subject::User(user)) => self.amend(user, account, false, None),
            (Action::UnlinkGroup { .. } | Action::DeleteGroup { .. }, Subject::Group(group)) => {
                self.groups.insert(group, None);
                self.records.push(Record::UnlinkGroup(group));
            }
            (Action::LinkGroup { remote, origin }, Subject::Group(group)) => {
                self.new_group(group, remote.clone(), *origin);
            }
            (Action::CreateGroup { .. }, Subject::Group(group)) => {
                if let Some(Made::Group { id }) = made {
                    self.new_group(group, id.clone(), Origin::Created);
                }
            }
            (Action::CreateDirectoryGroup { remote, .. }, Subject::Group(group)) => {
                self.new_group(group, remote.clone(), Origin::Created);
            }
            (Action::DeleteDirectoryGroup { .. }, Subject::Group(group)) => {
                self.groups.insert(group, None);
                self.records.push(Record::UnlinkGroup(group));
            }
            (Action::RemoveMember { group, user: Some(user), .. }, _)
            | (Action::ForgetMember { group, user, .. }, _) => {
                self.records.push(Record::Displace(*user, *group));
            }
            _ => {}
        }
    }

    /// What an inbound rule's operation about a user leaves in memory.
    fn remember_inbound(&mut self, action: &Action, user: UserId) {
        let ours = self.claimed.rule.id;
        let made = |account: &AccountId, has_left| {
            Record::Provisioned(Provenance { user, account: account.clone(), has_left })
        };
        match action {
            Action::CreateUser { account, .. } => {
                self.new_account(user, account.clone(), Origin::Created, false);
                self.records.push(made(account, false));
            }
            Action::Link { account, origin, .. } => {
                // The rule that linked the user's former account keeps its say.
                let rule = self.planned.links.account(user).map_or(ours, |link| link.rule);
                let link = AccountLink { rule, ..self.made(user, account.clone(), *origin) };
                self.records.push(Record::Link(link));
                if *origin == Origin::Created {
                    self.records.push(made(account, false));
                }
            }
            Action::DisableUser { account, left: true } => self.records.push(made(account, true)),
            Action::EnableUser { account, back: true } => self.records.push(made(account, false)),
            Action::DeleteUser { .. } => {
                self.records.extend([Record::Unlink(user), Record::ProvenanceGone(user)])
            }
            Action::Unlink { account } => {
                self.records.push(Record::ProvenanceGone(user));
                let link = self.planned.links.account(user);
                if link.is_some_and(|link| link.rule == ours && link.account == *account) {
                    self.records.push(Record::Unlink(user));
                }
            }
            Action::JoinGroup { group, .. } => self.records.push(Record::Place(user, *group)),
            Action::LeaveGroup { group, .. } | Action::ForgetMember { group, .. } => {
                self.records.push(Record::Displace(user, *group));
            }
            _ => {}
        }
    }

    /// Notes what became of these operations, and commits it together with the changes that make it so. After a conflict
    /// nothing of it is noted.
    pub(super) async fn commit(
        &mut self,
        noted: Vec<(usize, &Operation, Outcome)>,
        changes: ChangeSet,
    ) -> StoreResult<()> {
        self.flush().await?;
        let done = self.run.done;
        let places: Vec<usize> = noted.iter().map(|(place, ..)| *place).collect();
        for (place, operation, outcome) in noted {
            self.note(place, operation, outcome);
        }
        if !changes.writes.is_empty() {
            self.records.push(Record::Directory(Box::new(changes)));
        }
        let written = self.write().await;
        if matches!(written, Err(StoreError::Conflict(_))) {
            self.records.clear();
            self.run.done = done;
            for place in places {
                if let Some(slot) = self.outcomes.get_mut(place) {
                    *slot = None;
                }
            }
        }
        written
    }

    /// The run that the book is of.
    pub(super) fn run(&self) -> &Run {
        self.run
    }

    /// Forgets an intent that came to nothing, so that memory says again what is.
    fn take_back(&mut self, operation: &Operation) {
        match (&operation.action, operation.subject) {
            (Action::AddMember { group, user, .. }, _) if !self.planned.links.is_placed(*user, *group) => {
                self.records.push(Record::Displace(*user, *group));
            }
            (Action::Create { .. }, Subject::User(user)) => self.records.push(Record::Unlink(user)),
            (Action::Suspend { account, .. }, Subject::User(user)) => {
                let before = self.planned.links.account(user);
                let (by_us, at) = before.map_or((false, None), |link| (link.suspended_by_us, link.remove_at));
                self.amend(user, account, by_us, at);
            }
            _ => {}
        }
    }

    /// Forgets the link of a user whose account is handed over; gives the groups that they were put into. No write
    /// comes between this and the new link.
    fn forget_former(&mut self, former: UserId) -> Vec<GroupId> {
        self.accounts.insert(former, None);
        self.records.push(Record::Unlink(former));
        self.planned.links.placements(former).filter(|group| self.group(*group).is_some()).collect()
    }

    fn new_account(&mut self, user: UserId, account: AccountId, origin: Origin, suspended_by_us: bool) {
        let link = AccountLink { suspended_by_us, ..self.made(user, account, origin) };
        self.records.push(Record::Link(link.clone()));
        self.accounts.insert(user, Some(link));
    }

    fn made(&self, user: UserId, account: AccountId, origin: Origin) -> AccountLink {
        let rule = self.claimed.rule.id;
        AccountLink { user, account, rule, origin, suspended_by_us: false, remove_at: None }
    }

    fn new_group(&mut self, group: GroupId, remote: RemoteGroupId, origin: Origin) {
        let link = GroupLink { group, remote, rule: self.claimed.rule.id, origin };
        self.records.push(Record::LinkGroup(link.clone()));
        self.groups.insert(group, Some(link));
    }

    /// Changes what the user's link remembers.
    fn amend(&mut self, user: UserId, account: &AccountId, by_us: bool, remove_at: Option<Timestamp>) {
        let (rule, origin) = self
            .account(user)
            .map_or((self.claimed.rule.id, Origin::Adopted), |link| (link.rule, link.origin));
        let account = account.clone();
        let link = AccountLink { user, account, rule, origin, suspended_by_us: by_us, remove_at };
        self.records.push(Record::Link(link.clone()));
        self.accounts.insert(user, Some(link));
    }

    fn account(&self, user: UserId) -> Option<&AccountLink> {
        let link = match self.accounts.get(&user) {
            Some(now) => now.as_ref(),
            None => self.planned.links.account(user),
        };
        // One that was only about to be made cannot be named in a call.
        link.filter(|link| link.account.expected_external_id().is_none())
    }

    fn group(&self, group: GroupId) -> Option<&GroupLink> {
        match self.groups.get(&group) {
            Some(now) => now.as_ref(),
            None => self.planned.links.group(group),
        }
    }

    pub(super) fn has_outcome(&self, place: usize) -> bool {
        self.outcomes.get(place).is_some_and(Option::is_some)
    }

    /// Records what came in, if there is much of it or the last time is a while ago.
    pub(super) async fn flush_now_and_then(&mut self) -> StoreResult<()> {
        let now = self.reconciler.clock.now();
        if self.records.len() >= RECORD_AT || now.since(self.recorded_at) >= RECORD_EVERY {
            return self.flush().await;
        }
        Ok(())
    }

    /// Records all that came in, and how far the run is.
    pub(super) async fn flush(&mut self) -> StoreResult<()> {
        if self.records.is_empty() { Ok(()) } else { self.write().await }
    }

    async fn write(&mut self) -> StoreResult<()> {
        self.records.push(Record::Run(Box::new(self.run.clone())));
        let Claimed { lease, connection, .. } = self.claimed;
        self.reconciler.store.record(lease, connection.id, &self.records).await?;
        for record in &self.records {
            if let Record::Outcome(_, RunOperation { operation, outcome: Some(outcome), .. }) = record {
                self.reconciler.meter.outcome(&operation.action, outcome);
            }
        }
        self.records.clear();
        self.recorded_at = self.reconciler.clock.now();
        Ok(())
    }

    /// Closes the book: what was not reached is postponed.
    pub(super) async fn finish(mut self, halt: Option<&Halt>) -> StoreResult<Vec<Option<Outcome>>> {
        if let Some(halt) = halt {
            for (place, operation) in self.planned.plan.operations.iter().enumerate() {
                if !self.has_outcome(place) {
                    let problem = not_reached(halt);
                    let outcome = Outcome::Postponed { problem, after: None, needs_full: false };
                    self.enter(place, operation, outcome);
                }
            }
        }
        self.flush().await?;
        Ok(self.outcomes)
    }
}

/// Whether it is certain that it was not done: refused, not called, or a creation that waits for something. (A creation that the
/// remote side is still at says when to look again.)
fn was_not_done(action: &Action, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Refused { .. } => true,
        Outcome::Postponed { problem, .. } if problem.code == THROTTLED => true,
        Outcome::Postponed { after: None, .. } => matches!(action, Action::Create { .. }),
        _ => false,
    }
}

fn skipped(message: String) -> Problem {
    Problem::new("SKIPPED", message, "See why, and correct that first; this follows by itself.")
}

fn not_reached(halt: &Halt) -> Problem {
    match halt {
        Halt::Remote(error) => error.problem().clone(),
        Halt::Stopped => stopped(),
    }
}

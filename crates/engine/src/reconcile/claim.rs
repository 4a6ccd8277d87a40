//! What a claimed rule comes with, how its run begins, and how the lease is settled when the run has ended.

use std::{collections::BTreeSet, time::Duration};

use usher_domain::{
    Problem, RuleId, RunId, Timestamp,
    directory::{
        audit::{Actor, Event},
        change::{ChangeSet, Due, DueSubject, Write},
        commands::Stamp,
    },
    ports::{
        connector::ConnectorError,
        job::{DueMark, Lease},
        store::{Record, StoreResult},
    },
    provisioning::{
        commands::connection::found,
        connection::{Connection, Health},
        rule::{Direction, Rule},
    },
    reconcile::{
        plan::{Counts, Retiring},
        run::{Run, RunState, Trigger},
        scope::Scope,
    },
};

use super::{ReconcileError, Reconciler, audit, look};
use crate::{execute::End, stop::stopped};

/// The longest that a rule waits because the remote side asks for it. Then it is seen whether it still does.
pub const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// A rule that was claimed and may run.
pub(crate) struct Claimed {
    pub(crate) lease: Lease,
    pub(crate) rule: Rule,
    pub(crate) connection: Connection,
    /// What is due of it.
    pub(super) due: Vec<DueMark>,
    /// A held run that waits for a person.
    pub(super) held: Option<Run>,
    /// A held run that a person approved.
    pub(super) approved: Option<Run>,
    /// A run that a person asked for and nobody began.
    asked: Option<Run>,
}

/// The runs of a claimed rule that are not over.
#[derive(Default)]
struct Open {
    held: Option<Run>,
    approved: Option<Run>,
    asked: Option<Run>,
}

impl Reconciler {
    /// Reads what the lease is about. `None` when there is nothing to run; the lease is settled then. Runs that a dead
    /// server left behind end here.
    pub(super) async fn claimed(&self, lease: &Lease) -> StoreResult<Option<Claimed>> {
        let now = self.clock.now();
        let due = self.store.due(lease, now).await?;
        // Before anything is read that a run is planned from: whoever asks for a sync from now on gets another one.
        let Open { held, approved, asked } = self.take_over(lease).await?;
        let Some(rule) = self.store.rule_by_id(lease.rule).await? else {
            self.cancel_asked(lease, asked).await?;
            self.store.settle(lease, &due, &[]).await?;
            return Ok(None);
        };
        if rule.retiring == Some(Retiring::Unlink) {
            self.cancel_asked(lease, asked).await?;
            self.retire(&rule).await?;
            return Ok(None);
        }
        let connection = self.store.connection(rule.environment, rule.connection()).await?;
        let connection = connection.filter(|connection| {
            let awake = rule.active || rule.retiring.is_some();
            awake && connection.active && matches!(connection.health, Health::Valid { .. })
        });
        let Some(connection) = connection else {
            self.cancel_asked(lease, asked).await?;
            // Everything, because by the time it is awake again nobody knows what was missed.
            let later =
                Due { rule: rule.id, subject: DueSubject::Everything, at: now.plus(self.retry.asleep) };
            self.store.settle(lease, &due, &[later]).await?;
            return Ok(None);
        };
        let claimed = Claimed { lease: lease.clone(), rule, connection, due, held, approved, asked };
        if claimed.due.is_empty() && claimed.asked.is_none() {
            self.store.settle(lease, &[], &[]).await?;
            return Ok(None);
        }
        Ok(Some(claimed))
    }

    /// Sorts the runs that are not over. Whoever has the lease is alone, so one that plans or applies has no server
    /// any more, unless a person only just asked for it. The one that a person asked for begins now.
    async fn take_over(&self, lease: &Lease) -> StoreResult<Open> {
        let mut open = Open::default();
        for mut run in self.store.open_runs(lease.rule).await? {
            match (run.state, run.trigger) {
                (RunState::Held, Trigger::Approval) => {
                    open.approved = Some(run);
                    continue;
                }
                (RunState::Held, _) => {
                    open.held = Some(run);
                    continue;
                }
                (RunState::Planning, Trigger::Manual) if open.asked.is_none() => {
                    run.begun = true;
                    open.asked = Some(run.clone());
                }
                _ => self.end(&mut run, RunState::Failed, Some(interrupted())),
            }
            self.store.record(lease, run.connection, &[Record::Run(Box::new(run))]).await?;
        }
        Ok(open)
    }

    /// Ends the run that a person asked for, because the rule no longer runs, so that a waiting client learns of it.
    async fn cancel_asked(&self, lease: &Lease, asked: Option<Run>) -> StoreResult<()> {
        let Some(mut run) = asked else { return Ok(()) };
        let problem = Problem::new(
            "NOT_RUNNING",
            "The rule or its connection was switched off, or does not work, before this run could begin.",
            "Look at the rule's status, correct what it names, and start the sync again.",
        );
        self.end(&mut run, RunState::Cancelled, Some(problem));
        self.store.record(lease, run.connection, &[Record::Run(Box::new(run))]).await
    }

    /// The run, planning: the one that a person approved or asked for, or a new one.
    pub(super) async fn begin(&self, claimed: &Claimed) -> StoreResult<Run> {
        if let Some(approved) = &claimed.approved {
            return Ok(approved.clone());
        }
        let now = self.clock.now();
        let scope = self.scope(claimed).await?;
        let run = match &claimed.asked {
            Some(asked) => Run { scope: Scope::Full, ..asked.clone() },
            None => {
                let trigger = match (&claimed.rule.retiring, scope_of(&claimed.due)) {
                    (Some(_), _) => Trigger::Deletion,
                    (None, Scope::Full) if self.slot_waits(&claimed.rule).await? => Trigger::Schedule,
                    (None, Scope::Full) => Trigger::Configuration,
                    (None, Scope::Subjects { .. } | Scope::Accounts(_)) => Trigger::Change,
                };
                new_run(RunId(self.ids.next()), &claimed.rule, trigger, scope, now)
            }
        };
        let mut records = vec![Record::Run(Box::new(run.clone()))];
        // A run that a change set off is told by the change, one that a person asked for was told then.
        if run.trigger != Trigger::Change && claimed.asked.is_none() {
            let description = format!("Started a full sync of rule {}.", claimed.rule.name);
            records.push(self.event(&claimed.rule, &run, audit::STARTED, Actor::System, description));
        }
        self.store.record(&claimed.lease, claimed.connection.id, &records).await?;
        Ok(run)
    }

    /// Whether everything is due because of a slot of the rule's schedule.
    async fn slot_waits(&self, rule: &Rule) -> StoreResult<bool> {
        Ok(rule.direction == Direction::Inbound && self.store.watch(rule.id).await?.slot_waits)
    }

    /// What the run looks at: what is due, or everything when that takes fewer calls.
    async fn scope(&self, claimed: &Claimed) -> StoreResult<Scope> {
        if claimed.rule.retiring.is_some() || claimed.asked.is_some() {
            return Ok(Scope::Full);
        }
        let scope = scope_of(&claimed.due);
        let looked_up = match (&scope, claimed.rule.direction) {
            (Scope::Subjects { users, .. }, Direction::Outbound) => users.len(),
            (Scope::Accounts(accounts), Direction::Inbound) => accounts.len(),
            _ => return Ok(Scope::Full),
        };
        let linked = self.store.linked_counts(claimed.rule.id).await?;
        Ok(if look::full_is_cheaper(looked_up as u64, linked) { Scope::Full } else { scope })
    }

    /// A run that could not be planned: it failed, and what it was for is due again later. One that a person approved
    /// keeps the approval.
    pub(super) async fn came_to_nothing(
        &self,
        claimed: &Claimed,
        run: &mut Run,
        error: ReconcileError,
    ) -> StoreResult<End> {
        let (problem, wait) = match error {
            ReconcileError::Store(error) => return Err(error),
            ReconcileError::Setup(problem) => (problem, self.retry.asleep),
            ReconcileError::Remote(error) => {
                (error.problem().clone(), self.wait_after(&claimed.connection, &error).await?)
            }
        };
        let again = dues_of(claimed.rule.id, &run.scope, self.clock.now().plus(wait));
        if claimed.approved.as_ref().is_some_and(|approved| approved.id == run.id) {
            run.problem = Some(problem.clone());
            let record = Record::Run(Box::new(run.clone()));
            self.store.record(&claimed.lease, claimed.connection.id, &[record]).await?;
            return Ok(End { state: RunState::Held, problem: None, again });
        }
        Ok(End { state: RunState::Failed, problem: Some(problem), again })
    }

    /// A run that the end of the process cut off before it changed anything. What a person asked for or approved goes on
    /// when a server is started.
    pub(super) fn cut_off(&self, claimed: &Claimed, run: &Run) -> End {
        let again = dues_of(claimed.rule.id, &run.scope, self.clock.now());
        let is = |kept: &Option<Run>| kept.as_ref().is_some_and(|kept| kept.id == run.id);
        if is(&claimed.approved) {
            End { state: RunState::Held, problem: None, again }
        } else if is(&claimed.asked) {
            End { state: RunState::Planning, problem: None, again }
        } else {
            End { state: RunState::Cancelled, problem: Some(stopped()), again }
        }
    }

    /// What follows from an error of the remote side as a whole: how long to wait, and whether the connection is
    /// stopped until a test of it succeeds.
    pub(crate) async fn wait_after(
        &self,
        connection: &Connection,
        error: &ConnectorError,
    ) -> StoreResult<Duration> {
        Ok(match error {
            ConnectorError::Busy { after, .. } => (*after).clamp(self.retry.busy, LONGEST_PAUSE),
            ConnectorError::Incomplete { .. } => self.retry.broken_answer,
            ConnectorError::Protocol { .. } => self.retry.asleep,
            ConnectorError::Unauthorized { problem } => {
                let health = Health::Broken { at: self.clock.now(), problem: problem.clone() };
                let stamp = Stamp {
                    now: self.clock.now(),
                    actor: &Actor::System,
                    correlation_id: None,
                    ids: self.ids.as_ref(),
                };
                let told = found(connection, &health, &stamp);
                self.store.set_health(connection.id, connection.version, &health, told.as_ref()).await?;
                self.retry.asleep
            }
        })
    }

    /// Ends the run and the lease: what is done is not due any more, what is to be tried again is due later. A run
    /// that is held was recorded as that, and stays.
    pub(super) async fn settle(&self, claimed: Claimed, mut run: Run, end: End) -> StoreResult<()> {
        let Claimed { lease, rule, connection, due, .. } = &claimed;
        let over = end.state.is_final();
        if over {
            let told = end.problem.as_ref().filter(|_| end.state == RunState::Failed).map(Problem::to_string);
            self.end(&mut run, end.state, end.problem);
            let mut records = vec![Record::Run(Box::new(run.clone()))];
            let synced = matches!(run.state, RunState::Succeeded | RunState::Partial);
            if synced && run.scope.is_full() && rule.direction == Direction::Inbound {
                records.push(Record::FullSync(self.clock.now()));
            }
            if let Some(told) = told {
                let failure = audit::failure(rule.direction);
                records.push(self.event(rule, &run, failure, Actor::System, told));
            }
            self.store.record(lease, connection.id, &records).await?;
        }
        if end.state != RunState::Planning {
            self.meter.run_rested(rule.direction, run.state);
        }
        tracing::info!(
            rule = %rule.id, run = %run.id, state = ?run.state, full = run.scope.is_full(), operations = run.total,
            "a run came to its end"
        );
        if rule.retiring.is_some() && run.state == RunState::Succeeded {
            return self.retire(rule).await;
        }
        let done: Vec<DueMark> =
            due.iter().filter(|mark| covers(&run.scope, &mark.subject)).cloned().collect();
        let mut again = end.again;
        if claimed.asked.as_ref().is_some_and(|asked| asked.id != run.id) {
            again.extend(dues_of(rule.id, &Scope::Full, self.clock.now()));
        }
        self.store.settle(lease, &done, &again).await
    }

    /// The last of a rule that is being deleted. Its neighbours take over whom it leaves.
    async fn retire(&self, rule: &Rule) -> StoreResult<()> {
        let at = self.clock.now();
        let neighbours = self.store.rules(rule.environment).await?.into_iter();
        let due = neighbours
            .filter(|other| other.id != rule.id && other.active && other.connection() == rule.connection())
            .map(|other| Due { rule: other.id, subject: DueSubject::Everything, at });
        let changes =
            ChangeSet { writes: vec![Write::RuleGone(rule.id)], events: Vec::new(), due: due.collect() };
        self.store.commit(&changes).await
    }

    /// Marks a run as over.
    pub(super) fn end(&self, run: &mut Run, state: RunState, problem: Option<Problem>) {
        run.state = state;
        run.problem = problem;
        run.finished_at = Some(self.clock.now());
    }

    /// An event about a run, to be recorded.
    pub(crate) fn event(
        &self,
        rule: &Rule,
        run: &Run,
        action: &str,
        actor: Actor,
        description: String,
    ) -> Record {
        let event: Event =
            audit::about_run(rule, run, action, actor, description, self.clock.now(), self.ids.as_ref());
        Record::Event(Box::new(event))
    }
}

/// A new run, planning.
pub(super) fn new_run(id: RunId, rule: &Rule, trigger: Trigger, scope: Scope, now: Timestamp) -> Run {
    Run {
        id,
        environment: rule.environment,
        rule: rule.id,
        connection: rule.connection(),
        trigger,
        scope,
        state: RunState::Planning,
        begun: false,
        digest: None,
        manner: Box::default(),
        seats: None,
        counts: Counts::default(),
        hold: Vec::new(),
        moved: Vec::new(),
        done: 0,
        total: 0,
        problem: None,
        started_at: now,
        finished_at: None,
    }
}

fn interrupted() -> Problem {
    Problem::new(
        "INTERRUPTED",
        "The server that had this run stopped before its end.",
        "Nothing needs to be done: what was left is planned again.",
    )
}

/// The scope of what is due.
fn scope_of(due: &[DueMark]) -> Scope {
    let (mut users, mut groups, mut accounts) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for mark in due {
        match &mark.subject {
            DueSubject::Everything => return Scope::Full,
            DueSubject::User(user) => drop(users.insert(*user)),
            DueSubject::Group(group) => drop(groups.insert(*group)),
            DueSubject::Account(account) => drop(accounts.insert(account.clone().into())),
        }
    }
    match (users.is_empty() && groups.is_empty(), accounts.is_empty()) {
        (_, true) => Scope::Subjects { users, groups },
        (true, false) => Scope::Accounts(accounts),
        // A rule has one direction, so this is never asked; a look at everything is right whatever is asked.
        (false, false) => Scope::Full,
    }
}

/// What is due when all of a scope is.
pub(crate) fn dues_of(rule: RuleId, scope: &Scope, at: Timestamp) -> Vec<Due> {
    let due = |subject| Due { rule, subject, at };
    match scope {
        Scope::Full => vec![due(DueSubject::Everything)],
        Scope::Subjects { users, groups } => {
            let users = users.iter().map(|user| due(DueSubject::User(*user)));
            users.chain(groups.iter().map(|group| due(DueSubject::Group(*group)))).collect()
        }
        Scope::Accounts(accounts) => {
            accounts.iter().map(|account| due(DueSubject::Account(account.as_str().into()))).collect()
        }
    }
}

/// Whether a run over this scope did what was due.
fn covers(scope: &Scope, subject: &DueSubject) -> bool {
    match subject {
        DueSubject::Everything => scope.is_full(),
        DueSubject::User(user) => scope.has_user(*user),
        DueSubject::Group(group) => scope.has_group(*group),
        DueSubject::Account(account) => scope.has_account(&account.clone().into()),
    }
}

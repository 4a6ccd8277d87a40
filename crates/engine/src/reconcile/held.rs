//! Runs that wait for a person: the guard's word, holding, approving, cancelling; and asking for a resync.
//!
//! At most one run of a rule is held. While it is, other work goes on as long as it takes nothing away. A later plan
//! that does take something away is made again over the held run's scope too, so that the guard weighs all of it
//! together; whatever it says, the held run is *overtaken*. Removals so never slip through in small parts.
//!
//! An approval is kept on the held run itself: its trigger becomes `APPROVAL`, its scope is due, and its digest is what
//! was approved. The worker then plans anew; with the same digest this very run is carried out, with another one a new
//! run is held, which says what moved. An approved run that breaks off is planned and judged anew like any other.

use usher_domain::{
    EnvironmentId, Problem, Rejection, RunId,
    directory::{
        audit::{Actor, Event},
        change::{Due, DueSubject},
    },
    ports::store::{Record, StoreError, StoreResult},
    provisioning::rule::Rule,
    reconcile::{
        guard::{HoldReason, Limits, SHARE_COUNTS_FROM, Tally, Verdict, judge},
        plan::Plan,
        run::{Run, RunOperation, RunState, SeatsSeen, Trigger},
        scope::Scope,
    },
};

use super::{
    Planned, Reconciler, audit,
    claim::{Claimed, dues_of, new_run},
};
use crate::execute::End;

/// So many operations of a held run are read at a time.
const PAGE: u32 = 1000;

/// Why a person's word about a run was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeldError {
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It makes no sense for this run.
    #[error("{0}")]
    Rejected(Rejection),
}

impl Claimed {
    /// The scope over which a plan must be made again, because it takes something away while a run is held.
    pub(super) fn held_scope_too(&self, scope: &Scope, plan: &Plan) -> Option<Scope> {
        let held = self.held.as_ref()?;
        let both = union(scope, &held.scope);
        (plan.tally() != Tally::default() && both != *scope).then_some(both)
    }

    /// The held run, if a run over this scope takes its place.
    fn overtaken_by(&self, scope: &Scope) -> Option<&Run> {
        self.held.as_ref().filter(|held| union(scope, &held.scope) == *scope)
    }
}

impl Reconciler {
    /// Whether nobody cancelled the approved run while it was planned anew.
    pub(super) async fn is_still_held(&self, run: &Run) -> StoreResult<bool> {
        let kept = self.store.run(run.environment, run.id).await?;
        Ok(kept.is_some_and(|kept| kept.state == RunState::Held))
    }

    /// Writes into the run what was planned. When a person had approved another plan, that run is over, and this one is
    /// a new one that says what moved.
    pub(super) async fn planned(
        &self,
        claimed: &Claimed,
        run: &mut Run,
        planned: &Planned,
    ) -> StoreResult<()> {
        let digest = planned.plan.digest();
        if claimed.approved.is_some() && run.digest.as_deref() != Some(digest.as_str()) {
            let mut approved = run.clone();
            let operations = self.operations(run).await?;
            let earlier = Plan { operations, manner: run.manner.clone(), ..Plan::default() };
            let trigger = if run.scope.is_full() { Trigger::Configuration } else { Trigger::Change };
            let scope = planned.scope().clone();
            *run = new_run(RunId(self.ids.next()), &claimed.rule, trigger, scope, self.clock.now());
            run.moved = planned.plan.moved_since(&earlier);
            let problem = Problem::new(
                "PLAN_MOVED",
                "What was approved is not what would be done now.",
                format!("Look at run {}, which says what moved.", run.id),
            );
            self.end(&mut approved, RunState::Cancelled, Some(problem));
            let records = [Record::Run(Box::new(approved)), Record::Run(Box::new(run.clone()))];
            self.store.record(&claimed.lease, claimed.connection.id, &records).await?;
        }
        run.scope = planned.scope().clone();
        run.counts = planned.plan.counts();
        run.manner = planned.plan.manner.clone();
        run.seats = planned.seats.map(|seats| SeatsSeen { seats, needed: planned.plan.seats_needed });
        run.total = planned.plan.operations.len() as u64;
        run.digest = Some(digest);
        run.problem = None;
        Ok(())
    }

    /// Whether the plan goes on: a person's consent counts for exactly the plan it was given to, and only what takes
    /// something away needs any.
    pub(super) async fn verdict(&self, claimed: &Claimed, run: &Run, plan: &Plan) -> StoreResult<Verdict> {
        let approved = run.trigger == Trigger::Approval;
        let consented = claimed.rule.consent.is_some() && claimed.rule.consent == run.digest;
        if approved || consented || plan.tally() == Tally::default() {
            return Ok(Verdict::Clear);
        }
        match self.judge(&claimed.rule, plan).await? {
            Verdict::Clear if !run.moved.is_empty() => Ok(Verdict::Hold { reasons: Vec::new() }),
            verdict => Ok(verdict),
        }
    }

    /// The limits of a rule: its own, and where it has none those of its environment.
    ///
    /// # Errors
    /// What the store says.
    pub async fn limits(&self, rule: &Rule) -> StoreResult<Limits> {
        let environment = self.store.environment(rule.environment).await?;
        Ok(rule.limits(&environment.map(|it| it.guard).unwrap_or_default()))
    }

    /// The guard's word on a plan, with what was removed in the window before it.
    pub(super) async fn judge(&self, rule: &Rule, plan: &Plan) -> StoreResult<Verdict> {
        let limits = self.limits(rule).await?;
        let recent = self.store.removed_since(rule.id, self.clock.now().minus(limits.window)).await?;
        let linked = self.store.linked_counts(rule.id).await?;
        let mut of = linked.plus(recent);
        // A suspended or removed account stays linked and was counted already; a cancelled invitation does not, which
        // only matters where so few are left that shares would not count any more.
        if linked.users >= SHARE_COUNTS_FROM {
            of.users = linked.users;
        }
        Ok(judge(plan.tally(), recent, of, &limits))
    }

    /// Holds the run: its operations can be looked at, and nothing happens until a person says so.
    pub(super) async fn hold(
        &self,
        claimed: &Claimed,
        run: &mut Run,
        plan: &Plan,
        reasons: Vec<HoldReason>,
    ) -> StoreResult<End> {
        let already =
            claimed.held.as_ref().filter(|held| held.digest == run.digest && held.scope == run.scope);
        if let (Some(held), true) = (already, run.trigger != Trigger::Manual) {
            let problem = Problem::new(
                "ALREADY_HELD",
                format!("Run {} is held with the same plan.", held.id),
                "Approve or cancel that run.",
            );
            return Ok(End { state: RunState::Cancelled, problem: Some(problem), again: Vec::new() });
        }
        let mut records: Vec<Record> = self.overtaken(claimed, run).into_iter().collect();
        let told = reasons.first().map_or_else(
            || "What was approved moved; the new plan waits for a person.".to_owned(),
            HoldReason::to_string,
        );
        run.state = RunState::Held;
        run.hold = reasons;
        records.push(Record::Run(Box::new(run.clone())));
        records.extend((0..).zip(&plan.operations).map(|(seq, operation)| {
            Record::Outcome(run.id, RunOperation { seq, operation: operation.clone(), outcome: None })
        }));
        records.push(self.event(&claimed.rule, run, audit::HELD, Actor::System, told));
        self.store.record(&claimed.lease, claimed.connection.id, &records).await?;
        let again = self.removals_to_come(claimed, run, self.clock.now()).await?;
        Ok(End { state: RunState::Held, problem: None, again })
    }

    /// The end of the held run whose place this one takes, to be recorded.
    pub(crate) fn overtaken(&self, claimed: &Claimed, run: &Run) -> Option<Record> {
        let mut held = claimed.overtaken_by(&run.scope)?.clone();
        let problem = Problem::new(
            "OVERTAKEN",
            "A later plan took this one's place.",
            format!("Look at run {}.", run.id),
        );
        self.end(&mut held, RunState::Cancelled, Some(problem));
        Some(Record::Run(Box::new(held)))
    }

    async fn operations(&self, run: &Run) -> StoreResult<Vec<usher_domain::reconcile::operation::Operation>> {
        let mut operations = Vec::new();
        loop {
            let page = self.store.operations(run.id, operations.len() as u64, PAGE).await?;
            let read = page.len();
            operations.extend(page.into_iter().map(|operation| operation.operation));
            if read < PAGE as usize {
                return Ok(operations);
            }
        }
    }

    /// Approves a held run: it goes on if a fresh plan has the digest that the person saw.
    ///
    /// # Errors
    /// When there is no such run, it is not held, or its digest is another one.
    pub async fn approve(
        &self,
        environment: EnvironmentId,
        run: RunId,
        digest: &str,
        actor: Actor,
    ) -> Result<Run, HeldError> {
        let (rule, held) = self.held_run(environment, run).await?;
        if held.digest.as_deref() != Some(digest) {
            return Err(HeldError::Rejected(Rejection::conflict(
                "The digest is not that of the held plan: look at the run again, and approve what you see.",
            )));
        }
        let approved = Run { trigger: Trigger::Approval, ..held.clone() };
        let event = self.told(&rule, &approved, audit::APPROVED, actor, "Approved the held run.");
        let due = dues_of(rule.id, &held.scope, self.clock.now());
        self.store.replace_run(&held, &approved, Some(&event), &due).await?;
        Ok(approved)
    }

    /// Cancels a held run. What it would have done is not due any more; the next change of these subjects, or a
    /// resync, plans it again.
    ///
    /// # Errors
    /// When there is no such run, or it is not held.
    pub async fn cancel(
        &self,
        environment: EnvironmentId,
        run: RunId,
        actor: Actor,
    ) -> Result<Run, HeldError> {
        let (rule, held) = self.held_run(environment, run).await?;
        let mut cancelled = held.clone();
        self.end(&mut cancelled, RunState::Cancelled, None);
        let event = self.told(&rule, &cancelled, audit::CANCELLED, actor, "Cancelled the held run.");
        self.store.replace_run(&held, &cancelled, Some(&event), &[]).await?;
        Ok(cancelled)
    }

    /// Asks for a full sync of the rule, now. Who asks while one that was asked for has not begun gets that one: it will see
    /// every change that is committed by now. One that has begun may have read what it plans from, so another follows it.
    ///
    /// # Errors
    /// When the rule does not exist.
    pub async fn resync(
        &self,
        environment: EnvironmentId,
        rule: &Rule,
        actor: Actor,
    ) -> Result<Run, HeldError> {
        if rule.environment != environment {
            return Err(HeldError::Rejected(Rejection::not_found("rule", rule.id)));
        }
        let now = self.clock.now();
        let due = Due { rule: rule.id, subject: DueSubject::Everything, at: now };
        let open = self.store.open_runs(rule.id).await?;
        let waits =
            |run: &Run| run.state == RunState::Planning && run.trigger == Trigger::Manual && !run.begun;
        if let Some(run) = open.into_iter().find(waits) {
            self.store.make_due(&[due]).await?;
            return Ok(run);
        }
        let run = new_run(RunId(self.ids.next()), rule, Trigger::Manual, Scope::Full, now);
        let told = format!("Started a full sync of rule {}.", rule.name);
        let event = self.told(rule, &run, audit::STARTED, actor, &told);
        self.store.begin_run(&run, Some(&event), &[due]).await?;
        Ok(run)
    }

    async fn held_run(&self, environment: EnvironmentId, id: RunId) -> Result<(Rule, Run), HeldError> {
        let gone = || HeldError::Rejected(Rejection::not_found("run", id));
        let run = self.store.run(environment, id).await?.ok_or_else(gone)?;
        let rule = self.store.rule(environment, run.rule).await?.ok_or_else(gone)?;
        if run.state != RunState::Held {
            return Err(HeldError::Rejected(Rejection::conflict(
                "The run is not held: only a held run can be approved or cancelled.",
            )));
        }
        Ok((rule, run))
    }

    fn told(&self, rule: &Rule, run: &Run, action: &str, actor: Actor, description: &str) -> Event {
        let now = self.clock.now();
        audit::about_run(rule, run, action, actor, description.to_owned(), now, self.ids.as_ref())
    }
}

/// Both scopes together.
fn union(a: &Scope, b: &Scope) -> Scope {
    match (a, b) {
        (Scope::Subjects { users, groups }, Scope::Subjects { users: more_users, groups: more_groups }) => {
            Scope::Subjects { users: users | more_users, groups: groups | more_groups }
        }
        (Scope::Accounts(accounts), Scope::Accounts(more)) => Scope::Accounts(accounts | more),
        _ => Scope::Full,
    }
}

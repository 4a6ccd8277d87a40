//! THE MAIN PATH: what a preview, an approval and a real run have in common, and where they part.
//!
//! ```text
//! directory → desired ┐
//! remembered → links  ├→ plan → judge → Hold | Clear → execute → settle
//! remote → snapshot   ┘
//! ```
//! A preview is "stop after the judge". Nothing is ever resumed: whoever claims a rule plans anew from what is. What is
//! decided is decided by pure functions of the domain; this file only fetches what they read, and keeps the order.
//!
//! Held runs: [`held`]. How the plan is carried out: [`crate::execute`]. Who calls: [`crate::worker`].

mod audit;
pub mod census;
mod claim;
pub mod connection_test;
pub mod explain;
mod explain_inbound;
pub mod held;
mod inbound;
mod look;
mod people;
pub mod retry;
pub mod seats;
mod setup;
pub mod sync_status;

use std::sync::Arc;

use usher_domain::{
    Clock, ConnectionId, Ids, Problem, RuleId,
    ports::{
        connector::{ConnectorError, Progress},
        job::Lease,
        meter::{Meter, Unmetered},
        store::{Record, Store, StoreError, StoreResult},
    },
    provisioning::rule::{Direction, Rule},
    reconcile::{
        desired::{CompiledMappings, Desired},
        guard::Verdict,
        links::Links,
        plan::{FromDropbox, Known, Plan, plan},
        run::{Run, RunState},
        scope::{Scope, Subject},
        snapshot::{Seats, Snapshot},
        status::impacted,
    },
};

use crate::{execute::End, stop::Waits};
use people::People;
use retry::Retry;

pub use crate::stop::Stop;
pub(crate) use audit::{Failure, What};
pub use claim::LONGEST_PAUSE;
pub(crate) use claim::{Claimed, dues_of};
pub use setup::{Connectors, Draft, Opened};
pub(crate) use setup::{Setup, Way};

/// Reconciles rules: previews, runs, approvals. Knows only ports.
#[derive(Clone)]
pub struct Reconciler {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) connectors: Arc<dyn Connectors>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) retry: Retry,
    pub(crate) meter: Arc<dyn Meter>,
}

/// What a run would do now.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The plan.
    pub plan: Plan,
    /// Its digest: a run that follows has the same one, unless something moved.
    pub digest: String,
    /// What the guard says of it.
    pub verdict: Verdict,
    /// How many calls carrying it out takes at least.
    pub calls: u64,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReconcileError {
    /// What is kept could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The remote side could not be read.
    #[error(transparent)]
    Remote(#[from] ConnectorError),
    /// The rule or the connection cannot be used as they are set up.
    #[error("{0}")]
    Setup(Problem),
}

/// A plan, and what it was made from.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) wanted: Wanted,
    pub(crate) links: Links,
    pub(crate) people: People,
    /// The licences, if they were looked at.
    pub(crate) seats: Option<Seats>,
}

/// What a rule wants within a scope.
pub(crate) enum Wanted {
    Outbound(Desired),
    /// Its scope, and whom it is about.
    Inbound(Scope, Vec<Subject>),
}

impl Planned {
    /// What was looked at.
    pub(crate) fn scope(&self) -> &Scope {
        match &self.wanted {
            Wanted::Outbound(desired) => &desired.scope,
            Wanted::Inbound(scope, _) => scope,
        }
    }

    /// The subjects that the rule targets within the scope.
    pub(crate) fn impacted(&self) -> Vec<Subject> {
        match &self.wanted {
            Wanted::Outbound(desired) => impacted(desired).collect(),
            Wanted::Inbound(_, subjects) => subjects.clone(),
        }
    }
}

impl Reconciler {
    /// What is reconciled, by whom, and when.
    pub fn new(
        store: Arc<dyn Store>,
        connectors: Arc<dyn Connectors>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        retry: Retry,
    ) -> Self {
        Reconciler { store, connectors, clock, ids, retry, meter: Arc::new(Unmetered) }
    }

    /// The same, what it does counted.
    #[must_use]
    pub fn metered(self, meter: Arc<dyn Meter>) -> Self {
        Reconciler { meter, ..self }
    }

    /// What a full run of the rule would do now, as it is or as a draft would make it. Changes nothing anywhere.
    ///
    /// # Errors
    /// When store, remote side or the rule's own set-up do not allow a plan.
    pub async fn preview(&self, rule: &Rule, draft: Draft) -> Result<Preview, ReconcileError> {
        let setup = self.setup(rule, draft).await?;
        let planned = self.plan(&setup, Scope::Full, &()).await?;
        let verdict = self.judge(rule, &planned.plan).await?;
        let calls = match rule.direction {
            Direction::Outbound => setup.connector.calls(&planned.plan.operations),
            // What it changes is in the directory.
            Direction::Inbound => 0,
        };
        Ok(Preview { digest: planned.plan.digest(), verdict, calls, plan: planned.plan })
    }

    /// Reconciles what is due of a leased rule, and settles the lease. A run that fails is a recorded run, not an error.
    ///
    /// # Errors
    /// When the store cannot be written ([`StoreError::Fenced`]: somebody else has the rule now); nothing is settled
    /// then, so that the work stays due.
    pub async fn run(&self, lease: &Lease, stop: &Stop) -> StoreResult<()> {
        self.run_with(lease, &Waits { stop: stop.clone(), slot: None }).await
    }

    /// The same, with the slot that it gives back while it waits.
    pub(crate) async fn run_with(&self, lease: &Lease, waits: &Waits) -> StoreResult<()> {
        let Some(claimed) = self.claimed(lease).await? else { return Ok(()) };
        let mut run = self.begin(&claimed).await?;
        let end = match self.attempt(&claimed, &mut run, waits).await {
            Ok(end) => end,
            Err(ReconcileError::Store(error @ StoreError::Corrupt(_))) => {
                self.end(&mut run, RunState::Failed, Some(unreadable(&error)));
                self.store.record(lease, claimed.connection.id, &[Record::Run(Box::new(run))]).await?;
                return Err(error);
            }
            Err(ReconcileError::Store(error)) => return Err(error),
            Err(_) if waits.stop.is_set() => self.cut_off(&claimed, &run),
            Err(error) => self.came_to_nothing(&claimed, &mut run, error).await?,
        };
        self.settle(claimed, run, end).await
    }

    /// One run, from observing to its last outcome.
    async fn attempt(&self, claimed: &Claimed, run: &mut Run, waits: &Waits) -> Result<End, ReconcileError> {
        let setup = self.setup(&claimed.rule, Draft::default()).await?.waiting(waits);
        let mut planned = self.plan(&setup, run.scope.clone(), &()).await?;
        if let Some(wider) = claimed.held_scope_too(&run.scope, &planned.plan) {
            planned = self.plan(&setup, wider, &()).await?;
        }
        if claimed.approved.is_some() && !self.is_still_held(run).await? {
            return Ok(End { state: RunState::Cancelled, problem: None, again: Vec::new() });
        }
        self.planned(claimed, run, &planned).await?;
        match self.verdict(claimed, run, &planned.plan).await? {
            Verdict::Hold { reasons } => Ok(self.hold(claimed, run, &planned.plan, reasons).await?),
            Verdict::Clear => Ok(self.execute(claimed, &setup, run, &planned).await?),
        }
    }

    /// What is to be done: the directory, the memory and the remote side, put to the planner.
    async fn plan(
        &self,
        setup: &Setup,
        scope: Scope,
        progress: &dyn Progress,
    ) -> Result<Planned, ReconcileError> {
        match &setup.way {
            Way::Outbound(mappings) => Ok(self.observed(setup, mappings, scope, progress).await?.0),
            Way::Inbound(mappings, onboarding) => {
                Ok(self.seen_inbound(setup, mappings, onboarding, scope, progress).await?.0)
            }
        }
    }

    /// Tells monitoring what a look found.
    pub(crate) fn saw(&self, connection: ConnectionId, seen: &Snapshot) {
        if let Some(seats) = seen.seats {
            self.meter.seats(connection, seats);
        }
    }

    /// What is to be done, with what was seen.
    async fn observed(
        &self,
        setup: &Setup,
        mappings: &CompiledMappings,
        scope: Scope,
        progress: &dyn Progress,
    ) -> Result<(Planned, Snapshot), ReconcileError> {
        let people = self.people(setup, &scope).await?;
        let mut desired = people.desired(setup, mappings, scope);
        let links = self.store.links(setup.connection.id, &desired.scope).await?;
        look::widen(&mut desired, &links);
        let look = look::at(&desired, &links);
        let mut seen = setup.waits.read(setup.connector.observe(&look, progress)).await?;
        self.saw(setup.connection.id, &seen);
        seen.scope = desired.scope.clone();
        let (made, rules) = setup.decided_in_dropbox();
        let ids: Vec<RuleId> = setup.inbound.iter().map(|rule| rule.rule).collect();
        let plan = plan(&Known {
            rule: setup.rule.id,
            retiring: setup.rule.retiring,
            policy: &setup.policy,
            desired: &desired,
            seen: &seen,
            links: &links,
            claimed_elsewhere: &people.claimed_elsewhere(setup, &links),
            groups_claimed_elsewhere: &setup.groups_claimed_elsewhere(),
            from_dropbox: FromDropbox { made: &made, ids: &ids, rules: &rules },
            now: self.clock.now(),
        });
        let seats = seen.seats;
        Ok((Planned { plan, wanted: Wanted::Outbound(desired), links, people, seats }, seen))
    }
}

/// What a run failed by that read what cannot be understood. No value comes along.
fn unreadable(error: &StoreError) -> Problem {
    Problem::new(
        "STORED_DATA_UNREADABLE",
        format!("The run could not continue: {error}."),
        "Check the seal key and the database; the rule is tried again every few minutes.",
    )
}

impl std::fmt::Debug for Reconciler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reconciler").field("retry", &self.retry).finish_non_exhaustive()
    }
}

//! Carries out a plan: stage by stage, each outcome recorded with what is to be remembered because of it.
//!
//! What must be remembered *before* a call is recorded before it ([`ledger`]), every write is fenced by the lease, and
//! an error of the remote side as a whole ends the run: what has no outcome yet is postponed, and due again.

mod aftermath;
mod inbound;
mod ledger;
mod standing;

use std::pin::pin;

use futures_util::StreamExt;
use usher_domain::{
    Problem,
    directory::change::Due,
    ports::{
        connector::{Applied, ConnectorError},
        store::StoreResult,
    },
    provisioning::rule::Direction,
    reconcile::{
        operation::Operation,
        outcome::Outcome,
        run::{Run, RunState},
    },
};

use crate::reconcile::{Claimed, Planned, Reconciler, Setup};
use ledger::Ledger;

/// How a run ended, and what is due because of it.
#[derive(Debug)]
pub(crate) struct End {
    /// Final, or `Held`.
    pub(crate) state: RunState,
    /// Why it failed, or stopped half-way.
    pub(crate) problem: Option<Problem>,
    /// What is to be looked at again, and when.
    pub(crate) again: Vec<Due>,
}

/// What ended a run before its last operation.
pub(crate) enum Halt {
    /// The remote side as a whole.
    Remote(ConnectorError),
    /// The server is to stop.
    Stopped,
}

impl Reconciler {
    /// Carries out a plan that nothing stands in the way of.
    pub(crate) async fn execute(
        &self,
        claimed: &Claimed,
        setup: &Setup,
        run: &mut Run,
        planned: &Planned,
    ) -> StoreResult<End> {
        run.state = RunState::Applying;
        let mut ledger = Ledger::new(self, claimed, run, planned);
        ledger.open().await?;
        let mut halt = None;
        let mut from = 0;
        for stage in planned.plan.operations.chunk_by(|a, b| a.action.stage() == b.action.stage()) {
            halt = self.stage(setup, &mut ledger, from, stage).await?;
            from += stage.len();
            if halt.is_some() {
                break;
            }
        }
        let outcomes = ledger.finish(halt.as_ref()).await?;
        self.aftermath(claimed, run, planned, &outcomes, halt).await
    }

    /// One stage, the first of whose operations is at `from` in the plan.
    async fn stage(
        &self,
        setup: &Setup,
        ledger: &mut Ledger<'_>,
        from: usize,
        stage: &[Operation],
    ) -> StoreResult<Option<Halt>> {
        let local = stage.first().is_none_or(|operation| operation.action.is_local());
        if setup.rule.direction == Direction::Inbound && !local {
            return self.inbound_stage(setup, ledger, from, stage).await;
        }
        let (places, operations) = ledger.prepare(from, stage);
        ledger.flush().await?;
        let stop = &setup.waits.stop;
        if stop.is_set() {
            return Ok(Some(Halt::Stopped));
        }
        if operations.is_empty() {
            return Ok(None);
        }
        let mut outcomes = setup.connector.apply(&operations);
        let mut over = pin!(stop.over());
        loop {
            let next = async {
                tokio::select! {
                    biased;
                    batch = outcomes.next() => Ok(batch),
                    () = &mut over => Err(Halt::Stopped),
                }
            };
            let batch = match setup.waits.without_slot(next).await {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(stopped) => {
                    ledger.flush().await?;
                    return Ok(Some(stopped));
                }
            };
            match batch {
                Ok(applied) => {
                    for Applied { index, outcome } in applied {
                        if let (Some(place), Some(operation)) = (places.get(index), operations.get(index)) {
                            ledger.note(*place, operation, outcome);
                        }
                    }
                    ledger.flush_now_and_then().await?;
                }
                Err(error) => {
                    ledger.flush().await?;
                    return Ok(Some(if stop.is_set() { Halt::Stopped } else { Halt::Remote(error) }));
                }
            }
        }
        // A connector that forgets one is a fault; nobody may take it for done.
        for (place, operation) in places.iter().zip(&operations) {
            if !ledger.has_outcome(*place) {
                ledger.enter(*place, operation, forgotten());
            }
        }
        ledger.flush().await?;
        Ok(None)
    }
}

fn forgotten() -> Outcome {
    let problem = Problem::new(
        "NO_OUTCOME",
        "The connector did not say what became of this.",
        "Nothing needs to be done: it is looked at again.",
    );
    Outcome::Postponed { problem, after: None, needs_full: false }
}

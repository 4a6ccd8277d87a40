//! Cancelling invitations. Removing someone who has accepted in the meantime would be harm, so everyone is looked at
//! right before: who is not merely invited any more is left to the next plan.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use serde_json::json;
use usher_domain::{
    ports::connector::ConnectorError,
    reconcile::{
        operation::{Action, Operation},
        outcome::Outcome,
        snapshot::AccountId,
    },
};

use super::{
    super::{
        DropboxConnector,
        problems::{self, Then},
        routes::{MEMBERS_REMOVE, MEMBERS_REMOVE_STATUS},
        wire::{Status, UserSelector},
    },
    Part, Task, Truth, Unit,
};

/// How many are looked at before they are removed: few, so that the look is fresh.
const PER_LOOK: usize = 50;

/// How many calls so many cancellations take.
pub(super) fn calls(cancellations: usize) -> usize {
    cancellations + cancellations.div_ceil(PER_LOOK)
}

impl DropboxConnector {
    pub(super) fn cancellations<'a>(&'a self, tasks: Vec<Task<'a>>) -> VecDeque<Unit<'a>> {
        tasks
            .chunks(PER_LOOK)
            .map(<[Task<'_>]>::to_vec)
            .map(|chunk| Box::pin(self.cancel_all(chunk)) as Unit<'a>)
            .collect()
    }

    async fn cancel_all(&self, tasks: Vec<Task<'_>>) -> Part {
        let accounts: Vec<_> = tasks.iter().filter_map(|task| account(task.operation)).collect();
        let selectors: Vec<_> = accounts.iter().map(|id| UserSelector::id(id)).collect();
        let found = match self.members(&selectors).await {
            Ok(found) => found,
            Err(error) => return Part { applied: Vec::new(), error: Some(error) },
        };
        let states: FxHashMap<AccountId, Status> =
            found.iter().map(|member| (member.id(), member.profile.status)).collect();
        let states = &states;
        let units = tasks
            .into_iter()
            .filter_map(|task| Some((task, account(task.operation)?)))
            .map(|(task, account)| {
                Box::pin(async move {
                    let outcome = match truth(task.operation, states.get(account).copied()) {
                        Truth::Settled(outcome) => Ok(outcome),
                        Truth::NoEffect => self.cancel(task.operation, account).await,
                    };
                    Part::one(task, outcome)
                }) as Unit<'_>
            })
            .collect();
        self.together(units).await
    }

    async fn cancel(&self, operation: &Operation, account: &AccountId) -> Result<Outcome, ConnectorError> {
        let arg = json!({ "user": UserSelector::id(account), "wipe_data": false, "keep_account": false });
        self.settle(operation, (MEMBERS_REMOVE, Some(MEMBERS_REMOVE_STATUS)), &arg, || {
            Box::pin(async move { Ok(truth(operation, self.status(account).await?)) })
        })
        .await
    }
}

fn account(operation: &Operation) -> Option<&AccountId> {
    match &operation.action {
        Action::CancelInvitation { account } => Some(account),
        _ => None,
    }
}

/// `NoEffect` means: still invited, so it is to be done.
fn truth(operation: &Operation, status: Option<Status>) -> Truth {
    match status {
        Some(Status::Invited) => Truth::NoEffect,
        Some(Status::Removed { .. }) | None => Truth::Settled(Outcome::AlreadyTrue { made: None }),
        Some(Status::Active | Status::Suspended | Status::Unknown) => {
            let reason = "the invitation was accepted in the meantime";
            Truth::Settled(problems::moved(operation, reason, Then::Wait, None))
        }
    }
}

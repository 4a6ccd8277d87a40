//! Where each identity stands, in PingOne's words (facts/pingone.md §1.9).

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{
    desired::Desired,
    operation::{Action, Operation},
    outcome::Outcome,
    plan::{Plan, no_account},
    scope::Subject,
};
use crate::{Problem, Timestamp};

/// Where one user or group stands with one rule. Ordered from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Standing {
    /// Fully synced.
    Success,
    /// The account exists, but may be out of sync.
    Partial,
    /// There is no account, and none is made.
    Unsynced,
    /// An error.
    Failed,
}

/// Where one subject stands, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectStatus {
    /// Who.
    pub subject: Subject,
    /// Where it stands.
    pub standing: Standing,
    /// Why it is not `Success`.
    pub problem: Option<Problem>,
    /// When it was last looked at.
    pub at: Timestamp,
    /// How often in a row it did not succeed; the wait before the next try grows with it.
    pub attempts: u32,
}

/// How many stand where. `impacted` is the sum of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusCounts {
    /// Targeted by the rule.
    pub impacted: u64,
    /// Fully synced.
    pub success: u64,
    /// No account, not synced.
    pub unsynced: u64,
    /// Account exists, may be out of sync.
    pub partial: u64,
    /// Error.
    pub failed: u64,
}

impl StatusCounts {
    /// Counts `n` more that stand there.
    pub fn add(&mut self, standing: Standing, n: u64) {
        self.impacted += n;
        match standing {
            Standing::Success => self.success += n,
            Standing::Partial => self.partial += n,
            Standing::Unsynced => self.unsynced += n,
            Standing::Failed => self.failed += n,
        }
    }
}

/// The subjects that a rule targets within the scope, users first, each in id order.
pub fn impacted(desired: &Desired) -> impl Iterator<Item = Subject> + '_ {
    let scope = &desired.scope;
    let users = desired.accounts.iter().map(|want| want.user).filter(|user| scope.has_user(*user));
    let groups = desired.groups.iter().map(|want| want.group).filter(|group| scope.has_group(*group));
    users.map(Subject::User).chain(groups.map(Subject::Group))
}

/// Where each of the impacted subjects stands after a run: the worst of what the plan found and of what became of
/// its operations (`outcomes`, in the plan's order; a missing one was not tried). Who is not impacted has no
/// standing, whatever happened to them. A subject that has no trouble costs nothing.
///
/// A membership counts for its user (`Partial` at worst) and, when the remote system refuses or postpones it, for
/// its group too; one that was skipped because of its user does not hurt its group.
pub fn standings<'a>(
    plan: &'a Plan,
    outcomes: &'a [Option<Outcome>],
    impacted: impl Iterator<Item = Subject> + 'a,
) -> impl Iterator<Item = (Subject, Standing, Option<Problem>)> + 'a {
    let mut worst: FxHashMap<Subject, (Standing, Problem)> = FxHashMap::default();
    let mut note = |subject: Subject, standing: Standing, problem: &Problem| match worst.get(&subject) {
        Some((known, _)) if *known >= standing => {}
        _ => drop(worst.insert(subject, (standing, problem.clone()))),
    };
    for finding in &plan.findings {
        if let Some(standing) = finding.standing.filter(|standing| *standing != Standing::Success) {
            note(finding.subject, standing, &finding.problem);
        }
    }
    for (position, operation) in plan.operations.iter().enumerate() {
        let outcome = outcomes.get(position).and_then(Option::as_ref);
        let not_tried;
        let problem = match outcome {
            Some(outcome) => match outcome.problem() {
                Some(problem) => problem,
                None => {
                    // Done, and now there is no account: as the next plan will find.
                    if matches!(operation.action, Action::CancelInvitation { .. }) {
                        note(operation.subject, Standing::Unsynced, &no_account(&operation.label));
                    }
                    continue;
                }
            },
            None => {
                not_tried = untried(operation);
                &not_tried
            }
        };
        let (own, group) = trouble(&operation.action, outcome);
        note(operation.subject, own, problem);
        let member_of = match &operation.action {
            Action::AddMember { group, .. } | Action::RemoveMember { group, .. } => Some(*group),
            _ => None,
        };
        if let (Some(group), Some(standing)) = (member_of, group) {
            note(Subject::Group(group), standing, problem);
        }
    }
    impacted.map(move |subject| match worst.remove(&subject) {
        None => (subject, Standing::Success, None),
        Some((standing, problem)) => (subject, standing, Some(problem)),
    })
}

/// What an operation that did not succeed means for its subject, and for the group of a membership.
fn trouble(action: &Action, outcome: Option<&Outcome>) -> (Standing, Option<Standing>) {
    let refused = matches!(outcome, Some(Outcome::Refused { .. }));
    match action {
        Action::JoinGroup { .. } | Action::LeaveGroup { .. } => (Standing::Partial, None),
        Action::AddMember { .. } | Action::RemoveMember { .. } => match outcome {
            Some(Outcome::Refused { .. }) => (Standing::Partial, Some(Standing::Failed)),
            Some(Outcome::Postponed { .. }) => (Standing::Partial, Some(Standing::Partial)),
            _ => (Standing::Partial, None),
        },
        _ if refused => (Standing::Failed, None),
        Action::Create { .. }
        | Action::Recover { .. }
        | Action::CreateGroup { .. }
        | Action::CreateUser { .. }
        | Action::CreateDirectoryGroup { .. } => (Standing::Unsynced, None),
        _ => (Standing::Partial, None),
    }
}

fn untried(operation: &Operation) -> Problem {
    Problem::new(
        "NOT_TRIED",
        format!("The run ended before it could {}.", operation.action.sentence(&operation.label)),
        "The next run goes on from there.",
    )
}

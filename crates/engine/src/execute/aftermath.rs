//! After the last outcome: how the run ended, and what is due again.

use std::time::Duration;

use rustc_hash::FxHashMap;
use usher_domain::{
    Timestamp,
    directory::change::{Due, DueSubject},
    ports::{connector::THROTTLED, store::StoreResult},
    provisioning::rule::Direction,
    reconcile::{
        operation::Action,
        outcome::Outcome,
        run::{Run, RunState},
        scope::Subject,
    },
};

use super::{End, Halt};
use crate::{
    reconcile::{Claimed, LONGEST_PAUSE, Planned, Reconciler, Wanted, dues_of},
    stop::stopped,
};

/// Why a subject is looked at again.
#[derive(Clone, Copy, Default)]
pub(super) struct Again {
    /// The remote side named a wait.
    after: Option<Duration>,
    /// It waits for something that only the remote side can do.
    waits: bool,
    /// Only a full observation can tell what to do.
    needs_full: bool,
}

/// Who is to be looked at again, and why.
pub(super) type Failing = FxHashMap<Subject, Again>;

impl Reconciler {
    /// Writes where subjects stand, and says how the run ended and what is due.
    pub(super) async fn aftermath(
        &self,
        claimed: &Claimed,
        run: &Run,
        planned: &Planned,
        outcomes: &[Option<Outcome>],
        halt: Option<Halt>,
    ) -> StoreResult<End> {
        let now = self.clock.now();
        let failing = failing(planned, outcomes);
        let attempts = self.write_statuses(claimed, run, planned, outcomes, &failing, halt.is_none()).await?;

        let rule = claimed.rule.id;
        let mut again = self.removals_to_come(claimed, run, now).await?;
        if planned.plan.wants_full {
            again.push(Due { rule, subject: DueSubject::Everything, at: now });
        }
        again.extend(recovered(planned, outcomes).map(|subject| Due { rule, subject, at: now }));
        let problem = match &halt {
            // All of it, not only what has no outcome: what was cut off may have happened.
            Some(Halt::Stopped) => {
                again.extend(dues_of(rule, &run.scope, now));
                Some(stopped())
            }
            Some(Halt::Remote(error)) => {
                let at = now.plus(self.wait_after(&claimed.connection, error).await?);
                again.extend(dues_of(rule, &run.scope, at));
                Some(error.problem().clone())
            }
            None => {
                for (subject, why) in &failing {
                    let tried = attempts.get(subject).copied().unwrap_or(1);
                    let due = due_again(planned, *subject);
                    again.extend(self.later(claimed, run, (*subject, due), *why, tried, now));
                }
                let mut problems = outcomes.iter().filter_map(|outcome| outcome.as_ref()?.problem());
                problems.find(|problem| problem.code == THROTTLED).cloned()
            }
        };
        let succeeded =
            outcomes.iter().filter(|outcome| outcome.as_ref().is_some_and(Outcome::is_success)).count();
        let state = match &halt {
            None if succeeded == outcomes.len() => RunState::Succeeded,
            Some(Halt::Remote(_)) | None if problem.is_some() && succeeded == 0 => RunState::Failed,
            _ => RunState::Partial,
        };
        Ok(End { state, problem, again })
    }

    /// When a subject that did not succeed is looked at again.
    fn later(
        &self,
        claimed: &Claimed,
        run: &Run,
        (subject, due): (Subject, DueSubject),
        why: Again,
        tried: u32,
        now: Timestamp,
    ) -> impl Iterator<Item = Due> {
        let rule = claimed.rule.id;
        let base = if why.waits { self.retry.waiting } else { self.retry.first };
        let asked = why.after.map(|after| after.min(LONGEST_PAUSE));
        let at = now.plus(asked.unwrap_or_else(|| self.retry.after(base, subject, tried)));
        let own = Due { rule, subject: due, at };
        // A full look that already was one, and did not help, waits like any other attempt.
        let at = if run.scope.is_full() { at } else { now };
        let full = why.needs_full.then_some(Due { rule, subject: DueSubject::Everything, at });
        [own].into_iter().chain(full)
    }

    /// The days of grace that end some time: read from memory each time, so that no crash loses one.
    pub(crate) async fn removals_to_come(
        &self,
        claimed: &Claimed,
        run: &Run,
        now: Timestamp,
    ) -> StoreResult<Vec<Due>> {
        let rule = claimed.rule.id;
        if claimed.rule.direction == Direction::Inbound {
            return Ok(Vec::new());
        }
        let links = self.store.links(claimed.connection.id, &run.scope).await?;
        let ours = links.accounts().iter().filter(|link| link.rule == rule);
        let to_come = ours.filter_map(|link| Some((link.user, link.remove_at.filter(|at| *at > now)?)));
        Ok(to_come.map(|(user, at)| Due { rule, subject: DueSubject::User(user), at }).collect())
    }
}

fn failing(planned: &Planned, outcomes: &[Option<Outcome>]) -> Failing {
    let mut failing = Failing::default();
    for finding in planned.plan.findings.iter().filter(|finding| finding.passes()) {
        failing.entry(finding.subject).or_default().waits = true;
    }
    for (operation, outcome) in planned.plan.operations.iter().zip(outcomes) {
        if outcome.as_ref().is_some_and(Outcome::is_success) {
            continue;
        }
        note(&mut failing, operation.subject, outcome.as_ref());
        // The group stands as its memberships do, so it is looked at again with them.
        if let Action::AddMember { group, .. } | Action::RemoveMember { group, .. } = &operation.action
            && !matches!(outcome, Some(Outcome::Skipped { .. }) | None)
        {
            note(&mut failing, Subject::Group(*group), outcome.as_ref());
        }
    }
    failing
}

fn note(failing: &mut Failing, subject: Subject, outcome: Option<&Outcome>) {
    let why = failing.entry(subject).or_default();
    if let Some(Outcome::Postponed { after, needs_full, .. }) = outcome {
        why.waits = true;
        why.needs_full |= needs_full;
        why.after = match (why.after, *after) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// Who was recovered: they are as they once were, and what follows from that is seen only by another look.
fn recovered(planned: &Planned, outcomes: &[Option<Outcome>]) -> impl Iterator<Item = DueSubject> {
    let done = planned.plan.operations.iter().zip(outcomes).filter(|(operation, outcome)| {
        matches!(operation.action, Action::Recover { .. })
            && outcome.as_ref().is_some_and(Outcome::is_success)
    });
    done.map(|(operation, _)| due_subject(operation.subject))
}

/// How a subject is made due again: an inbound rule looks at accounts.
fn due_again(planned: &Planned, subject: Subject) -> DueSubject {
    if matches!(planned.wanted, Wanted::Outbound(_)) {
        return due_subject(subject);
    }
    let about = planned.plan.operations.iter().filter(|operation| operation.subject == subject);
    let account = about.filter_map(|operation| operation.action.account()).next();
    account.map_or(DueSubject::Everything, |account| DueSubject::Account(account.as_str().into()))
}

fn due_subject(subject: Subject) -> DueSubject {
    match subject {
        Subject::User(user) => DueSubject::User(user),
        Subject::Group(group) => DueSubject::Group(group),
    }
}

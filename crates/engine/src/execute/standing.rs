//! Where everyone stands after a run: written where it changed, told where it newly failed.

use rustc_hash::{FxHashMap, FxHashSet};
use usher_domain::{
    Problem,
    ports::store::{Record, StoreResult},
    reconcile::{
        outcome::Outcome,
        run::Run,
        scope::{Scope, Subject},
        status::{Standing, SubjectStatus, standings},
    },
};

use super::aftermath::Failing;
use crate::reconcile::{Claimed, Failure, Planned, Reconciler, What};

impl Reconciler {
    /// Writes statuses where they changed; gives the attempts in a row of those who did not succeed. `counts` says
    /// whether this was an attempt: a run that was cut off is none.
    pub(super) async fn write_statuses(
        &self,
        claimed: &Claimed,
        run: &Run,
        planned: &Planned,
        outcomes: &[Option<Outcome>],
        failing: &Failing,
        counts: bool,
    ) -> StoreResult<FxHashMap<Subject, u32>> {
        let now = self.clock.now();
        let before = self.statuses_before(claimed, &run.scope, planned).await?;
        let attempts: FxHashMap<Subject, u32> = failing
            .keys()
            .map(|subject| {
                let before = before.get(subject).map_or(0, |was| was.attempts);
                (*subject, before.saturating_add(u32::from(counts)))
            })
            .collect();
        // When only a full look can tell, those of whom nothing was found out keep the status they have.
        let known = planned.plan.wants_full.then(|| told_of(planned));
        let mut records = Vec::new();
        let mut standing_still = FxHashSet::default();
        let impacted: Vec<_> = standings(&planned.plan, outcomes, planned.impacted().into_iter()).collect();
        let targeted: FxHashSet<Subject> = impacted.iter().map(|(subject, ..)| *subject).collect();
        // Who left and could not be taken out is not targeted any more, but must be seen.
        let stuck = failing.keys().filter(|subject| !targeted.contains(*subject)).filter_map(|subject| {
            let problem = trouble_of(planned, outcomes, *subject)?;
            Some((*subject, Standing::Failed, Some(problem.clone())))
        });
        for (subject, standing, problem) in impacted.into_iter().chain(stuck) {
            standing_still.insert(subject);
            if known.as_ref().is_some_and(|known| !known.contains(&subject)) {
                continue;
            }
            let attempts = attempts.get(&subject).copied().unwrap_or(0);
            let was = before.get(&subject);
            if was.is_some_and(|was| {
                (was.standing, &was.problem, was.attempts) == (standing, &problem, attempts)
            }) {
                continue;
            }
            if let Some(problem) = &problem
                && (standing == Standing::Failed || failing.contains_key(&subject))
                && was.and_then(|was| was.problem.as_ref()).is_none_or(|old| old.code != problem.code)
            {
                records.push(self.failure(claimed, run, planned, outcomes, subject, problem));
            }
            records.push(Record::Status(SubjectStatus { subject, standing, problem, at: now, attempts }));
        }
        let gone = before.keys().filter(|subject| !standing_still.contains(*subject));
        records.extend(gone.map(|subject| Record::StatusGone(*subject)));
        if !records.is_empty() {
            self.store.record(&claimed.lease, claimed.connection.id, &records).await?;
        }
        Ok(attempts)
    }

    async fn statuses_before(
        &self,
        claimed: &Claimed,
        scope: &Scope,
        planned: &Planned,
    ) -> StoreResult<FxHashMap<Subject, SubjectStatus>> {
        let subjects: Option<Vec<Subject>> = match scope {
            Scope::Full => None,
            Scope::Subjects { users, groups } => {
                let users = users.iter().copied().map(Subject::User);
                Some(users.chain(groups.iter().copied().map(Subject::Group)).collect())
            }
            Scope::Accounts(_) => {
                let mut subjects = told_of(planned);
                subjects.extend(planned.impacted());
                Some(subjects.into_iter().collect())
            }
        };
        let statuses = self.store.statuses_of(claimed.rule.id, subjects.as_deref()).await?;
        Ok(statuses.into_iter().map(|status| (status.subject, status)).collect())
    }

    fn failure(
        &self,
        claimed: &Claimed,
        run: &Run,
        planned: &Planned,
        outcomes: &[Option<Outcome>],
        subject: Subject,
        problem: &Problem,
    ) -> Record {
        let failed = planned.plan.operations.iter().zip(outcomes).find(|(operation, outcome)| {
            operation.subject == subject && outcome.as_ref().and_then(Outcome::problem) == Some(problem)
        });
        let finding = planned.plan.findings.iter().find(|finding| finding.subject == subject);
        let label = failed
            .map(|(operation, _)| &*operation.label)
            .or(finding.map(|finding| &*finding.label))
            .unwrap_or_default();
        let (user, group) = match subject {
            Subject::User(id) => (planned.people.user(id), None),
            Subject::Group(id) => (None, planned.people.group(id)),
        };
        let what = failed.map_or(What::of_subject(subject), |(operation, _)| What::of(&operation.action));
        let failure = Failure { what, subject, label, user, group, problem };
        Record::Event(Box::new(failure.event(&claimed.rule, run, self.clock.now(), self.ids.as_ref())))
    }
}

/// Of whom the plan says something.
fn told_of(planned: &Planned) -> FxHashSet<Subject> {
    let operations = planned.plan.operations.iter().map(|operation| operation.subject);
    operations.chain(planned.plan.findings.iter().map(|finding| finding.subject)).collect()
}

/// The first thing that went wrong with a subject.
fn trouble_of<'a>(
    planned: &Planned,
    outcomes: &'a [Option<Outcome>],
    subject: Subject,
) -> Option<&'a Problem> {
    let own =
        planned.plan.operations.iter().zip(outcomes).filter(|(operation, _)| operation.subject == subject);
    own.filter_map(|(_, outcome)| outcome.as_ref()?.problem()).next()
}

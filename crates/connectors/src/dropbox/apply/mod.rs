//! Writing, stage by stage. Every outcome is either Dropbox's own answer or read back; a call whose answer was lost is
//! repeated only when reading back shows that it had no effect.

mod create;
mod group;
mod invitation;
mod job;
mod member;
mod membership;
mod remove;
mod update;

use std::collections::{BTreeMap, VecDeque};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{self, FuturesUnordered},
};
use serde::Serialize;
use serde_json::Value;
use usher_domain::{
    GroupId,
    ports::connector::{Applied, ConnectorError, Outcomes},
    reconcile::{
        operation::{Action, Operation, Stage},
        outcome::Outcome,
        snapshot::RemoteGroupId,
    },
};

use self::job::Ended;
use super::{
    DropboxConnector,
    client::Reply,
    fault::{Fault, busy, postponed, protocol},
    problems,
    routes::Route,
};

/// An operation and its place in the caller's slice.
#[derive(Clone, Copy)]
struct Task<'a> {
    index: usize,
    operation: &'a Operation,
}

impl Task<'_> {
    fn is(self, outcome: Outcome) -> Applied {
        Applied { index: self.index, outcome }
    }
}

/// What one unit of work came to: outcomes, and perhaps the error that ended it before the rest.
#[derive(Default)]
struct Part {
    applied: Vec<Applied>,
    error: Option<ConnectorError>,
}

impl Part {
    fn of(applied: Vec<Applied>) -> Self {
        Part { applied, error: None }
    }

    fn one(task: Task<'_>, outcome: Result<Outcome, ConnectorError>) -> Self {
        match outcome {
            Ok(outcome) => Part::of(vec![task.is(outcome)]),
            Err(error) => Part { applied: Vec::new(), error: Some(error) },
        }
    }
}

type Unit<'a> = BoxFuture<'a, Part>;
/// Boxed, because the compiler cannot show a closure's own future to be `Send` for all lifetimes.
type ReadBack<'a> = BoxFuture<'a, Result<Truth, ConnectorError>>;

/// What reading back shows after a lost or an ambiguous answer.
enum Truth {
    /// It is as it should be, or cannot be brought there: this is the outcome.
    Settled(Outcome),
    /// The call had no effect.
    NoEffect,
}

/// The units under way and still to start.
struct Work<'a> {
    waiting: VecDeque<Unit<'a>>,
    running: FuturesUnordered<Unit<'a>>,
    error: Option<ConnectorError>,
    at_once: usize,
}

impl<'a> Work<'a> {
    fn new(waiting: VecDeque<Unit<'a>>, at_once: usize) -> Self {
        Work { waiting, running: FuturesUnordered::new(), error: None, at_once }
    }

    /// The next outcomes. After an error nothing new starts, but what is under way is waited for: its outcomes count.
    /// `None` is the end, and then `error` says whether it is a good one.
    async fn next(&mut self) -> Option<Vec<Applied>> {
        loop {
            while self.running.len() < self.at_once {
                match self.waiting.pop_front() {
                    Some(unit) => self.running.push(unit),
                    None => break,
                }
            }
            let Part { applied, error } = self.running.next().await?;
            if let Some(error) = error {
                self.error.get_or_insert(error);
                self.waiting.clear();
            }
            if !applied.is_empty() {
                return Some(applied);
            }
        }
    }
}

impl DropboxConnector {
    pub(super) fn outcomes<'a>(&'a self, operations: &'a [Operation]) -> Outcomes<'a> {
        let work = Work::new(self.units(operations), self.in_flight());
        Box::pin(stream::unfold(work, |mut work| async move {
            if let Some(applied) = work.next().await {
                return Some((Ok(applied), work));
            }
            work.error.take().map(|error| (Err(error), work))
        }))
    }

    fn units<'a>(&'a self, operations: &'a [Operation]) -> VecDeque<Unit<'a>> {
        let tasks: Vec<Task<'a>> =
            operations.iter().enumerate().map(|(index, operation)| Task { index, operation }).collect();
        let Some(stage) = operations.first().map(|operation| operation.action.stage()) else {
            return VecDeque::new();
        };
        if operations.iter().any(|operation| operation.action.stage() != stage || operation.action.is_local())
        {
            let error = protocol("A connector was given operations of several stages, or local ones.", None);
            let part = Part { applied: Vec::new(), error: Some(error) };
            return VecDeque::from([Box::pin(async { part }) as Unit<'a>]);
        }
        match stage {
            Stage::Create => self.creations(tasks),
            Stage::CancelInvitation => self.cancellations(tasks),
            Stage::Remove => self.removals(tasks),
            Stage::AddMember | Stage::RemoveMember => self.memberships(tasks),
            _ => tasks
                .into_iter()
                .map(|task| Box::pin(async move { Part::one(task, self.single(task.operation).await) }) as _)
                .collect(),
        }
    }

    async fn single(&self, operation: &Operation) -> Result<Outcome, ConnectorError> {
        match &operation.action {
            Action::Suspend { account, .. } => self.suspend(operation, account).await,
            Action::Unsuspend { account } => self.unsuspend(operation, account).await,
            Action::Recover { account } => self.recover(operation, account).await,
            Action::Update { account, changes } => self.update(operation, account, changes).await,
            Action::CreateGroup { name } => self.create_group(operation, name).await,
            Action::RenameGroup { remote, after, .. } => self.rename_group(operation, remote, after).await,
            Action::DeleteGroup { remote } => self.delete_group(operation, remote).await,
            _ => Err(protocol("A connector was given an operation that has no single call.", None)),
        }
    }

    /// Runs units of work inside another one, and gathers what they came to.
    async fn together(&self, units: VecDeque<Unit<'_>>) -> Part {
        let mut work = Work::new(units, self.in_flight());
        let mut all = Part::default();
        while let Some(applied) = work.next().await {
            all.applied.extend(applied);
        }
        all.error = work.error;
        all
    }

    /// Makes a call about one subject until it is known what became of it. `read_back` is asked after a lost answer,
    /// and after a refusal that may mean "it is so already" or "it is not as you think". Where the call may start a
    /// job, `job` is the route that tells of it.
    async fn settle<'r, A, F>(
        &self,
        operation: &Operation,
        routes: (&'static Route, Option<&'static Route>),
        arg: &A,
        read_back: F,
    ) -> Result<Outcome, ConnectorError>
    where
        A: Serialize + Sync + ?Sized,
        F: Fn() -> ReadBack<'r> + Sync,
    {
        self.settle_with(operation, routes, arg, drop, read_back).await
    }

    /// The same, where the result of the call is wanted: `take` gets it before `Done` is returned.
    async fn settle_with<'r, A, T, F>(
        &self,
        operation: &Operation,
        (route, job): (&'static Route, Option<&'static Route>),
        arg: &A,
        take: T,
        read_back: F,
    ) -> Result<Outcome, ConnectorError>
    where
        A: Serialize + Sync + ?Sized,
        T: Fn(Value) + Sync,
        F: Fn() -> ReadBack<'r> + Sync,
    {
        let mut lost = None;
        for round in 1..=self.client.patience.attempts.max(1) {
            if round > 1 {
                self.client.pause(self.client.pace.back_off(&self.client.patience, round)).await?;
            }
            let (what, request_id) = match self.client.post::<_, Value>(route, arg).await {
                Ok(Reply { value, request_id, .. }) => {
                    let id = value.get("async_job_id").and_then(Value::as_str);
                    let (Some(id), Some(job)) = (id, job) else {
                        take(value);
                        return Ok(Outcome::done());
                    };
                    match self.job(job, id).await? {
                        Ended::Complete { .. } => return Ok(Outcome::done()),
                        Ended::NotYet => {
                            return Ok(match read_back().await? {
                                Truth::Settled(outcome) => outcome,
                                Truth::NoEffect => problems::under_way(operation, request_id),
                            });
                        }
                        Ended::Unsure(why) => {
                            (format!("The job of {} ended with: {why}.", route.path), request_id)
                        }
                    }
                }
                Err(Fault::Lost { what, request_id }) => (what, request_id),
                Err(Fault::Refused(refusal)) => {
                    return Ok(match read_back().await? {
                        Truth::Settled(outcome) => outcome,
                        Truth::NoEffect => problems::refusal(operation, &refusal.tag, refusal.request_id),
                    });
                }
                Err(Fault::BadInput { text, request_id }) => {
                    return Ok(problems::bad_input(operation, &text, request_id));
                }
                Err(Fault::Throttled { after, problem }) => return Ok(postponed(after, problem)),
                Err(Fault::Failed(error)) => return Err(error),
            };
            if let Truth::Settled(outcome) = read_back().await? {
                return Ok(outcome);
            }
            lost = Some((what, request_id));
        }
        let (what, request_id) = lost.unwrap_or_default();
        Err(busy("DROPBOX_UNAVAILABLE", what, None, request_id))
    }

    /// See [`usher_domain::ports::connector::Connector::calls`].
    pub(super) fn floor(&self, operations: &[Operation]) -> u64 {
        let mut creations = 0_usize;
        let mut cancellations = 0_usize;
        let mut removals = 0_usize;
        let mut singles = 0_u64;
        let mut memberships: BTreeMap<(Stage, Option<&RemoteGroupId>, Option<GroupId>), usize> =
            BTreeMap::new();
        for operation in operations {
            match &operation.action {
                Action::Create { .. } => creations += 1,
                Action::CancelInvitation { .. } => cancellations += 1,
                Action::Remove { .. } => removals += 1,
                Action::AddMember { remote, group, .. } => {
                    let key = (Stage::AddMember, remote.as_ref(), remote.is_none().then_some(*group));
                    *memberships.entry(key).or_default() += 1;
                }
                Action::RemoveMember { remote, .. } => {
                    *memberships.entry((Stage::RemoveMember, Some(remote), None)).or_default() += 1;
                }
                Action::Update { changes, .. } => singles += update::calls(changes),
                action if action.is_local() => {}
                _ => singles += 1,
            }
        }
        let cap = self.members_cap();
        let calls = creations.div_ceil(create::PER_CALL)
            + invitation::calls(cancellations)
            + self.removal_calls(removals)
            + memberships.into_values().map(|members| members.div_ceil(cap)).sum::<usize>();
        singles + calls as u64
    }
}

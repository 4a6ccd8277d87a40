//! Work that is answered with an `async_job_id`, and the routes that ask how it goes.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answered, Ask, refuse, result};
use crate::team::Team;

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEnd {
    /// As if the call had answered at once.
    Complete,
    /// With this message (`members/add`), or as `internal_error` (the others, which have no message). Nothing was done
    /// when the fault was ordered `When::BeforeEffect`; everything, when `When::AfterEffect`.
    Failed(String),
}

/// A job that was ordered.
#[derive(Clone, Debug)]
pub(crate) struct JobOrder {
    pub(crate) polls: u32,
    pub(crate) end: JobEnd,
    /// Whether the work is done. Only a job that fails may leave it undone.
    pub(crate) works: bool,
}

/// Which status route knows a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobKind {
    MembersAdd,
    MembersRemove,
    Groups,
}

/// A job under way.
#[derive(Debug)]
pub(crate) struct Job {
    kind: JobKind,
    polls_left: u32,
    end: JobEnd,
    /// What `complete` tells; null when it only says so.
    outcome: Value,
}

/// Whether this call becomes a job: because of a fault, else because the team does it so.
pub(super) fn order(ask: &Ask<'_>, team: &Team, usual: bool) -> Option<JobOrder> {
    let ordinary = JobOrder { polls: team.switches.job_polls, end: JobEnd::Complete, works: true };
    ask.job.clone().or_else(|| usual.then_some(ordinary))
}

/// Starts a job, and answers with its id.
pub(super) fn launch(team: &mut Team, kind: JobKind, order: JobOrder, outcome: Value) -> Answered {
    let id = format!("dbjid:{}", team.ids.letters(40));
    team.jobs.insert(id.clone(), Job { kind, polls_left: order.polls, end: order.end, outcome });
    result(&json!({ ".tag": "async_job_id", "async_job_id": id }))
}

pub(super) fn add_status(ask: &Ask<'_>, team: &mut Team) -> Answered {
    status(ask, team, JobKind::MembersAdd)
}

pub(super) fn remove_status(ask: &Ask<'_>, team: &mut Team) -> Answered {
    status(ask, team, JobKind::MembersRemove)
}

pub(super) fn group_status(ask: &Ask<'_>, team: &mut Team) -> Answered {
    status(ask, team, JobKind::Groups)
}

fn status(ask: &Ask<'_>, team: &mut Team, kind: JobKind) -> Answered {
    let id = ask.arg["async_job_id"].as_str().unwrap_or_default();
    let Some(job) = team.jobs.get_mut(id).filter(|job| job.kind == kind) else {
        return refuse("invalid_async_job_id");
    };
    if job.polls_left > 0 {
        job.polls_left -= 1;
        return result(&json!({ ".tag": "in_progress" }));
    }
    match (&job.end, kind) {
        (JobEnd::Complete, JobKind::MembersAdd) => {
            result(&json!({ ".tag": "complete", "complete": job.outcome }))
        }
        (JobEnd::Complete, _) => result(&json!({ ".tag": "complete" })),
        (JobEnd::Failed(message), JobKind::MembersAdd) => {
            result(&json!({ ".tag": "failed", "failed": message }))
        }
        (JobEnd::Failed(_), _) => refuse("internal_error"),
    }
}

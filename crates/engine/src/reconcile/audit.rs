//! What the audit is told about syncs: PingOne's action types (facts: five of them), and three of ours for held runs.
//!
//! PingOne tells no success of a single identity, and neither does this: a run that goes well is told once, when it
//! starts. A failure is told when it is new, not at every try.

use usher_domain::{
    EventId, GroupId, Problem, Timestamp, UserId,
    directory::{
        audit::{Actor, Event, Resource},
        group::Group,
        user::User,
    },
    provisioning::rule::{Direction, Rule},
    reconcile::{operation::Action, run::Run, scope::Subject},
    time::Ids,
};

/// A run of the rule started.
pub(crate) const STARTED: &str = "PROVISIONING_SYNC.STARTED";
/// A run came to nothing.
pub(crate) fn failure(direction: Direction) -> &'static str {
    match direction {
        Direction::Outbound => "PROVISIONING_SYNC.FAILURE",
        Direction::Inbound => "PROVISIONING_POLL.FAILURE",
    }
}
/// Ours: the guard holds a run.
pub(crate) const HELD: &str = "PROVISIONING_SYNC.HELD";
/// Ours: a person approved it.
pub(crate) const APPROVED: &str = "PROVISIONING_SYNC.APPROVED";
/// Ours: a person cancelled it.
pub(crate) const CANCELLED: &str = "PROVISIONING_SYNC.CANCELLED";

/// An event about a run as a whole.
pub(crate) fn about_run(
    rule: &Rule,
    run: &Run,
    action: &str,
    actor: Actor,
    description: String,
    now: Timestamp,
    ids: &dyn Ids,
) -> Event {
    Event {
        id: EventId(ids.next()),
        environment: rule.environment,
        recorded_at: now,
        correlation_id: Some(run.id.to_string()),
        actor,
        action: action.to_owned(),
        resources: vec![Resource {
            kind: "PROVISIONING_IDENTITY_RULE".to_owned(),
            id: rule.id.to_string(),
            name: rule.name.clone(),
            population: None,
            path: format!("/propagation/rules/{}", rule.id),
        }],
        status: if action.ends_with(".FAILURE") { "FAILED" } else { "SUCCESS" }.to_owned(),
        description,
        changes: None,
    }
}

/// What failed about a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Identity,
    Group,
    Membership,
}

impl What {
    /// What an operation is about.
    pub(crate) fn of(action: &Action) -> What {
        match action {
            Action::RemoveMember { .. }
            | Action::AddMember { .. }
            | Action::ForgetMember { .. }
            | Action::LeaveGroup { .. }
            | Action::JoinGroup { .. } => What::Membership,
            Action::CreateGroup { .. }
            | Action::LinkGroup { .. }
            | Action::RenameGroup { .. }
            | Action::UnlinkGroup { .. }
            | Action::DeleteGroup { .. }
            | Action::CreateDirectoryGroup { .. }
            | Action::RenameDirectoryGroup { .. }
            | Action::DeleteDirectoryGroup { .. } => What::Group,
            _ => What::Identity,
        }
    }

    /// What a subject is about when no operation says it.
    pub(crate) fn of_subject(subject: Subject) -> What {
        match subject {
            Subject::User(_) => What::Identity,
            Subject::Group(_) => What::Group,
        }
    }

    fn action(self) -> &'static str {
        match self {
            What::Identity => "PROVISIONING_IDENTITY_SYNC.FAILURE",
            What::Group => "PROVISIONING_GROUP_SYNC.FAILURE",
            What::Membership => "PROVISIONING_GROUP_MEMBERSHIP_SYNC.FAILURE",
        }
    }
}

/// A subject's failure. `user` and `group` are the directory's, if it still has them; `label` names the subject
/// otherwise.
pub(crate) struct Failure<'a> {
    pub what: What,
    pub subject: Subject,
    pub label: &'a str,
    pub user: Option<&'a User>,
    pub group: Option<&'a Group>,
    pub problem: &'a Problem,
}

impl Failure<'_> {
    /// The event that tells it.
    pub(crate) fn event(&self, rule: &Rule, run: &Run, now: Timestamp, ids: &dyn Ids) -> Event {
        let resource = match self.subject {
            Subject::User(id) => self.user_resource(id),
            Subject::Group(id) => self.group_resource(id),
        };
        let mut event =
            about_run(rule, run, self.what.action(), Actor::System, self.problem.to_string(), now, ids);
        event.status = "FAILED".to_owned();
        event.resources.insert(0, resource);
        event
    }

    fn user_resource(&self, id: UserId) -> Resource {
        Resource {
            kind: "USER".to_owned(),
            id: id.to_string(),
            name: self.user.map_or(self.label, |user| &user.username).to_owned(),
            population: self.user.map(|user| user.population.to_string()),
            path: format!("/users/{id}"),
        }
    }

    fn group_resource(&self, id: GroupId) -> Resource {
        Resource {
            kind: "GROUP".to_owned(),
            id: id.to_string(),
            name: self.group.map_or(self.label, |group| &group.name).to_owned(),
            population: self.group.and_then(|group| group.population).map(|id| id.to_string()),
            path: format!("/groups/{id}"),
        }
    }
}

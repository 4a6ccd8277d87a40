//! The team's event log: what happened, in the order in which it becomes known. How an event is written is in
//! [`crate::routes`].

use std::sync::Arc;

use super::Team;
use super::group::ManagementType;
use super::member::{MemberState, Role};
use crate::ids::Ids;

/// What the log's own chance is drawn from, besides the team's seed: it must not move the team's ids.
const SALT: u64 = 0x00E7_E275;

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// An administrator, in the admin console.
    Admin,
    /// The app, by a call.
    App,
}

/// Where a member came to stand, as the log tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Active,
    Invited,
    MovedToAnotherTeam,
    Removed,
    Suspended,
}

impl From<MemberState> for Status {
    fn from(state: MemberState) -> Self {
        match state {
            MemberState::Active => Status::Active,
            MemberState::Invited => Status::Invited,
            MemberState::Suspended => Status::Suspended,
            MemberState::Removed => Status::Removed,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Status { before: Option<Status>, after: Status, kept_account: bool },
    Email { before: String, after: String },
    Name { before: (String, String), after: (String, String) },
    ExternalId { before: Option<String>, after: Option<String> },
    Role { before: Option<Role>, after: Option<Role> },
    GroupMade { management_type: ManagementType },
    GroupDeleted { management_type: ManagementType },
    GroupRenamed { before: String, after: String },
    GroupExternalId { before: Option<String>, after: Option<String> },
    GroupManagement { before: ManagementType, after: ManagementType },
    Joined { owner: bool },
    Left,
    Access { owner: bool },
}

impl What {
    /// `members` or `groups`.
    pub(crate) fn category(&self) -> &'static str {
        match self {
            What::Status { .. }
            | What::Email { .. }
            | What::Name { .. }
            | What::ExternalId { .. }
            | What::Role { .. } => "members",
            _ => "groups",
        }
    }
}

/// A member, as they were when it happened.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) team_member_id: String,
    pub(crate) account_id: Option<String>,
    pub(crate) email: String,
    pub(crate) display_name: String,
    pub(crate) external_id: Option<String>,
}

/// A group, as it was when it happened.
#[derive(Clone, Debug)]
pub(crate) struct Which {
    pub(crate) group_id: String,
    pub(crate) name: String,
    pub(crate) external_id: Option<String>,
}

/// One event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) at_ms: u64,
    pub(crate) by: Actor,
    pub(crate) member: Option<Who>,
    pub(crate) group: Option<Which>,
    pub(crate) what: What,
}

/// The log.
#[derive(Debug)]
pub(crate) struct EventLog {
    /// Who acts at present.
    pub(crate) actor: Actor,
    /// Off while the team is laid out: what was there before the simulator began has no events.
    pub(crate) kept: bool,
    /// Rises when every cursor that was given out is forgotten.
    pub(crate) generation: u32,
    /// What is known, in the order in which it became known; a place in it is never used again.
    known: Vec<Arc<Event>>,
    /// What happened and is not known yet, with the time from when on it is.
    late: Vec<(u64, Arc<Event>)>,
    chance: Ids,
}

impl EventLog {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            actor: Actor::Admin,
            kept: false,
            generation: 0,
            known: Vec::new(),
            late: Vec::new(),
            chance: Ids::seeded(seed ^ SALT),
        }
    }
}

impl Team {
    /// What is known of the log by now.
    pub(crate) fn known_events(&mut self) -> &[Arc<Event>] {
        let now = self.now_ms();
        let log = &mut self.log;
        let mut fresh = Vec::new();
        for (from_ms, event) in std::mem::take(&mut log.late) {
            if from_ms > now {
                log.late.push((from_ms, event));
                continue;
            }
            if log.chance.happens(self.switches.events_repeated) {
                fresh.push(Arc::clone(&event));
            }
            fresh.push(event);
        }
        if !self.switches.events_in_order {
            log.chance.shuffle(&mut fresh);
        }
        log.known.append(&mut fresh);
        &log.known
    }

    /// How many events there are, known or not yet.
    pub fn event_count(&self) -> usize {
        self.log.known.len() + self.log.late.len()
    }

    /// Every cursor of the event log that was given out so far is answered with `reset` from now on.
    pub fn forget_event_cursors(&mut self) {
        self.log.generation += 1;
    }

    /// Writes down what happened to a member, a group, or a member in a group.
    pub(crate) fn tell(&mut self, what: What, member: Option<usize>, group: Option<usize>) {
        if !self.log.kept {
            return;
        }
        let at_ms = self.now_ms();
        let member = member.map(|at| {
            let member = &self.members[at];
            let has_account = member.state != MemberState::Invited || self.switches.invited_have_account_id;
            Who {
                team_member_id: member.team_member_id.clone(),
                account_id: has_account.then(|| member.account_id.clone()),
                email: member.email.clone(),
                display_name: member.display_name(),
                external_id: member.external_id.clone(),
            }
        });
        let group = group.map(|at| {
            let group = &self.groups[at];
            Which {
                group_id: group.group_id.clone(),
                name: group.name.clone(),
                external_id: group.external_id.clone(),
            }
        });
        let log = &mut self.log;
        let known_from_ms = at_ms + log.chance.below(self.switches.events_late_ms.saturating_add(1));
        log.late.push((known_from_ms, Arc::new(Event { at_ms, by: log.actor, member, group, what })));
    }
}

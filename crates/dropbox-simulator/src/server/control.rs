//! The control plane below `/_simulator/`: for demonstrations and for tests that are not written in Rust.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /_simulator/state` | how many members and groups there are, licences, the time, complaints |
//! | `GET /_simulator/members` | everyone: e-mail, state, external id, names of their groups |
//! | `GET`, `DELETE /_simulator/calls` | what was asked; forgets it |
//! | `POST`, `DELETE /_simulator/faults` | orders a fault; orders none |
//! | `POST /_simulator/people` | a person acts |
//! | `POST /_simulator/clock` | `{"advance_ms": 1000}` |
//! | `POST /_simulator/event_log` | `{"in_order": true, "late_ms": 5000, "repeated": 0.5, "forget_cursors": true}`, or some of it |
//!
//! A fault is `{"target": "team/members/suspend", "trigger": {"nth": 2}, "fault": "reset", "when": "after_effect"}`;
//! an act is `{"accept_invitation": {"email": "ada@example.com"}}`.

use axum::http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Shared;
use super::answer::Answer;
use crate::faults::{Fault, Target, Trigger, When};
use crate::team::builder::{GroupSeed, MemberSeed};
use crate::team::group::ManagementType;
use crate::team::member::MemberState;
use crate::team::{NotPossible, Team};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultOrder {
    target: Target,
    trigger: Trigger,
    fault: Fault,
    when: When,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockOrder {
    advance_ms: u64,
}

/// How the event log is from now on; what is left out stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLogOrder {
    in_order: Option<bool>,
    late_ms: Option<u64>,
    repeated: Option<f64>,
    members_by_id: Option<bool>,
    #[serde(default)]
    forget_cursors: bool,
}

impl EventLogOrder {
    fn obey(self, team: &mut Team) {
        let switches = &mut team.switches;
        switches.events_in_order = self.in_order.unwrap_or(switches.events_in_order);
        switches.events_late_ms = self.late_ms.unwrap_or(switches.events_late_ms);
        switches.events_repeated = self.repeated.unwrap_or(switches.events_repeated);
        switches.events_name_members_by_id = self.members_by_id.unwrap_or(switches.events_name_members_by_id);
        if self.forget_cursors {
            team.forget_event_cursors();
        }
    }
}

/// What a person does.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Act {
    AddMember {
        email: String,
        given_name: String,
        surname: String,
        #[serde(default)]
        external_id: Option<String>,
        #[serde(default)]
        invited: bool,
    },
    AddGroup {
        name: String,
        #[serde(default)]
        user_managed: bool,
        #[serde(default)]
        members: Vec<String>,
    },
    AcceptInvitation {
        email: String,
    },
    AcceptAllInvitations,
    Suspend {
        email: String,
    },
    Unsuspend {
        email: String,
    },
    Remove {
        email: String,
    },
    Rename {
        email: String,
        given_name: String,
        surname: String,
    },
    ChangeEmail {
        email: String,
        new_email: String,
    },
    ChangeExternalId {
        email: String,
        #[serde(default)]
        external_id: Option<String>,
    },
    LeaveForAnotherTeam {
        email: String,
    },
    DeleteGroup {
        name: String,
    },
    RenameGroup {
        name: String,
        new_name: String,
    },
    JoinGroup {
        name: String,
        email: String,
    },
    LeaveGroup {
        name: String,
        email: String,
    },
    RevokeAuthorization,
    ExpireAccessTokens,
}

/// Answers a request whose path, below `/_simulator/`, is `what`.
pub(super) fn control(shared: &Shared, method: &Method, what: &str, body: &[u8]) -> Answer {
    let done = || Answer::json(200, b"null".to_vec());
    let answer = |value: Value| Answer::json(200, value.to_string().into_bytes());
    let outcome = match (method.as_str(), what) {
        ("GET", "state") => Ok(answer(state(shared))),
        ("GET", "members") => Ok(answer(members(&shared.team()))),
        ("GET", "calls") => Ok(answer(json!({
            "total": shared.calls.total(),
            "token_refreshes": shared.calls.token_refreshes(),
            "counts": shared.calls.counts(),
            "list": shared.calls.list(),
        }))),
        ("DELETE", "calls") => {
            shared.calls.clear();
            Ok(done())
        }
        ("POST", "faults") => parse::<FaultOrder>(body).map(|order| {
            shared.faults.on(order.target, order.trigger, order.fault, order.when);
            done()
        }),
        ("DELETE", "faults") => {
            shared.faults.clear();
            Ok(done())
        }
        ("POST", "people") => parse::<Act>(body).and_then(|act| {
            perform(&mut shared.team(), act)
                .map(|()| done())
                .map_err(|why| Answer::text(409, why.to_string()))
        }),
        ("POST", "event_log") => parse::<EventLogOrder>(body).map(|order| {
            order.obey(&mut shared.team());
            done()
        }),
        ("POST", "clock") => parse::<ClockOrder>(body).map(|order| {
            shared.team().clock.advance(order.advance_ms);
            done()
        }),
        _ => Err(Answer::text(404, format!("There is no {method} /_simulator/{what}."))),
    };
    outcome.unwrap_or_else(|answer| answer)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| Answer::text(400, error.to_string()))
}

fn state(shared: &Shared) -> Value {
    let complaints = shared.complaints();
    let team = shared.team();
    json!({
        "now_ms": team.now_ms(),
        "licences": team.settings.licences,
        "used_licences": team.used_licences(),
        "active": team.count(MemberState::Active),
        "invited": team.count(MemberState::Invited),
        "suspended": team.count(MemberState::Suspended),
        "removed": team.count(MemberState::Removed),
        "groups": team.groups().count(),
        "events": team.event_count(),
        "memberships": team.groups().map(|group| group.members.len()).sum::<usize>(),
        "wipes": team.wipes.iter().filter(|wipe| wipe.wipe_data).count(),
        "faults_fired": shared.faults.fired(),
        "complaints": complaints,
    })
}

fn members(team: &Team) -> Value {
    let shown = team.members.iter().map(|member| {
        let groups: Vec<&str> = member.groups.iter().map(|at| team.groups[*at].name.as_str()).collect();
        json!({
            "team_member_id": member.team_member_id,
            "email": member.email,
            "given_name": member.given_name,
            "surname": member.surname,
            "external_id": member.external_id,
            "state": format!("{:?}", member.state).to_lowercase(),
            "groups": groups,
        })
    });
    Value::Array(shown.collect())
}

fn perform(team: &mut Team, act: Act) -> Result<(), NotPossible> {
    match act {
        Act::AddMember { email, given_name, surname, external_id, invited } => {
            team.check_free(&email, external_id.as_deref())?;
            let state = if invited { MemberState::Invited } else { MemberState::Active };
            let seed = MemberSeed { external_id, state, ..MemberSeed::new(&email, &given_name, &surname) };
            team.add_member(seed);
            Ok(())
        }
        Act::AddGroup { name, user_managed, members } => {
            team.check_group_free(&name, &members)?;
            let management_type = match user_managed {
                true => ManagementType::UserManaged,
                false => ManagementType::CompanyManaged,
            };
            team.add_group(GroupSeed { members, management_type, ..GroupSeed::new(&name, &[]) });
            Ok(())
        }
        Act::AcceptInvitation { email } => team.accept_invitation(&email),
        Act::AcceptAllInvitations => {
            team.accept_all_invitations();
            Ok(())
        }
        Act::Suspend { email } => team.suspend_by_person(&email),
        Act::Unsuspend { email } => team.unsuspend_by_person(&email),
        Act::Remove { email } => team.remove_by_person(&email),
        Act::Rename { email, given_name, surname } => team.rename_by_person(&email, &given_name, &surname),
        Act::ChangeEmail { email, new_email } => team.change_email_by_person(&email, &new_email),
        Act::ChangeExternalId { email, external_id } => {
            team.change_external_id_by_person(&email, external_id.as_deref())
        }
        Act::LeaveForAnotherTeam { email } => team.leave_for_another_team(&email),
        Act::DeleteGroup { name } => team.delete_group_by_person(&name),
        Act::RenameGroup { name, new_name } => team.rename_group_by_person(&name, &new_name),
        Act::JoinGroup { name, email } => team.join_group_by_person(&name, &email),
        Act::LeaveGroup { name, email } => team.leave_group_by_person(&name, &email),
        Act::RevokeAuthorization => {
            team.revoke_authorization();
            Ok(())
        }
        Act::ExpireAccessTokens => {
            team.expire_access_tokens();
            Ok(())
        }
    }
}

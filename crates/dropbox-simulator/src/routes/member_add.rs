//! `members/add_v2` and `members/send_welcome_email`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::arg::UserSelector;
use super::jobs::{self, JobKind};
use super::wire::{TaggedMemberInfo, member_info};
use super::{Answered, Ask, Refusal, result};
use crate::team::Team;
use crate::team::member::{MemberState, Role};

#[derive(Deserialize)]
struct AddArg {
    new_members: Vec<NewMember>,
    force_async: bool,
}

#[derive(Deserialize)]
struct NewMember {
    member_email: String,
    member_given_name: Option<String>,
    member_surname: Option<String>,
    member_external_id: Option<String>,
    member_persistent_id: Option<String>,
    send_welcome_email: bool,
    is_directory_restricted: Option<bool>,
    role_ids: Option<Vec<String>>,
}

pub(super) fn add(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: AddArg = ask.arg()?;
    let most = team.switches.max_new_members;
    if arg.new_members.len() > most {
        return Err(Refusal::BadInput(format!(
            "new_members: at most {most} members can be added at once, got {}",
            arg.new_members.len()
        )));
    }
    let order = jobs::order(ask, team, arg.force_async);
    let mut outcomes = Vec::new();
    if order.as_ref().is_none_or(|order| order.works) {
        for new in arg.new_members {
            outcomes.push(add_one(team, new)?);
        }
    }
    match order {
        Some(order) => jobs::launch(team, JobKind::MembersAdd, order, Value::Array(outcomes)),
        None => result(&json!({ ".tag": "complete", "complete": outcomes })),
    }
}

/// What became of one of them. A failure is told in the e-mail's own words, as it was sent.
fn add_one(team: &mut Team, new: NewMember) -> Result<Value, Refusal> {
    let failed = |tag: &str| {
        let mut outcome = json!({ ".tag": tag });
        outcome[tag] = json!(new.member_email);
        Ok(outcome)
    };
    let email = new.member_email.to_lowercase();
    let external_id = new.member_external_id.clone().filter(|id| !id.is_empty());
    let role = match new.role_ids.as_deref() {
        None | Some([]) => None,
        Some([id, ..]) => match Role::by_id(id) {
            Some(role) => Some(role),
            // No tag says "no such role" here (inferred).
            None => return failed("user_creation_failed"),
        },
    };
    if team.holder_of_email(&email).is_some() {
        return failed("user_already_on_team");
    }
    if team.settings.on_another_team.contains(&email) {
        return failed("user_on_another_team");
    }
    if external_id.as_ref().is_some_and(|id| team.holder_of_external_id(id).is_some()) {
        return failed("duplicate_external_member_id");
    }
    if let Some(persistent_id) = &new.member_persistent_id {
        if !team.switches.persistent_ids {
            return failed("persistent_id_disabled");
        }
        if team.holder_of_persistent_id(persistent_id).is_some() {
            return failed("duplicate_member_persistent_id");
        }
    }
    if !team.has_licence_for(MemberState::Invited) {
        return failed("team_license_limit");
    }
    let mut member = team.newcomer(
        email,
        new.member_given_name.unwrap_or_default(),
        new.member_surname.unwrap_or_default(),
    );
    member.external_id = external_id;
    member.persistent_id = new.member_persistent_id;
    member.is_directory_restricted = new.is_directory_restricted;
    member.role = role;
    member.welcome_emails = u32::from(new.send_welcome_email);
    let at = team.enrol(member);
    let info = TaggedMemberInfo { tag: "success", info: member_info(team, at) };
    serde_json::to_value(info)
        .map_err(|error| Refusal::Broken(format!("a member cannot be written: {error}")))
}

/// The whole argument is the selector. Does nothing for someone who is not pending.
pub(super) fn send_welcome_email(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let user: UserSelector = ask.arg()?;
    let at = user.on_team(team)?;
    if team.members[at].state == MemberState::Invited {
        team.members[at].welcome_emails += 1;
    }
    result(&Value::Null)
}

//! Reading members, and changing what is known of them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arg::{Found, UserSelector};
use super::wire::{TaggedMemberInfo, WireRole, member_info};
use super::{Answered, Ask, refuse, result};
use crate::team::Team;
use crate::team::member::{MemberState, Role};

#[derive(Deserialize)]
struct GetInfoArg {
    members: Vec<UserSelector>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Info<'a> {
    Member(Box<TaggedMemberInfo<'a>>),
    NotFound(Value),
}

#[derive(Serialize)]
struct GetInfoResult<'a> {
    members_info: Vec<Info<'a>>,
}

pub(super) fn get_info(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: GetInfoArg = ask.arg()?;
    let members_info: Vec<Info<'_>> = arg
        .members
        .iter()
        .map(|user| {
            let at = match user.find(team) {
                Found::Member(at) => Some(at),
                Found::Removed(at) if user.is_by_id() && team.switches.removed_visible_by_id => Some(at),
                _ => None,
            };
            match at {
                Some(at) => {
                    let info = TaggedMemberInfo { tag: "member_info", info: member_info(team, at) };
                    Info::Member(Box::new(info))
                }
                None => Info::NotFound(json!({ ".tag": "id_not_found", "id_not_found": user.value() })),
            }
        })
        .collect();
    result(&GetInfoResult { members_info })
}

pub(super) fn get_roles(_: &Ask<'_>, _: &mut Team) -> Answered {
    result(&json!({ "roles": Role::ALL.map(WireRole::from) }))
}

#[derive(Deserialize)]
struct SetProfileArg {
    user: UserSelector,
    new_email: Option<String>,
    new_external_id: Option<String>,
    new_given_name: Option<String>,
    new_surname: Option<String>,
    new_persistent_id: Option<String>,
    new_is_directory_restricted: Option<bool>,
}

pub(super) fn set_profile(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: SetProfileArg = ask.arg()?;
    let at = match arg.user.find(team) {
        Found::Member(at) => at,
        // "Modifying deleted users is not allowed."
        Found::Removed(_) => return refuse("set_profile_disallowed"),
        Found::Elsewhere => return refuse("user_not_in_team"),
        Found::Nobody => return refuse("user_not_found"),
    };
    let by_external_id = matches!(arg.user, UserSelector::ExternalId { .. });
    if by_external_id && arg.new_external_id.is_some() {
        return refuse("external_id_and_new_external_id_unsafe");
    }
    let says_something = [&arg.new_email, &arg.new_external_id, &arg.new_given_name, &arg.new_surname]
        .into_iter()
        .chain([&arg.new_persistent_id])
        .any(Option::is_some)
        || arg.new_is_directory_restricted.is_some();
    if !says_something {
        return refuse("no_new_data_specified");
    }
    // Everything is checked before anything is changed: a refused call changes nothing.
    let new_email =
        arg.new_email.map(|email| email.to_lowercase()).filter(|new| *new != team.members[at].email);
    if let Some(email) = &new_email {
        let taken = team.holder_of_email(email).is_some_and(|other| other != at);
        if taken || team.settings.on_another_team.contains(email) {
            return refuse("email_reserved_for_other_user");
        }
        if team.members[at].state == MemberState::Invited && !team.switches.invited_email_can_change {
            return refuse("set_profile_disallowed");
        }
    }
    if let Some(external_id) = &arg.new_external_id
        && team.holder_of_external_id(external_id).is_some_and(|other| other != at)
    {
        return refuse("external_id_used_by_other_user");
    }
    if let Some(persistent_id) = &arg.new_persistent_id {
        if !team.switches.persistent_ids {
            return refuse("persistent_id_disabled");
        }
        if team.holder_of_persistent_id(persistent_id).is_some_and(|other| other != at) {
            return refuse("persistent_id_used_by_other_user");
        }
    }
    if arg.new_is_directory_restricted.is_some() && !team.switches.directory_restrictions {
        return refuse("directory_restricted_off");
    }
    if let Some(email) = new_email {
        team.set_email(at, email);
    }
    if let Some(external_id) = arg.new_external_id {
        team.set_external_id(at, external_id);
    }
    team.set_name(at, arg.new_given_name, arg.new_surname);
    let member = &mut team.members[at];
    if let Some(persistent_id) = arg.new_persistent_id {
        member.persistent_id = Some(persistent_id).filter(|id| !id.is_empty());
    }
    if let Some(restricted) = arg.new_is_directory_restricted {
        member.is_directory_restricted = Some(restricted);
    }
    result(&json!({ "member_info": member_info(team, at) }))
}

#[derive(Deserialize)]
struct SetPermissionsArg {
    user: UserSelector,
    new_roles: Option<Vec<String>>,
}

/// No roles at all changes nothing (inferred); an empty list makes an ordinary member.
pub(super) fn set_admin_permissions(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: SetPermissionsArg = ask.arg()?;
    let at = arg.user.on_team(team)?;
    if let Some(roles) = arg.new_roles {
        let role = match roles.first().map(|id| Role::by_id(id)) {
            None => None,
            Some(Some(role)) => Some(role),
            Some(None) => return refuse("role_not_found"),
        };
        if team.members[at].state == MemberState::Suspended {
            return refuse("cannot_set_permissions");
        }
        if role != Some(Role::TeamAdmin) && team.is_last_admin(at) {
            return refuse("last_admin");
        }
        team.set_role(at, role);
    }
    let member = &team.members[at];
    let roles: Vec<WireRole> = member.role.into_iter().map(WireRole::from).collect();
    result(&json!({ "team_member_id": member.team_member_id, "roles": roles }))
}

//! Who is in a group. Every call does all or nothing.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::arg::{Found, GroupSelector, UserSelector};
use super::wire::{GroupFullInfo, TaggedGroupInfo, group_info};
use super::{Answered, Ask, Refusal, refuse, refuse_with, result};
use crate::team::Team;
use crate::team::group::{AccessType, ManagementType};
use crate::team::member::MemberState;

#[derive(Deserialize)]
struct AddArg {
    group: GroupSelector,
    members: Vec<MemberAccess>,
    return_members: bool,
}

#[derive(Deserialize)]
struct MemberAccess {
    user: UserSelector,
    access_type: AccessType,
}

#[derive(Deserialize)]
struct RemoveArg {
    group: GroupSelector,
    users: Vec<UserSelector>,
    return_members: bool,
}

#[derive(Deserialize)]
struct AccessArg {
    group: GroupSelector,
    user: UserSelector,
    access_type: AccessType,
    return_members: bool,
}

/// `GroupMembersChangeResult`.
#[derive(Serialize)]
struct Changed<'a> {
    group_info: GroupFullInfo<'a>,
    /// Of old: always one space, never to be polled.
    async_job_id: &'static str,
}

fn changed(team: &Team, group: usize, return_members: bool) -> Answered {
    result(&Changed { group_info: group_info(team, group, return_members), async_job_id: " " })
}

pub(super) fn add(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: AddArg = ask.arg()?;
    let group = arg.group.changeable(team)?;
    check_length(team, "members", arg.members.len())?;
    let joining = everyone(team, arg.members.iter().map(|each| &each.user))?;
    if !team.switches.invited_may_join_groups {
        let invited = |(at, _): &(&usize, &MemberAccess)| team.members[**at].state == MemberState::Invited;
        let too_early: Vec<&str> =
            joining.iter().zip(&arg.members).filter(invited).map(|(_, each)| each.user.value()).collect();
        if !too_early.is_empty() {
            return refuse_with("members_not_in_team", too_early);
        }
    }
    let owners: Vec<(usize, &str)> = joining
        .iter()
        .zip(&arg.members)
        .filter(|(_, each)| each.access_type == AccessType::Owner)
        .map(|(at, each)| (*at, each.user.value()))
        .collect();
    if !owners.is_empty() && team.groups[group].management_type == ManagementType::CompanyManaged {
        let names: Vec<&str> = owners.iter().map(|(_, name)| *name).collect();
        return refuse_with("user_cannot_be_manager_of_company_managed_group", names);
    }
    if owners.iter().any(|(at, _)| team.members[*at].state != MemberState::Active) {
        return refuse("user_must_be_active_to_be_owner");
    }
    let mut seen = HashSet::new();
    if joining.iter().any(|at| team.groups[group].members.contains_key(at) || !seen.insert(*at)) {
        return refuse("duplicate_user");
    }
    for (at, each) in joining.iter().zip(&arg.members) {
        team.join(group, *at, each.access_type);
    }
    changed(team, group, arg.return_members)
}

pub(super) fn remove(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: RemoveArg = ask.arg()?;
    let group = arg.group.changeable(team)?;
    check_length(team, "users", arg.users.len())?;
    let leaving = everyone(team, arg.users.iter())?;
    let mut seen = HashSet::new();
    if leaving.iter().any(|at| !team.groups[group].members.contains_key(at) || !seen.insert(*at)) {
        return refuse("member_not_in_group");
    }
    for at in leaving {
        team.leave(group, at);
    }
    changed(team, group, arg.return_members)
}

pub(super) fn set_access_type(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: AccessArg = ask.arg()?;
    let group = arg.group.changeable(team)?;
    let in_group = match arg.user.find(team) {
        Found::Member(at) if team.groups[group].members.contains_key(&at) => Some(at),
        _ => None,
    };
    let Some(at) = in_group else { return refuse("member_not_in_group") };
    let company = team.groups[group].management_type == ManagementType::CompanyManaged;
    if arg.access_type == AccessType::Owner && company {
        return refuse("user_cannot_be_manager_of_company_managed_group");
    }
    team.join(group, at, arg.access_type);
    result(&[TaggedGroupInfo { tag: "group_info", info: group_info(team, group, arg.return_members) }])
}

/// The members that are named, in order; or everyone who is unknown, else everyone who is not on the team.
fn everyone<'a>(team: &Team, users: impl Iterator<Item = &'a UserSelector>) -> Result<Vec<usize>, Refusal> {
    let (mut members, mut unknown, mut outside) = (Vec::new(), Vec::new(), Vec::new());
    for user in users {
        match user.find(team) {
            Found::Member(at) => members.push(at),
            Found::Removed(_) | Found::Elsewhere => outside.push(user.value()),
            Found::Nobody => unknown.push(user.value()),
        }
    }
    if !unknown.is_empty() {
        return refuse_with("users_not_found", unknown);
    }
    if !outside.is_empty() {
        return refuse_with("members_not_in_team", outside);
    }
    Ok(members)
}

fn check_length(team: &Team, field: &str, length: usize) -> Result<(), Refusal> {
    match team.switches.max_group_members_per_call {
        Some(most) if length > most => {
            Err(Refusal::BadInput(format!("{field}: at most {most} are taken at once, got {length}")))
        }
        _ => Ok(()),
    }
}

//! Reading, making, changing and deleting groups. Their members are in `group_members`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arg::GroupSelector;
use super::jobs::{self, JobKind};
use super::wire::{TaggedGroupInfo, group_info};
use super::{Answered, Ask, Refusal, refuse, result};
use crate::team::Team;
use crate::team::group::{AccessType, ManagementType};

#[derive(Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
enum GroupsSelector {
    GroupIds { group_ids: Vec<String> },
    GroupExternalIds { group_external_ids: Vec<String> },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Info<'a> {
    Group(TaggedGroupInfo<'a>),
    NotFound(Value),
}

pub(super) fn get_info(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let (ids, index) = match ask.arg()? {
        GroupsSelector::GroupIds { group_ids } => (group_ids, &team.group_by_id),
        GroupsSelector::GroupExternalIds { group_external_ids } => {
            (group_external_ids, &team.group_by_external_id)
        }
    };
    let infos: Vec<Info<'_>> = ids
        .iter()
        .map(|id| match index.get(id).filter(|at| !team.groups[**at].is_deleted) {
            Some(at) => Info::Group(TaggedGroupInfo { tag: "group_info", info: group_info(team, *at, true) }),
            None => Info::NotFound(json!({ ".tag": "id_not_found", "id_not_found": id })),
        })
        .collect();
    result(&infos)
}

#[derive(Deserialize)]
struct CreateArg {
    group_name: String,
    add_creator_as_owner: bool,
    group_external_id: Option<String>,
    group_management_type: Option<ManagementType>,
}

pub(super) fn create(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: CreateArg = ask.arg()?;
    let default = match team.switches.groups_are_company_managed_by_default {
        true => ManagementType::CompanyManaged,
        false => ManagementType::UserManaged,
    };
    let management_type = arg.group_management_type.unwrap_or(default);
    if management_type == ManagementType::SystemManaged {
        return refuse("system_managed_group_disallowed");
    }
    check_name(team, &arg.group_name, None)?;
    let external_id = arg.group_external_id.filter(|id| !id.is_empty());
    check_external_id(team, external_id.as_deref(), None)?;
    let group = team.empty_group(arg.group_name, management_type, external_id);
    let at = team.found_group(group);
    // Nobody owns a company-managed group.
    if arg.add_creator_as_owner && management_type == ManagementType::UserManaged {
        team.join(at, team.admin, AccessType::Owner);
    }
    result(&group_info(team, at, true))
}

#[derive(Deserialize)]
struct UpdateArg {
    group: GroupSelector,
    return_members: bool,
    new_group_name: Option<String>,
    new_group_external_id: Option<String>,
    new_group_management_type: Option<ManagementType>,
}

pub(super) fn update(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: UpdateArg = ask.arg()?;
    let at = arg.group.changeable(team)?;
    if arg.new_group_management_type == Some(ManagementType::SystemManaged) {
        return refuse("system_managed_group_disallowed");
    }
    if let Some(name) = &arg.new_group_name {
        check_name(team, name, Some(at))?;
    }
    check_external_id(team, arg.new_group_external_id.as_deref(), Some(at))?;
    if let Some(name) = arg.new_group_name {
        team.rename_group(at, name);
    }
    if let Some(external_id) = arg.new_group_external_id {
        team.set_group_external_id(at, external_id);
    }
    if let Some(management_type) = arg.new_group_management_type {
        team.set_management(at, management_type);
    }
    result(&group_info(team, at, arg.return_members))
}

/// The whole argument is the selector.
pub(super) fn delete(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let group: GroupSelector = ask.arg()?;
    if let Some(at) = group.find(team)
        && team.groups[at].is_deleted
        && team.switches.deleted_group_is_remembered
    {
        return refuse("group_already_deleted");
    }
    let at = group.changeable(team)?;
    let order = jobs::order(ask, team, team.switches.group_delete_is_a_job);
    if order.as_ref().is_none_or(|order| order.works) {
        team.delete_group(at);
    }
    match order {
        Some(order) => jobs::launch(team, JobKind::Groups, order, Value::Null),
        None => result(&json!({ ".tag": "complete" })),
    }
}

fn check_name(team: &Team, name: &str, own: Option<usize>) -> Result<(), Refusal> {
    let empty = name.trim().is_empty();
    if empty || name.chars().any(char::is_control) || name.chars().count() > team.switches.max_group_name {
        return refuse("group_name_invalid");
    }
    match team.group_by_name.get(&team.group_key(name)) {
        Some(other) if Some(*other) != own => refuse("group_name_already_used"),
        _ => Ok(()),
    }
}

fn check_external_id(team: &Team, external_id: Option<&str>, own: Option<usize>) -> Result<(), Refusal> {
    match external_id.and_then(|id| team.group_by_external_id.get(id)) {
        Some(other) if Some(*other) != own => refuse("external_id_already_in_use"),
        _ => Ok(()),
    }
}

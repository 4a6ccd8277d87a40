//! Suspending and removing members, and taking both back.

use serde::Deserialize;
use serde_json::Value;

use super::arg::{Found, UserSelector};
use super::jobs::{self, JobKind};
use super::{Answered, Ask, Refusal, refuse, result};
use crate::team::member::{MemberState, Role};
use crate::team::{Team, Wipe};

/// Longer than this, an address cannot be changed so that it is out of the way: 255, less what is put after it.
const LONGEST_EMAIL_TO_DISABLE: usize = 230;

#[derive(Deserialize)]
struct UserArg {
    user: UserSelector,
}

#[derive(Deserialize)]
struct SuspendArg {
    user: UserSelector,
    wipe_data: bool,
}

pub(super) fn suspend(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: SuspendArg = ask.arg()?;
    let at = arg.user.on_team(team)?;
    // The invited are not active either, nor is who is suspended already.
    if team.members[at].state != MemberState::Active {
        return refuse("suspend_inactive_user");
    }
    if team.is_last_admin(at) {
        return refuse("suspend_last_admin");
    }
    team.suspend(at);
    remember_wipe(ask, team, "team/members/suspend", at, arg.wipe_data);
    result(&Value::Null)
}

pub(super) fn unsuspend(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: UserArg = ask.arg()?;
    let at = arg.user.on_team(team)?;
    if team.members[at].state != MemberState::Suspended {
        return refuse("unsuspend_non_suspended_member");
    }
    // Who kept a licence while suspended needs no new one.
    if !team.switches.suspended_use_licence && !team.has_licence_for(MemberState::Active) {
        return refuse("team_license_limit");
    }
    team.unsuspend(at);
    result(&Value::Null)
}

pub(super) fn recover(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: UserArg = ask.arg()?;
    let at = match arg.user.find(team) {
        Found::Removed(at) if team.members[at].is_recoverable(team.now_ms()) => at,
        Found::Removed(_) | Found::Member(_) => return refuse("user_unrecoverable"),
        Found::Elsewhere => return refuse("user_not_in_team"),
        Found::Nobody => return refuse("user_not_found"),
    };
    if !team.has_licence_for(team.members[at].state_before_removal) {
        return refuse("team_license_limit");
    }
    team.recover(at);
    result(&Value::Null)
}

#[derive(Deserialize)]
struct RemoveArg {
    user: UserSelector,
    wipe_data: bool,
    transfer_dest_id: Option<UserSelector>,
    transfer_admin_id: Option<UserSelector>,
    keep_account: bool,
    retain_team_shares: bool,
    permanently_delete_files: bool,
}

pub(super) fn remove(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: RemoveArg = ask.arg()?;
    let at = arg.user.on_team(team)?;
    check_keeping(&arg, team, at)?;
    check_transfer(&arg, team, at)?;
    if team.is_last_admin(at) {
        return refuse("remove_last_admin");
    }
    if team.members[at].email.len() > LONGEST_EMAIL_TO_DISABLE {
        return refuse("email_address_too_long_to_be_disabled");
    }
    let order = jobs::order(ask, team, team.switches.member_remove_is_a_job);
    if order.as_ref().is_none_or(|order| order.works) {
        // Files that were given away or deleted for good leave nothing to recover.
        let for_good = arg.permanently_delete_files || arg.transfer_dest_id.is_some();
        team.remove(at, arg.keep_account, for_good);
        remember_wipe(ask, team, "team/members/remove", at, arg.wipe_data);
    }
    match order {
        Some(order) => jobs::launch(team, JobKind::MembersRemove, order, Value::Null),
        None => result(&serde_json::json!({ ".tag": "complete" })),
    }
}

fn check_keeping(arg: &RemoveArg, team: &Team, at: usize) -> Result<(), Refusal> {
    if arg.keep_account {
        if team.members[at].state == MemberState::Invited {
            return refuse("cannot_keep_invited_user_account");
        }
        if arg.transfer_dest_id.is_some() {
            return refuse("cannot_keep_account_and_transfer");
        }
        if arg.wipe_data {
            return refuse("cannot_keep_account_and_delete_data");
        }
        if arg.permanently_delete_files {
            return refuse("cannot_keep_account_and_permanently_delete");
        }
        if team.members[team.admin].role != Some(Role::TeamAdmin) {
            return refuse("cannot_keep_account");
        }
    }
    if arg.retain_team_shares {
        if !arg.keep_account {
            return refuse("cannot_retain_shares_when_no_account_kept");
        }
        if arg.wipe_data {
            return refuse("cannot_retain_shares_when_data_wiped");
        }
        if !team.switches.external_sharing {
            return refuse("cannot_retain_shares_when_team_external_sharing_off");
        }
    }
    Ok(())
}

fn check_transfer(arg: &RemoveArg, team: &Team, at: usize) -> Result<(), Refusal> {
    if let Some(to) = &arg.transfer_dest_id {
        if arg.permanently_delete_files {
            return refuse("cannot_permanently_delete_and_transfer");
        }
        let to = match to.find(team) {
            Found::Member(to) => to,
            Found::Removed(_) | Found::Elsewhere => return refuse("transfer_dest_user_not_in_team"),
            Found::Nobody => return refuse("transfer_dest_user_not_found"),
        };
        if to == at {
            return refuse("removed_and_transfer_dest_should_differ");
        }
        if arg.transfer_admin_id.is_none() {
            return refuse("unspecified_transfer_admin_id");
        }
        if !team.members[to].email_verified {
            return refuse("recipient_not_verified");
        }
    }
    if let Some(admin) = &arg.transfer_admin_id {
        let admin = match admin.find(team) {
            Found::Member(admin) => admin,
            Found::Removed(_) | Found::Elsewhere => return refuse("transfer_admin_user_not_in_team"),
            Found::Nobody => return refuse("transfer_admin_user_not_found"),
        };
        if admin == at {
            return refuse("removed_and_transfer_admin_should_differ");
        }
        if team.members[admin].role != Some(Role::TeamAdmin) {
            return refuse("transfer_admin_is_not_admin");
        }
    }
    Ok(())
}

fn remember_wipe(ask: &Ask<'_>, team: &mut Team, route: &'static str, at: usize, wipe_data: bool) {
    let team_member_id = team.members[at].team_member_id.clone();
    let explicit = ask.sent.get("wipe_data").is_some();
    team.wipes.push(Wipe { route, team_member_id, wipe_data, explicit });
}

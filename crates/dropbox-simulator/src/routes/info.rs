//! `team/get_info` and `team/token/get_authenticated_admin`.

use serde_json::json;

use super::wire::team_member_profile;
use super::{Answered, Ask, refuse, result};
use crate::team::Team;

pub(super) fn get_info(_: &Ask<'_>, team: &mut Team) -> Answered {
    let tag = |tag: &str| json!({ ".tag": tag });
    result(&json!({
        "name": team.settings.name,
        "team_id": team.settings.team_id,
        "num_licensed_users": team.settings.licences,
        "num_provisioned_users": team.on_team(),
        "num_used_licenses": team.used_licences(),
        "policies": {
            "sharing": {
                "shared_folder_member_policy": tag(if team.switches.external_sharing { "anyone" } else { "team" }),
                "shared_folder_join_policy": tag("from_anyone"),
                "shared_link_create_policy": tag("default_team_only"),
                "group_creation_policy": tag("admins_only"),
                "shared_folder_link_restriction_policy": tag("members"),
                "enforce_link_password_policy": tag("optional"),
                "default_link_expiration_days_policy": tag("none"),
                "shared_link_default_permissions_policy": tag("default"),
            },
            "emm_state": tag("disabled"),
            "office_addin": tag("enabled"),
            "suggest_members_policy": tag("enabled"),
            "top_level_content_policy": tag("admin_only"),
        },
    }))
}

pub(super) fn get_authenticated_admin(_: &Ask<'_>, team: &mut Team) -> Answered {
    if !team.authoriser_is_active() {
        return refuse("admin_not_active");
    }
    result(&json!({ "admin_profile": team_member_profile(team, &team.members[team.admin]) }))
}

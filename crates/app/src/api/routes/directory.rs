//! Routes of the directory: environments, populations, users, groups, memberships, imports.

use serde_json::json;

use super::route::{Route, delete, get, patch, post, put};
use crate::{
    access::permission::Permission::{
        ReadConfiguration, ReadIdentities, WriteConfiguration, WriteIdentities,
    },
    api::{environments, explanation, groups, imports, memberships, populations, syncs, users},
};

/// The media type of a user with import settings, which PingOne has beside plain JSON.
const IMPORT: &str = "application/vnd.pingidentity.user.import+json";

/// See the module.
#[rustfmt::skip]
pub(super) fn table() -> Vec<Route> {
    let expand = json!({ "type": "string", "enum": ["group"] });
    let create_populations = json!({ "type": "boolean", "default": false });
    vec![
        get("", ReadConfiguration, environments::list).at("/v1/environments")
            .named("readAllEnvironments", "Lists the environments that the caller may see").filtered().lists("environments", "Environment"),
        get("", ReadConfiguration, environments::read)
            .named("readOneEnvironment", "Shows an environment").gives("Environment"),
        put("", WriteConfiguration, environments::replace)
            .named("updateEnvironment", "Replaces an environment's name and description").takes("EnvironmentBody").gives("Environment"),
        get("/guardDefaults", ReadConfiguration, environments::read_guard).ours()
            .named("readGuardDefaults", "Shows the guard's limits for rules that set none of their own").gives("GuardDefaults"),
        put("/guardDefaults", WriteConfiguration, environments::replace_guard).ours()
            .named("updateGuardDefaults", "Replaces the guard's limits for rules that set none of their own")
            .takes("GuardDefaultsBody").gives("GuardDefaults"),
        post("/exports", ReadConfiguration, environments::export).ours()
            .named("recordExport", "Records in the audit that the caller is about to export the configuration").gives("Environment"),

        get("/populations", ReadConfiguration, populations::list)
            .named("readAllPopulations", "Lists populations").filtered().pages("populations", "Population"),
        post("/populations", WriteConfiguration, populations::create)
            .named("createPopulation", "Makes a population").takes("PopulationBody").creates("Population"),
        get("/populations/{populationId}", ReadConfiguration, populations::read)
            .named("readOnePopulation", "Shows a population").gives("Population"),
        put("/populations/{populationId}", WriteConfiguration, populations::replace)
            .named("updatePopulation", "Replaces a population").takes("PopulationBody").gives("Population"),
        delete("/populations/{populationId}", WriteConfiguration, populations::remove)
            .named("deletePopulation", "Deletes a population in which nobody lives"),

        get("/users", ReadIdentities, users::list)
            .named("readAllUsers", "Lists users").filtered().pages("users", "User"),
        post("/users", WriteIdentities, users::create)
            .named("createUser", "Makes a user").takes("UserBody").takes_as(IMPORT, "UserBody").creates("User"),
        get("/users/{userId}", ReadIdentities, users::read)
            .named("readUser", "Shows a user")
            .reads("include", json!({ "type": "string", "pattern": "^((memberOfGroupIDs|memberOfGroupNames)(,(memberOfGroupIDs|memberOfGroupNames))*)?$" }), "Also shows the ids, or the names, of the groups that the user is in.")
            .gives("User"),
        put("/users/{userId}", WriteIdentities, users::replace)
            .named("updateUserPut", "Replaces a user; what is left out is cleared").takes("UserBody").gives("User"),
        patch("/users/{userId}", WriteIdentities, users::update)
            .named("updateUserPatch", "Changes a user; what is left out stays, null clears").takes("UserPatch").gives("User"),
        delete("/users/{userId}", WriteIdentities, users::remove)
            .named("deleteUser", "Deletes a user"),
        post("/users/{userId}", WriteIdentities, users::account)
            .named("userAccount", "Locks or unlocks a user's account; which of both is said by the media type")
            .takes_as(users::LOCK, "Nothing").takes_as(users::UNLOCK, "Nothing").body_is_optional().gives("User"),
        get("/users/{userId}/enabled", ReadIdentities, users::enabled)
            .named("readUserEnabled", "Shows whether a user is enabled").gives("Enabled"),
        put("/users/{userId}/enabled", WriteIdentities, users::set_enabled)
            .named("updateUserEnabled", "Enables or disables a user").takes("EnabledBody").gives("Enabled"),
        get("/users/{userId}/mfaEnabled", ReadIdentities, users::mfa_enabled)
            .named("readUserMFAEnabled", "Shows whether a user has a second factor").gives("MfaEnabled"),
        put("/users/{userId}/mfaEnabled", WriteIdentities, users::set_mfa_enabled)
            .named("updateUserMFAEnabled", "Says whether a user has a second factor").takes("MfaEnabledBody").gives("MfaEnabled"),
        get("/users/{userId}/population", ReadIdentities, users::population)
            .named("readUserPopulation", "Shows where a user lives").gives("Reference"),
        put("/users/{userId}/population", WriteIdentities, users::set_population)
            .named("updateUserPopulation", "Moves a user to another population").takes("ReferenceBody").gives("Reference"),
        get("/users/{userId}/memberOfGroups", ReadIdentities, memberships::list)
            .named("readAllGroupMembershipsForUser", "Lists the groups that a user is in").filtered()
            .reads("expand", expand.clone(), "Also shows each group itself.").pages("groupMemberships", "Membership"),
        post("/users/{userId}/memberOfGroups", WriteIdentities, memberships::add)
            .named("addUserToGroup", "Puts a user into a group").takes("ReferenceBody").creates("Membership"),
        get("/users/{userId}/memberOfGroups/{groupId}", ReadIdentities, memberships::read)
            .named("readOneGroupMembershipForUser", "Shows a user's membership of a group")
            .reads("expand", expand, "Also shows the group itself.").gives("Membership"),
        delete("/users/{userId}/memberOfGroups/{groupId}", WriteIdentities, memberships::remove)
            .named("removeUserFromGroup", "Takes a user out of a group"),
        get("/users/{userId}/explanation", ReadIdentities, explanation::explain).ours()
            .named("explainUser", "Tells why a user has, or has not, what they should")
            .reads("rule", json!({ "type": "string", "format": "uuid" }), "Only of this rule.").gives("Explanation").may_fail(502),
        get("/users/{userId}/syncedRules", ReadIdentities, syncs::rules_of_user)
            .named("readAllSyncedRulesForUser", "Lists where a user stands with each rule").lists("syncedRules", "SyncedRule"),
        get("/users/{userId}/syncedRules/{ruleId}", ReadIdentities, syncs::rule_of_user)
            .named("readOneSyncedRuleForUser", "Shows where a user stands with a rule").gives("SyncedRule"),
        post("/imports/users", WriteIdentities, imports::users).ours()
            .named("importUsers", "Makes or changes users from a file; bad rows are told by line")
            .reads("population", json!({ "type": "string" }), "The name of the population of users whose row names none.")
            .reads("createPopulations", create_populations, "Makes populations that are not there.")
            .takes_as("text/csv", "Csv").gives("ImportReport"),
        post("/imports/groups", WriteIdentities, imports::groups).ours()
            .named("importGroups", "Makes or changes groups from a file; bad rows are told by line")
            .takes_as("text/csv", "Csv").gives("ImportReport"),

        get("/groups", ReadIdentities, groups::list)
            .named("readAllGroups", "Lists groups").filtered().pages("groups", "Group"),
        post("/groups", WriteIdentities, groups::create)
            .named("createGroup", "Makes a group").takes("GroupBody").creates("Group"),
        get("/groups/{groupId}", ReadIdentities, groups::read)
            .named("readOneGroup", "Shows a group")
            .reads("include", json!({ "type": "string", "enum": ["totalMemberCounts"] }), "Also counts the members of nested groups.").gives("Group"),
        put("/groups/{groupId}", WriteIdentities, groups::replace)
            .named("updateGroup", "Replaces a group").takes("GroupBody").gives("Group"),
        delete("/groups/{groupId}", WriteIdentities, groups::remove)
            .named("deleteGroup", "Deletes a group"),
        get("/groups/{groupId}/memberOfGroups", ReadIdentities, groups::nestings)
            .named("readGroupNesting", "Lists the groups that a group is nested in").filtered().pages("groupMemberships", "Nesting"),
        post("/groups/{groupId}/memberOfGroups", WriteIdentities, groups::nest)
            .named("createGroupNesting", "Nests a group in another").takes("ReferenceBody").creates("Nesting"),
        get("/groups/{groupId}/memberOfGroups/{parentId}", ReadIdentities, groups::nesting)
            .named("readOneGroupNesting", "Shows that a group is nested in another").gives("Nesting"),
        delete("/groups/{groupId}/memberOfGroups/{parentId}", WriteIdentities, groups::unnest)
            .named("deleteGroupNesting", "Takes a group out of another"),
        get("/groups/{groupId}/syncedRules", ReadIdentities, syncs::rules_of_group)
            .named("readAllSyncedRulesForGroup", "Lists where a group stands with each rule").lists("syncedRules", "SyncedRule"),
        get("/groups/{groupId}/syncedRules/{ruleId}", ReadIdentities, syncs::rule_of_group)
            .named("readOneSyncedRuleForGroup", "Shows where a group stands with a rule").gives("SyncedRule"),
    ]
}

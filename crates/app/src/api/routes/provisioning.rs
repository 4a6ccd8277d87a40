//! Routes of provisioning: plans, stores, rules, mappings, revisions, runs.

use serde_json::json;

use super::route::{Route, delete, get, post, put};
use crate::{
    access::permission::Permission::{ApproveSyncs, ReadConfiguration, ReadIdentities, WriteConfiguration},
    api::{expressions, mappings, plans, revisions, rules, runs, store_metadata, stores, syncs},
};

/// The media type under which PingOne tests a connection.
const CHECK: &str = "application/vnd.pingidentity.connection.check+json";

/// See the module.
#[rustfmt::skip]
pub(super) fn table() -> Vec<Route> {
    let standing = json!({ "type": "string", "enum": ["SUCCESS", "PARTIAL", "UNSYNCED", "FAILED"] });
    vec![
        get("/propagation/plans", ReadConfiguration, plans::list)
            .named("readAllPlans", "Lists the plan of an environment, if it has one").lists("plans", "Plan"),
        post("/propagation/plans", WriteConfiguration, plans::create)
            .named("createPlan", "Makes the one plan of an environment").takes("PlanBody").creates("Plan"),
        get("/propagation/plans/{planId}", ReadConfiguration, plans::read)
            .named("readOnePlan", "Shows a plan").gives("Plan"),
        put("/propagation/plans/{planId}", WriteConfiguration, plans::replace)
            .named("updatePlan", "Replaces a plan").takes("PlanBody").gives("Plan"),
        delete("/propagation/plans/{planId}", WriteConfiguration, plans::remove)
            .named("deletePlan", "Deletes a plan with its rules and their mappings"),
        get("/propagation/plans/{planId}/rules", ReadConfiguration, rules::list_of_plan)
            .named("readAllRulesOfPlan", "Lists the rules of a plan").pages("rules", "Rule"),
        post("/propagation/plans/{planId}/rules", WriteConfiguration, rules::create_in_plan)
            .named("createRuleInPlan", "Makes a rule in a plan").takes("RuleBody").creates("Rule"),

        get("/propagation/stores", ReadConfiguration, stores::list)
            .named("readAllStores", "Lists stores").pages("stores", "Store"),
        post("/propagation/stores", WriteConfiguration, stores::create)
            .named("createStore", "Makes a store; made ACTIVE, it is tested first").takes("StoreBody").creates("Store"),
        get("/propagation/stores/{storeId}", ReadConfiguration, stores::read)
            .named("readOneStore", "Shows a store").gives("Store"),
        put("/propagation/stores/{storeId}", WriteConfiguration, stores::replace)
            .named("updateStore", "Replaces a store; made ACTIVE, it is tested first").takes("StoreChange").gives("Store"),
        delete("/propagation/stores/{storeId}", WriteConfiguration, stores::remove)
            .named("deleteStore", "Deletes a store that no rule uses"),
        get("/propagation/stores/{storeId}/census", ReadConfiguration, stores::census).ours()
            .named("readCensus", "Counts the accounts that are there against the directory")
            .reads("belonging", json!({ "type": "string", "enum": ["MATCHED", "UNMATCHED", "AMBIGUOUS"] }), "Lists only those; the counts are of all.")
            .reads("limit", json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }), "How many accounts are listed at most.")
            .gives("Census").may_fail(502),
        post("/propagation/storeMetadata/{storeType}", ReadConfiguration, store_metadata::read)
            .named("readStoreMetadata", "Tells what a type of store is configured with; with a configuration, also of the system behind it")
            .may_take("StoreMetadataBody").gives("StoreMetadata"),
        post("/propagation/expressions/evaluate", ReadIdentities, expressions::evaluate).ours()
            .named("evaluateExpression", "Tries an expression on a user").takes("EvaluateBody").gives("Evaluated"),
        post("/propagation/stores/connection/status", WriteConfiguration, stores::test)
            .named("testStoreConnection", "Tests a store that is, or is to be").takes("StoreTest").takes_as(CHECK, "StoreTest").gives("ConnectionStatus"),

        get("/propagation/rules", ReadConfiguration, rules::list)
            .named("readAllRules", "Lists rules").pages("rules", "Rule"),
        post("/propagation/rules", WriteConfiguration, rules::create)
            .named("createRule", "Makes a rule").takes("RuleBody").creates("Rule"),
        get("/propagation/rules/{ruleId}", ReadConfiguration, rules::read)
            .named("readOneRule", "Shows a rule").gives("Rule"),
        put("/propagation/rules/{ruleId}", WriteConfiguration, rules::replace)
            .named("updateRule", "Replaces a rule").takes("RuleBody").gives("Rule"),
        delete("/propagation/rules/{ruleId}", WriteConfiguration, rules::remove)
            .named("deleteRule", "Deletes a rule")
            .reads("deprovision", json!({ "type": "boolean", "default": false }), "Takes the rule's accounts away: consent to the removals of this moment.").may_fail(502),
        get("/propagation/rules/{ruleId}/mappings", ReadConfiguration, mappings::list)
            .named("readAllMappings", "Lists the mappings of a rule").lists("mappings", "Mapping"),
        post("/propagation/rules/{ruleId}/mappings", WriteConfiguration, mappings::create)
            .named("createMapping", "Makes a mapping").takes("MappingBody").creates("Mapping"),
        post("/propagation/rules/{ruleId}/preview", ReadConfiguration, syncs::preview).ours()
            .named("previewRule", "Plans a full sync without applying it, as the rule stands or as a draft would have it").may_take("RuleDraft").gives("Preview").may_fail(502),
        post("/propagation/rules/{ruleId}/syncs", WriteConfiguration, syncs::start).ours()
            .named("startSync", "Starts a full resync").begins("Run"),
        get("/propagation/rules/{ruleId}/syncStatus", ReadConfiguration, syncs::status).ours()
            .named("readSyncStatus", "Shows how a rule stands").gives("SyncStatus"),
        get("/propagation/rules/{ruleId}/syncedUsers", ReadIdentities, syncs::users)
            .named("readAllSyncedUsers", "Lists where the users of a rule stand")
            .reads("status", standing.clone(), "Only those that stand so.").pages("syncedUsers", "SyncedUser"),
        get("/propagation/rules/{ruleId}/syncedGroups", ReadIdentities, syncs::groups)
            .named("readAllSyncedGroups", "Lists where the groups of a rule stand")
            .reads("status", standing, "Only those that stand so.").pages("syncedGroups", "SyncedGroup"),
        get("/propagation/rules/{ruleId}/runs", ReadConfiguration, runs::list).ours()
            .named("readAllRuns", "Lists the runs of a rule, the latest first").pages("runs", "Run"),

        get("/propagation/mappings/{mappingId}", ReadConfiguration, mappings::read)
            .named("readOneMapping", "Shows a mapping").gives("Mapping"),
        put("/propagation/mappings/{mappingId}", WriteConfiguration, mappings::replace)
            .named("updateMapping", "Replaces a mapping").takes("MappingBody").gives("Mapping"),
        delete("/propagation/mappings/{mappingId}", WriteConfiguration, mappings::remove)
            .named("deleteMapping", "Deletes a mapping"),
        delete("/propagation/mapping/{mappingId}", WriteConfiguration, mappings::remove)
            .named("deleteMappingBySingular", "Deletes a mapping, at the path that PingOne's Go SDK uses"),

        post("/propagation/revisions", WriteConfiguration, revisions::create)
            .named("createRevision", "Records the configuration, and resyncs the rules that changed since the previous revision").creates("Revision"),
        get("/propagation/revisions/{revisionId}", ReadConfiguration, revisions::read)
            .named("readOneRevision", "Shows a revision").gives("Revision"),
        get("/propagation/revisions/id:latest", ReadConfiguration, revisions::latest)
            .named("readLatestRevision", "Shows the latest revision").gives("Revision"),

        get("/propagation/runs/{runId}", ReadConfiguration, runs::read).ours()
            .named("readOneRun", "Shows a run").gives("Run"),
        get("/propagation/runs/{runId}/operations", ReadConfiguration, runs::operations).ours()
            .named("readAllOperations", "Lists the operations of a run, in the plan's order")
            .reads("from", json!({ "type": "integer", "minimum": 0, "default": 0 }), "The number of the first operation.")
            .reads("limit", json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }), "How many at most.")
            .lists("operations", "Operation"),
        post("/propagation/runs/{runId}/approval", ApproveSyncs, runs::approve).ours()
            .named("approveRun", "Lets a held run go on, if a fresh plan has the same digest").takes("ApprovalBody").begins("Run"),
        post("/propagation/runs/{runId}/cancellation", ApproveSyncs, runs::cancel).ours()
            .named("cancelRun", "Cancels a held run").gives("Run"),
    ]
}

//! Plans, stores, rules, mappings and revisions.

use serde_json::{Map, Value, json};
use usher_domain::{
    Timestamp,
    provisioning::{
        connection::{Connection, ConnectionKind, Health},
        mapping::{Mapping, MappingSource},
        rule::{PropagationPlan, Revision, Rule},
    },
    reconcile::status::StatusCounts,
    secret::MASK,
};

use super::{links, without_nulls};
use crate::api::hal::Origin;

fn activity(active: bool) -> &'static str {
    if active { "ACTIVE" } else { "INACTIVE" }
}

/// The plan of an environment.
pub(crate) fn plan(origin: &Origin, it: &PropagationPlan) -> Value {
    json!({
        "_links": links(origin, it.environment, &format!("/propagation/plans/{}", it.id)),
        "id": it.id,
        "environment": { "id": it.environment },
        "name": it.name,
        "status": activity(it.active),
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
    })
}

/// A connection, which the API calls a store. Secrets are masked. `users` counts the users of its outbound rules, `last`
/// is when one of them was last carried out.
pub(crate) fn connection(
    origin: &Origin,
    it: &Connection,
    users: Option<StatusCounts>,
    last: Option<Timestamp>,
) -> Value {
    let mut configuration: Map<String, Value> =
        it.configuration.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    configuration.extend(it.secrets.keys().map(|key| (key.clone(), json!(MASK))));
    let kind = match &it.kind {
        ConnectionKind::Directory => "directory",
        ConnectionKind::Dropbox => "Dropbox",
        ConnectionKind::Other(kind) => kind,
    };
    let (state, details) = match &it.health {
        Health::Broken { problem, .. } => ("FAILED", Some(problem.to_string())),
        _ => ("SYNCING", None),
    };
    let sync_status = users.map(|users| {
        without_nulls(json!({
            "syncState": state,
            "lastSyncAt": last,
            "successCount": users.success,
            "failedCount": users.failed,
            "userTotal": users.impacted,
            "details": details,
        }))
    });
    without_nulls(json!({
        "_links": links(origin, it.environment, &format!("/propagation/stores/{}", it.id)),
        "id": it.id,
        "environment": { "id": it.environment },
        "type": kind,
        "name": it.name,
        "description": it.description,
        "status": activity(it.active),
        "managed": it.managed,
        "configuration": configuration,
        "image": {},
        "health": (it.kind == ConnectionKind::Dropbox).then_some(&it.health),
        "syncStatus": sync_status,
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
    }))
}

/// A rule.
pub(crate) fn rule(origin: &Origin, it: &Rule) -> Value {
    let groups: Vec<Value> = it.groups.iter().map(|id| json!({ "id": id })).collect();
    without_nulls(json!({
        "_links": links(origin, it.environment, &format!("/propagation/rules/{}", it.id)),
        "id": it.id,
        "environment": { "id": it.environment },
        "plan": { "id": it.plan },
        "name": it.name,
        "description": it.description,
        "sourceStore": { "id": it.source },
        "targetStore": { "id": it.target },
        "active": it.active,
        "populationExpression": it.filter,
        "groups": groups,
        "configuration": it.configuration,
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
    }))
}

/// A mapping.
pub(crate) fn mapping(origin: &Origin, it: &Mapping) -> Value {
    let (attribute, expression) = match &it.source {
        MappingSource::SourceAttribute(path) => (Some(path), None),
        MappingSource::Expression(text) => (None, Some(text)),
    };
    without_nulls(json!({
        "_links": links(origin, it.environment, &format!("/propagation/mappings/{}", it.id)),
        "id": it.id,
        "environment": { "id": it.environment },
        "rule": { "id": it.rule },
        "sourceAttribute": attribute,
        "expression": expression,
        "targetAttribute": it.target,
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
    }))
}

/// A revision.
pub(crate) fn revision(origin: &Origin, it: &Revision) -> Value {
    without_nulls(json!({
        "_links": links(origin, it.environment, &format!("/propagation/revisions/{}", it.id)),
        "id": it.id,
        "environment": { "id": it.environment },
        "previousRevision": it.previous.map(|id| json!({ "id": id })),
        "createdAt": it.created_at,
    }))
}

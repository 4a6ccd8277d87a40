//! Clients and administrators: everything but what lets them in.

use serde_json::{Value, json};
use usher_domain::{
    Timestamp,
    access::{Administrator, WorkerClient},
};

use super::{links, without_nulls};
use crate::api::hal::Origin;

/// A worker client.
pub(crate) fn client(origin: &Origin, it: &WorkerClient, now: Timestamp) -> Value {
    let old = it.old_secret.as_ref().filter(|old| old.is_good(now));
    without_nulls(json!({
        "_links": links(origin, it.environment, &format!("/clients/{}", it.id)),
        "id": it.id,
        "environment": { "id": it.environment },
        "name": it.name,
        "description": it.description,
        "roles": it.roles,
        "enabled": it.enabled,
        "oldSecretUntil": old.map(|old| old.until),
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
    }))
}

/// An administrator of the console.
pub(crate) fn administrator(origin: &Origin, it: &Administrator) -> Value {
    without_nulls(json!({
        "_links": links(origin, it.environment, &format!("/administrators/{}", it.id)),
        "id": it.id,
        "environment": { "id": it.environment },
        "username": it.username,
        "roles": it.roles,
        "enabled": it.enabled,
        "totpEnabled": it.totp.as_ref().is_some_and(|totp| totp.confirmed),
        "provider": it.provider.as_ref().map(|it| json!({ "issuer": it.issuer, "subject": it.subject })),
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
    }))
}

//! How resources are shown: PingOne's shapes (facts/pingone.md §2.4, §2.6, §2.7), absolute links.

mod access;
mod audit;
mod directory;
mod provisioning;
mod subscription;
mod sync;
mod user;

pub(crate) use access::{administrator, client};
pub(crate) use audit::activity;
pub(crate) use directory::{environment, group, guard_defaults, membership, nesting, population};
pub(crate) use provisioning::{connection, mapping, plan, revision, rule};
pub(crate) use subscription::subscription;
pub(crate) use sync::{
    census, explanation, operation, preview, run, subject_status, sync_status, synced_rule,
};
pub(crate) use user::{has_mfa, user};

use serde_json::{Value, json};
use usher_domain::EnvironmentId;

use super::hal::Origin;

/// The path of an environment's part, below `/v1`.
pub(crate) fn path(environment: EnvironmentId, rest: &str) -> String {
    format!("/environments/{environment}{rest}")
}

/// `_links` with `self` and `environment`.
fn links(origin: &Origin, environment: EnvironmentId, rest: &str) -> Value {
    json!({
        "self": origin.link(&path(environment, rest)),
        "environment": origin.link(&path(environment, "")),
    })
}

/// Leaves out members that are `null`, as PingOne does.
fn without_nulls(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, member| !member.is_null());
    }
    value
}

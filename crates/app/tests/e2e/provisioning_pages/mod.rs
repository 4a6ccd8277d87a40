//! Integrations › Provisioning, walked without script: the documentation page's own walk, a connection that fails, a held
//! run, and what a role may not do.

mod held;
mod inbound;
mod newcomer;
mod roles;

use serde_json::json;

use crate::support::{Api, Pages, Usher};

/// A password as the access rules want it.
const PASSWORD: &str = "canary-long-enough-password-93";

/// A console administrator with these roles, signed in.
async fn administrator(usher: &Usher, api: &Api, username: &str, roles: &[&str]) -> Pages {
    let body = json!({ "username": username, "password": PASSWORD, "roles": roles });
    api.post("/administrators", body).await.ok();
    Pages::sign_in(usher, username, PASSWORD).await
}

/// Every role.
const ALL: [&str; 3] = ["Environment Admin", "Identity Data Admin", "Sync Approver"];

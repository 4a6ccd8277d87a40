//! `usher audit redact`.

use anyhow::Result;
use serde_json::json;

use super::{NOTHING, client::ApiClient, say};

/// Takes away what the audit says of a user, who may be deleted already: then only the id finds them.
pub(crate) async fn redact(api: &ApiClient, wanted: &str) -> Result<u8> {
    let id = match uuid::Uuid::try_parse(wanted) {
        Ok(id) => id.to_string(),
        Err(_) => {
            let user = super::directory::user(api, wanted).await?;
            user["id"].as_str().unwrap_or_default().to_owned()
        }
    };
    let done = api.post("/activities/redactions", &json!({ "user": { "id": id } })).await?;
    say(format!("Redacted {} events about the user {id}; the audit still verifies.", done["redacted"]));
    Ok(NOTHING)
}

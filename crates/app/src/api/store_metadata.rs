//! What a kind of store is configured with, and what can be mapped to it (facts/pingone.md §2.6).

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use serde_json::{Map, Value, json};
use usher_domain::{
    EnvironmentId, Rejection,
    provisioning::{connection::ConnectionKind, dropbox_settings::SECRET_KEYS},
    reconcile::attributes::Attribute,
};

use super::{
    AppState,
    error::{ApiError, ApiResult},
    extract::{Caller, MaybeBody},
};
use crate::access::permission::Permission;

/// `POST propagation/storeMetadata/{type}`: of the type, or with `configuration` also of the system behind it.
pub(crate) async fn read(
    State(app): State<AppState>,
    Path((environment, kind)): Path<(EnvironmentId, String)>,
    caller: Caller,
    body: MaybeBody,
) -> ApiResult {
    let mut metadata = match ConnectionKind::named(&kind) {
        Some(ConnectionKind::Dropbox) => dropbox(),
        Some(ConnectionKind::Directory) => directory(),
        Some(ConnectionKind::Other(_)) | None => return Err(Rejection::not_found("store type", kind).into()),
    };
    let configuration = body.0.get("configuration").filter(|value| !value.is_null());
    if configuration.is_some_and(|given| !given.is_object()) {
        return Err(
            Rejection::field("INVALID_VALUE", "configuration", "must be an object of settings").into()
        );
    }
    if let (Some(configuration), true) = (configuration, metadata["information"]["type"] == "Dropbox") {
        // This calls addresses that the caller chooses, as a connection test does, and needs the same role.
        if !Permission::WriteConfiguration.allows(&caller.roles) {
            return Err(ApiError::forbidden(
                "Reading the system behind a configuration needs the role Environment Admin. Without configuration, \
                 the metadata of the type is open to you.",
            ));
        }
        let store = json!({ "type": "Dropbox", "name": "metadata", "configuration": configuration });
        let store = store.as_object().cloned().unwrap_or_default();
        let (draft, _) = app.directory.draft_connection(&caller.by(), environment, None, &store).await?;
        let (report, _) = app.reconciler.test_for(&app.directory, &caller.by(), &draft).await?;
        metadata["information"]["team"] = json!(report.team);
        metadata["information"]["checks"] = json!(report.checks);
    }
    Ok(Json(metadata).into_response())
}

/// What kind of value a setting has.
enum Kind {
    Text,
    Url,
    Switch,
    Number,
    Words(&'static [&'static str]),
    Emails,
}

/// Key, label, kind, default (`null`: none), whether it is required. The order is that of the form.
#[rustfmt::skip]
fn settings() -> Vec<(&'static str, &'static str, Kind, Value, bool)> {
    use Kind::{Emails, Number, Switch, Text, Url, Words};
    vec![
        ("BASE_URL", "Service URI", Url, json!("https://api.dropboxapi.com/2"), false),
        ("AUTHENTICATION_METHOD", "Authentication method", Words(&["OAUTH"]), json!("OAUTH"), false),
        ("OAUTH_CLIENT_ID", "OAuth client ID", Text, json!(null), true),
        ("OAUTH_CLIENT_SECRET", "OAuth client secret", Text, json!(null), true),
        ("OAUTH_TOKEN_URL", "Token endpoint", Url, json!("https://api.dropboxapi.com/oauth2/token"), false),
        ("GRANT_TYPE", "Grant type", Words(&["refresh_token"]), json!("refresh_token"), false),
        ("OAUTH_REFRESH_TOKEN", "OAuth refresh token", Text, json!(null), true),
        ("CREATE_USERS", "Create users", Switch, json!(true), false),
        ("UPDATE_USERS", "Update users", Switch, json!(true), false),
        ("DISABLE_USERS", "Disable users", Switch, json!(true), false),
        ("DEPROVISION_USERS", "Deprovision users", Switch, json!(false), false),
        ("REMOVE_ACTION", "Remove action", Words(&["Disable", "Delete"]), json!("Disable"), false),
        ("REMOVE_AFTER_DAYS", "Days between suspension and removal", Number, json!(0), false),
        ("UNDO_REMOTE_SUSPENSION", "Unsuspend members whom a person suspended", Switch, json!(false), false),
        ("FOREIGN_EXTERNAL_ID", "A member with someone else's external ID", Words(&["Fail", "Keep", "Overwrite"]), json!("Fail"), false),
        ("SEND_WELCOME_EMAIL", "Send a welcome e-mail", Switch, json!(true), false),
        ("WIPE_DATA", "Wipe linked devices on suspension and removal", Switch, json!(false), false),
        ("KEEP_ACCOUNT", "Leave removed members a personal account", Switch, json!(false), false),
        ("TRANSFER_DEST_EMAIL", "Who receives the files of removed members", Text, json!(null), false),
        ("TRANSFER_ADMIN_EMAIL", "Which administrator is told of the transfer", Text, json!(null), false),
        ("GROUP_MEMBERSHIP_HANDLING", "Group memberships", Words(&["Merge", "Overwrite"]), json!("Merge"), false),
        ("GROUP_NAME_CONFLICT", "A group of the same name", Words(&["Adopt", "Fail"]), json!("Adopt"), false),
        ("PROTECTED_EMAILS", "Never disabled or removed", Emails, json!([]), false),
        ("MAX_CALLS_PER_SECOND", "Calls per second at most; 0 is no ceiling", Number, json!(25), false),
        ("MAX_IN_FLIGHT", "Calls at once at most", Number, json!(8), false),
        ("MAX_MEMBERS_PER_CALL", "Members in one group call at most", Number, json!(500), false),
    ]
}

fn dropbox() -> Value {
    let attributes: Vec<Value> = settings()
        .into_iter()
        .map(|(key, label, kind, default, required)| {
            let mut attribute = json!({
                "name": key,
                "displayName": label,
                "required": required,
                "secret": SECRET_KEYS.contains(&key),
                "multiValued": matches!(kind, Kind::Emails),
                "type": match kind {
                    Kind::Text | Kind::Words(_) | Kind::Emails => "STRING",
                    Kind::Url => "URL",
                    Kind::Switch => "BOOLEAN",
                    Kind::Number => "INTEGER",
                },
            });
            if let Kind::Words(words) = kind {
                attribute["allowedValues"] = json!(words);
            }
            if !default.is_null() {
                attribute["defaultValue"] = default;
            }
            attribute
        })
        .collect();
    let names = Attribute::ALL.map(Attribute::name);
    let mut users: Vec<Value> = names.map(|name| user_attribute(name, name == "email")).into();
    users.push(user_attribute("status", false));
    json!({
        "information": {
            "type": "Dropbox",
            "name": "Dropbox",
            "description": "A Dropbox team: its members and its company-managed groups.",
        },
        "connectionProfiles": [{ "name": "OAUTH", "connectionAttributes": attributes }],
        "attributeMetadata": {
            "userAttributes": users,
            "capabilities": [
                "CREATE_USERS", "UPDATE_USERS", "DISABLE_USERS", "DEPROVISION_USERS", "GROUPS", "GROUP_MEMBERSHIPS",
            ],
        },
    })
}

fn directory() -> Value {
    let attributes: Vec<Value> = usher_domain::directory::view::UserView::ATTRIBUTES
        .into_iter()
        .map(|name| user_attribute(name, matches!(name, "username" | "email")))
        .collect();
    json!({
        "information": { "type": "directory", "name": "Directory", "description": "The directory itself." },
        "connectionProfiles": [],
        "attributeMetadata": {
            "userAttributes": attributes,
            "capabilities": ["CREATE_USERS", "UPDATE_USERS", "DISABLE_USERS", "DEPROVISION_USERS"],
        },
    })
}

fn user_attribute(name: &str, required: bool) -> Value {
    let mut attribute = Map::new();
    attribute.insert("name".into(), json!(name));
    attribute.insert("required".into(), json!(required));
    attribute.into()
}

#[cfg(test)]
mod tests {
    use usher_domain::provisioning::dropbox_settings::KNOWN_KEYS;

    #[test]
    fn every_setting_of_a_dropbox_store_is_told() {
        let mut told: Vec<&str> = super::settings().into_iter().map(|(key, ..)| key).collect();
        let mut known = KNOWN_KEYS.to_vec();
        told.sort_unstable();
        known.sort_unstable();
        assert_eq!(told, known);
    }
}

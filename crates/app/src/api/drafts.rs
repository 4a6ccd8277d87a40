//! The body of a preview: a rule as it might be. It is Usher's own, so a field that is not known is an error.

use serde_json::{Map, Value, json};
use usher_domain::{
    Detail, Rejection,
    provisioning::{
        connection::{Connection, ConnectionKind, DropboxSettings, Policy},
        rule::Rule,
    },
    targets::Targets,
};
use usher_engine::{directory::By, reconcile::Draft};

use super::{AppState, error::ApiResult};

/// What a draft may have.
const KNOWN: [&str; 5] = ["populationExpression", "groups", "configuration", "mappings", "actions"];

/// The settings of a store that say what is done, and that a draft may have otherwise.
pub(crate) const ACTIONS: [&str; 11] = [
    "CREATE_USERS",
    "UPDATE_USERS",
    "DISABLE_USERS",
    "DEPROVISION_USERS",
    "REMOVE_ACTION",
    "REMOVE_AFTER_DAYS",
    "UNDO_REMOTE_SUSPENSION",
    "FOREIGN_EXTERNAL_ID",
    "GROUP_MEMBERSHIP_HANDLING",
    "GROUP_NAME_CONFLICT",
    "PROTECTED_EMAILS",
];

/// The rule as a draft would have it, and what else the draft changes. What it leaves out is as it is.
pub(super) async fn drafted(
    app: &AppState,
    by: &By,
    rule: Rule,
    mut draft: Map<String, Value>,
) -> ApiResult<(Rule, Draft)> {
    if let Some(unknown) = draft.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let what = format!("is not part of a draft; a draft may have {}", KNOWN.join(", "));
        return Err(Rejection::field("INVALID_VALUE", unknown, what).into());
    }
    let mappings = match draft.remove("mappings") {
        None | Some(Value::Null) => None,
        Some(given) => {
            let bodies = objects(given)?;
            Some(app.directory.draft_mappings(by, rule.environment, rule.id, &bodies).await?)
        }
    };
    let policy = match draft.remove("actions") {
        None | Some(Value::Null) => None,
        Some(given) => {
            let connection = app.store.connection(rule.environment, rule.connection()).await?;
            let connection = connection.ok_or_else(|| Rejection::not_found("store", rule.connection()))?;
            Some(policy(connection, &given)?)
        }
    };
    let rule = match draft.is_empty() {
        true => rule,
        false => app.directory.draft_rule(by, rule.environment, rule.id, &whole(&rule, draft)).await?,
    };
    Ok((rule, Draft { mappings, policy }))
}

fn objects(given: Value) -> ApiResult<Vec<Map<String, Value>>> {
    serde_json::from_value(given).map_err(|_| {
        let what = "must be a list of mappings, each with sourceAttribute or expression, and targetAttribute";
        Rejection::field("INVALID_VALUE", "mappings", what).into()
    })
}

/// The body of the rule, with what the draft has otherwise.
fn whole(rule: &Rule, draft: Map<String, Value>) -> Map<String, Value> {
    let groups: Vec<Value> = rule.groups.iter().map(|id| json!({ "id": id })).collect();
    let mut whole = json!({
        "plan": { "id": rule.plan },
        "name": rule.name,
        "description": rule.description,
        "sourceStore": { "id": rule.source },
        "targetStore": { "id": rule.target },
        "active": rule.active,
        "populationExpression": rule.filter,
        "groups": groups,
        "configuration": rule.configuration,
    });
    for (key, value) in draft {
        whole[key] = value;
    }
    whole.as_object().cloned().unwrap_or_default()
}

/// What the store would allow with these actions.
fn policy(connection: Connection, actions: &Value) -> ApiResult<Policy> {
    let Some(actions) = actions.as_object() else {
        let what = format!("must be an object; it may have {}", ACTIONS.join(", "));
        return Err(Rejection::field("INVALID_VALUE", "actions", what).into());
    };
    let unknown = actions.keys().filter(|key| !ACTIONS.contains(&key.as_str()));
    let faults: Vec<Detail> = unknown
        .map(|key| {
            let what = format!("`{key}` is none of the actions; there are {}", ACTIONS.join(", "));
            Detail::new("INVALID_VALUE", format!("actions.{key}"), what)
                .with_inner(json!({ "allowedValues": ACTIONS }))
        })
        .collect();
    if !faults.is_empty() {
        return Err(Rejection::invalid(faults).into());
    }
    if connection.kind != ConnectionKind::Dropbox {
        let what = "are known of stores of type Dropbox only";
        return Err(Rejection::field("CONSTRAINT_VIOLATION", "actions", what).into());
    }
    let mut configuration = connection.configuration;
    configuration.extend(actions.iter().map(|(key, value)| (key.clone(), value.clone())));
    // Where it leads was judged when the store was saved.
    let anywhere = Targets::anywhere();
    let settings =
        DropboxSettings::parse(&configuration, &connection.secrets, &anywhere).map_err(|faults| {
            let told = faults
                .into_iter()
                .map(|fault| Detail { target: fault.target.replace("configuration.", "actions."), ..fault });
            Rejection::invalid(told.collect())
        })?;
    Ok(settings.policy)
}

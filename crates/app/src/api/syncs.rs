//! How rules stand, what a sync would do, and starting one.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::{Map, Value, json};
use usher_domain::{
    EnvironmentId, Rejection, RuleId,
    ports::store::Page,
    provisioning::rule::Rule,
    reconcile::{scope::Subject, status::Standing},
};

use usher_engine::reconcile::{Draft, sync_status::not_running};

use super::{
    AppState,
    error::ApiResult,
    extract::{Caller, MaybeBody, Segments},
    hal::Origin,
    rules, show,
};

/// `POST propagation/rules/{id}/preview`: the plan of a full run, as the rule stands or as a draft would make it.
pub(crate) async fn preview(
    State(app): State<AppState>,
    ids: Segments,
    caller: Caller,
    body: MaybeBody,
) -> ApiResult {
    let mut rule = rules::find(&app, ids.id(0), ids.id(1)).await?;
    if !body.0.is_empty() {
        rule = app
            .directory
            .draft_rule(&caller.by(), rule.environment, rule.id, &drafted(&rule, body.0)?)
            .await?;
    }
    let preview = app.reconciler.preview(&rule, Draft::default()).await?;
    Ok(Json(show::preview(&preview)).into_response())
}

/// The rule as a draft would have it: what the draft leaves out is as it is. The body is ours, so a field that is not
/// known is an error.
fn drafted(rule: &Rule, draft: Map<String, Value>) -> ApiResult<Map<String, Value>> {
    const KNOWN: [&str; 3] = ["populationExpression", "groups", "configuration"];
    if let Some(unknown) = draft.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let what = format!("is not part of a draft; a draft may have {}", KNOWN.join(", "));
        return Err(Rejection::field("INVALID_VALUE", unknown, what).into());
    }
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
    Ok(whole.as_object().cloned().unwrap_or_default())
}

/// `POST propagation/rules/{id}/syncs`: a full resync, now.
pub(crate) async fn start(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let rule = rules::find(&app, ids.id(0), ids.id(1)).await?;
    let stands_in_the_way =
        not_running(&rule, app.store.connection(rule.environment, rule.connection()).await?.as_ref());
    if let Some(why) = stands_in_the_way {
        return Err(Rejection::field("CONSTRAINT_VIOLATION", "active", why).into());
    }
    let run = app.reconciler.resync(rule.environment, &rule, caller.actor).await?;
    Ok((StatusCode::ACCEPTED, Json(show::run(&origin, &run))).into_response())
}

/// `GET propagation/rules/{id}/syncStatus`
pub(crate) async fn status(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let rule = rules::find(&app, ids.id(0), ids.id(1)).await?;
    let status = app.reconciler.sync_status(&rule).await?;
    Ok(Json(show::sync_status(&origin, &rule, &status)).into_response())
}

/// `GET propagation/rules/{id}/syncedUsers`; `status` narrows to one standing.
pub(crate) async fn users(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    listed(&app, &ids, &origin, false).await
}

/// `GET propagation/rules/{id}/syncedGroups`
pub(crate) async fn groups(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    listed(&app, &ids, &origin, true).await
}

async fn listed(app: &AppState, ids: &Segments, origin: &Origin, groups: bool) -> ApiResult {
    let rule = rules::find(app, ids.id(0), ids.id(1)).await?;
    let standing = match origin.query("status") {
        None => None,
        Some(text) => match serde_json::from_value::<Standing>(json!(text.to_uppercase())) {
            Ok(standing) => Some(standing),
            Err(_) => {
                let what = "must be SUCCESS, PARTIAL, UNSYNCED or FAILED";
                return Err(Rejection::field("INVALID_VALUE", "status", what).into());
            }
        },
    };
    let found = app.store.statuses(rule.id, groups, standing, &origin.page(1000)?).await?;
    let names = app.reconciler.names(rule.environment, &found.items).await?;
    let items = found
        .items
        .iter()
        .map(|status| show::subject_status(status, names.get(&status.subject).map(String::as_str)))
        .collect();
    let (of_users, of_groups) = app.store.status_counts(rule.id).await?;
    let count = match (standing, groups) {
        (Some(_), _) => None,
        (None, true) => Some(of_groups.impacted),
        (None, false) => Some(of_users.impacted),
    };
    let name = if groups { "syncedGroups" } else { "syncedUsers" };
    Ok(Json(origin.listing(name, Page { items, next: found.next }, count)).into_response())
}

/// `GET users/{id}/syncedRules`
pub(crate) async fn rules_of_user(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    rules_of(&app, ids.id(0), Subject::User(ids.id(1)), None, &origin).await
}

/// `GET users/{id}/syncedRules/{rule}`
pub(crate) async fn rule_of_user(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    rules_of(&app, ids.id(0), Subject::User(ids.id(1)), Some(ids.id(2)), &origin).await
}

/// `GET groups/{id}/syncedRules`
pub(crate) async fn rules_of_group(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    rules_of(&app, ids.id(0), Subject::Group(ids.id(1)), None, &origin).await
}

/// `GET groups/{id}/syncedRules/{rule}`
pub(crate) async fn rule_of_group(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    rules_of(&app, ids.id(0), Subject::Group(ids.id(1)), Some(ids.id(2)), &origin).await
}

async fn rules_of(
    app: &AppState,
    environment: EnvironmentId,
    subject: Subject,
    only: Option<RuleId>,
    origin: &Origin,
) -> ApiResult {
    let rules = app.reconciler.rules(environment).await?;
    let connections = app.store.connections(environment).await?;
    let of = match subject {
        Subject::User(id) => format!("/users/{id}/syncedRules"),
        Subject::Group(id) => format!("/groups/{id}/syncedRules"),
    };
    let mut shown = Vec::new();
    for (rule, status) in app.store.statuses_by_subject(subject).await? {
        let Some(rule) = rules.iter().find(|known| known.id == rule) else { continue };
        if only.is_none_or(|only| only == rule.id) {
            let here = format!("{of}/{}", rule.id);
            shown.push(show::synced_rule(origin, rule, &connections, &here, &status));
        }
    }
    match only {
        None => Ok(Json(origin.whole("syncedRules", shown)).into_response()),
        Some(rule) => match shown.pop() {
            Some(one) => Ok(Json(one).into_response()),
            None => Err(Rejection::not_found("synced rule", rule).into()),
        },
    }
}

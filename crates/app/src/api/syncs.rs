//! How rules stand, what a sync would do, and starting one.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::json;
use usher_domain::{
    EnvironmentId, Rejection, RuleId,
    ports::store::Page,
    reconcile::{scope::Subject, status::Standing},
};

use usher_engine::reconcile::sync_status::not_running;

use super::{
    AppState, drafts,
    error::ApiResult,
    extract::{Caller, MaybeBody, Segments},
    hal::Origin,
    rules, show,
};

/// `POST propagation/rules/{id}/preview`: the plan of a full run, as the rule stands or as a draft would make it. Callers
/// who may not read identities get numbers, and no drafts.
pub(crate) async fn preview(
    State(app): State<AppState>,
    ids: Segments,
    caller: Caller,
    body: MaybeBody,
) -> ApiResult {
    if !body.0.is_empty() {
        caller.people().require_shown("The preview of a draft")?;
    }
    let rule = rules::find(&app, ids.id(0), ids.id(1)).await?;
    let (rule, draft) = drafts::drafted(&app, &caller.by(), rule, body.0).await?;
    let preview = app.reconciler.preview(&rule, draft).await?;
    Ok(Json(show::preview(&preview, caller.people())).into_response())
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
    let people = caller.people();
    let run = app.reconciler.resync(rule.environment, &rule, caller.actor).await?;
    Ok((StatusCode::ACCEPTED, Json(show::run(&origin, &run, people))).into_response())
}

/// `GET propagation/rules/{id}/syncStatus`
pub(crate) async fn status(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let rule = rules::find(&app, ids.id(0), ids.id(1)).await?;
    let status = app.reconciler.sync_status(&rule).await?;
    Ok(Json(show::sync_status(&origin, &rule, &status, caller.people())).into_response())
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
    // Who is gone from the directory may still be seen to the door; who never was there is not found.
    let known = match subject {
        _ if !shown.is_empty() => true,
        Subject::User(id) => app.store.user(environment, id).await?.is_some(),
        Subject::Group(id) => app.store.group(environment, id).await?.is_some(),
    };
    if !known {
        return Err(match subject {
            Subject::User(id) => Rejection::not_found("user", id).into(),
            Subject::Group(id) => Rejection::not_found("group", id).into(),
        });
    }
    match only {
        None => Ok(Json(origin.whole("syncedRules", shown)).into_response()),
        Some(rule) => match shown.pop() {
            Some(one) => Ok(Json(one).into_response()),
            None => Err(Rejection::not_found("synced rule", rule).into()),
        },
    }
}

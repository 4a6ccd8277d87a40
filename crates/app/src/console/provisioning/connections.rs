//! The list of connections, and one connection: what it is, whether it works, what it may do; its toggle; its end.

use askama::Template;
use axum::extract::State;
use serde_json::{Value, json};
use usher_domain::{
    directory::commands::Body,
    provisioning::{
        connection::{Connection, ConnectionKind, Health, RemoveAction},
        dropbox_settings::SECRET_KEYS,
        rule::Rule,
    },
};
use usher_engine::directory::DirectoryError;

use super::{
    expected, find_connection,
    lists::{Heading, Wanted},
};
use crate::{
    access::permission::Permission::{ReadIdentities, WriteConfiguration},
    console::{
        error::{ConsoleError, ConsoleResult},
        form::Form,
        page::{Shell, done, page, refused},
        show::{self, Badge, Time},
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

const COLUMNS: &[(&str, &str)] =
    &[("name", "Name"), ("team", "Team"), ("status", "Status"), ("created", "Created")];

#[derive(Template)]
#[template(path = "provisioning/connections.html")]
struct List {
    shell: Shell,
    wanted: Wanted,
    headings: Vec<Heading>,
    rows: Vec<Row>,
    any: bool,
    may_write: bool,
}

struct Row {
    id: String,
    name: String,
    description: String,
    kind: String,
    team: String,
    state: Badge,
    why: String,
    rules: usize,
    created: Time,
}

/// `GET /console/connections`, with `sort` and `q`
pub(in crate::console) async fn list(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let wanted = Wanted::of(&visitor, COLUMNS);
    let mut all = app.store.connections(visitor.home()).await?;
    all.retain(|it| it.kind != ConnectionKind::Directory);
    let rules = app.reconciler.rules(visitor.home()).await?;
    let any = !all.is_empty();
    all.retain(|it| wanted.finds(&[&it.name, it.description.as_deref().unwrap_or_default(), team(it)]));
    wanted.sort(&mut all, |it| match wanted.sort {
        "team" => team(it).to_lowercase(),
        "status" => show::connection(it).word.to_owned(),
        "created" => it.created_at.to_string(),
        _ => it.name.to_lowercase(),
    });
    let rows = all.iter().map(|it| Row {
        id: it.id.to_string(),
        name: it.name.clone(),
        description: it.description.clone().unwrap_or_default(),
        kind: it.kind.name().to_owned(),
        team: team(it).to_owned(),
        state: show::connection(it),
        why: match &it.health {
            Health::Broken { problem, .. } => problem.message.clone(),
            _ => String::new(),
        },
        rules: rules.iter().filter(|rule| rule.connection() == it.id).count(),
        created: Time(it.created_at),
    });
    page(&List {
        shell: Shell::new(&visitor, "Connections"),
        headings: wanted.headings(),
        rows: rows.collect(),
        wanted,
        any,
        may_write: visitor.may(WriteConfiguration),
    })
}

fn team(it: &Connection) -> &str {
    match &it.health {
        Health::Valid { team, .. } => team,
        _ => "",
    }
}

#[derive(Template)]
#[template(path = "provisioning/connection.html")]
struct Page {
    shell: Shell,
    form: Form,
    id: String,
    name: String,
    description: String,
    kind: String,
    state: Badge,
    is_active: bool,
    drivable: bool,
    health: HealthShown,
    authentication: Vec<(&'static str, String)>,
    actions: Vec<(&'static str, String)>,
    rules: Vec<(String, String, Badge)>,
    may_write: bool,
    may_census: bool,
    created: Time,
    updated: Time,
}

enum HealthShown {
    Untested,
    Valid { at: Time, team: String, own: String },
    Broken { at: Time, message: String, remedy: String, request: Option<String> },
}

/// `GET /console/connections/{id}`
pub(in crate::console) async fn show(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let connection = find_connection(&app, &visitor, ids.id(0)).await?;
    page(&shown(&app, &visitor, &connection, Form::default()).await?)
}

async fn shown(app: &AppState, visitor: &Visitor, it: &Connection, form: Form) -> ConsoleResult<Page> {
    let rules = app.reconciler.rules(visitor.home()).await?;
    let ours: Vec<&Rule> = rules.iter().filter(|rule| rule.connection() == it.id).collect();
    Ok(Page {
        shell: Shell::new(visitor, it.name.clone()),
        form,
        id: it.id.to_string(),
        name: it.name.clone(),
        description: it.description.clone().unwrap_or_default(),
        kind: it.kind.name().to_owned(),
        state: show::connection(it),
        is_active: it.active,
        drivable: it.kind == ConnectionKind::Dropbox,
        health: match &it.health {
            Health::Untested => HealthShown::Untested,
            Health::Valid { at, team, own_email, .. } => {
                HealthShown::Valid { at: Time(*at), team: team.clone(), own: own_email.clone() }
            }
            Health::Broken { at, problem } => HealthShown::Broken {
                at: Time(*at),
                message: problem.message.clone(),
                remedy: problem.remedy.clone(),
                request: problem.request_id.clone(),
            },
        },
        authentication: authentication(it),
        actions: expected::settings(it).map(|it| actions(&it.policy)).unwrap_or_default(),
        rules: ours
            .iter()
            .map(|rule| (rule.id.to_string(), rule.name.clone(), show::enabled(rule.active)))
            .collect(),
        may_write: visitor.may(WriteConfiguration),
        may_census: visitor.may(ReadIdentities) && it.kind == ConnectionKind::Dropbox,
        created: Time(it.created_at),
        updated: Time(it.updated_at),
    })
}

/// Configure Authentication, as it stands: of a secret only whether there is one.
fn authentication(it: &Connection) -> Vec<(&'static str, String)> {
    let text = |key: &str, default: &str| match it.configuration.get(key).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => default.to_owned(),
    };
    let secret = |key: &str| match it.secrets.contains_key(key) {
        true => "•••••••• (kept sealed, never shown)".to_owned(),
        false => "not given".to_owned(),
    };
    vec![
        ("Service URI", text("BASE_URL", "https://api.dropboxapi.com/2")),
        ("Authentication method", text("AUTHENTICATION_METHOD", "OAUTH")),
        ("Client ID", text("OAUTH_CLIENT_ID", "not given")),
        ("Client secret", secret(SECRET_KEYS[0])),
        ("Token endpoint", text("OAUTH_TOKEN_URL", "https://api.dropboxapi.com/oauth2/token")),
        ("Grant type", text("GRANT_TYPE", "refresh_token")),
        ("Refresh token", secret(SECRET_KEYS[1])),
    ]
}

fn actions(policy: &usher_domain::provisioning::connection::Policy) -> Vec<(&'static str, String)> {
    let on = |on: bool| if on { "On".to_owned() } else { "Off".to_owned() };
    let remove = match (policy.deprovision, policy.remove_action) {
        (false, _) => "Accounts of those who leave stay as they are".to_owned(),
        (true, RemoveAction::Disable) => "Disable: accounts are suspended".to_owned(),
        (true, RemoveAction::Delete) if policy.remove_after_days > 0 => {
            format!("Delete: suspended at once, removed after {} days", policy.remove_after_days)
        }
        (true, RemoveAction::Delete) => "Delete: accounts are removed from the team".to_owned(),
    };
    let mut shown = vec![
        ("Users creation", on(policy.create)),
        ("Users updation", on(policy.update)),
        ("Users disable", on(policy.disable)),
        ("Users deprovision", on(policy.deprovision)),
        ("Remove action", remove),
    ];
    if !policy.manner.is_empty() {
        shown.push(("Beside that", policy.manner.to_string()));
    }
    if !policy.protected.is_empty() {
        shown.push(("Protected", policy.protected.iter().map(|it| &**it).collect::<Vec<_>>().join(", ")));
    }
    shown
}

/// The connection as the body that would leave it as it is; secrets are left out, and so stay.
pub(super) fn body(it: &Connection) -> Body {
    let body = json!({
        "type": it.kind.name(),
        "name": it.name,
        "description": it.description,
        "status": if it.active { "ACTIVE" } else { "INACTIVE" },
        "managed": it.managed,
        "configuration": it.configuration,
    });
    body.as_object().cloned().unwrap_or_default()
}

/// `POST /console/connections/{id}/toggle`: switches it on (which tests it) or off
pub(in crate::console) async fn toggle(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let connection = find_connection(&app, &visitor, ids.id(0)).await?;
    let on = form.value("active") == "true";
    let mut body = body(&connection);
    body.insert("status".into(), json!(if on { "ACTIVE" } else { "INACTIVE" }));
    let changed = app
        .reconciler
        .replace_connection(&app.directory, &visitor.by(), visitor.home(), connection.id, &body)
        .await;
    match changed {
        Ok(changed) => {
            app.wake.notify_one();
            let told = match on {
                true => format!("{} is on; its rules run.", changed.name),
                false => format!("{} is off; no rule on it runs until it is on again.", changed.name),
            };
            done(&visitor, &format!("/console/connections/{}", changed.id), &told)
        }
        Err(DirectoryError::Rejected(why)) => {
            let form = form.refused(&why, &[("status", "active")]);
            refused(&shown(&app, &visitor, &connection, form).await?)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "provisioning/connection_delete.html")]
struct Delete {
    shell: Shell,
    form: Form,
    id: String,
    name: String,
    rules: Vec<(String, String)>,
    linked: u64,
}

async fn deleting(app: &AppState, visitor: &Visitor, it: &Connection, form: Form) -> ConsoleResult<Delete> {
    let mut rules = Vec::new();
    let mut linked = 0;
    for rule in app.store.rules(visitor.home()).await? {
        if rule.connection() == it.id {
            linked += app.store.linked_counts(rule.id).await?.users;
            rules.push((rule.id.to_string(), rule.name));
        }
    }
    Ok(Delete {
        shell: Shell::new(visitor, format!("Delete {}", it.name)),
        form,
        id: it.id.to_string(),
        name: it.name.clone(),
        rules,
        linked,
    })
}

/// `GET /console/connections/{id}/delete`
pub(in crate::console) async fn confirm_delete(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let connection = find_connection(&app, &visitor, ids.id(0)).await?;
    page(&deleting(&app, &visitor, &connection, Form::default()).await?)
}

/// `POST /console/connections/{id}/delete`
pub(in crate::console) async fn delete(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let connection = find_connection(&app, &visitor, ids.id(0)).await?;
    if connection.kind == ConnectionKind::Directory {
        return Err(ConsoleError::no_such_page());
    }
    match app.directory.delete_connection(&visitor.by(), visitor.home(), connection.id).await {
        Ok(()) => {
            let told = format!("{} was deleted; nothing was changed in Dropbox.", connection.name);
            done(&visitor, "/console/connections", &told)
        }
        Err(DirectoryError::Rejected(why)) => {
            let form = form.refused(&why, &[]);
            refused(&deleting(&app, &visitor, &connection, form).await?)
        }
        Err(error) => Err(error.into()),
    }
}

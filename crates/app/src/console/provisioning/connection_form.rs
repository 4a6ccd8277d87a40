//! New Connection, in the steps of the page: identity store, name and Configure Authentication, Test Connection, User
//! Actions. The connection is kept, switched off, as soon as its authentication is given: so the secrets travel once, and
//! never back to the browser. Nothing runs on it before it is switched on.

use askama::Template;
use axum::{extract::State, response::IntoResponse as _, response::Redirect};
use serde_json::{Map, Value, json};
use usher_domain::{
    directory::commands::Body,
    ports::connector::{CheckReport, CheckStatus},
    provisioning::connection::{Connection, ConnectionKind},
};
use usher_engine::directory::DirectoryError;

use super::{connections, find_connection};
use crate::{
    console::{
        error::ConsoleResult,
        form::{Choice, Form},
        page::{Shell, done, page, refused},
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "provisioning/connection_choose.html")]
struct Choose {
    shell: Shell,
}

/// `GET /console/connections/new`: the identity store
pub(in crate::console) async fn choose(visitor: Visitor) -> ConsoleResult {
    page(&Choose { shell: Shell::new(&visitor, "New connection") })
}

/// The form's fields, and the settings that they stand for.
const AUTHENTICATION: [(&str, &str); 7] = [
    ("base_url", "BASE_URL"),
    ("method", "AUTHENTICATION_METHOD"),
    ("client_id", "OAUTH_CLIENT_ID"),
    ("client_secret", "OAUTH_CLIENT_SECRET"),
    ("token_url", "OAUTH_TOKEN_URL"),
    ("grant_type", "GRANT_TYPE"),
    ("refresh_token", "OAUTH_REFRESH_TOKEN"),
];

/// As a rejection names the fields.
const TARGETS: [(&str, &str); 9] = [
    ("name", "name"),
    ("description", "description"),
    ("configuration.BASE_URL", "base_url"),
    ("configuration.AUTHENTICATION_METHOD", "method"),
    ("configuration.OAUTH_CLIENT_ID", "client_id"),
    ("configuration.OAUTH_CLIENT_SECRET", "client_secret"),
    ("configuration.OAUTH_TOKEN_URL", "token_url"),
    ("configuration.GRANT_TYPE", "grant_type"),
    ("configuration.OAUTH_REFRESH_TOKEN", "refresh_token"),
];

#[derive(Template)]
#[template(path = "provisioning/connection_edit.html")]
struct Edit {
    shell: Shell,
    form: Form,
    methods: Vec<Choice>,
    grants: Vec<Choice>,
    /// The connection that is changed; `None` makes one.
    connection: Option<(String, String)>,
}

fn edit_page(visitor: &Visitor, form: Form, connection: Option<&Connection>) -> Edit {
    let title =
        connection.map_or_else(|| "New connection: Dropbox".to_owned(), |it| format!("Edit {}", it.name));
    Edit {
        shell: Shell::new(visitor, title),
        form,
        methods: vec![Choice::new("OAUTH", "OAUTH")],
        grants: vec![Choice::new("refresh_token", "refresh_token")],
        connection: connection.map(|it| (it.id.to_string(), it.name.clone())),
    }
}

/// `GET /console/connections/new/dropbox`
pub(in crate::console) async fn new(visitor: Visitor) -> ConsoleResult {
    let form = Form::of([
        ("base_url", "https://api.dropboxapi.com/2".to_owned()),
        ("method", "OAUTH".to_owned()),
        ("token_url", "https://api.dropboxapi.com/oauth2/token".to_owned()),
        ("grant_type", "refresh_token".to_owned()),
    ]);
    page(&edit_page(&visitor, form, None))
}

/// `POST /console/connections/new/dropbox`
pub(in crate::console) async fn create(
    State(app): State<AppState>,
    visitor: Visitor,
    form: Form,
) -> ConsoleResult {
    let mut body = Map::new();
    body.insert("type".into(), json!("Dropbox"));
    body.insert("status".into(), json!("INACTIVE"));
    fill(&mut body, &form);
    match app.directory.create_connection(&visitor.by(), visitor.home(), &body, None).await {
        Ok(made) => tested(&app, &visitor, &made, true).await,
        Err(DirectoryError::Rejected(why)) => {
            refused(&edit_page(&visitor, told_of_secrets(form.refused(&why, &TARGETS), false), None))
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /console/connections/{id}/edit`
pub(in crate::console) async fn edit(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let connection = find_connection(&app, &visitor, ids.id(0)).await?;
    let mut form = Form::of([
        ("name", connection.name.clone()),
        ("description", connection.description.clone().unwrap_or_default()),
    ]);
    for (field, key) in AUTHENTICATION {
        if let Some(text) = connection.configuration.get(key).and_then(Value::as_str) {
            form.set(field, text);
        }
    }
    page(&edit_page(&visitor, form, Some(&connection)))
}

/// `POST /console/connections/{id}/edit`: a secret that is left blank stays as it is
pub(in crate::console) async fn change(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let connection = find_connection(&app, &visitor, ids.id(0)).await?;
    let mut body = connections::body(&connection);
    fill(&mut body, &form);
    let changed = app
        .reconciler
        .replace_connection(&app.directory, &visitor.by(), visitor.home(), connection.id, &body)
        .await;
    match changed {
        Ok(changed) => {
            app.wake.notify_one();
            if form.value("go") == "test" {
                return tested(&app, &visitor, &changed, false).await;
            }
            done(
                &visitor,
                &format!("/console/connections/{}", changed.id),
                &format!("{} was saved.", changed.name),
            )
        }
        Err(DirectoryError::Rejected(why)) if why.code != "NOT_FOUND" => {
            let form = told_of_secrets(form.refused(&why, &TARGETS), true);
            refused(&edit_page(&visitor, form, Some(&connection)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Puts what the form says into the body of a connection; secrets that are blank are left out.
fn fill(body: &mut Body, form: &Form) {
    body.insert("name".into(), json!(form.value("name")));
    body.insert("description".into(), form.some("description").map_or(Value::Null, |text| json!(text)));
    let mut configuration = body.get("configuration").and_then(Value::as_object).cloned().unwrap_or_default();
    for (field, key) in AUTHENTICATION {
        match form.some(field) {
            Some(text) => configuration.insert(key.to_owned(), json!(text)),
            None => configuration.remove(key),
        };
    }
    body.insert("configuration".into(), Value::Object(configuration));
}

/// A refused form does not bring the secrets back: says so where they were typed.
fn told_of_secrets(mut form: Form, kept: bool) -> Form {
    for field in ["client_secret", "refresh_token"] {
        if form.some(field).is_some() && form.fault_of(field).is_none() {
            let what = match kept {
                true => {
                    "Type it again, or leave it blank to keep the one that is stored: what is typed here is never sent back."
                }
                false => "Type it again: what is typed here is never sent back to the browser.",
            };
            form.fault(field, what);
        }
    }
    form
}

#[derive(Template)]
#[template(path = "provisioning/connection_test.html")]
struct Test {
    shell: Shell,
    id: String,
    name: String,
    team: Option<String>,
    checks: Vec<CheckShown>,
    failed: bool,
    /// Whether the wizard goes on from here.
    is_new: bool,
}

struct CheckShown {
    name: String,
    title: &'static str,
    class: &'static str,
    word: &'static str,
    detail: String,
    request: Option<String>,
}

/// `POST /console/connections/{id}/test`
pub(in crate::console) async fn test(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let connection = find_connection(&app, &visitor, ids.id(0)).await?;
    tested(&app, &visitor, &connection, form.value("new") == "true").await
}

async fn tested(app: &AppState, visitor: &Visitor, connection: &Connection, is_new: bool) -> ConsoleResult {
    let (report, health) = app.reconciler.test_for(&app.directory, &visitor.by(), connection).await?;
    app.directory.connection_tested(connection, &health).await?;
    app.wake.notify_one();
    let failed = !report.passed();
    let title = if failed { "Test Connection Failed" } else { "Test Connection" };
    page(&Test {
        shell: Shell::new(visitor, format!("{title}: {}", connection.name)),
        id: connection.id.to_string(),
        name: connection.name.clone(),
        team: report.team.clone(),
        checks: checks(report),
        failed,
        is_new,
    })
}

fn checks(report: CheckReport) -> Vec<CheckShown> {
    let shown = report.checks.into_iter().map(|check| {
        let (class, word) = match check.status {
            CheckStatus::Success => ("good", "Works"),
            CheckStatus::Failed => ("bad", "Failed"),
            CheckStatus::NotChecked => ("", "Not checked"),
        };
        let title = match check.name.as_str() {
            "token" => "Token",
            "team" => "Team",
            "administrator" => "Administrator",
            _ => "Scope",
        };
        CheckShown { name: check.name, title, class, word, detail: check.detail, request: check.request_id }
    });
    shown.collect()
}

/// The switches among the user actions.
const SWITCHES: [(&str, &str, bool); 8] = [
    ("create", "CREATE_USERS", true),
    ("update", "UPDATE_USERS", true),
    ("disable", "DISABLE_USERS", true),
    ("deprovision", "DEPROVISION_USERS", false),
    ("undo", "UNDO_REMOTE_SUSPENSION", false),
    ("welcome", "SEND_WELCOME_EMAIL", true),
    ("wipe", "WIPE_DATA", false),
    ("keep", "KEEP_ACCOUNT", false),
];
/// The other settings, with what stands when they are not given.
const SETTINGS: [(&str, &str, &str); 11] = [
    ("remove_action", "REMOVE_ACTION", "Disable"),
    ("remove_after", "REMOVE_AFTER_DAYS", "0"),
    ("heir", "TRANSFER_DEST_EMAIL", ""),
    ("told", "TRANSFER_ADMIN_EMAIL", ""),
    ("memberships", "GROUP_MEMBERSHIP_HANDLING", "Merge"),
    ("name_conflict", "GROUP_NAME_CONFLICT", "Adopt"),
    ("foreign", "FOREIGN_EXTERNAL_ID", "Fail"),
    ("protected", "PROTECTED_EMAILS", ""),
    ("pace", "MAX_CALLS_PER_SECOND", "25"),
    ("in_flight", "MAX_IN_FLIGHT", "8"),
    ("batch", "MAX_MEMBERS_PER_CALL", "500"),
];

#[derive(Template)]
#[template(path = "provisioning/connection_actions.html")]
struct Actions {
    shell: Shell,
    form: Form,
    id: String,
    name: String,
    is_new: bool,
    works: bool,
    remove_actions: Vec<Choice>,
    memberships: Vec<Choice>,
    name_conflicts: Vec<Choice>,
    foreign: Vec<Choice>,
}

fn actions_page(visitor: &Visitor, form: Form, it: &Connection, is_new: bool) -> Actions {
    let works = matches!(it.health, usher_domain::provisioning::connection::Health::Valid { .. });
    Actions {
        shell: Shell::new(visitor, format!("User actions: {}", it.name)),
        form,
        id: it.id.to_string(),
        name: it.name.clone(),
        is_new,
        works,
        remove_actions: vec![
            Choice::new("Disable", "Disable: suspend the account"),
            Choice::new("Delete", "Delete: remove the account from the team"),
        ],
        memberships: vec![
            Choice::new("Merge", "Merge: take out only whom Usher put in"),
            Choice::new("Overwrite", "Overwrite: take out everyone who is not a member here"),
        ],
        name_conflicts: vec![
            Choice::new("Adopt", "Adopt: it is the same group from now on"),
            Choice::new("Fail", "Fail: report it, and leave it alone"),
        ],
        foreign: vec![
            Choice::new("Fail", "Fail: report it, and leave the account alone"),
            Choice::new("Keep", "Keep: adopt the account, leave its external id"),
            Choice::new("Overwrite", "Overwrite: adopt the account and its external id"),
        ],
    }
}

/// `GET /console/connections/{id}/actions`
pub(in crate::console) async fn actions(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let it = find_connection(&app, &visitor, ids.id(0)).await?;
    if it.kind != ConnectionKind::Dropbox {
        return Ok(Redirect::to(&format!("/console/connections/{}", it.id)).into_response());
    }
    let mut form = Form::default();
    for (field, key, default) in SWITCHES {
        let on = match it.configuration.get(key) {
            Some(value) => value.as_bool().unwrap_or_else(|| value.as_str() == Some("true")),
            None => default,
        };
        if on {
            form.set(field, "true");
        }
    }
    for (field, key, default) in SETTINGS {
        let text = match it.configuration.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
            Some(Value::Null) | None => default.to_owned(),
            Some(other) => other.to_string(),
        };
        form.set(field, text);
    }
    if it.managed {
        form.set("managed", "true");
    }
    page(&actions_page(&visitor, form, &it, visitor.query("new").is_some()))
}

/// `POST /console/connections/{id}/actions`. What depends on something that is off is off with it.
pub(in crate::console) async fn save_actions(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let it = find_connection(&app, &visitor, ids.id(0)).await?;
    let mut body = connections::body(&it);
    let mut configuration = body.get("configuration").and_then(Value::as_object).cloned().unwrap_or_default();
    for (field, key, _) in SWITCHES {
        configuration.insert(key.to_owned(), json!(form.ticked(field)));
    }
    if !form.ticked("update") {
        configuration.insert("DISABLE_USERS".to_owned(), json!(false));
    }
    for (field, key, _) in SETTINGS {
        let value = match (key, form.some(field)) {
            (_, None) => Value::Null,
            ("PROTECTED_EMAILS", Some(text)) => {
                let lines = text.split(['\n', ',', ';']).map(str::trim).filter(|line| !line.is_empty());
                json!(lines.collect::<Vec<_>>())
            }
            (_, Some(text)) => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
        };
        configuration.insert(key.to_owned(), value);
    }
    body.insert("configuration".into(), Value::Object(configuration));
    body.insert("managed".into(), json!(form.ticked("managed")));
    let changed =
        app.reconciler.replace_connection(&app.directory, &visitor.by(), visitor.home(), it.id, &body).await;
    match changed {
        Ok(changed) => {
            app.wake.notify_one();
            let told = format!("The user actions of {} were saved.", changed.name);
            done(&visitor, &format!("/console/connections/{}", changed.id), &told)
        }
        Err(DirectoryError::Rejected(why)) if why.code != "NOT_FOUND" => {
            let named: Vec<(String, &str)> = SWITCHES
                .iter()
                .map(|(field, key, _)| (format!("configuration.{key}"), *field))
                .chain(SETTINGS.iter().map(|(field, key, _)| (format!("configuration.{key}"), *field)))
                .collect();
            let targets: Vec<(&str, &str)> =
                named.iter().map(|(target, field)| (target.as_str(), *field)).collect();
            let form = form.refused(&why, &targets);
            let is_new = form.value("new") == "true";
            refused(&actions_page(&visitor, form, &it, is_new))
        }
        Err(error) => Err(error.into()),
    }
}

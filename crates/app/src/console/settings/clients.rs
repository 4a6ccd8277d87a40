//! Worker clients: making one, changing what it may do, a new secret, taking it away. A secret is shown once.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use serde_json::{Map, json};
use usher_domain::{
    ClientId, Rejection,
    access::{WorkerClient, client::Rotation},
};
use usher_engine::directory::DirectoryError;

use super::{Offered, chosen, offered};
use crate::{
    access::password,
    console::{
        error::ConsoleResult,
        form::Form,
        page::{Shell, done, page, refused},
        visitor::{Ids, Visitor},
    },
    state::AppState,
    system::random_secret,
};

/// How long the secret before a new one stays good, so that whoever uses the client can be told.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

const TARGETS: [(&str, &str); 4] =
    [("name", "name"), ("description", "description"), ("roles", "roles"), ("enabled", "enabled")];

#[derive(Template)]
#[template(path = "settings/client.html")]
struct Edit {
    shell: Shell,
    form: Form,
    roles: Vec<Offered>,
    client: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "settings/secret.html")]
struct ShownOnce {
    shell: Shell,
    id: String,
    environment: String,
    secret: String,
    overlap: bool,
}

fn shown_once(
    visitor: &Visitor,
    id: ClientId,
    secret: &usher_domain::Secret,
    overlap: bool,
) -> ConsoleResult {
    page(&ShownOnce {
        shell: Shell::new(visitor, "The client's secret"),
        id: id.to_string(),
        environment: visitor.home().to_string(),
        secret: secret.expose().to_owned(),
        overlap,
    })
}

fn new_page(visitor: &Visitor, form: Form) -> Edit {
    let roles = offered(visitor, &|role| form.all("roles").any(|name| name == role.name()));
    Edit { shell: Shell::new(visitor, "New worker client"), form, roles, client: None }
}

/// `GET /console/settings/clients/new`
pub(in crate::console) async fn new(visitor: Visitor) -> ConsoleResult {
    page(&new_page(&visitor, Form::default()))
}

fn body(form: &Form, enabled: bool) -> Map<String, serde_json::Value> {
    let mut body = Map::new();
    body.insert("name".into(), json!(form.value("name")));
    if let Some(description) = form.some("description") {
        body.insert("description".into(), json!(description));
    }
    body.insert("enabled".into(), json!(enabled));
    body.insert("roles".into(), chosen(form));
    body
}

/// `POST /console/settings/clients`
pub(in crate::console) async fn create(
    State(app): State<AppState>,
    visitor: Visitor,
    form: Form,
) -> ConsoleResult {
    let secret = random_secret();
    let hash = password::hash(secret.clone()).await?;
    let roles = &visitor.administrator.roles;
    match app.directory.create_client(&visitor.by(), visitor.home(), &body(&form, true), &hash, roles).await {
        Ok(made) => shown_once(&visitor, made.id, &secret, false),
        Err(DirectoryError::Rejected(why)) => refused(&new_page(&visitor, form.refused(&why, &TARGETS))),
        Err(error) => Err(error.into()),
    }
}

async fn find(app: &AppState, visitor: &Visitor, id: ClientId) -> ConsoleResult<WorkerClient> {
    let found = app.store.client(visitor.home(), id).await?;
    found.ok_or_else(|| Rejection::not_found("client", id).into())
}

fn editing(visitor: &Visitor, it: &WorkerClient, form: Form) -> Edit {
    Edit {
        shell: Shell::new(visitor, it.name.clone()),
        form,
        roles: offered(visitor, &|role| it.roles.contains(&role)),
        client: Some((it.id.to_string(), it.name.clone())),
    }
}

/// `GET /console/settings/clients/{id}`
pub(in crate::console) async fn edit(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let description = it.description.clone().unwrap_or_default();
    let mut form = Form::of([("name", it.name.clone()), ("description", description)]);
    if it.enabled {
        form.set("enabled", "true");
    }
    page(&editing(&visitor, &it, form))
}

/// `POST /console/settings/clients/{id}`
pub(in crate::console) async fn change(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let body = body(&form, form.ticked("enabled"));
    let roles = &visitor.administrator.roles;
    match app.directory.replace_client(&visitor.by(), visitor.home(), it.id, &body, roles).await {
        Ok(saved) => done(&visitor, "/console/settings", &format!("{} was saved.", saved.name)),
        Err(DirectoryError::Rejected(why)) => refused(&editing(&visitor, &it, form.refused(&why, &TARGETS))),
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/settings/clients/{id}/secret`: a new secret. The one before stays good for a day, or with `leaked` ends at
/// once with every token that it got.
pub(in crate::console) async fn rotate(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let rotation = match form.ticked("leaked") {
        true => Rotation { overlap: Duration::ZERO, end_tokens: true },
        false => Rotation { overlap: OVERLAP, end_tokens: false },
    };
    let secret = random_secret();
    let hash = password::hash(secret.clone()).await?;
    let roles = &visitor.administrator.roles;
    app.directory.rotate_secret(&visitor.by(), visitor.home(), it.id, &hash, rotation, roles).await?;
    shown_once(&visitor, it.id, &secret, !rotation.end_tokens)
}

/// `POST /console/settings/clients/{id}/delete`
pub(in crate::console) async fn delete(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    app.directory.delete_client(&visitor.by(), visitor.home(), it.id).await?;
    done(&visitor, "/console/settings", &format!("{} was deleted.", it.name))
}

//! Populations: where users live.

use askama::Template;
use axum::extract::State;
use serde_json::{Map, Value, json};
use usher_domain::{PopulationId, Rejection, directory::population::Population};
use usher_engine::directory::DirectoryError;

use super::{
    error::ConsoleResult,
    form::Form,
    page::{Shell, done, page, refused},
    show::{Time, count, number},
    visitor::{Ids, Visitor},
};
use crate::{
    access::permission::Permission::{ReadIdentities, WriteConfiguration},
    state::AppState,
};

#[derive(Template)]
#[template(path = "populations/list.html")]
struct List {
    shell: Shell,
    rows: Vec<Row>,
    may_write: bool,
}

struct Row {
    id: String,
    name: String,
    description: String,
    default: bool,
    users: String,
}

/// `GET /console/populations`
pub(super) async fn list(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let mut rows = Vec::new();
    for it in app.store.populations(visitor.home()).await? {
        rows.push(Row {
            users: number(app.store.count_users(visitor.home(), Some(it.id)).await?),
            id: it.id.to_string(),
            name: it.name,
            description: it.description.unwrap_or_default(),
            default: it.default,
        });
    }
    page(&List {
        shell: Shell::new(&visitor, "Populations"),
        rows,
        may_write: visitor.may(WriteConfiguration),
    })
}

#[derive(Template)]
#[template(path = "populations/page.html")]
struct PopulationPage {
    shell: Shell,
    id: String,
    name: String,
    description: String,
    default: bool,
    users: String,
    created: Time,
    may_write: bool,
    may_see_users: bool,
    empty: bool,
}

/// `GET /console/populations/{id}`
pub(super) async fn show(State(app): State<AppState>, visitor: Visitor, ids: Ids) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let users = app.store.count_users(visitor.home(), Some(it.id)).await?;
    page(&PopulationPage {
        shell: Shell::new(&visitor, it.name.clone()),
        id: it.id.to_string(),
        name: it.name,
        description: it.description.unwrap_or_default(),
        default: it.default,
        users: count(users, "user lives here", "users live here"),
        created: Time(it.created_at),
        may_write: visitor.may(WriteConfiguration),
        may_see_users: visitor.may(ReadIdentities),
        empty: users == 0,
    })
}

async fn find(app: &AppState, visitor: &Visitor, id: PopulationId) -> ConsoleResult<Population> {
    let found = app.store.population(visitor.home(), id).await?;
    found.ok_or_else(|| Rejection::not_found("population", id).into())
}

#[derive(Template)]
#[template(path = "populations/edit.html")]
struct Edit {
    shell: Shell,
    form: Form,
    population: Option<(String, String)>,
}

fn editing(visitor: &Visitor, form: Form, population: Option<&Population>) -> Edit {
    let title = population.map_or("New population".to_owned(), |it| format!("Edit {}", it.name));
    let population = population.map(|it| (it.id.to_string(), it.name.clone()));
    Edit { shell: Shell::new(visitor, title), form, population }
}

fn body(form: &Form) -> Map<String, Value> {
    let mut body = Map::new();
    for field in ["name", "description"] {
        if let Some(value) = form.some(field) {
            body.insert(field.into(), json!(value));
        }
    }
    body.insert("default".into(), json!(form.ticked("default")));
    body
}

const TARGETS: [(&str, &str); 3] = [("name", "name"), ("description", "description"), ("default", "default")];

/// `GET /console/populations/new`
pub(super) async fn new(visitor: Visitor) -> ConsoleResult {
    page(&editing(&visitor, Form::default(), None))
}

/// `POST /console/populations`
pub(super) async fn create(State(app): State<AppState>, visitor: Visitor, form: Form) -> ConsoleResult {
    match app.directory.create_population(&visitor.by(), visitor.home(), &body(&form)).await {
        Ok(it) => {
            done(&visitor, &format!("/console/populations/{}", it.id), &format!("{} was created.", it.name))
        }
        Err(DirectoryError::Rejected(why)) => refused(&editing(&visitor, form.refused(&why, &TARGETS), None)),
        Err(error) => Err(error.into()),
    }
}

/// `GET /console/populations/{id}/edit`
pub(super) async fn edit(State(app): State<AppState>, visitor: Visitor, ids: Ids) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let description = it.description.clone().unwrap_or_default();
    let mut form = Form::of([("name", it.name.clone()), ("description", description)]);
    if it.default {
        form.set("default", "true");
    }
    page(&editing(&visitor, form, Some(&it)))
}

/// `POST /console/populations/{id}/edit`
pub(super) async fn change(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    match app.directory.replace_population(&visitor.by(), visitor.home(), it.id, &body(&form)).await {
        Ok(saved) => {
            done(&visitor, &format!("/console/populations/{}", it.id), &format!("{} was saved.", saved.name))
        }
        Err(DirectoryError::Rejected(why)) => {
            refused(&editing(&visitor, form.refused(&why, &TARGETS), Some(&it)))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/populations/{id}/delete`: only one where nobody lives.
pub(super) async fn delete(State(app): State<AppState>, visitor: Visitor, ids: Ids) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    app.directory.delete_population(&visitor.by(), visitor.home(), it.id).await?;
    done(&visitor, "/console/populations", &format!("{} was deleted.", it.name))
}

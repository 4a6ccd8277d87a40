//! Making a user, and changing what is known of them.

use askama::Template;
use axum::extract::State;
use serde_json::{Map, Value, json};
use usher_domain::{directory::user::User, ports::store::StoreResult};
use usher_engine::directory::DirectoryError;

use super::find;
use crate::{
    console::{
        error::ConsoleResult,
        form::{Choice, Form},
        page::{Shell, done, page, refused},
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

/// The form's fields, and the members of a user that they stand for.
const FIELDS: [(&str, &str); 8] = [
    ("username", "username"),
    ("email", "email"),
    ("given", "name.given"),
    ("family", "name.family"),
    ("title", "title"),
    ("external_id", "externalId"),
    ("population", "population.id"),
    ("enabled", "enabled"),
];
/// As a rejection names them.
fn targets() -> Vec<(&'static str, &'static str)> {
    let mut targets: Vec<_> = FIELDS.iter().map(|(field, member)| (*member, *field)).collect();
    targets.push(("population", "population"));
    targets
}

#[derive(Template)]
#[template(path = "users/edit.html")]
struct Edit {
    shell: Shell,
    form: Form,
    populations: Vec<Choice>,
    /// The user who is changed; `None` makes one.
    user: Option<(String, String)>,
}

async fn populations(app: &AppState, visitor: &Visitor) -> StoreResult<Vec<Choice>> {
    let all = app.store.populations(visitor.home()).await?;
    Ok(all.into_iter().map(|it| Choice::new(it.id.to_string(), it.name)).collect())
}

/// `GET /console/users/new`
pub(in crate::console) async fn new(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let all = app.store.populations(visitor.home()).await?;
    let asked = visitor.visit.id("population");
    let home = all.iter().find(|it| asked.map_or(it.default, |asked| it.id.uuid() == asked));
    let mut form = Form::of([("population", home.map(|it| it.id.to_string()).unwrap_or_default())]);
    form.set("enabled", "true");
    let populations = populations(&app, &visitor).await?;
    page(&Edit { shell: Shell::new(&visitor, "New user"), form, populations, user: None })
}

/// `POST /console/users`
pub(in crate::console) async fn create(
    State(app): State<AppState>,
    visitor: Visitor,
    form: Form,
) -> ConsoleResult {
    let mut body = body(&form, false);
    body.insert("population".into(), json!({ "id": form.value("population") }));
    body.insert("enabled".into(), json!(form.ticked("enabled")));
    match app.directory.create_user(&visitor.by(), visitor.home(), &body).await {
        Ok(made) => {
            done(&visitor, &format!("/console/users/{}", made.id), &format!("{} was created.", made.username))
        }
        Err(DirectoryError::Rejected(why)) => {
            let form = form.refused(&why, &targets());
            let populations = populations(&app, &visitor).await?;
            refused(&Edit { shell: Shell::new(&visitor, "New user"), form, populations, user: None })
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /console/users/{id}/edit`
pub(in crate::console) async fn edit(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let user = find(&app, &visitor, ids.id(0)).await?;
    let optional = |value: &Option<String>| value.clone().unwrap_or_default();
    let form = Form::of([
        ("username", user.username.clone()),
        ("email", user.email.clone()),
        ("given", optional(&user.name.given)),
        ("family", optional(&user.name.family)),
        ("title", user.attributes.get("title").and_then(Value::as_str).unwrap_or_default().to_owned()),
        ("external_id", optional(&user.external_id)),
        ("population", user.population.to_string()),
    ]);
    page(&editing(&app, &visitor, &user, form).await?)
}

async fn editing(app: &AppState, visitor: &Visitor, user: &User, form: Form) -> ConsoleResult<Edit> {
    Ok(Edit {
        shell: Shell::new(visitor, format!("Edit {}", user.username)),
        form,
        populations: populations(app, visitor).await?,
        user: Some((user.id.to_string(), super::called(user))),
    })
}

/// `POST /console/users/{id}/edit`
pub(in crate::console) async fn change(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let user = find(&app, &visitor, ids.id(0)).await?;
    let by = visitor.by();
    let changed = async {
        let changed = app.directory.patch_user(&by, visitor.home(), user.id, &body(&form, true)).await?;
        match form.value("population").parse() {
            Ok(population) if population != changed.population => {
                app.directory.set_user_population(&by, visitor.home(), user.id, population).await
            }
            _ => Ok(changed),
        }
    };
    match changed.await {
        Ok(changed) => done(
            &visitor,
            &format!("/console/users/{}", user.id),
            &format!("{} was saved.", changed.username),
        ),
        Err(DirectoryError::Rejected(why)) if why.code != "NOT_FOUND" => {
            let form = form.refused(&why, &targets());
            refused(&editing(&app, &visitor, &user, form).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The body of a command; with `clears`, a field that is empty clears what was there.
fn body(form: &Form, clears: bool) -> Map<String, Value> {
    let mut body = Map::new();
    let mut name = Map::new();
    for (field, member) in FIELDS.iter().take(6) {
        let value = match form.some(field) {
            Some(text) => json!(text),
            None if clears => Value::Null,
            None => continue,
        };
        match member.strip_prefix("name.") {
            Some(part) => name.insert(part.to_owned(), value),
            None => body.insert((*member).to_owned(), value),
        };
    }
    if !name.is_empty() {
        body.insert("name".into(), Value::Object(name));
    }
    body
}

//! Webhooks: the audit told to other systems. Making one, changing it, its switch, its signing secret, its end.
//!
//! Here is what the pages do; [`form`] is how one is filled in, [`view`] how one is shown. The API's commands do all of
//! it. What signs is shown once, the values of headers never.

mod form;
mod view;

use askama::Template;
use axum::extract::State;
use serde_json::json;
use usher_domain::{
    Rejection, SubscriptionId,
    subscription::{Subscription, commands},
};
use usher_engine::directory::DirectoryError;

pub(in crate::console) use self::view::{Row, rows};
use crate::{
    console::{
        error::ConsoleResult,
        form::Form,
        page::{Shell, done, page, refused},
        show::Time,
        visitor::{Ids, Visitor},
    },
    state::AppState,
    system::random_signing_secret,
};

async fn find(app: &AppState, visitor: &Visitor, id: SubscriptionId) -> ConsoleResult<Subscription> {
    let found = app.store.subscription(visitor.home(), id).await?;
    found.ok_or_else(|| Rejection::not_found("subscription", id).into())
}

/// `GET /console/settings/webhooks/{id}`
pub(in crate::console) async fn show(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    page(&view::shown(&app, &visitor, &it).await?)
}

/// `GET /console/settings/webhooks/new`
pub(in crate::console) async fn new(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    page(&form::editing(&app, &visitor, None, form::blank()).await?)
}

#[derive(Template)]
#[template(path = "settings/signing_secret.html")]
struct ShownOnce {
    shell: Shell,
    id: String,
    secret: String,
    before_until: Option<Time>,
}

fn shown_once(visitor: &Visitor, it: &Subscription) -> ConsoleResult {
    page(&ShownOnce {
        shell: Shell::new(visitor, format!("What signs the deliveries of {}", it.name)),
        id: it.id.to_string(),
        secret: it.told_secret(),
        before_until: it.previous_secret.as_ref().map(|(_, until)| Time(*until)),
    })
}

/// `POST /console/settings/webhooks`
pub(in crate::console) async fn create(
    State(app): State<AppState>,
    visitor: Visitor,
    form: Form,
) -> ConsoleResult {
    let body = match form::body(&form, None) {
        Ok(body) => body,
        Err(form) => return refused(&form::editing(&app, &visitor, None, form).await?),
    };
    let secret = random_signing_secret();
    match app.directory.create_subscription(&visitor.by(), visitor.home(), &body, &secret).await {
        Ok(made) => shown_once(&visitor, &made),
        Err(DirectoryError::Rejected(why)) => {
            refused(&form::editing(&app, &visitor, None, form::refused(form, &why)).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /console/settings/webhooks/{id}/edit`
pub(in crate::console) async fn edit(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let form = form::of(&it);
    page(&form::editing(&app, &visitor, Some(&it), form).await?)
}

/// `POST /console/settings/webhooks/{id}/edit`
pub(in crate::console) async fn change(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let body = match form::body(&form, Some(&it)) {
        Ok(body) => body,
        Err(form) => return refused(&form::editing(&app, &visitor, Some(&it), form).await?),
    };
    match app.directory.replace_subscription(&visitor.by(), visitor.home(), it.id, &body).await {
        Ok(saved) => done(&visitor, &address(saved.id), &format!("{} was saved.", saved.name)),
        Err(DirectoryError::Rejected(why)) => {
            refused(&form::editing(&app, &visitor, Some(&it), form::refused(form, &why)).await?)
        }
        Err(error) => Err(error.into()),
    }
}

fn address(id: SubscriptionId) -> String {
    format!("/console/settings/webhooks/{id}")
}

/// `POST /console/settings/webhooks/{id}/toggle`: on or off, as `enabled` says
pub(in crate::console) async fn toggle(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let on = form.value("enabled") == "true";
    let mut body = commands::shown(&it);
    body["enabled"] = json!(on);
    let body = body.as_object().cloned().unwrap_or_default();
    let saved = app.directory.replace_subscription(&visitor.by(), visitor.home(), it.id, &body).await?;
    let told = match on {
        true => format!("{} is on; what was kept for it is delivered now.", saved.name),
        false => format!("{} is off; what happens is kept for it for two weeks.", saved.name),
    };
    done(&visitor, &address(saved.id), &told)
}

/// `POST /console/settings/webhooks/{id}/secret`: another one, shown this once; the one before signs too for a day.
pub(in crate::console) async fn rotate(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let id = ids.id(0);
    let secret = random_signing_secret();
    let rotated = app.directory.rotate_subscription(&visitor.by(), visitor.home(), id, &secret).await?;
    shown_once(&visitor, &rotated)
}

/// `POST /console/settings/webhooks/{id}/delete`
pub(in crate::console) async fn delete(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    app.directory.delete_subscription(&visitor.by(), visitor.home(), it.id).await?;
    done(&visitor, "/console/settings", &format!("{} was deleted; nothing is told to it any more.", it.name))
}

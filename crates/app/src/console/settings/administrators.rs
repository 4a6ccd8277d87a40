//! Administrators: making one, changing what they may do, a new password, taking them away.

use askama::Template;
use axum::extract::State;
use serde_json::{Map, json};
use usher_domain::{
    AdministratorId, Rejection, Secret,
    access::{
        Administrator, ProviderAccount,
        administrator::{Changer, password_fault},
    },
};
use usher_engine::directory::DirectoryError;

use super::{Offered, chosen, offered};
use crate::{
    access::password,
    console::{
        error::{ConsoleError, ConsoleResult},
        form::Form,
        page::{Shell, done, page, refused},
        show::Time,
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "settings/administrator.html")]
struct Edit {
    shell: Shell,
    form: Form,
    roles: Vec<Offered>,
    who: Option<Known>,
}

struct Known {
    id: String,
    username: String,
    created: Time,
    second_factor: bool,
    /// The account at an OpenID provider that signs them in.
    provider: Option<ProviderAccount>,
    oneself: bool,
}

/// As a rejection names the fields.
const TARGETS: [(&str, &str); 4] =
    [("username", "username"), ("password", "password"), ("roles", "roles"), ("enabled", "enabled")];

fn new_page(visitor: &Visitor, form: Form) -> Edit {
    let roles = offered(visitor, &|role| form.all("roles").any(|name| name == role.name()));
    Edit { shell: Shell::new(visitor, "New administrator"), form, roles, who: None }
}

/// `GET /console/settings/administrators/new`
pub(in crate::console) async fn new(visitor: Visitor) -> ConsoleResult {
    page(&new_page(&visitor, Form::default()))
}

async fn hashed(password: &Secret) -> ConsoleResult<String> {
    Ok(password::hash(password.clone()).await?)
}

/// `POST /console/settings/administrators`
pub(in crate::console) async fn create(
    State(app): State<AppState>,
    visitor: Visitor,
    mut form: Form,
) -> ConsoleResult {
    let password = Secret::new(form.raw("password"));
    if let Some(fault) = password_fault("password", &password) {
        form = form.refused(&Rejection::invalid(vec![fault]), &TARGETS);
        return refused(&new_page(&visitor, form));
    }
    let mut body = Map::new();
    body.insert("username".into(), json!(form.value("username")));
    body.insert("roles".into(), chosen(&form));
    let hash = hashed(&password).await?;
    let roles = &visitor.administrator.roles;
    match app.directory.create_administrator(&visitor.by(), visitor.home(), &body, &hash, roles).await {
        Ok(made) => done(&visitor, "/console/settings", &format!("{} may sign in now.", made.username)),
        Err(DirectoryError::Rejected(why)) => refused(&new_page(&visitor, form.refused(&why, &TARGETS))),
        Err(error) => Err(error.into()),
    }
}

async fn find(app: &AppState, visitor: &Visitor, id: AdministratorId) -> ConsoleResult<Administrator> {
    let found = app.store.administrator_by_id(visitor.home(), id).await?;
    found.ok_or_else(|| Rejection::not_found("administrator", id).into())
}

/// Somebody else than the visitor: what proves who one is, one changes under My account, where it is asked for.
async fn find_other(app: &AppState, visitor: &Visitor, id: AdministratorId) -> ConsoleResult<Administrator> {
    if id == visitor.administrator.id {
        let what = "Change your own password and second factor under My account";
        return Err(ConsoleError::bad_request(what));
    }
    find(app, visitor, id).await
}

fn editing(visitor: &Visitor, it: &Administrator, form: Form) -> Edit {
    Edit {
        shell: Shell::new(visitor, it.username.clone()),
        form,
        roles: offered(visitor, &|role| it.roles.contains(&role)),
        who: Some(Known {
            id: it.id.to_string(),
            username: it.username.clone(),
            created: Time(it.created_at),
            second_factor: it.totp.is_some(),
            provider: it.provider.clone(),
            oneself: it.id == visitor.administrator.id,
        }),
    }
}

/// `GET /console/settings/administrators/{id}`
pub(in crate::console) async fn edit(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let mut form = Form::of([("username", it.username.clone())]);
    if it.enabled {
        form.set("enabled", "true");
    }
    page(&editing(&visitor, &it, form))
}

/// `POST /console/settings/administrators/{id}`
pub(in crate::console) async fn change(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let mut body = Map::new();
    body.insert("username".into(), json!(form.value("username")));
    body.insert("enabled".into(), json!(form.ticked("enabled")));
    body.insert("roles".into(), chosen(&form));
    let roles = &visitor.administrator.roles;
    match app.directory.replace_administrator(&visitor.by(), visitor.home(), it.id, &body, roles).await {
        Ok(saved) => done(&visitor, "/console/settings", &format!("{} was saved.", saved.username)),
        Err(DirectoryError::Rejected(why)) => refused(&editing(&visitor, &it, form.refused(&why, &TARGETS))),
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/settings/administrators/{id}/password`: for someone who forgot theirs. Ends their sessions.
pub(in crate::console) async fn set_password(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let it = find_other(&app, &visitor, ids.id(0)).await?;
    let password = Secret::new(form.raw("password"));
    if let Some(fault) = password_fault("password", &password) {
        let form = form.refused(&Rejection::invalid(vec![fault]), &TARGETS);
        return refused(&editing(&visitor, &it, form));
    }
    let hash = hashed(&password).await?;
    let giver = Changer::Other(&visitor.administrator.roles);
    app.directory.set_password(&visitor.by(), visitor.home(), it.id, &hash, giver).await?;
    done(&visitor, "/console/settings", &format!("{} has a new password, and was signed out.", it.username))
}

/// `POST /console/settings/administrators/{id}/totp/off`: for someone who lost their device and their recovery codes. Ends
/// their sessions.
pub(in crate::console) async fn remove_totp(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let it = find_other(&app, &visitor, ids.id(0)).await?;
    let giver = Changer::Other(&visitor.administrator.roles);
    app.directory.remove_totp(&visitor.by(), visitor.home(), it.id, giver).await?;
    done(&visitor, "/console/settings", &format!("{} signs in without a second factor now.", it.username))
}

/// `POST /console/settings/administrators/{id}/provider/off`: for who has another account at the provider now, or left.
/// Ends the sessions that the account opened.
pub(in crate::console) async fn release(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    let roles = visitor.administrator.roles.as_slice();
    app.directory.unbind_provider(&visitor.by(), visitor.home(), it.id, roles).await?;
    let message = format!("{} is no longer bound to an account at the OpenID provider.", it.username);
    done(&visitor, "/console/settings", &message)
}

/// `POST /console/settings/administrators/{id}/delete`
pub(in crate::console) async fn delete(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let it = find(&app, &visitor, ids.id(0)).await?;
    app.directory.delete_administrator(&visitor.by(), visitor.home(), it.id).await?;
    done(&visitor, "/console/settings", &format!("{} was deleted.", it.username))
}

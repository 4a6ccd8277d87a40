//! Settings: administrators, worker clients, webhooks, and what stands for every rule.

pub(super) mod administrators;
pub(super) mod clients;
pub(super) mod guard;
pub(super) mod webhooks;

use askama::Template;
use axum::extract::State;
use serde_json::{Value, json};
use usher_domain::{access::Role, reconcile::guard::Limits};

use super::{
    error::ConsoleResult,
    form::Form,
    page::{Shell, page},
    show,
    visitor::Visitor,
};
use crate::{
    access::permission::Permission::{ReadAccess, WriteAccess, WriteConfiguration},
    state::AppState,
};

#[derive(Template)]
#[template(path = "settings/page.html")]
struct Settings {
    shell: Shell,
    environment: String,
    max_removals: u32,
    max_percent: u32,
    window: u64,
    may_see_access: bool,
    administrators: Vec<Row>,
    clients: Vec<Row>,
    may_write: bool,
    webhooks: Vec<webhooks::Row>,
    may_configure: bool,
    provider: Option<Provider>,
}

/// The OpenID provider, as whoever runs it needs to know.
struct Provider {
    name: String,
    issuer: String,
    client_id: String,
    redirect_uri: String,
}

struct Row {
    id: String,
    name: String,
    roles: Vec<&'static str>,
    state: show::Badge,
    second_factor: bool,
}

/// `GET /console/settings`
pub(super) async fn show_all(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let may_see_access = visitor.may(ReadAccess);
    let limits = Limits::from(&visitor.environment.guard);
    let (mut administrators, mut clients) = (Vec::new(), Vec::new());
    if may_see_access {
        for it in app.store.administrators(visitor.home()).await? {
            administrators.push(Row {
                id: it.id.to_string(),
                name: it.username,
                roles: it.roles.iter().map(|role| role.name()).collect(),
                state: show::enabled(it.enabled),
                second_factor: it.totp.is_some_and(|totp| totp.confirmed),
            });
        }
        for it in app.store.clients(visitor.home()).await? {
            clients.push(Row {
                id: it.id.to_string(),
                name: it.name,
                roles: it.roles.iter().map(|role| role.name()).collect(),
                state: show::enabled(it.enabled),
                second_factor: false,
            });
        }
    }
    page(&Settings {
        shell: Shell::new(&visitor, "Settings"),
        environment: visitor.home().to_string(),
        max_removals: limits.max_removals,
        max_percent: limits.max_percent,
        window: limits.window.as_secs() / 60,
        may_see_access,
        administrators,
        clients,
        may_write: visitor.may(WriteAccess),
        webhooks: webhooks::rows(&app, &visitor).await?,
        may_configure: visitor.may(WriteConfiguration),
        provider: app.provider.as_ref().map(|it| Provider {
            name: it.name.clone(),
            issuer: it.registration().issuer.clone(),
            client_id: it.registration().client_id.clone(),
            redirect_uri: it.redirect_uri.clone(),
        }),
    })
}

/// A role that a form offers. Nobody gives a role that they do not have.
struct Offered {
    name: &'static str,
    ticked: bool,
    may_give: bool,
}

fn offered(visitor: &Visitor, ticked: &dyn Fn(Role) -> bool) -> Vec<Offered> {
    let offer = |role: Role| Offered {
        name: role.name(),
        ticked: ticked(role),
        may_give: visitor.administrator.roles.contains(&role),
    };
    Role::ALL.into_iter().map(offer).collect()
}

/// The roles that a form ticks.
fn chosen(form: &Form) -> Value {
    let ticked = form.all("roles").filter(|role| !role.is_empty());
    json!(ticked.collect::<Vec<_>>())
}

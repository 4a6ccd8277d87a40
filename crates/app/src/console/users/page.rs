//! One user: who they are, where they are in, where they stand with each rule; and what can be done with them.

use askama::Template;
use axum::extract::State;
use serde_json::Value;
use usher_domain::{Rejection, directory::user::User, reconcile::scope::Subject};
use usher_engine::directory::DirectoryError;

use super::{called, find};
use crate::{
    access::permission::Permission::{ReadConfiguration, WriteIdentities},
    console::{
        error::ConsoleResult,
        form::Form,
        page::{Shell, done, page, refused},
        show::{Badge, Time, count, enabled},
        standings::{SyncedRule, synced_rules},
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "users/page.html")]
struct UserPage {
    shell: Shell,
    form: Form,
    id: String,
    name: String,
    username: String,
    state: Badge,
    is_enabled: bool,
    facts: Vec<(String, String)>,
    created: Time,
    updated: Time,
    population: (String, String),
    groups: Vec<InGroup>,
    rules: Vec<SyncedRule>,
    may_write: bool,
    may_see_rules: bool,
}

struct InGroup {
    id: String,
    name: String,
    how: &'static str,
}

/// `GET /console/users/{id}`
pub(in crate::console) async fn show(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let user = find(&app, &visitor, ids.id(0)).await?;
    page(&shown(&app, &visitor, &user, Form::default()).await?)
}

async fn shown(app: &AppState, visitor: &Visitor, user: &User, form: Form) -> ConsoleResult<UserPage> {
    let population = app.store.population(visitor.home(), user.population).await?;
    let groups = app.directory.groups_of(visitor.home(), user.id).await?;
    let groups = groups.into_iter().map(|(group, kind)| InGroup {
        id: group.id.to_string(),
        how: match (kind, &group.user_filter) {
            ("DIRECT", Some(_)) => "by its filter",
            ("DIRECT", None) => "directly",
            _ => "through another group",
        },
        name: group.name,
    });
    Ok(UserPage {
        shell: Shell::new(visitor, called(user)),
        form,
        id: user.id.to_string(),
        name: called(user),
        username: user.username.clone(),
        state: enabled(user.enabled),
        is_enabled: user.enabled,
        facts: facts(user),
        created: Time(user.created_at),
        updated: Time(user.updated_at),
        population: (user.population.to_string(), population.map(|it| it.name).unwrap_or_default()),
        groups: groups.collect(),
        rules: synced_rules(app, visitor, Subject::User(user.id)).await?,
        may_write: visitor.may(WriteIdentities),
        may_see_rules: visitor.may(ReadConfiguration),
    })
}

/// What is known of a user, as pairs; objects by their members.
fn facts(user: &User) -> Vec<(String, String)> {
    let mut facts = vec![("E-mail".to_owned(), user.email.clone())];
    let name = &user.name;
    let named = [
        ("First name", &name.given),
        ("Last name", &name.family),
        ("Middle name", &name.middle),
        ("Prefix", &name.honorific_prefix),
        ("Suffix", &name.honorific_suffix),
        ("External ID", &user.external_id),
    ];
    facts.extend(named.into_iter().filter_map(|(label, value)| Some((label.to_owned(), value.clone()?))));
    for (key, value) in &user.attributes {
        match value {
            Value::Object(members) => {
                facts.extend(members.iter().map(|(member, value)| (format!("{key}.{member}"), plain(value))))
            }
            value => facts.push((key.clone(), plain(value))),
        }
    }
    facts
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// `POST /console/users/{id}/enabled`
pub(in crate::console) async fn set_enabled(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let on = form.value("enabled") == "true";
    let user = app.directory.set_user_enabled(&visitor.by(), visitor.home(), ids.id(0), on).await?;
    let told = format!("{} was {}.", user.username, if on { "enabled" } else { "disabled" });
    done(&visitor, &format!("/console/users/{}", user.id), &told)
}

/// `POST /console/users/{id}/provision`: look at them again in every rule, now.
pub(in crate::console) async fn provision(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let user = find(&app, &visitor, ids.id(0)).await?;
    let rules = app.reconciler.running_rules(visitor.home()).await?;
    for rule in &rules {
        let subject = Subject::User(user.id);
        app.directory.look_again(&visitor.by(), visitor.home(), rule.id, subject).await?;
    }
    app.wake.notify_one();
    let told = match rules.len() {
        0 => format!("No rule runs, so nothing was done for {}.", user.username),
        n => format!("{} is being synced by {}.", user.username, count(n as u64, "rule", "rules")),
    };
    done(&visitor, &format!("/console/users/{}", user.id), &told)
}

/// `POST /console/users/{id}/groups`: into a group, by its name.
pub(in crate::console) async fn join(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let user = find(&app, &visitor, ids.id(0)).await?;
    let wanted = form.value("group").to_lowercase();
    let groups = app.store.groups(visitor.home()).await?;
    let named = groups.iter().find(|group| group.name.to_lowercase() == wanted);
    let joined = match named {
        Some(group) => app.directory.add_member(&visitor.by(), visitor.home(), user.id, group.id).await,
        None => {
            let what = format!("There is no group called “{}”", form.value("group"));
            Err(Rejection::field("INVALID_VALUE", "id", what).into())
        }
    };
    match joined {
        Ok(group) => done(
            &visitor,
            &format!("/console/users/{}", user.id),
            &format!("{} is in {} now.", user.username, group.name),
        ),
        Err(DirectoryError::Rejected(why)) => {
            let form = form.refused(&why, &[("id", "group"), ("user", "group"), ("group", "group")]);
            refused(&shown(&app, &visitor, &user, form).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/users/{id}/groups/{group}/leave`
pub(in crate::console) async fn leave(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let user = find(&app, &visitor, ids.id(0)).await?;
    app.directory.remove_member(&visitor.by(), visitor.home(), user.id, ids.id(1)).await?;
    done(&visitor, &format!("/console/users/{}", user.id), &format!("{} was taken out.", user.username))
}

#[derive(Template)]
#[template(path = "users/delete.html")]
struct Delete {
    shell: Shell,
    id: String,
    name: String,
    username: String,
    groups: usize,
    consequences: Vec<String>,
}

/// `GET /console/users/{id}/delete`: what will happen.
pub(in crate::console) async fn confirm_delete(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let user = find(&app, &visitor, ids.id(0)).await?;
    page(&Delete {
        shell: Shell::new(&visitor, format!("Delete {}", user.username)),
        id: user.id.to_string(),
        name: called(&user),
        groups: app.store.memberships_of(user.id).await?.len(),
        consequences: crate::console::standings::if_deleted(&app, &visitor, user.id).await?,
        username: user.username,
    })
}

/// `POST /console/users/{id}/delete`
pub(in crate::console) async fn delete(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let user = find(&app, &visitor, ids.id(0)).await?;
    app.directory.delete_user(&visitor.by(), visitor.home(), user.id).await?;
    done(&visitor, "/console/users", &format!("{} was deleted.", user.username))
}

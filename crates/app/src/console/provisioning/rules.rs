//! The list of rules, and what is done to a rule from wherever it is shown: its toggle, a full resync, another look at one
//! of its subjects.

use askama::Template;
use axum::extract::State;
use serde_json::json;
use usher_domain::{
    Rejection,
    directory::commands::Body,
    provisioning::{connection::ConnectionKind, rule::Rule},
    reconcile::scope::Subject,
};
use usher_engine::{directory::DirectoryError, reconcile::sync_status::not_running};

use super::{
    find_rule,
    lists::{Heading, Wanted},
};
use crate::{
    access::permission::Permission::{ReadIdentities, WriteConfiguration},
    console::{
        error::{ConsoleError, ConsoleResult},
        form::Form,
        page::{Shell, done, page},
        show::{self, Badge, Time},
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

const COLUMNS: &[(&str, &str)] = &[("name", "Name"), ("last", "Last sync"), ("created", "Created")];

#[derive(Template)]
#[template(path = "provisioning/rules.html")]
struct List {
    shell: Shell,
    wanted: Wanted,
    headings: Vec<Heading>,
    rows: Vec<Row>,
    any: bool,
    any_connection: bool,
    may_write: bool,
    may_see_people: bool,
}

struct Row {
    id: String,
    name: String,
    direction: &'static str,
    connection: String,
    state: Badge,
    detail: String,
    running: Option<(u64, u64)>,
    impacted: String,
    success: String,
    failed: u64,
    last_key: String,
    last: Option<Time>,
    created: Time,
    created_key: String,
}

/// `GET /console/rules`, with `sort` and `q`
pub(in crate::console) async fn list(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let wanted = Wanted::of(&visitor, COLUMNS);
    let connections = app.store.connections(visitor.home()).await?;
    let all = app.reconciler.rules(visitor.home()).await?;
    let any = !all.is_empty();
    let mut rows = Vec::new();
    for rule in all {
        let connection = connections.iter().find(|it| it.id == rule.connection());
        let connection = connection.map(|it| it.name.clone()).unwrap_or_default();
        if !wanted.finds(&[&rule.name, rule.description.as_deref().unwrap_or_default(), &connection]) {
            continue;
        }
        let status = app.reconciler.sync_status(&rule).await?;
        rows.push(Row {
            id: rule.id.to_string(),
            direction: show::direction(rule.direction),
            connection,
            state: show::rule_state(status.state),
            detail: status.detail.unwrap_or_default(),
            running: status
                .current
                .filter(|run| !run.state.is_final() && run.total > 0)
                .map(|run| (run.done, run.total)),
            impacted: show::number(status.users.impacted),
            success: show::number(status.users.success),
            failed: status.users.failed,
            last_key: status.last_sync_at.map(|at| at.to_string()).unwrap_or_default(),
            last: status.last_sync_at.map(Time),
            created: Time(rule.created_at),
            created_key: rule.created_at.to_string(),
            name: rule.name,
        });
    }
    wanted.sort(&mut rows, |row| match wanted.sort {
        "last" => row.last_key.clone(),
        "created" => row.created_key.clone(),
        _ => row.name.to_lowercase(),
    });
    page(&List {
        shell: Shell::new(&visitor, "Rules"),
        headings: wanted.headings(),
        wanted,
        rows,
        any,
        any_connection: connections.iter().any(|it| it.kind != ConnectionKind::Directory),
        may_write: visitor.may(WriteConfiguration),
        may_see_people: visitor.may(ReadIdentities),
    })
}

/// The rule as the body that would leave it as it is.
pub(super) fn body(rule: &Rule) -> Body {
    let groups: Vec<_> = rule.groups.iter().map(|id| json!({ "id": id })).collect();
    let body = json!({
        "name": rule.name,
        "description": rule.description,
        "active": rule.active,
        "populationExpression": rule.filter,
        "groups": groups,
        "configuration": rule.configuration,
    });
    body.as_object().cloned().unwrap_or_default()
}

/// `POST /console/rules/{id}/toggle`
pub(in crate::console) async fn toggle(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let on = form.value("active") == "true";
    let mut body = body(&rule);
    body.insert("active".into(), json!(on));
    let changed = app.directory.replace_rule(&visitor.by(), visitor.home(), rule.id, &body).await?;
    app.wake.notify_one();
    let told = match on {
        true => format!("{} is on; its first sync begins.", changed.name),
        false => format!(
            "{} is off. Nothing is provisioned by it, and nobody loses anything, until it is on again.",
            changed.name
        ),
    };
    done(&visitor, &format!("/console/rules/{}", rule.id), &told)
}

/// `POST /console/rules/{id}/sync`: a full resync, now
pub(in crate::console) async fn resync(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let connection = app.store.connection(visitor.home(), rule.connection()).await?;
    if let Some(why) = not_running(&rule, connection.as_ref()) {
        return Err(ConsoleError::bad_request(format!("No sync was started: {why}.")));
    }
    let run = app.reconciler.resync(visitor.home(), &rule, visitor.actor()).await?;
    app.wake.notify_one();
    done(&visitor, &format!("/console/runs/{}", run.id), "A full sync was started.")
}

/// `POST /console/rules/{id}/retry`, with `subject` and where to go `back` to: another look at one subject, now
pub(in crate::console) async fn retry(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let subject = subject(form.value("subject")).ok_or_else(ConsoleError::no_such_page)?;
    let looked = app.directory.look_again(&visitor.by(), visitor.home(), rule.id, subject).await;
    if let Err(DirectoryError::Rejected(Rejection { code: "NOT_FOUND", .. })) = looked {
        return Err(ConsoleError::no_such_page());
    }
    looked?;
    app.wake.notify_one();
    let back = form.value("back");
    let own = format!("/console/rules/{}", rule.id);
    let to = if back.starts_with("/console/runs/") || back.starts_with(&own) { back.to_owned() } else { own };
    done(&visitor, &to, "It is looked at again now; the outcome shows on the rule's page.")
}

/// `user:…` or `group:…`.
fn subject(text: &str) -> Option<Subject> {
    let (kind, id) = text.split_once(':')?;
    match kind {
        "user" => Some(Subject::User(id.parse().ok()?)),
        "group" => Some(Subject::Group(id.parse().ok()?)),
        _ => None,
    }
}

//! Deleting a rule: what becomes of its accounts, counted by the planner itself, with and without deprovisioning.

use askama::Template;
use axum::extract::State;
use usher_domain::{
    provisioning::rule::{Direction, Rule},
    reconcile::plan::Retiring,
};
use usher_engine::reconcile::Draft;

use super::{find_rule, looking, plan_view};
use crate::{
    console::{
        error::{ConsoleError, ConsoleResult},
        form::Form,
        page::{Shell, done, page},
        show::count,
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "provisioning/rule_delete.html")]
struct Page {
    shell: Shell,
    id: String,
    name: String,
    linked: String,
    outbound: bool,
    /// The connection says that its rules deprovision when they are deleted.
    managed: bool,
    /// What deprovisioning does now, in words, and its digest; or why that cannot be said.
    deprovision: Result<(String, String), String>,
}

/// `GET /console/rules/{id}/delete`
pub(in crate::console) async fn confirm(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let outbound = rule.direction == Direction::Outbound;
    let title = format!("Delete {}", rule.name);
    if outbound && let Some(first) = looking::first(&app, &visitor, title.clone()).await? {
        return Ok(first);
    }
    let linked = app.store.linked_counts(rule.id).await?;
    let connection = app.store.connection(visitor.home(), rule.connection()).await?;
    let deprovision = match outbound {
        true => planned(&app, &rule).await,
        false => Err(String::new()),
    };
    page(&Page {
        shell: Shell::new(&visitor, title),
        id: rule.id.to_string(),
        name: rule.name,
        linked: format!(
            "{} and {}",
            count(linked.users, "account", "accounts"),
            count(linked.groups, "group", "groups")
        ),
        outbound,
        managed: connection.is_some_and(|it| it.managed),
        deprovision,
    })
}

async fn planned(app: &AppState, rule: &Rule) -> Result<(String, String), String> {
    let retiring = Rule { retiring: Some(Retiring::Deprovision), ..rule.clone() };
    let preview =
        app.reconciler.preview(&retiring, Draft::default()).await.map_err(|error| error.to_string())?;
    let counts = preview.plan.counts();
    let words = plan_view::taken(&counts, &preview.plan.manner);
    Ok((words.unwrap_or_else(|| "This takes nothing away.".to_owned()), preview.digest))
}

/// `POST /console/rules/{id}/delete`, with `how`: `leave` or `deprovision`, and then the digest of what was shown
pub(in crate::console) async fn delete(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let deprovision = match form.value("how") {
        "deprovision" => true,
        "leave" => false,
        _ => return Err(ConsoleError::bad_request("Choose what becomes of the rule's accounts.")),
    };
    let digest = form.some("digest").filter(|_| deprovision);
    app.directory.delete_rule(&visitor.by(), visitor.home(), rule.id, deprovision, digest).await?;
    app.wake.notify_one();
    let told = match deprovision {
        true => format!(
            "{} is being deleted. Its accounts are deprovisioned; what is not as it was shown waits for approval under Runs.",
            rule.name
        ),
        false => format!("{} was deleted.", rule.name),
    };
    done(&visitor, "/console/rules", &told)
}

//! *Why?*: what each rule makes of one user, step by step, as a run would see it now.

use askama::Template;
use axum::extract::State;
use usher_domain::{RuleId, provisioning::rule::Direction};

use super::{called, find};
use crate::{
    console::{
        error::ConsoleResult,
        page::{Shell, page},
        show::{self, Badge},
        standings::Problem,
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "users/explanation.html")]
struct Why {
    shell: Shell,
    id: String,
    name: String,
    rules: Vec<Told>,
}

struct Told {
    name: String,
    in_scope: bool,
    /// Where the attributes are written to, as the last column says it.
    there: &'static str,
    standing: Option<Badge>,
    values: Vec<Value>,
    next: Vec<String>,
    problems: Vec<Problem>,
    steps: Vec<(String, String)>,
    fault: Option<String>,
}

struct Value {
    attribute: String,
    wanted: String,
    inputs: String,
    remote: Option<String>,
    differs: bool,
}

/// `GET /console/users/{id}/explanation`, of one rule (`rule`) or of all
pub(in crate::console) async fn explain(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let user = find(&app, &visitor, ids.id(0)).await?;
    let mut rules = app.reconciler.rules(visitor.home()).await?;
    if let Some(only) = visitor.visit.id("rule").map(RuleId::from) {
        rules.retain(|rule| rule.id == only);
    }
    let mut told = Vec::new();
    for rule in &rules {
        let there = match rule.direction {
            Direction::Outbound => "Is in Dropbox",
            Direction::Inbound => "Is in the directory",
        };
        told.push(match app.reconciler.explain(rule, user.id).await {
            Ok(it) => Told {
                name: rule.name.clone(),
                in_scope: it.in_scope,
                there,
                standing: it.status.as_ref().map(|status| show::standing(status.standing)),
                values: it.values.iter().map(value).collect(),
                next: it.next,
                problems: it.problems.iter().map(Problem::from).collect(),
                steps: it.steps.into_iter().map(step).collect(),
                fault: None,
            },
            Err(error) => Told {
                name: rule.name.clone(),
                in_scope: false,
                there,
                standing: None,
                values: Vec::new(),
                next: Vec::new(),
                problems: Vec::new(),
                steps: Vec::new(),
                fault: Some(error.to_string()),
            },
        });
    }
    page(&Why {
        shell: Shell::new(&visitor, format!("Why? {}", called(&user))),
        id: user.id.to_string(),
        name: called(&user),
        rules: told,
    })
}

fn value(it: &usher_engine::reconcile::explain::ExplainedValue) -> Value {
    Value {
        attribute: it.attribute.to_string(),
        differs: it.remote.as_ref().is_some_and(|remote| *remote != it.wanted),
        wanted: it.wanted.clone(),
        inputs: it.inputs.join(", "),
        remote: it.remote.clone(),
    }
}

/// `Scope: in scope …` as what it is about and what it says.
fn step(text: String) -> (String, String) {
    match text.split_once(": ") {
        Some((about, said)) if about.len() < 30 => (about.to_owned(), said.to_owned()),
        _ => (String::new(), text),
    }
}

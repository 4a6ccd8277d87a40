//! Integrations › Provisioning: connections, rules, previews, runs, the census of a team.
//!
//! A change of what is provisioned is looked at before it is made: the wizard of a rule ends in a preview, an approval
//! is bound to the plan that was shown, and whatever takes something away says from how many.

mod census;
mod conditions;
mod connection_form;
mod connections;
mod expected;
mod lists;
mod looking;
mod plan_view;
mod preview;
mod rule_delete;
mod rule_form;
mod rule_page;
mod rules;
mod runs;

use usher_domain::{
    ConnectionId, RuleId, RunId,
    provisioning::{connection::Connection, rule::Rule},
    reconcile::run::Run,
};

use super::{
    error::{ConsoleError, ConsoleResult},
    visitor::Visitor,
};
use crate::state::AppState;

pub(super) use census::show as census;
pub(super) use connection_form::{actions, change, choose, create, edit, new, save_actions, test};
pub(super) use connections::{
    confirm_delete as confirm_delete_connection, delete as delete_connection, list as connections,
    show as connection, toggle as toggle_connection,
};
pub(super) use preview::show as preview;
pub(super) use rule_delete::{confirm as confirm_delete_rule, delete as delete_rule};
pub(super) use rule_form::{begin, filter_part, reopen, step, step_of};
pub(super) use rule_page::{directory, mapping, onboarding, overview, runs as runs_of_rule};
pub(super) use rules::{list as rules, resync, retry, toggle as toggle_rule};
pub(super) use runs::{approve, cancel, list as runs, show as run};

/// The connection of that id in the visitor's environment.
async fn find_connection(app: &AppState, visitor: &Visitor, id: ConnectionId) -> ConsoleResult<Connection> {
    app.store.connection(visitor.home(), id).await?.ok_or_else(ConsoleError::no_such_page)
}

/// The rule of that id in the visitor's environment, unless it is being deleted.
async fn find_rule(app: &AppState, visitor: &Visitor, id: RuleId) -> ConsoleResult<Rule> {
    app.reconciler.rule(visitor.home(), id).await?.ok_or_else(ConsoleError::no_such_page)
}

/// The run of that id in the visitor's environment.
async fn find_run(app: &AppState, visitor: &Visitor, id: RunId) -> ConsoleResult<Run> {
    app.store.run(visitor.home(), id).await?.ok_or_else(ConsoleError::no_such_page)
}

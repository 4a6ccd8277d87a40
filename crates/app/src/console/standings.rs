//! Where a user or group stands with each rule, and what follows for their accounts when they go.

use usher_domain::{
    UserId, ports::store::StoreResult, provisioning::rule::Direction, reconcile::scope::Subject,
};

use super::{
    show::{self, Badge, Time},
    visitor::Visitor,
};
use crate::state::AppState;

/// One rule, and where someone stands with it.
#[derive(Debug)]
pub(super) struct SyncedRule {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) connection: String,
    pub(super) standing: Option<Badge>,
    pub(super) at: Option<Time>,
    pub(super) problem: Option<Problem>,
}

/// Why someone does not stand well.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) remedy: String,
    pub(super) request: Option<String>,
}

impl From<&usher_domain::Problem> for Problem {
    fn from(it: &usher_domain::Problem) -> Self {
        Problem { message: it.message.clone(), remedy: it.remedy.clone(), request: it.request_id.clone() }
    }
}

/// Every rule of the environment, and where the subject stands with it; nothing where the subject is not of the rule.
pub(super) async fn synced_rules(
    app: &AppState,
    visitor: &Visitor,
    subject: Subject,
) -> StoreResult<Vec<SyncedRule>> {
    let connections = app.store.connections(visitor.home()).await?;
    let statuses = app.store.statuses_by_subject(subject).await?;
    let rules = app.reconciler.rules(visitor.home()).await?;
    let shown = rules.into_iter().map(|rule| {
        let status = statuses.iter().find(|(id, _)| *id == rule.id).map(|(_, status)| status);
        let connection = connections.iter().find(|it| it.id == rule.connection());
        SyncedRule {
            id: rule.id.to_string(),
            connection: connection.map(|it| it.name.clone()).unwrap_or_default(),
            standing: status.map(|status| show::standing(status.standing)),
            at: status.map(|status| Time(status.at)),
            problem: status.and_then(|status| status.problem.as_ref()).map(Problem::from),
            name: rule.name,
        }
    });
    Ok(shown.collect())
}

/// What becomes of a user's accounts when the user is deleted, a sentence for each connection.
pub(super) async fn if_deleted(app: &AppState, visitor: &Visitor, user: UserId) -> StoreResult<Vec<String>> {
    let connections = app.store.connections(visitor.home()).await?;
    let rules = app.reconciler.rules(visitor.home()).await?;
    let mut told = Vec::new();
    for (connection, link) in app.store.links_of(user).await? {
        let Some(connection) = connections.iter().find(|it| it.id == connection) else { continue };
        let followed = rules.iter().any(|rule| {
            rule.active && rule.direction == Direction::Outbound && rule.connection() == connection.id
        });
        let on = |key: &str, default: bool| match connection.configuration.get(key) {
            Some(value) => value.as_bool().unwrap_or_else(|| value.as_str() == Some("true")),
            None => default,
        };
        let delete =
            connection.configuration.get("REMOVE_ACTION").and_then(|value| value.as_str()) == Some("Delete");
        let what = if !followed || !connection.active {
            "stays as it is, because no rule runs there"
        } else if !on("DEPROVISION_USERS", false) {
            "stays as it is, because Deprovision Users is off"
        } else if delete {
            "is removed from the team; its licence is freed"
        } else {
            "is suspended; an invitation that was not accepted yet is cancelled"
        };
        told.push(format!("The account {} of {} {what}.", link.account, connection.name));
    }
    Ok(told)
}

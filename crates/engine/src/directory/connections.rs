//! The plan and the connections.

use usher_domain::{
    ConnectionId, EnvironmentId, PlanId,
    directory::{audit::Actor, change::ChangeSet, commands::Body},
    ports::store::StoreResult,
    provisioning::{
        commands::{connection, plan},
        connection::{Connection, Health},
        rule::{PropagationPlan, Rule},
    },
};

use super::{By, Decided, Directory, DirectoryError, Touched, found};

impl Directory {
    /// Makes the environment's one plan.
    ///
    /// # Errors
    /// There is one already; every fault of the body.
    pub async fn create_plan(
        &self,
        by: &By,
        environment: EnvironmentId,
        body: &Body,
    ) -> Result<PropagationPlan, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            found("environment", environment, self.store.environment(environment).await?)?;
            let existing = self.store.plan(environment).await?;
            Ok(Decided::plain(plan::create(environment, body, existing.as_ref(), &stamp)?))
        })
        .await
    }

    /// Replaces the plan's name and status.
    ///
    /// # Errors
    /// The plan is not there; every fault of the body.
    pub async fn replace_plan(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: PlanId,
        body: &Body,
    ) -> Result<PropagationPlan, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = found("plan", id, self.store.plan_by_id(environment, id).await?)?;
            Ok(Decided::plain(plan::replace(&current, body, &stamp)?))
        })
        .await
    }

    /// Deletes the plan with its rules and their mappings.
    ///
    /// # Errors
    /// The plan is not there; a rule of it must be deleted by itself first.
    pub async fn delete_plan(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: PlanId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = found("plan", id, self.store.plan_by_id(environment, id).await?)?;
            let rules = self.store.rules(environment).await?;
            let connections = self.store.connections(environment).await?;
            Ok(Decided::plain(((), plan::delete(&current, &rules, &connections, &stamp)?)))
        })
        .await
    }

    /// The connection as a body would have it, for testing it: stored secrets in place of masked ones. Nothing is
    /// written. The second value says whether saving it needs a test that succeeded, to be given to
    /// [`Directory::create_connection`] or [`Directory::replace_connection`].
    ///
    /// # Errors
    /// `id` is given and not there; every fault of the body.
    pub async fn draft_connection(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: Option<ConnectionId>,
        body: &Body,
    ) -> Result<(Connection, bool), DirectoryError> {
        let current = match id {
            Some(id) => Some(self.connection(environment, id).await?),
            None => None,
        };
        let stamp = self.stamp(by);
        let draft = connection::draft(environment, current.as_ref(), body, &self.targets, &stamp)?;
        let needs_test = connection::needs_test(current.as_ref(), &draft);
        Ok((draft, needs_test))
    }

    /// Makes a connection. `tested` is what a test of its draft said, where there was one.
    ///
    /// # Errors
    /// Every fault of the body; it is to be active, and no test succeeded.
    pub async fn create_connection(
        &self,
        by: &By,
        environment: EnvironmentId,
        body: &Body,
        tested: Option<&Health>,
    ) -> Result<Connection, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            found("environment", environment, self.store.environment(environment).await?)?;
            Ok(Decided::plain(connection::create(environment, body, tested, &self.targets, &stamp)?))
        })
        .await
    }

    /// Replaces a connection (PUT). A secret that is masked or left out stays as it is.
    ///
    /// # Errors
    /// The connection is not there; every fault of the body; it is to become active, and no test succeeded.
    pub async fn replace_connection(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: ConnectionId,
        body: &Body,
        tested: Option<&Health>,
    ) -> Result<Connection, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.connection(environment, id).await?;
            let (answer, changes) = connection::replace(&current, body, tested, &self.targets, &stamp)?;
            let touched = if connection::asks_for_resync(&current, &answer) {
                self.rules_on(&answer).await?
            } else {
                Vec::new()
            };
            Ok(Decided { answer, changes, touched })
        })
        .await
    }

    /// Deletes a connection that no rule names.
    ///
    /// # Errors
    /// It is not there, is the directory itself, or a rule names it.
    pub async fn delete_connection(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: ConnectionId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.connection(environment, id).await?;
            let rules = self.store.rules(environment).await?;
            Ok(Decided::plain(((), connection::delete(&current, &rules, &stamp)?)))
        })
        .await
    }

    /// Remembers what a test of a stored connection said. When it can be used again, its rules look at everything
    /// that they missed.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn connection_tested(
        &self,
        connection: &Connection,
        health: &Health,
    ) -> Result<(), DirectoryError> {
        let by = By { actor: Actor::System, correlation_id: None };
        let told = connection::found(connection, health, &self.stamp(&by));
        self.store.set_health(connection.id, connection.version, health, told.as_ref()).await?;
        let usable = |health: &Health| matches!(health, Health::Valid { .. });
        if connection.active && usable(health) && !usable(&connection.health) {
            let touched = self.rules_on(connection).await?;
            let at = self.clock.now().plus(self.quiet);
            let due = self.due(connection.environment, &Default::default(), &touched, at).await?;
            self.store.make_due(&due).await?;
        }
        Ok(())
    }

    /// Records in the audit that someone tested a connection.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn tell_tested(&self, by: &By, connection: &Connection, health: &Health) -> StoreResult<()> {
        let event = connection::tested(connection, health, &self.stamp(by));
        self.store.commit(&ChangeSet { events: vec![event], ..ChangeSet::default() }).await
    }

    pub(super) async fn connection(
        &self,
        environment: EnvironmentId,
        id: ConnectionId,
    ) -> Result<Connection, DirectoryError> {
        found("store", id, self.store.connection(environment, id).await?)
    }

    /// The rules on a connection that follow it: active ones, and those that wait to be gone.
    pub(super) async fn rules_on(&self, connection: &Connection) -> StoreResult<Vec<Touched>> {
        let follows =
            |rule: &Rule| rule.connection() == connection.id && (rule.retiring.is_some() || rule.active);
        let rules = self.store.rules(connection.environment).await?;
        Ok(rules.iter().filter(|rule| follows(rule)).map(|rule| Touched::Rule(rule.id)).collect())
    }
}

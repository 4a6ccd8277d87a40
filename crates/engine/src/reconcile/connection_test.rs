//! Trying a connection before it is trusted: it may not become active before a test succeeded.

use usher_domain::{
    ConnectionId, EnvironmentId, Problem, Rejection,
    directory::commands::Body,
    ports::connector::{CheckReport, CheckStatus},
    provisioning::connection::{Connection, Health},
};

use super::Reconciler;
use crate::directory::{By, Directory, DirectoryError};

/// A connection that cannot even be tried, as a fault of the request that it came with.
fn untestable(problem: Problem) -> Rejection {
    Rejection::field("INVALID_VALUE", "type", problem.to_string())
}

impl Reconciler {
    /// Tries a connection, changing nothing: what each check said, and the health that follows.
    ///
    /// # Errors
    /// The connection is of a kind that is not driven, or its settings cannot be read.
    pub async fn test_connection(&self, connection: &Connection) -> Result<(CheckReport, Health), Problem> {
        let opened = self.connectors.open(connection)?;
        let report = opened.connector.check().await;
        let at = self.clock.now();
        let health = match (&report.team, &report.own_account, report.passed()) {
            (Some(team), Some((own_account, own_email)), true) => Health::Valid {
                at,
                team: team.clone(),
                own_account: own_account.clone(),
                own_email: own_email.clone(),
            },
            _ => {
                let failed = report.checks.iter().find(|check| check.status == CheckStatus::Failed);
                let detail = failed.map_or("it did not reach the team.", |check| check.detail.as_str());
                let name = failed.map_or("token", |check| check.name.as_str());
                let problem = Problem::new(
                    "CONNECTION_TEST_FAILED",
                    format!("The test of the connection failed at {name}: {detail}"),
                    "Correct the connection and test it again.",
                );
                Health::Broken { at, problem }
            }
        };
        Ok((report, health))
    }

    /// Tries a connection because someone asked for it, and records that in the audit.
    ///
    /// # Errors
    /// It cannot be tried, as a fault of the request; or what the store says.
    pub async fn test_for(
        &self,
        directory: &Directory,
        by: &By,
        connection: &Connection,
    ) -> Result<(CheckReport, Health), DirectoryError> {
        let (report, health) = self.test_connection(connection).await.map_err(untestable)?;
        directory.tell_tested(by, connection, &health).await?;
        Ok((report, health))
    }

    /// Makes a connection; tests it first when it is to be active.
    ///
    /// # Errors
    /// Every fault of the body, or what the test said.
    pub async fn create_connection(
        &self,
        directory: &Directory,
        by: &By,
        environment: EnvironmentId,
        body: &Body,
    ) -> Result<Connection, DirectoryError> {
        let tested = self.tested(directory, by, environment, None, body).await?;
        directory.create_connection(by, environment, body, tested.as_ref()).await
    }

    /// Replaces a connection; switched on, or let in another way while on, it is tested first.
    ///
    /// # Errors
    /// Every fault of the body, or what the test said.
    pub async fn replace_connection(
        &self,
        directory: &Directory,
        by: &By,
        environment: EnvironmentId,
        id: ConnectionId,
        body: &Body,
    ) -> Result<Connection, DirectoryError> {
        let tested = self.tested(directory, by, environment, Some(id), body).await?;
        directory.replace_connection(by, environment, id, body, tested.as_ref()).await
    }

    /// What a test says of the connection that a request would make, when it must be tested before it may be active.
    async fn tested(
        &self,
        directory: &Directory,
        by: &By,
        environment: EnvironmentId,
        id: Option<ConnectionId>,
        body: &Body,
    ) -> Result<Option<Health>, DirectoryError> {
        let (draft, needs_test) = directory.draft_connection(by, environment, id, body).await?;
        if !needs_test {
            return Ok(None);
        }
        let (_, health) = self.test_for(directory, by, &draft).await?;
        Ok(Some(health))
    }
}

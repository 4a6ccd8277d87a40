//! The accounts that are there, counted against the directory. Changes nothing.

use usher_domain::{
    directory::user::User,
    ports::connector::Look,
    provisioning::connection::{Connection, Policy},
    reconcile::{links::Links, scope::Scope, snapshot::Snapshot},
};

use super::{Opened, ReconcileError, Reconciler};

/// What a census is taken from.
#[derive(Debug)]
pub struct Headcount {
    /// What is there.
    pub seen: Snapshot,
    /// What the connection remembers.
    pub links: Links,
    /// The users of the directory.
    pub users: Vec<User>,
    /// Whom the connection protects.
    pub policy: Policy,
}

impl Reconciler {
    /// Reads all accounts of a connection, and all users.
    ///
    /// # Errors
    /// When store or remote side cannot be read, or the connection is of a kind that is not driven.
    pub async fn headcount(&self, connection: &Connection) -> Result<Headcount, ReconcileError> {
        let Opened { connector, policy } = self.connectors.open(connection).map_err(ReconcileError::Setup)?;
        let seen = connector.observe(&Look::Whole, &()).await?;
        let links = self.store.links(connection.id, &Scope::Full).await?;
        let users = self.store.all_users(connection.environment).await?;
        Ok(Headcount { seen, links, users, policy })
    }
}

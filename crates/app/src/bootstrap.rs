//! What an empty database starts with. What is not configured is generated, and printed once.

use anyhow::{Context, Result};
use usher_domain::{ClientId, EnvironmentId, Ids, directory::audit::Actor};
use usher_engine::directory::{By, Directory};

use crate::{access::password, config::Bootstrap, log::announce, system::random_secret};

/// Makes the first environment, if there is none.
pub(crate) async fn ensure(directory: &Directory, given: &Bootstrap, ids: &dyn Ids) -> Result<()> {
    if !directory.is_empty().await? {
        return Ok(());
    }
    let client_secret = given.client_secret.clone().unwrap_or_else(random_secret);
    let password = given.admin_password.clone().unwrap_or_else(random_secret);
    let first = usher_engine::directory::Bootstrap {
        environment: given.environment_id.unwrap_or_else(|| EnvironmentId(ids.next())),
        name: "Default".into(),
        client: ClientId(given.client_id.unwrap_or_else(|| ids.next())),
        client_secret_hash: password::hash(client_secret.clone()).await?,
        administrator: given.admin_username.clone().unwrap_or_else(|| "admin".into()),
        administrator_password_hash: password::hash(password.clone()).await?,
        signing_key: random_secret(),
    };
    let by = By { actor: Actor::System, correlation_id: None };
    // Another server may have been faster; then its secrets count, and it has told them.
    if directory.bootstrap(&by, &first).await.context("making the first environment")?.is_none() {
        return Ok(());
    }
    let mut told =
        format!("A new database: environment {}, worker client {}.", first.environment, first.client);
    if given.client_secret.is_none() {
        told.push_str(&format!(" The client's secret, shown this once: {}", client_secret.expose()));
    }
    announce(told);
    if given.admin_password.is_none() {
        announce(format!(
            "Console administrator {}; the password, shown this once: {}",
            first.administrator,
            password.expose()
        ));
    }
    Ok(())
}

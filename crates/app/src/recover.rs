//! `usher recover-admin`: makes an administrator and a worker client with every role, for when nobody is left who can give
//! some role. It needs the server's configuration, database and key file, and works while servers run.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use usher_domain::{EnvironmentId, directory::audit::Actor};
use usher_engine::directory::{By, Directory, Recovery};

use crate::{
    access::password,
    cli::say,
    config::Config,
    serve,
    system::{SystemClock, SystemIds, random_secret},
};

/// Makes them in this environment, or in the only one there is.
pub(crate) async fn recover(config: &Config, environment: Option<EnvironmentId>) -> Result<()> {
    if let Some(path) = config.missing_database() {
        bail!("there is no database at {}", path.display());
    }
    ensure!(
        config.seal_key_file.exists(),
        "there is no key file {}; recover-admin takes the configuration, the database and the key file of the server",
        config.seal_key_file.display()
    );
    let store = serve::open(config).await?;
    let environments = store.environments().await?;
    let environment = match (environment, environments.as_slice()) {
        (Some(id), all) => {
            all.iter().find(|it| it.id == id).with_context(|| format!("there is no environment {id}"))?
        }
        (None, [one]) => one,
        (None, []) => bail!(
            "the database has no environment yet; the first `usher serve` makes it, with its administrator"
        ),
        (None, several) => {
            let names: Vec<String> = several.iter().map(|it| format!("{} ({})", it.id, it.name)).collect();
            bail!("there are several environments; name one with --environment: {}", names.join(", "));
        }
    };
    let directory = Directory::new(
        store,
        Arc::new(SystemClock),
        Arc::new(SystemIds),
        config.quiet_time,
        config.targets.clone(),
    );
    let (password, secret) = (random_secret(), random_secret());
    let recovery = Recovery {
        username: "recovery".into(),
        password_hash: password::hash(password.clone()).await?,
        secret_hash: password::hash(secret.clone()).await?,
    };
    let by = By { actor: Actor::System, correlation_id: None };
    let made = directory.recover_access(&by, environment.id, &recovery).await;
    let (administrator, client) = made.map_err(|error| anyhow!("{error}"))?;
    say(format!(
        "Made in the environment {} ({}), with every role; the secrets are shown this once.\n\
         Console administrator  {}\n\
         Password               {}\n\
         Worker client          {}\n\
         Client secret          {}\n\
         Give the roles to the people and clients that need them, then delete these two.",
        environment.name,
        environment.id,
        administrator.username,
        password.expose(),
        client.id,
        secret.expose(),
    ));
    Ok(())
}

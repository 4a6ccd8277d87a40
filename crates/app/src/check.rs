//! `usher check`: configuration, key, database and connections; every fault at once, secrets redacted.

use std::{path::Path, process::ExitCode};

use anyhow::{Result, ensure};
use usher_domain::{Clock as _, ports::connector::CheckStatus, provisioning::connection::ConnectionKind};
use usher_store::{Seal, Storage};

use crate::{
    cli::say,
    config::Config,
    environment,
    serve::{self, Joined},
    system::SystemClock,
    tls::Tls,
};

/// Checks; exit 1 when anything is at fault.
pub(crate) async fn check(file: Option<&Path>) -> Result<ExitCode> {
    let config = match Config::load(file, environment) {
        Ok(config) => config,
        Err(faults) => {
            say(faults);
            return Ok(ExitCode::FAILURE);
        }
    };
    say("configuration: ok");
    let mut good = true;
    if let Some(files) = config.tls.clone() {
        match Tls::read(files, SystemClock.now()) {
            Ok(tls) => say(format!("certificate: ok; it expires at {}", tls.expires())),
            Err(error) => {
                good = false;
                say(format!("certificate: {error:#}"));
            }
        }
    }
    let joined = match database(&config).await {
        Ok(Some(joined)) => joined,
        Ok(None) => return Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
        Err(error) => {
            say(format!("database: {error:#}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    say("database: ok");
    if let Some(provider) = &joined.app.provider {
        match provider.check(joined.app.clock.now()).await {
            Ok(()) => say(format!(
                "OpenID provider {}: ok; it sends back to {}",
                provider.name, provider.redirect_uri
            )),
            Err(problem) => {
                good = false;
                say(format!("OpenID provider {}: {problem}", provider.name));
            }
        }
    }
    for environment in joined.app.store.environments().await? {
        for connection in joined.app.store.connections(environment.id).await? {
            if connection.kind != ConnectionKind::Dropbox {
                continue;
            }
            match joined.app.reconciler.test_connection(&connection).await {
                Err(problem) => {
                    good = false;
                    say(format!("connection {}: {problem}", connection.name));
                }
                Ok((report, _)) => {
                    for check in report.checks {
                        let word = match check.status {
                            CheckStatus::Success => "ok",
                            CheckStatus::Failed => "FAILED",
                            CheckStatus::NotChecked => "not checked",
                        };
                        good &= check.status != CheckStatus::Failed;
                        say(format!(
                            "connection {}: {}: {word}: {}",
                            connection.name, check.name, check.detail
                        ));
                    }
                }
            }
        }
    }
    serve::close(&*joined.app.store).await;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The database, looked at, with everything over it; nothing is made and nothing is written. `None`, said in words, when
/// there is nothing to look at yet.
async fn database(config: &Config) -> Result<Option<Joined>> {
    let url = config.database_url.expose();
    if let Some(file) = Storage::file(url)? {
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            ensure!(directory.is_dir(), "the directory {} does not exist. Create it.", directory.display());
        }
    }
    let found = Storage::look(url).await?;
    if found.keys.is_empty() {
        if config.seal_key_file.exists() {
            Seal::read(&config.seal_key_file)?;
        }
        let what =
            config.missing_database().map_or("the database".to_owned(), |path| path.display().to_string());
        say(format!("database: {what} does not exist yet; `usher serve` or `usher migrate` creates it"));
        return Ok(None);
    }
    let seal = found.seal(&config.seal_key_file)?;
    if found.schema.is_some_and(|schema| schema < Storage::SCHEMA) {
        say(format!(
            "database: of an earlier version; the next `usher serve` or `usher migrate` brings its schema from {} to {}. \
             Connections were not checked.",
            found.schema.unwrap_or_default(),
            Storage::SCHEMA
        ));
        return Ok(None);
    }
    let store = Storage::open_undisturbed(url, seal).await?;
    store.ready().await?;
    Ok(Some(serve::assemble(config, store)?))
}

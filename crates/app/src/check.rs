//! `usher check`: configuration, key, database and connections; every fault at once, secrets redacted.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use usher_domain::{Clock as _, ports::connector::CheckStatus, provisioning::connection::ConnectionKind};

use crate::{cli::say, config::Config, environment, serve, system::SystemClock, tls::Tls};

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
    if let Some(path) = config.missing_database() {
        if config.seal_key_file.exists()
            && let Err(error) = serve::seal(&config)
        {
            say(format!("database: {error:#}"));
            return Ok(ExitCode::FAILURE);
        }
        say(format!(
            "database: {} is not there yet; `usher serve` or `usher migrate` makes it",
            path.display()
        ));
        return Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let joined = match serve::join(&config).await {
        Ok(joined) => joined,
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
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! The binary `usher`. What it can do: [`cli`]; what it is made of: [`serve`].

mod access;
mod address;
mod api;
mod audit;
mod backup;
mod body;
mod bootstrap;
mod check;
mod cli;
mod config;
mod console;
mod correlation;
mod csv_files;
mod demo;
#[cfg(test)]
mod limits;
mod listen;
mod log;
mod metrics;
mod readiness;
mod recover;
mod rekey;
mod serve;
mod state;
mod system;
mod tls;
mod verifier;
mod web;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{AuditVerb, Cli, Command, WrongArguments},
    config::Config,
};

fn main() -> ExitCode {
    log::tell_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and the version were asked for; anything else is a wrong argument. The output may have no reader.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(cli::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let outcome = runtime.block_on(run(cli.command));
            // What still runs beside, such as the hashing of a password, is not waited for.
            runtime.shutdown_background();
            outcome
        });
    let code = outcome.unwrap_or_else(|error| {
        log::complain(&error);
        if error.is::<WrongArguments>() { ExitCode::from(cli::USAGE) } else { ExitCode::FAILURE }
    });
    log::flush();
    code
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve { config, role } => {
            let config = Config::load(config.config.as_deref(), environment)?;
            log::start(&config.log, config.log_format)?;
            serve::serve(config, role).await?;
        }
        Command::Demo(options) => return demo::run(options).await,
        Command::Migrate { config } => {
            let config = Config::load(config.config.as_deref(), environment)?;
            log::start(&config.log, config.log_format)?;
            serve::open(&config).await?.close().await;
            cli::say("The database schema is up to date.");
        }
        Command::Rekey { config, options } => {
            let config = Config::load(config.config.as_deref(), environment)?;
            log::start(&config.log, config.log_format)?;
            rekey::rekey(&config, &options).await?;
        }
        Command::RecoverAdmin { config, environment } => {
            let config = Config::load(config.config.as_deref(), self::environment)?;
            log::start(&config.log, config.log_format)?;
            recover::recover(&config, environment).await?;
        }
        Command::Backup { config, dir } => {
            backup::backup(&Config::load(config.config.as_deref(), environment)?, &dir).await?;
        }
        Command::Restore { config, dir, force } => {
            backup::restore(&Config::load(config.config.as_deref(), environment)?, &dir, force).await?;
        }
        Command::Check { config } => return check::check(config.config.as_deref()).await,
        Command::Audit { verb: AuditVerb::Verify { config, expect } } => {
            return audit::verify(config.config.as_deref(), &expect).await;
        }
        verb => return cli::run(verb).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// A variable of the process's environment.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

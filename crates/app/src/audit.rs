//! `usher audit verify`: the audit's chains, checked in the database itself, so that no server is believed.

use std::{io::IsTerminal as _, path::Path, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use usher_domain::directory::audit::verify::{Anchor, Report};
use usher_store::{Auditor, Storage};

use crate::{cli::say, config::Config, environment};

/// Something was tampered with.
const TAMPERED: u8 = 3;

/// Checks every chain; exit 0 when all hold, 3 when something was tampered with, 1 when it could not be found out.
pub(crate) async fn verify(file: Option<&Path>, expected: &[Anchor]) -> Result<ExitCode> {
    let config = Config::load(file, environment)?;
    if let Some(path) = config.missing_database() {
        bail!("there is no database at {}", path.display());
    }
    let found = Storage::look(config.database_url.expose()).await.context("looking at the database")?;
    let seal = found
        .seal(&config.seal_key_file)
        .context("the key that signed the audit is needed to check it; name it with seal_key_file")?;
    let auditor = Auditor::open(config.database_url.expose(), seal).await.context("opening the database")?;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} events, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    let progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let side_by_side = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let report = auditor.verify(expected, side_by_side, &progress).await;
    bar.finish_and_clear();
    auditor.close().await;
    let report = report?;
    if let [one, _, ..] = report.chains.as_slice()
        && expected.iter().any(|anchor| anchor.environment.is_none())
    {
        bail!(
            "there are {} environments: say whose end is expected, as --expect {}:SEQ:HASH",
            report.chains.len(),
            one.environment
        );
    }
    tell(&report);
    let known = |anchor: &&Anchor| {
        report.chains.iter().any(|chain| anchor.environment.is_none_or(|id| id == chain.environment))
    };
    let lost: Vec<&Anchor> = expected.iter().filter(|anchor| !known(anchor)).collect();
    for anchor in &lost {
        say(format!("TAMPERED  REPLACED: {anchor} was seen before, and there is no such environment"));
    }
    if report.holds() && lost.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    say("The audit was tampered with. Keep this database as it is, and compare it with a backup.");
    Ok(ExitCode::from(TAMPERED))
}

fn tell(report: &Report) {
    for what in &report.tampering {
        say(format!("TAMPERED  {what}"));
    }
    for chain in &report.chains {
        match (&chain.tampering, &chain.end) {
            (Some(what), _) => say(format!("TAMPERED  environment {}: {what}", chain.environment)),
            (None, Some(end)) => say(format!(
                "ok        environment {}: {} events. Its end, to be kept elsewhere: {end}",
                chain.environment, chain.events
            )),
            (None, None) => {}
        }
    }
}

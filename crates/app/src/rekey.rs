//! `usher rekey`: seals every credential anew under a new key, and signs the audit's ends with it, while servers run.
//!
//! The key file has the new key first before anything is sealed with it, and the old ones until nothing is sealed with them
//! any more. So it may be cut anywhere, and run again: a file with several keys is one of an unfinished rekey.

use std::{
    fs::{File, OpenOptions},
    io::IsTerminal,
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use usher_domain::{directory::audit::Actor, ports::store::Store};
use usher_engine::directory::{By, Directory};
use usher_store::{Storage, keyfile};

use crate::{
    cli::say,
    config::Config,
    serve,
    system::{SystemClock, SystemIds},
};

/// How many secrets are sealed anew between two words of progress.
const AT_A_TIME: u32 = 50;
/// A change that a server sealed with the old key just before it read the new one is in the database by then.
const IN_HAND: Duration = Duration::from_secs(3);

/// How to go about it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only put a new key into the key file that opens and does not seal yet; copy the file to the other servers, then run
    /// `usher rekey`
    #[arg(long, conflicts_with = "keep_old")]
    prepare: bool,
    /// Leave the old keys in the key file; a later `usher rekey` removes them
    #[arg(long)]
    keep_old: bool,
}

/// Seals anew, or goes on with it.
pub(crate) async fn rekey(config: &Config, options: &Options) -> Result<()> {
    let path = &config.seal_key_file;
    let found = Storage::look(config.database_url.expose()).await.context("looking at the database")?;
    ensure!(
        path.exists() || !found.keys.is_empty(),
        "there is no key file {}, so nothing is sealed yet; `usher serve` makes it",
        path.display()
    );
    found.seal(path)?;
    let _lock = lock(path)?;
    let mut file = keyfile::read(path)?;
    if options.prepare {
        file.prepare()?;
        keyfile::write(path, &file)?;
        say(format!(
            "{} has a key that opens and does not seal yet. Copy the file to every other server, then run `usher rekey`.",
            path.display()
        ));
        return Ok(());
    }
    let store = serve::open(config).await?;
    if file.len() == 1 || file.is_prepared() {
        file.add_new()?;
        keyfile::write(path, &file)?;
        say(format!("From now on secrets are sealed with the new key {}.", file.newest()));
    } else {
        say(format!("Going on with a rekey that was not finished; the newest key is {}.", file.newest()));
    }
    let mut done = seal_all(&*store).await?;
    let directory = Directory::new(
        Arc::clone(&store),
        Arc::new(SystemClock),
        Arc::new(SystemIds),
        config.quiet_time,
        config.targets.clone(),
    );
    let by = By { actor: Actor::System, correlation_id: None };
    directory.rekeyed(&by, &file.newest()).await?;
    if options.keep_old {
        serve::close(&*store).await;
        say(format!(
            "{done} secrets and signatures are under the new key. {} keeps the old keys; run `usher rekey` again to remove them.",
            path.display()
        ));
        return Ok(());
    }
    // Only what a whole look finds nothing under may go.
    loop {
        tokio::time::sleep(IN_HAND).await;
        match seal_all(&*store).await? {
            0 => break,
            more => done += more,
        }
    }
    serve::close(&*store).await;
    file.keep_newest();
    keyfile::write(path, &file)?;
    say(format!(
        "{done} secrets and signatures are under the new key; the old ones are no longer in {}.\n\
         Backups of the database from before now open only with the old key file: keep it with them, and away from here.",
        path.display()
    ));
    Ok(())
}

/// Seals all of it anew; how many there were.
async fn seal_all(store: &dyn Store) -> Result<u64> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("Sealing anew {bar:40} {pos}/{len}") {
        bar.set_style(style);
    }
    let mut done = 0;
    loop {
        let step = store.reseal(AT_A_TIME).await?;
        done += step.done;
        bar.set_length(done + step.left);
        bar.set_position(done);
        if bar.is_hidden() && step.done > 0 {
            say(format!("sealed anew: {done} of {}", done + step.left));
        }
        if step.left == 0 {
            bar.finish_and_clear();
            return Ok(done);
        }
    }
}

/// One rekey at a time: two would each write a key file that lacks the other's key. The lock ends with the process.
fn lock(path: &Path) -> Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&name).with_context(|| format!("making {}", name.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!("another `usher rekey` is at work on {}", path.display())
        }
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking {}", name.display()))
        }
    }
}

//! `usher backup` and `usher restore`: a checked copy of an SQLite database in a directory of its own, and back again.
//! The seal key is never in it.

mod manifest;
mod postgres;
mod restore;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use usher_domain::{
    Clock as _,
    directory::audit::verify::{Anchor, Checked, Report},
};
use usher_store::{Auditor, Seal, Storage};

use self::manifest::{AuditEnd, DATABASE, Manifest, digest};
pub(crate) use self::restore::restore;
use crate::{cli::say, config::Config, system::SystemClock};

/// What a copy is called until it is checked.
const UNCHECKED: &str = "usher.db.unchecked";

/// Copies the database into `dir` while servers write, checks the copy, and writes its manifest.
pub(crate) async fn backup(config: &Config, dir: &Path) -> Result<()> {
    let url = config.database_url.expose();
    let Some(database) = Storage::file(url)? else { bail!(postgres::how_to_back_up(url, dir)) };
    ensure!(database.exists(), "there is no database at {}", database.display());
    let found = Storage::look(url).await.context("looking at the database")?;
    ensure!(found.schema.is_some(), "there is nothing in {} to back up yet", database.display());
    let seal = found.seal(&config.seal_key_file)?;
    let made = make_directory(dir)?;
    let copied = copy(url, seal, dir).await;
    if copied.is_err() {
        // Not much can be done about a failure here; the first error is reported.
        let _ = fs::remove_file(dir.join(UNCHECKED));
        let _ = fs::remove_file(dir.join(DATABASE));
        if made {
            let _ = fs::remove_dir(dir);
        }
    }
    let manifest = copied?;
    say(format!(
        "Backed up {} to {}: {} bytes, schema {}, checked.",
        database.display(),
        dir.display(),
        manifest.bytes,
        manifest.schema
    ));
    for end in &manifest.audit_ends {
        say(format!("Audit of environment {}: {} events, to {}", end.environment, end.events, end.end));
    }
    say(format!(
        "It opens only with the key {}, which is not in it: keep a copy of {} elsewhere.",
        manifest.seal_key,
        config.seal_key_file.display()
    ));
    Ok(())
}

async fn copy(url: &str, seal: Seal, dir: &Path) -> Result<Manifest> {
    let unchecked = dir.join(UNCHECKED);
    Storage::copy(url, &unchecked).await.context("copying the database")?;
    let schema = Storage::look_at_copy(&unchecked).await?.schema.context("the copy has no schema")?;
    let seal_key = seal.ids().into_iter().next().unwrap_or_default();
    let report = audited(&unchecked, seal, &[]).await?;
    let audit_ends = report.chains.iter().filter_map(AuditEnd::of).collect();
    File::open(&unchecked)?.sync_all()?;
    let (bytes, sha256) = digest(&mut File::open(&unchecked)?, &mut io::sink())?;
    fs::rename(&unchecked, dir.join(DATABASE))?;
    let manifest = Manifest {
        usher_version: env!("CARGO_PKG_VERSION").into(),
        schema,
        taken_at: SystemClock.now(),
        bytes,
        sha256,
        audit_ends,
        seal_key,
    };
    manifest.write(dir)?;
    Ok(manifest)
}

/// Checks the audit of a copy, and that it has these ends that were seen before.
async fn audited(copy: &Path, seal: Seal, ends: &[Anchor]) -> Result<Report> {
    let auditor = Auditor::open_copy(copy, seal).await?;
    let side_by_side = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let report = auditor.verify(ends, side_by_side, &|_, _| {}).await;
    auditor.close().await;
    let report = report.context("checking the audit of the copy")?;
    if report.holds() {
        return Ok(report);
    }
    let of_chain =
        |chain: &Checked| Some(format!("environment {}: {}", chain.environment, chain.tampering.as_ref()?));
    let found =
        report.tampering.iter().map(ToString::to_string).chain(report.chains.iter().filter_map(of_chain));
    bail!(
        "the audit in the copy was tampered with:\n  {}\nNothing was backed up or restored. `usher audit verify` checks the \
         database itself.",
        found.collect::<Vec<_>>().join("\n  ")
    )
}

/// Makes the directory, readable only by its owner. Returns whether it was new.
fn make_directory(dir: &Path) -> Result<bool> {
    if dir.is_dir() {
        let mut entries = fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
        ensure!(
            entries.next().is_none(),
            "{} is not empty. Name a new directory for each backup.",
            dir.display()
        );
        return Ok(false);
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).with_context(|| format!("making {}", dir.display()))?;
    Ok(true)
}

/// Makes a new file, readable only by its owner.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Flushes a directory, so that new names in it survive a power cut.
fn sync_directory(dir: &Path) -> io::Result<()> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir)?.sync_all()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

//! `usher restore`: a backup is put in the place of the configured database, whole or not at all.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use usher_store::Storage;

use super::{
    audited, create_private,
    manifest::{DATABASE, Manifest, digest},
    postgres, sync_directory, with_suffix,
};
use crate::{cli::say, config::Config};

/// What SQLite keeps beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Puts a backup back. `force` lets it replace a database.
pub(crate) async fn restore(config: &Config, dir: &Path, force: bool) -> Result<()> {
    let url = config.database_url.expose();
    let Some(named) = Storage::file(url)? else { bail!(postgres::how_to_restore(url, dir)) };
    // A name that leads elsewhere goes on leading there.
    let database = named.canonicalize().unwrap_or(named);
    let manifest = Manifest::read(dir)?;
    let is_there = database.exists() || BESIDE.iter().any(|suffix| with_suffix(&database, suffix).exists());
    ensure!(
        force || !is_there,
        "there is already a database at {}. Nothing was changed. To replace it with the backup, and lose what it holds, pass --force.",
        database.display()
    );
    let draft = with_suffix(&database, &format!(".restore-{}", std::process::id()));
    let put = put(config, dir, &manifest, (&draft, &database)).await;
    if put.is_err() {
        let _ = fs::remove_file(&draft);
    }
    put?;
    say(format!(
        "Restored {} from {}, as it was at {}. Its audit is intact; later changes are not in it.",
        database.display(),
        dir.display(),
        manifest.taken_at
    ));
    say(
        "Before workers run again, see what each rule would do: start with `usher serve --role web`, then `usher preview RULE`.",
    );
    Ok(())
}

/// Checks the backup beside the database, and only then touches the database.
async fn put(
    config: &Config,
    dir: &Path,
    manifest: &Manifest,
    (draft, database): (&Path, &Path),
) -> Result<()> {
    checked_draft(config, dir, manifest, draft).await?;
    let url = config.database_url.expose();
    let in_use = "the database cannot be replaced; stop every Usher server that uses it";
    // No worker starts until this ends.
    let _lock = Storage::lock_worker(url).context(in_use)?;
    if database.exists() {
        Storage::alone(url).await.context(in_use)?;
    }
    for suffix in BESIDE {
        remove(&with_suffix(database, suffix))?;
    }
    fs::rename(draft, database)?;
    Ok(sync_directory(database.parent().unwrap_or(Path::new("")))?)
}

/// Copies the backup beside the database, and checks all of it there.
async fn checked_draft(config: &Config, dir: &Path, manifest: &Manifest, draft: &Path) -> Result<()> {
    let source = dir.join(DATABASE);
    let mut from = File::open(&source).with_context(|| format!("{} cannot be read", source.display()))?;
    let mut to = create_private(draft).with_context(|| format!("making {}", draft.display()))?;
    let (bytes, sha256) = digest(&mut from, &mut to).context("copying the backup")?;
    to.sync_all()?;
    drop(to);
    ensure!(
        (bytes, &sha256) == (manifest.bytes, &manifest.sha256),
        "{} is not the file that was backed up: it has {bytes} bytes and the SHA-256 digest {sha256}, and the manifest says \
         {} bytes and {}. It is damaged, or was replaced. Nothing was changed; use another backup.",
        source.display(),
        manifest.bytes,
        manifest.sha256
    );
    let found = Storage::look_at_copy(draft).await?;
    let schema = found.schema.unwrap_or(manifest.schema);
    ensure!(
        schema <= Storage::SCHEMA,
        "the backup has the schema {schema}, made by Usher {}; this version speaks {}. Nothing was changed. Restore with that \
         version, or a later one.",
        manifest.usher_version,
        Storage::SCHEMA
    );
    let seal = found.seal(&config.seal_key_file)?;
    audited(draft, seal, &manifest.ends()?).await?;
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

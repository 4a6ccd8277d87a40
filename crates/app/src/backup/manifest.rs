//! What a backup says about itself, in `manifest.json`.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use usher_domain::{
    EnvironmentId, Timestamp,
    directory::audit::verify::{Anchor, Checked},
};

use super::{create_private, sync_directory};

/// The copy of the database.
pub(super) const DATABASE: &str = "usher.db";
const MANIFEST: &str = "manifest.json";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// The version that made the backup.
    pub(super) usher_version: String,
    /// The version of the database's schema.
    pub(super) schema: i64,
    pub(super) taken_at: Timestamp,
    /// The size of the copy.
    pub(super) bytes: u64,
    /// The SHA-256 digest of the copy, in hexadecimal.
    pub(super) sha256: String,
    pub(super) audit_ends: Vec<AuditEnd>,
    /// The id of the key that the copy is sealed with; not the key.
    pub(super) seal_key: String,
}

/// How far the audit of an environment goes in the copy.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditEnd {
    pub(super) environment: EnvironmentId,
    pub(super) events: u64,
    /// As `usher audit verify --expect` takes it.
    pub(super) end: String,
}

impl AuditEnd {
    pub(super) fn of(chain: &Checked) -> Option<AuditEnd> {
        let end = chain.end.as_ref()?.to_string();
        Some(AuditEnd { environment: chain.environment, events: chain.events, end })
    }
}

impl Manifest {
    /// Writes it. A directory without a manifest is not a backup.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let mut file = create_private(&dir.join(MANIFEST))?;
        file.write_all(format!("{}\n", serde_json::to_string_pretty(self)?).as_bytes())?;
        file.sync_all()?;
        sync_directory(dir).context("writing the manifest")
    }

    pub(super) fn read(dir: &Path) -> Result<Manifest> {
        let path = dir.join(MANIFEST);
        let text = fs::read_to_string(&path).with_context(|| {
            format!("{} cannot be read, so {} is not a complete backup", path.display(), dir.display())
        })?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not the manifest of a backup", path.display()))
    }

    /// The ends of the audit that the copy must have.
    pub(super) fn ends(&self) -> Result<Vec<Anchor>> {
        let parsed = self.audit_ends.iter().map(|end| end.end.parse().map_err(anyhow::Error::msg));
        parsed.collect::<Result<_>>().context("reading the manifest")
    }
}

/// Copies a file; its size, and its SHA-256 digest in hexadecimal.
pub(super) fn digest(from: &mut File, to: &mut impl Write) -> io::Result<(u64, String)> {
    let (mut bytes, mut hash, mut part) = (0, Sha256::new(), vec![0; 1 << 16]);
    loop {
        let length = from.read(&mut part)?;
        let part = part.get(..length).unwrap_or_default();
        if part.is_empty() {
            break;
        }
        to.write_all(part)?;
        hash.update(part);
        bytes += length as u64;
    }
    let hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, hex))
}

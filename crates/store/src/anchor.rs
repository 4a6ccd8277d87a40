//! What is signed about the audit's chains, whichever the database: ends, checkpoints, and the roll of environments.

use usher_domain::{EnvironmentId, directory::audit::chain::Hash};

/// What the signature of an end or of a checkpoint covers. The word keeps the one from passing for the other.
pub(crate) fn said(what: &str, environment: EnvironmentId, seq: u64, hash: &Hash) -> Vec<u8> {
    let mut bytes = format!("usher audit {what} v1\0").into_bytes();
    bytes.extend_from_slice(environment.uuid().as_bytes());
    bytes.extend_from_slice(&seq.to_be_bytes());
    bytes.extend_from_slice(hash);
    bytes
}

/// What the signature of the roll covers: its text as it stands there.
pub(crate) fn roll_said(environments: &str) -> Vec<u8> {
    format!("usher audit roll v1\0{environments}").into_bytes()
}

/// An end's word.
pub(crate) const HEAD: &str = "head";
/// A checkpoint's word.
pub(crate) const CHECKPOINT: &str = "checkpoint";

//! A tenant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::change::Write;
use crate::{EnvironmentId, Timestamp};

/// The guard's settings, of a rule or of an environment: the key and the largest number allowed.
pub const GUARD_SETTINGS: [(&str, u32); 3] = [
    ("GUARD_MAX_REMOVALS", 1_000_000),
    ("GUARD_MAX_REMOVAL_PERCENT", 100),
    // 30 days.
    ("GUARD_WINDOW_MINUTES", 43_200),
];

/// What an environment has in place of the guard's built-in limits: by the names of [`GUARD_SETTINGS`], only what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GuardDefaults(pub BTreeMap<String, u32>);

impl GuardDefaults {
    /// What it has for a setting.
    pub fn get(&self, setting: &str) -> Option<u32> {
        self.0.get(setting).copied()
    }
}

/// A tenant: its own directory, connections, rules and keys of access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// What people say of it.
    pub description: Option<String>,
    /// The guard's limits for rules that set none of their own.
    #[serde(default)]
    pub guard: GuardDefaults,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
}

impl Environment {
    /// Writes the environment as it is, one version on. Of two changes that were each decided by a look at all that is in
    /// it (how many there are, whether a name is free) the second conflicts, and is decided anew.
    pub fn alone(&self) -> Write {
        Write::Environment(Environment { version: self.version + 1, ..self.clone() })
    }
}

//! Where users live; exactly one per user, one default per environment.

use serde::{Deserialize, Serialize};

use crate::{EnvironmentId, PopulationId, Timestamp};

/// A population.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Population {
    /// Its id.
    pub id: PopulationId,
    /// Its tenant.
    pub environment: EnvironmentId,
    /// Its name, unique in the environment.
    pub name: String,
    /// What people say of it.
    pub description: Option<String>,
    /// Whether new users go here when no population is named.
    pub default: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
}

//! A person in the directory.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{EnvironmentId, PopulationId, Timestamp, UserId};

/// The parts of a person's name; each 1..=256 characters when present.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Name {
    /// First name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
    /// Last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Middle name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle: Option<String>,
    /// As it is written in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatted: Option<String>,
    /// "Dr.", …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub honorific_prefix: Option<String>,
    /// "III", …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub honorific_suffix: Option<String>,
}

/// A person in the directory. Its values were checked when they came in (facts/pingone.md §2.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their tenant.
    pub environment: EnvironmentId,
    /// Where they live.
    pub population: PopulationId,
    /// Unique in the environment, without regard to case.
    pub username: String,
    /// As given; compared without regard to case.
    pub email: String,
    /// Whether they may use anything.
    pub enabled: bool,
    /// Their name.
    pub name: Name,
    /// Their id in another system.
    pub external_id: Option<String>,
    /// The other attributes, standard (`title`, `nickname`, `address`, …) and custom, as the API spells them.
    pub attributes: Map<String, Value>,
    /// When they were made.
    pub created_at: Timestamp,
    /// When they were last changed.
    pub updated_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
}

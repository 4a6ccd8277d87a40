//! What is told afterwards: one event per change, in PingOne's shape and action types (facts/pingone.md §1.13).

pub mod chain;
mod show;
pub mod verify;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{EnvironmentId, EventId, Timestamp};

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "UPPERCASE")]
pub enum Actor {
    /// A worker client of the API.
    Client {
        /// Its id.
        id: Uuid,
        /// Its name.
        name: String,
    },
    /// An administrator of the console.
    User {
        /// Their id.
        id: Uuid,
        /// Their name.
        name: String,
    },
    /// Usher itself; told without an actor.
    System,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// `USER`, `GROUP`, `POPULATION`, `PROVISIONING_IDENTITY_CONNECTION`, `PROVISIONING_IDENTITY_RULE`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name at that time.
    pub name: String,
    /// The population, for users and groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<String>,
    /// Its address below the environment, such as `/users/{id}`.
    pub path: String,
}

/// One audit event. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Its tenant.
    pub environment: EnvironmentId,
    /// When.
    pub recorded_at: Timestamp,
    /// The request it came from.
    pub correlation_id: Option<String>,
    /// Who.
    pub actor: Actor,
    /// `USER.CREATED`, `PROVISIONING_RULE.UPDATED`, `PROVISIONING_IDENTITY_SYNC.FAILURE`, …
    pub action: String,
    /// About what.
    pub resources: Vec<Resource>,
    /// `SUCCESS` or `FAILED`.
    pub status: String,
    /// `Created User ada`, …
    pub description: String,
    /// What changed, for our own use; no secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Value>,
}

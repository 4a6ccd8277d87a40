//! A group of the directory; direct, nested, or dynamic by filter.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{EnvironmentId, GroupId, PopulationId, Timestamp, UserId};

/// A group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its tenant.
    pub environment: EnvironmentId,
    /// The population it is confined to, if any; never changes.
    pub population: Option<PopulationId>,
    /// Its name, unique in its population (or among the groups without one).
    pub name: String,
    /// What people say of it.
    pub description: Option<String>,
    /// Its id in another system.
    pub external_id: Option<String>,
    /// Whatever clients keep with it.
    pub custom_data: Option<Value>,
    /// A dynamic group: its members are those who match this SCIM filter, and nobody is added by hand.
    pub user_filter: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
}

/// A user's direct membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Membership {
    /// Who.
    pub user: UserId,
    /// In which group.
    pub group: GroupId,
}

/// A group's membership in another: whoever is in `child` is, indirectly, in `parent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Nesting {
    /// The group that is nested.
    pub child: GroupId,
    /// The group it is nested in.
    pub parent: GroupId,
}

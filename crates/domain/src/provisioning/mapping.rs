//! A mapping: one attribute from source to target, plain or by expression.

use serde::{Deserialize, Serialize};

use crate::{EnvironmentId, MappingId, RuleId, Timestamp, provisioning::rule::Direction};

/// Where a mapped value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MappingSource {
    /// `sourceAttribute`: an attribute's path.
    SourceAttribute(String),
    /// `expression`: its text, which was checked when it came in.
    Expression(String),
}

/// One attribute's way from source to target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mapping {
    /// Its id.
    pub id: MappingId,
    /// Its tenant.
    pub environment: EnvironmentId,
    /// Its rule.
    pub rule: RuleId,
    /// From where.
    pub source: MappingSource,
    /// To where: an attribute of the target, as the target spells it.
    pub target: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
}

/// What stands when a rule has no mapping of its own, as (source attribute, target attribute); with one given, no
/// default does.
pub fn defaults(direction: Direction) -> &'static [(&'static str, &'static str)] {
    match direction {
        Direction::Outbound => &[
            ("email", "email"),
            ("name.given", "given_name"),
            ("name.family", "surname"),
            ("enabled", "status"),
        ],
        Direction::Inbound => &[
            ("email", "username"),
            ("email", "email"),
            ("given_name", "name.given"),
            ("surname", "name.family"),
            ("status", "enabled"),
        ],
    }
}

//! A rule: source, target, filter, groups, guard; outbound or inbound.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ConnectionId, EnvironmentId, GroupId, PlanId, RevisionId, RuleId, Timestamp,
    directory::environment::GuardDefaults,
    provisioning::{onboarding::Onboarding, schedule::Schedule},
    reconcile::{guard::Limits, plan::Retiring},
};

/// Which way a rule goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Direction {
    /// Directory → remote system.
    Outbound,
    /// Remote system → directory.
    Inbound,
}

/// One direction between the directory and a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// Its tenant.
    pub environment: EnvironmentId,
    /// Its plan.
    pub plan: PlanId,
    /// Its name.
    pub name: String,
    /// What people say of it.
    pub description: Option<String>,
    /// Where the truth comes from. Never changes.
    pub source: ConnectionId,
    /// What is made to follow. Never changes.
    pub target: ConnectionId,
    /// Which way it goes; follows from source and target.
    pub direction: Direction,
    /// Whether it runs.
    pub active: bool,
    /// `populationExpression`: the SCIM filter, its text checked when it came in; none matches everyone.
    pub filter: Option<String>,
    /// The groups that are provisioned.
    pub groups: Vec<GroupId>,
    /// Its other settings, as given, keys `UPPER_SNAKE`.
    pub configuration: BTreeMap<String, Value>,
    /// Being deleted: hidden from listings, and gone for good when its last run is done.
    pub retiring: Option<Retiring>,
    /// The plan that a person consented to beforehand, by its digest (`DELETE …?deprovision=true`).
    pub consent: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by a person.
    pub updated_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
}

impl Rule {
    /// The remote connection: the end that is not the directory.
    pub fn connection(&self) -> ConnectionId {
        match self.direction {
            Direction::Outbound => self.target,
            Direction::Inbound => self.source,
        }
    }

    /// An inbound rule's onboarding settings.
    pub fn onboarding(&self) -> Onboarding {
        Onboarding::of(&self.configuration)
    }

    /// The guard's limits: `GUARD_MAX_REMOVALS`, `GUARD_MAX_REMOVAL_PERCENT`, `GUARD_WINDOW_MINUTES`. What is not
    /// given, or cannot be read, is the environment's, and else the built-in one.
    pub fn limits(&self, environment: &GuardDefaults) -> Limits {
        let number = |key: &str| {
            let value = self.configuration.get(key)?;
            value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
        };
        let defaults = Limits::from(environment);
        let narrow = |value: Option<u64>, default: u32| {
            value.map_or(default, |value| u32::try_from(value).unwrap_or(u32::MAX))
        };
        Limits {
            max_removals: narrow(number("GUARD_MAX_REMOVALS"), defaults.max_removals),
            max_percent: narrow(number("GUARD_MAX_REMOVAL_PERCENT"), defaults.max_percent),
            window: number("GUARD_WINDOW_MINUTES").map_or(defaults.window, |minutes| {
                std::time::Duration::from_secs(minutes.saturating_mul(60))
            }),
        }
    }

    /// When an inbound rule looks at everything: `SCHEDULE`. What is not given, or cannot be read, is `daily`.
    pub fn schedule(&self) -> Schedule {
        let text = self.configuration.get("SCHEDULE").and_then(Value::as_str);
        text.and_then(|text| Schedule::parse(text).ok()).unwrap_or_default()
    }

    /// Whether an inbound rule also follows the remote system's log of events: `FOLLOW_EVENTS`.
    pub fn follows_events(&self) -> bool {
        let value = self.configuration.get("FOLLOW_EVENTS");
        value.is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"))
    }
}

/// The one plan of an environment: the shelf its rules stand on (hidden in PingOne's console).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PropagationPlan {
    /// Its id.
    pub id: PlanId,
    /// Its tenant.
    pub environment: EnvironmentId,
    /// Its name.
    pub name: String,
    /// `ACTIVE` or `INACTIVE`, kept as clients set it (they leave it INACTIVE, the default); stops no rule.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
}

/// A snapshot of plan, connections, rules and mappings; making one resyncs the rules that differ from the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Its id.
    pub id: RevisionId,
    /// Its tenant.
    pub environment: EnvironmentId,
    /// The one before it.
    pub previous: Option<RevisionId>,
    /// What stood then, without secrets.
    pub snapshot: Value,
    /// When it was made.
    pub created_at: Timestamp,
}

//! Subscriptions: audit events that are delivered to a webhook (facts/pingone.md §2.8). What one says, which events it
//! wants, and what is remembered of its deliveries. Sending is not known here.

pub mod commands;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    EnvironmentId, PopulationId, Problem, Secret, SubscriptionId, Timestamp,
    directory::audit::{Actor, Event},
};

/// How many subscriptions an environment may have.
pub const MAX_SUBSCRIPTIONS: usize = 50;
/// How many events one delivery holds at most.
pub const MAX_BATCH: u32 = 500;
/// How long events are kept for a subscription that is disabled.
pub const KEPT_WHILE_DISABLED: Duration = Duration::from_secs(14 * 24 * 3600);
/// How long the signing secret before the present one signs as well.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// The first wait after a failed delivery; it doubles with each failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// One webhook, and what it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Its tenant.
    pub environment: EnvironmentId,
    /// Its name.
    pub name: String,
    /// Whether anything is delivered; what happens meanwhile is kept.
    pub enabled: bool,
    /// Where, and how.
    pub endpoint: Endpoint,
    /// Header names and values that go with each delivery; the values may be secrets.
    pub headers: BTreeMap<String, Secret>,
    /// Which events.
    pub filter: EventFilter,
    /// Signs each delivery: 32 random bytes, base64.
    pub signing_secret: Secret,
    /// The one before, and until when it signs too.
    pub previous_secret: Option<(Secret, Timestamp)>,
    /// Events with a higher sequence number are for it.
    pub starts_after: u64,
    /// Events recorded before were not kept while it was disabled.
    pub not_before: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
}

/// Where deliveries go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// The address.
    pub url: String,
    /// Whether its certificate must be good.
    pub verify_tls_certificates: bool,
}

/// Which events a subscription wants. An empty list of populations, applications or tags asks for nothing in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventFilter {
    /// Action types, such as `USER.CREATED`.
    pub action_types: Vec<String>,
    /// Events about something in one of these.
    pub populations: Vec<PopulationId>,
    /// Events that one of these clients caused.
    pub applications: Vec<Uuid>,
    /// `adminIdentityEvent`: events that an administrator of the console caused.
    pub tags: Vec<String>,
    /// Kept as it was given: events here hold no address.
    pub ip_address_exposed: bool,
    /// Kept as it was given: events here hold no user agent.
    pub user_agent_exposed: bool,
}

impl EventFilter {
    /// Whether the event is wanted.
    pub fn wants(&self, event: &Event) -> bool {
        let population = |id: &PopulationId| {
            let id = id.to_string();
            event
                .resources
                .iter()
                .any(|it| it.population.as_ref() == Some(&id) || it.kind == "POPULATION" && it.id == id)
        };
        let application = |id: &Uuid| match &event.actor {
            Actor::Client { id: actor, .. } => actor == id,
            _ => false,
        };
        self.action_types.contains(&event.action)
            && (self.populations.is_empty() || self.populations.iter().any(population))
            && (self.applications.is_empty() || self.applications.iter().any(application))
            && (self.tags.is_empty() || matches!(event.actor, Actor::User { .. }))
    }
}

/// What is remembered of a subscription's deliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Every event up to this sequence number was delivered, or was not wanted.
    #[serde(skip)]
    pub position: u64,
    /// When the receiver last accepted something.
    pub delivered_at: Option<Timestamp>,
    /// How many events it accepted in all.
    pub delivered: u64,
    /// How many times in a row it did not accept.
    pub failures: u32,
    /// When it last did not.
    pub failed_at: Option<Timestamp>,
    /// Why not.
    pub problem: Option<Problem>,
    /// How many wanted events were given up, because they were two weeks old when the subscription was enabled again.
    pub dropped: u64,
}

/// Where a subscription's deliveries stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryState {
    /// Everything was delivered.
    Current,
    /// Something is on its way.
    Behind,
    /// The receiver did not accept the last; it is tried again.
    Failing,
    /// Nothing is delivered; what happens is kept.
    Disabled,
}

/// What a window of events comes to for a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The events to deliver, in order, as the receiver reads them.
    pub events: Vec<Value>,
    /// Wanted, but not kept that long.
    pub dropped: u64,
    /// The sequence number up to which this is everything.
    pub upto: u64,
}

impl Subscription {
    /// What to deliver of these events, which follow each other without gaps. `v1` is what links begin with.
    pub fn batch(&self, after: u64, events: &[(u64, Event)], v1: &str) -> Batch {
        let mut batch = Batch { events: Vec::new(), dropped: 0, upto: after };
        for (number, event) in events {
            batch.upto = *number;
            if !self.filter.wants(event) {
                continue;
            }
            if self.not_before.is_some_and(|kept| event.recorded_at < kept) {
                batch.dropped += 1;
                continue;
            }
            let mut shown = event.to_pingone(v1);
            shown["_embedded"] = json!({});
            batch.events.push(shown);
        }
        batch
    }

    /// What identifies a delivery: the same for each attempt at the same events, another one when what is asked for
    /// changed.
    pub fn message_id(&self, after: u64, upto: u64) -> String {
        format!("msg_{}_{after}_{upto}_{}", self.id.uuid().simple(), self.version)
    }

    /// The signing secret for a person to take along, as the libraries of Standard Webhooks read it. To be shown once.
    pub fn told_secret(&self) -> String {
        format!("whsec_{}", self.signing_secret.expose())
    }

    /// The secrets that sign at that time, the present one first.
    pub fn signing_secrets(&self, now: Timestamp) -> Vec<&Secret> {
        let previous = self
            .previous_secret
            .as_ref()
            .filter(|(_, until)| until.is_to_come(now, OVERLAP))
            .map(|(secret, _)| secret);
        std::iter::once(&self.signing_secret).chain(previous).collect()
    }
}

impl Delivery {
    /// A subscription's that has delivered nothing yet.
    pub fn from_start(starts_after: u64) -> Self {
        Delivery { position: starts_after, ..Delivery::default() }
    }

    /// How many events it is behind; not all of them need be wanted. `newest` is the number of the environment's newest.
    pub fn backlog(&self, newest: u64) -> u64 {
        newest.saturating_sub(self.position)
    }

    /// Where the deliveries of a subscription stand that is enabled or not.
    pub fn state(&self, enabled: bool, newest: u64) -> DeliveryState {
        match (enabled, self.failures, self.backlog(newest)) {
            (false, _, _) => DeliveryState::Disabled,
            (true, 1.., _) => DeliveryState::Failing,
            (true, 0, 0) => DeliveryState::Current,
            (true, 0, _) => DeliveryState::Behind,
        }
    }

    /// How long to wait after this many failures in a row: doubled each time, between half and all of it so that
    /// receivers that failed together are not tried together, and no less than the receiver asked for.
    pub fn wait(&self, of: SubscriptionId, asked: Option<Duration>) -> Duration {
        let whole = FIRST_WAIT.saturating_mul(1 << self.failures.saturating_sub(1).min(12)).min(LONGEST_WAIT);
        // Ids are spread well enough; nothing here needs to be unguessable.
        let spread =
            (of.uuid().as_u128() as u32).wrapping_mul(2_654_435_761).wrapping_add(self.failures << 28) >> 22;
        let jittered = whole / 2 + whole / 2 * spread / 1023;
        jittered.max(asked.unwrap_or_default()).min(LONGEST_WAIT)
    }
}

//! Subscriptions, and how far each was delivered.
//!
//! What is due is not written down with each event, but read off: an enabled subscription whose position is behind the
//! environment's newest event. Its row in `jobs` says when the next attempt may be made, and who makes it.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, QueryBuilder};
use usher_domain::{
    EnvironmentId, Secret, SubscriptionId, Timestamp,
    ports::store::{Claim, StoreError, StoreResult, SubscriptionStore},
    subscription::{Delivery, Endpoint, EventFilter, Subscription},
};
use uuid::Uuid;

use super::{
    Connection, Database, Row, Stored, Values, delete, from_sqlx, get, id, jobs, json, optional_time, select,
    time,
};
use crate::{
    columns,
    seal::Seal,
    sealed::{Place, Sealed},
};

/// The kind of job that delivers a subscription's events.
const SUBSCRIPTION: &str = "subscription";
/// What begins the key of a header's value among the secrets.
const HEADER: &str = "headers/";
const SIGNING: &str = "signing";
const PREVIOUS: &str = "previous";

/// A subscription as it is kept: its secrets sealed, and none in `subscription`.
pub(super) struct SealedSubscription {
    subscription: Subscription,
    settings: Settings,
    sealed: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    endpoint: Endpoint,
    filter: EventFilter,
    previous_until: Option<Timestamp>,
}

/// What a subscription's secret is sealed for.
fn place(subscription: SubscriptionId, key: &str) -> Place {
    Sealed::SubscriptionSecrets.place(subscription.uuid(), key)
}

impl SealedSubscription {
    pub(super) fn new(of: &Subscription, seal: &Seal) -> StoreResult<Self> {
        let headers = of.headers.iter().map(|(name, value)| (format!("{HEADER}{name}"), value));
        let signing = std::iter::once((SIGNING.to_owned(), &of.signing_secret));
        let previous = of.previous_secret.iter().map(|(secret, _)| (PREVIOUS.to_owned(), secret));
        let sealed = headers.chain(signing).chain(previous).map(|(key, secret)| {
            let sealed = seal.seal(&place(of.id, &key), secret)?;
            Ok((key, sealed))
        });
        let settings = Settings {
            endpoint: of.endpoint.clone(),
            filter: of.filter.clone(),
            previous_until: of.previous_secret.as_ref().map(|(_, until)| *until),
        };
        let sealed = sealed.collect::<StoreResult<_>>()?;
        let subscription = Subscription {
            headers: BTreeMap::new(),
            signing_secret: Secret::new(""),
            previous_secret: None,
            ..of.clone()
        };
        Ok(SealedSubscription { subscription, settings, sealed })
    }

    fn open(self, seal: &Seal) -> StoreResult<Subscription> {
        let SealedSubscription { mut subscription, settings, sealed } = self;
        let mut signing = None;
        for (key, sealed) in sealed {
            let secret = seal.open(&place(subscription.id, &key), &sealed)?;
            match (key.as_str(), settings.previous_until) {
                (SIGNING, _) => signing = Some(secret),
                (PREVIOUS, Some(until)) => subscription.previous_secret = Some((secret, until)),
                (key, _) => {
                    let name = key.strip_prefix(HEADER).unwrap_or(key).to_owned();
                    subscription.headers.insert(name, secret);
                }
            }
        }
        let missing =
            || StoreError::Corrupt(format!("the subscription {} has no signing secret", subscription.id));
        subscription.signing_secret = signing.ok_or_else(missing)?;
        Ok(subscription)
    }
}

impl Stored for SealedSubscription {
    const TABLE: &'static str = "subscriptions";
    const COLUMNS: &'static str = "id, environment_id, name, enabled, settings, secrets, starts_after, not_before, \
                                   created_at, updated_at, version";

    fn id(&self) -> Uuid {
        self.subscription.id.uuid()
    }

    fn version(&self) -> i64 {
        self.subscription.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        let Subscription { name, enabled, starts_after, not_before, created_at, updated_at, version, .. } =
            &self.subscription;
        values.push_bind(self.subscription.id.uuid()).push_bind(self.subscription.environment.uuid());
        values.push_bind(name).push_bind(*enabled);
        values.push_bind(columns::json(&self.settings)?).push_bind(columns::json(&self.sealed)?);
        values.push_bind(columns::count(*starts_after)).push_bind(not_before.map(|at| at.to_datetime()));
        values.push_bind(created_at.to_datetime()).push_bind(updated_at.to_datetime()).push_bind(*version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        let settings: Settings = json(row, "settings")?;
        let subscription = Subscription {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            name: get(row, "name")?,
            enabled: get(row, "enabled")?,
            endpoint: settings.endpoint.clone(),
            headers: BTreeMap::new(),
            filter: settings.filter.clone(),
            signing_secret: Secret::new(""),
            previous_secret: None,
            starts_after: columns::from_count("starts_after", get(row, "starts_after")?)?,
            not_before: optional_time(row, "not_before")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
            version: get(row, "version")?,
        };
        Ok(SealedSubscription { subscription, settings, sealed: json(row, "secrets")? })
    }
}

/// Writes a subscription. A new one begins to deliver, and a changed one is attempted at once.
pub(super) async fn write(connection: &mut Connection, seal: &Seal, of: &Subscription) -> StoreResult<()> {
    super::put(connection, &[&SealedSubscription::new(of, seal)?]).await?;
    let job = sqlx::query(
        "INSERT INTO jobs (kind, key, due_at, epoch) VALUES ($1, $2, $3, 0) \
         ON CONFLICT (kind, key) DO UPDATE SET due_at = excluded.due_at",
    );
    let job = job.bind(SUBSCRIPTION).bind(of.id.uuid()).bind(of.updated_at.to_datetime());
    job.execute(&mut *connection).await.map_err(from_sqlx)?;
    let delivery = Delivery::from_start(of.starts_after);
    let begun = sqlx::query(
        "INSERT INTO deliveries (subscription_id, position, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    );
    let begun =
        begun.bind(of.id.uuid()).bind(columns::count(delivery.position)).bind(columns::json(&delivery)?);
    begun.execute(connection).await.map_err(from_sqlx)?;
    Ok(())
}

/// Deletes a subscription, and its job; what is remembered of its deliveries goes with it, by its foreign key.
pub(super) async fn gone(connection: &mut Connection, of: SubscriptionId) -> StoreResult<()> {
    let job = sqlx::query("DELETE FROM jobs WHERE kind = $1 AND key = $2").bind(SUBSCRIPTION).bind(of.uuid());
    job.execute(&mut *connection).await.map_err(from_sqlx)?;
    delete(connection, "subscriptions", of.uuid()).await
}

#[async_trait]
impl SubscriptionStore for Database {
    async fn subscriptions(&self, environment: EnvironmentId) -> StoreResult<Vec<Subscription>> {
        let sealed: Vec<SealedSubscription> = self.entities(environment).await?;
        sealed.into_iter().map(|subscription| subscription.open(&self.seal)).collect()
    }

    async fn subscription(
        &self,
        environment: EnvironmentId,
        id: SubscriptionId,
    ) -> StoreResult<Option<Subscription>> {
        let sealed: Option<SealedSubscription> = self.entity(environment, id.uuid()).await?;
        sealed.map(|subscription| subscription.open(&self.seal)).transpose()
    }

    async fn subscription_by_id(&self, id: SubscriptionId) -> StoreResult<Option<Subscription>> {
        let mut query = select::<SealedSubscription>("id = ");
        query.push_bind(id.uuid());
        let sealed = self.one(query, SealedSubscription::read).await?;
        sealed.map(|subscription| subscription.open(&self.seal)).transpose()
    }

    async fn delivery(&self, id: SubscriptionId) -> StoreResult<Option<(Delivery, Timestamp)>> {
        let mut query = QueryBuilder::new(
            "SELECT d.position, d.body, j.due_at FROM deliveries d \
             JOIN jobs j ON j.key = d.subscription_id WHERE j.kind = ",
        );
        query.push_bind(SUBSCRIPTION).push(" AND d.subscription_id = ").push_bind(id.uuid());
        self.one(query, |row| {
            let position = columns::from_count("position", get(row, "position")?)?;
            Ok((Delivery { position, ..json(row, "body")? }, time(row, "due_at")?))
        })
        .await
    }

    async fn deliveries_due(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<SubscriptionId>> {
        let mut query = QueryBuilder::new(
            "SELECT s.id FROM subscriptions s JOIN deliveries d ON d.subscription_id = s.id \
             JOIN event_heads h ON h.environment_id = s.environment_id JOIN jobs j ON j.key = s.id \
             WHERE s.enabled AND d.position < h.seq AND j.kind = ",
        );
        query.push_bind(SUBSCRIPTION).push(" AND j.due_at <= ").push_bind(now.to_datetime());
        query.push(format!(" AND (j.owner IS NULL OR {}) ORDER BY j.due_at, s.id LIMIT ", jobs::lapsed()));
        query.push_bind(i64::from(limit));
        self.all(query, |row| id(row, "id")).await
    }

    async fn claim_delivery(
        &self,
        id: SubscriptionId,
        owner: &str,
        now: Timestamp,
        lease: Duration,
    ) -> StoreResult<Option<Claim>> {
        let sql = format!(
            "UPDATE jobs SET owner = $1, {}, epoch = epoch + 1 WHERE kind = $2 AND key = $3 \
             AND due_at <= $4 AND (owner IS NULL OR {}) RETURNING epoch",
            jobs::leased_for(lease),
            jobs::lapsed()
        );
        let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(owner).bind(SUBSCRIPTION).bind(id.uuid());
        let epoch = query.bind(now.to_datetime()).fetch_optional(&self.write).await.map_err(from_sqlx)?;
        Ok(epoch.map(|epoch| Claim { subscription: id, owner: owner.to_owned(), epoch }))
    }

    async fn renew_delivery(&self, claim: &Claim, length: Duration) -> StoreResult<bool> {
        let leased = jobs::leased_for(length);
        let sql =
            format!("UPDATE jobs SET {leased} WHERE kind = $1 AND key = $2 AND owner = $3 AND epoch = $4");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(SUBSCRIPTION).bind(claim.subscription.uuid());
        let query = query.bind(&claim.owner).bind(claim.epoch);
        let renewed = query.execute(&self.write).await.map_err(from_sqlx)?;
        Ok(renewed.rows_affected() == 1)
    }

    async fn record_delivery(
        &self,
        claim: &Claim,
        delivery: &Delivery,
        again: Option<Timestamp>,
    ) -> StoreResult<bool> {
        let mut transaction = self.begin().await?;
        // Giving it back, or only holding on to it until the end of the transaction.
        let mut held = QueryBuilder::new("UPDATE jobs SET ");
        match again {
            Some(at) => {
                held.push("owner = NULL, leased_until = NULL, due_at = ").push_bind(at.to_datetime());
            }
            None => {
                held.push("epoch = epoch");
            }
        }
        held.push(" WHERE kind = ")
            .push_bind(SUBSCRIPTION)
            .push(" AND key = ")
            .push_bind(claim.subscription.uuid());
        held.push(" AND owner = ").push_bind(&claim.owner).push(" AND epoch = ").push_bind(claim.epoch);
        let held = held.build().execute(&mut *transaction).await.map_err(from_sqlx)?;
        if held.rows_affected() != 1 {
            return Ok(false);
        }
        let query = sqlx::query("UPDATE deliveries SET position = $1, body = $2 WHERE subscription_id = $3");
        let query = query.bind(columns::count(delivery.position)).bind(columns::json(delivery)?);
        query.bind(claim.subscription.uuid()).execute(&mut *transaction).await.map_err(from_sqlx)?;
        transaction.commit().await.map_err(from_sqlx)?;
        Ok(true)
    }
}

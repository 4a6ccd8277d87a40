//! The provisioning set-up: plans, connections, rules, mappings, revisions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;
use usher_domain::{
    ConnectionId, EnvironmentId, GroupId, MappingId, PlanId, RevisionId, RuleId, Secret,
    directory::audit::Event,
    ports::store::{ProvisioningStore, StoreResult},
    provisioning::{
        connection::{Connection, ConnectionKind, Health},
        mapping::Mapping,
        rule::{PropagationPlan, Revision, Rule},
    },
};
use uuid::Uuid;

use super::{Database, Row, Stored, Values, chain, from_sqlx, get, id, json, select, time, word};
use crate::{
    columns,
    seal::Seal,
    sealed::{Place, Sealed},
};

impl Stored for PropagationPlan {
    const TABLE: &'static str = "plans";
    const COLUMNS: &'static str = "id, environment_id, name, active, created_at, updated_at, version";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        values.push_bind(self.id.uuid()).push_bind(self.environment.uuid());
        values.push_bind(&self.name).push_bind(self.active);
        values.push_bind(self.created_at.to_datetime()).push_bind(self.updated_at.to_datetime());
        values.push_bind(self.version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        Ok(PropagationPlan {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            name: get(row, "name")?,
            active: get(row, "active")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
            version: get(row, "version")?,
        })
    }
}

/// A connection as it is kept: its secrets sealed, and none in `connection`.
pub(super) struct SealedConnection {
    connection: Connection,
    sealed: BTreeMap<String, String>,
}

impl SealedConnection {
    pub(super) fn new(connection: &Connection, seal: &Seal) -> StoreResult<Self> {
        let sealed = connection
            .secrets
            .iter()
            .map(|(key, secret)| Ok((key.clone(), seal.seal(&place(connection.id, key), secret)?)));
        let sealed = sealed.collect::<StoreResult<_>>()?;
        Ok(SealedConnection {
            connection: Connection { secrets: BTreeMap::new(), ..connection.clone() },
            sealed,
        })
    }

    fn open(self, seal: &Seal) -> StoreResult<Connection> {
        let secrets = self
            .sealed
            .into_iter()
            .map(|(key, sealed)| Ok((key.clone(), seal.open(&place(self.connection.id, &key), &sealed)?)));
        let secrets = secrets.collect::<StoreResult<BTreeMap<String, Secret>>>()?;
        Ok(Connection { secrets, ..self.connection })
    }
}

/// What a connection's secret is sealed for.
fn place(connection: ConnectionId, key: &str) -> Place {
    Sealed::ConnectionSecrets.place(connection.uuid(), key)
}

impl Stored for SealedConnection {
    const TABLE: &'static str = "connections";
    const COLUMNS: &'static str = "id, environment_id, kind, name, description, active, managed, configuration, \
                                   secrets, health, created_at, updated_at, version";

    fn id(&self) -> Uuid {
        self.connection.id.uuid()
    }

    fn version(&self) -> i64 {
        self.connection.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        let Connection { configuration, health, created_at, updated_at, version, .. } = &self.connection;
        let kind = match &self.connection.kind {
            ConnectionKind::Directory => "directory",
            ConnectionKind::Dropbox => "Dropbox",
            ConnectionKind::Other(kind) => kind,
        };
        values.push_bind(self.connection.id.uuid()).push_bind(self.connection.environment.uuid());
        values.push_bind(kind).push_bind(&self.connection.name).push_bind(&self.connection.description);
        values.push_bind(self.connection.active).push_bind(self.connection.managed);
        values.push_bind(columns::json(configuration)?).push_bind(columns::json(&self.sealed)?);
        values.push_bind(columns::json(health)?);
        values.push_bind(created_at.to_datetime()).push_bind(updated_at.to_datetime()).push_bind(*version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        let kind = match get(row, "kind")? {
            "directory" => ConnectionKind::Directory,
            "Dropbox" => ConnectionKind::Dropbox,
            kind => ConnectionKind::Other(kind.to_owned()),
        };
        let connection = Connection {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            kind,
            name: get(row, "name")?,
            description: get(row, "description")?,
            active: get(row, "active")?,
            managed: get(row, "managed")?,
            configuration: json(row, "configuration")?,
            secrets: BTreeMap::new(),
            health: json(row, "health")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
            version: get(row, "version")?,
        };
        Ok(SealedConnection { connection, sealed: json(row, "secrets")? })
    }
}

/// The groups of a rule, kept as an object.
#[derive(Serialize, Deserialize)]
struct RuleGroups {
    groups: Vec<GroupId>,
}

impl Stored for Rule {
    const TABLE: &'static str = "rules";
    const COLUMNS: &'static str = "id, environment_id, plan_id, name, description, source_id, target_id, direction, \
                                   active, user_filter, rule_groups, configuration, retiring, consent, created_at, \
                                   updated_at, version";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        values.push_bind(self.id.uuid()).push_bind(self.environment.uuid()).push_bind(self.plan.uuid());
        values.push_bind(&self.name).push_bind(&self.description);
        values.push_bind(self.source.uuid()).push_bind(self.target.uuid());
        values.push_bind(columns::word(&self.direction)?).push_bind(self.active).push_bind(&self.filter);
        values.push_bind(columns::json(&RuleGroups { groups: self.groups.clone() })?);
        values.push_bind(columns::json(&self.configuration)?);
        values.push_bind(self.retiring.as_ref().map(columns::word).transpose()?).push_bind(&self.consent);
        values.push_bind(self.created_at.to_datetime()).push_bind(self.updated_at.to_datetime());
        values.push_bind(self.version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        let retiring: Option<&str> = get(row, "retiring")?;
        Ok(Rule {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            plan: id(row, "plan_id")?,
            name: get(row, "name")?,
            description: get(row, "description")?,
            source: id(row, "source_id")?,
            target: id(row, "target_id")?,
            direction: word(row, "direction")?,
            active: get(row, "active")?,
            filter: get(row, "user_filter")?,
            groups: json::<RuleGroups>(row, "rule_groups")?.groups,
            configuration: json(row, "configuration")?,
            retiring: retiring.map(|word| columns::from_word("retiring", word)).transpose()?,
            consent: get(row, "consent")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
            version: get(row, "version")?,
        })
    }
}

impl Stored for Mapping {
    const TABLE: &'static str = "mappings";
    const COLUMNS: &'static str =
        "id, environment_id, rule_id, source, target, created_at, updated_at, version";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        values.push_bind(self.id.uuid()).push_bind(self.environment.uuid()).push_bind(self.rule.uuid());
        values.push_bind(columns::json(&self.source)?).push_bind(&self.target);
        values.push_bind(self.created_at.to_datetime()).push_bind(self.updated_at.to_datetime());
        values.push_bind(self.version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        Ok(Mapping {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            rule: id(row, "rule_id")?,
            source: json(row, "source")?,
            target: get(row, "target")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
            version: get(row, "version")?,
        })
    }
}

impl Stored for Revision {
    const TABLE: &'static str = "revisions";
    const COLUMNS: &'static str = "id, environment_id, previous_id, snapshot, created_at";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    /// A revision never changes.
    fn version(&self) -> i64 {
        1
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        values.push_bind(self.id.uuid()).push_bind(self.environment.uuid());
        values.push_bind(self.previous.map(RevisionId::uuid));
        values.push_bind(columns::json(&self.snapshot)?).push_bind(self.created_at.to_datetime());
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        Ok(Revision {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            previous: get::<Option<Uuid>>(row, "previous_id")?.map(RevisionId),
            snapshot: json(row, "snapshot")?,
            created_at: time(row, "created_at")?,
        })
    }
}

#[async_trait]
impl ProvisioningStore for Database {
    async fn plan(&self, environment: EnvironmentId) -> StoreResult<Option<PropagationPlan>> {
        Ok(self.entities(environment).await?.pop())
    }

    async fn plan_by_id(
        &self,
        environment: EnvironmentId,
        id: PlanId,
    ) -> StoreResult<Option<PropagationPlan>> {
        self.entity(environment, id.uuid()).await
    }

    async fn connections(&self, environment: EnvironmentId) -> StoreResult<Vec<Connection>> {
        let sealed: Vec<SealedConnection> = self.entities(environment).await?;
        sealed.into_iter().map(|connection| connection.open(&self.seal)).collect()
    }

    async fn connection(
        &self,
        environment: EnvironmentId,
        id: ConnectionId,
    ) -> StoreResult<Option<Connection>> {
        let sealed: Option<SealedConnection> = self.entity(environment, id.uuid()).await?;
        sealed.map(|connection| connection.open(&self.seal)).transpose()
    }

    async fn set_health(
        &self,
        id: ConnectionId,
        version: i64,
        health: &Health,
        told: Option<&Event>,
    ) -> StoreResult<()> {
        let mut transaction = self.begin().await?;
        let query = sqlx::query("UPDATE connections SET health = $1 WHERE id = $2 AND version = $3");
        let query = query.bind(columns::json(health)?).bind(id.uuid()).bind(version);
        if query.execute(&mut *transaction).await.map_err(from_sqlx)?.rows_affected() == 1 {
            chain::append(&mut transaction, &self.seal, &[], told.as_slice()).await?;
        }
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn rules(&self, environment: EnvironmentId) -> StoreResult<Vec<Rule>> {
        self.entities(environment).await
    }

    async fn rule(&self, environment: EnvironmentId, id: RuleId) -> StoreResult<Option<Rule>> {
        self.entity(environment, id.uuid()).await
    }

    async fn rule_by_id(&self, id: RuleId) -> StoreResult<Option<Rule>> {
        let mut query = select::<Rule>("id = ");
        query.push_bind(id.uuid());
        self.one(query, Rule::read).await
    }

    async fn mappings(&self, rule: RuleId) -> StoreResult<Vec<Mapping>> {
        let mut query = select::<Mapping>("rule_id = ");
        query.push_bind(rule.uuid()).push(" ORDER BY id");
        self.all(query, Mapping::read).await
    }

    async fn mapping(&self, environment: EnvironmentId, id: MappingId) -> StoreResult<Option<Mapping>> {
        self.entity(environment, id.uuid()).await
    }

    async fn revision(&self, environment: EnvironmentId, id: RevisionId) -> StoreResult<Option<Revision>> {
        self.entity(environment, id.uuid()).await
    }

    async fn latest_revision(&self, environment: EnvironmentId) -> StoreResult<Option<Revision>> {
        let mut query: QueryBuilder<_> = select::<Revision>("environment_id = ");
        query.push_bind(environment.uuid()).push(" ORDER BY created_at DESC, id DESC LIMIT 1");
        self.one(query, Revision::read).await
    }
}

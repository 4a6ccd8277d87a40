//! The directory: environments, populations, users, groups, memberships.

use async_trait::async_trait;
use sqlx::QueryBuilder;
use usher_domain::{
    EnvironmentId, GroupId, PopulationId, UserId,
    directory::{
        environment::Environment,
        group::{Group, Membership, Nesting},
        population::Population,
        user::User,
    },
    ports::store::{DirectoryStore, Page, PageRequest, StoreResult, UserQuery},
};
use uuid::Uuid;

use super::{CHUNK, Database, Row, Stored, Values, get, id, json, limit, page, push_ids, select, time};
use crate::columns::{self, folded};

impl Stored for Environment {
    const TABLE: &'static str = "environments";
    const COLUMNS: &'static str = "id, name, description, guard, created_at, updated_at, version";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        values.push_bind(self.id.uuid()).push_bind(&self.name).push_bind(&self.description);
        values.push_bind(columns::json(&self.guard)?);
        values.push_bind(self.created_at.to_datetime()).push_bind(self.updated_at.to_datetime());
        values.push_bind(self.version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        Ok(Environment {
            id: id(row, "id")?,
            name: get(row, "name")?,
            description: get(row, "description")?,
            guard: json(row, "guard")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
            version: get(row, "version")?,
        })
    }
}

impl Stored for Population {
    const TABLE: &'static str = "populations";
    const COLUMNS: &'static str =
        "id, environment_id, name, name_key, description, is_default, created_at, updated_at, version";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        values.push_bind(self.id.uuid()).push_bind(self.environment.uuid());
        values.push_bind(&self.name).push_bind(folded(&self.name)).push_bind(&self.description);
        values.push_bind(self.default);
        values.push_bind(self.created_at.to_datetime()).push_bind(self.updated_at.to_datetime());
        values.push_bind(self.version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        Ok(Population {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            name: get(row, "name")?,
            description: get(row, "description")?,
            default: get(row, "is_default")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
            version: get(row, "version")?,
        })
    }
}

impl Stored for User {
    const TABLE: &'static str = "users";
    const COLUMNS: &'static str = "id, environment_id, population_id, username, username_key, email, email_key, \
                                   enabled, name, external_id, attributes, created_at, updated_at, version, search_key";
    const READ: &'static str = "id, environment_id, population_id, username, email, enabled, name, external_id, \
                                attributes, created_at, updated_at, version";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        values.push_bind(self.id.uuid()).push_bind(self.environment.uuid()).push_bind(self.population.uuid());
        values.push_bind(&self.username).push_bind(folded(&self.username));
        values.push_bind(&self.email).push_bind(folded(&self.email));
        values.push_bind(self.enabled).push_bind(columns::json(&self.name)?);
        values.push_bind(&self.external_id).push_bind(columns::json(&self.attributes)?);
        values.push_bind(self.created_at.to_datetime()).push_bind(self.updated_at.to_datetime());
        values.push_bind(self.version).push_bind(search_key(self));
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        Ok(User {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            population: id(row, "population_id")?,
            username: get(row, "username")?,
            email: get(row, "email")?,
            enabled: get(row, "enabled")?,
            name: json(row, "name")?,
            external_id: get(row, "external_id")?,
            attributes: json(row, "attributes")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
            version: get(row, "version")?,
        })
    }
}

/// What a user is found by: the parts of their name in the order in which they are said, too.
fn search_key(user: &User) -> String {
    let name = &user.name;
    let said = [&name.given, &name.family, &name.formatted].map(|part| part.as_deref().unwrap_or_default());
    let [given, family, formatted] = said;
    folded(&format!("{}\n{}\n{given} {family}\n{formatted}", user.username, user.email))
}

/// Text as the inside of a LIKE pattern, where `!` escapes.
fn literal(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// Any JSON, kept as an object.
#[derive(serde::Serialize, serde::Deserialize)]
struct Wrapped<T> {
    value: T,
}

impl Stored for Group {
    const TABLE: &'static str = "groups";
    const COLUMNS: &'static str = "id, environment_id, population_id, population_key, name, name_key, description, \
                                   external_id, custom_data, user_filter, created_at, updated_at, version";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        let population = self.population.map(PopulationId::uuid);
        let custom_data =
            self.custom_data.as_ref().map(|value| columns::json(&Wrapped { value })).transpose()?;
        values.push_bind(self.id.uuid()).push_bind(self.environment.uuid());
        values.push_bind(population).push_bind(population.unwrap_or_default());
        values.push_bind(&self.name).push_bind(folded(&self.name)).push_bind(&self.description);
        values.push_bind(&self.external_id).push_bind(custom_data).push_bind(&self.user_filter);
        values.push_bind(self.created_at.to_datetime()).push_bind(self.updated_at.to_datetime());
        values.push_bind(self.version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        let custom_data: Option<&str> = get(row, "custom_data")?;
        let custom_data = custom_data.map(|text| columns::from_json("custom_data", text)).transpose()?;
        Ok(Group {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            population: get::<Option<Uuid>>(row, "population_id")?.map(PopulationId),
            name: get(row, "name")?,
            description: get(row, "description")?,
            external_id: get(row, "external_id")?,
            custom_data: custom_data.map(|wrapped: Wrapped<_>| wrapped.value),
            user_filter: get(row, "user_filter")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
            version: get(row, "version")?,
        })
    }
}

fn membership(row: &Row) -> StoreResult<Membership> {
    Ok(Membership { user: id(row, "user_id")?, group: id(row, "group_id")? })
}

#[async_trait]
impl DirectoryStore for Database {
    async fn environments(&self) -> StoreResult<Vec<Environment>> {
        let sql = format!("SELECT {} FROM environments ORDER BY id", Environment::COLUMNS);
        self.all(QueryBuilder::new(sql), Environment::read).await
    }

    async fn environment(&self, id: EnvironmentId) -> StoreResult<Option<Environment>> {
        let mut query = select::<Environment>("id = ");
        query.push_bind(id.uuid());
        self.one(query, Environment::read).await
    }

    async fn populations(&self, environment: EnvironmentId) -> StoreResult<Vec<Population>> {
        let mut populations: Vec<Population> = self.entities(environment).await?;
        // In Rust, because the databases' collations differ.
        populations.sort_by_cached_key(|population| folded(&population.name));
        Ok(populations)
    }

    async fn population(
        &self,
        environment: EnvironmentId,
        id: PopulationId,
    ) -> StoreResult<Option<Population>> {
        self.entity(environment, id.uuid()).await
    }

    async fn count_users(
        &self,
        environment: EnvironmentId,
        population: Option<PopulationId>,
    ) -> StoreResult<u64> {
        let mut query = QueryBuilder::new("SELECT count(*) FROM users WHERE environment_id = ");
        query.push_bind(environment.uuid());
        if let Some(population) = population {
            query.push(" AND population_id = ").push_bind(population.uuid());
        }
        self.number(query).await
    }

    async fn user(&self, environment: EnvironmentId, id: UserId) -> StoreResult<Option<User>> {
        self.entity(environment, id.uuid()).await
    }

    async fn users_by_id(&self, environment: EnvironmentId, ids: &[UserId]) -> StoreResult<Vec<User>> {
        let mut ids: Vec<UserId> = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut users = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let mut query = select::<User>("environment_id = ");
            query.push_bind(environment.uuid()).push(" AND id IN ");
            push_ids(&mut query, chunk.iter().map(|id| id.uuid()));
            query.push(" ORDER BY id");
            users.append(&mut self.all(query, User::read).await?);
        }
        Ok(users)
    }

    async fn users(
        &self,
        environment: EnvironmentId,
        query: &UserQuery,
        request: &PageRequest,
    ) -> StoreResult<Page<User>> {
        let UserQuery { id, username, email, external_id, population, direct_member_of, text } = query;
        let mut sql = select::<User>("environment_id = ");
        sql.push_bind(environment.uuid());
        if let Some(id) = id {
            sql.push(" AND id = ").push_bind(id.uuid());
        }
        if let Some(username) = username {
            sql.push(" AND username_key = ").push_bind(folded(username));
        }
        if let Some(email) = email {
            sql.push(" AND email_key = ").push_bind(folded(email));
        }
        if let Some(external_id) = external_id {
            sql.push(" AND external_id = ").push_bind(external_id);
        }
        if let Some(population) = population {
            sql.push(" AND population_id = ").push_bind(population.uuid());
        }
        if let Some(text) = text {
            sql.push(" AND search_key LIKE ").push_bind(format!("%{}%", literal(&folded(text))));
            sql.push(" ESCAPE '!'");
        }
        if let Some(groups) = direct_member_of {
            if groups.is_empty() {
                return Ok(Page { items: Vec::new(), next: None });
            }
            sql.push(" AND id IN (SELECT user_id FROM memberships WHERE group_id IN ");
            push_ids(&mut sql, groups.iter().map(|group| group.uuid()));
            sql.push(")");
        }
        if let Some(after) = request.after {
            sql.push(" AND id > ").push_bind(after);
        }
        sql.push(" ORDER BY id LIMIT ").push_bind(limit(request));
        Ok(page(self.all(sql, User::read).await?, request, |user| user.id.uuid()))
    }

    async fn all_users(&self, environment: EnvironmentId) -> StoreResult<Vec<User>> {
        self.entities(environment).await
    }

    async fn group(&self, environment: EnvironmentId, id: GroupId) -> StoreResult<Option<Group>> {
        self.entity(environment, id.uuid()).await
    }

    async fn groups(&self, environment: EnvironmentId) -> StoreResult<Vec<Group>> {
        self.entities(environment).await
    }

    async fn nestings(&self, environment: EnvironmentId) -> StoreResult<Vec<Nesting>> {
        let mut query = QueryBuilder::new(
            "SELECT n.child_id, n.parent_id FROM nestings n JOIN groups g ON g.id = n.parent_id \
             WHERE g.environment_id = ",
        );
        query.push_bind(environment.uuid()).push(" ORDER BY n.child_id, n.parent_id");
        self.all(query, |row| Ok(Nesting { child: id(row, "child_id")?, parent: id(row, "parent_id")? }))
            .await
    }

    async fn memberships_of(&self, user: UserId) -> StoreResult<Vec<GroupId>> {
        let mut query = QueryBuilder::new("SELECT group_id FROM memberships WHERE user_id = ");
        query.push_bind(user.uuid()).push(" ORDER BY group_id");
        self.all(query, |row| id(row, "group_id")).await
    }

    async fn members_of(&self, group: GroupId) -> StoreResult<Vec<UserId>> {
        let mut query = QueryBuilder::new("SELECT user_id FROM memberships WHERE group_id = ");
        query.push_bind(group.uuid()).push(" ORDER BY user_id");
        self.all(query, |row| id(row, "user_id")).await
    }

    async fn memberships(
        &self,
        environment: EnvironmentId,
        users: Option<&[UserId]>,
    ) -> StoreResult<Vec<Membership>> {
        let of_environment = || {
            let mut query = QueryBuilder::new(
                "SELECT m.user_id, m.group_id FROM memberships m JOIN users u ON u.id = m.user_id \
                 WHERE u.environment_id = ",
            );
            query.push_bind(environment.uuid());
            query
        };
        let Some(users) = users else { return self.all(of_environment(), membership).await };
        let mut memberships = Vec::new();
        for chunk in users.chunks(CHUNK) {
            let mut query = of_environment();
            query.push(" AND m.user_id IN ");
            push_ids(&mut query, chunk.iter().map(|user| user.uuid()));
            memberships.append(&mut self.all(query, membership).await?);
        }
        Ok(memberships)
    }

    async fn member_counts(&self, groups: &[GroupId]) -> StoreResult<Vec<(GroupId, u64, u64)>> {
        let mut counts = Vec::with_capacity(groups.len());
        for chunk in groups.chunks(CHUNK) {
            let mut query = QueryBuilder::new(
                "SELECT id, (SELECT count(*) FROM memberships m WHERE m.group_id = groups.id) AS users, \
                 (SELECT count(*) FROM nestings n WHERE n.parent_id = groups.id) AS children \
                 FROM groups WHERE id IN ",
            );
            push_ids(&mut query, chunk.iter().map(|group| group.uuid()));
            query.push(" ORDER BY id");
            let count = |row: &Row, column| columns::from_count(column, get(row, column)?);
            counts.append(
                &mut self
                    .all(query, |row| Ok((id(row, "id")?, count(row, "users")?, count(row, "children")?)))
                    .await?,
            );
        }
        Ok(counts)
    }
}

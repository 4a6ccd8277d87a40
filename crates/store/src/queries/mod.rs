//! One SQL text, compiled once for each database: `super` is `sqlite` or `postgres` and says what `Db` is.
//!
//! Here: what all queries share. An entity's columns, how it is bound and how it is read stand together in its
//! implementation of [`Stored`].

mod access;
mod chain;
mod commit;
mod condition;
mod directory;
mod events;
mod gauges;
mod jobs;
mod provisioning;
mod record;
mod reseal;
mod sessions;

mod subscriptions;
mod sync;
mod times;
mod verify;
mod watches;
mod writer;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _, query_builder::Separated};
use usher_domain::{
    EnvironmentId, Timestamp,
    directory::change::ChangeSet,
    ports::store::{Gauges, Page, PageRequest, Resealed, Store, StoreError, StoreResult},
};
use uuid::Uuid;

use super::{BEGIN, Db, NO_TABLE, Pool, SETTLE, SKIP_LOCKED, time_ahead};
use crate::{error::from_sqlx, migrations, seal::Seal};

pub(crate) use condition::look;
pub(crate) use verify::verify;

type Connection = <Db as sqlx::Database>::Connection;
type Row = <Db as sqlx::Database>::Row;
type Transaction = sqlx::Transaction<'static, Db>;
/// The values of a row that is written, one by one.
type Values<'a> = Separated<'a, Db, &'static str>;

/// How many rows one statement writes, and how many ids one asks for. 15 values a row stay well below the databases'
/// limits (32,766 and 65,535 values).
const CHUNK: usize = 500;

/// A database, opened.
#[derive(Debug)]
pub(crate) struct Database {
    read: Pool,
    write: Pool,
    writer: writer::Writer,
    seal: Seal,
}

/// What has a row of its own, with an id and a version.
trait Stored: Sized {
    const TABLE: &'static str;
    /// The id first.
    const COLUMNS: &'static str;
    /// Those that [`Stored::read`] reads.
    const READ: &'static str = Self::COLUMNS;
    fn id(&self) -> Uuid;
    fn version(&self) -> i64;
    /// Pushes a value for each of the columns, in their order.
    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()>;
    fn read(row: &Row) -> StoreResult<Self>;
}

pub(super) async fn migrate(pool: &Pool) -> StoreResult<()> {
    migrations::migrator().run(pool).await.map_err(crate::error::from_migration)
}

/// Begins a transaction that writes. Runs in its own task: if the caller is dropped meanwhile, the transaction is ended,
/// and not left open on a connection that goes back to the pool.
async fn begin(pool: &Pool) -> StoreResult<Transaction> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(BEGIN).await }).await;
    begun.map_err(|error| StoreError::Unavailable(error.to_string()))?.map_err(from_sqlx)
}

impl Database {
    /// A database over these pools, as it is.
    pub(super) fn over(read: Pool, write: Pool, seal: Seal) -> Self {
        let writer = writer::Writer::start(write.clone(), seal.clone());
        Database { read, write, writer, seal }
    }

    /// Begins the audit's chains if they never were; not in a schema that is not this version's.
    pub(super) async fn begun(self) -> StoreResult<Self> {
        if self.ready().await.is_ok() {
            self.begin_chains().await?;
        }
        Ok(self)
    }

    async fn begin(&self) -> StoreResult<Transaction> {
        begin(&self.write).await
    }

    /// Reads all that the query finds, row by row.
    async fn all<T>(
        &self,
        mut query: QueryBuilder<Db>,
        read: impl Fn(&Row) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let mut items = Vec::new();
        let mut rows = query.build().fetch(&self.read);
        while let Some(row) = rows.try_next().await.map_err(from_sqlx)? {
            items.push(read(&row)?);
        }
        Ok(items)
    }

    /// Reads the one row that the query finds, if there is one.
    async fn one<T>(
        &self,
        mut query: QueryBuilder<Db>,
        read: impl Fn(&Row) -> StoreResult<T>,
    ) -> StoreResult<Option<T>> {
        let row = query.build().fetch_optional(&self.read).await.map_err(from_sqlx)?;
        row.as_ref().map(read).transpose()
    }

    /// Reads a number; none is 0.
    async fn number(&self, query: QueryBuilder<Db>) -> StoreResult<u64> {
        let number = self.one(query, |row| row.try_get::<i64, _>(0).map_err(from_sqlx)).await?;
        crate::columns::from_count("count", number.unwrap_or(0))
    }

    /// Writes by one statement; how many rows it wrote.
    async fn execute(&self, mut query: QueryBuilder<Db>) -> StoreResult<u64> {
        query.build().execute(&self.write).await.map(|done| done.rows_affected()).map_err(from_sqlx)
    }

    /// The entity of that id, in that environment.
    async fn entity<T: Stored>(&self, environment: EnvironmentId, id: Uuid) -> StoreResult<Option<T>> {
        let mut query = select::<T>("id = ");
        query.push_bind(id).push(" AND environment_id = ").push_bind(environment.uuid());
        self.one(query, T::read).await
    }

    /// All entities of the environment, in id order.
    async fn entities<T: Stored>(&self, environment: EnvironmentId) -> StoreResult<Vec<T>> {
        let mut query = select::<T>("environment_id = ");
        query.push_bind(environment.uuid()).push(" ORDER BY id");
        self.all(query, T::read).await
    }
}

#[async_trait]
impl Store for Database {
    async fn commit(&self, changes: &ChangeSet) -> StoreResult<()> {
        self.writer.commit(changes.clone()).await
    }

    async fn reseal(&self, limit: u32) -> StoreResult<Resealed> {
        self.reseal_some(limit).await
    }

    async fn ready(&self) -> StoreResult<()> {
        self.is_current().await
    }

    async fn try_write(&self) -> StoreResult<()> {
        self.write_probe().await
    }

    async fn close(&self) {
        self.close_all().await;
    }

    async fn gauges(&self, now: Timestamp) -> StoreResult<Gauges> {
        self.all_gauges(now).await
    }

    async fn see_time(&self, now: Timestamp) -> StoreResult<Option<Timestamp>> {
        self.see_and_keep_time(now).await
    }

    async fn judge_times_again(&self, now: Timestamp) -> StoreResult<()> {
        self.judge_all_times_again(now).await
    }

    fn failures(&self) -> u64 {
        crate::error::failures()
    }
}

/// `SELECT` of an entity's columns, up to a condition that a value follows.
fn select<T: Stored>(condition: &str) -> QueryBuilder<Db> {
    QueryBuilder::new(format!("SELECT {} FROM {} WHERE {condition}", T::READ, T::TABLE))
}

/// Pushes `(id, id, …)`.
fn push_ids(query: &mut QueryBuilder<Db>, ids: impl IntoIterator<Item = Uuid>) {
    query.push("(");
    let mut values = query.separated(", ");
    for id in ids {
        values.push_bind(id);
    }
    query.push(")");
}

/// Binds a list of texts, to stand between parentheses.
fn push_texts<'a>(query: &mut QueryBuilder<Db>, texts: impl IntoIterator<Item = &'a str>) {
    let mut values = query.separated(", ");
    for text in texts {
        values.push_bind(text.to_owned());
    }
}

/// Inserts rows in large statements. `head` is `INSERT INTO … (…) `, `tail` what is to follow the values.
async fn insert<T>(
    connection: &mut Connection,
    head: &str,
    rows: &[T],
    tail: &str,
    bind: impl Fn(&mut Values<'_>, &T) -> StoreResult<()>,
) -> StoreResult<()> {
    for chunk in rows.chunks(CHUNK) {
        let mut query = QueryBuilder::new(head);
        let mut bound = Ok(());
        query.push_values(chunk, |mut values, row| {
            if bound.is_ok() {
                bound = bind(&mut values, row);
            }
        });
        bound?;
        query.push(tail);
        query.build().execute(&mut *connection).await.map_err(from_sqlx)?;
    }
    Ok(())
}

/// Writes entities in their order: version 1 is inserted, version n replaces version n - 1.
async fn put<T: Stored>(connection: &mut Connection, entities: &[&T]) -> StoreResult<()> {
    for same in entities.chunk_by(|one, next| (one.version() == 1) == (next.version() == 1)) {
        if same.first().is_some_and(|entity| entity.version() == 1) {
            let head = format!("INSERT INTO {} ({}) ", T::TABLE, T::COLUMNS);
            insert(connection, &head, same, "", |values, entity| entity.bind(values)).await?;
        } else {
            for entity in same {
                replace(connection, *entity).await?;
            }
        }
    }
    Ok(())
}

async fn replace<T: Stored>(connection: &mut Connection, entity: &T) -> StoreResult<()> {
    let mut query = QueryBuilder::new(format!("UPDATE {} SET ({}) = (", T::TABLE, T::COLUMNS));
    entity.bind(&mut query.separated(", "))?;
    query.push(") WHERE id = ").push_bind(entity.id());
    query.push(" AND version = ").push_bind(entity.version().saturating_sub(1));
    let done = query.build().execute(connection).await.map_err(from_sqlx)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(changed(T::TABLE)) }
}

/// Deletes one row, which must be there.
async fn delete(connection: &mut Connection, table: &str, id: Uuid) -> StoreResult<()> {
    let query = sqlx::query(AssertSqlSafe(format!("DELETE FROM {table} WHERE id = $1"))).bind(id);
    let done = query.execute(connection).await.map_err(from_sqlx)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(changed(table)) }
}

fn changed(table: &str) -> StoreError {
    StoreError::Conflict(format!("a row of {table} was changed or deleted by someone else"))
}

/// A value of a row.
fn get<'r, T: sqlx::Decode<'r, Db> + sqlx::Type<Db>>(row: &'r Row, column: &str) -> StoreResult<T> {
    row.try_get(column).map_err(from_sqlx)
}

/// An id of a row.
fn id<T: From<Uuid>>(row: &Row, column: &str) -> StoreResult<T> {
    get::<Uuid>(row, column).map(T::from)
}

/// A time of a row.
fn time(row: &Row, column: &str) -> StoreResult<Timestamp> {
    get(row, column).map(Timestamp::from_datetime)
}

/// A time of a row, if there is one.
fn optional_time(row: &Row, column: &str) -> StoreResult<Option<Timestamp>> {
    get::<Option<_>>(row, column).map(|at| at.map(Timestamp::from_datetime))
}

/// A value that is kept as JSON.
fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> StoreResult<T> {
    crate::columns::from_json(column, get(row, column)?)
}

/// A plain enum that is kept as a word.
fn word<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> StoreResult<T> {
    crate::columns::from_word(column, get(row, column)?)
}

/// Cuts a listing of which one row more than asked for was read.
fn page<T>(mut items: Vec<T>, request: &PageRequest, id: impl Fn(&T) -> Uuid) -> Page<T> {
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(id) } else { None };
    Page { items, next }
}

/// How many rows to read for a page: one more, to know whether there is another page.
fn limit(request: &PageRequest) -> i64 {
    i64::from(request.limit) + 1
}

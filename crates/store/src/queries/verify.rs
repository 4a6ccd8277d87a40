//! The audit's chains, checked: stretches of each are read and hashed side by side, then joined. Nothing is changed.
//! What a chain must be is the domain's to say; here is only where its parts are found.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sqlx::{QueryBuilder, Row as _};
use usher_domain::{
    EnvironmentId, Timestamp,
    directory::audit::{
        chain::{Entry, Hash, genesis, hex},
        verify::{Anchor, CHECKPOINT_EVERY, ChainState, Checked, Report, Stretch, Tampering},
    },
    ports::store::{StoreError, StoreResult},
};
use uuid::Uuid;

use super::{
    Db, Pool,
    events::{COLUMNS, entry, hash},
    from_sqlx, get,
};
use crate::{
    anchor::{CHECKPOINT, HEAD, roll_said, said},
    columns,
    seal::Seal,
};

/// How many events one task reads and hashes.
const STRETCH: u64 = 10_000;

/// Told how many events were checked, of how many.
pub(crate) type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Checks every chain of the database.
pub(crate) async fn verify(
    pool: &Pool,
    seal: &Seal,
    anchors: &[Anchor],
    side_by_side: usize,
    progress: Progress<'_>,
) -> StoreResult<Report> {
    let mut report = Report::default();
    let on_roll = roll(pool, seal, &mut report).await?;
    let mut environments = on_roll.clone();
    for table in ["events", "event_heads", "event_checkpoints"] {
        environments.extend(distinct(pool, table, "environment_id", &mut report).await?);
    }
    environments.extend(distinct(pool, "environments", "id", &mut report).await?);
    if !distinct(pool, "older_events", "environment_id", &mut report).await?.is_empty() {
        let what = "INSERTED: older_events holds rows, and they were all chained long ago";
        report.tampering.push(Tampering::Roll(what.into()));
    }
    let mut heads = Vec::new();
    let mut total = 0;
    for environment in environments {
        let head = Head::read(pool, environment).await?;
        total += head.as_ref().map_or(0, |head| head.last);
        heads.push((environment, head));
    }
    let done = AtomicU64::new(0);
    for (environment, head) in heads {
        let chain = Chain { pool, seal, environment, side_by_side };
        let told = |events| progress(done.fetch_add(events, Ordering::Relaxed) + events, total);
        report.chains.push(chain.checked(head, &on_roll, anchors, &told).await?);
    }
    Ok(report)
}

/// Checks the chain of one environment, and the roll that it stands on.
pub(super) async fn verify_one(
    pool: &Pool,
    seal: &Seal,
    environment: EnvironmentId,
    progress: Progress<'_>,
) -> StoreResult<Checked> {
    let mut report = Report::default();
    let on_roll = roll(pool, seal, &mut report).await?;
    let head = Head::read(pool, environment).await?;
    let total = head.as_ref().map_or(0, |head| head.last);
    let done = AtomicU64::new(0);
    let told = |events| progress(done.fetch_add(events, Ordering::Relaxed) + events, total);
    // One stretch at a time: a server has other things to do.
    let chain = Chain { pool, seal, environment, side_by_side: 1 };
    let mut checked = chain.checked(head, &on_roll, &[], &told).await?;
    if let Some(what) = report.tampering.pop() {
        checked = Checked { end: None, tampering: Some(what), ..checked };
    }
    Ok(checked)
}

/// How the chain of an environment stands, by its records alone: nothing is checked.
pub(super) async fn chain_state(pool: &Pool, environment: EnvironmentId) -> StoreResult<ChainState> {
    let Some(head) = Head::read(pool, environment).await? else { return Ok(ChainState::default()) };
    let query = sqlx::query("SELECT recorded_at FROM events WHERE environment_id = $1 AND seq = $2");
    let query = query.bind(environment.uuid()).bind(columns::count(head.last_checkpoint));
    let row = query.fetch_optional(pool).await.map_err(from_sqlx)?;
    let at = row.map(|row| get::<i64>(&row, "recorded_at")).transpose()?.map(Timestamp::from_millis);
    Ok(ChainState { events: head.last, checkpoint: at.map(|at| (head.last_checkpoint, at)) })
}

/// The environments on the signed roll; what is wrong with it goes into the report.
async fn roll(pool: &Pool, seal: &Seal, report: &mut Report) -> StoreResult<BTreeSet<EnvironmentId>> {
    let query = sqlx::query("SELECT id, environments, signature FROM event_roll ORDER BY id");
    let rows = query.fetch_all(pool).await.map_err(from_sqlx)?;
    let mut bad = |what: String| report.tampering.push(Tampering::Roll(what));
    let [row] = rows.as_slice() else {
        let what = if rows.is_empty() {
            "REMOVED: the signed roll of environments is gone"
        } else {
            "INSERTED: there is more than one roll of environments"
        };
        bad(what.into());
        return Ok(BTreeSet::new());
    };
    let read =
        || Some((get::<i64>(row, "id").ok()?, get(row, "environments").ok()?, get(row, "signature").ok()?));
    let Some((1, text, signature)) = read() else {
        bad("CHANGED: the roll of environments cannot be read".into());
        return Ok(BTreeSet::new());
    };
    if let Err(why) = seal.check(&roll_said(text), signature) {
        bad(format!("FORGED: the signature of the roll of environments {why}"));
    }
    Ok(columns::from_json("environments", text).unwrap_or_default())
}

/// The environments that a table names, one look at its index for each.
async fn distinct(
    pool: &Pool,
    table: &str,
    column: &str,
    report: &mut Report,
) -> StoreResult<Vec<EnvironmentId>> {
    let mut found: Vec<EnvironmentId> = Vec::new();
    loop {
        let mut query = QueryBuilder::<Db>::new(format!("SELECT {column} FROM {table}"));
        if let Some(last) = found.last() {
            query.push(format!(" WHERE {column} > ")).push_bind(last.uuid());
        }
        query.push(format!(" ORDER BY {column} LIMIT 1"));
        let row = query.build().fetch_optional(pool).await.map_err(from_sqlx)?;
        match row.map(|row| row.try_get::<Uuid, _>(0)) {
            None => return Ok(found),
            Some(Ok(id)) => found.push(EnvironmentId(id)),
            Some(Err(_)) => {
                report
                    .tampering
                    .push(Tampering::Roll(format!("CHANGED: {table} names an environment by no id")));
                return Ok(found);
            }
        }
    }
}

/// The end of a chain as it is kept, with what there is beside it; of one moment.
struct Head {
    seq: u64,
    hash: Hash,
    signature: String,
    first: i64,
    last: u64,
    last_checkpoint: u64,
}

impl Head {
    /// `None` also when the end cannot be read: then there is none that we wrote.
    async fn read(pool: &Pool, environment: EnvironmentId) -> StoreResult<Option<Head>> {
        let query = sqlx::query(
            "SELECT seq, hash, signature, \
             (SELECT min(seq) FROM events WHERE environment_id = $1) AS first_seq, \
             (SELECT max(seq) FROM events WHERE environment_id = $1) AS last_seq, \
             (SELECT max(seq) FROM event_checkpoints WHERE environment_id = $1) AS last_checkpoint \
             FROM event_heads WHERE environment_id = $1",
        );
        let row = query.bind(environment.uuid()).fetch_optional(pool).await.map_err(from_sqlx)?;
        Ok(row.and_then(|row| {
            let number = |column| get::<Option<i64>>(&row, column).ok().map(Option::unwrap_or_default);
            Some(Head {
                seq: u64::try_from(get::<i64>(&row, "seq").ok()?).ok()?,
                hash: hash(get(&row, "hash").ok()?).ok()?,
                signature: get(&row, "signature").ok()?,
                first: get::<Option<i64>>(&row, "first_seq").ok()?.unwrap_or(1),
                last: u64::try_from(number("last_seq")?).unwrap_or_default(),
                last_checkpoint: u64::try_from(number("last_checkpoint")?).unwrap_or_default(),
            })
        }))
    }
}

/// One chain, being checked.
struct Chain<'a> {
    pool: &'a Pool,
    seal: &'a Seal,
    environment: EnvironmentId,
    side_by_side: usize,
}

/// What was found out, or that it could not be.
type Found<T> = StoreResult<Result<T, Tampering>>;

/// Returns what was tampered with to the one who asked; goes on with what holds.
macro_rules! holds {
    ($found:expr) => {
        match $found {
            Ok(value) => value,
            Err(tampering) => return Ok(Err(tampering)),
        }
    };
}

impl Chain<'_> {
    /// Checks it, if it is one of those that were signed.
    async fn checked(
        &self,
        head: Option<Head>,
        on_roll: &BTreeSet<EnvironmentId>,
        anchors: &[Anchor],
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> StoreResult<Checked> {
        let (environment, events) = (self.environment, head.as_ref().map_or(0, |head| head.last));
        let checked = match head {
            _ if !on_roll.contains(&environment) => Err(Tampering::Roll(
                "INSERTED: the environment is not among those that were signed".to_owned(),
            )),
            None => Err(Tampering::HeadMissing),
            Some(head) => self.check(&head, anchors, told).await?,
        };
        let (end, tampering) = match checked {
            Ok(end) => (Some(end), None),
            Err(tampering) => (None, Some(tampering)),
        };
        Ok(Checked { environment, events, end, tampering })
    }

    /// Checks all of it.
    async fn check(
        &self,
        head: &Head,
        anchors: &[Anchor],
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Found<Anchor> {
        if head.first < 1 {
            return Ok(Err(Tampering::Inserted(0)));
        }
        let mut whole = holds!(self.read(1, head.last, told).await?);
        let signed = said(HEAD, self.environment, head.seq, &head.hash);
        holds!(
            self.seal
                .check(&signed, &head.signature)
                .map_err(|why| { Tampering::Signature { what: "end of the chain", seq: head.seq, why } })
        );
        if head.last_checkpoint > head.seq {
            return Ok(Err(Tampering::CheckpointForged(head.last_checkpoint)));
        }
        let checkpoints = holds!(self.checkpoints(head.seq).await?);
        holds!(whole.comes_to(&checkpoints, (head.seq, head.hash)));
        if whole.redactions_hold().is_err() {
            // Somebody may be redacting just now: what tells of it comes after the end that was read.
            let newest = Head::read(self.pool, self.environment).await?.map_or(0, |newest| newest.last);
            whole.join(holds!(self.read_after(whole.end(), newest, told).await?));
        }
        holds!(whole.redactions_hold());
        let ours = |anchor: &&Anchor| anchor.environment.is_none_or(|id| id == self.environment);
        for anchor in anchors.iter().filter(ours) {
            holds!(self.is_anchored(anchor).await?);
        }
        Ok(Ok(Anchor { environment: Some(self.environment), seq: head.seq, hash: head.hash }))
    }

    /// Reads and checks the events of these numbers, several stretches at once.
    async fn read(&self, first: u64, last: u64, told: &(dyn Fn(u64) + Send + Sync)) -> Found<Stretch> {
        let (pool, environment) = (self.pool, self.environment);
        let starts = (first..=last).step_by(usize::try_from(STRETCH).unwrap_or(usize::MAX));
        let stretches = starts.map(|from| {
            let pool = pool.clone();
            let until = last.min(from + STRETCH - 1);
            // A task of its own, so that hashing goes on beside reading.
            tokio::spawn(async move { stretch(&pool, environment, from, until).await })
        });
        let mut stretches = stream::iter(stretches).buffered(self.side_by_side);
        let mut whole = Stretch::after(first - 1, genesis(self.environment));
        while let Some(done) = stretches.next().await {
            let done = done.map_err(|error| StoreError::Unavailable(error.to_string()))??;
            let done = holds!(done);
            told(done.next() - whole.next());
            whole.join(done);
        }
        Ok(Ok(whole))
    }

    /// Reads and checks what follows after an end that was found good.
    async fn read_after(
        &self,
        end: (u64, Hash),
        last: u64,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Found<Stretch> {
        if last <= end.0 {
            Ok(Ok(Stretch::after(end.0, end.1)))
        } else {
            self.read(end.0 + 1, last, told).await
        }
    }

    /// The checkpoints up to a number, each with a good signature.
    async fn checkpoints(&self, until: u64) -> Found<BTreeMap<u64, Hash>> {
        let query = sqlx::query(
            "SELECT seq, hash, signature FROM event_checkpoints WHERE environment_id = $1 AND seq <= $2 ORDER BY seq",
        );
        let mut rows = query.bind(self.environment.uuid()).bind(columns::count(until)).fetch(self.pool);
        let mut found = BTreeMap::new();
        while let Some(row) = rows.try_next().await.map_err(from_sqlx)? {
            let seq =
                get::<i64>(&row, "seq").ok().and_then(|seq| u64::try_from(seq).ok()).unwrap_or_default();
            if seq == 0 || !seq.is_multiple_of(CHECKPOINT_EVERY) {
                return Ok(Err(Tampering::CheckpointForged(seq)));
            }
            let forged = |why: &str| Tampering::Signature { what: "checkpoint", seq, why: why.into() };
            let hash = holds!(get(&row, "hash").and_then(hash).map_err(|_| forged("covers no hash")));
            let signature: &str = holds!(get(&row, "signature").map_err(|_| forged("cannot be read")));
            let signed = said(CHECKPOINT, self.environment, seq, &hash);
            holds!(self.seal.check(&signed, signature).map_err(|why| forged(&why)));
            found.insert(seq, hash);
        }
        Ok(Ok(found))
    }

    /// Whether the chain, which holds, is the one that was seen when the anchor was kept.
    async fn is_anchored(&self, anchor: &Anchor) -> Found<()> {
        let found = if anchor.seq == 0 {
            Some(genesis(self.environment))
        } else {
            let query = sqlx::query("SELECT hash FROM events WHERE environment_id = $1 AND seq = $2");
            let query = query.bind(self.environment.uuid()).bind(columns::count(anchor.seq));
            let row = query.fetch_optional(self.pool).await.map_err(from_sqlx)?;
            row.map(|row| hash(get(&row, "hash")?)).transpose()?
        };
        if found == Some(anchor.hash) {
            return Ok(Ok(()));
        }
        let expected = hex(&anchor.hash);
        Ok(Err(Tampering::Anchor { seq: anchor.seq, expected, found: found.map(|hash| hex(&hash)) }))
    }
}

/// Reads and checks the events of these numbers.
async fn stretch(pool: &Pool, environment: EnvironmentId, first: u64, last: u64) -> Found<Stretch> {
    let mut query = QueryBuilder::<Db>::new(format!("SELECT {COLUMNS} FROM events WHERE environment_id = "));
    // The one before the first comes along: its hash is what the first follows.
    query.push_bind(environment.uuid()).push(" AND seq >= ").push_bind(columns::count(first - 1));
    query.push(" AND seq <= ").push_bind(columns::count(last)).push(" ORDER BY seq");
    let mut rows = query.build().fetch(pool);
    let mut stretch = match first {
        1 => Stretch::after(0, genesis(environment)),
        _ => match rows.try_next().await.map_err(from_sqlx)?.as_ref().map(entry) {
            Some(Ok(Entry { seq, hash, .. })) if seq == first - 1 => Stretch::after(seq, hash),
            // The stretch before this one finds out what happened to it.
            _ => return Ok(Err(Tampering::Changed(first - 1))),
        },
    };
    while let Some(row) = rows.try_next().await.map_err(from_sqlx)? {
        let checked = match entry(&row) {
            Ok(entry) => stretch.check(&entry),
            Err(_) => Err(Tampering::Unreadable(stretch.next())),
        };
        holds!(checked);
    }
    if stretch.next() <= last {
        return Ok(Err(Tampering::Missing((stretch.next(), last))));
    }
    Ok(Ok(stretch))
}

//! The audit's chains, as they grow: events appended in the transaction of what they tell, ends signed anew with each
//! commit, redactions. What a link covers is the domain's to say; how a chain is checked: `verify`.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::rand;
use sqlx::QueryBuilder;
use usher_domain::{
    EnvironmentId,
    directory::audit::{
        Event,
        chain::{Entry, Hash, REDACTION, Salt, Span, genesis},
        verify::CHECKPOINT_EVERY,
    },
    ports::store::{StoreError, StoreResult},
};
use uuid::Uuid;

use super::{
    CHUNK, Connection, Db,
    events::{COLUMNS, entry, hash},
    from_sqlx, get, id, insert, json,
};
use crate::{
    anchor::{CHECKPOINT, HEAD, roll_said, said},
    columns,
    seal::Seal,
};

/// The end of a chain.
struct Head {
    environment: EnvironmentId,
    seq: u64,
    hash: Hash,
}

/// Begins the chains of new environments, and appends events. Always the last thing in a transaction: it holds the
/// environment's head until the end, which is what makes the sequence that of the commits, without gaps.
pub(super) async fn append(
    connection: &mut Connection,
    seal: &Seal,
    new: &[EnvironmentId],
    events: &[&Event],
) -> StoreResult<()> {
    let mut by_environment: BTreeMap<EnvironmentId, Vec<&Event>> =
        new.iter().map(|environment| (*environment, Vec::new())).collect();
    for event in events {
        by_environment.entry(event.environment).or_default().push(event);
    }
    for (environment, events) in by_environment {
        let mut head = take_head(connection, seal, environment).await?;
        extend(connection, seal, &mut head, &events, &[]).await?;
    }
    Ok(())
}

/// Takes the end of a chain until the transaction ends. What was not signed by us is not extended: else the next
/// commit would sign what somebody put there.
async fn take_head(
    connection: &mut Connection,
    seal: &Seal,
    environment: EnvironmentId,
) -> StoreResult<Head> {
    let query = sqlx::query(
        "UPDATE event_heads SET seq = seq WHERE environment_id = $1 RETURNING seq, hash, signature",
    );
    let row = query.bind(environment.uuid()).fetch_optional(&mut *connection).await.map_err(from_sqlx)?;
    let Some(row) = row else {
        enrol(connection, seal, environment).await?;
        let head = Head { environment, seq: 0, hash: genesis(environment) };
        put_head(connection, seal, &head).await?;
        return Ok(head);
    };
    let (seq, hash) = (columns::from_count("seq", get(&row, "seq")?)?, hash(get(&row, "hash")?)?);
    seal.check(&said(HEAD, environment, seq, &hash), get(&row, "signature")?).map_err(|why| {
        tampered(&format!("the signature of the end of the audit's chain of environment {environment} {why}"))
    })?;
    Ok(Head { environment, seq, hash })
}

fn tampered(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what}. Nothing more is recorded on top of it. Run `usher audit verify`."))
}

async fn put_head(connection: &mut Connection, seal: &Seal, head: &Head) -> StoreResult<()> {
    let query = sqlx::query(
        "INSERT INTO event_heads (environment_id, seq, hash, signature) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (environment_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, \
         signature = excluded.signature",
    );
    let signature = seal.sign(&said(HEAD, head.environment, head.seq, &head.hash))?;
    let query = query.bind(head.environment.uuid()).bind(columns::count(head.seq));
    let query = query.bind(head.hash.to_vec()).bind(signature);
    query.execute(connection).await.map_err(from_sqlx)?;
    Ok(())
}

/// Appends events to a chain whose head is taken.
async fn extend(
    connection: &mut Connection,
    seal: &Seal,
    head: &mut Head,
    events: &[&Event],
    redacted: &[Span],
) -> StoreResult<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut entries = Vec::with_capacity(events.len());
    let mut checkpoints = Vec::new();
    for event in events {
        head.seq += 1;
        let entry = Entry::of(event, head.seq, &salt()?, redacted, &head.hash);
        let entry = entry.map_err(|error| StoreError::Corrupt(format!("not to be kept: {error}")))?;
        head.hash = entry.hash;
        entries.push(entry);
        if head.seq.is_multiple_of(CHECKPOINT_EVERY) {
            let signature = seal.sign(&said(CHECKPOINT, head.environment, head.seq, &head.hash))?;
            checkpoints.push((head.seq, head.hash, signature));
        }
    }
    insert(connection, &format!("INSERT INTO events ({COLUMNS}) "), &entries, "", |values, entry| {
        values.push_bind(entry.environment.uuid()).push_bind(columns::count(entry.seq)).push_bind(entry.id);
        values.push_bind(entry.recorded_at).push_bind(entry.action.clone().into_owned());
        values.push_bind(entry.correlation_id.clone().map(|id| id.into_owned())).push_bind(entry.actor);
        for subject in entry.subjects {
            values.push_bind(subject);
        }
        values.push_bind(entry.body.clone().into_owned()).push_bind(entry.personal.clone().into_owned());
        values.push_bind(entry.hash.to_vec());
        Ok(())
    })
    .await?;
    let into = "INSERT INTO event_checkpoints (environment_id, seq, hash, signature) ";
    let environment = head.environment;
    insert(connection, into, &checkpoints, "", |values, (seq, hash, signature)| {
        values.push_bind(environment.uuid()).push_bind(columns::count(*seq));
        values.push_bind(hash.to_vec()).push_bind(signature.clone());
        Ok(())
    })
    .await?;
    put_head(connection, seal, head).await
}

fn salt() -> StoreResult<Salt> {
    let mut salt = Salt::default();
    rand::fill(&mut salt).map_err(|_| StoreError::Unavailable("the system has no randomness".into()))?;
    Ok(salt)
}

/// Puts an environment on the roll of those that have a chain. One that is there already lost its head.
async fn enrol(connection: &mut Connection, seal: &Seal, environment: EnvironmentId) -> StoreResult<()> {
    let query = sqlx::query("UPDATE event_roll SET id = id RETURNING environments, signature");
    let row = query.fetch_optional(&mut *connection).await.map_err(from_sqlx)?;
    let row = row.ok_or_else(|| tampered("the roll of the audit's chains is gone"))?;
    let text: &str = get(&row, "environments")?;
    seal.check(&roll_said(text), get(&row, "signature")?)
        .map_err(|why| tampered(&format!("the signature of the roll of the audit's chains {why}")))?;
    let mut environments: BTreeSet<EnvironmentId> = columns::from_json("environments", text)?;
    if !environments.insert(environment) {
        return Err(tampered(&format!("the end of the audit's chain of environment {environment} is gone")));
    }
    let text = columns::json(&environments)?;
    let signature = seal.sign(&roll_said(&text))?;
    let query =
        sqlx::query("UPDATE event_roll SET environments = $1, signature = $2").bind(text).bind(signature);
    query.execute(connection).await.map_err(from_sqlx)?;
    Ok(())
}

/// Begins the audit's chains, once in the life of a database: those of environments that it already has, with the
/// events from before there were chains. Returns how many events these were.
pub(super) async fn begin(connection: &mut Connection, seal: &Seal) -> StoreResult<u64> {
    let none = "[]".to_owned();
    let signature = seal.sign(&roll_said(&none))?;
    // Whoever comes second waits here for the first, and finds that all is done.
    let query = sqlx::query(
        "INSERT INTO event_roll (id, environments, signature) \
         SELECT 1, $1, $2 WHERE NOT EXISTS (SELECT 1 FROM event_heads) ON CONFLICT DO NOTHING",
    );
    let first = query.bind(none).bind(signature).execute(&mut *connection).await.map_err(from_sqlx)?;
    if first.rows_affected() == 0 {
        return Ok(0);
    }
    let query = "SELECT id FROM environments UNION SELECT environment_id FROM older_events ORDER BY 1";
    let environments = sqlx::query(query).fetch_all(&mut *connection).await.map_err(from_sqlx)?;
    let mut chained = 0;
    for row in environments {
        let mut head = take_head(connection, seal, id(&row, "id")?).await?;
        let mut after = 0_i64;
        loop {
            let query = sqlx::query(
                "SELECT seq, body FROM older_events WHERE environment_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            );
            let query = query.bind(head.environment.uuid()).bind(after).bind(CHUNK as i64);
            let rows = query.fetch_all(&mut *connection).await.map_err(from_sqlx)?;
            let Some(last) = rows.last() else { break };
            after = get(last, "seq")?;
            let events: Vec<Event> = rows.iter().map(|row| json(row, "body")).collect::<StoreResult<_>>()?;
            chained += events.len() as u64;
            extend(connection, seal, &mut head, &events.iter().collect::<Vec<_>>(), &[]).await?;
        }
    }
    sqlx::query("DELETE FROM older_events").execute(connection).await.map_err(from_sqlx)?;
    Ok(chained)
}

/// Takes the personal part away from all events about someone, and appends the event that tells it.
pub(super) async fn redact(
    connection: &mut Connection,
    seal: &Seal,
    about: Uuid,
    told: &Event,
) -> StoreResult<Vec<Span>> {
    let mut head = take_head(connection, seal, told.environment).await?;
    let mut spans: Vec<Span> = Vec::new();
    let mut after = 0_u64;
    loop {
        let mut query =
            QueryBuilder::<Db>::new(format!("SELECT {COLUMNS} FROM events WHERE environment_id = "));
        query.push_bind(told.environment.uuid()).push(" AND seq > ").push_bind(columns::count(after));
        query.push(" AND (subject_1 = ").push_bind(about).push(" OR subject_2 = ").push_bind(about);
        query.push(" OR subject_3 = ").push_bind(about).push(") ORDER BY seq LIMIT ").push_bind(CHUNK as i64);
        let rows = query.build().fetch_all(&mut *connection).await.map_err(from_sqlx)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let entry = entry(row)?;
            after = entry.seq;
            // What tells of a redaction says nothing of anybody, and must not be told of again.
            let Some(instead) = entry.redacted().filter(|_| entry.action != REDACTION) else { continue };
            let query = sqlx::query("UPDATE events SET personal = $1 WHERE environment_id = $2 AND seq = $3");
            let query = query.bind(instead).bind(entry.environment.uuid()).bind(columns::count(entry.seq));
            query.execute(&mut *connection).await.map_err(from_sqlx)?;
            match spans.last_mut() {
                Some((_, last)) if *last + 1 == entry.seq => *last = entry.seq,
                _ => spans.push((entry.seq, entry.seq)),
            }
        }
    }
    if !spans.is_empty() {
        extend(connection, seal, &mut head, &[told], &spans).await?;
    }
    Ok(spans)
}

impl super::Database {
    /// Begins the audit's chains if they have not begun. Returns how many older events were chained.
    pub(super) async fn begin_chains(&self) -> StoreResult<u64> {
        let mut transaction = self.begin().await?;
        let chained = begin(&mut transaction, &self.seal).await?;
        transaction.commit().await.map_err(from_sqlx)?;
        Ok(chained)
    }
}

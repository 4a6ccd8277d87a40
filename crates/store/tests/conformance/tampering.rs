//! Ten thousand random tamperings of an audit, all of them found: whatever somebody can do who has the database and not
//! the key. The seed is fixed; a failure names the number of the tampering and what it was.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqliteConnection};
use usher_domain::directory::{
    audit::{
        chain::{Entry, REDACTION, genesis, hex},
        verify::Anchor,
    },
    change::{ChangeSet, Write},
};
use usher_store::Auditor;
use uuid::Uuid;

use crate::{
    audit::{TABLES, first},
    world::*,
};

/// So many tamperings are tried.
const TAMPERINGS: u32 = 10_000;
/// So many events the audit has: beyond a checkpoint.
const EVENTS: u64 = 107;

/// SplitMix64: numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[usize::try_from(self.roll(items.len() as u64)).unwrap()]
    }

    fn seq(&mut self) -> u64 {
        self.roll(EVENTS) + 1
    }
}

/// A database with an audit, and somebody who has it.
struct Attacked {
    world: World,
    auditor: Auditor,
    connection: SqliteConnection,
    /// The newest end, kept elsewhere.
    anchor: Anchor,
    dice: Dice,
}

/// The columns of each table.
const COLUMNS: [(&str, &[&str]); 4] = [
    (
        "events",
        &[
            "environment_id",
            "seq",
            "id",
            "recorded_at",
            "action",
            "correlation_id",
            "actor_id",
            "subject_1",
            "subject_2",
            "subject_3",
            "body",
            "personal",
            "hash",
        ],
    ),
    ("event_heads", &["environment_id", "seq", "hash", "signature"]),
    ("event_checkpoints", &["environment_id", "seq", "hash", "signature"]),
    ("event_roll", &["id", "environments", "signature"]),
];

impl Attacked {
    async fn new(seed: u64) -> Attacked {
        let world = World::furnished(On::Sqlite).await.unwrap();
        world.commit(vec![Write::Environment(environment(id(0xe2)))]).await;
        let told = |from: u64, to: u64| (from..=to).map(|number| event(u128::from(number))).collect();
        let commit =
            async |events| world.store.commit(&ChangeSet { events, ..ChangeSet::default() }).await.unwrap();
        commit(told(1, 60)).await;
        let mut about = event(61);
        about.resources[0].id = Uuid::from_u128(7).to_string();
        commit(vec![about]).await;
        let redaction = usher_domain::directory::audit::Event { action: REDACTION.into(), ..event(900) };
        assert_eq!(world.store.redact(Uuid::from_u128(7), &redaction).await.unwrap(), [(61, 61)]);
        let mut connection = SqliteConnection::connect(&world.url).await.unwrap();
        connection.execute("PRAGMA synchronous = OFF").await.unwrap();
        // What the database was at event 62, for whoever puts it back.
        for table in TABLES {
            run(&mut connection, &format!("CREATE TABLE once_{table} AS SELECT * FROM {table}"))
                .await
                .unwrap();
        }
        commit(told(63, EVENTS)).await;
        for table in TABLES {
            run(&mut connection, &format!("CREATE TABLE saved_{table} AS SELECT * FROM {table}"))
                .await
                .unwrap();
        }
        let auditor = world.auditor().await;
        let report = auditor.verify(&[], 1, &|_, _| ()).await.unwrap();
        assert!(report.holds(), "{report:?}");
        let anchor =
            report.chains.iter().find(|chain| chain.environment == ENVIRONMENT).unwrap().end.clone().unwrap();
        assert_eq!(anchor.seq, EVENTS);
        Attacked { world, auditor, connection, anchor, dice: Dice(seed) }
    }

    async fn sql(&mut self, text: &str) -> bool {
        run(&mut self.connection, text).await.is_ok()
    }

    /// One tampering: what was done, or `None` when it came to nothing (a key was hit twice, nothing was changed).
    async fn tamper(&mut self) -> Option<String> {
        let seq = self.dice.seq();
        match self.dice.roll(24) {
            0..=9 => self.flip().await,
            10 => self.all(format!("DELETE FROM events WHERE seq = {seq}")).await,
            11 => {
                let many = seq + self.dice.roll(5) + 1;
                self.all(format!("DELETE FROM events WHERE seq BETWEEN {seq} AND {many}")).await
            }
            12 => self.truncate(seq).await,
            13 => self.swap(seq).await,
            14 => self.duplicate(seq).await,
            15 => self.checkpoint(seq).await,
            16 => self.recompute(seq).await,
            17 => self.redact(seq).await,
            18 => self.unredact().await,
            19 => self.replay().await,
            20 => {
                let (table, _) = *self.dice.of(&COLUMNS);
                self.all(format!("DELETE FROM {table}")).await
            }
            21 => self.smuggle(seq).await,
            22 => self.copy_cells(seq).await,
            _ => self.forget_environment().await,
        }
    }

    /// Statements, all of which must succeed.
    async fn all(&mut self, text: String) -> Option<String> {
        for one in text.split(';') {
            if !self.sql(one).await {
                return None;
            }
        }
        Some(text)
    }

    /// One bit of one column of one row.
    async fn flip(&mut self) -> Option<String> {
        let (table, columns) = *self.dice.of(&COLUMNS);
        let column = *self.dice.of(columns);
        let rows: Vec<i64> =
            sqlx::query_scalar(AssertSqlSafe(format!("SELECT rowid FROM {table} ORDER BY rowid")))
                .fetch_all(&mut self.connection)
                .await
                .unwrap();
        let rowid = *self.dice.of(&rows);
        let select =
            format!("SELECT typeof({column}), CAST({column} AS BLOB) FROM {table} WHERE rowid = {rowid}");
        let row = sqlx::query(AssertSqlSafe(select)).fetch_one(&mut self.connection).await.unwrap();
        let kind: String = row.get(0);
        let instead = match kind.as_str() {
            "null" => format!("x'{}'", Uuid::from_u128(u128::from(self.dice.roll(9))).simple()),
            "integer" => {
                let old: i64 = String::from_utf8(row.get(1)).unwrap().parse().unwrap();
                (old ^ (1 << self.dice.roll(63))).to_string()
            }
            _ => {
                let mut bytes: Vec<u8> = row.get(1);
                let at = usize::try_from(self.dice.roll(bytes.len() as u64)).unwrap();
                bytes[at] ^= 1 << self.dice.roll(8);
                let value = format!("x'{}'", hex(&bytes));
                if kind == "text" { format!("CAST({value} AS TEXT)") } else { value }
            }
        };
        self.all(format!("UPDATE {table} SET {column} = {instead} WHERE rowid = {rowid}")).await
    }

    /// The end is cut off, and the signed end is made to fit with what is at hand.
    async fn truncate(&mut self, seq: u64) -> Option<String> {
        let cut = format!("DELETE FROM events WHERE seq > {}", seq - 1);
        let fit = match self.dice.roll(4) {
            0 => String::new(),
            1 => ";DELETE FROM event_heads WHERE seq > 0".into(),
            2 => format!(
                ";UPDATE event_heads SET seq = {0}, hash = coalesce((SELECT hash FROM events WHERE seq = {0}), hash) WHERE seq > 0",
                seq - 1
            ),
            _ => ";DELETE FROM events WHERE seq > 100;UPDATE event_heads SET (seq, hash, signature) = \
                  (SELECT seq, hash, signature FROM event_checkpoints) WHERE seq > 0"
                .into(),
        };
        self.all(cut + &fit).await
    }

    async fn swap(&mut self, seq: u64) -> Option<String> {
        let other = self.dice.seq();
        if other == seq {
            return None;
        }
        self.all(format!(
            "UPDATE events SET seq = -1 WHERE seq = {seq};UPDATE events SET seq = {seq} WHERE seq = {other};\
             UPDATE events SET seq = {other} WHERE seq = -1"
        ))
        .await
    }

    /// A copy of an event, somewhere else.
    async fn duplicate(&mut self, seq: u64) -> Option<String> {
        let to = match self.dice.roll(4) {
            0 => (EVENTS + 1).to_string(),
            1 => (EVENTS + 2 + self.dice.roll(1_000)).to_string(),
            2 => "0".into(),
            _ => format!("-{}", self.dice.roll(1_000) + 1),
        };
        let environment = *self.dice.of(&[
            "environment_id",
            "x'000000000000000000000000000000e2'",
            "x'00000000000000000000000000000bad'",
        ]);
        self.all(format!(
            "INSERT INTO events SELECT {environment}, {to}, randomblob(16), recorded_at, action, correlation_id, \
             actor_id, subject_1, subject_2, subject_3, body, personal, hash FROM events WHERE seq = {seq}"
        ))
        .await
    }

    async fn checkpoint(&mut self, seq: u64) -> Option<String> {
        let what = match self.dice.roll(5) {
            0 => "DELETE FROM event_checkpoints".to_owned(),
            1 => format!("UPDATE event_checkpoints SET hash = (SELECT hash FROM events WHERE seq = {})", seq % 100),
            2 => "UPDATE event_checkpoints SET signature = (SELECT signature FROM event_heads WHERE seq > 0)".into(),
            3 => format!("UPDATE event_checkpoints SET seq = {}", if seq == 100 { 200 } else { seq }),
            _ => "INSERT INTO event_checkpoints SELECT environment_id, 200, hash, signature FROM event_heads WHERE seq > 0".into(),
        };
        self.all(what).await
    }

    /// An event is changed, and every hash after it made to fit; the ends as well, but for their signatures.
    async fn recompute(&mut self, seq: u64) -> Option<String> {
        let mut entries = Vec::new();
        for (number, mut event) in self.world.store.events_after(ENVIRONMENT, 0, 1_000).await.unwrap() {
            if number == seq {
                event.description = "Created User mallory".into();
            }
            entries.push((number, event));
        }
        let mut before = genesis(ENVIRONMENT);
        for (number, event) in entries {
            let entry = Entry::of(&event, number, &[1; 16], &[], &before).unwrap();
            before = entry.hash;
            let query = sqlx::query("UPDATE events SET body = $1, personal = $2, hash = $3 WHERE seq = $4");
            let query = query.bind(entry.body.into_owned()).bind(entry.personal.into_owned());
            query
                .bind(before.to_vec())
                .bind(i64::try_from(number).unwrap())
                .execute(&mut self.connection)
                .await
                .unwrap();
        }
        let hash = hex(&before);
        let ends = match self.dice.roll(2) {
            0 => format!("UPDATE event_heads SET hash = x'{hash}' WHERE seq > 0"),
            _ => "UPDATE event_checkpoints SET hash = (SELECT hash FROM events WHERE seq = 100)".into(),
        };
        self.all(ends).await.map(|ends| format!("recomputed from {seq}; {ends}"))
    }

    /// The words of an event are taken away as a redaction takes them, but nothing tells of it.
    async fn redact(&mut self, seq: u64) -> Option<String> {
        let personal: String = sqlx::query_scalar("SELECT personal FROM events WHERE seq = $1")
            .bind(i64::try_from(seq).unwrap())
            .fetch_one(&mut self.connection)
            .await
            .unwrap();
        let event = self.world.store.events_after(ENVIRONMENT, seq - 1, 1).await.unwrap().remove(0).1;
        let mut entry = Entry::of(&event, seq, &[1; 16], &[], &[0; 32]).unwrap();
        entry.personal = personal.into();
        let instead = entry.redacted()?;
        self.all(format!("UPDATE events SET personal = '{instead}' WHERE seq = {seq}")).await
    }

    /// Words are put where they were taken away.
    async fn unredact(&mut self) -> Option<String> {
        let from = self.dice.seq();
        self.all(format!(
            "UPDATE events SET personal = (SELECT personal FROM saved_events WHERE seq = {}) WHERE seq = 61",
            if from == 61 { 60 } else { from }
        ))
        .await
    }

    /// The whole is put back to what it was.
    async fn replay(&mut self) -> Option<String> {
        let back =
            TABLES.map(|table| format!("DELETE FROM {table};INSERT INTO {table} SELECT * FROM once_{table}"));
        self.all(back.join(";")).await
    }

    async fn smuggle(&mut self, seq: u64) -> Option<String> {
        self.all(format!(
            "INSERT INTO older_events SELECT environment_id, seq, id, body FROM events WHERE seq = {seq}"
        ))
        .await
    }

    /// A column of one event in the place of another's.
    async fn copy_cells(&mut self, seq: u64) -> Option<String> {
        let column = *self.dice.of(&["id", "personal", "hash", "seq"]);
        let other = self.dice.seq();
        if other == seq {
            return None;
        }
        // `id` must be unique: the other one gives way.
        self.all(format!(
            "CREATE TEMP TABLE cell AS SELECT {column} AS value FROM events WHERE seq = {other};\
             DELETE FROM events WHERE seq = {other} AND '{column}' IN ('id', 'seq');\
             UPDATE events SET {column} = (SELECT value FROM cell) WHERE seq = {seq};DROP TABLE cell"
        ))
        .await
    }

    /// A chain goes as a whole, with some of what names it.
    async fn forget_environment(&mut self) -> Option<String> {
        let whose = *self.dice.of(&["000000000000000000000000000000e2", "0000000000000000000000000000000e"]);
        let gone = ["events", "event_heads", "event_checkpoints"]
            .map(|table| format!("DELETE FROM {table} WHERE environment_id = x'{whose}'"));
        let roll = match self.dice.roll(2) {
            0 => "SELECT 1".into(),
            _ => format!(
                "UPDATE event_roll SET environments = replace(environments, '{}', '')",
                Uuid::parse_str(whose).unwrap()
            ),
        };
        self.all(format!("{};{roll}", gone.join(";"))).await
    }

    /// Whether the tables are what they were.
    async fn is_unchanged(&mut self) -> bool {
        for table in TABLES {
            for (one, other) in [("", "saved_"), ("saved_", "")] {
                let query = format!(
                    "SELECT count(*) FROM (SELECT * FROM {one}{table} EXCEPT SELECT * FROM {other}{table})"
                );
                let more: i64 =
                    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut self.connection).await.unwrap();
                if more > 0 {
                    return false;
                }
            }
        }
        true
    }

    async fn restore(&mut self) {
        self.sql("DROP TABLE IF EXISTS temp.cell").await;
        for table in TABLES {
            assert!(self.sql(&format!("DELETE FROM {table}")).await);
            assert!(self.sql(&format!("INSERT INTO {table} SELECT * FROM saved_{table}")).await);
        }
    }
}

async fn run(connection: &mut SqliteConnection, text: &str) -> sqlx::Result<()> {
    connection.execute(AssertSqlSafe(text.to_owned())).await.map(|_| ())
}

async fn attack(seed: u64, tamperings: u32) {
    let mut attacked = Attacked::new(seed).await;
    let mut tried = 0;
    while tried < tamperings {
        let done = attacked.tamper().await;
        if let Some(done) = done {
            let anchors = std::slice::from_ref(&attacked.anchor);
            let found = attacked.auditor.verify(anchors, 1, &|_, _| ()).await.unwrap();
            if found.holds() {
                assert!(
                    attacked.is_unchanged().await,
                    "seed {seed}, tampering {tried} was not found: {done}"
                );
            } else {
                assert!(first(&found).is_some());
                tried += 1;
            }
        }
        attacked.restore().await;
    }
    let report = attacked.auditor.verify(&[], 1, &|_, _| ()).await.unwrap();
    assert!(report.holds(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_tamperings_are_all_found() {
    let halves = [1, 2].map(|seed| tokio::spawn(attack(seed, TAMPERINGS / 2)));
    for half in halves {
        half.await.unwrap();
    }
}

//! A fresh database for each test, thrown away with it.

use std::{path::Path, sync::atomic::AtomicU32, sync::atomic::Ordering};

use sqlx::{Connection, Executor, PgConnection};

/// Names the PostgreSQL server; `cargo xtask test` starts one and sets it.
const SERVER: &str = "USHER_TEST_POSTGRES";
/// Leaves out the tests that need it.
const SKIP: &str = "USHER_TEST_SKIP_POSTGRES";

/// Where a test's data is.
#[derive(Debug)]
pub(crate) struct Database {
    url: String,
    /// The server on which it is dropped at the end.
    dropped_on: Option<(String, String)>,
}

impl Database {
    pub(crate) fn sqlite(dir: &Path) -> Database {
        Database { url: format!("sqlite://{}", dir.join("usher.db").display()), dropped_on: None }
    }

    /// `None` when such tests are left out on purpose; a panic with what to do when they are not.
    pub(crate) async fn postgres() -> Option<Database> {
        let Some(server) = std::env::var(SERVER).ok().filter(|server| !server.is_empty()) else {
            if std::env::var_os(SKIP).is_some() {
                eprintln!("left out, as {SKIP} asks: this test needs PostgreSQL");
                return None;
            }
            panic!(
                "{SERVER} names no PostgreSQL server. Run the tests with `cargo xtask test`, which starts one; or set \
                 {SERVER}=postgres://user@host/postgres to a server where databases may be made; or set {SKIP}=1 to \
                 leave these tests out."
            );
        };
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("usher_e2e_{}_{number}", std::process::id());
        let mut admin = PgConnection::connect(&server).await.unwrap();
        admin.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Some(Database { url: format!("{base}/{name}"), dropped_on: Some((server, name)) })
    }

    /// `USHER_DATABASE_URL`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, name)) = self.dropped_on.take() else { return };
        // A runtime of its own: the test's may be ending. A server made for the tests is thrown away with all its
        // databases anyway, so a failure here is no failure of the test.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&server).await?;
                admin.execute(sqlx::AssertSqlSafe(format!("drop database {name} with (force)"))).await?;
                Ok::<(), sqlx::Error>(())
            })
        });
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("a test database was left behind: {error}");
        }
    }
}

//! What every database must do alike. Each test is written once and runs on SQLite, and on PostgreSQL when
//! `USHER_TEST_POSTGRES` names a server (`cargo xtask test` starts one).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod access;
mod activity;
mod audit;
mod commit;
mod directory;
mod inbound;
mod jobs;
mod provisioning;
mod sessions;
mod subscriptions;
mod sync;
mod tampering;
mod times;
mod watches;
mod world;

/// Each test, once for each database. A test takes a furnished [`world::World`].
#[macro_export]
macro_rules! on_both {
    ($($(#[$doc:meta])* async fn $name:ident($world:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all of its module")]
            use super::*;

            async fn test($world: &$crate::world::World) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let world = $crate::world::World::furnished($crate::world::On::Sqlite).await.unwrap();
                test(&world).await;
                world.close().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let Some(world) = $crate::world::World::furnished($crate::world::On::Postgres).await else { return };
                test(&world).await;
                world.close().await;
            }
        }
    )*};
}

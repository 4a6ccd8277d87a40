//! Every row of the outbound table, from the directory through the real connector to a simulated team.
//!
//! Each file is about one part of the table; [`world`] furnishes and drives. A test that is written with
//! [`both_ways!`] is run twice: as a full run, and as a run of only those who are due.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

/// Each test twice: with [`world::Way::Full`] and with [`world::Way::Due`].
macro_rules! both_ways {
    ($($(#[$doc:meta])* async fn $name:ident($way:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all of its module")]
            use super::*;

            $(#[$doc])*
            async fn test($way: Way) $body

            #[tokio::test]
            async fn in_a_full_run() {
                test(Way::Full).await;
            }

            #[tokio::test]
            async fn in_a_run_of_those_who_are_due() {
                test(Way::Due).await;
            }
        }
    )*};
}

mod accounts;
mod calls;
mod groups;
mod guard;
mod leavers;
mod lifecycle;
mod memberships;
mod order;
mod retiring;
mod seats;
mod storms;
mod summary;
#[expect(dead_code, reason = "the inbound tests use what is not used here")]
mod world;

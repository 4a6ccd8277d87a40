//! The schema, step by step; the same steps for both databases.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// Each step as it was released, oldest first. Steps are only ever added.
const STEPS: &[(i64, &str, &str)] = &[
    (1, "first", include_str!("../migrations/0001_first.sql")),
    (2, "audit chain", include_str!("../migrations/0002_audit_chain.sql")),
    (3, "subscriptions", include_str!("../migrations/0003_subscriptions.sql")),
    (4, "access", include_str!("../migrations/0004_access.sql")),
    (5, "inbound", include_str!("../migrations/0005_inbound.sql")),
    (6, "schedule", include_str!("../migrations/0006_schedule.sql")),
    (7, "sessions", include_str!("../migrations/0007_sessions.sql")),
    (9, "run problems", include_str!("../migrations/0009_run_problems.sql")),
    (17, "search", include_str!("../migrations/0017_search.sql")),
    (18, "search order", include_str!("../migrations/0018_search_order.sql")),
    (20, "provider accounts", include_str!("../migrations/0020_provider_accounts.sql")),
    (21, "guard defaults and audit checks", include_str!("../migrations/0021_guard_and_checks.sql")),
    (24, "leases by the database's clock", include_str!("../migrations/0024_leases.sql")),
    (25, "write probe", include_str!("../migrations/0025_write_probe.sql")),
    (27, "known places", include_str!("../migrations/0027_known_places.sql")),
];

/// The schema that this version speaks.
pub(crate) const LATEST: i64 = STEPS[STEPS.len() - 1].0;

/// The error for a schema that a later version made.
pub(crate) fn made_later(version: i64) -> String {
    format!(
        "the database's schema is {version}, made by a later version; this one speaks {LATEST}. Start the later version."
    )
}

pub(crate) fn migrator() -> Migrator {
    let steps = STEPS.iter().map(|(version, description, sql)| {
        let description = Cow::Borrowed(*description);
        Migration::new(*version, description, MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect())
}

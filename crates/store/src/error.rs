//! What the databases say, as what the caller does next. Values never come along: neither database's message holds
//! any (PostgreSQL's *detail* does, and is left out).

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Error, error::ErrorKind};
use usher_domain::ports::store::StoreError;

/// Unique keys: what PostgreSQL calls the one that was hit, what SQLite calls its last column, and what people call it.
const UNIQUE: [(&str, &str, &str); 10] = [
    ("populations_name", "populations.name_key", "a population of that name exists"),
    ("populations_default", "populations.environment_id", "the environment has a default population"),
    ("users_username", "users.username_key", "a user of that username exists"),
    ("groups_name", "groups.name_key", "a group of that name exists"),
    ("plans_environment", "plans.environment_id", "the environment has a plan"),
    ("administrators_username", "administrators.username_key", "an administrator of that username exists"),
    (
        "administrators_provider",
        "administrators.provider_subject",
        "another administrator is bound to that account at the OpenID provider",
    ),
    ("account_links_account", "account_links.account", "the account is linked to another user"),
    ("group_links_remote", "group_links.remote", "the remote group is linked to another group"),
    ("events_id", "events.id", "the event was recorded before"),
];

/// PostgreSQL: two transactions wait for each other, or cannot be put in an order.
const TRY_AGAIN: [&str; 2] = ["40P01", "40001"];

/// How many statements failed since the process began.
static FAILURES: AtomicU64 = AtomicU64::new(0);

/// How many statements the database did not carry out since the process began.
pub(crate) fn failures() -> u64 {
    FAILURES.load(Ordering::Relaxed)
}

/// An error of a statement. What is not somebody else's being faster is counted.
pub(crate) fn from_sqlx(error: Error) -> StoreError {
    let error = meaning(error);
    if !matches!(error, StoreError::Conflict(_)) {
        FAILURES.fetch_add(1, Ordering::Relaxed);
    }
    error
}

fn meaning(error: Error) -> StoreError {
    match error {
        Error::Database(error) => match error.kind() {
            ErrorKind::UniqueViolation => StoreError::Conflict(taken(error.constraint(), error.message())),
            ErrorKind::ForeignKeyViolation => {
                StoreError::Conflict("what it refers to is gone, or something still refers to it".into())
            }
            _ if error.code().is_some_and(|code| TRY_AGAIN.contains(&&*code)) => {
                StoreError::Conflict("two changes waited for each other".into())
            }
            _ => StoreError::Unavailable(error.message().to_owned()),
        },
        error @ (Error::ColumnDecode { .. }
        | Error::Decode(_)
        | Error::ColumnNotFound(_)
        | Error::TypeNotFound { .. }) => StoreError::Corrupt(error.to_string()),
        error => StoreError::Unavailable(error.to_string()),
    }
}

/// An error while the schema was brought up to date.
pub(crate) fn from_migration(error: sqlx::migrate::MigrateError) -> StoreError {
    match error {
        sqlx::migrate::MigrateError::Execute(error) => from_sqlx(error),
        error => StoreError::Unavailable(format!("the schema cannot be brought up to date: {error}")),
    }
}

fn taken(constraint: Option<&str>, message: &str) -> String {
    let hit = |(postgres, sqlite, _): &&(&str, &str, &str)| match constraint {
        Some(name) => name == *postgres,
        None => message.ends_with(sqlite),
    };
    match UNIQUE.iter().find(hit) {
        Some((.., words)) => (*words).to_owned(),
        None => "a row of that id exists".to_owned(),
    }
}

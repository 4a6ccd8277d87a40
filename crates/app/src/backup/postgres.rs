//! What to run on PostgreSQL, whose own tools make and restore backups.

use std::path::Path;

use url::Url;

/// The address without its password, which the tools take from PGPASSWORD or ~/.pgpass.
fn shown(database_url: &str) -> String {
    let Ok(mut url) = Url::parse(database_url) else { return "$USHER_DATABASE_URL".into() };
    // Only an address without a host refuses one, and has none.
    let _ = url.set_password(None);
    url.into()
}

/// What `usher backup` says.
pub(super) fn how_to_back_up(database_url: &str, dir: &Path) -> String {
    let (url, dir) = (shown(database_url), dir.display());
    format!(
        "the database is on PostgreSQL, and pg_dump makes a consistent copy while servers run. Nothing was done. Run:\n\n  \
         mkdir -m 700 -p '{dir}'\n  \
         (umask 077 && pg_dump --format=custom --no-owner --file='{dir}/usher.dump' '{url}')\n  \
         usher audit verify > '{dir}/audit.txt'\n\n\
         The password comes from PGPASSWORD or ~/.pgpass. Keep a copy of the seal key elsewhere: the dump cannot be used without it."
    )
}

/// What `usher restore` says.
pub(super) fn how_to_restore(database_url: &str, dir: &Path) -> String {
    let (url, dir) = (shown(database_url), dir.display());
    format!(
        "the database is on PostgreSQL, and pg_restore puts a dump back. Nothing was done. Stop every Usher server, then \
         run:\n\n  \
         pg_restore --clean --if-exists --no-owner --exit-on-error --single-transaction --dbname='{url}' '{dir}/usher.dump'\n  \
         usher audit verify --expect END\n\n\
         where END is an end listed in '{dir}/audit.txt' (one --expect for each environment). The password comes from \
         PGPASSWORD or ~/.pgpass. Put back the seal key file that the dump was made with before a server starts."
    )
}

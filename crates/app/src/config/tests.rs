//! What a configuration means, every fault in one, and `docs/config.md`.

use std::{collections::BTreeSet, fmt::Write as _};

use insta::assert_snapshot;

use super::{keys::Default, *};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.md");

const INTRODUCTION: &str = "# Configuration

What Usher must know before its database opens: one TOML file (`usher serve --config usher.toml`), and every key also as an
environment variable, which wins over the file. Everything else is in the database, and is set in the console or by the API.
[examples/usher.toml](../examples/usher.toml) is a file to begin with; `usher check` tells every fault of yours at once.

Relative paths in a file start from the file's directory; the path of an SQLite database starts from the working directory.
A key that is marked *secret* may also be kept elsewhere:
`{ file = \"/run/secrets/database-url\" }` reads a file, `{ env = \"NAME\" }` another environment variable. A key that is
not in this table is refused, and so is an unknown environment variable that begins with `USHER_`: one that is neither in this table,
nor used by the command line (`USHER_URL`, `USHER_CLIENT_ID`, `USHER_CLIENT_SECRET`, `USHER_ENVIRONMENT_ID`), nor mentioned in the file, nor set by Kubernetes.

This page is written from the table in `crates/app/src/config/keys.rs` by `USHER_WRITE_DOCS=1 cargo test -p usher --bin usher
config`, and the same test fails when it is out of date.

| key | variable | default | may be | what it is for |
|---|---|---|---|---|
";

#[test]
fn the_page_in_docs_has_every_key() {
    let mut page = INTRODUCTION.to_owned();
    for key in &KEYS {
        let default = match key.default {
            Default::Value(value) => format!("`{value}`"),
            Default::Told(words) => words.to_owned(),
        };
        let secret = if key.secret { " *(secret)*" } else { "" };
        let row = (key.name, key.variable, default, key.allowed, key.about);
        writeln!(page, "| `{}`{secret} | `{}` | {} | {} | {} |", row.0, row.1, row.2, row.3, row.4).unwrap();
    }
    if std::env::var_os("USHER_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(kept == page, "docs/config.md is out of date; its introduction says how to write it anew");
}

#[test]
fn every_key_has_a_name_and_a_variable_of_its_own_and_is_in_the_example() {
    let example = include_str!("../../../../examples/usher.toml");
    let mut seen = BTreeSet::new();
    for key in &KEYS {
        assert!(seen.insert(key.name) && seen.insert(key.variable), "{} is there twice", key.name);
        let variable = format!("USHER_{}", key.name.replace('.', "_").to_uppercase());
        assert_eq!(key.variable, variable);
        let last = key.name.rsplit('.').next().unwrap();
        assert!(example.contains(&format!("{last} = ")), "examples/usher.toml does not show {}", key.name);
    }
    Config::parse(example, Path::new(""), none).unwrap();
}

#[test]
fn a_key_that_is_none_is_refused_with_the_one_that_may_have_been_meant() {
    let meant = |text: &str| Config::parse(text, Path::new(""), none).unwrap_err().0.join("\n");
    let all = [
        "listn = \"127.0.0.1:1\"",
        "database-url = \"sqlite://usher.db\"",
        "USHER_LEASE_MS = 5",
        "client_secret = \"hunter2-hunter2-hunter2\"",
        "trusted_proxy = \"::1\"",
        "bootstrap = 5",
        "[bootstrap]\nadmin_user = \"eve\"",
        "[server]\nlisten = \"127.0.0.1:1\"",
    ];
    assert_snapshot!(all.map(meant).join("\n"), @"
    listn is not a key; did you mean listen?
    database-url is not a key; did you mean database_url?
    USHER_LEASE_MS is not a key; did you mean lease_ms?
    client_secret is not a key; did you mean bootstrap.client_secret?
    trusted_proxy is not a key; did you mean trusted_proxies?
    bootstrap is not a key; the keys are listen, public_url, tls_certificate_file, tls_key_file, trusted_proxies, connections_per_address, max_requests_per_second, database_url, seal_key_file, log, log_format, quiet_time_ms, lease_ms, rules_at_once, allow_http_targets, allow_private_targets, oidc_issuer, oidc_client_id, oidc_client_secret, oidc_name, bootstrap.environment_id, bootstrap.client_id, bootstrap.client_secret, bootstrap.admin_username, bootstrap.admin_password
    bootstrap.admin_user is not a key; did you mean bootstrap.admin_username?
    server is not a key; the keys are listen, public_url, tls_certificate_file, tls_key_file, trusted_proxies, connections_per_address, max_requests_per_second, database_url, seal_key_file, log, log_format, quiet_time_ms, lease_ms, rules_at_once, allow_http_targets, allow_private_targets, oidc_issuer, oidc_client_id, oidc_client_secret, oidc_name, bootstrap.environment_id, bootstrap.client_id, bootstrap.client_secret, bootstrap.admin_username, bootstrap.admin_password
    ");
}

#[test]
fn a_variable_that_is_not_known_is_refused_with_the_one_that_may_have_been_meant() {
    let unknown = |names: &[&str], file: &str| {
        keys::unknown_variables(names.iter().map(|name| (*name).to_owned()), file).join("\n")
    };
    let wrong =
        ["USHER_LISTN", "PATH", "USHER_DATABASE", "USHER_COLOUR", "USHER_CLIENT_SECRETS", "USHER_LOG"];
    assert_snapshot!(unknown(&wrong, ""), @"
    the variable USHER_CLIENT_SECRETS is not known; did you mean USHER_CLIENT_SECRET?
    the variable USHER_COLOUR is not known; docs/config.md lists those that are
    the variable USHER_DATABASE is not known; did you mean USHER_DATABASE_URL?
    the variable USHER_LISTN is not known; did you mean USHER_LISTEN?
    ");
    let named = "database_url = { env = \"USHER_POSTGRES\" }";
    assert_eq!(unknown(&["USHER_POSTGRES", "USHER_URL", "USHER_TEST_POSTGRES"], named), "");
    let services =
        ["USHER_SERVICE_HOST", "USHER_SERVICE_PORT_HTTP", "USHER_PORT", "USHER_WEB_PORT_8080_TCP_ADDR"];
    assert_eq!(unknown(&services, "").lines().count(), 4);
    let in_a_pod = [&services[..], &["KUBERNETES_SERVICE_HOST", "USHER_LISTN"]].concat();
    assert_snapshot!(unknown(&in_a_pod, ""), @"the variable USHER_LISTN is not known; did you mean USHER_LISTEN?");
}

fn none(_: &str) -> Option<String> {
    None
}

#[test]
fn nothing_given_is_the_documented_defaults() {
    let config = Config::parse("", Path::new(""), none).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database_url.expose(), "sqlite://usher.db");
    assert_eq!(config.seal_key_file, Path::new("usher.key"));
    assert_eq!(config.quiet_time, Duration::from_millis(300));
    assert_eq!(config.rules_at_once, usher_engine::worker::RULES_AT_ONCE);
    assert_eq!(config.lease, Duration::from_secs(15));
    assert_eq!((config.targets, config.tls), (Targets::default(), None));
}

#[test]
fn the_environment_wins_over_the_file() {
    let env = |name: &str| (name == "USHER_LISTEN").then(|| "127.0.0.1:9".to_owned());
    let config = Config::parse("listen = \"127.0.0.1:1\"", Path::new(""), env).unwrap();
    assert_eq!(config.listen.port(), 9);
}

#[test]
fn the_key_lies_beside_the_database() {
    let config =
        Config::parse("database_url = \"sqlite:///var/lib/usher/usher.db\"", Path::new(""), none).unwrap();
    assert_eq!(config.seal_key_file, Path::new("/var/lib/usher/usher.key"));
}

#[test]
fn a_file_that_is_no_toml_is_told_by_its_line_and_not_repeated() {
    let text = "listen = \"127.0.0.1:1\"\ndatabase_url = \"postgres://usher:hunter2@db/usher\n";
    let fault = Config::parse(text, Path::new(""), none).unwrap_err().to_string();
    assert!(fault.contains("line 2") && !fault.contains("hunter2"), "{fault}");
}

#[test]
fn every_fault_is_told_at_once_and_no_secret_prints() {
    let text = r#"
        listen = "nowhere"
        public_url = "usher"
        database_url = "mysql://root:hunter2@db/usher"
        log_format = "xml"
        quiet_time_ms = 90000
        lease_ms = 5
        allow_http_targets = "perhaps"
        allow_private_targets = ["10.0.0.0/8", "10.0.0.0/99"]
        tls_key_file = "key.pem"
        colour = "red"
        [bootstrap]
        environment_id = "one"
        client_secret = { env = "NOT_SET" }
        admin_password = "short"
    "#;
    let faults = Config::parse(text, Path::new(""), none).unwrap_err();
    assert_snapshot!(faults, @r#"
    the configuration has 13 faults:
      bootstrap.client_secret (or USHER_BOOTSTRAP_CLIENT_SECRET) names the variable NOT_SET, which is not set
      colour is not a key; the keys are listen, public_url, tls_certificate_file, tls_key_file, trusted_proxies, connections_per_address, max_requests_per_second, database_url, seal_key_file, log, log_format, quiet_time_ms, lease_ms, rules_at_once, allow_http_targets, allow_private_targets, oidc_issuer, oidc_client_id, oidc_client_secret, oidc_name, bootstrap.environment_id, bootstrap.client_id, bootstrap.client_secret, bootstrap.admin_username, bootstrap.admin_password
      listen (or USHER_LISTEN) must be an address and port such as 127.0.0.1:8080
      public_url (or USHER_PUBLIC_URL) must be an address such as https://usher.example.com
      quiet_time_ms (or USHER_QUIET_TIME_MS) must be a number of milliseconds, 0 to 60000
      lease_ms (or USHER_LEASE_MS) must be a number of milliseconds, 100 to 3600000
      allow_http_targets (or USHER_ALLOW_HTTP_TARGETS) must be true or false
      allow_private_targets (or USHER_ALLOW_PRIVATE_TARGETS) must be true, false, or addresses and networks such as "10.1.0.0/16, 127.0.0.1"; 10.0.0.0/99 is none
      tls_certificate_file (or USHER_TLS_CERTIFICATE_FILE) must be given with tls_key_file
      log_format (or USHER_LOG_FORMAT) must be "pretty" or "json"
      database_url (or USHER_DATABASE_URL) must be an address that begins with sqlite:// or postgres://
      bootstrap.environment_id (or USHER_BOOTSTRAP_ENVIRONMENT_ID) must be a UUID
      bootstrap.admin_password (or USHER_BOOTSTRAP_ADMIN_PASSWORD) must be at least 8 characters
    "#);
    let debug = format!(
        "{:?}",
        Config::parse("database_url = \"postgres://u:hunter2@db/usher\"", Path::new(""), none)
    );
    assert!(!debug.contains("hunter2"));
}

//! What must be known before the database opens: one TOML file, every key also as an environment variable.
//!
//! Everything else is in the database. All faults are told at once; secrets never print.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;
use usher_domain::{
    EnvironmentId, Secret,
    targets::{Private, Targets},
};
use uuid::Uuid;

/// The configuration, understood.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where the API listens.
    pub(crate) listen: SocketAddr,
    /// The address that clients use, when it is not to be taken from their requests.
    pub(crate) public_url: Option<Url>,
    /// `sqlite://…` or `postgres://…`; may hold a password, so it is kept as a secret.
    pub(crate) database_url: Secret,
    /// The key that seals secrets at rest.
    pub(crate) seal_key_file: PathBuf,
    /// The log filter, in tracing's directives.
    pub(crate) log: String,
    /// How log lines look.
    pub(crate) log_format: LogFormat,
    /// How long a burst of changes is gathered before a run.
    pub(crate) quiet_time: Duration,
    /// How long a server's right to a rule lasts unless it is renewed: when a server died, its rules wait so long.
    pub(crate) lease: Duration,
    /// Where service URIs and webhooks may lead.
    pub(crate) targets: Targets,
    /// The files of the certificate to serve with, when it is served by https.
    pub(crate) tls: Option<TlsFiles>,
    /// What an empty database starts with.
    pub(crate) bootstrap: Bootstrap,
    /// How many requests a second each client may send; 0 is no limit.
    pub(crate) max_requests_per_second: u32,
    /// Proxies whose `X-Forwarded-For` says where a request comes from.
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate, and those that vouch for it, in PEM.
    pub(crate) certificate: PathBuf,
    /// Its private key, in PEM.
    pub(crate) key: PathBuf,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// For collectors.
    Json,
}

/// What an empty database starts with; what is not given is generated and printed once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bootstrap {
    /// The environment's id.
    pub(crate) environment_id: Option<EnvironmentId>,
    /// The worker client's id.
    pub(crate) client_id: Option<Uuid>,
    /// The worker client's secret.
    pub(crate) client_secret: Option<Secret>,
    /// The console administrator's name.
    pub(crate) admin_username: Option<String>,
    /// The console administrator's password.
    pub(crate) admin_password: Option<Secret>,
}

/// All that is wrong with a configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Faults(pub(crate) Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.len();
        write!(f, "the configuration has {n} {}:", if n == 1 { "fault" } else { "faults" })?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Faults {}

/// Every key and its environment variable, as API.md §2 lists them.
pub(crate) const KEYS: [(&str, &str); 19] = [
    ("listen", "USHER_LISTEN"),
    ("public_url", "USHER_PUBLIC_URL"),
    ("database_url", "USHER_DATABASE_URL"),
    ("seal_key_file", "USHER_SEAL_KEY_FILE"),
    ("log", "USHER_LOG"),
    ("log_format", "USHER_LOG_FORMAT"),
    ("quiet_time_ms", "USHER_QUIET_TIME_MS"),
    ("lease_ms", "USHER_LEASE_MS"),
    ("allow_http_targets", "USHER_ALLOW_HTTP_TARGETS"),
    ("bootstrap.environment_id", "USHER_BOOTSTRAP_ENVIRONMENT_ID"),
    ("bootstrap.client_id", "USHER_BOOTSTRAP_CLIENT_ID"),
    ("bootstrap.client_secret", "USHER_BOOTSTRAP_CLIENT_SECRET"),
    ("bootstrap.admin_username", "USHER_BOOTSTRAP_ADMIN_USERNAME"),
    ("bootstrap.admin_password", "USHER_BOOTSTRAP_ADMIN_PASSWORD"),
    ("max_requests_per_second", "USHER_MAX_REQUESTS_PER_SECOND"),
    ("trusted_proxies", "USHER_TRUSTED_PROXIES"),
    ("allow_private_targets", "USHER_ALLOW_PRIVATE_TARGETS"),
    ("tls_certificate_file", "USHER_TLS_CERTIFICATE_FILE"),
    ("tls_key_file", "USHER_TLS_KEY_FILE"),
];

/// The keys that may be given as `{ file = "…" }` or `{ env = "…" }`.
const SECRET_KEYS: [&str; 3] = ["database_url", "bootstrap.client_secret", "bootstrap.admin_password"];

impl Config {
    /// Reads the file, if one is named, and the environment, which wins.
    pub(crate) fn load(file: Option<&Path>, env: impl Fn(&str) -> Option<String>) -> Result<Config, Faults> {
        let text = match file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| Faults(vec![format!("{}: cannot be read: {error}", path.display())]))?,
        };
        let base = file.and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
        Config::parse(&text, &base, env)
    }

    /// Understands a file's text; relative paths in it start from `base`.
    fn parse(text: &str, base: &Path, env: impl Fn(&str) -> Option<String>) -> Result<Config, Faults> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            // Not the error's own text: it repeats the line, which may hold a secret.
            let at = error.span().map_or(0, |span| span.start);
            let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
            Faults(vec![format!("the file is not TOML: line {line}: {}", error.message())])
        })?;
        let mut reader = Reader { values: BTreeMap::new(), faults: Vec::new() };
        reader.gather(&table, base, &env);

        let listen = reader.parsed("listen", "127.0.0.1:8080", "an address and port such as 127.0.0.1:8080");
        let public_url = reader.optional("public_url", "an address such as https://usher.example.com");
        let quiet = reader.parsed::<u64>("quiet_time_ms", "300", "a number of milliseconds, 0 to 60000");
        if quiet.is_some_and(|quiet| quiet > 60_000) {
            reader.fault("quiet_time_ms", "must be 0 to 60000 (milliseconds)");
        }
        let lease = reader.parsed::<u64>("lease_ms", "60000", "a number of milliseconds, 100 to 3600000");
        if lease.is_some_and(|lease| !(100..=3_600_000).contains(&lease)) {
            reader.fault("lease_ms", "must be 100 to 3600000 (milliseconds)");
        }
        let http = reader.parsed("allow_http_targets", "false", "true or false");
        let private =
            reader.text("allow_private_targets").map_or(Ok(Private::default()), |text| text.parse());
        if let Err(part) = &private {
            let what = format!(
                "must be true, false, or addresses and networks such as \"10.1.0.0/16, 127.0.0.1\"; {part} is none"
            );
            reader.fault("allow_private_targets", &what);
        }
        let tls = reader.tls(base);
        let log_format = match reader.text("log_format").as_deref() {
            None => LogFormat::Auto,
            Some("pretty") => LogFormat::Pretty,
            Some("json") => LogFormat::Json,
            Some(_) => {
                reader.fault("log_format", "must be \"pretty\" or \"json\"");
                LogFormat::Auto
            }
        };
        let log = reader.text("log").unwrap_or_else(|| "info".into());
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log) {
            reader.fault("log", &format!("must be a log filter such as info or usher=debug: {error}"));
        }
        let database_url = reader.text("database_url").unwrap_or_else(|| "sqlite://usher.db".into());
        let database_kind = ["sqlite:", "postgres://", "postgresql://"];
        if !database_kind.iter().any(|kind| database_url.starts_with(kind)) {
            reader.fault("database_url", "must begin with sqlite:// or postgres://");
        }
        let seal_key_file =
            reader.text("seal_key_file").map_or_else(|| beside(&database_url), |path| base.join(path));
        let bootstrap = Bootstrap {
            environment_id: reader.optional("bootstrap.environment_id", "a UUID"),
            client_id: reader.optional("bootstrap.client_id", "a UUID"),
            client_secret: reader.secret("bootstrap.client_secret", 16),
            admin_username: reader.text("bootstrap.admin_username"),
            admin_password: reader.secret("bootstrap.admin_password", 8),
        };
        let most = "a number of requests, 0 (no limit) to 1000000";
        let max_requests_per_second = reader.parsed("max_requests_per_second", "5000", most);
        let proxies = reader.text("trusted_proxies").unwrap_or_else(|| "127.0.0.1, ::1".into());
        let proxies: Result<Vec<IpAddr>, _> =
            proxies.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::parse).collect();
        if proxies.is_err() {
            reader.fault(
                "trusted_proxies",
                "must be addresses with commas between them, such as 127.0.0.1, ::1",
            );
        }
        match (listen, quiet, lease, http) {
            (Some(listen), Some(quiet), Some(lease), Some(http)) if reader.faults.is_empty() => Ok(Config {
                listen,
                public_url,
                database_url: Secret::new(database_url),
                seal_key_file,
                log,
                log_format,
                quiet_time: Duration::from_millis(quiet),
                lease: Duration::from_millis(lease),
                targets: Targets { http, private: private.unwrap_or_default() },
                tls,
                bootstrap,
                max_requests_per_second: max_requests_per_second.unwrap_or_default(),
                trusted_proxies: proxies.unwrap_or_default(),
            }),
            _ => Err(Faults(reader.faults)),
        }
    }
}

impl Config {
    /// What is served: `http`, or `https` with a certificate of our own.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// What links begin with that no request is behind.
    pub(crate) fn v1(&self) -> String {
        let base = match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("{}://{}", self.scheme(), self.listen),
        };
        format!("{base}/v1")
    }

    /// The SQLite file, when the database is one that does not exist yet.
    pub(crate) fn missing_database(&self) -> Option<PathBuf> {
        let path = sqlite_path(self.database_url.expose())?;
        (!path.exists()).then(|| path.to_owned())
    }
}

/// The file of an SQLite database.
fn sqlite_path(database_url: &str) -> Option<&Path> {
    let path = database_url.strip_prefix("sqlite:")?.trim_start_matches("//");
    path.split('?').next().map(Path::new)
}

/// The key file's place when none is named: beside an SQLite database, else in the working directory.
fn beside(database_url: &str) -> PathBuf {
    sqlite_path(database_url)
        .map_or_else(|| PathBuf::from("usher.key"), |path| path.with_file_name("usher.key"))
}

/// Gathers values and faults.
struct Reader {
    values: BTreeMap<&'static str, String>,
    faults: Vec<String>,
}

impl Reader {
    fn fault(&mut self, key: &str, what: &str) {
        let variable = KEYS.iter().find(|(known, _)| *known == key).map_or("", |(_, variable)| variable);
        self.faults.push(format!("{key} (or {variable}) {what}"));
    }

    fn gather(&mut self, table: &toml::Table, base: &Path, env: &impl Fn(&str) -> Option<String>) {
        let mut flat: Vec<(String, &toml::Value)> = Vec::new();
        for (key, value) in table {
            match value {
                toml::Value::Table(inner) if key == "bootstrap" => {
                    flat.extend(inner.iter().map(|(name, value)| (format!("{key}.{name}"), value)));
                }
                _ => flat.push((key.clone(), value)),
            }
        }
        // Faults are told in the same order, whether or not the table keeps the file's.
        flat.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (key, value) in flat {
            let Some((known, _)) = KEYS.iter().find(|(known, _)| *known == key) else {
                let all: Vec<&str> = KEYS.iter().map(|(known, _)| *known).collect();
                self.faults.push(format!("{key} is not a key; the keys are {}", all.join(", ")));
                continue;
            };
            if let Some(text) = self.value(known, value, base, env) {
                self.values.insert(known, text);
            }
        }
        for (key, variable) in KEYS {
            if let Some(text) = env(variable) {
                self.values.insert(key, text);
            }
        }
    }

    fn value(
        &mut self,
        key: &str,
        value: &toml::Value,
        base: &Path,
        env: &impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        match value {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Integer(number) => Some(number.to_string()),
            toml::Value::Boolean(flag) => Some(flag.to_string()),
            toml::Value::Array(items) if items.iter().all(toml::Value::is_str) => {
                let items: Vec<&str> = items.iter().filter_map(toml::Value::as_str).collect();
                Some(items.join(","))
            }
            toml::Value::Table(reference) if SECRET_KEYS.contains(&key) => {
                let place = |name: &str| reference.get(name).and_then(toml::Value::as_str);
                match (place("file"), place("env"), reference.len()) {
                    (Some(file), None, 1) => match std::fs::read_to_string(base.join(file)) {
                        Ok(text) => Some(text.trim_end().to_owned()),
                        Err(error) => {
                            self.fault(key, &format!("names the file {file}, which cannot be read: {error}"));
                            None
                        }
                    },
                    (None, Some(variable), 1) => {
                        let text = env(variable);
                        if text.is_none() {
                            self.fault(key, &format!("names the variable {variable}, which is not set"));
                        }
                        text
                    }
                    _ => {
                        self.fault(key, "must be text, { file = \"…\" } or { env = \"…\" }");
                        None
                    }
                }
            }
            _ => {
                self.fault(key, "must be text, a number, true or false");
                None
            }
        }
    }

    fn text(&self, key: &'static str) -> Option<String> {
        self.values.get(key).cloned()
    }

    fn optional<T: std::str::FromStr>(&mut self, key: &'static str, allowed: &str) -> Option<T> {
        let text = self.text(key)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.fault(key, &format!("must be {allowed}"));
        }
        value
    }

    fn parsed<T: std::str::FromStr>(
        &mut self,
        key: &'static str,
        default: &'static str,
        allowed: &str,
    ) -> Option<T> {
        self.values.entry(key).or_insert_with(|| default.into());
        self.optional(key, allowed)
    }

    /// Both files, or neither.
    fn tls(&mut self, base: &Path) -> Option<TlsFiles> {
        match (self.text("tls_certificate_file"), self.text("tls_key_file")) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some(TlsFiles { certificate: base.join(certificate), key: base.join(key) })
            }
            (Some(_), None) => {
                self.fault("tls_key_file", "must be given with tls_certificate_file");
                None
            }
            (None, Some(_)) => {
                self.fault("tls_certificate_file", "must be given with tls_key_file");
                None
            }
        }
    }

    fn secret(&mut self, key: &'static str, shortest: usize) -> Option<Secret> {
        let text = self.text(key)?;
        if text.chars().count() < shortest {
            self.fault(key, &format!("must have at least {shortest} characters"));
        }
        Some(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

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
        assert_eq!(config.lease, Duration::from_secs(60));
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
            Config::parse("database_url = \"sqlite:///var/lib/usher/usher.db\"", Path::new(""), none)
                .unwrap();
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
          colour is not a key; the keys are listen, public_url, database_url, seal_key_file, log, log_format, quiet_time_ms, lease_ms, allow_http_targets, bootstrap.environment_id, bootstrap.client_id, bootstrap.client_secret, bootstrap.admin_username, bootstrap.admin_password, max_requests_per_second, trusted_proxies, allow_private_targets, tls_certificate_file, tls_key_file
          listen (or USHER_LISTEN) must be an address and port such as 127.0.0.1:8080
          public_url (or USHER_PUBLIC_URL) must be an address such as https://usher.example.com
          quiet_time_ms (or USHER_QUIET_TIME_MS) must be 0 to 60000 (milliseconds)
          lease_ms (or USHER_LEASE_MS) must be 100 to 3600000 (milliseconds)
          allow_http_targets (or USHER_ALLOW_HTTP_TARGETS) must be true or false
          allow_private_targets (or USHER_ALLOW_PRIVATE_TARGETS) must be true, false, or addresses and networks such as "10.1.0.0/16, 127.0.0.1"; 10.0.0.0/99 is none
          tls_certificate_file (or USHER_TLS_CERTIFICATE_FILE) must be given with tls_key_file
          log_format (or USHER_LOG_FORMAT) must be "pretty" or "json"
          database_url (or USHER_DATABASE_URL) must begin with sqlite:// or postgres://
          bootstrap.environment_id (or USHER_BOOTSTRAP_ENVIRONMENT_ID) must be a UUID
          bootstrap.admin_password (or USHER_BOOTSTRAP_ADMIN_PASSWORD) must have at least 8 characters
        "#);
        let debug = format!(
            "{:?}",
            Config::parse("database_url = \"postgres://u:hunter2@db/usher\"", Path::new(""), none)
        );
        assert!(!debug.contains("hunter2"));
    }
}

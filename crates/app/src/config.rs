//! What must be known before the database opens: one TOML file, every key also as an environment variable.
//!
//! Everything else is in the database. All faults are told at once; secrets never print. The keys are in [`keys`].

mod keys;
mod openid;

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;
use usher_domain::{
    EnvironmentId, Secret,
    targets::{Private, Targets},
};
use usher_store::Storage;
use uuid::Uuid;

use keys::{KEYS, Key};

pub(crate) use self::openid::OpenId;
use crate::listen::CONNECTIONS;

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
    /// How many runs go on at a time; one that waits for a remote side does not count.
    pub(crate) rules_at_once: usize,
    /// Where service URIs and webhooks may lead.
    pub(crate) targets: Targets,
    /// The files of the certificate to serve with, when it is served by https.
    pub(crate) tls: Option<TlsFiles>,
    /// What an empty database starts with.
    pub(crate) bootstrap: Bootstrap,
    /// How many requests a second each client may send; 0 is no limit.
    pub(crate) max_requests_per_second: u32,
    /// How many connections one address may have open at once; trusted proxies have no such limit.
    pub(crate) connections_per_address: usize,
    /// Proxies whose `X-Forwarded-For` says where a request comes from.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// The provider that administrators may sign in by.
    pub(crate) openid: Option<OpenId>,
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

impl Config {
    /// Reads the file, if one is named, and the environment, which wins.
    pub(crate) fn load(file: Option<&Path>, env: impl Fn(&str) -> Option<String>) -> Result<Config, Faults> {
        let text = match file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| Faults(vec![format!("{}: cannot be read: {error}", path.display())]))?,
        };
        let base = file.and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
        let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let unknown = keys::unknown_variables(variables, &text);
        match Config::parse(&text, &base, env) {
            Ok(config) if unknown.is_empty() => Ok(config),
            Ok(_) => Err(Faults(unknown)),
            Err(Faults(faults)) => Err(Faults([faults, unknown].concat())),
        }
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

        let listen = reader.parsed("listen");
        let public_url = reader.parsed("public_url");
        let quiet = reader.number("quiet_time_ms", 0..=60_000);
        let lease = reader.number("lease_ms", 100..=3_600_000);
        let rules_at_once = reader.number("rules_at_once", 1..=256);
        let http = reader.parsed("allow_http_targets");
        let private =
            reader.text("allow_private_targets").map_or(Ok(Private::default()), |text| text.parse());
        if let Err(part) = &private {
            reader.not_allowed_since("allow_private_targets", &format!("; {part} is none"));
        }
        let tls = reader.tls(base);
        let log_format = match reader.text("log_format").as_deref() {
            None => LogFormat::Auto,
            Some("pretty") => LogFormat::Pretty,
            Some("json") => LogFormat::Json,
            Some(_) => {
                reader.not_allowed("log_format");
                LogFormat::Auto
            }
        };
        let log = reader.text("log").unwrap_or_default();
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log) {
            reader.not_allowed_since("log", &format!(": {error}"));
        }
        let database_url = reader.text("database_url").unwrap_or_default();
        let database_kind = ["sqlite:", "postgres://", "postgresql://"];
        if !database_kind.iter().any(|kind| database_url.starts_with(kind)) {
            reader.not_allowed("database_url");
        }
        let seal_key_file =
            reader.text("seal_key_file").map_or_else(|| beside(&database_url), |path| base.join(path));
        let bootstrap = Bootstrap {
            environment_id: reader.parsed("bootstrap.environment_id"),
            client_id: reader.parsed("bootstrap.client_id"),
            client_secret: reader.secret("bootstrap.client_secret", 16),
            admin_username: reader.text("bootstrap.admin_username"),
            admin_password: reader.secret("bootstrap.admin_password", 8),
        };
        let max_requests_per_second = reader.number("max_requests_per_second", 0..=1_000_000);
        let connections_per_address = reader.number("connections_per_address", 1..=CONNECTIONS);
        let proxies = reader.text("trusted_proxies").unwrap_or_default();
        let proxies: Result<Vec<IpAddr>, _> =
            proxies.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::parse).collect();
        if proxies.is_err() {
            reader.not_allowed("trusted_proxies");
        }
        let targets = Targets { http: http.unwrap_or_default(), private: private.unwrap_or_default() };
        let openid = reader.openid(public_url.as_ref(), &targets);
        match (listen, quiet, lease, http) {
            (Some(listen), Some(quiet), Some(lease), Some(_)) if reader.faults.is_empty() => Ok(Config {
                listen,
                public_url,
                database_url: Secret::new(database_url),
                seal_key_file,
                log,
                log_format,
                quiet_time: Duration::from_millis(quiet),
                lease: Duration::from_millis(lease),
                rules_at_once: rules_at_once.unwrap_or_default(),
                targets,
                tls,
                bootstrap,
                max_requests_per_second: max_requests_per_second.unwrap_or_default(),
                connections_per_address: connections_per_address.unwrap_or(CONNECTIONS),
                trusted_proxies: proxies.unwrap_or_default(),
                openid,
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
        (!path.exists()).then_some(path)
    }
}

/// The file of an SQLite database.
fn sqlite_path(database_url: &str) -> Option<PathBuf> {
    Storage::file(database_url).ok().flatten()
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
        let variable = keys::find(key).map_or("", |key| key.variable);
        self.faults.push(format!("{key} (or {variable}) {what}"));
    }

    /// The key's value is none that it may have.
    fn not_allowed(&mut self, key: &str) {
        self.not_allowed_since(key, "");
    }

    /// The key's value is none that it may have; `more` follows on what it may be.
    fn not_allowed_since(&mut self, key: &str, more: &str) {
        let allowed = keys::find(key).map_or("", |key| key.allowed);
        self.fault(key, &format!("must be {allowed}{more}"));
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
        for (name, value) in flat {
            let Some(key) = keys::find(&name) else {
                self.faults.push(match keys::meant(&name) {
                    Some(key) => format!("{name} is not a key; did you mean {}?", key.name),
                    None => {
                        let all: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
                        format!("{name} is not a key; the keys are {}", all.join(", "))
                    }
                });
                continue;
            };
            if let Some(text) = self.value(key, value, base, env) {
                self.values.insert(key.name, text);
            }
        }
        for key in &KEYS {
            if let Some(text) = env(key.variable) {
                self.values.insert(key.name, text);
            }
            if let Some(default) = key.default_value() {
                self.values.entry(key.name).or_insert_with(|| default.into());
            }
        }
    }

    fn value(
        &mut self,
        key: &Key,
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
            toml::Value::Table(reference) if key.secret => {
                let place = |name: &str| reference.get(name).and_then(toml::Value::as_str);
                match (place("file"), place("env"), reference.len()) {
                    (Some(file), None, 1) => match std::fs::read_to_string(base.join(file)) {
                        Ok(text) => Some(text.trim_end().to_owned()),
                        Err(error) => {
                            self.fault(
                                key.name,
                                &format!("names the file {file}, which cannot be read: {error}"),
                            );
                            None
                        }
                    },
                    (None, Some(variable), 1) => {
                        let text = env(variable);
                        if text.is_none() {
                            self.fault(key.name, &format!("names the variable {variable}, which is not set"));
                        }
                        text
                    }
                    _ => {
                        self.fault(key.name, "must be text, { file = \"…\" } or { env = \"…\" }");
                        None
                    }
                }
            }
            _ => {
                self.fault(key.name, "must be text, a number, true or false");
                None
            }
        }
    }

    fn text(&self, key: &'static str) -> Option<String> {
        self.values.get(key).cloned()
    }

    fn parsed<T: std::str::FromStr>(&mut self, key: &'static str) -> Option<T> {
        let text = self.text(key)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.not_allowed(key);
        }
        value
    }

    fn number<T>(&mut self, key: &'static str, allowed: RangeInclusive<T>) -> Option<T>
    where
        T: std::str::FromStr + PartialOrd,
    {
        let number = self.parsed(key)?;
        if allowed.contains(&number) {
            return Some(number);
        }
        self.not_allowed(key);
        None
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
            self.not_allowed(key);
        }
        Some(Secret::new(text))
    }
}

#[cfg(test)]
mod tests;

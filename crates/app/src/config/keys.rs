//! Every key of the configuration: the one table from which files and the environment are read, faults are told, and
//! `docs/config.md` is written.
//!
//! To add a key: a row here, its place in [`super::Config`]; then `USHER_WRITE_DOCS=1 cargo test -p usher --bin usher config`.

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name in the file; `bootstrap.` stands for the table of that name.
    pub(crate) name: &'static str,
    /// The environment variable, which wins over the file.
    pub(crate) variable: &'static str,
    /// What holds when it is not given.
    pub(crate) default: Default,
    /// What it may be, as it follows on "must be"; with the unit where there is one.
    pub(crate) allowed: &'static str,
    /// What it is for, in a sentence or two.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "docs/config.md is written from it, by the test that checks that page")
    )]
    pub(crate) about: &'static str,
    /// Whether it may be kept elsewhere: `{ file = "…" }` or `{ env = "…" }`.
    pub(crate) secret: bool,
}

/// What holds when a key is not given.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Default {
    /// This value.
    Value(&'static str),
    /// What these words say.
    Told(
        #[cfg_attr(
            not(test),
            expect(
                dead_code,
                reason = "docs/config.md is written from it, by the test that checks that page"
            )
        )]
        &'static str,
    ),
}

impl Key {
    /// The value that holds when the key is not given, where there is one.
    pub(crate) fn default_value(&self) -> Option<&'static str> {
        match self.default {
            Default::Value(value) => Some(value),
            Default::Told(_) => None,
        }
    }
}

/// The key of this name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key that somebody may have meant who wrote `name`: the variable's name, the same letters otherwise put, the name
/// without its table, or one that is a letter or two away.
pub(crate) fn meant(name: &str) -> Option<&'static Key> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let wrote = plain(name);
    let without_prefix = wrote.strip_prefix("usher_").unwrap_or(&wrote);
    let exact = KEYS.iter().find(|key| {
        let last = key.name.rsplit('.').next().unwrap_or(key.name);
        plain(key.variable) == wrote || key.name == without_prefix || last == without_prefix
    });
    exact.or_else(|| {
        KEYS.iter()
            .map(|key| (strsim::normalized_damerau_levenshtein(key.name, &wrote), key))
            .filter(|(likeness, _)| *likeness >= 0.75)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, key)| key)
    })
}

/// Variables that the command line's admin verbs read (`usher users list`); a server ignores them.
const OF_THE_COMMAND_LINE: [&str; 4] =
    ["USHER_URL", "USHER_CLIENT_ID", "USHER_CLIENT_SECRET", "USHER_ENVIRONMENT_ID"];

/// What variables end with that `usher export` names for the secrets of connections: `USHER_DROPBOX_OAUTH_CLIENT_SECRET`.
const OF_STATE_FILES: [&str; 2] = ["_OAUTH_CLIENT_SECRET", "_OAUTH_REFRESH_TOKEN"];

/// A fault for each variable that begins with `USHER_` and is not known, in the order of their names. Known are those of the
/// keys, those of the command line, of state files and of this project's tests, those that the configuration file mentions, and
/// those with which Kubernetes announces a service named `usher` or `usher-…`.
pub(crate) fn unknown_variables(variables: impl Iterator<Item = String>, file: &str) -> Vec<String> {
    let all: Vec<String> = variables.collect();
    let in_kubernetes = all.iter().any(|name| name == "KUBERNETES_SERVICE_HOST");
    let known = |name: &str| {
        KEYS.iter().any(|key| key.variable == name)
            || OF_THE_COMMAND_LINE.contains(&name)
            || name.starts_with("USHER_TEST_")
            || name == "USHER_WRITE_DOCS"
            || OF_STATE_FILES.iter().any(|end| name.ends_with(end))
            || file.contains(&format!("\"{name}\""))
            || (in_kubernetes && announces_a_service(name))
    };
    let mut unknown: Vec<&String> =
        all.iter().filter(|name| name.starts_with("USHER_") && !known(name)).collect();
    unknown.sort();
    let fault = |name: &&String| {
        let likeness = |other: &str| strsim::normalized_damerau_levenshtein(other, name);
        let names = KEYS.iter().map(|key| key.variable).chain(OF_THE_COMMAND_LINE);
        let closest = names.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
        match closest.filter(|closest| likeness(closest) >= 0.75) {
            Some(closest) => format!("the variable {name} is not known; did you mean {closest}?"),
            None => format!("the variable {name} is not known; docs/config.md lists those that are"),
        }
    };
    unknown.iter().map(fault).collect()
}

/// Whether Kubernetes sets a variable of this name in every pod beside a service: `USHER_SERVICE_HOST`,
/// `USHER_WEB_SERVICE_PORT_HTTP`, `USHER_PORT`, `USHER_PORT_8080_TCP_ADDR`.
fn announces_a_service(name: &str) -> bool {
    let port = name.rsplit_once("_PORT").is_some_and(|(_, rest)| {
        rest.is_empty() || rest.starts_with('_') && rest[1..].starts_with(|c: char| c.is_ascii_digit())
    });
    let address = name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP"));
    port || address || name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
}

/// Every key, in the order of docs/config.md.
pub(crate) const KEYS: [Key; 25] = [
    Key {
        name: "listen",
        variable: "USHER_LISTEN",
        default: Default::Value("127.0.0.1:8080"),
        allowed: "an address and port such as 127.0.0.1:8080",
        about: "Where the API and the console listen. Beyond this machine give Usher a certificate (below), or put a proxy \
                that speaks TLS in front of it.",
        secret: false,
    },
    Key {
        name: "public_url",
        variable: "USHER_PUBLIC_URL",
        default: Default::Told("from each request's `Host` and `X-Forwarded-*`"),
        allowed: "an address such as https://usher.example.com",
        about: "The address that people and clients use; links begin with it.",
        secret: false,
    },
    Key {
        name: "tls_certificate_file",
        variable: "USHER_TLS_CERTIFICATE_FILE",
        default: Default::Told("http is served"),
        allowed: "a path",
        about: "A certificate, with those that vouch for it, in PEM: https is served with it. Read again when it changes, or \
                on SIGHUP. Given together with `tls_key_file`.",
        secret: false,
    },
    Key {
        name: "tls_key_file",
        variable: "USHER_TLS_KEY_FILE",
        default: Default::Told("http is served"),
        allowed: "a path",
        about: "The certificate's private key, in PEM; a file that others may read is refused. Given together with \
                `tls_certificate_file`.",
        secret: false,
    },
    Key {
        name: "trusted_proxies",
        variable: "USHER_TRUSTED_PROXIES",
        default: Default::Value("127.0.0.1, ::1"),
        allowed: "addresses with commas between them, such as 127.0.0.1, ::1",
        about: "The proxies in front of Usher. Only they are believed when they say, in `X-Forwarded-For`, where a request comes \
                from; lock-outs after failed sign-ins go by that. In a file it may also be a list.",
        secret: false,
    },
    Key {
        name: "connections_per_address",
        variable: "USHER_CONNECTIONS_PER_ADDRESS",
        default: Default::Value("64"),
        allowed: "a number of connections, 1 to 1000",
        about: "How many connections one address may have open at once; for IPv6, one network (/64). Further ones are \
                closed at once. Proxies in `trusted_proxies` have no such limit.",
        secret: false,
    },
    Key {
        name: "max_requests_per_second",
        variable: "USHER_MAX_REQUESTS_PER_SECOND",
        default: Default::Value("5000"),
        allowed: "a number of requests, 0 (no limit) to 1000000",
        about: "How many requests a second each client of the API may send, counted by each server; twice as many may come at \
                once. Beyond it the answer is 429 with `Retry-After`.",
        secret: false,
    },
    Key {
        name: "database_url",
        variable: "USHER_DATABASE_URL",
        default: Default::Value("sqlite://usher.db"),
        allowed: "an address that begins with sqlite:// or postgres://",
        about: "Where everything is kept: SQLite for one server, PostgreSQL for several.",
        secret: true,
    },
    Key {
        name: "seal_key_file",
        variable: "USHER_SEAL_KEY_FILE",
        default: Default::Told("`usher.key` beside an SQLite database, else in the working directory"),
        allowed: "a path",
        about: "The key that seals the secrets in the database. It is made on the first start with mode 0600; a looser mode is \
                refused. Back it up, but never beside the database: who has both has the secrets.",
        secret: false,
    },
    Key {
        name: "log",
        variable: "USHER_LOG",
        default: Default::Value("info"),
        allowed: "a log filter such as info or usher=debug",
        about: "What is logged, on standard error: `error`, `warn`, `info`, `debug` or `trace`, also for one part only \
                (`info,usher=debug`).",
        secret: false,
    },
    Key {
        name: "log_format",
        variable: "USHER_LOG_FORMAT",
        default: Default::Told("`pretty` on a terminal, `json` otherwise"),
        allowed: "\"pretty\" or \"json\"",
        about: "How log lines look: for people, or for collectors.",
        secret: false,
    },
    Key {
        name: "quiet_time_ms",
        variable: "USHER_QUIET_TIME_MS",
        default: Default::Value("300"),
        allowed: "a number of milliseconds, 0 to 60000",
        about: "How long a burst of changes is gathered before a run begins.",
        secret: false,
    },
    Key {
        name: "lease_ms",
        variable: "USHER_LEASE_MS",
        default: Default::Value("15000"),
        allowed: "a number of milliseconds, 100 to 3600000",
        about: "How long a server's right to a rule lasts unless it is renewed, which happens after a third of it. On \
                PostgreSQL, another server takes over the rules of a dead one after that time. On SQLite, the next server \
                to start takes over at once.",
        secret: false,
    },
    Key {
        name: "rules_at_once",
        variable: "USHER_RULES_AT_ONCE",
        default: Default::Value("16"),
        allowed: "a number of runs, 1 to 256",
        about: "How many runs one server works on at a time. A run that waits for a remote system does not count, so a \
                slow or throttled team does not delay others.",
        secret: false,
    },
    Key {
        name: "allow_http_targets",
        variable: "USHER_ALLOW_HTTP_TARGETS",
        default: Default::Value("false"),
        allowed: "true or false",
        about: "Whether a connection or a webhook may speak plain http:// to another machine. Only for tests; on this machine \
                itself it always may.",
        secret: false,
    },
    Key {
        name: "allow_private_targets",
        variable: "USHER_ALLOW_PRIVATE_TARGETS",
        default: Default::Told(
            "a service URI may lead into private networks, and to this machine when it says so itself (localhost, 127.0.0.1, \
             [::1]); a webhook may not",
        ),
        allowed: "true, false, or addresses and networks such as \"10.1.0.0/16, 127.0.0.1\"",
        about: "Where service URIs, the OpenID provider and webhooks may lead besides public addresses: `false` means nowhere, not even private networks; a list of addresses and networks means those and no others. Link-local addresses must be \
                listed to be reached. In a file it may also be a list.",
        secret: false,
    },
    Key {
        name: "oidc_issuer",
        variable: "USHER_OIDC_ISSUER",
        default: Default::Told("administrators sign in with a password only"),
        allowed: "an address such as https://login.example.com",
        about: "An OpenID Connect provider that administrators may sign in by, spelled as it spells itself. Given together with \
                `oidc_client_id`, `oidc_client_secret` and `public_url`; the redirect URI to register there is `public_url` \
                with `/console/sign-in/provider/callback` after it.",
        secret: false,
    },
    Key {
        name: "oidc_client_id",
        variable: "USHER_OIDC_CLIENT_ID",
        default: Default::Told("none"),
        allowed: "what the provider calls Usher",
        about: "Usher's client id at that provider.",
        secret: false,
    },
    Key {
        name: "oidc_client_secret",
        variable: "USHER_OIDC_CLIENT_SECRET",
        default: Default::Told("none"),
        allowed: "what the provider gave Usher",
        about: "Usher's client secret at that provider.",
        secret: true,
    },
    Key {
        name: "oidc_name",
        variable: "USHER_OIDC_NAME",
        default: Default::Told("the issuer's host"),
        allowed: "a name",
        about: "What people call that provider; the button for signing in says it.",
        secret: false,
    },
    Key {
        name: "bootstrap.environment_id",
        variable: "USHER_BOOTSTRAP_ENVIRONMENT_ID",
        default: Default::Told("generated"),
        allowed: "a UUID",
        about: "The id of the environment that an empty database begins with.",
        secret: false,
    },
    Key {
        name: "bootstrap.client_id",
        variable: "USHER_BOOTSTRAP_CLIENT_ID",
        default: Default::Told("generated, and printed once"),
        allowed: "a UUID",
        about: "The id of the worker client that an empty database begins with; it has every role.",
        secret: false,
    },
    Key {
        name: "bootstrap.client_secret",
        variable: "USHER_BOOTSTRAP_CLIENT_SECRET",
        default: Default::Told("generated, and printed once"),
        allowed: "at least 16 characters",
        about: "That client's secret.",
        secret: true,
    },
    Key {
        name: "bootstrap.admin_username",
        variable: "USHER_BOOTSTRAP_ADMIN_USERNAME",
        default: Default::Value("admin"),
        allowed: "a name",
        about: "The name of the console's administrator whom an empty database begins with.",
        secret: false,
    },
    Key {
        name: "bootstrap.admin_password",
        variable: "USHER_BOOTSTRAP_ADMIN_PASSWORD",
        default: Default::Told("generated, and printed once"),
        allowed: "at least 8 characters",
        about: "That administrator's password.",
        secret: true,
    },
];

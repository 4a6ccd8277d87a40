//! The limits of this crate, and the pages that tell all limits: `docs/guide/limits.md` and the table in SECURITY.md.

use std::fmt::Write as _;

use usher_domain::limits::{self, Amount, Area, Limit};

use crate::{
    access::{
        administrators::{attempts, place},
        failures, guesses, password, token,
    },
    api::extract,
    body,
    console::form,
    listen,
    log::target,
    readiness, serve, web,
};

const LIMITS: &[Limit] = &[
    Limit {
        area: Area::Requests,
        what: "connections at once",
        amount: Amount::Count(listen::CONNECTIONS as u64, ""),
        setting: None,
        beyond: "A further connection waits until one ends.",
    },
    Limit {
        area: Area::Requests,
        what: "connections at once from one address (of IPv6, from one /64)",
        amount: Amount::Count(64, ""),
        setting: Some("connections_per_address"),
        beyond: "A further connection is closed at once. Trusted proxies have no such limit.",
    },
    Limit {
        area: Area::Requests,
        what: "a TLS handshake",
        amount: Amount::Time(listen::HANDSHAKE),
        setting: None,
        beyond: "The connection is closed.",
    },
    Limit {
        area: Area::Requests,
        what: "the time for a request's head to arrive, and for a connection to be idle",
        amount: Amount::Time(listen::HEAD),
        setting: None,
        beyond: "The connection is closed.",
    },
    Limit {
        area: Area::Requests,
        what: "the head of a request",
        amount: Amount::Bytes(listen::HEAD_BYTES),
        setting: None,
        beyond: "The request is answered 431.",
    },
    Limit {
        area: Area::Requests,
        what: "requests in hand when the server is stopped",
        amount: Amount::Time(listen::STOPPING),
        setting: None,
        beyond: "They are broken off.",
    },
    Limit {
        area: Area::Work,
        what: "the end of the process after SIGTERM",
        amount: Amount::Time(crate::serve::STOP_WITHIN),
        setting: None,
        beyond: "What is under way is cut off and planned again by the next start.",
    },
    Limit {
        area: Area::Requests,
        what: "a request's address",
        amount: Amount::Bytes(web::URL_BYTES),
        setting: None,
        beyond: "The request is answered 414.",
    },
    Limit {
        area: Area::Requests,
        what: "a request's headers",
        amount: Amount::Bytes(web::HEADER_BYTES),
        setting: None,
        beyond: "The request is answered 431.",
    },
    Limit {
        area: Area::Requests,
        what: "a pause in a request's body",
        amount: Amount::Time(body::PAUSE),
        setting: None,
        beyond: "The request is answered 408.",
    },
    Limit {
        area: Area::Requests,
        what: "the time for a body to arrive",
        amount: Amount::Time(body::TIME),
        setting: None,
        beyond: "The request is answered 408; nothing is changed.",
    },
    Limit {
        area: Area::Requests,
        what: "the time for a guest's body to arrive",
        amount: Amount::Time(body::GUEST_TIME),
        setting: None,
        beyond: "The request is answered 408.",
    },
    Limit {
        area: Area::Requests,
        what: "the time for a client to read an answer",
        amount: Amount::Time(listen::patience::ANSWER),
        setting: None,
        beyond: "The connection is closed.",
    },
    Limit {
        area: Area::Requests,
        what: "a guest's body: signing in, the token endpoint, and a form before its token was seen",
        amount: Amount::Bytes(body::GUEST_BYTES),
        setting: None,
        beyond: "The request is answered 413, a form without its token 403.",
    },
    Limit {
        area: Area::Requests,
        what: "a body of the API",
        amount: Amount::Bytes(extract::BODY_LIMIT),
        setting: None,
        beyond: "The request is answered 413; nothing is changed.",
    },
    Limit {
        area: Area::Requests,
        what: "an import by the API",
        amount: Amount::Bytes(extract::BULK_LIMIT),
        setting: None,
        beyond: "The request is answered 413; nothing is changed.",
    },
    Limit {
        area: Area::Requests,
        what: "a form without a file, of a signed-in administrator",
        amount: Amount::Bytes(form::FORM_LIMIT),
        setting: None,
        beyond: "The form is refused; nothing is changed.",
    },
    Limit {
        area: Area::Requests,
        what: "a file given to the console by a signed-in administrator",
        amount: Amount::Bytes(form::FILE_LIMIT),
        setting: None,
        beyond: "The form is refused; nothing is changed.",
    },
    Limit {
        area: Area::Storage,
        what: "the wait of a readiness check for the database",
        amount: Amount::Time(readiness::PATIENCE),
        setting: None,
        beyond: "The server is not ready: `/readyz` answers 503.",
    },
    Limit {
        area: Area::Storage,
        what: "the age of an answer of `/readyz`",
        amount: Amount::Time(readiness::FRESH),
        setting: None,
        beyond: "The database is asked anew, with one write however many ask.",
    },
    Limit {
        area: Area::Storage,
        what: "the time to close the database at the end",
        amount: Amount::Time(serve::CLOSING),
        setting: None,
        beyond: "The process ends without it; nothing is lost.",
    },
    Limit {
        area: Area::Storage,
        what: "log lines that wait to be written",
        amount: Amount::Bytes(target::WAITING_BYTES),
        setting: None,
        beyond: "The line is dropped and counted in `usher_log_lines_dropped_total`.",
    },
    Limit {
        area: Area::Storage,
        what: "the wait for the last log lines to be written at the end",
        amount: Amount::Time(target::LAST_LINES),
        setting: None,
        beyond: "The process ends without them.",
    },
    Limit {
        area: Area::Work,
        what: "how long `usher sync --wait` waits for a server that does not answer",
        amount: Amount::Time(crate::cli::sync::SILENT),
        setting: None,
        beyond: "It ends with an error; the run goes on.",
    },
    Limit {
        area: Area::Work,
        what: "how long `usher sync --wait` waits for a run that no worker has in hand",
        amount: Amount::Time(crate::cli::sync::NO_WORKER),
        setting: None,
        beyond: "It ends with an error; the run begins as soon as a worker is free.",
    },
    Limit {
        area: Area::Access,
        what: "failed sign-ins with one username from one address, or from one browser that the administrator used before",
        amount: Amount::Count(attempts::PER_DOOR as u64, "free"),
        setting: None,
        beyond: "The next one waits 5 s, then twice as long each time, 15 min at most. Other addresses and browsers are free.",
    },
    Limit {
        area: Area::Access,
        what: "failed sign-ins with one username from all places that the administrator did not use before",
        amount: Amount::Count(attempts::PER_USER as u64, "free"),
        setting: None,
        beyond: "The same; browsers and addresses that they used before are free.",
    },
    Limit {
        area: Area::Access,
        what: "failed sign-ins from one address",
        amount: Amount::Count(attempts::PER_ADDRESS as u64, "free"),
        setting: None,
        beyond: "The same; a browser that the administrator used before is free.",
    },
    Limit {
        area: Area::Access,
        what: "browsers and addresses that are remembered of an administrator",
        amount: Amount::Count(place::KEPT_PLACES as u64, ""),
        setting: None,
        beyond: "The one that was used longest ago is forgotten.",
    },
    Limit {
        area: Area::Access,
        what: "a browser or an address that an administrator did not sign in from again",
        amount: Amount::Time(place::PLACE_LIFETIME),
        setting: None,
        beyond: "It is forgotten. A new password forgets all of them.",
    },
    Limit {
        area: Area::Access,
        what: "wrong secrets of one client from one address",
        amount: Amount::Count(failures::PER_CLIENT as u64, "free"),
        setting: None,
        beyond: "That client waits at that address, as an administrator does. Each server counts for itself.",
    },
    Limit {
        area: Area::Access,
        what: "clients whose secret one address has wrong",
        amount: Amount::Count(failures::CLIENTS_PER_ADDRESS as u64, "free"),
        setting: None,
        beyond: "That address waits, but for clients that showed their secret there.",
    },
    Limit {
        area: Area::Access,
        what: "the time after which a server has heard of a revoked signing key",
        amount: Amount::Time(token::KEYS_KEPT_FOR),
        setting: None,
        beyond: "Its tokens are answered 401.",
    },
    Limit {
        area: Area::Access,
        what: "guesses from one address that become one audit event",
        amount: Amount::Time(guesses::GATHERED_FOR),
        setting: None,
        beyond: "The first is told at once, the others of that time as one event with their number.",
    },
    Limit {
        area: Area::Access,
        what: "addresses whose guesses are told apart in the audit at a time",
        amount: Amount::Count(guesses::MOST_SOURCES as u64, ""),
        setting: None,
        beyond: "Guesses from further ones become one event together.",
    },
    Limit {
        area: Area::Access,
        what: "passwords and client secrets hashed at once",
        amount: Amount::Count(password::AT_ONCE as u64, ""),
        setting: None,
        beyond: "A further one waits.",
    },
    Limit {
        area: Area::Access,
        what: "passwords and client secrets that wait to be hashed",
        amount: Amount::Count(password::WAITING as u64, ""),
        setting: None,
        beyond: "The request is answered 503 with `Retry-After`; nothing is computed and nothing counts as a failure.",
    },
];

/// All limits of the service.
fn all() -> Vec<Limit> {
    [limits::LIMITS, usher_connectors::LIMITS, usher_engine::LIMITS, usher_store::LIMITS, LIMITS].concat()
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/limits.md");
const SECURITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../SECURITY.md");
const BEGIN: &str = "<!-- limits:begin -->\n";
const END: &str = "<!-- limits:end -->\n";

const INTRODUCTION: &str = "# Limits

Everything that Usher reads, keeps or waits for has a limit. This page lists each one, its default, the setting that changes it, and
what happens beyond it.

It is written from the constants in the code by `USHER_WRITE_DOCS=1 cargo test -p usher --bin usher limits`, and the same test
fails when it is out of date.
";

fn table(page: &mut String, area: Area) {
    writeln!(page, "| limit | default | setting | beyond it |\n|---|---|---|---|").unwrap();
    for Limit { what, amount, setting, beyond, .. } in all().iter().filter(|limit| limit.area == area) {
        let setting = setting.map_or_else(|| "–".to_owned(), |name| format!("`{name}`"));
        writeln!(page, "| {what} | {amount} | {setting} | {beyond} |").unwrap();
    }
}

#[test]
fn the_page_in_the_guide_has_every_limit() {
    let mut page = INTRODUCTION.to_owned();
    for area in Area::ALL {
        writeln!(page, "\n## {}\n", area.heading()).unwrap();
        table(&mut page, area);
    }
    compare(PAGE, |_| page);
}

#[test]
fn the_security_page_has_the_limits_of_what_comes_from_outside() {
    let mut tables = String::new();
    for area in [Area::Remote, Area::Requests, Area::Access] {
        writeln!(tables, "\n### {}\n", area.heading()).unwrap();
        table(&mut tables, area);
    }
    compare(SECURITY, |kept| {
        let (before, rest) = kept.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        format!("{before}{BEGIN}{tables}\n{END}{after}")
    });
}

fn compare(path: &str, written: impl FnOnce(&str) -> String) {
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let page = written(&kept);
    if std::env::var_os("USHER_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == page, "{path} is out of date; docs/guide/limits.md says how to write it anew");
}

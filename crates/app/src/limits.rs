//! The limits of this crate, and the pages that list all limits: `docs/guide/limits.md` and the table in SECURITY.md.

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
        what: "open connections",
        amount: Amount::Count(listen::CONNECTIONS as u64, ""),
        setting: None,
        beyond: "Further connections wait until one is closed.",
    },
    Limit {
        area: Area::Requests,
        what: "open connections from one address (for IPv6, from one /64 network)",
        amount: Amount::Count(64, ""),
        setting: Some("connections_per_address"),
        beyond: "Further connections are closed at once. Trusted proxies have no such limit.",
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
        what: "the time for a request's head to arrive, and for an idle connection to stay open",
        amount: Amount::Time(listen::HEAD),
        setting: None,
        beyond: "The connection is closed.",
    },
    Limit {
        area: Area::Requests,
        what: "the head of a request",
        amount: Amount::Bytes(listen::HEAD_BYTES),
        setting: None,
        beyond: "The request is answered with 431.",
    },
    Limit {
        area: Area::Requests,
        what: "the time for requests in progress to finish when the server stops",
        amount: Amount::Time(listen::STOPPING),
        setting: None,
        beyond: "They are aborted.",
    },
    Limit {
        area: Area::Work,
        what: "the time to stop after SIGTERM",
        amount: Amount::Time(crate::serve::STOP_WITHIN),
        setting: None,
        beyond: "Work in progress is aborted, and planned again after the next start.",
    },
    Limit {
        area: Area::Requests,
        what: "a request's address",
        amount: Amount::Bytes(web::URL_BYTES),
        setting: None,
        beyond: "The request is answered with 414.",
    },
    Limit {
        area: Area::Requests,
        what: "a request's headers",
        amount: Amount::Bytes(web::HEADER_BYTES),
        setting: None,
        beyond: "The request is answered with 431.",
    },
    Limit {
        area: Area::Requests,
        what: "headers in a request",
        amount: Amount::Count(listen::HEADERS as u64, ""),
        setting: None,
        beyond: "The request is answered with 431.",
    },
    Limit {
        area: Area::Requests,
        what: "a pause in a request's body",
        amount: Amount::Time(body::PAUSE),
        setting: None,
        beyond: "The request is answered with 408.",
    },
    Limit {
        area: Area::Requests,
        what: "the time for a body to arrive",
        amount: Amount::Time(body::TIME),
        setting: None,
        beyond: "The request is answered with 408; nothing is changed.",
    },
    Limit {
        area: Area::Requests,
        what: "the time for a body to arrive from someone who is not signed in",
        amount: Amount::Time(body::GUEST_TIME),
        setting: None,
        beyond: "The request is answered with 408.",
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
        what: "a body from someone who is not signed in: sign-in, the token endpoint, and a form before its token was seen",
        amount: Amount::Bytes(body::GUEST_BYTES),
        setting: None,
        beyond: "The request is answered with 413; a form without its token, with 403.",
    },
    Limit {
        area: Area::Requests,
        what: "a body of the API",
        amount: Amount::Bytes(extract::BODY_LIMIT),
        setting: None,
        beyond: "The request is answered with 413; nothing is changed.",
    },
    Limit {
        area: Area::Requests,
        what: "nesting of JSON in a body of the API",
        amount: Amount::Count(extract::DEPTH_LIMIT as u64, "levels"),
        setting: None,
        beyond: "The request is answered with 400; nothing is changed.",
    },
    Limit {
        area: Area::Requests,
        what: "an import by the API",
        amount: Amount::Bytes(extract::BULK_LIMIT),
        setting: None,
        beyond: "The request is answered with 413; nothing is changed.",
    },
    Limit {
        area: Area::Requests,
        what: "requests of one API client",
        amount: Amount::Count(5000, "a second"),
        setting: Some("max_requests_per_second"),
        beyond: "The request is answered with 429 and `Retry-After`. Twice as many may come at once.",
    },
    Limit {
        area: Area::Requests,
        what: "a form without a file, from a signed-in administrator",
        amount: Amount::Bytes(form::FORM_LIMIT),
        setting: None,
        beyond: "The form is refused; nothing is changed.",
    },
    Limit {
        area: Area::Requests,
        what: "a file uploaded to the console by a signed-in administrator",
        amount: Amount::Bytes(form::FILE_LIMIT),
        setting: None,
        beyond: "The form is refused; nothing is changed.",
    },
    Limit {
        area: Area::Storage,
        what: "how long a readiness check waits for the database",
        amount: Amount::Time(readiness::PATIENCE),
        setting: None,
        beyond: "The server is not ready: `/readyz` answers 503.",
    },
    Limit {
        area: Area::Storage,
        what: "how long an answer of `/readyz` is reused",
        amount: Amount::Time(readiness::FRESH),
        setting: None,
        beyond: "The database is checked again, with one write however many requests come in.",
    },
    Limit {
        area: Area::Storage,
        what: "the time to close the database when the server stops",
        amount: Amount::Time(serve::CLOSING),
        setting: None,
        beyond: "The process ends anyway; nothing is lost.",
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
        what: "the time to write the last log lines when the server stops",
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
        what: "how long `usher sync --wait` waits for a run that no worker takes",
        amount: Amount::Time(crate::cli::sync::NO_WORKER),
        setting: None,
        beyond: "It ends with an error; the run begins as soon as a worker is free.",
    },
    Limit {
        area: Area::Access,
        what: "failed sign-ins with one username from one address, or from one browser that the administrator used before",
        amount: Amount::Count(attempts::PER_DOOR as u64, "free"),
        setting: None,
        beyond: "The next one waits 5 s, then twice as long each time, up to 15 min. Other addresses and browsers are not \
                 delayed.",
    },
    Limit {
        area: Area::Access,
        what: "failed sign-ins with one username from all browsers and addresses that the administrator has not used before",
        amount: Amount::Count(attempts::PER_USER as u64, "free"),
        setting: None,
        beyond: "The same. Browsers and addresses that they used before are not delayed.",
    },
    Limit {
        area: Area::Access,
        what: "failed sign-ins from one address",
        amount: Amount::Count(attempts::PER_ADDRESS as u64, "free"),
        setting: None,
        beyond: "The same. A browser that the administrator used before is not delayed.",
    },
    Limit {
        area: Area::Access,
        what: "browsers and addresses remembered for one administrator",
        amount: Amount::Count(place::KEPT_PLACES as u64, ""),
        setting: None,
        beyond: "The least recently used one is forgotten.",
    },
    Limit {
        area: Area::Access,
        what: "how long a browser or address is remembered after the last sign-in from it",
        amount: Amount::Time(place::PLACE_LIFETIME),
        setting: None,
        beyond: "It is forgotten. Changing the password forgets all of them.",
    },
    Limit {
        area: Area::Access,
        what: "wrong secrets of one client from one address",
        amount: Amount::Count(failures::PER_CLIENT as u64, "free"),
        setting: None,
        beyond: "That client has to wait at that address, as an administrator does. Each server counts separately.",
    },
    Limit {
        area: Area::Access,
        what: "clients for which one address sends wrong secrets",
        amount: Amount::Count(failures::CLIENTS_PER_ADDRESS as u64, "free"),
        setting: None,
        beyond: "That address has to wait, except for clients that authenticated from it before.",
    },
    Limit {
        area: Area::Access,
        what: "the time until every server refuses a revoked signing key",
        amount: Amount::Time(token::KEYS_KEPT_FOR),
        setting: None,
        beyond: "Its tokens are answered with 401.",
    },
    Limit {
        area: Area::Access,
        what: "the time over which guesses from one address become one audit event",
        amount: Amount::Time(guesses::GATHERED_FOR),
        setting: None,
        beyond: "The first is recorded at once; the others become one event with their count.",
    },
    Limit {
        area: Area::Access,
        what: "addresses whose guesses are recorded separately at a time",
        amount: Amount::Count(guesses::MOST_SOURCES as u64, ""),
        setting: None,
        beyond: "Guesses from all other addresses share one event.",
    },
    Limit {
        area: Area::Access,
        what: "passwords and client secrets hashed at once",
        amount: Amount::Count(password::AT_ONCE as u64, ""),
        setting: None,
        beyond: "Further ones wait.",
    },
    Limit {
        area: Area::Access,
        what: "passwords and client secrets that wait to be hashed",
        amount: Amount::Count(password::WAITING as u64, ""),
        setting: None,
        beyond: "The request is answered with 503 and `Retry-After`. Nothing is computed or counted as a failure.",
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

Everything that Usher reads, keeps or waits for has a limit. This page lists the important ones, with their defaults, the settings that
change them, and what happens beyond them.

It is generated from the constants in the code by `USHER_WRITE_DOCS=1 cargo test -p usher --bin usher limits`, and the same test
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
    assert!(kept == page, "{path} is out of date; docs/guide/limits.md says how to generate it");
}

//! The form of a webhook: what can be chosen, and the body that a filled-in form comes to.

use askama::Template;
use serde_json::{Map, Value, json};
use usher_domain::{Rejection, directory::commands::Body, secret::MASK, subscription::Subscription};

use crate::{
    access::permission::Permission::ReadAccess,
    console::{
        error::ConsoleResult,
        event_kinds::{KINDS, Kind},
        form::Form,
        page::Shell,
        visitor::Visitor,
    },
    state::AppState,
};

/// How many empty lines for headers a form has beside those that are filled in.
const SPARE: usize = 3;

/// As a rejection names the fields.
const TARGETS: [(&str, &str); 6] = [
    ("name", "name"),
    ("httpEndpoint.url", "url"),
    ("verifyTlsCertificates", "verify"),
    ("filterOptions.includedActionTypes", "others"),
    ("filterOptions.includedPopulations", "population"),
    ("filterOptions.includedApplications", "client"),
];

/// The page.
#[derive(Template)]
#[template(path = "settings/webhook_edit.html")]
pub(super) struct Edit {
    shell: Shell,
    form: Form,
    id: Option<String>,
    headers: Vec<Header>,
    kinds: Vec<KindOffered>,
    populations: Vec<Offered>,
    clients: Vec<Offered>,
}

struct Header {
    name: String,
    kept: bool,
}

struct KindOffered {
    label: &'static str,
    actions: Vec<(&'static str, bool)>,
    open: bool,
}

struct Offered {
    id: String,
    name: String,
    ticked: bool,
}

/// What a new one begins with.
pub(super) fn blank() -> Form {
    Form::of([("verify", "true".to_owned()), ("enabled", "true".to_owned())])
}

/// The form that leaves a webhook as it is. Values of headers are left out, and so stay.
pub(super) fn of(it: &Subscription) -> Form {
    let mut form = Form::of([("name", it.name.clone()), ("url", it.endpoint.url.clone())]);
    for (name, on) in [
        ("verify", it.endpoint.verify_tls_certificates),
        ("enabled", it.enabled),
        ("administrators", !it.filter.tags.is_empty()),
    ] {
        if on {
            form.set(name, "true");
        }
    }
    let known = |action: &String| KINDS.iter().any(|(.., actions)| actions.contains(&action.as_str()));
    let (listed, others): (Vec<String>, Vec<String>) =
        it.filter.action_types.iter().cloned().partition(known);
    form.set_all("action", listed);
    form.set("others", others.join(" "));
    form.set_all("population", it.filter.populations.iter().map(ToString::to_string).collect());
    form.set_all("client", it.filter.applications.iter().map(ToString::to_string).collect());
    form.set_all("header", it.headers.keys().cloned().collect());
    form
}

/// The page with the form as it is.
pub(super) async fn editing(
    app: &AppState,
    visitor: &Visitor,
    it: Option<&Subscription>,
    form: Form,
) -> ConsoleResult<Edit> {
    let title = it.map_or_else(|| "New webhook".to_owned(), |it| it.name.clone());
    let mut headers: Vec<Header> = form
        .all("header")
        .filter(|name| !name.is_empty())
        .map(|name| Header { kept: is_kept(it, name), name: name.to_owned() })
        .collect();
    headers.extend((0..SPARE).map(|_| Header { name: String::new(), kept: false }));
    let ticked = |field: &str, id: &str| form.all(field).any(|value| value == id);
    let kinds = KINDS.iter().map(|(_, label, actions): &Kind| {
        let actions: Vec<_> = actions.iter().map(|action| (*action, ticked("action", action))).collect();
        KindOffered { label, open: actions.iter().any(|(_, ticked)| *ticked), actions }
    });
    let kinds = kinds.collect();
    let mut populations: Vec<(String, String)> = Vec::new();
    for it in app.store.populations(visitor.home()).await? {
        populations.push((it.id.to_string(), it.name));
    }
    let mut clients: Vec<(String, String)> = Vec::new();
    if visitor.may(ReadAccess) {
        for it in app.store.clients(visitor.home()).await? {
            clients.push((it.id.to_string(), it.name));
        }
    }
    Ok(Edit {
        shell: Shell::new(visitor, title),
        id: it.map(|it| it.id.to_string()),
        headers,
        kinds,
        populations: offered(&form, "population", populations),
        clients: offered(&form, "client", clients),
        form,
    })
}

/// What can be ticked; and what is ticked and is not there any more.
fn offered(form: &Form, field: &str, known: Vec<(String, String)>) -> Vec<Offered> {
    let gone = form.all(field).filter(|id| !id.is_empty() && !known.iter().any(|(known, _)| known == id));
    let gone: Vec<Offered> = gone
        .map(|id| Offered { id: id.to_owned(), name: format!("{id} (no longer there)"), ticked: true })
        .collect();
    let known = known.into_iter().map(|(id, name)| Offered {
        ticked: form.all(field).any(|value| value == id),
        id,
        name,
    });
    known.chain(gone).collect()
}

fn is_kept(it: Option<&Subscription>, name: &str) -> bool {
    it.is_some_and(|it| it.headers.keys().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The body that the form comes to; the form with its faults, when a header makes no sense.
pub(super) fn body(form: &Form, current: Option<&Subscription>) -> Result<Body, Form> {
    let mut headers: Map<String, Value> = Map::new();
    let mut faults = Vec::new();
    for (name, value) in form.all("header").zip(form.all("value")) {
        if name.is_empty() {
            if !value.is_empty() {
                faults.push("A value has no name beside it.".to_owned());
            }
            continue;
        }
        let value = match value {
            "" if is_kept(current, name) => MASK,
            "" => {
                faults.push(format!("{name} needs its value."));
                continue;
            }
            value => value,
        };
        if headers.insert(name.to_owned(), json!(value)).is_some() {
            faults.push(format!("{name} is there twice."));
        }
    }
    if !faults.is_empty() {
        let mut form = form.clone();
        form.fault("headers", faults.join(" "));
        return Err(form);
    }
    let others = form.value("others").split([',', ' ', '\n', '\r', '\t']);
    let actions: Vec<&str> = form.all("action").chain(others).filter(|action| !action.is_empty()).collect();
    let ids = |field: &str| -> Vec<Value> {
        form.all(field).filter(|id| !id.is_empty()).map(|id| json!({ "id": id })).collect()
    };
    let tags: &[&str] = if form.ticked("administrators") { &["adminIdentityEvent"] } else { &[] };
    let filter = current.map(|it| &it.filter);
    let body = json!({
        "name": form.value("name"),
        "enabled": form.ticked("enabled"),
        "verifyTlsCertificates": form.ticked("verify"),
        "httpEndpoint": { "url": form.value("url"), "headers": headers },
        "filterOptions": {
            "includedActionTypes": actions,
            "includedPopulations": ids("population"),
            "includedApplications": ids("client"),
            "includedTags": tags,
            "ipAddressExposed": filter.is_some_and(|it| it.ip_address_exposed),
            "userAgentExposed": filter.is_some_and(|it| it.user_agent_exposed),
        },
    });
    Ok(body.as_object().cloned().unwrap_or_default())
}

/// The form with why it was refused. What is wrong with headers stands beside them together, as with action types.
pub(super) fn refused(form: Form, why: &Rejection) -> Form {
    let mut targets = TARGETS.to_vec();
    for (of, field) in [("httpEndpoint.headers", "headers"), ("filterOptions.includedActionTypes[", "others")]
    {
        let found = why.details.iter().filter(|detail| detail.target.starts_with(of));
        targets.extend(found.map(|detail| (detail.target.as_str(), field)));
    }
    form.refused(why, &targets)
}

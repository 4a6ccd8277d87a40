//! Making, changing and deleting subscriptions, in PingOne's shape; which part of them is secret.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use super::{Endpoint, EventFilter, KEPT_WHILE_DISABLED, MAX_SUBSCRIPTIONS, OVERLAP, Subscription};
use crate::{
    Detail, EnvironmentId, Rejection, Secret,
    directory::{
        audit::Resource,
        change::{ChangeSet, Write},
        commands::{
            Body, Decision, Stamp,
            body::{Chars, Faults, range},
            diff,
        },
    },
    secret::MASK,
    targets::{Purpose, Targets, origin},
};

/// How many populations or applications a filter names at most.
const MAX_INCLUDED: usize = 10;
/// How many headers go with a delivery at most.
const MAX_HEADERS: usize = 20;
/// How long an address or a header's value may be, in characters.
const MAX_TEXT: usize = 2048;
/// How many action types a filter names at most.
const MAX_ACTION_TYPES: usize = 500;
/// Headers that Usher itself sends, or that would change what a request is.
const RESERVED: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Makes a subscription. `existing` is how many the environment has, `starts_after` the newest event's number, `secret`
/// what will sign.
///
/// # Errors
/// Every fault of the body; the environment has as many as there may be.
pub fn create(
    environment: EnvironmentId,
    body: &Body,
    existing: usize,
    starts_after: u64,
    secret: Secret,
    targets: &Targets,
    stamp: &Stamp<'_>,
) -> Decision<Subscription> {
    let made = Subscription {
        id: stamp.ids.next().into(),
        starts_after,
        created_at: stamp.now,
        signing_secret: secret,
        ..read(environment, None, body, targets, stamp)?
    };
    if existing >= MAX_SUBSCRIPTIONS {
        let message = format!(
            "The environment has {existing} subscriptions, and may have {MAX_SUBSCRIPTIONS}; delete one that is not needed"
        );
        let detail = Detail::new("CONSTRAINT_VIOLATION", "subscriptions", message);
        return Err(Rejection::invalid(vec![detail.with_inner(range(0, MAX_SUBSCRIPTIONS))]));
    }
    let changes = written(&made, "CREATED", "Created", Map::new(), stamp);
    Ok((made, changes))
}

/// Replaces a subscription. A header whose value is masked stays as it is, as long as it goes to the same server. When
/// it is enabled again, what happened more than two weeks before is not delivered.
///
/// # Errors
/// Every fault of the body.
pub fn replace(
    current: &Subscription,
    body: &Body,
    targets: &Targets,
    stamp: &Stamp<'_>,
) -> Decision<Subscription> {
    let mut changed = read(current.environment, Some(current), body, targets, stamp)?;
    if changed == *current {
        return Ok((changed, ChangeSet::default()));
    }
    if changed.enabled && !current.enabled {
        changed.not_before = Some(stamp.now.minus(KEPT_WHILE_DISABLED));
    }
    let mut differs = diff::changed(&shown(current), &shown(&changed));
    for name in changed.headers.keys().filter(|name| current.headers.contains_key(*name)) {
        if changed.headers.get(name) != current.headers.get(name) {
            differs.insert(format!("httpEndpoint.headers.{name}"), json!({"from": MASK, "to": MASK}));
        }
    }
    changed.updated_at = stamp.now;
    changed.version += 1;
    let changes = written(&changed, "UPDATED", "Updated", differs, stamp);
    Ok((changed, changes))
}

/// Gives a subscription another signing secret. The one before signs beside it for a day, so that the receiver can be
/// told in peace.
pub fn rotate(current: &Subscription, secret: Secret, stamp: &Stamp<'_>) -> (Subscription, ChangeSet) {
    let mut changed = current.clone();
    let before = std::mem::replace(&mut changed.signing_secret, secret);
    changed.previous_secret = Some((before, stamp.now.plus(OVERLAP)));
    changed.updated_at = stamp.now;
    changed.version += 1;
    let differs = Map::from_iter([("signingSecret".to_owned(), json!({"from": MASK, "to": MASK}))]);
    let changes = written(&changed, "UPDATED", "Updated", differs, stamp);
    (changed, changes)
}

/// Deletes a subscription, with what it has not delivered.
pub fn delete(current: &Subscription, stamp: &Stamp<'_>) -> ChangeSet {
    let mut changes = written(current, "DELETED", "Deleted", Map::new(), stamp);
    changes.writes = vec![Write::SubscriptionGone(current.id)];
    changes
}

/// The subscription as PingOne spells it, header values masked.
pub fn shown(it: &Subscription) -> Value {
    let headers: Map<String, Value> = it.headers.keys().map(|name| (name.clone(), json!(MASK))).collect();
    let ids = |ids: &mut dyn Iterator<Item = Uuid>| ids.map(|id| json!({"id": id})).collect::<Vec<_>>();
    json!({
        "id": it.id,
        "name": it.name,
        "enabled": it.enabled,
        "verifyTlsCertificates": it.endpoint.verify_tls_certificates,
        "protocol": "HTTPS",
        "format": "ACTIVITY",
        "httpEndpoint": {"url": it.endpoint.url, "headers": headers},
        "filterOptions": {
            "includedActionTypes": it.filter.action_types,
            "includedPopulations": ids(&mut it.filter.populations.iter().map(|id| id.uuid())),
            "includedApplications": ids(&mut it.filter.applications.iter().copied()),
            "includedTags": it.filter.tags,
            "ipAddressExposed": it.filter.ip_address_exposed,
            "userAgentExposed": it.filter.user_agent_exposed,
        },
    })
}

/// The subscription as a body would have it; what a body cannot say stays as it was.
fn read(
    environment: EnvironmentId,
    current: Option<&Subscription>,
    body: &Body,
    targets: &Targets,
    stamp: &Stamp<'_>,
) -> Result<Subscription, Rejection> {
    let mut faults = Faults::default();
    let name = faults.required_text(body, "name", 256, Chars::Printable);
    let enabled = required_flag(body, "enabled", &mut faults);
    let verify_tls_certificates = required_flag(body, "verifyTlsCertificates", &mut faults);
    only(body, "format", "ACTIVITY", &["SPLUNK", "NEWRELIC"], &mut faults);
    only(body, "protocol", "HTTPS", &["TCP_IP"], &mut faults);
    if body.get("tlsClientAuthKeyPair").is_some_and(|it| !it.is_null()) {
        let message = "Deliveries do not present a client certificate; verify their signature instead, and leave this out";
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "tlsClientAuthKeyPair", message));
    }
    let filter = filter(body, &mut faults);
    let (url, headers) = endpoint(current, body, targets, &mut faults);
    faults.finish()?;
    let kept = current.cloned();
    Ok(Subscription {
        id: kept.as_ref().map_or_else(|| Uuid::nil().into(), |it| it.id),
        environment,
        name,
        enabled,
        endpoint: Endpoint { url, verify_tls_certificates },
        headers,
        filter,
        signing_secret: kept.as_ref().map_or_else(|| Secret::new(""), |it| it.signing_secret.clone()),
        previous_secret: kept.as_ref().and_then(|it| it.previous_secret.clone()),
        starts_after: kept.as_ref().map_or(0, |it| it.starts_after),
        not_before: kept.as_ref().and_then(|it| it.not_before),
        created_at: kept.as_ref().map_or(stamp.now, |it| it.created_at),
        updated_at: kept.as_ref().map_or(stamp.now, |it| it.updated_at),
        version: kept.as_ref().map_or(1, |it| it.version),
    })
}

fn required_flag(body: &Body, key: &str, faults: &mut Faults) -> bool {
    if matches!(body.get(key), None | Some(Value::Null)) {
        faults.required(key, "true or false");
    }
    faults.boolean(body, key).unwrap_or(false)
}

/// A word of PingOne's that has one value here; the others are refused by name, so that nobody waits for them.
fn only(body: &Body, key: &str, word: &'static str, others: &[&str], faults: &mut Faults) {
    match body.get(key) {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if text == word => {}
        Some(Value::String(text)) if others.contains(&text.as_str()) => {
            let message = format!("Usher delivers as {word} only; `{text}` is PingOne's");
            let detail = Detail::new("CONSTRAINT_VIOLATION", key, message);
            faults.add(detail.with_inner(json!({"allowedValues": [word]})));
        }
        Some(_) => faults.one_of(key, &[word]),
    }
}

fn filter(body: &Body, faults: &mut Faults) -> EventFilter {
    if matches!(body.get("filterOptions"), None | Some(Value::Null)) {
        faults.required("filterOptions", "an object with `includedActionTypes`, such as [\"USER.CREATED\"]");
        return EventFilter::default();
    }
    let Some(options) = faults.object(body, "filterOptions") else { return EventFilter::default() };
    let flag = |key: &str, faults: &mut Faults| match options.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(other) => {
            faults.wrong_type(&format!("filterOptions.{key}"), "true or false", other);
            false
        }
    };
    let (ip_address_exposed, user_agent_exposed) =
        (flag("ipAddressExposed", faults), flag("userAgentExposed", faults));
    EventFilter {
        action_types: action_types(options, faults),
        populations: ids(options, "includedPopulations", faults),
        applications: ids(options, "includedApplications", faults),
        tags: tags(options, faults),
        ip_address_exposed,
        user_agent_exposed,
    }
}

fn list<'b>(options: &'b Map<String, Value>, key: &str, most: usize, faults: &mut Faults) -> &'b [Value] {
    let target = format!("filterOptions.{key}");
    match options.get(key) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) if items.len() <= most => items,
        Some(Value::Array(items)) => {
            let message = format!("`{target}` has {} entries; at most {most} are allowed", items.len());
            faults.add(Detail::new("SIZE_LIMIT_EXCEEDED", target, message).with_inner(range(0, most)));
            &[]
        }
        Some(other) => {
            faults.wrong_type(&target, "a list", other);
            &[]
        }
    }
}

fn action_types(options: &Map<String, Value>, faults: &mut Faults) -> Vec<String> {
    const TARGET: &str = "filterOptions.includedActionTypes";
    if options
        .get("includedActionTypes")
        .is_none_or(|it| it.is_null() || it.as_array().is_some_and(Vec::is_empty))
    {
        faults.required(TARGET, "a list of action types, such as [\"USER.CREATED\", \"USER.UPDATED\"]");
        return Vec::new();
    }
    let is_action = |text: &str| {
        let word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        };
        text.len() <= 128 && text.split_once('.').is_some_and(|(thing, action)| word(thing) && word(action))
    };
    let mut found: Vec<String> = Vec::new();
    for (index, item) in list(options, "includedActionTypes", MAX_ACTION_TYPES, faults).iter().enumerate() {
        match item.as_str() {
            Some(text) if !is_action(text) => faults.invalid(
                &format!("{TARGET}[{index}]"),
                "An action type reads like `USER.CREATED`: capital letters, digits and `_`, with one dot",
            ),
            Some(text) if found.iter().any(|known| known == text) => {}
            Some(text) => found.push(text.to_owned()),
            None => faults.wrong_type(&format!("{TARGET}[{index}]"), "a string", item),
        }
    }
    found
}

fn ids<T: From<Uuid> + PartialEq>(options: &Map<String, Value>, key: &str, faults: &mut Faults) -> Vec<T> {
    let mut found = Vec::new();
    for (index, item) in list(options, key, MAX_INCLUDED, faults).iter().enumerate() {
        let target = format!("filterOptions.{key}[{index}]");
        match item {
            Value::Object(object) => {
                if let Some(id) = faults.id_of(object, &format!("{target}.id"))
                    && !found.contains(&id)
                {
                    found.push(id);
                }
            }
            other => faults.wrong_type(&target, "an object with an `id`", other),
        }
    }
    found
}

fn tags(options: &Map<String, Value>, faults: &mut Faults) -> Vec<String> {
    const TAG: &str = "adminIdentityEvent";
    let items = list(options, "includedTags", MAX_INCLUDED, faults);
    for (index, _) in items.iter().enumerate().filter(|(_, item)| item.as_str() != Some(TAG)) {
        faults.one_of(&format!("filterOptions.includedTags[{index}]"), &[TAG]);
    }
    if items.is_empty() { Vec::new() } else { vec![TAG.to_owned()] }
}

fn endpoint(
    current: Option<&Subscription>,
    body: &Body,
    targets: &Targets,
    faults: &mut Faults,
) -> (String, BTreeMap<String, Secret>) {
    let none = (String::new(), BTreeMap::new());
    if matches!(body.get("httpEndpoint"), None | Some(Value::Null)) {
        faults.required("httpEndpoint", "an object with `url`, such as {\"url\": \"https://…\"}");
        return none;
    }
    let Some(endpoint) = faults.object(body, "httpEndpoint") else { return none };
    const URL: &str = "httpEndpoint.url";
    let url = match endpoint.get("url") {
        None | Some(Value::Null) => {
            faults.required(URL, "an https:// address");
            String::new()
        }
        value => faults.text_at(value, URL, MAX_TEXT, Chars::Printable).unwrap_or_default(),
    };
    if !url.is_empty() {
        let checked = match Url::parse(&url) {
            Ok(parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
                Err("an address without user and password; send them as a header".to_owned())
            }
            Ok(parsed) => targets.check_url(Purpose::Webhook, &parsed),
            Err(_) => Err("an https:// address".to_owned()),
        };
        if let Err(allowed) = checked {
            faults.invalid(URL, format!("`{URL}` must be {allowed}"));
        }
    }
    let headers = headers(current, endpoint, &url, faults);
    (url, headers)
}

fn headers(
    current: Option<&Subscription>,
    endpoint: &Map<String, Value>,
    url: &str,
    faults: &mut Faults,
) -> BTreeMap<String, Secret> {
    const HEADERS: &str = "httpEndpoint.headers";
    let given = match endpoint.get("headers") {
        None | Some(Value::Null) => return BTreeMap::new(),
        Some(Value::Object(given)) => given,
        Some(other) => {
            faults.wrong_type(HEADERS, "an object of texts", other);
            return BTreeMap::new();
        }
    };
    if given.len() > MAX_HEADERS {
        let message = format!("`{HEADERS}` has {} entries; at most {MAX_HEADERS} are allowed", given.len());
        faults.add(Detail::new("SIZE_LIMIT_EXCEEDED", HEADERS, message).with_inner(range(0, MAX_HEADERS)));
        return BTreeMap::new();
    }
    let moved = current.is_some_and(|current| origin(&current.endpoint.url) != origin(url));
    let mut headers: BTreeMap<String, Secret> = BTreeMap::new();
    for (name, value) in given {
        let target = format!("{HEADERS}.{name}");
        let is_token = name.len() <= 128
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        let lower = name.to_ascii_lowercase();
        if !is_token {
            faults.invalid(
                HEADERS,
                "A header's name has only letters, digits and characters such as `-` and `_`",
            );
        } else if RESERVED.contains(&lower.as_str())
            || lower.starts_with("webhook-")
            || lower.starts_with("proxy-")
        {
            faults.invalid(&target, format!("`{name}` is a header that Usher sets itself; leave it out"));
        } else if headers.keys().any(|known| known.eq_ignore_ascii_case(name)) {
            faults.invalid(&target, format!("`{name}` is given twice, spelled otherwise"));
        } else {
            match value {
                Value::String(text) if text == MASK => {
                    let kept = current
                        .and_then(|it| it.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
                    match kept {
                        Some(_) if moved => faults.add(Detail::new(
                            "CONSTRAINT_VIOLATION",
                            target,
                            format!(
                                "`{name}` must be given again: `httpEndpoint.url` names another server than before, and a \
                                 stored header is not sent to a server that it was not entered for"
                            ),
                        )),
                        Some((_, value)) => _ = headers.insert(name.clone(), value.clone()),
                        None => faults.invalid(
                            &target,
                            format!("`{name}` is masked, and no value is stored that this could mean; give the value itself"),
                        ),
                    }
                }
                Value::String(text)
                    if text.len() > MAX_TEXT
                        || !text.bytes().all(|b| (0x20..0x7f).contains(&b) || b == b'\t') =>
                {
                    // The value is not repeated: it may be meant to be secret.
                    faults.invalid(
                        &target,
                        format!("`{name}` must have at most {MAX_TEXT} characters of ASCII that can be seen"),
                    );
                }
                Value::String(text) => _ = headers.insert(name.clone(), Secret::new(text.trim())),
                _ => faults.invalid(&target, format!("`{name}` must be a string")),
            }
        }
    }
    headers
}

fn written(
    it: &Subscription,
    action: &str,
    verb: &str,
    changed: Map<String, Value>,
    stamp: &Stamp<'_>,
) -> ChangeSet {
    let resource = Resource {
        kind: "SUBSCRIPTION".into(),
        id: it.id.to_string(),
        name: it.name.clone(),
        population: None,
        path: format!("/subscriptions/{}", it.id),
    };
    ChangeSet {
        writes: vec![Write::Subscription(Box::new(it.clone()))],
        events: vec![stamp.event(
            it.environment,
            &format!("SUBSCRIPTION.{action}"),
            resource,
            format!("{verb} Subscription {}", it.name),
            Some(changed),
        )],
        due: Vec::new(),
    }
}

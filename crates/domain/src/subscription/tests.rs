//! What subscriptions may say, which events they want, and how long a receiver that fails is left alone.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Delivery, EventFilter, KEPT_WHILE_DISABLED, Subscription, commands};
use crate::{
    EventId, PopulationId, Secret, SubscriptionId,
    directory::{
        audit::{Actor, Event, Resource},
        change::Write,
        commands::tests::{Counting, ENVIRONMENT, NOW, body, refusal, stamp},
    },
    targets::Targets,
};

fn good() -> Value {
    json!({
        "name": "Collector", "enabled": true, "verifyTlsCertificates": true, "format": "ACTIVITY",
        "httpEndpoint": {"url": "https://hooks.example.com/in", "headers": {"Authorization": "Bearer s3cret"}},
        "filterOptions": {"includedActionTypes": ["USER.CREATED", "USER.CREATED", "GROUP.DELETED"]},
        "topics": "ignored",
    })
}

fn create(whole: &Value) -> crate::directory::commands::Decision<Subscription> {
    let ids = Counting::default();
    let secret = Secret::new("signing");
    commands::create(ENVIRONMENT, &body(whole.clone()), 0, 7, secret, &Targets::default(), &stamp(&ids))
}

fn replace(current: &Subscription, more: Value) -> crate::directory::commands::Decision<Subscription> {
    let mut whole = body(good());
    whole.extend(body(more));
    commands::replace(current, &whole, &Targets::default(), &stamp(&Counting::default()))
}

fn event(action: &str, actor: Actor, population: Option<u128>) -> Event {
    Event {
        id: EventId(Uuid::from_u128(1)),
        environment: ENVIRONMENT,
        recorded_at: NOW,
        correlation_id: None,
        actor,
        action: action.into(),
        resources: vec![Resource {
            kind: "USER".into(),
            id: "u".into(),
            name: "ada".into(),
            population: population.map(|id| Uuid::from_u128(id).to_string()),
            path: "/users/u".into(),
        }],
        status: "SUCCESS".into(),
        description: "Created User ada".into(),
        changes: None,
    }
}

#[test]
fn a_subscription_is_shown_without_its_secrets() {
    let (made, changes) = create(&good()).unwrap();
    assert_eq!((made.starts_after, made.version), (7, 1));
    let shown = commands::shown(&made);
    assert_eq!(shown["httpEndpoint"]["headers"]["Authorization"], "********");
    assert_eq!(shown["filterOptions"]["includedActionTypes"], json!(["USER.CREATED", "GROUP.DELETED"]));
    let told = format!("{:?} {made:?} {shown}", changes.events);
    assert!(!told.contains("s3cret") && !told.contains("signing\""), "{told}");
    assert_eq!(changes.events[0].action, "SUBSCRIPTION.CREATED");
}

#[test]
fn every_fault_is_told_at_once() {
    insta::assert_snapshot!(refusal(create(&json!({}))), @r#"
    REQUIRED_VALUE name: `name` is required: a string of 1 to 256 characters
    REQUIRED_VALUE enabled: `enabled` is required: true or false
    REQUIRED_VALUE verifyTlsCertificates: `verifyTlsCertificates` is required: true or false
    REQUIRED_VALUE filterOptions: `filterOptions` is required: an object with `includedActionTypes`, such as ["USER.CREATED"]
    REQUIRED_VALUE httpEndpoint: `httpEndpoint` is required: an object with `url`, such as {"url": "https://…"}
    "#);
    let eleven: Vec<Value> = (0..11).map(|id| json!({"id": Uuid::from_u128(id)})).collect();
    insta::assert_snapshot!(refusal(create(&json!({
        "name": "x", "enabled": "yes", "verifyTlsCertificates": true, "format": "SPLUNK", "protocol": "UDP",
        "tlsClientAuthKeyPair": {"id": Uuid::nil()},
        "httpEndpoint": {"url": "http://hooks.example.com", "headers": {
            "Host": "x", "bad name": "x", "X-One": "a\nb", "X-Two": "********", "X-Three": 3,
        }},
        "filterOptions": {
            "includedActionTypes": ["user.created", 7], "includedPopulations": eleven,
            "includedApplications": [{"id": "one"}, "two"], "includedTags": ["other"], "ipAddressExposed": "no",
        },
    }))), @r#"
    INVALID_VALUE enabled: `enabled` is a string; true or false is allowed
    CONSTRAINT_VIOLATION format: Usher delivers as ACTIVITY only; `SPLUNK` is PingOne's {"allowedValues":["ACTIVITY"]}
    INVALID_VALUE protocol: `protocol` is not one of HTTPS {"allowedValues":["HTTPS"]}
    CONSTRAINT_VIOLATION tlsClientAuthKeyPair: Deliveries do not present a client certificate; verify their signature instead, and leave this out
    INVALID_VALUE filterOptions.ipAddressExposed: `filterOptions.ipAddressExposed` is a string; true or false is allowed
    INVALID_VALUE filterOptions.includedActionTypes[0]: An action type reads like `USER.CREATED`: capital letters, digits and `_`, with one dot
    INVALID_VALUE filterOptions.includedActionTypes[1]: `filterOptions.includedActionTypes[1]` is a number; a string is allowed
    SIZE_LIMIT_EXCEEDED filterOptions.includedPopulations: `filterOptions.includedPopulations` has 11 entries; at most 10 are allowed {"rangeMaximumValue":10,"rangeMinimumValue":0}
    INVALID_VALUE filterOptions.includedApplications[0].id: `filterOptions.includedApplications[0].id` is not a UUID, such as `5a0f9f6d-3c5e-4a55-9b1c-0d7c7d0f3f5e`
    INVALID_VALUE filterOptions.includedApplications[1]: `filterOptions.includedApplications[1]` is a string; an object with an `id` is allowed
    INVALID_VALUE filterOptions.includedTags[0]: `filterOptions.includedTags[0]` is not one of adminIdentityEvent {"allowedValues":["adminIdentityEvent"]}
    INVALID_VALUE httpEndpoint.url: `httpEndpoint.url` must be an https:// address; http:// is for this machine only, unless the server's allow_http_targets is set
    INVALID_VALUE httpEndpoint.headers.Host: `Host` is a header that Usher sets itself; leave it out
    INVALID_VALUE httpEndpoint.headers.X-One: `X-One` must have at most 2048 characters of ASCII that can be seen
    INVALID_VALUE httpEndpoint.headers.X-Three: `X-Three` must be a string
    INVALID_VALUE httpEndpoint.headers.X-Two: `X-Two` is masked, and no value is stored that this could mean; give the value itself
    INVALID_VALUE httpEndpoint.headers: A header's name has only letters, digits and characters such as `-` and `_`
    "#);
    for url in [
        "https://10.0.0.1/",
        "https://localhost/",
        "https://u:p@hooks.example.com/",
        "hooks.example.com",
        "https://169.254.169.254/latest",
    ] {
        let mut whole = good();
        whole["httpEndpoint"]["url"] = json!(url);
        assert!(refusal(create(&whole)).contains("httpEndpoint.url"), "{url}");
    }
    let full = commands::create(
        ENVIRONMENT,
        &body(good()),
        50,
        0,
        Secret::new("s"),
        &Targets::default(),
        &stamp(&Counting::default()),
    );
    insta::assert_snapshot!(refusal(full), @r#"CONSTRAINT_VIOLATION subscriptions: The environment has 50 subscriptions, and may have 50; delete one that is not needed {"rangeMaximumValue":50,"rangeMinimumValue":0}"#);
}

#[test]
fn a_masked_header_stays_with_its_server() {
    let (made, _) = create(&good()).unwrap();
    let masked = |url: &str| json!({"httpEndpoint": {"url": url, "headers": {"authorization": "********"}}});
    let (kept, changes) = replace(&made, masked("https://hooks.example.com/elsewhere")).unwrap();
    assert_eq!(kept.headers["authorization"].expose(), "Bearer s3cret");
    assert!(matches!(&changes.writes[..], [Write::Subscription(it)] if it.version == 2));
    insta::assert_snapshot!(refusal(replace(&made, masked("https://evil.example.com/in"))), @"CONSTRAINT_VIOLATION httpEndpoint.headers.authorization: `authorization` must be given again: `httpEndpoint.url` names another server than before, and a stored header is not sent to a server that it was not entered for");
    // The same again changes nothing, and tells nobody.
    let (same, nothing) = replace(&made, json!({})).unwrap();
    assert_eq!((same, nothing.writes.len(), nothing.events.len()), (made, 0, 0));
}

#[test]
fn a_rotated_secret_signs_beside_the_new_one_for_a_day() {
    let (made, _) = create(&good()).unwrap();
    let (rotated, _) = commands::rotate(&made, Secret::new("new"), &stamp(&Counting::default()));
    let signing = |after: u64| {
        let secrets = rotated.signing_secrets(NOW.plus(Duration::from_secs(after)));
        secrets.into_iter().map(Secret::expose).collect::<Vec<_>>()
    };
    assert_eq!(signing(0), ["new", "signing"]);
    assert_eq!(signing(24 * 3600), ["new"]);
}

#[test]
fn a_filter_wants_what_it_names() {
    let client = |id: u128| Actor::Client { id: Uuid::from_u128(id), name: "c".into() };
    let person = Actor::User { id: Uuid::from_u128(3), name: "root".into() };
    let created = EventFilter { action_types: vec!["USER.CREATED".into()], ..EventFilter::default() };
    assert!(created.wants(&event("USER.CREATED", Actor::System, None)));
    assert!(!created.wants(&event("USER.DELETED", Actor::System, None)));
    let here = EventFilter { populations: vec![PopulationId(Uuid::from_u128(9))], ..created.clone() };
    assert!(here.wants(&event("USER.CREATED", Actor::System, Some(9))));
    assert!(
        !here.wants(&event("USER.CREATED", Actor::System, Some(8)))
            && !here.wants(&event("USER.CREATED", Actor::System, None))
    );
    let by = EventFilter { applications: vec![Uuid::from_u128(5)], ..created.clone() };
    assert!(
        by.wants(&event("USER.CREATED", client(5), None))
            && !by.wants(&event("USER.CREATED", client(6), None))
    );
    let admins = EventFilter { tags: vec!["adminIdentityEvent".into()], ..created };
    assert!(
        admins.wants(&event("USER.CREATED", person, None))
            && !admins.wants(&event("USER.CREATED", client(5), None))
    );
}

#[test]
fn what_was_not_kept_while_disabled_is_counted_and_passed_by() {
    let (made, _) = create(&good()).unwrap();
    let (off, _) = replace(&made, json!({"enabled": false})).unwrap();
    assert_eq!(off.not_before, None);
    let (on, _) = replace(&off, json!({"enabled": true})).unwrap();
    let aged = |days: u64| Event {
        recorded_at: NOW.minus(Duration::from_secs(days * 24 * 3600)),
        ..event("USER.CREATED", Actor::System, None)
    };
    assert_eq!(on.not_before, Some(NOW.minus(KEPT_WHILE_DISABLED)));
    let events = [(8, aged(15)), (9, event("USER.UPDATED", Actor::System, None)), (10, aged(13))];
    let batch = on.batch(7, &events, "https://u/v1");
    assert_eq!((batch.events.len(), batch.dropped, batch.upto), (1, 1, 10));
    let delivered = &batch.events[0];
    assert_eq!(delivered["_embedded"], json!({}));
    assert!(delivered.get("_links").is_none() && delivered.get("createdAt").is_none());
}

proptest! {
    #[test]
    fn waits_grow_are_spread_and_end_at_an_hour(id: u128, failures in 1u32..10_000, asked in proptest::option::of(0u64..100_000)) {
        let of = SubscriptionId(Uuid::from_u128(id));
        let asked = asked.map(Duration::from_secs);
        let after = |failures| Delivery { failures, ..Delivery::default() }.wait(of, asked);
        let hour = Duration::from_secs(3600);
        prop_assert!(after(failures) >= Duration::from_millis(500) && after(failures) <= hour);
        prop_assert!(after(failures) >= asked.unwrap_or_default().min(hour));
        // Twice as long, then half of it at least: never sooner than before.
        prop_assert!(after(failures + 1) + Duration::from_millis(1) >= after(failures).min(hour / 2));
    }
}

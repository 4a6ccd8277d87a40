use serde_json::{Value, json};

use super::{Counting, ENVIRONMENT, body, population, refusal, stamp};
use crate::{
    Rejection,
    directory::{
        change::{ChangeSet, Write},
        commands::user::{self, Facts},
        user::User,
    },
};

fn facts() -> Facts {
    Facts { username_taken_by: None, population: Some(population(1, "Default", true)) }
}

fn create(json: Value) -> Result<(User, ChangeSet), Rejection> {
    let ids = Counting::default();
    user::create(ENVIRONMENT, &body(json), &facts(), &stamp(&ids))
}

fn ada() -> User {
    let body = json!({
        "username": "ada", "email": "ada@example.com", "name": {"given": "Ada", "family": "Lovelace"},
        "title": "Countess", "address": {"locality": "London", "countryCode": "GB"}, "office": "3.14",
    });
    create(body).unwrap().0
}

#[test]
fn a_user_without_anything_is_told_what_is_required() {
    insta::assert_snapshot!(refusal(create(json!({}))), @"
    REQUIRED_VALUE username: `username` is required: a string of 1 to 128 characters
    REQUIRED_VALUE email: `email` is required: a string of 1 to 254 characters
    ");
}

#[test]
fn every_fault_of_a_user_is_told_at_once() {
    let bad = json!({
        "username": "a".repeat(129),
        "email": "ada at example.com",
        "name": {"given": "Ada <b>", "family": 7, "middle": ""},
        "externalId": "x".repeat(1025),
        "mobilePhone": "1".repeat(33),
        "nickname": "nul\u{0}",
        "title": ["Countess"],
        "timezone": "Berlin",
        "address": "London",
        "mfaEnabled": "no",
        "enabled": 1,
        "population": {"id": "here"},
        "Nickname": "x",
        "bad key": "x",
        "notes": {"deep": ["a\u{0}"]},
    });
    insta::assert_snapshot!(refusal(create(bad)), @r#"
    INVALID_VALUE username: `username` has 129 characters; 1 to 128 are allowed {"rangeMaximumValue":128,"rangeMinimumValue":1}
    INVALID_VALUE email: `email` is not an e-mail address: it has no `@`; write it as `ada@example.com`
    INVALID_VALUE name.given: `name.given` has the character `<`; letters, marks, numbers, spaces, apostrophes, dots and hyphens are allowed {"allowedPattern":"^[\\p{L}\\p{M}\\p{N}' .-]*$"}
    INVALID_VALUE name.family: `name.family` is a number; a string is allowed
    EMPTY_VALUE name.middle: `name.middle` is empty; give it 1 to 256 characters, or leave it out {"rangeMaximumValue":256,"rangeMinimumValue":1}
    INVALID_VALUE externalId: `externalId` has 1025 characters; 1 to 1024 are allowed {"rangeMaximumValue":1024,"rangeMinimumValue":1}
    INVALID_VALUE mobilePhone: `mobilePhone` has 33 characters; 1 to 32 are allowed {"rangeMaximumValue":32,"rangeMinimumValue":1}
    INVALID_VALUE nickname: `nickname` has the character U+0000, which cannot be seen; letters, marks, numbers, punctuation, symbols and spaces are allowed {"allowedPattern":"^[\\p{L}\\p{M}\\p{Zs}\\p{S}\\p{N}\\p{P}]*$"}
    INVALID_VALUE timezone: `timezone` is not an area and a place, such as `Europe/Berlin` {"allowedPattern":"^\\w+\\/\\w+$"}
    INVALID_VALUE title: `title` is a list; a string is allowed
    INVALID_VALUE address: `address` is a string; an object is allowed
    INVALID_VALUE mfaEnabled: `mfaEnabled` is a string; true or false is allowed
    INVALID_VALUE Nickname: `Nickname` is spelled `nickname`
    INVALID_VALUE bad key: `bad key` cannot be the name of an attribute: it starts with a letter (a-z), has only letters, digits, `_` and `-`, and at most 256 of them {"allowedPattern":"^[A-Za-z][A-Za-z0-9_-]{0,255}$"}
    INVALID_VALUE notes: `notes` has the character U+0000, which cannot be kept
    INVALID_VALUE population.id: `population.id` is not a UUID, such as `5a0f9f6d-3c5e-4a55-9b1c-0d7c7d0f3f5e`
    INVALID_VALUE enabled: `enabled` is a number; true or false is allowed
    "#);
}

#[test]
fn a_profile_has_its_limits() {
    let many: serde_json::Map<String, Value> = (0..201).map(|n| (format!("a{n}"), json!("x"))).collect();
    let mut whole = body(json!({"username": "ada", "email": "ada@example.com", "bio": "x".repeat(16_384)}));
    whole.extend(many);
    insta::assert_snapshot!(refusal(create(Value::Object(whole))), @r#"
    SIZE_LIMIT_EXCEEDED user: The user has 202 custom string attributes; at most 200 are allowed {"rangeMaximumValue":200,"rangeMinimumValue":0}
    SIZE_LIMIT_EXCEEDED user: The user's profile has 18515 bytes; at most 16384 are allowed {"maximumValue":16384}
    "#);
}

#[test]
fn what_only_the_directory_sets_is_ignored_and_a_password_is_never_kept() {
    let body = json!({
        "id": "x", "username": "ada", "email": "ada@example.com", "createdAt": "x", "updatedAt": 3,
        "account": {"status": "LOCKED"}, "lifecycle": {}, "password": {"value": "secret"}, "_links": {},
        "memberOfGroupNames": ["x"],
    });
    let (user, changes) = create(body).unwrap();
    assert!(user.enabled && user.attributes.is_empty());
    assert!(!format!("{changes:?}").contains("secret"));
}

#[test]
fn put_clears_what_is_left_out_and_patch_keeps_it() {
    let ids = Counting::default();
    let ada = ada();
    let put = body(json!({"username": "ada", "email": "ada@example.com", "enabled": false}));
    let (after, _) = user::replace(&ada, &put, &facts(), &stamp(&ids)).unwrap();
    assert!(after.attributes.is_empty() && after.name.given.is_none());
    assert!(after.enabled, "`enabled` has a command of its own");

    let patch = body(
        json!({"name": {"family": null}, "address": {"locality": "Paris"}, "office": null, "enabled": false}),
    );
    let (after, changes) = user::patch(&ada, &patch, &facts(), &stamp(&ids)).unwrap();
    assert!(after.enabled);
    assert_eq!(after.name.given.as_deref(), Some("Ada"));
    assert_eq!(after.name.family, None);
    assert_eq!(
        Value::Object(after.attributes),
        json!({"title": "Countess", "address": {"locality": "Paris", "countryCode": "GB"}})
    );
    insta::assert_snapshot!(changes.events[0].changes.as_ref().unwrap(), @r#"{"address.locality":{"from":"London","to":"Paris"},"name.family":{"from":"Lovelace","to":null},"office":{"from":"3.14","to":null}}"#);
}

#[test]
fn what_is_required_cannot_be_cleared() {
    let ids = Counting::default();
    let patch = body(json!({"username": null, "email": null}));
    insta::assert_snapshot!(refusal(user::patch(&ada(), &patch, &facts(), &stamp(&ids))), @"
    REQUIRED_VALUE username: `username` is required: a string of 1 to 128 characters
    REQUIRED_VALUE email: `email` is required: a string of 1 to 254 characters
    ");
}

#[test]
fn a_change_that_changes_nothing_writes_nothing() {
    let ids = Counting::default();
    let ada = ada();
    let same = body(json!({"title": "Countess", "email": "ada@example.com", "nothing": null}));
    let (after, changes) = user::patch(&ada, &same, &facts(), &stamp(&ids)).unwrap();
    assert_eq!((after, changes), (ada.clone(), ChangeSet::default()));
    assert_eq!(user::set_enabled(&ada, true, &stamp(&ids)).1, ChangeSet::default());
}

#[test]
fn a_change_names_the_version_it_was_made_from() {
    let ids = Counting::default();
    let (after, changes) = user::set_enabled(&ada(), false, &stamp(&ids));
    assert_eq!(after.version, 2);
    assert_eq!(changes.writes, [Write::User(after)]);
    assert_eq!(changes.events[0].description, "Updated enabled for User ada");
}

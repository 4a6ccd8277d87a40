//! Users, groups, memberships, populations.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{NOBODY, Refusals};
use crate::support::{Home, id, person};

#[tokio::test(flavor = "multi_thread")]
async fn users() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let ada = id(&api.post("/users", person("ada")).await.ok());
    let bob = id(&api.post("/users", person("bob")).await.ok());
    let with = |more: Value| {
        let mut body = person("new");
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let mut told = Refusals::of(&api);
    told.post("nothing at all", "/users", json!({})).await;
    told.post("wrong types", "/users", json!({ "username": 7, "email": true, "name": "Ada" })).await;
    told.post("empty texts", "/users", json!({ "username": "", "email": " " })).await;
    told.post("no address", "/users", with(json!({ "email": "ada at example" }))).await;
    told.post("too long", "/users", with(json!({ "username": "x".repeat(129) }))).await;
    told.post("a name with symbols", "/users", with(json!({ "name": { "given": "<script>" } }))).await;
    told.post("invisible characters", "/users", with(json!({ "title": "Boss\u{0}\u{202e}" }))).await;
    told.post("no such timezone form", "/users", with(json!({ "timezone": "Berlin" }))).await;
    told.post("a username that is taken, in capitals", "/users", with(json!({ "username": "ADA" }))).await;
    told.post("a population that is not there", "/users", with(json!({ "population": { "id": NOBODY } })))
        .await;
    told.post("a population by name", "/users", with(json!({ "population": { "id": "Staff" } }))).await;
    told.post("an attribute's name with a space", "/users", with(json!({ "shoe size": 42 }))).await;
    told.post("a standard attribute, misspelled", "/users", with(json!({ "Title": "Boss" }))).await;
    told.post("a profile too large", "/users", with(json!({ "essay": "x".repeat(20_000) }))).await;
    told.patch("null where something must be", &format!("/users/{ada}"), json!({ "email": null })).await;
    told.put("another user's username", &format!("/users/{bob}"), person("ada")).await;
    told.put("enabled as a text", &format!("/users/{ada}/enabled"), json!({ "enabled": "no" })).await;
    told.put("moved to nowhere", &format!("/users/{ada}/population"), json!({ "id": NOBODY })).await;
    told.put("moved to a name", &format!("/users/{ada}/population"), json!({ "id": "Staff" })).await;
    told.get("someone who is not there", &format!("/users/{NOBODY}")).await;
    told.get("an id that is none", "/users/ada").await;
    told.delete("deleting someone who is not there", &format!("/users/{NOBODY}")).await;
    assert_snapshot!(told, @r#"
    nothing at all
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - username REQUIRED_VALUE: `username` is required: a string of 1 to 128 characters
      - email REQUIRED_VALUE: `email` is required: a string of 1 to 254 characters
    wrong types
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - username INVALID_VALUE: `username` is a number; a string is allowed
      - email INVALID_VALUE: `email` is true or false; a string is allowed
      - name INVALID_VALUE: `name` is a string; an object is allowed
    empty texts
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - username EMPTY_VALUE: `username` is empty; give it 1 to 128 characters, or leave it out
        {"rangeMaximumValue":128,"rangeMinimumValue":1}
      - email EMPTY_VALUE: `email` is empty; give it 1 to 254 characters, or leave it out
        {"rangeMaximumValue":254,"rangeMinimumValue":1}
    no address
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - email INVALID_VALUE: `email` is not an e-mail address: it has no `@`; write it as `ada@example.com`
    too long
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - username INVALID_VALUE: `username` has 129 characters; 1 to 128 are allowed
        {"rangeMaximumValue":128,"rangeMinimumValue":1}
    a name with symbols
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - name.given INVALID_VALUE: `name.given` has the character `<`; letters, marks, numbers, spaces, apostrophes, dots and hyphens are allowed
        {"allowedPattern":"^[\\p{L}\\p{M}\\p{N}' .-]*$"}
    invisible characters
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - title INVALID_VALUE: `title` has the character U+0000, which cannot be seen; letters, marks, numbers, punctuation, symbols and spaces are allowed
        {"allowedPattern":"^[\\p{L}\\p{M}\\p{Zs}\\p{S}\\p{N}\\p{P}]*$"}
    no such timezone form
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - timezone INVALID_VALUE: `timezone` is not an area and a place, such as `Europe/Berlin`
        {"allowedPattern":"^\\w+\\/\\w+$"}
    a username that is taken, in capitals
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - username UNIQUENESS_VIOLATION: The username `ADA` is taken; usernames are unique in an environment
    a population that is not there
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - population.id INVALID_VALUE: There is no population <id> in this environment
    a population by name
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - population.id INVALID_VALUE: `population.id` is not a UUID, such as `<id>`
    an attribute's name with a space
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - shoe size INVALID_VALUE: `shoe size` cannot be the name of an attribute: it starts with a letter (a-z), has only letters, digits, `_` and `-`, and at most 256 of them
        {"allowedPattern":"^[A-Za-z][A-Za-z0-9_-]{0,255}$"}
    a standard attribute, misspelled
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - Title INVALID_VALUE: `Title` is spelled `title`
    a profile too large
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - essay INVALID_VALUE: `essay` has 20000 characters; 1 to 16384 are allowed
        {"rangeMaximumValue":16384,"rangeMinimumValue":1}
    null where something must be
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - email REQUIRED_VALUE: `email` is required: a string of 1 to 254 characters
    another user's username
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - username UNIQUENESS_VIOLATION: The username `ada` is taken; usernames are unique in an environment
    enabled as a text
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - enabled INVALID_VALUE: must be true or false
    moved to nowhere
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - id INVALID_VALUE: There is no population <id> in this environment
    moved to a name
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - id INVALID_VALUE: must be the id of a population
    someone who is not there
      404 NOT_FOUND: Unable to find user with ID '<id>'
    an id that is none
      404 NOT_FOUND: Unable to find anything with ID 'ada'
    deleting someone who is not there
      404 NOT_FOUND: Unable to find user with ID '<id>'
    "#);

    let users = api.list("/users", "users").await;
    assert_eq!(users.len(), 2, "nothing was half done: {users:#?}");
    assert!(users.iter().all(|user| user["enabled"] == true && user["email"].is_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_memberships_and_populations() {
    let world_home = Home::sqlite();
    let usher = world_home.serve().await;
    let api = usher.api().await;
    let ada = id(&api.post("/users", person("ada")).await.ok());
    let outer = id(&api.post("/groups", json!({ "name": "Outer" })).await.ok());
    let inner = id(&api.post("/groups", json!({ "name": "Inner" })).await.ok());
    let dynamic = json!({ "name": "Dynamic", "userFilter": "title eq \"Boss\"" });
    let dynamic = id(&api.post("/groups", dynamic).await.ok());
    api.post(&format!("/groups/{inner}/memberOfGroups"), json!({ "id": outer })).await.ok();
    api.post(&format!("/users/{ada}/memberOfGroups"), json!({ "id": inner })).await.ok();
    let staff = id(&api.post("/populations", json!({ "name": "Staff" })).await.ok());
    let populations = api.list("/populations", "populations").await;
    let default = id(populations.iter().find(|population| population["default"] == true).unwrap());

    let mut told = Refusals::of(&api);
    told.post("a group without a name", "/groups", json!({ "description": "?" })).await;
    told.post("a group's name that is taken, in capitals", "/groups", json!({ "name": "OUTER" })).await;
    told.post(
        "a group in a population that is not there",
        "/groups",
        json!({ "name": "A", "population": { "id": NOBODY } }),
    )
    .await;
    told.post(
        "a group by a filter that cannot be read",
        "/groups",
        json!({ "name": "A", "userFilter": "title eq" }),
    )
    .await;
    told.post(
        "a group by an attribute that is none",
        "/groups",
        json!({ "name": "A", "userFilter": "shoe.size eq 1" }),
    )
    .await;
    told.put("renamed to nothing", &format!("/groups/{inner}"), json!({ "name": " " })).await;
    told.post("nested in itself", &format!("/groups/{outer}/memberOfGroups"), json!({ "id": outer })).await;
    told.post("nested in a circle", &format!("/groups/{outer}/memberOfGroups"), json!({ "id": inner })).await;
    told.post(
        "nested in what is not there",
        &format!("/groups/{outer}/memberOfGroups"),
        json!({ "id": NOBODY }),
    )
    .await;
    told.post(
        "a member of what is not there",
        &format!("/users/{ada}/memberOfGroups"),
        json!({ "id": NOBODY }),
    )
    .await;
    told.post("a member of nothing", &format!("/users/{ada}/memberOfGroups"), json!({})).await;
    told.post(
        "put by hand into a dynamic group",
        &format!("/users/{ada}/memberOfGroups"),
        json!({ "id": dynamic }),
    )
    .await;
    told.delete("taken out of where they are not", &format!("/users/{ada}/memberOfGroups/{dynamic}")).await;
    told.delete(
        "taken out of where they are only by nesting",
        &format!("/users/{ada}/memberOfGroups/{outer}"),
    )
    .await;
    assert_snapshot!(told, @r#"
    a group without a name
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - name REQUIRED_VALUE: `name` is required: a string of 1 to 256 characters
    a group's name that is taken, in capitals
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - name UNIQUENESS_VIOLATION: The environment has a group named `Outer` already; a name is unique in its population and among the groups of the environment
    a group in a population that is not there
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - population.id INVALID_VALUE: There is no population <id> in this environment
    a group by a filter that cannot be read
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - userFilter INVALID_VALUE: filter, column 9: expected a value (text in double quotes, a number, true, false or null), found the end
        title eq
                ^
    Put text in double quotes: `userName eq "ada"`.
    a group by an attribute that is none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - userFilter INVALID_VALUE: filter, column 1: `shoe.size` is not an attribute that can be filtered on here
        shoe.size eq 1
        ^^^^^^^^^
    These can be: accountId, address.countryCode, address.locality, address.postalCode, address.region, address.streetAddress, createdAt, email, enabled, environment.id, externalId, id, locale, memberOfGroupIDs, memberOfGroupNames, memberOfGroups, memberOfGroups.id, memberOfGroups.name, memberOfGroups.type, mfaEnabled, mobilePhone, name.family, name.formatted, name.given, name.honorificPrefix, name.honorificSuffix, name.middle, nickname, photo.href, population.id, population.name, preferredLanguage, primaryPhone, timezone, title, type, updatedAt, username.
    renamed to nothing
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - name EMPTY_VALUE: `name` is empty; give it 1 to 256 characters, or leave it out
        {"rangeMaximumValue":256,"rangeMinimumValue":1}
    nested in itself
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - id CONSTRAINT_VIOLATION: Group `Outer` cannot be nested in itself
    nested in a circle
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - id CONSTRAINT_VIOLATION: Group `Inner` is itself nested, directly or indirectly, in `Outer`: nesting must not go round in a circle
    nested in what is not there
      404 NOT_FOUND: Unable to find group with ID '<id>'
    a member of what is not there
      404 NOT_FOUND: Unable to find group with ID '<id>'
    a member of nothing
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - id INVALID_VALUE: must be the id of a group
    put by hand into a dynamic group
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - id CONSTRAINT_VIOLATION: Group `Dynamic` is dynamic: its members are those who match its userFilter, and nobody is added by hand
    taken out of where they are not
      404 NOT_FOUND: Unable to find direct membership of the user in group with ID '<id>'
    taken out of where they are only by nesting
      404 NOT_FOUND: Unable to find direct membership of the user in group with ID '<id>'
    "#);

    let mut told = Refusals::of(&api);
    told.post("a population without a name", "/populations", json!({})).await;
    told.post("a population's name that is taken", "/populations", json!({ "name": "staff" })).await;
    told.put("a population renamed to a number", &format!("/populations/{staff}"), json!({ "name": 3 }))
        .await;
    told.delete("a population that people live in, and the default one", &format!("/populations/{default}"))
        .await;
    assert_snapshot!(told, @"
    a population without a name
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - name REQUIRED_VALUE: `name` is required: a string of 1 to 256 characters
    a population's name that is taken
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - name UNIQUENESS_VIOLATION: The environment has a population named `Staff` already; names are unique
    a population renamed to a number
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - name INVALID_VALUE: `name` is a number; a string is allowed
    a population that people live in, and the default one
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - default CONSTRAINT_VIOLATION: This is the default population; make another one the default, then delete it
      - users CONSTRAINT_VIOLATION: 1 users live in this population; move or delete them, then delete it
    ");
    assert_eq!(api.list("/groups", "groups").await.len(), 3, "nothing was half done");
    assert_eq!(api.list("/populations", "populations").await.len(), 2, "nothing was half done");
}

//! Filters, pages, bodies, addresses, access, tokens.

use insta::assert_snapshot;
use reqwest::{Method, header};
use serde_json::{Value, json};

use super::{NOBODY, Refusals};
use crate::support::{CLIENT, ENVIRONMENT, Home, SECRET, http_client, redacted};

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_pages() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let mut told = Refusals::of(&api);
    for filter in [
        "username",
        "username eq",
        "username eq ada",
        "username eq \"ada",
        "username eq \"ada\" and",
        "(username eq \"ada\"",
        "username eq \"ada\")",
        "username matches \"a*\"",
        "shoe.size eq 42",
        "memberOfGroups[id eq \"x\"",
        "enabled sw true",
    ] {
        let query = reqwest::Url::parse_with_params("http://x/users", [("filter", filter)]).unwrap();
        told.get(filter, &format!("/users?{}", query.query().unwrap())).await;
    }
    assert_snapshot!(told, @r#"
    username
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 9: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr or in), found the end
        username
                ^
    Put an operator between `username` and the value.
    username eq
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 12: expected a value (text in double quotes, a number, true, false or null), found the end
        username eq
                   ^
    Put text in double quotes: `userName eq "ada"`.
    username eq ada
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 13: expected a value (text in double quotes, a number, true, false or null), found `ada`
        username eq ada
                    ^^^
    Put text in double quotes: `userName eq "ada"`.
    username eq "ada
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 13: this text has no closing quote
        username eq "ada
                    ^^^^
    Close the text with a double quote (").
    username eq "ada" and
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 22: expected a condition, found the end
        username eq "ada" and
                             ^
    A condition looks like `userName eq "ada"`, `enabled eq true` or `email pr`.
    (username eq "ada"
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 1: this `(` is never closed
        (username eq "ada"
        ^
    Put a `)` where the condition ends.
    username eq "ada")
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 18: this `)` closes nothing
        username eq "ada")
                         ^
    Take it away, or open it where the condition begins.
    username matches "a*"
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 10: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr or in), found `matches`
        username matches "a*"
                 ^^^^^^^
    Put an operator between `username` and the value.
    shoe.size eq 42
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 1: `shoe.size` is not an attribute that can be filtered on here
        shoe.size eq 42
        ^^^^^^^^^
    These can be: accountId, address.countryCode, address.locality, address.postalCode, address.region, address.streetAddress, createdAt, email, enabled, environment.id, externalId, id, locale, memberOfGroupIDs, memberOfGroupNames, memberOfGroups, memberOfGroups.id, memberOfGroups.name, memberOfGroups.type, mfaEnabled, mobilePhone, name.family, name.formatted, name.given, name.honorificPrefix, name.honorificSuffix, name.middle, nickname, photo.href, population.id, population.name, preferredLanguage, primaryPhone, timezone, title, type, updatedAt, username.
    memberOfGroups[id eq "x"
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 15: this `[` is never closed
        memberOfGroups[id eq "x"
                      ^
    Put a `]` where the condition ends.
    enabled sw true
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 9: `sw` cannot compare with true, as it has no characters
        enabled sw true
                ^^^^^^^
    Use `eq` or `ne` with true, false and null.
    "#);

    let mut told = Refusals::of(&api);
    let deep = format!("{}enabled%20eq%20true{}", "(".repeat(300), ")".repeat(300));
    told.get("a filter too deep", &format!("/users?filter={deep}")).await;
    let long = vec!["enabled%20eq%20true"; 1800].join("%20or%20");
    told.get("a filter too long", &format!("/users?filter={long}")).await;
    told.get("no page", "/users?limit=0").await;
    told.get("a page too large", "/users?limit=1001").await;
    told.get("a page of some", "/users?limit=some").await;
    told.get("a page of less than nothing", "/groups?limit=-5").await;
    told.get("a cursor that is none", "/users?cursor=next").await;
    told.get("both at once", "/users?cursor=!&limit=!").await;
    assert_snapshot!(told, @r#"
    a filter too deep
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter, column 65: conditions are nested more than 64 deep
        …((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((…
                                               ^
    Leave out parentheses that are not needed, or split the filter.
    a filter too long
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: filter: it is 34196 bytes long, and 8192 are the most
    Shorten it; a group or an attribute can often stand for a long list of values.
    no page
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - limit INVALID_VALUE: must be 1 to 1000
        {"rangeMaximumValue":1000,"rangeMinimumValue":1}
    a page too large
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - limit INVALID_VALUE: must be 1 to 1000
        {"rangeMaximumValue":1000,"rangeMinimumValue":1}
    a page of some
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - limit INVALID_VALUE: must be 1 to 1000
        {"rangeMaximumValue":1000,"rangeMinimumValue":1}
    a page of less than nothing
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - limit INVALID_VALUE: must be 1 to 1000
        {"rangeMaximumValue":1000,"rangeMinimumValue":1}
    a cursor that is none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - cursor INVALID_VALUE: is not a cursor of this listing; follow _links.next, or start without one
    both at once
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - limit INVALID_VALUE: must be 1 to 1000
        {"rangeMaximumValue":1000,"rangeMinimumValue":1}
      - cursor INVALID_VALUE: is not a cursor of this listing; follow _links.next, or start without one
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let mut told = Refusals::of(&api);
    let json = "application/json";
    let deep = format!("{}{}", "{\"a\":".repeat(200), "1".to_owned() + &"}".repeat(200));
    let very_deep = "[".repeat(900_000);
    for (case, media_type, body) in [
        ("nothing", json, ""),
        ("not JSON", json, "username=ada"),
        ("a body that breaks off", json, "{\"username\":\"ada\","),
        ("two bodies", json, "{}{}"),
        ("a list", json, "[]"),
        ("a number", json, "1"),
        ("deep JSON", json, deep.as_str()),
        ("very deep JSON", json, very_deep.as_str()),
        ("a form", "application/x-www-form-urlencoded", "username=ada"),
        ("XML", "text/xml", "<user/>"),
    ] {
        let answer = api.post_text("/users", media_type, body.to_owned()).await;
        told.add(case, answer);
    }
    let answer = api.post_text("/users", json, b"{\"username\":\"\xff\xfe\"}".to_vec()).await;
    told.add("bytes that are no text", answer);
    let answer =
        api.post_text("/users", json, format!("{{\"username\":\"{}\"}}", "x".repeat(1024 * 1024))).await;
    told.add("more than a mebibyte", answer);
    assert_snapshot!(told, @"
    nothing
      400 INVALID_REQUEST: The request body is not JSON (line 1, column 0).
    not JSON
      400 INVALID_REQUEST: The request body is not JSON (line 1, column 1).
    a body that breaks off
      400 INVALID_REQUEST: The request body is not JSON (line 1, column 18).
    two bodies
      400 INVALID_REQUEST: The request body is not JSON (line 1, column 3).
    a list
      400 INVALID_REQUEST: The request body must be a JSON object.
    a number
      400 INVALID_REQUEST: The request body must be a JSON object.
    deep JSON
      400 INVALID_REQUEST: The request body nests deeper than 32 levels.
    very deep JSON
      400 INVALID_REQUEST: The request body nests deeper than 32 levels.
    a form
      400 INVALID_REQUEST: The request body is application/x-www-form-urlencoded; send application/json.
    XML
      400 INVALID_REQUEST: The request body is text/xml; send application/json.
    bytes that are no text
      400 INVALID_REQUEST: The request body is not JSON (line 1, column 14).
    more than a mebibyte
      413 REQUEST_TOO_LARGE: The request body is larger than 1048576 bytes. Send less at a time.
    ");
    assert_eq!(api.list("/users", "users").await, Vec::<Value>::new(), "nothing was half done");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_methods_and_access() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let mut told = Refusals::of(&api);
    told.get("nothing there", "/nothing/here").await;
    let elsewhere = api.send(api.anywhere(Method::GET, "/v2/environments")).await;
    told.add("another version", elsewhere);
    let patch = api.request(Method::PATCH, "/users").json(&json!({}));
    let answer = patch.send().await.unwrap();
    assert!(answer.headers().contains_key(header::ALLOW), "405 says what is allowed");
    let patch = api.send(api.request(Method::PATCH, "/users").json(&json!({}))).await;
    told.add("a method that is not served", patch);
    let nobody = api.as_someone_with("");
    told.add("no token", nobody.get("/users").await);
    let stranger = api.as_someone_with("rubbish");
    told.add("a token that is none", stranger.get("/users").await);
    let forged = api.as_someone_with(&format!("{}x", api.token()));
    told.add("a token that was changed", forged.get("/users").await);
    let other = api.send(api.anywhere(Method::GET, &format!("/v1/environments/{NOBODY}/users"))).await;
    told.add("a token for another environment", other);
    assert_snapshot!(told, @"
    nothing there
      404 NOT_FOUND: There is nothing at /v1/environments/<id>/nothing/here.
    another version
      404 NOT_FOUND: There is nothing at /v2/environments.
    a method that is not served
      405 METHOD_NOT_ALLOWED: /v1/environments/<id>/users does not answer to PATCH.
    no token
      401 INVALID_TOKEN: The request has no access token. Get one from /{environmentId}/as/token and send it as a Bearer token.
    a token that is none
      401 INVALID_TOKEN: The access token is not one of ours, or has expired. Get a new one from /{environmentId}/as/token.
    a token that was changed
      401 INVALID_TOKEN: The access token is not one of ours, or has expired. Get a new one from /{environmentId}/as/token.
    a token for another environment
      403 ACCESS_FAILED: The actor attempting to perform the request is not authorized. The access token is for another environment.
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_requests() {
    let usher = Home::sqlite().serve().await;
    let http = http_client();
    let mut told = String::new();
    let secret = ("client_secret", SECRET);
    let grant = ("grant_type", "client_credentials");
    let id = ("client_id", CLIENT);
    let cases = [
        ("no grant", ENVIRONMENT, vec![id, secret]),
        ("another grant", ENVIRONMENT, vec![("grant_type", "password"), id, secret]),
        ("no client", ENVIRONMENT, vec![grant]),
        ("no secret", ENVIRONMENT, vec![grant, id]),
        ("a wrong secret", ENVIRONMENT, vec![grant, id, ("client_secret", "wrong")]),
        ("a client that is not there", ENVIRONMENT, vec![grant, ("client_id", NOBODY), secret]),
        ("another environment", NOBODY, vec![grant, id, secret]),
        ("an environment that is none", "home", vec![grant, id, secret]),
    ];
    for (case, environment, form) in cases {
        let url = format!("{}/{environment}/as/token", usher.url());
        let answer = http.post(url).form(&form).send().await.unwrap();
        let status = answer.status().as_u16();
        let challenged = answer.headers().contains_key(header::WWW_AUTHENTICATE);
        assert_eq!(challenged, status == 401, "{case}: a 401 says how to authenticate");
        let body: Value = answer.json().await.unwrap();
        told.push_str(&format!("{case}: {status} {body}\n"));
    }
    let url = format!("{}/{ENVIRONMENT}/as/token", usher.url());
    let answer =
        http.post(url).body("{}").header(header::CONTENT_TYPE, "application/json").send().await.unwrap();
    told.push_str(&format!("JSON: {} {}", answer.status().as_u16(), answer.text().await.unwrap()));
    assert_snapshot!(redacted(&told), @r#"
    no grant: 400 {"error":"invalid_request","error_description":"The grant_type is missing."}
    another grant: 400 {"error":"unsupported_grant_type","error_description":"The grant_type must be client_credentials."}
    no client: 401 {"error":"invalid_client","error_description":"Send the client's id and secret, as HTTP Basic or in the form."}
    no secret: 401 {"error":"invalid_client","error_description":"Send the client's id and secret, as HTTP Basic or in the form."}
    a wrong secret: 401 {"error":"invalid_client","error_description":"No enabled client of this environment has this id and secret."}
    a client that is not there: 401 {"error":"invalid_client","error_description":"No enabled client of this environment has this id and secret."}
    another environment: 401 {"error":"invalid_client","error_description":"No enabled client of this environment has this id and secret."}
    an environment that is none: 401 {"error":"invalid_client","error_description":"No enabled client of this environment has this id and secret."}
    JSON: 400 {"error":"invalid_request","error_description":"Send application/x-www-form-urlencoded."}
    "#);
}

//! Stores, rules, mappings, runs.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{NOBODY, Refusals};
use crate::support::{World, id};

#[tokio::test(flavor = "multi_thread")]
async fn stores() {
    let world = World::start().await;
    let with = |more: Value| json!({ "type": "Dropbox", "name": "Another", "configuration": world.dropbox.configuration(more) });
    let mut told = Refusals::of(&world.api);
    let path = "/propagation/stores";
    told.post("nothing at all", path, json!({})).await;
    told.post("wrong types", path, json!({ "type": 1, "name": [], "configuration": "x" })).await;
    told.post("a second directory", path, json!({ "type": "directory", "name": "D", "configuration": {} }))
        .await;
    told.post("no settings", path, json!({ "type": "Dropbox", "name": "D", "configuration": {} })).await;
    told.post("not true or false", path, with(json!({ "CREATE_USERS": "perhaps", "WIPE_DATA": 1 }))).await;
    told.post(
        "disabling without updating",
        path,
        with(json!({ "UPDATE_USERS": false, "DISABLE_USERS": true })),
    )
    .await;
    told.post(
        "deprovisioning with neither disabling nor an explicit delete",
        path,
        with(json!({ "DISABLE_USERS": false, "DEPROVISION_USERS": true })),
    )
    .await;
    told.post("an action that is none", path, with(json!({ "REMOVE_ACTION": "Destroy" }))).await;
    told.post(
        "choices that are none",
        path,
        with(json!({ "FOREIGN_EXTERNAL_ID": "Maybe", "GROUP_MEMBERSHIP_HANDLING": "merge?" })),
    )
    .await;
    told.post("numbers out of range", path, with(json!({
        "REMOVE_AFTER_DAYS": -1, "MAX_IN_FLIGHT": 0, "MAX_MEMBERS_PER_CALL": "many", "MAX_CALLS_PER_SECOND": 1.5,
    })))
    .await;
    told.post(
        "addresses that are none",
        path,
        with(json!({ "PROTECTED_EMAILS": ["root"], "TRANSFER_DEST_EMAIL": "x" })),
    )
    .await;
    told.post("an address without a scheme", path, with(json!({ "BASE_URL": "api.dropboxapi.com" }))).await;
    told.post("plain http to the world", path, with(json!({ "BASE_URL": "http://api.dropboxapi.com/2" })))
        .await;
    told.post("a grant that Dropbox has not", path, with(json!({ "GRANT_TYPE": "password" }))).await;
    told.post("a status that is none", path, {
        let mut body = with(json!({}));
        body["status"] = json!("ON");
        body
    })
    .await;
    told.post("a misspelled type", path, {
        let mut body = with(json!({}));
        body["type"] = json!("Dropbocks");
        body
    })
    .await;
    told.put("another type", &format!("{path}/{}", world.store), {
        let mut body = with(json!({}));
        body["type"] = json!("Slack");
        body
    })
    .await;
    told.delete("the directory", &format!("{path}/{}", world.directory)).await;
    told.post("a test of nothing", &format!("{path}/connection/status"), json!({})).await;
    assert_snapshot!(told, @r#"
    nothing at all
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - type REQUIRED_VALUE: `type` is required: a string of 1 to 64 characters
      - name REQUIRED_VALUE: `name` is required: a string of 1 to 256 characters
      - configuration REQUIRED_VALUE: `configuration` is required: an object of settings, such as {"BASE_URL": "…"}
    wrong types
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - type INVALID_VALUE: `type` is a number; a string is allowed
      - name INVALID_VALUE: `name` is a list; a string is allowed
      - configuration INVALID_VALUE: `configuration` is a string; an object is allowed
    a second directory
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - type UNIQUENESS_VIOLATION: Every environment has exactly one connection of type `directory` already; use that one
    no settings
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.OAUTH_CLIENT_ID REQUIRED_VALUE: OAUTH_CLIENT_ID is required.
      - configuration.OAUTH_CLIENT_SECRET REQUIRED_VALUE: OAUTH_CLIENT_SECRET is required.
      - configuration.OAUTH_REFRESH_TOKEN REQUIRED_VALUE: OAUTH_REFRESH_TOKEN is required.
    not true or false
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.CREATE_USERS INVALID_VALUE: CREATE_USERS must be true or false.
      - configuration.WIPE_DATA INVALID_VALUE: WIPE_DATA must be true or false.
    disabling without updating
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.DISABLE_USERS CONSTRAINT_VIOLATION: DISABLE_USERS needs UPDATE_USERS. Set UPDATE_USERS to true, or DISABLE_USERS to false.
    deprovisioning with neither disabling nor an explicit delete
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.REMOVE_ACTION CONSTRAINT_VIOLATION: REMOVE_ACTION Disable needs DISABLE_USERS. Set DISABLE_USERS to true to suspend members who leave, or REMOVE_ACTION to Delete to remove them.
    an action that is none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.REMOVE_ACTION INVALID_VALUE: REMOVE_ACTION must be Disable or Delete.
        {"allowedValues":["Disable","Delete"]}
    choices that are none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.FOREIGN_EXTERNAL_ID INVALID_VALUE: FOREIGN_EXTERNAL_ID must be Fail or Keep or Overwrite.
        {"allowedValues":["Fail","Keep","Overwrite"]}
      - configuration.GROUP_MEMBERSHIP_HANDLING INVALID_VALUE: GROUP_MEMBERSHIP_HANDLING must be Merge or Overwrite.
        {"allowedValues":["Merge","Overwrite"]}
    numbers out of range
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.REMOVE_AFTER_DAYS INVALID_VALUE: REMOVE_AFTER_DAYS must be a whole number from 0 to 3650.
        {"rangeMaximumValue":3650,"rangeMinimumValue":0}
      - configuration.MAX_CALLS_PER_SECOND INVALID_VALUE: MAX_CALLS_PER_SECOND must be a whole number from 0 to 1000.
        {"rangeMaximumValue":1000,"rangeMinimumValue":0}
      - configuration.MAX_IN_FLIGHT INVALID_VALUE: MAX_IN_FLIGHT must be a whole number from 1 to 100.
        {"rangeMaximumValue":100,"rangeMinimumValue":1}
      - configuration.MAX_MEMBERS_PER_CALL INVALID_VALUE: MAX_MEMBERS_PER_CALL must be a whole number from 1 to 1000.
        {"rangeMaximumValue":1000,"rangeMinimumValue":1}
    addresses that are none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.PROTECTED_EMAILS INVALID_VALUE: PROTECTED_EMAILS must be a list of e-mail addresses; these are none: root.
      - configuration.TRANSFER_DEST_EMAIL INVALID_VALUE: TRANSFER_DEST_EMAIL must be an e-mail address.
    an address without a scheme
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.BASE_URL INVALID_VALUE: BASE_URL must be an address such as https://api.dropboxapi.com/2, without user, query or fragment.
    plain http to the world
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.BASE_URL INVALID_VALUE: BASE_URL must be an https:// address; http:// is for this machine only, unless the server's allow_http_targets is set.
    a grant that Dropbox has not
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.GRANT_TYPE INVALID_VALUE: GRANT_TYPE must be refresh_token.
        {"allowedValues":["refresh_token"]}
    a status that is none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - status INVALID_VALUE: `status` is not one of ACTIVE, INACTIVE
        {"allowedValues":["ACTIVE","INACTIVE"]}
    a misspelled type
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - type INVALID_VALUE: `type` is `Dropbocks`; it must be `Dropbox`; PingOne's other types (Aquera, AzureADSAMLV2, GitHubEMU, GoogleApps, LDAPGateway, PingOne, SCIM, Salesforce, SalesforceContacts, ServiceNow, Slack, Workday, Zoom) are kept, but not driven
    another type
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - type CONSTRAINT_VIOLATION: A connection's type never changes; this one is of type `Dropbox`
    the directory
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - type CONSTRAINT_VIOLATION: The directory itself is a connection of every environment, and cannot be deleted
    a test of nothing
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - type REQUIRED_VALUE: `type` is required: a string of 1 to 64 characters
      - name REQUIRED_VALUE: `name` is required: a string of 1 to 256 characters
      - configuration REQUIRED_VALUE: `configuration` is required: an object of settings, such as {"BASE_URL": "…"}
    "#);
    assert_eq!(world.api.list(path, "stores").await.len(), 2, "nothing was half done");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_mappings() {
    let world = World::start().await;
    let api = &world.api;
    let (directory, store) = (&world.directory, &world.store);
    let path = format!("/propagation/plans/{}/rules", world.plan);
    let with = |more: Value| {
        let mut body = json!({
            "name": "Rule", "sourceStore": { "id": directory }, "targetStore": { "id": store }, "active": false,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let rule = id(&api.post(&path, with(json!({ "name": "There" }))).await.ok());
    let mut told = Refusals::of(api);
    told.post("a second plan", "/propagation/plans", json!({ "name": "Another" })).await;
    told.post("nothing at all", &path, json!({})).await;
    told.post("from the directory to itself", &path, with(json!({ "targetStore": { "id": directory } })))
        .await;
    told.post("from Dropbox to itself", &path, with(json!({ "sourceStore": { "id": store } }))).await;
    told.post("a store that is not there", &path, with(json!({ "targetStore": { "id": NOBODY } }))).await;
    told.post("a group that is not there", &path, with(json!({ "groups": [{ "id": NOBODY }] }))).await;
    told.post("a filter that ends too early", &path, with(json!({ "populationExpression": "enabled eq" })))
        .await;
    told.post(
        "a filter with an unknown attribute",
        &path,
        with(json!({ "populationExpression": "shoe.size eq 42" })),
    )
    .await;
    told.post(
        "a filter with an unknown operator",
        &path,
        with(json!({ "populationExpression": "title like \"x\"" })),
    )
    .await;
    told.post("guard limits that are none", &path, with(json!({
        "configuration": { "GUARD_MAX_REMOVALS": -1, "GUARD_MAX_REMOVAL_PERCENT": 101, "GUARD_WINDOW_MINUTES": "long" },
    })))
    .await;
    told.post("a setting that is none", &path, with(json!({ "configuration": { "GUARD_MAX": 1 } }))).await;
    told.put(
        "the other way round",
        &format!("/propagation/rules/{rule}"),
        with(json!({
            "plan": { "id": world.plan }, "sourceStore": { "id": store }, "targetStore": { "id": directory },
        })),
    )
    .await;
    told.post("a sync of an inactive rule", &format!("/propagation/rules/{rule}/syncs"), json!({})).await;
    told.post(
        "a preview of a draft with a bad filter",
        &format!("/propagation/rules/{rule}/preview"),
        json!({
            "populationExpression": "(enabled eq true",
        }),
    )
    .await;
    told.post(
        "a preview of a draft with a field that is none",
        &format!("/propagation/rules/{rule}/preview"),
        json!({
            "filter": "enabled eq true",
        }),
    )
    .await;
    told.get("the status of a rule that is not there", &format!("/propagation/rules/{NOBODY}/syncStatus"))
        .await;
    told.post(
        "the approval of a run that is not there",
        &format!("/propagation/runs/{NOBODY}/approval"),
        json!({ "digest": "x" }),
    )
    .await;
    told.post(
        "an approval of nothing in particular",
        &format!("/propagation/runs/{NOBODY}/approval"),
        json!({}),
    )
    .await;
    told.get(
        "people of a standing that is none",
        &format!("/propagation/rules/{rule}/syncedUsers?status=GOOD"),
    )
    .await;
    assert_snapshot!(told, @r#"
    a second plan
      400 INVALID_DATA: The environment has an existing plan, `Plan` (<id>); use that one
      - environment UNIQUENESS_VIOLATION: The environment has an existing plan, `Plan` (<id>); use that one
    nothing at all
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - sourceStore.id REQUIRED_VALUE: `sourceStore.id` is required: the id of a store
      - targetStore.id REQUIRED_VALUE: `targetStore.id` is required: the id of a store
      - name REQUIRED_VALUE: `name` is required: a string of 1 to 256 characters
    from the directory to itself
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - targetStore.id CONSTRAINT_VIOLATION: A rule joins the directory and one other store, and both are the directory
    from Dropbox to itself
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - targetStore.id CONSTRAINT_VIOLATION: A rule joins the directory and one other store, and neither is the directory
    a store that is not there
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - targetStore.id INVALID_VALUE: There is no store <id> in this environment
    a group that is not there
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - groups[0].id INVALID_VALUE: There is no group <id> in this environment
    a filter that ends too early
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - populationExpression INVALID_VALUE: filter, column 11: expected a value (text in double quotes, a number, true, false or null), found the end
        enabled eq
                  ^
    Put text in double quotes: `userName eq "ada"`.
    a filter with an unknown attribute
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - populationExpression INVALID_VALUE: filter, column 1: `shoe.size` is not an attribute that can be filtered on here
        shoe.size eq 42
        ^^^^^^^^^
    These can be: accountId, address.countryCode, address.locality, address.postalCode, address.region, address.streetAddress, createdAt, email, enabled, environment.id, externalId, id, locale, memberOfGroupIDs, memberOfGroupNames, memberOfGroups, memberOfGroups.id, memberOfGroups.name, memberOfGroups.type, mfaEnabled, mobilePhone, name.family, name.formatted, name.given, name.honorificPrefix, name.honorificSuffix, name.middle, nickname, photo.href, population.id, population.name, preferredLanguage, primaryPhone, timezone, title, type, updatedAt, username.
    a filter with an unknown operator
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - populationExpression INVALID_VALUE: filter, column 7: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr or in), found `like`
        title like "x"
              ^^^^
    Put an operator between `title` and the value.
    guard limits that are none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.GUARD_MAX_REMOVALS INVALID_VALUE: `GUARD_MAX_REMOVALS` is -1; a whole number from 0 to 1000000 is allowed
        {"rangeMaximumValue":1000000,"rangeMinimumValue":0}
      - configuration.GUARD_MAX_REMOVAL_PERCENT INVALID_VALUE: `GUARD_MAX_REMOVAL_PERCENT` is 101; a whole number from 0 to 100 is allowed
        {"rangeMaximumValue":100,"rangeMinimumValue":0}
      - configuration.GUARD_WINDOW_MINUTES INVALID_VALUE: `GUARD_WINDOW_MINUTES` is "long"; a whole number from 0 to 43200 is allowed
        {"rangeMaximumValue":43200,"rangeMinimumValue":0}
    a setting that is none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - configuration.GUARD_MAX INVALID_VALUE: `GUARD_MAX` is not a setting of the guard; there are GUARD_MAX_REMOVALS, GUARD_MAX_REMOVAL_PERCENT, GUARD_WINDOW_MINUTES
        {"allowedValues":["GUARD_MAX_REMOVALS","GUARD_MAX_REMOVAL_PERCENT","GUARD_WINDOW_MINUTES"]}
    the other way round
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - sourceStore.id CONSTRAINT_VIOLATION: A rule's source and target never change; this one has <id>. Make another rule
      - targetStore.id CONSTRAINT_VIOLATION: A rule's source and target never change; this one has <id>. Make another rule
    a sync of an inactive rule
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - active CONSTRAINT_VIOLATION: the rule is not active: set "active": true first
    a preview of a draft with a bad filter
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - populationExpression INVALID_VALUE: filter, column 1: this `(` is never closed
        (enabled eq true
        ^
    Put a `)` where the condition ends.
    a preview of a draft with a field that is none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - filter INVALID_VALUE: is not part of a draft; a draft may have populationExpression, groups, configuration, mappings, actions
    the status of a rule that is not there
      404 NOT_FOUND: Unable to find rule with ID '<id>'
    the approval of a run that is not there
      404 NOT_FOUND: Unable to find run with ID '<id>'
    an approval of nothing in particular
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - digest REQUIRED_VALUE: must be the digest of the plan that you looked at; GET the run shows it
    people of a standing that is none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - status INVALID_VALUE: must be SUCCESS, PARTIAL, UNSYNCED or FAILED
    "#);

    let path = format!("/propagation/rules/{rule}/mappings");
    api.post(&path, json!({ "sourceAttribute": "email", "targetAttribute": "email" })).await.ok();
    let mut told = Refusals::of(api);
    told.post("nothing at all", &path, json!({})).await;
    told.post(
        "both attribute and expression",
        &path,
        json!({
            "sourceAttribute": "name.given", "expression": "user.name.given", "targetAttribute": "given_name",
        }),
    )
    .await;
    told.post(
        "a target that Dropbox has not",
        &path,
        json!({ "sourceAttribute": "title", "targetAttribute": "job" }),
    )
    .await;
    told.post(
        "a source that is no attribute",
        &path,
        json!({ "sourceAttribute": "name given", "targetAttribute": "surname" }),
    )
    .await;
    told.post(
        "the same target twice",
        &path,
        json!({ "sourceAttribute": "username", "targetAttribute": "email" }),
    )
    .await;
    told.post(
        "an expression that breaks off",
        &path,
        json!({ "expression": "user.name.given +", "targetAttribute": "surname" }),
    )
    .await;
    told.post(
        "a function that is none",
        &path,
        json!({ "expression": "#string.shout('a')", "targetAttribute": "surname" }),
    )
    .await;
    told.post(
        "an expression too long",
        &path,
        json!({
            "expression": format!("'{}'", "x".repeat(20_000)), "targetAttribute": "surname",
        }),
    )
    .await;
    told.post(
        "an expression too deep",
        &path,
        json!({
            "expression": format!("{}1{}", "(".repeat(500), ")".repeat(500)), "targetAttribute": "surname",
        }),
    )
    .await;
    assert_snapshot!(told, @r#"
    nothing at all
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - sourceAttribute REQUIRED_VALUE: `sourceAttribute` is required: the path of an attribute; or give `expression` instead
      - targetAttribute REQUIRED_VALUE: `targetAttribute` is required: a string of 1 to 256 characters
    both attribute and expression
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - expression CONSTRAINT_VIOLATION: A mapping has either `sourceAttribute` or `expression`; both are given
    a target that Dropbox has not
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - targetAttribute INVALID_VALUE: `job` is not an attribute of the target; there are email, given_name, surname, external_id, role, is_directory_restricted, persistent_id, status
        {"allowedValues":["email","given_name","surname","external_id","role","is_directory_restricted","persistent_id","status"]}
    a source that is no attribute
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - sourceAttribute INVALID_VALUE: `name given` is not an attribute of the source: no user of the directory has it, and it is not a standard one; there are accountId, address.countryCode, address.locality, address.postalCode, address.region, address.streetAddress, createdAt, email, enabled, environment.id, externalId, id, locale, memberOfGroupIDs, memberOfGroupNames, memberOfGroups, memberOfGroups.id, memberOfGroups.name, memberOfGroups.type, mfaEnabled, mobilePhone, name.family, name.formatted, name.given, name.honorificPrefix, name.honorificSuffix, name.middle, nickname, photo.href, population.id, population.name, preferredLanguage, primaryPhone, timezone, title, type, updatedAt, username
        {"allowedValues":["accountId","address.countryCode","address.locality","address.postalCode","address.region","address.streetAddress","createdAt","email","enabled","environment.id","externalId","id","locale","memberOfGroupIDs","memberOfGroupNames","memberOfGroups","memberOfGroups.id","memberOfGroups.name","memberOfGroups.type","mfaEnabled","mobilePhone","name.family","name.formatted","name.given","name.honorificPrefix","name.honorificSuffix","name.middle","nickname","photo.href","population.id","population.name","preferredLanguage","primaryPhone","timezone","title","type","updatedAt","username"]}
    the same target twice
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - targetAttribute UNIQUENESS_VIOLATION: `email` is mapped already, by mapping <id>; a target is mapped once
    an expression that breaks off
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - expression INVALID_VALUE: expression, column 18: expected a value, found the end
        user.name.given +
                         ^
    A value looks like `user.name.given`, `'text'`, `12` or `#string.trim(user.title)`.
    a function that is none
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - expression INVALID_VALUE: expression, column 1: there is no function `#string.shout`
        #string.shout('a')
        ^^^^^^^^^^^^^
    The functions are #string.substring, #string.upperCase, #string.lowerCase, #string.trim, #string.replace, #string.length, #string.contains, #string.startsWith, #string.endsWith, #string.isNotEmpty, #string.isNotBlank, #string.join, #string.split, #regex.findAllMatches, #regex.replaceAll, #regex.replaceFirst, #regex.matches, #datetime.format, #core.isNull, #core.isNotNull, #core.switchExpr.
    an expression too long
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - expression INVALID_VALUE: `expression` has 20002 characters; 1 to 4096 are allowed
        {"rangeMaximumValue":4096,"rangeMinimumValue":1}
    an expression too deep
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - expression INVALID_VALUE: expression, column 65: it is nested more than 64 deep
        …((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((…
                                               ^
    Leave out parentheses that are not needed, or use `#core.switchExpr` for a long choice.
    "#);
    assert_eq!(api.list(&path, "mappings").await.len(), 1, "nothing was half done");
    assert_eq!(api.list("/propagation/rules", "rules").await.len(), 1, "nothing was half done");
}

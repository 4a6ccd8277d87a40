//! What is said of plans, connections, rules and mappings that are refused.

use serde_json::{Value, json};

use super::{connection, mapping, rule};
use crate::{
    directory::{
        change::Write,
        commands::tests::{Counting, ENVIRONMENT, body, refusal, stamp, told},
    },
    provisioning::{
        connection::{Connection, Health},
        mapping::Mapping,
        rule::{PropagationPlan, Rule},
    },
    reconcile::{plan::Retiring, snapshot::AccountId},
    targets::Targets,
};

struct SetUp {
    ids: Counting,
    plan: PropagationPlan,
    connections: Vec<Connection>,
}

fn settings() -> Value {
    json!({"AUTHENTICATION_METHOD": "OAUTH", "GRANT_TYPE": "refresh_token", "OAUTH_CLIENT_ID": "app",
           "OAUTH_CLIENT_SECRET": "s3cret", "OAUTH_REFRESH_TOKEN": "r3fresh"})
}

fn valid() -> Health {
    Health::Valid {
        at: crate::Timestamp::from_millis(0),
        team: "Example".into(),
        own_account: AccountId::from("dbmid:own"),
        own_email: "admin@example.com".into(),
    }
}

impl SetUp {
    /// The directory, an active team, an inactive team, and something that Usher cannot drive.
    fn new() -> Self {
        let ids = Counting::default();
        let mut connections = vec![connection::directory(ENVIRONMENT, &stamp(&ids)).0];
        for (kind, status) in [("dropbox", "ACTIVE"), ("Dropbox", "INACTIVE"), ("scim", "INACTIVE")] {
            let body =
                body(json!({"type": kind, "name": kind, "status": status, "configuration": settings()}));
            let made =
                connection::create(ENVIRONMENT, &body, Some(&valid()), &Targets::default(), &stamp(&ids));
            connections.push(made.unwrap().0);
        }
        let plan =
            super::plan::create(ENVIRONMENT, &body(json!({"name": "Plan"})), None, &stamp(&ids)).unwrap().0;
        SetUp { ids, plan, connections }
    }

    fn facts<'a>(&'a self, mappings: &'a [Mapping]) -> rule::Facts<'a> {
        rule::Facts {
            plan: Some(&self.plan),
            connections: &self.connections,
            groups: &[],
            mappings,
            custom: &[],
        }
    }

    fn rule(&self, source: usize, target: usize, more: Value) -> Result<Rule, crate::Rejection> {
        let mut whole = body(json!({
            "name": "Rule",
            "sourceStore": {"id": self.connections[source].id},
            "targetStore": {"id": self.connections[target].id},
        }));
        whole.extend(body(more));
        rule::create(ENVIRONMENT, &whole, self.facts(&[]), &stamp(&self.ids)).map(|(rule, _)| rule)
    }
}

#[test]
fn every_fault_of_a_connection_is_told_at_once_and_no_secret_with_it() {
    let ids = Counting::default();
    let bad = body(json!({
        "type": "Dropbox", "name": "", "status": "ON", "managed": "yes",
        "configuration": {
            "BASE_URL": "http://api.example.com", "OAUTH_CLIENT_SECRET": 12_345_678, "OAUTH_REFRESH_TOKEN": "********",
            "bad key": 1,
        },
    }));
    let refused = connection::create(ENVIRONMENT, &bad, None, &Targets::default(), &stamp(&ids));
    insta::assert_snapshot!(refusal(refused), @r#"
    EMPTY_VALUE name: `name` is empty; give it 1 to 256 characters, or leave it out {"rangeMaximumValue":256,"rangeMinimumValue":1}
    INVALID_VALUE status: `status` is not one of ACTIVE, INACTIVE {"allowedValues":["ACTIVE","INACTIVE"]}
    INVALID_VALUE managed: `managed` is a string; true or false is allowed
    INVALID_VALUE configuration.OAUTH_CLIENT_SECRET: `OAUTH_CLIENT_SECRET` is a secret; a string is allowed
    INVALID_VALUE configuration.OAUTH_REFRESH_TOKEN: `OAUTH_REFRESH_TOKEN` is masked, and no secret is stored that this could mean; give the secret itself
    INVALID_VALUE configuration: The name of a setting has only letters, digits, `_` and `-`
    REQUIRED_VALUE configuration.OAUTH_CLIENT_ID: OAUTH_CLIENT_ID is required.
    REQUIRED_VALUE configuration.OAUTH_CLIENT_SECRET: OAUTH_CLIENT_SECRET is required.
    REQUIRED_VALUE configuration.OAUTH_REFRESH_TOKEN: OAUTH_REFRESH_TOKEN is required.
    INVALID_VALUE configuration.BASE_URL: BASE_URL must be an https:// address; http:// is for this machine only, unless the server's allow_http_targets is set.
    "#);
    let none = body(json!({"name": "x"}));
    insta::assert_snapshot!(refusal(connection::create(ENVIRONMENT, &none, None, &Targets::default(), &stamp(&ids))), @r#"
    REQUIRED_VALUE type: `type` is required: a string of 1 to 64 characters
    REQUIRED_VALUE configuration: `configuration` is required: an object of settings, such as {"BASE_URL": "…"}
    "#);
}

#[test]
fn a_connection_keeps_its_kind_and_there_is_one_directory() {
    let set_up = SetUp::new();
    let moved = body(json!({"type": "Slack", "name": "x", "configuration": settings()}));
    insta::assert_snapshot!(
        refusal(connection::replace(&set_up.connections[1], &moved, None, &Targets::default(), &stamp(&set_up.ids))), @"CONSTRAINT_VIOLATION type: A connection's type never changes; this one is of type `Dropbox`");
    let second = body(json!({"type": "directory", "name": "x"}));
    insta::assert_snapshot!(
        refusal(connection::create(ENVIRONMENT, &second, None, &Targets::default(), &stamp(&set_up.ids))), @"UNIQUENESS_VIOLATION type: Every environment has exactly one connection of type `directory` already; use that one");
}

#[test]
fn a_stored_secret_is_not_sent_to_another_server() {
    let set_up = SetUp::new();
    let replace = |configuration: Value| {
        let whole = body(json!({"type": "Dropbox", "name": "x", "configuration": configuration}));
        connection::replace(&set_up.connections[2], &whole, None, &Targets::default(), &stamp(&set_up.ids))
    };
    let with = |more: Value| {
        let mut configuration = settings();
        let all = configuration.as_object_mut().unwrap();
        all.insert("OAUTH_CLIENT_SECRET".into(), json!("********"));
        all.remove("OAUTH_REFRESH_TOKEN");
        all.extend(body(more));
        configuration
    };
    // Masked or left out, by either address, by another scheme or port.
    insta::assert_snapshot!(refusal(replace(with(json!({"BASE_URL": "https://elsewhere.example/2"})))), @r#"
    CONSTRAINT_VIOLATION configuration.OAUTH_CLIENT_SECRET: `OAUTH_CLIENT_SECRET` must be given again: `BASE_URL` names another server than before, and a stored secret is not sent to a server that it was not entered for
    CONSTRAINT_VIOLATION configuration.OAUTH_REFRESH_TOKEN: `OAUTH_REFRESH_TOKEN` must be given again: `BASE_URL` names another server than before, and a stored secret is not sent to a server that it was not entered for
    "#);
    for moved in [
        json!({"OAUTH_TOKEN_URL": "https://elsewhere.example/oauth2/token"}),
        json!({"OAUTH_TOKEN_URL": "https://api.dropboxapi.com:8443/oauth2/token"}),
        json!({"BASE_URL": "http://localhost/2"}),
    ] {
        assert!(replace(with(moved.clone())).is_err(), "{moved}");
    }
    // The same server, spelled otherwise; another server, with the secrets.
    for same in [
        json!({}),
        json!({"BASE_URL": "https://API.dropboxapi.com:443/2/", "OAUTH_TOKEN_URL": "https://api.dropboxapi.com/x"}),
        json!({"BASE_URL": "https://elsewhere.example/2", "OAUTH_CLIENT_SECRET": "new", "OAUTH_REFRESH_TOKEN": "new"}),
    ] {
        let (kept, _) = replace(with(same.clone())).unwrap();
        assert_eq!(kept.secrets.len(), 2, "{same}");
    }
}

#[test]
fn what_cannot_be_driven_can_be_kept_but_not_made_active() {
    let ids = Counting::default();
    let slack = body(
        json!({"type": "Slack", "name": "x", "status": "ACTIVE", "configuration": {"OAUTH_ACCESS_TOKEN": "t0ken"}}),
    );
    insta::assert_snapshot!(
        refusal(connection::create(ENVIRONMENT, &slack, None, &Targets::default(), &stamp(&ids))), @"CONSTRAINT_VIOLATION status: Usher can keep a connection of type `Slack`, but cannot drive it; save it with status INACTIVE");
}

#[test]
fn secrets_are_known_by_their_names() {
    for secret in [
        "OAUTH_CLIENT_SECRET",
        "OAUTH_REFRESH_TOKEN",
        "oauth_access_token",
        "BASIC_AUTH_PASSWORD",
        "password",
    ] {
        assert!(connection::is_secret(secret), "{secret}");
    }
    for open in ["OAUTH_TOKEN_URL", "OAUTH_CLIENT_ID", "BASE_URL", "CREATE_USERS", "username"] {
        assert!(!connection::is_secret(open), "{open}");
    }
}

#[test]
fn every_fault_of_a_rule_is_told_at_once() {
    let set_up = SetUp::new();
    let missing = rule::create(
        ENVIRONMENT,
        &body(json!({})),
        rule::Facts { plan: None, ..set_up.facts(&[]) },
        &stamp(&set_up.ids),
    );
    insta::assert_snapshot!(refusal(missing), @"
    REQUIRED_VALUE plan.id: `plan.id` is required: make the environment's plan first
    REQUIRED_VALUE sourceStore.id: `sourceStore.id` is required: the id of a store
    REQUIRED_VALUE targetStore.id: `targetStore.id` is required: the id of a store
    REQUIRED_VALUE name: `name` is required: a string of 1 to 256 characters
    ");
    let group = "5a0f9f6d-0000-4000-8000-000000000000";
    let bad = json!({
        "name": 1, "plan": {"id": group}, "populationExpression": "titel eq \"x\"",
        "groups": [{"id": group}, {"id": group}, {"id": "x"}, 3],
        "configuration": {
            "GUARD_MAX_REMOVALS": -1, "GUARD_MAX_REMOVAL_PERCENT": 101, "GUARD_WINDOW_MINUTES": "soon", "GUARD_MAX_REMOVAL": 5,
        },
    });
    insta::assert_snapshot!(told(&set_up.rule(0, 1, bad).unwrap_err()), @r#"
    INVALID_VALUE plan.id: There is no plan 5a0f9f6d-0000-4000-8000-000000000000 in this environment; its one plan is 00000000-0000-0000-0000-000000000009
    INVALID_VALUE name: `name` is a number; a string is allowed
    INVALID_VALUE populationExpression: filter, column 1: `titel` is not an attribute that can be filtered on here
        titel eq "x"
        ^^^^^
    Did you mean `title`? These can be: accountId, address.countryCode, address.locality, address.postalCode, address.region, address.streetAddress, createdAt, email, enabled, environment.id, externalId, id, locale, memberOfGroupIDs, memberOfGroupNames, memberOfGroups, memberOfGroups.id, memberOfGroups.name, memberOfGroups.type, mfaEnabled, mobilePhone, name.family, name.formatted, name.given, name.honorificPrefix, name.honorificSuffix, name.middle, nickname, photo.href, population.id, population.name, preferredLanguage, primaryPhone, timezone, title, type, updatedAt, username.
    INVALID_VALUE groups[2].id: `groups[2].id` is not a UUID, such as `5a0f9f6d-3c5e-4a55-9b1c-0d7c7d0f3f5e`
    INVALID_VALUE groups[3]: `groups[3]` is a number; an object with an `id` is allowed
    INVALID_VALUE groups[0].id: There is no group 5a0f9f6d-0000-4000-8000-000000000000 in this environment
    UNIQUENESS_VIOLATION groups[1].id: Group 5a0f9f6d-0000-4000-8000-000000000000 is named twice; a group is provisioned once
    INVALID_VALUE configuration.GUARD_MAX_REMOVAL: `GUARD_MAX_REMOVAL` is not a setting of the guard; there are GUARD_MAX_REMOVALS, GUARD_MAX_REMOVAL_PERCENT, GUARD_WINDOW_MINUTES {"allowedValues":["GUARD_MAX_REMOVALS","GUARD_MAX_REMOVAL_PERCENT","GUARD_WINDOW_MINUTES"]}
    INVALID_VALUE configuration.GUARD_MAX_REMOVALS: `GUARD_MAX_REMOVALS` is -1; a whole number from 0 to 1000000 is allowed {"rangeMaximumValue":1000000,"rangeMinimumValue":0}
    INVALID_VALUE configuration.GUARD_MAX_REMOVAL_PERCENT: `GUARD_MAX_REMOVAL_PERCENT` is 101; a whole number from 0 to 100 is allowed {"rangeMaximumValue":100,"rangeMinimumValue":0}
    INVALID_VALUE configuration.GUARD_WINDOW_MINUTES: `GUARD_WINDOW_MINUTES` is "soon"; a whole number from 0 to 43200 is allowed {"rangeMaximumValue":43200,"rangeMinimumValue":0}
    "#);
}

#[test]
fn a_rule_joins_the_directory_and_one_other() {
    let set_up = SetUp::new();
    insta::assert_snapshot!(told(&set_up.rule(0, 0, json!({})).unwrap_err()), @"CONSTRAINT_VIOLATION targetStore.id: A rule joins the directory and one other store, and both are the directory");
    insta::assert_snapshot!(told(&set_up.rule(1, 2, json!({})).unwrap_err()), @"CONSTRAINT_VIOLATION targetStore.id: A rule joins the directory and one other store, and neither is the directory");
    let rule = set_up.rule(0, 1, json!({})).unwrap();
    let turned = body(json!({"name": "Rule", "sourceStore": {"id": rule.target}}));
    insta::assert_snapshot!(refusal(rule::replace(&rule, &turned, set_up.facts(&[]), &stamp(&set_up.ids))), @"CONSTRAINT_VIOLATION sourceStore.id: A rule's source and target never change; this one has 00000000-0000-0000-0000-000000000001. Make another rule");
}

#[test]
fn a_rule_becomes_active_when_it_can_run() {
    let set_up = SetUp::new();
    let active = json!({"active": true});
    assert!(set_up.rule(0, 1, active.clone()).unwrap().active);
    insta::assert_snapshot!(told(&set_up.rule(0, 2, active.clone()).unwrap_err()), @"CONSTRAINT_VIOLATION active: Connection `Dropbox` is INACTIVE; test it, make it ACTIVE, then make the rule active");
    insta::assert_snapshot!(told(&set_up.rule(0, 3, active.clone()).unwrap_err()), @"CONSTRAINT_VIOLATION active: Connection `scim` is of type `SCIM`, which Usher can keep but not drive; save the rule with active false");
    insta::assert_snapshot!(told(&set_up.rule(1, 0, active).unwrap_err()), @"CONSTRAINT_VIOLATION configuration.POPULATION_ID: An active inbound rule says in which population new users live: give `configuration.POPULATION_ID`");
}

#[test]
fn every_fault_of_an_inbound_rule_is_told_at_once() {
    let set_up = SetUp::new();
    let bad = json!({
        "groups": [{"id": "5a0f9f6d-0000-4000-8000-000000000000"}], "populationExpression": "name.given eq \"x\"",
        "configuration": {
            "POPULATION_ID": "here", "SCHEDULE": "hourly", "REMOVE_ACTION": "Destroy", "CREATE_USERS": "yes", "MADE_UP": 1,
            "AUTHORITY": {"mail": "Dropbox", "email": "Me", "*": "Directory"}, "DEFAULT_PASSWORD": "secret",
        },
    });
    insta::assert_snapshot!(told(&set_up.rule(1, 0, bad).unwrap_err()), @r#"
    INVALID_VALUE populationExpression: filter, column 1: `name.given` is not an attribute that can be filtered on here
        name.given eq "x"
        ^^^^^^^^^^
    These can be: display, domain, email, external_id, given_name, groups, groups.display, groups.name, groups.value, is_directory_restricted, persistent_id, role, status, surname, team_member_id.
    CONSTRAINT_VIOLATION groups: Groups are provisioned outbound only; leave `groups` out of an inbound rule
    INVALID_VALUE configuration.AUTHORITY.email: `configuration.AUTHORITY.email` is not one of Dropbox, Directory {"allowedValues":["Dropbox","Directory"]}
    INVALID_VALUE configuration.AUTHORITY.mail: `mail` is not an attribute of an account; there are email, given_name, surname, external_id, role, is_directory_restricted, persistent_id, status, groups, * {"allowedValues":["email","given_name","surname","external_id","role","is_directory_restricted","persistent_id","status","groups","*"]}
    INVALID_VALUE configuration.CREATE_USERS: `CREATE_USERS` is "yes"; true or false is allowed
    INVALID_VALUE configuration.DEFAULT_PASSWORD: `DEFAULT_PASSWORD` cannot be set: nobody signs in at Usher, which keeps no passwords of users; leave it out
    INVALID_VALUE configuration.POPULATION_ID: `POPULATION_ID` is "here"; the id of a population is allowed
    INVALID_VALUE configuration.REMOVE_ACTION: `configuration.REMOVE_ACTION` is not one of Disable, Delete {"allowedValues":["Disable","Delete"]}
    INVALID_VALUE configuration.SCHEDULE: `SCHEDULE` is "hourly"; `daily`, `every 15m` (or `2h`), or a cron expression of five fields (minute, hour, day of the month, month, day of the week) is allowed
    "#);
    let good = json!({"populationExpression": "status eq \"active\"", "configuration": {
        "POPULATION_ID": "5a0f9f6d-0000-4000-8000-000000000000", "SCHEDULE": "every 15m", "CREATE_USERS": "true"}});
    assert!(!set_up.rule(1, 0, good).unwrap().active);
}

#[test]
fn an_inbound_rule_takes_its_users_with_it_only_when_that_is_asked_for() {
    let set_up = SetUp::new();
    let configuration = json!({"POPULATION_ID": "5a0f9f6d-0000-4000-8000-000000000000"});
    let inbound = set_up.rule(1, 0, json!({"configuration": configuration})).unwrap();
    let outbound = set_up.rule(0, 1, json!({})).unwrap();
    let managed = Connection { managed: true, ..set_up.connections[1].clone() };
    let retiring = |rule: &Rule, deprovision: bool| {
        let changes = rule::delete(rule, Some(&managed), deprovision, None, &stamp(&set_up.ids)).unwrap();
        changes.writes.into_iter().find_map(|write| match write {
            Write::Rule(rule) => rule.retiring,
            _ => None,
        })
    };
    assert_eq!(retiring(&outbound, false), Some(Retiring::Deprovision), "its store is managed");
    assert_eq!(retiring(&inbound, false), Some(Retiring::Unlink), "a managed store speaks of accounts");
    assert_eq!(retiring(&inbound, true), Some(Retiring::Deprovision));
}

#[test]
fn the_older_list_of_populations_is_a_filter() {
    let set_up = SetUp::new();
    let id = "5a0f9f6d-0000-4000-8000-000000000000";
    let rule = set_up.rule(0, 1, json!({"populations": [{"id": id}]})).unwrap();
    assert_eq!(rule.filter, Some(format!("population.id eq \"{id}\"")));
}

#[test]
fn every_fault_of_a_mapping_is_told_at_once() {
    let set_up = SetUp::new();
    let rule = set_up.rule(0, 1, json!({})).unwrap();
    let facts =
        |mappings| mapping::Facts { rule: &rule, connection: &set_up.connections[1], mappings, custom: &[] };
    let ask = |json, mappings| mapping::create(&body(json), facts(mappings), &stamp(&set_up.ids));
    insta::assert_snapshot!(refusal(ask(json!({}), &[])), @"
    REQUIRED_VALUE sourceAttribute: `sourceAttribute` is required: the path of an attribute; or give `expression` instead
    REQUIRED_VALUE targetAttribute: `targetAttribute` is required: a string of 1 to 256 characters
    ");
    let both =
        json!({"sourceAttribute": "titel", "expression": "user.name.", "targetAttribute": "given_nam"});
    insta::assert_snapshot!(refusal(ask(both, &[])), @r#"
    CONSTRAINT_VIOLATION expression: A mapping has either `sourceAttribute` or `expression`; both are given
    INVALID_VALUE sourceAttribute: `titel` is not an attribute of the source: no user of the directory has it, and it is not a standard one; there are accountId, address.countryCode, address.locality, address.postalCode, address.region, address.streetAddress, createdAt, email, enabled, environment.id, externalId, id, locale, memberOfGroupIDs, memberOfGroupNames, memberOfGroups, memberOfGroups.id, memberOfGroups.name, memberOfGroups.type, mfaEnabled, mobilePhone, name.family, name.formatted, name.given, name.honorificPrefix, name.honorificSuffix, name.middle, nickname, photo.href, population.id, population.name, preferredLanguage, primaryPhone, timezone, title, type, updatedAt, username {"allowedValues":["accountId","address.countryCode","address.locality","address.postalCode","address.region","address.streetAddress","createdAt","email","enabled","environment.id","externalId","id","locale","memberOfGroupIDs","memberOfGroupNames","memberOfGroups","memberOfGroups.id","memberOfGroups.name","memberOfGroups.type","mfaEnabled","mobilePhone","name.family","name.formatted","name.given","name.honorificPrefix","name.honorificSuffix","name.middle","nickname","photo.href","population.id","population.name","preferredLanguage","primaryPhone","timezone","title","type","updatedAt","username"]}
    INVALID_VALUE expression: expression, column 11: expected the name of an attribute, found the end
        user.name.
                  ^
    A name that is not made of letters and digits is written `user['full-name']`.
    INVALID_VALUE targetAttribute: `given_nam` is not an attribute of the target; there are email, given_name, surname, external_id, role, is_directory_restricted, persistent_id, status {"allowedValues":["email","given_name","surname","external_id","role","is_directory_restricted","persistent_id","status"]}
    "#);
    let (email, _) = ask(json!({"sourceAttribute": "email", "targetAttribute": "email"}), &[]).unwrap();
    let twice = json!({"expression": "user.nick + user.name.given", "targetAttribute": "email"});
    insta::assert_snapshot!(refusal(ask(twice, &[email])), @r#"
    INVALID_VALUE expression: `nick` is not an attribute of the source: no user of the directory has it, and it is not a standard one; there are accountId, address.countryCode, address.locality, address.postalCode, address.region, address.streetAddress, createdAt, email, enabled, environment.id, externalId, id, locale, memberOfGroupIDs, memberOfGroupNames, memberOfGroups, memberOfGroups.id, memberOfGroups.name, memberOfGroups.type, mfaEnabled, mobilePhone, name.family, name.formatted, name.given, name.honorificPrefix, name.honorificSuffix, name.middle, nickname, photo.href, population.id, population.name, preferredLanguage, primaryPhone, timezone, title, type, updatedAt, username {"allowedValues":["accountId","address.countryCode","address.locality","address.postalCode","address.region","address.streetAddress","createdAt","email","enabled","environment.id","externalId","id","locale","memberOfGroupIDs","memberOfGroupNames","memberOfGroups","memberOfGroups.id","memberOfGroups.name","memberOfGroups.type","mfaEnabled","mobilePhone","name.family","name.formatted","name.given","name.honorificPrefix","name.honorificSuffix","name.middle","nickname","photo.href","population.id","population.name","preferredLanguage","primaryPhone","timezone","title","type","updatedAt","username"]}
    UNIQUENESS_VIOLATION targetAttribute: `email` is mapped already, by mapping 00000000-0000-0000-0000-00000000000d; a target is mapped once
    "#);
}

#[test]
fn a_connection_that_breaks_or_mends_is_told_once() {
    let set_up = SetUp::new();
    let mut team = set_up.connections[1].clone();
    let at = crate::Timestamp::from_millis(9);
    let problem = crate::Problem::new("TOKEN", "The token was refused.", "Connect again.");
    let broken = Health::Broken { at, problem };
    let told = |team: &Connection, health: &Health| {
        let event = connection::found(team, health, &stamp(&set_up.ids))?;
        Some(format!("{} {} {}", event.action, event.status, event.description))
    };
    assert_eq!(told(&team, &valid()), None, "it could be used before");
    insta::assert_snapshot!(told(&team, &broken).unwrap(), @"PROVISIONING_CONNECTION.UPDATED FAILED Connection dropbox of type Dropbox cannot be used. The token was refused. Connect again.");
    team.health = broken.clone();
    assert_eq!(told(&team, &broken), None, "it was told");
    insta::assert_snapshot!(told(&team, &valid()).unwrap(), @"PROVISIONING_CONNECTION.UPDATED SUCCESS Connection dropbox of type Dropbox can be used: it reaches the team Example");
}

use serde_json::json;
use usher_domain::{
    directory::change::DueSubject, provisioning::connection::Health, reconcile::plan::Retiring,
};

use crate::world::{World, body, rejection, valid};

#[tokio::test]
async fn an_environment_has_one_plan() {
    let world = World::new().await;
    let plan = body(json!({"name": "Plan"}));
    world.directory.create_plan(&world.by, world.env, &plan).await.unwrap();
    let second = rejection(world.directory.create_plan(&world.by, world.env, &plan).await);
    assert!(second.message.contains("existing plan"), "{second}");
    assert_eq!(second.details[0].target, "environment");
}

#[tokio::test]
async fn a_secret_is_kept_when_it_is_masked_or_left_out_and_never_told() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let id = world.connection().await;
    let mut masked = world.connection_body("ACTIVE");
    masked["configuration"]["OAUTH_CLIENT_SECRET"] = json!("********");
    masked["configuration"].as_object_mut().unwrap().remove("OAUTH_REFRESH_TOKEN");
    masked.insert("description".into(), json!("Ours"));
    let kept = directory.replace_connection(by, env, id, &masked, None).await.unwrap();
    assert_eq!(kept.secrets["OAUTH_CLIENT_SECRET"].expose(), "s3cret");
    assert_eq!(kept.secrets["OAUTH_REFRESH_TOKEN"].expose(), "r3fresh");
    assert_eq!(kept.health, valid(), "nothing about the authentication changed");
    let page = usher_domain::ports::store::PageRequest { after: None, limit: 1000 };
    let events = format!("{:?}", world.store.events(env, &page).await.unwrap());
    assert!(!events.contains("s3cret") && !events.contains("r3fresh"));
}

#[tokio::test]
async fn a_connection_becomes_active_only_with_a_test_that_succeeded() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let active = world.connection_body("ACTIVE");
    let (_, needs_test) = directory.draft_connection(by, env, None, &active).await.unwrap();
    assert!(needs_test);
    insta::assert_snapshot!(rejection(directory.create_connection(by, env, &active, None).await), @"
    The request could not be completed. One or more validation errors were in the request.
      status: The connection cannot be made ACTIVE before a test of it succeeds; save it with status INACTIVE and test it
    ");
    let inactive = world.connection_body("INACTIVE");
    let saved = directory.create_connection(by, env, &inactive, None).await.unwrap();
    assert_eq!(saved.health, Health::Untested);
    let on = directory.replace_connection(by, env, saved.id, &active, Some(&valid())).await.unwrap();
    assert!(on.active);
    let mut other = active.clone();
    other["configuration"]["OAUTH_REFRESH_TOKEN"] = json!("another");
    let refused = rejection(directory.replace_connection(by, env, saved.id, &other, None).await);
    assert_eq!(refused.details[0].target, "status", "with other authentication it must be tested anew");
}

#[tokio::test]
async fn a_rule_looks_at_everything_when_it_would_choose_or_write_otherwise() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let rule = world.rule(json!({})).await;
    let put = async |more| {
        let rule = world.store.rule(env, rule.id).await.unwrap().unwrap();
        directory.replace_rule(by, env, rule.id, &world.rule_body(&rule, more)).await.unwrap();
        world.due(rule.id).await
    };
    assert_eq!(put(json!({"name": "Another name", "description": "Said"})).await, []);
    assert_eq!(put(json!({"configuration": {"GUARD_MAX_REMOVALS": 5}})).await, []);
    assert_eq!(put(json!({"populationExpression": "enabled eq true"})).await, [DueSubject::Everything]);
    assert_eq!(put(json!({"active": false})).await, []);
    world.user("ada").await;
    assert_eq!(world.due(rule.id).await, [], "a rule that is not active follows nobody");
    assert_eq!(put(json!({"active": true})).await, [DueSubject::Everything]);

    let mapping = body(json!({"sourceAttribute": "email", "targetAttribute": "email"}));
    directory.create_mapping(by, env, rule.id, &mapping).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::Everything]);
    directory.create_revision(by, env).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::Everything]);

    let mut toggled = world.connection_body("ACTIVE");
    toggled["configuration"]["DEPROVISION_USERS"] = json!(true);
    directory.replace_connection(by, env, rule.target, &toggled, None).await.unwrap();
    assert_eq!(world.due(rule.id).await, [], "an action toggle alone asks for nothing");
    toggled["configuration"]["OAUTH_REFRESH_TOKEN"] = json!("another");
    directory.replace_connection(by, env, rule.target, &toggled, Some(&valid())).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::Everything]);
}

#[tokio::test]
async fn a_revision_resyncs_only_the_rules_that_differ_from_the_previous_one() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let first = world.rule(json!({})).await;
    let second = world.rule(json!({"name": "Second"})).await;
    let stopped = world.rule(json!({"name": "Stopped", "active": false})).await;
    // What a change made due at once is settled, so that only the revision counts.
    let resynced = async || {
        world.runs().await;
        directory.create_revision(by, env).await.unwrap();
        let mut rules: Vec<_> = world.runs().await.into_iter().map(|(rule, _)| rule).collect();
        rules.sort();
        rules
    };
    let put = async |id, more| {
        let rule = world.store.rule(env, id).await.unwrap().unwrap();
        directory.replace_rule(by, env, id, &world.rule_body(&rule, more)).await.unwrap();
    };
    assert_eq!(resynced().await, [first.id, second.id], "no revision has them yet");
    assert_eq!(resynced().await, [], "nothing changed");
    put(
        first.id,
        json!({"name": "Renamed", "description": "Said", "configuration": {"GUARD_MAX_REMOVALS": 5}}),
    )
    .await;
    assert_eq!(resynced().await, []);
    put(second.id, json!({"populationExpression": "enabled eq true"})).await;
    assert_eq!(resynced().await, [second.id]);
    let group = world.group("Engineering").await;
    put(first.id, json!({"groups": [{"id": group.id}]})).await;
    assert_eq!(resynced().await, [first.id]);
    let mapping = body(json!({"sourceAttribute": "email", "targetAttribute": "email"}));
    let mapping = directory.create_mapping(by, env, second.id, &mapping).await.unwrap();
    assert_eq!(resynced().await, [second.id]);
    directory.delete_mapping(by, env, mapping.id).await.unwrap();
    assert_eq!(resynced().await, [second.id]);
    put(stopped.id, json!({"active": true})).await;
    assert_eq!(resynced().await, [stopped.id]);
    put(stopped.id, json!({"active": false, "populationExpression": "email pr"})).await;
    assert_eq!(resynced().await, [], "a rule that does not run is not resynced");

    let mut toggled = world.connection_body("ACTIVE");
    toggled["configuration"]["DEPROVISION_USERS"] = json!(true);
    directory.replace_connection(by, env, first.target, &toggled, None).await.unwrap();
    assert_eq!(resynced().await, [], "an action toggle alone asks for nothing");
    toggled["configuration"]["OAUTH_CLIENT_ID"] = json!("another");
    directory.replace_connection(by, env, first.target, &toggled, Some(&valid())).await.unwrap();
    assert_eq!(resynced().await, [first.id]);
}

#[tokio::test]
async fn a_hundred_rules_each_applied_by_a_revision_take_a_run_each() {
    let world = World::new().await;
    world.rule(json!({})).await;
    world.directory.create_revision(&world.by, world.env).await.unwrap();
    world.runs().await;
    let mut runs = 0;
    for number in 0..100 {
        world.new_rule(json!({"name": format!("Rule {number}")})).await;
        world.directory.create_revision(&world.by, world.env).await.unwrap();
        runs += world.runs().await.len();
    }
    assert_eq!(runs, 100);
}

#[tokio::test]
async fn an_active_rule_is_never_without_email() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let rule = world.rule(json!({})).await;
    let surname = body(json!({"sourceAttribute": "name.family", "targetAttribute": "surname"}));
    insta::assert_snapshot!(rejection(directory.create_mapping(by, env, rule.id, &surname).await), @"
    The request could not be completed. One or more validation errors were in the request.
      targetAttribute: An active rule maps `email`, by which accounts are made and found; map it, or give no mapping at all, so that the defaults stand
    ");
    let email = body(json!({"sourceAttribute": "email", "targetAttribute": "email"}));
    let email = directory.create_mapping(by, env, rule.id, &email).await.unwrap();
    directory.create_mapping(by, env, rule.id, &surname).await.unwrap();
    let refused = rejection(directory.delete_mapping(by, env, email.id).await);
    assert_eq!(refused.details[0].code, "CONSTRAINT_VIOLATION");
}

#[tokio::test]
async fn a_deleted_rule_retires_and_its_connection_waits_for_it() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let rule = world.rule(json!({})).await;
    let refused = rejection(directory.delete_connection(by, env, rule.target).await);
    assert_eq!(refused.details[0].target, "rules");

    directory.delete_rule(by, env, rule.id, true, Some("digest")).await.unwrap();
    let retired = world.store.rule(env, rule.id).await.unwrap().unwrap();
    assert_eq!(retired.retiring, Some(Retiring::Deprovision));
    assert_eq!(retired.consent.as_deref(), Some("digest"));
    assert_eq!(world.due(rule.id).await, [DueSubject::Everything]);
    let refused = rejection(directory.delete_connection(by, env, rule.target).await);
    assert!(refused.details[0].message.contains("still being deleted"), "{refused}");
    let again = directory.replace_rule(by, env, rule.id, &world.rule_body(&rule, json!({}))).await;
    assert_eq!(rejection(again).code, "NOT_FOUND", "it is hidden");

    // The way out when the team can never be reached again: let its accounts be.
    directory.delete_rule(by, env, rule.id, false, None).await.unwrap();
    let retired = world.store.rule(env, rule.id).await.unwrap().unwrap();
    assert_eq!(retired.retiring, Some(Retiring::Unlink));
    assert_eq!(rejection(directory.delete_rule(by, env, rule.id, false, None).await).code, "NOT_FOUND");
}

#[tokio::test]
async fn a_rule_that_wants_fewer_people_makes_its_neighbours_look_again() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let stays = world.rule(json!({})).await;
    let narrowed = world.rule(json!({"name": "Neighbour", "targetStore": {"id": stays.target}})).await;
    let elsewhere = world.rule(json!({"name": "Elsewhere"})).await;
    let put = async |more, looked_at| {
        let rule = world.store.rule(env, narrowed.id).await.unwrap().unwrap();
        directory.replace_rule(by, env, rule.id, &world.rule_body(&rule, more)).await.unwrap();
        world.due(looked_at).await
    };
    let everything = [DueSubject::Everything];
    assert_eq!(put(json!({"description": "Said"}), stays.id).await, []);
    assert_eq!(put(json!({"populationExpression": "enabled eq true"}), stays.id).await, everything);
    assert_eq!(put(json!({"populationExpression": "email pr"}), elsewhere.id).await, [], "another team");
    assert_eq!(put(json!({"active": false}), stays.id).await, everything);
}

#[tokio::test]
async fn a_rule_on_a_managed_connection_deprovisions_and_keeps_its_plan() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let rule = world.rule(json!({})).await;
    let mut managed = world.connection_body("ACTIVE");
    managed.insert("managed".into(), json!(true));
    directory.replace_connection(by, env, rule.target, &managed, None).await.unwrap();
    let refused = rejection(directory.delete_plan(by, env, rule.plan).await);
    assert!(refused.details[0].message.contains("delete the rule first"), "{refused}");
    directory.delete_rule(by, env, rule.id, false, None).await.unwrap();
    let retired = world.store.rule(env, rule.id).await.unwrap().unwrap();
    assert_eq!(retired.retiring, Some(Retiring::Deprovision));
}

#[tokio::test]
async fn the_directory_itself_cannot_be_deleted() {
    let world = World::new().await;
    let id = world.the_directory().await;
    let refused = rejection(world.directory.delete_connection(&world.by, world.env, id).await);
    assert_eq!(refused.details[0].code, "CONSTRAINT_VIOLATION");
}

#[tokio::test]
async fn a_connection_that_works_again_has_its_rules_catch_up() {
    let world = World::new().await;
    let rule = world.rule(json!({})).await;
    let problem = usher_domain::Problem::new("GONE", "The token was withdrawn.", "Authorise again.");
    let broken = Health::Broken { at: usher_domain::Timestamp::from_millis(0), problem };
    let stored = async || world.store.connection(world.env, rule.target).await.unwrap().unwrap();
    world.directory.connection_tested(&stored().await, &broken).await.unwrap();
    assert_eq!(stored().await.health, broken);
    assert_eq!(world.due(rule.id).await, []);
    world.directory.connection_tested(&stored().await, &valid()).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::Everything]);
}

#[tokio::test]
async fn a_new_population_name_matters_only_to_rules_that_mention_it() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let sales = world.population("Sales").await;
    let by_name = world.rule(json!({"populationExpression": "population.name eq \"Sales\""})).await;
    let renamed = body(json!({"name": "Selling"}));
    directory.replace_population(by, env, sales, &renamed).await.unwrap();
    assert_eq!(world.due(by_name.id).await, [DueSubject::Everything]);
    let others = world.rule_body(&by_name, json!({"populationExpression": "enabled eq true"}));
    directory.replace_rule(by, env, by_name.id, &others).await.unwrap();
    world.due(by_name.id).await;
    directory.replace_population(by, env, sales, &body(json!({"name": "Sales"}))).await.unwrap();
    assert_eq!(world.due(by_name.id).await, []);
}

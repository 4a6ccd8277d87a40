use serde_json::json;
use usher_domain::{
    directory::{change::DueSubject, filter::Filter},
    provisioning::{mapping::MappingSource, rule::Direction},
    reconcile::scope::Subject,
};

use crate::world::{World, body, rejection};

fn mapping(source: &str, target: &str) -> usher_domain::directory::commands::Body {
    body(json!({"sourceAttribute": source, "targetAttribute": target}))
}

#[tokio::test]
async fn a_rule_and_its_mappings_are_saved_together_and_the_plan_is_made_for_them() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let to = world.connection().await;
    let rule = body(json!({
        "name": "To Dropbox", "active": true,
        "sourceStore": {"id": world.the_directory().await}, "targetStore": {"id": to},
    }));
    let mappings = [mapping("name.given", "given_name"), mapping("email", "email")];
    let draft = directory.draft_whole_rule(by, env, None, &rule, &mappings).await.unwrap();
    assert_eq!((draft.rule.direction, draft.mappings.len()), (Direction::Outbound, 2));
    assert!(world.store.rules(env).await.unwrap().is_empty(), "a draft writes nothing");
    assert!(world.store.plan(env).await.unwrap().is_none());

    let saved = directory.save_whole_rule(by, env, None, &rule, &mappings).await.unwrap();
    assert_eq!(world.store.mappings(saved.rule.id).await.unwrap().len(), 2);
    assert_eq!(world.due(saved.rule.id).await, [DueSubject::Everything]);

    let one = [body(json!({"expression": "user.username", "targetAttribute": "email"}))];
    directory.save_whole_rule(by, env, Some(saved.rule.id), &rule, &one).await.unwrap();
    let left = world.store.mappings(saved.rule.id).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].source, MappingSource::Expression("user.username".into()));
    assert_eq!(left[0].version, 2, "the mapping to the same target was replaced");
    assert_eq!(world.due(saved.rule.id).await, [DueSubject::Everything]);
    directory.save_whole_rule(by, env, Some(saved.rule.id), &rule, &one).await.unwrap();
    assert_eq!(world.due(saved.rule.id).await, [], "nothing changed");
}

#[tokio::test]
async fn what_is_wrong_with_a_mapping_is_told_with_its_place_and_nothing_is_saved() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let rule = world.rule(json!({})).await;
    let put = async |mappings: &[_]| {
        let body = world.rule_body(&rule, json!({"name": "Another"}));
        rejection(directory.save_whole_rule(by, env, Some(rule.id), &body, mappings).await)
    };
    let bad = [
        mapping("email", "email"),
        body(json!({"expression": "user.", "targetAttribute": "given_name"})),
        mapping("email", "email"),
    ];
    let targets: Vec<String> = put(&bad).await.details.into_iter().map(|fault| fault.target).collect();
    assert_eq!(targets, ["mappings[1].expression", "mappings[2].targetAttribute"]);
    let without_email = put(&[mapping("name.given", "given_name")]).await;
    insta::assert_snapshot!(without_email, @"
    The request could not be completed. One or more validation errors were in the request.
      mappings: An active rule maps `email`, by which accounts are made and found; map it, or give no mapping at all, so that the defaults stand
    ");
    assert_eq!(world.store.rule(env, rule.id).await.unwrap().unwrap().name, "To Dropbox");
    assert!(world.store.mappings(rule.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn another_look_at_one_user_is_due_at_once_and_told() {
    let world = World::new().await;
    let rule = world.rule(json!({})).await;
    let ada = world.user("ada").await.id;
    world.due(rule.id).await;
    world.directory.look_again(&world.by, world.env, rule.id, Subject::User(ada)).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::User(ada)]);
    let last = world.audit().await.pop().unwrap();
    assert_eq!(last, format!("PROVISIONING_SYNC.STARTED: Started a sync of user {ada} by rule To Dropbox."));
}

#[tokio::test]
async fn whom_a_filter_is_about_is_counted_with_a_sample() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    world.user("bob").await;
    world.user("carl").await;
    let group = world.group("Engineers").await;
    world.directory.add_member(&world.by, world.env, ada.id, group.id).await.unwrap();
    let about = async |text: &str| {
        let filter = Filter::parse(text).unwrap();
        let found = world.directory.matching(world.env, Some(&filter), 1).await.unwrap();
        (found.count, found.of, found.sample.len())
    };
    assert_eq!(about("username sw \"a\" or username sw \"b\"").await, (2, 3, 1));
    assert_eq!(about("memberOfGroupNames eq \"Engineers\"").await, (1, 3, 1));
    assert_eq!(about("username eq \"nobody\"").await, (0, 3, 0));
    assert_eq!(world.directory.matching(world.env, None, 2).await.unwrap().sample.len(), 2);
    let unknown = Filter::parse("shoeSize eq \"42\"").unwrap();
    let told = rejection(world.directory.matching(world.env, Some(&unknown), 1).await);
    assert_eq!(told.details[0].target, "filter");
    let value = world.directory.seen_by_expressions(world.env, ada.id).await.unwrap();
    assert_eq!(value["memberOfGroupNames"], json!(["Engineers"]));
}

use serde_json::json;
use usher_domain::directory::change::DueSubject;

use crate::world::{World, body, rejection};

#[tokio::test]
async fn a_membership_makes_the_user_due_and_a_new_name_the_group() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let (ada, eng) = (world.user("ada").await, world.group("Engineering").await);
    let rule = world.rule(json!({"groups": [{"id": eng.id}]})).await;

    directory.add_member(by, env, ada.id, eng.id).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::User(ada.id)]);
    directory.add_member(by, env, ada.id, eng.id).await.unwrap();
    assert_eq!(world.due(rule.id).await, [], "who is in already is not put in again");

    let renamed = body(json!({"name": "R&D"}));
    directory.replace_group(by, env, eng.id, &renamed).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::Group(eng.id)]);

    directory.remove_member(by, env, ada.id, eng.id).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::User(ada.id)]);
    assert_eq!(rejection(directory.remove_member(by, env, ada.id, eng.id).await).code, "NOT_FOUND");
}

#[tokio::test]
async fn what_changes_the_membership_of_many_makes_everything_due() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let (eng, web) = (world.group("Engineering").await, world.group("Web").await);
    let rule = world
        .rule(json!({"groups": [{"id": eng.id}], "populationExpression": "memberOfGroupNames eq \"Web\""}))
        .await;

    directory.nest_group(by, env, web.id, eng.id).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::Everything]);
    let renamed = body(json!({"name": "Web2"}));
    directory.replace_group(by, env, web.id, &renamed).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::Everything], "the rule chooses by the group's name");
    directory.unnest_group(by, env, web.id, eng.id).await.unwrap();
    world.due(rule.id).await;
    let dynamic = body(json!({"name": "Web2", "userFilter": "title eq \"Engineer\""}));
    directory.replace_group(by, env, web.id, &dynamic).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::Everything]);

    directory.delete_group(by, env, eng.id).await.unwrap();
    assert_eq!(world.due(rule.id).await, [DueSubject::Everything, DueSubject::Group(eng.id)]);
    let rule = world.store.rule(env, rule.id).await.unwrap().unwrap();
    assert_eq!(rule.groups, [], "a rule does not keep a group that is gone");
}

#[tokio::test]
async fn groups_never_go_round_in_a_circle() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let (a, b, c) = (world.group("A").await, world.group("B").await, world.group("C").await);
    directory.nest_group(by, env, a.id, b.id).await.unwrap();
    directory.nest_group(by, env, b.id, c.id).await.unwrap();
    insta::assert_snapshot!(rejection(directory.nest_group(by, env, c.id, a.id).await), @"
    The request could not be completed. One or more validation errors were in the request.
      id: Group `A` is itself nested, directly or indirectly, in `C`: nesting must not go round in a circle
    ");
    insta::assert_snapshot!(rejection(directory.nest_group(by, env, a.id, a.id).await), @"
    The request could not be completed. One or more validation errors were in the request.
      id: Group `A` cannot be nested in itself
    ");
}

#[tokio::test]
async fn a_filter_may_use_custom_attributes_that_somebody_has() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let unknown = body(json!({"name": "London", "userFilter": "ofice eq \"London\""}));
    let ada = world.user("ada").await;
    directory.patch_user(by, env, ada.id, &body(json!({"office": "London"}))).await.unwrap();
    let refused = rejection(directory.create_group(by, env, &unknown).await);
    assert!(refused.details[0].message.contains("Did you mean `office`?"), "{refused}");
    let known = body(json!({"name": "London", "userFilter": "office eq \"London\""}));
    directory.create_group(by, env, &known).await.unwrap();
}

use serde_json::json;
use usher_domain::directory::change::DueSubject;

use crate::world::{World, body, rejection};

#[tokio::test]
async fn a_user_is_made_changed_moved_and_deleted_and_the_audit_tells_it() {
    let world = World::new().await;
    let rule = world.rule(json!({})).await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);

    let ada = world.user("ada").await;
    assert_eq!(world.due(rule.id).await, [DueSubject::User(ada.id)]);

    let patch = body(json!({"name": {"given": "Ada"}, "office": "London"}));
    let ada = directory.patch_user(by, env, ada.id, &patch).await.unwrap();
    assert_eq!(ada.version, 2);
    assert_eq!(world.store.user(env, ada.id).await.unwrap().unwrap(), ada);
    assert_eq!(world.due(rule.id).await, [DueSubject::User(ada.id)]);

    // The same again changes nothing, tells nothing, and makes nothing due.
    let again = directory.patch_user(by, env, ada.id, &patch).await.unwrap();
    assert_eq!(again, ada);
    assert_eq!(world.due(rule.id).await, []);

    let ada = directory.set_user_enabled(by, env, ada.id, false).await.unwrap();
    assert!(!ada.enabled);
    let elsewhere = world.population("Alumni").await;
    directory.set_user_population(by, env, ada.id, elsewhere).await.unwrap();
    directory.delete_user(by, env, ada.id).await.unwrap();
    assert_eq!(world.store.user(env, ada.id).await.unwrap(), None);
    assert_eq!(world.due(rule.id).await, [DueSubject::User(ada.id)], "their account must go");

    let audit = world.audit().await;
    let about: Vec<&String> = audit.iter().filter(|line| line.starts_with("USER.")).collect();
    insta::assert_debug_snapshot!(about, @r#"
    [
        "USER.CREATED: Created Administrator admin",
        "USER.CREATED: Created User ada",
        "USER.UPDATED: Updated name.given, office for User ada",
        "USER.UPDATED: Updated enabled for User ada",
        "USER.MOVED: Moved User ada to Population Alumni",
        "USER.DELETED: Deleted User ada",
    ]
    "#);
}

#[tokio::test]
async fn users_are_counted_as_they_are_after_everything_that_came_before() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    assert_eq!(directory.count_users(env).await.unwrap(), 0);
    let ada = world.user("ada").await;
    assert_eq!(directory.count_users(env).await.unwrap(), 1);
    world.user("bob").await;
    world.population("Alumni").await;
    assert_eq!(directory.count_users(env).await.unwrap(), 2);
    directory.delete_user(by, env, ada.id).await.unwrap();
    assert_eq!(directory.count_users(env).await.unwrap(), 1);
}

#[tokio::test]
async fn a_username_is_unique_without_regard_to_case() {
    let world = World::new().await;
    world.user("ada").await;
    let body = body(json!({"username": "ADA", "email": "other@example.com"}));
    insta::assert_snapshot!(rejection(world.directory.create_user(&world.by, world.env, &body).await), @"
    The request could not be completed. One or more validation errors were in the request.
      username: The username `ADA` is taken; usernames are unique in an environment
    ");
}

#[tokio::test]
async fn of_many_who_want_one_username_at_once_exactly_one_gets_it() {
    let world = World::new().await;
    let body = body(json!({"username": "ada", "email": "ada@example.com"}));
    let tries = (0..8).map(|_| world.directory.create_user(&world.by, world.env, &body));
    let made = futures_util::future::join_all(tries).await;
    assert_eq!(made.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in made.into_iter().filter(Result::is_err) {
        assert_eq!(rejection(refused).details[0].code, "UNIQUENESS_VIOLATION");
    }
}

#[tokio::test]
async fn changes_made_at_once_are_all_kept() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let patches: Vec<_> = (0..4).map(|n| body(json!({format!("note{n}"): "x"}))).collect();
    let tries = patches.iter().map(|patch| world.directory.patch_user(&world.by, world.env, ada.id, patch));
    let done = futures_util::future::join_all(tries).await;
    let kept = done.iter().filter(|result| result.is_ok()).count();
    let ada = world.store.user(world.env, ada.id).await.unwrap().unwrap();
    assert_eq!(ada.attributes.len(), kept, "a change that was acknowledged is there");
    assert_eq!(ada.version, 1 + i64::try_from(kept).unwrap());
    assert!(kept >= 1);
}

#[tokio::test]
async fn who_is_not_there_cannot_be_changed() {
    let world = World::new().await;
    let nobody = usher_domain::UserId(uuid::Uuid::from_u128(0xdead));
    let result = world.directory.patch_user(&world.by, world.env, nobody, &body(json!({}))).await;
    assert_eq!(rejection(result).code, "NOT_FOUND");
    let nowhere = usher_domain::EnvironmentId(uuid::Uuid::from_u128(0xdead));
    let ada = body(json!({"username": "ada", "email": "ada@example.com"}));
    assert_eq!(rejection(world.directory.create_user(&world.by, nowhere, &ada).await).code, "NOT_FOUND");
}

#[tokio::test]
async fn moving_takes_a_user_out_of_the_old_populations_groups() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let ada = world.user("ada").await;
    let local = json!({"name": "Local", "population": {"id": ada.population}});
    let local = directory.create_group(by, env, &body(local)).await.unwrap();
    let everywhere = world.group("Everywhere").await;
    for group in [local.id, everywhere.id] {
        directory.add_member(by, env, ada.id, group).await.unwrap();
    }
    let alumni = world.population("Alumni").await;
    directory.set_user_population(by, env, ada.id, alumni).await.unwrap();
    assert_eq!(world.store.memberships_of(ada.id).await.unwrap(), [everywhere.id]);
    let back = directory.add_member(by, env, ada.id, local.id).await;
    insta::assert_snapshot!(rejection(back), @"
    The request could not be completed. One or more validation errors were in the request.
      id: Group `Local` belongs to a population in which user `ada` does not live; only its users can be members
    ");
}

#[tokio::test]
async fn a_population_with_users_stays_and_so_do_the_default_and_the_last() {
    let world = World::new().await;
    let (directory, by, env) = (&world.directory, &world.by, world.env);
    let ada = world.user("ada").await;
    insta::assert_snapshot!(rejection(directory.delete_population(by, env, ada.population).await), @"
    The request could not be completed. One or more validation errors were in the request.
      environment: The environment must contain at least one population, and this is the last
      users: 1 users live in this population; move or delete them, then delete it
    ");
    let alumni = world.population("Alumni").await;
    let refused = rejection(directory.delete_population(by, env, ada.population).await);
    assert_eq!(refused.details[0].target, "default");
    let crown = body(json!({"name": "Alumni", "default": true}));
    directory.replace_population(by, env, alumni, &crown).await.unwrap();
    directory.set_user_population(by, env, ada.id, alumni).await.unwrap();
    directory.delete_population(by, env, ada.population).await.unwrap();
    let left = world.store.populations(env).await.unwrap();
    assert_eq!(left.iter().map(|it| (it.id, it.default)).collect::<Vec<_>>(), [(alumni, true)]);
}

#[tokio::test]
async fn handlers_on_many_threads_may_await_a_command() {
    fn sendable<T: Send>(it: T) -> T {
        it
    }
    let world = World::new().await;
    let ada = body(json!({"username": "ada", "email": "ada@example.com"}));
    sendable(world.directory.create_user(&world.by, world.env, &ada)).await.unwrap();
    sendable(world.directory.create_revision(&world.by, world.env)).await.unwrap();
    sendable(world.directory.import_users(&world.by, world.env, &[], false)).await.unwrap();
    sendable(world.directory.import_groups(&world.by, world.env, &[])).await.unwrap();
}

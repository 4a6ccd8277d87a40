use super::{ALL, administrator};
use crate::support::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_that_a_role_may_not_do_is_not_shown_and_is_refused() {
    let world = World::start().await;
    let rule = world.outbound_rule(serde_json::json!({})).await;
    world.settled(&rule).await;
    let rule = format!("/console/rules/{rule}");
    let connection = format!("/console/connections/{}", world.store);

    let mut all = administrator(&world.usher, &world.api, "all", &ALL).await;
    let mut reader = administrator(&world.usher, &world.api, "reader", &["Configuration Read Only"]).await;
    let shown = [
        ("/console/connections".to_owned(), "New connection"),
        (connection.clone(), "Switch off"),
        ("/console/rules".to_owned(), "New rule"),
        (rule.clone(), "Full Resync"),
        (rule.clone(), "Delete"),
        (format!("{rule}/preview"), "Apply"),
    ];
    for (path, action) in shown {
        all.open(&path).await;
        all.says(action);
        reader.open(&path).await;
        assert_eq!(reader.status, 200, "{path}");
        reader.says_nothing_of(action);
    }
    for path in [
        "/console/connections/new".to_owned(),
        format!("{connection}/edit"),
        format!("{connection}/actions"),
        format!("{connection}/delete"),
        "/console/rules/new".to_owned(),
        format!("{rule}/edit"),
        format!("{rule}/delete"),
        format!("{rule}/directory"),
    ] {
        reader.open(&path).await;
        assert_eq!(reader.status, 403, "{path}");
        reader.says("You may not do this");
    }
    // The form of another page carries the reader's own token against forgery; the role is what is missing.
    for action in ["toggle", "sync", "delete"] {
        reader.open("/console/rules").await;
        reader.post_with_token(&format!("{rule}/{action}"), &[("active", "false"), ("how", "leave")]).await;
        assert_eq!(reader.status, 403, "{action}");
    }
    let still = world.settled(rule.rsplit('/').next().unwrap()).await;
    assert_eq!(still["status"], "ACTIVE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_a_page_that_says_so() {
    let world = World::start().await;
    let mut all = administrator(&world.usher, &world.api, "all", &ALL).await;
    let nobody = "0197b2d0-0000-7000-8000-00000000dead";
    for path in ["connections", "rules", "runs"] {
        all.open(&format!("/console/{path}/{nobody}")).await;
        assert_eq!(all.status, 404, "{path}");
        all.says("Page not found");
        all.open(&format!("/console/{path}/nothing")).await;
        assert_eq!(all.status, 404, "{path}");
    }
}

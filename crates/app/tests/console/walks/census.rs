//! The census of a team that people already use: whose its accounts are, and all that match adopted at once.

use dropbox_simulator::{MemberSeed, Team};
use serde_json::json;

use super::comes_to_say;
use crate::{
    browser::Browser,
    support::{Home, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_is_looked_at_and_its_people_are_adopted_at_once_in_a_browser() {
    // Nobody is invited by Usher here: who is on the team was put there by a person.
    let world = World::of(Home::sqlite(), Team::builder(), json!({ "CREATE_USERS": false })).await;
    let Some(browser) = Browser::at(&world.usher).await else { return };
    for name in ["ada", "bob", "cy"] {
        world.user(name).await;
    }
    let census = format!("/console/connections/{}/census", world.store);
    browser.sign_in().await;
    browser.open(&format!("/console/connections/{}", world.store)).await;
    browser.click(&format!("main a[href='{census}']")).await;
    browser.says("No outbound rule uses this connection yet.").await;

    let rule = world.outbound_rule(json!({})).await;
    world.settled(&rule).await;
    for (name, given) in [("ada", "Ada"), ("bob", "Bob"), ("guest", "A")] {
        let member = MemberSeed::new(&format!("{name}@example.com"), given, "Example");
        world.dropbox.0.team().add_member(member);
    }
    browser.open(&census).await;
    browser.says("What People would adopt").await;
    browser.says("2 to adopt.").await;
    browser.says("adopt the account ada@example.com").await;
    browser.click("main a[href$='census?of=unmatched']").await;
    browser.says("guest@example.com").await;
    let rows = browser.script("return document.querySelectorAll('tbody tr').length", json!([])).await;
    assert_eq!(rows, 2, "the guest, and the administrator who connected the team");

    browser.click("form[action$='/sync'] button").await;
    browser.says("A full sync was started.").await;
    comes_to_say(&browser, &format!("{census}?of=matched"), "Nothing: every account that it finds is linked")
        .await;
    let linked = browser.script(
        "return [...document.querySelectorAll('tbody .badge')].map(it => it.textContent).join()",
        json!([]),
    );
    assert_eq!(linked.await, "Linked,Linked");
    assert_eq!(world.dropbox.people().len(), 3, "nobody was invited, and the guest is as before");
}

use dropbox_simulator::Team;
use serde_json::json;

use super::{ALL, administrator};
use crate::support::{Home, World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_run_says_why_and_goes_on_when_an_approver_says_so() {
    let world = World::of(Home::sqlite(), Team::builder(), json!({ "DEPROVISION_USERS": true })).await;
    for n in 0..12 {
        world.user(&format!("p{n:02}")).await;
    }
    let rule = world.outbound_rule(json!({ "configuration": { "GUARD_MAX_REMOVALS": 2 } })).await;
    world.settled(&rule).await;
    let mut console = administrator(&world.usher, &world.api, "approver", &ALL).await;

    // The filter is mistyped in the console: its preview says what would happen, and that the guard holds it.
    let edit = format!("/console/rules/{rule}/edit");
    console.open(&format!("{edit}?step=filter")).await;
    console.submit(&edit, &[("filter", "username sw \"p1\""), ("go", "to:preview")]).await;
    console.says("This plan cancels 10 invitations.");
    console.says("The guard would hold this run");
    console.submit(&edit, &[("go", "save")]).await;
    until("a run is held", async || world.settled(&rule).await["status"] == "HELD").await;

    console.open("/console/runs?state=held").await;
    console.says("Held");
    let held = world.settled(&rule).await["currentRun"]["id"].as_str().unwrap().to_owned();
    let run = format!("/console/runs/{held}");
    console.open(&run).await;
    console.says("The run is held. Nothing was changed.");
    console.says("This run would remove 10 users");
    console.says("cancel the invitation of p00@example.com");
    assert_eq!(world.dropbox.people().len(), 12, "nothing happened yet");

    // Who may not approve sees no button, and is refused.
    let mut reader = administrator(&world.usher, &world.api, "reader", &["Configuration Read Only"]).await;
    reader.open(&run).await;
    reader.says("Someone with the role Sync Approver must look at it.");
    assert!(!reader.has_form(&format!("{run}/approve")));

    // An approval is bound to the digest that was shown.
    console.submit(&format!("{run}/approve"), &[("digest", "another")]).await;
    assert_eq!(console.status, 409);
    console.open(&run).await;
    console.submit(&format!("{run}/approve"), &[]).await;
    console.says("Approved.");
    until("ten are gone", async || world.dropbox.people().len() == 2).await;
    world.settled(&rule).await;
    console.open(&run).await;
    console.says("Succeeded");
    console.open(&format!("{run}?kind=CANCEL_INVITATION")).await;
    console.says("Done");
}

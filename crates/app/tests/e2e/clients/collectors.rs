//! Clients that only read: a catalogue (JupiterOne) and collectors of the audit (Elastic, Sentinel).

use serde_json::{Value, json};

use super::{Client, Seen};
use crate::support::{Api, Home, id, person};

#[tokio::test]
async fn catalogues_and_collectors_read_all_of_it() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    collectors(&api, &api, &Seen::default()).await;
}

/// By `client`, which may be on a way where things go wrong; what is no part of the sequence is done directly.
pub(super) async fn collectors(api: &Api, client: &Api, seen: &Seen) {
    let group = id(&api.post("/groups", json!({ "name": "Engineering" })).await.ok());
    let parent = id(&api.post("/groups", json!({ "name": "Everyone" })).await.ok());
    api.post(&format!("/groups/{group}/memberOfGroups"), json!({ "id": parent })).await.ok();
    for number in 0..5 {
        let user = id(&api.post("/users", person(&format!("user{number}"))).await.ok());
        if number % 2 == 0 {
            api.post(&format!("/users/{user}/memberOfGroups"), json!({ "id": group })).await.ok();
        }
    }

    let jupiter = Client::new("JupiterOne", client, seen).await;
    jupiter.get("").await;
    assert_eq!(jupiter.list("/users?limit=2", "users").await.len(), 5);
    assert_eq!(jupiter.list("/groups?limit=1", "groups").await.len(), 2);
    // Brackets as they are, and encoded.
    for (open, close) in [("[", "]"), ("%5B", "%5D")] {
        let direct = format!(
            r#"/users?limit=2&filter=memberOfGroups{open}id eq "{group}" and type eq "DIRECT"{close}"#
        );
        assert_eq!(jupiter.list(&direct, "users").await.len(), 3);
        let nested =
            format!(r#"/groups?filter=memberOfGroups{open}id eq "{parent}" and type eq "DIRECT"{close}"#);
        assert_eq!(jupiter.list(&nested, "groups").await.len(), 1);
    }
    let indirect = format!(r#"/users?filter=memberOfGroups[id eq "{parent}"]"#);
    assert_eq!(jupiter.list(&indirect, "users").await.len(), 3);

    for (collector, name) in [("Elastic", "recordedAt"), ("Sentinel", "recordedat")] {
        let collector = Client::new(collector, client, seen).await;
        let path = format!(
            r#"/activities?limit=3&filter={name} gt "2020-01-01T00:00:00.000Z" AND {name} lt "2099-01-01T00:00:00.000Z""#
        );
        let activities = collector.list(&path, "activities").await;
        // Administrators are users, too; only these five were made by the client of this test.
        let is_made = |event: &&Value| event.to_string().contains("Created User user");
        let made = activities.iter().filter(is_made).count();
        assert_eq!(made, 5, "{name}");
    }
}

//! What goes wrong on the way: every call of every client's sequence meets every fault once, and all of them come to the
//! same end, with nothing there twice and nothing lost.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Seen, collectors, directory, provisioning};
use crate::support::{Api, Faulty, Home, OnTheWay};

const FAULTS: [OnTheWay; 8] = [
    OnTheWay::Limited,
    OnTheWay::Instead(500),
    OnTheWay::LostAfter,
    OnTheWay::Instead(502),
    OnTheWay::After(502),
    OnTheWay::LostBefore,
    OnTheWay::Instead(503),
    OnTheWay::After(504),
];

/// What a client left behind, and how often anything was made and deleted on the way.
async fn end(api: &Api) -> String {
    let mut end = String::new();
    for (path, name) in [
        ("/populations", "populations"),
        ("/users", "users"),
        ("/groups", "groups"),
        ("/propagation/plans", "plans"),
        ("/propagation/stores", "stores"),
        ("/propagation/rules", "rules"),
    ] {
        let mut names: Vec<String> = api.list(path, name).await.iter().map(named).collect();
        names.sort();
        end.push_str(&format!("{name}: {}\n", names.join(", ")));
    }
    let all = "/activities?limit=1000&filter=recordedAt%20gt%20%222020-01-01T00:00:00Z%22";
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for event in api.list(all, "activities").await {
        let action = event["action"]["type"].as_str().unwrap();
        // A revision says "apply what there is": as many as were asked for are right.
        if (action.ends_with(".CREATED") || action.ends_with(".DELETED")) && !action.contains("REVISION") {
            *times.entry(action.to_owned()).or_default() += 1;
        }
    }
    times.iter().for_each(|(action, times)| end.push_str(&format!("{action} {times}\n")));
    end
}

fn named(item: &Value) -> String {
    item["username"].as_str().or(item["name"].as_str()).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_on_the_way_the_terraform_provider_comes_to_the_same_end() {
    the_same_end(async |direct, client| directory::terraform(direct, client, &Seen::default()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_on_the_way_provisioning_as_code_comes_to_the_same_end() {
    the_same_end(async |direct, client| provisioning::easytofu(direct, client, &Seen::default()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_on_the_way_collectors_read_everything_once() {
    the_same_end(async |direct, client| collectors::collectors(direct, client, &Seen::default()).await).await;
}

async fn the_same_end(sequence: impl AsyncFn(&Api, &Api)) {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    sequence(&api, &api).await;
    let undisturbed = end(&api).await;
    for first in 0..FAULTS.len() {
        let mut faults = FAULTS;
        faults.rotate_left(first);
        let usher = Home::sqlite().serve().await;
        let api = usher.api().await;
        let proxy = Faulty::start(&usher.url(), &faults).await;
        sequence(&api, &api.through(proxy.url())).await;
        assert!(proxy.went_wrong() >= FAULTS.len(), "only {} calls were disturbed", proxy.went_wrong());
        assert_eq!(end(&api).await, undisturbed, "beginning with {:?}", faults[0]);
    }
}

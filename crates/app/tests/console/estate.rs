//! An environment with one of everything that a page can show: people, groups, connections that work and that do not,
//! rules of both directions, runs that ended and one that is held.

use dropbox_simulator::{MemberSeed, Team};
use serde_json::json;

use crate::{
    routes::{Route, routes},
    support::{Home, World, id, until},
};

/// Furnished: nobody else has these names.
pub(crate) struct Estate {
    pub(crate) world: World,
    /// What every name in it begins with.
    pub(crate) mark: String,
    /// Ids by what the path has before them.
    ids: Vec<(&'static str, String)>,
    /// What must never be on a page.
    pub(crate) secrets: Vec<String>,
}

impl Estate {
    /// Furnishes a place with things whose names begin with these letters.
    pub(crate) async fn of(home: Home, mark: &str) -> Estate {
        let member =
            |name: &str, family: &str| MemberSeed::new(&format!("{mark}{name}@example.com"), name, family);
        let team = Team::builder().member(member("grace", "Hopper")).member(member("alan", "Turing"));
        let world = World::of(home, team, json!({ "DEPROVISION_USERS": true })).await;
        let api = &world.api;
        let name = |it: &str| format!("{mark}{it}");
        let mut ids = Vec::new();

        let people = world.population(&name("people")).await;
        let (ada, bob) = (world.user(&name("ada")).await, world.user(&name("bob")).await);
        let twin = json!({ "email": format!("{mark}ada@example.com") });
        ids.push(("users", ada.clone()));
        ids.push(("users", world.user_with(&name("twin"), twin).await));
        let mut going = Vec::new();
        for n in 0..4 {
            going.push(world.user(&name(&format!("going{n}"))).await);
        }
        let (engineers, everyone) =
            (world.group(&name("engineers")).await, world.group(&name("everyone")).await);
        world.join(&ada, &engineers).await;
        world.join(&bob, &engineers).await;
        api.post(&format!("/groups/{engineers}/memberOfGroups"), json!({ "id": everyone })).await.ok();
        let filtered = json!({ "name": name("dynamic"), "userFilter": format!("username sw \"{mark}a\"") });
        let filtered = id(&api.post("/groups", filtered).await.ok());

        let broken = world.dropbox.configuration(json!({ "OAUTH_CLIENT_SECRET": "canary-not-the-secret" }));
        let body = json!({ "type": "Dropbox", "name": name("broken"), "status": "INACTIVE", "configuration": broken });
        let broken = id(&api.post("/propagation/stores", body).await.ok());
        let inbound = json!({
            "name": name("inbound"), "sourceStore": { "id": world.store }, "targetStore": { "id": world.directory },
            "populationExpression": format!("email sw \"{mark}grace\""),
            "configuration": { "POPULATION_ID": people }, "active": false,
        });
        let inbound = world.rule(inbound).await;
        world.settled(&inbound).await;
        let outbound = json!({
            "name": name("outbound"), "populationExpression": format!("username sw \"{mark}\""),
            "groups": [{ "id": engineers }], "configuration": { "GUARD_MAX_REMOVALS": 1 },
        });
        let outbound = world.outbound_rule(outbound).await;
        world.settled(&outbound).await;
        for user in going {
            api.delete(&format!("/users/{user}")).await.ok();
        }
        until("a run is held", async || world.settled(&outbound).await["status"] == "HELD").await;

        let webhook = json!({
            "name": name("webhook"), "format": "ACTIVITY", "enabled": false, "verifyTlsCertificates": true,
            "filterOptions": { "includedActionTypes": ["USER.CREATED"] },
            "httpEndpoint": {
                "url": "https://example.com/in", "headers": { "Authorization": "Bearer canary-of-a-webhook" },
            },
        });
        let webhook = api.post("/subscriptions", webhook).await.ok();
        let client = api
            .post("/clients", json!({ "name": name("client"), "roles": ["Identity Data Admin"] }))
            .await
            .ok();
        let admin = json!({
            "username": name("helper"), "password": "canary-password-of-a-helper", "roles": ["Identity Data Admin"],
        });
        let admin = id(&api.post("/administrators", admin).await.ok());

        let mut secrets = vec![
            crate::support::SECRET.to_owned(),
            crate::visitor::PASSWORD.to_owned(),
            "canary-password-of-a-helper".to_owned(),
            "canary-not-the-secret".to_owned(),
            "canary-of-a-webhook".to_owned(),
            world.dropbox.0.client_secret(),
            world.dropbox.0.refresh_token(),
        ];
        for made in [&webhook, &client] {
            let found = secrets_in(made);
            assert!(!found.is_empty(), "no secret in {made:#}");
            secrets.extend(found);
        }
        ids.push(("populations", people));
        ids.extend([engineers, everyone, filtered].map(|id| ("groups", id)));
        ids.extend([world.store.clone(), broken].map(|id| ("connections", id)));
        ids.extend([outbound.clone(), inbound.clone()].map(|id| ("rules", id)));
        for rule in [&outbound, &inbound] {
            ids.extend(world.runs(rule).await.iter().map(|run| ("runs", id(run))));
        }
        ids.push(("administrators", admin));
        ids.push(("clients", id(&client)));
        ids.push(("webhooks", id(&webhook)));
        Estate { mark: mark.to_owned(), world, ids, secrets }
    }

    /// Everything that only this place has: its names and its ids.
    pub(crate) fn canaries(&self) -> Vec<String> {
        let ids = self.ids.iter().map(|(_, id)| id.clone());
        ids.chain([self.mark.clone(), self.world.directory.clone()]).collect()
    }

    /// The first of a kind.
    pub(crate) fn one(&self, kind: &str) -> String {
        self.all(kind).remove(0)
    }

    /// All of a kind.
    pub(crate) fn all(&self, kind: &str) -> Vec<String> {
        self.ids.iter().filter(|(of, _)| *of == kind).map(|(_, id)| id.clone()).collect()
    }

    /// The addresses of a route here. A kind of thing that is not here is a fault: a new page needs an example.
    pub(crate) fn addresses(&self, route: &Route) -> Vec<String> {
        let Some((kind, _)) = route.path.split_once("/{id}") else { return vec![route.path.clone()] };
        let kind = kind.rsplit('/').next().unwrap();
        let mut ids = self.all(kind);
        if route.path.ends_with("/census") {
            // A team that cannot be reached has none.
            ids.retain(|id| *id == self.world.store);
        }
        assert!(!ids.is_empty(), "{}: the tests have no example of {kind}", route.path);
        let group = self.one("groups");
        let fill = |id: &String| {
            route.path.replace("{id}", id).replace("{group}", &group).replace("{parent}", &group)
        };
        ids.iter().map(fill).collect()
    }

    /// The addresses of every page that an administrator reads.
    pub(crate) fn pages(&self) -> Vec<String> {
        let routes = routes().into_iter().filter(|route| !route.is_post && !route.open);
        routes.flat_map(|route| self.addresses(&route)).collect()
    }
}

/// Whatever an answer calls a secret.
fn secrets_in(body: &serde_json::Value) -> Vec<String> {
    let Some(fields) = body.as_object() else { return Vec::new() };
    let mut found = Vec::new();
    for (name, value) in fields {
        match value.as_str() {
            Some(text) if name.to_lowercase().contains("secret") => found.push(text.to_owned()),
            _ => found.extend(secrets_in(value)),
        }
    }
    found
}

//! What no page may show: another environment's data, a secret, an action that the signed-in role may not do.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection};

use crate::{
    estate::Estate,
    routes::{ROLES, route_of, routes},
    support::Home,
    visitor::{PASSWORD, USERNAME, Visitor},
};

/// Nobody's id.
const NOBODY: &str = "0197b2d0-0000-7000-8000-00000000dead";

/// Puts everything of one database into another: two environments in one, each made by the server itself.
async fn merge(from: &Home, into: &Home) {
    let mut database = open(into).await;
    let other = from.dir().join("usher.db");
    database.execute(AssertSqlSafe(format!("attach '{}' as other", other.display()))).await.unwrap();
    database.execute("pragma foreign_keys = off").await.unwrap();
    let tables = "select name from other.sqlite_master where type = 'table' and name not like 'sqlite_%' \
                  and name not in ('_sqlx_migrations', 'event_roll')";
    for table in database.fetch_all(tables).await.unwrap() {
        let table: String = table.get(0);
        // One row for everyone: attempts at the door by address, the clock, what is written to see whether it can be.
        let shared = ["attempts", "clock", "write_probe"].contains(&table.as_str());
        let how = if shared { "insert or ignore" } else { "insert" };
        let copy = format!("{how} into main.\"{table}\" select * from other.\"{table}\"");
        database.execute(AssertSqlSafe(copy)).await.unwrap();
    }
    database.close().await.unwrap();
}

async fn open(home: &Home) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", home.dir().join("usher.db").display())).await.unwrap()
}

/// The addresses within the console that a page links to, and those that it has forms for.
fn leads(body: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let of = |before: &str| {
        let found = body.split(before).skip(1).map(|rest| rest.split('"').next().unwrap());
        let found = found.map(|to| to.replace("&amp;", "&").replace("&#38;", "&"));
        found.filter(|to| to.starts_with("/console") && !to.contains("/assets/")).collect()
    };
    (of("href=\""), of("method=\"post\" action=\""))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_shows_another_environments_data_or_any_secret() {
    let home = Home::sqlite();
    let mut ours = Estate::of(home.clone(), "quokka").await;
    let key = home.dir().join("usher.key").display().to_string();
    let elsewhere = Home::with(&[
        ("USHER_SEAL_KEY_FILE", &key),
        ("USHER_BOOTSTRAP_ENVIRONMENT_ID", "0197b2d0-0000-7000-8000-0000000000e2"),
        ("USHER_BOOTSTRAP_CLIENT_ID", "0197b2d0-0000-7000-8000-0000000000c2"),
        ("USHER_BOOTSTRAP_ADMIN_USERNAME", "numbat-root"),
    ]);
    let mut theirs = Estate::of(elsewhere.clone(), "numbat").await;
    theirs.world.usher.stop().await;
    ours.world.usher.stop().await;
    merge(&elsewhere, &home).await;
    ours.world.usher.restart().await;

    let canaries: Vec<String> =
        theirs.canaries().into_iter().chain(["0197b2d0-0000-7000-8000-0000000000e2".to_owned()]).collect();
    let secrets: Vec<&String> = ours.secrets.iter().chain(&theirs.secrets).collect();
    let mut root = Visitor::signed_in(&ours.world.usher, USERNAME, PASSWORD).await;

    // A secret that is shown once, and from then on never.
    root.get("/console/account").await;
    root.send("/console/account/totp", &[]).await;
    let key = root.page.body.split("id=\"key\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(key.len() >= 32, "{key}");

    // Every page by the table, and whatever the pages lead to; none of it is a dead end.
    let mut seen: BTreeSet<String> = ours.pages().into_iter().collect();
    let mut waiting: Vec<(String, String)> =
        seen.iter().map(|path| (path.clone(), "the table".into())).collect();
    while let Some((path, led)) = waiting.pop() {
        let page = root.get(&path).await;
        // A plan may be of somebody who is gone; their page says so.
        let gone = page.status == 404 && path.starts_with("/console/users/");
        assert!(page.status == 200 || gone, "{path}, to which {led} leads: {}", page.text());
        for canary in &canaries {
            assert!(!page.body.contains(canary.as_str()), "{path} shows {canary} of another environment");
        }
        for secret in secrets.iter().copied().chain([&key]) {
            assert!(!page.body.contains(secret.as_str()), "{path} shows a secret: {secret}");
        }
        let further = leads(&page.body).0.into_iter().filter(|to| seen.insert(to.clone()));
        waiting.extend(further.map(|to| (to, path.clone())));
        assert!(seen.len() < 2_000, "the pages lead on without end: {path}");
    }

    // Their things, under our roof: not there, whatever is asked for.
    root.get("/console/account").await;
    let token =
        root.page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for route in routes().iter().filter(|route| route.path.contains("{id}")) {
        for address in theirs.addresses(route) {
            if route.is_post {
                root.post(&address, &[("csrf".to_owned(), token.clone())]).await;
            } else {
                root.get(&address).await;
            }
            assert_eq!(root.page.status, 404, "{address}: {}", root.page.text());
            for canary in &canaries {
                assert!(!root.page.text().contains(canary.as_str()), "{address} shows {canary}");
            }
        }
    }

    // And they are all there for whom they belong to: the walk did not pass by an empty house.
    let mut root = Visitor::signed_in(&ours.world.usher, "numbat-root", PASSWORD).await;
    for path in theirs.pages() {
        assert_eq!(root.get(&path).await.status, 200, "{path}");
    }
    root.get("/console/users").await;
    assert!(root.page.text().contains("numbatada") && !root.page.text().contains("quokka"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_gets_the_pages_that_the_table_says_and_only_leads_that_it_may_follow() {
    let estate = Estate::of(Home::sqlite(), "quokka").await;
    let routes = routes();
    let mut faults = BTreeSet::new();
    for (role, _) in ROLES {
        let username = role.to_lowercase().replace(' ', "-");
        let body = serde_json::json!({ "username": username, "password": "a password for the role", "roles": [role] });
        estate.world.api.post("/administrators", body).await.ok();
        let mut visitor = Visitor::signed_in(&estate.world.usher, &username, "a password for the role").await;
        let token = visitor
            .page
            .body
            .split("name=\"csrf\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        for route in routes.iter().filter(|route| !route.open && !route.is_post) {
            for address in estate.addresses(route) {
                let page = visitor.get(&address).await;
                let wanted = if route.allows(role) { 200 } else { 403 };
                assert_eq!(page.status, wanted, "{role}: {address}: {}", page.text());
                let (links, forms) = leads(&page.body);
                for (to, is_post) in
                    links.iter().map(|to| (to, false)).chain(forms.iter().map(|to| (to, true)))
                {
                    let lead = route_of(&routes, to, is_post);
                    let lead = lead.unwrap_or_else(|| panic!("{address} leads nowhere: {to}"));
                    if !lead.allows(role) {
                        faults.insert(format!(
                            "{role}: {} offers {}, which needs {:?}",
                            route.path, lead.path, lead.needs
                        ));
                    }
                }
            }
        }
        // Forms: refused, or of a thing that is not there or a form that is not filled in.
        for route in routes.iter().filter(|route| route.is_post && route.needs.is_some()) {
            let address = ["{id}", "{group}", "{parent}"]
                .iter()
                .fold(route.path.clone(), |path, id| path.replace(id, NOBODY));
            let status = visitor.post(&address, &[("csrf".to_owned(), token.clone())]).await.status;
            if route.allows(role) {
                assert!([200, 404, 422, 400].contains(&status), "{role}: {address}: {status}");
            } else {
                assert_eq!(status, 403, "{role}: {address}");
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

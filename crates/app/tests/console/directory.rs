//! People, groups and populations, by forms alone: what an administrator does with the script off.

use crate::{
    support::Home,
    visitor::{PASSWORD, USERNAME, Visitor},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn someone_is_made_found_changed_and_deleted_and_the_audit_names_who_did_it() {
    let usher = Home::sqlite().serve().await;
    let mut root = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    root.get("/console/users").await;
    assert!(root.page.text().contains("No users yet"));

    root.get("/console/users/new").await;
    root.send("/console/users", &[("username", "ada"), ("email", "not an address")]).await;
    assert_eq!(root.page.status, 422);
    assert!(root.page.body.contains("aria-describedby=\"email-fault\""), "{}", root.page.text());
    assert!(root.page.body.contains("value=\"ada\""), "what was typed is kept");
    let ada = [
        ("username", "ada"),
        ("email", "ada@example.com"),
        ("given", "Ada"),
        ("family", "Lovelace"),
        ("title", "<b>Dr & Countess</b>"),
    ];
    root.send("/console/users", &ada).await;
    assert!(root.page.text().contains("ada was created."), "{}", root.page.text());
    assert!(!root.page.body.contains("<b>Dr"), "what is typed is no markup");
    assert!(root.page.body.contains("&#60;b&#62;Dr &#38; Countess"), "{}", root.page.text());

    root.get("/console/users?q=LOVE").await;
    let page = root.page.link("Ada");
    root.get("/console/users?q=username+eq+%22ada%22").await;
    assert_eq!(root.page.link("Ada"), page);
    root.get("/console/users?q=favourite+eq+1").await;
    assert!(root.page.text().contains("The filter cannot be used"), "{}", root.page.text());

    root.get("/console/groups/new").await;
    root.send("/console/groups", &[("name", "Engineers")]).await;
    let group = root.page.path.clone();
    root.get(&page).await;
    root.send(&format!("{page}/groups"), &[("group", "nobody's")]).await;
    assert!(root.page.text().contains("There is no group called “nobody&#39;s”"), "{}", root.page.text());
    root.send(&format!("{page}/groups"), &[("group", "engineers")]).await;
    assert!(root.page.text().contains("ada is in Engineers now."), "{}", root.page.text());
    root.get(&group).await;
    assert!(root.page.text().contains("1 direct member"), "{}", root.page.text());

    root.get(&page).await;
    root.send(&format!("{page}/enabled"), &[]).await;
    assert!(root.page.text().contains("ada was disabled."));
    root.get(&format!("{page}/edit")).await;
    root.send(&format!("{page}/edit"), &[("family", ""), ("title", "Countess")]).await;
    assert!(
        root.page.text().contains("Countess") && !root.page.text().contains("lace"),
        "{}",
        root.page.text()
    );

    root.get(&format!("{page}/delete")).await;
    assert!(root.page.text().contains("ada is deleted, and leaves 1 group."), "{}", root.page.text());
    root.send(&format!("{page}/delete"), &[]).await;
    assert!(root.page.text().contains("ada was deleted."));
    root.get(&page).await;
    assert_eq!(root.page.status, 404);

    root.get("/console/audit?kind=users").await;
    let told = root.page.text();
    assert!(
        told.contains("root") && told.contains("USER.DELETED") && told.contains("USER.CREATED"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_csv_with_bad_rows_is_previewed_and_its_good_rows_land() {
    let usher = Home::sqlite().serve().await;
    let mut root = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    let file = "username,email,given,enabled\nada,ada@example.com,Ada,true\nbob,not an address,Bob,true\neve,eve@example.com,Eve,maybe\n";
    root.get("/console/import").await;
    root.upload("/console/import", &[("do", "preview")], file).await;
    let told = root.page.text();
    assert!(told.contains("Preview: nothing was changed") && told.contains("To be created 1"), "{told}");
    assert!(told.contains("3 email:") && told.contains("4 enabled is"), "{told}");
    root.get("/console/users").await;
    assert!(root.page.text().contains("No users yet"));

    root.get("/console/import").await;
    root.upload("/console/import", &[("do", "import")], file).await;
    let told = root.page.text();
    assert!(told.contains("Imported Created 1") && told.contains("Rows at fault 2"), "{told}");
    root.get("/console/users").await;
    assert!(root.page.text().contains("Ada") && !root.page.text().contains("Eve"));

    root.get("/console/import").await;
    root.upload("/console/import", &[("do", "import")], "name,mail\na,b\n").await;
    assert_eq!(root.page.status, 422);
    assert!(
        root.page.text().contains("the first line must name the column username"),
        "{}",
        root.page.text()
    );
}

/// 2,000 people: pages of fifty, each below 150 KB with its script and stylesheet, the last one found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_lists_page_to_their_end_and_stay_small() {
    let usher = Home::sqlite().serve().await;
    let users = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/directory/users.csv");
    let groups = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/directory/groups.csv");
    let done = usher.cli(&["import", users, "--create-populations", "--groups", groups]).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut root = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    let assets = {
        let page = root.page.body.clone();
        let names: Vec<&str> =
            page.split("/console/assets/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(names.iter().filter(|name| name.ends_with(".css")).count(), 1);
        assert_eq!(names.iter().filter(|name| name.ends_with(".js")).count(), 1);
        let mut size = 0;
        for name in names {
            let asset = root.get(&format!("/console/assets/{name}")).await;
            assert!(asset.headers["cache-control"].contains("immutable"));
            size += asset.body.len();
        }
        size
    };
    let mut next = "/console/users".to_owned();
    let mut pages = 0;
    loop {
        root.get(&next).await;
        pages += 1;
        assert!(root.page.body.len() + assets < 150_000, "{next}: {} + {assets}", root.page.body.len());
        if !root.page.body.contains("rel=\"next\"") {
            break;
        }
        next = root.page.link("Next page");
    }
    assert_eq!(pages, 40);
    for path in ["/console", "/console/groups", "/console/populations", "/console/audit", "/console/settings"]
    {
        let size = root.get(path).await.body.len();
        assert!(size + assets < 150_000, "{path}: {size} + {assets}");
    }
}

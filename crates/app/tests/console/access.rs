//! Who gets in, what they are shown, and what they cannot do.

use serde_json::json;

use crate::{
    support::{Home, id},
    visitor::{PASSWORD, USERNAME, Visitor},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_led_to_the_way_in_and_on_to_where_they_wanted_to_go() {
    let usher = Home::sqlite().serve().await;
    let mut visitor = Visitor::of(&usher);
    visitor.get("/console/users?q=ada").await;
    assert_eq!(visitor.page.path, "/console/sign-in");
    assert!(visitor.page.text().contains("Signing in for the first time?"), "{}", visitor.page.text());
    visitor.send("/console/sign-in", &[("username", USERNAME), ("password", "not this")]).await;
    assert_eq!(visitor.page.status, 422);
    assert!(visitor.page.text().contains("The username, the password or the code is wrong."));
    visitor.send("/console/sign-in", &[("username", USERNAME), ("password", PASSWORD)]).await;
    assert_eq!((visitor.page.path.as_str(), visitor.page.status), ("/console/users", 200));
    for (header, wanted) in [("x-frame-options", "DENY"), ("x-content-type-options", "nosniff")] {
        assert_eq!(visitor.page.headers[header], wanted);
    }
    let policy = &visitor.page.headers["content-security-policy"];
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_that_is_tried_too_often_shuts_for_a_while() {
    let usher = Home::sqlite().serve().await;
    let mut visitor = Visitor::of(&usher);
    visitor.get("/console/sign-in").await;
    for _ in 0..8 {
        visitor.send("/console/sign-in", &[("username", USERNAME), ("password", "guess")]).await;
    }
    visitor.send("/console/sign-in", &[("username", USERNAME), ("password", PASSWORD)]).await;
    assert!(visitor.page.text().contains("Too many failed attempts"), "{}", visitor.page.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_the_session_also_for_who_kept_the_cookie() {
    let usher = Home::sqlite().serve().await;
    let mut visitor = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    let kept = visitor.cookie("usher-session").unwrap();
    visitor.send("/console/sign-out", &[]).await;
    assert_eq!(visitor.page.path, "/console/sign-in");
    visitor.steal("usher-session", &kept);
    visitor.get("/console/users").await;
    assert_eq!(visitor.page.path, "/console/sign-in");

    let mut here = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    let mut there = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    here.get("/console/account").await;
    here.send("/console/account/sign-out-everywhere", &[]).await;
    there.get("/console/users").await;
    assert_eq!(there.page.path, "/console/sign-in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_without_the_token_of_this_session_changes_nothing() {
    let usher = Home::sqlite().serve().await;
    let mut visitor = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    let other = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    let theirs = other.page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let user = [("username", "eve"), ("email", "eve@example.com"), ("population", "")];
    for token in ["", "guess", theirs] {
        let mut fields: Vec<_> =
            user.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        fields.push(("csrf".into(), token.into()));
        visitor.post("/console/users", &fields).await;
        assert_eq!(visitor.page.status, 403, "{token}");
        assert!(visitor.page.text().contains("The form was not accepted"));
    }
    visitor.get("/console/users?q=eve").await;
    assert!(visitor.page.text().contains("Nobody is found"));
}

/// Who may only read sees the pages, no way to change anything, and cannot do it by knowing the address either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_shows_or_does_what_the_role_may_not() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let user = id(&api.post("/users", json!({ "username": "ada", "email": "ada@example.com" })).await.ok());
    let body = json!({
        "username": "reader", "password": "a password to read with",
        "roles": ["Identity Data Read Only"],
    });
    api.post("/administrators", body).await.ok();
    let mut reader = Visitor::signed_in(&usher, "reader", "a password to read with").await;

    let own = ["/console/theme", "/console/sign-out"];
    for path in ["/console", "/console/users", "/console/groups", "/console/populations", "/console/settings"]
    {
        reader.get(path).await;
        assert_eq!(reader.page.status, 200, "{path}");
        assert!(reader.page.actions().iter().all(|action| own.contains(&action.as_str())), "{path}");
        for change in ["New user", "New group", "New population", "Import CSV", "New administrator"] {
            assert!(!reader.page.text().contains(change), "{path} offers {change}");
        }
    }
    reader.get(&format!("/console/users/{user}")).await;
    assert!(reader.page.text().contains("ada@example.com"));
    assert!(reader.page.actions().iter().all(|action| own.contains(&action.as_str())));
    assert!(!reader.page.text().contains("Delete"));

    for path in ["/users/new", "/import", "/settings/administrators/new", "/settings/clients/new"] {
        reader.get(&format!("/console{path}")).await;
        assert_eq!(reader.page.status, 403, "{path}");
        assert!(reader.page.text().contains("You may not do this"), "{path}");
    }
    let token = reader.page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = [("csrf".to_owned(), token.to_owned())];
    for path in
        [format!("/users/{user}/delete"), format!("/users/{user}/enabled"), "/settings/clients".into()]
    {
        reader.post(&format!("/console{path}"), &fields).await;
        assert_eq!(reader.page.status, 403, "{path}");
    }
    api.get(&format!("/users/{user}")).await.ok();
}

/// Somebody whose roles are taken away, or who is disabled, has lost them with the next page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_disabled_is_out_at_once() {
    let usher = Home::sqlite().serve().await;
    let mut root = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    root.get("/console/settings/administrators/new").await;
    let fields =
        [("username", "ada"), ("password", "correct horse battery"), ("roles", "Identity Data Admin")];
    root.send("/console/settings/administrators", &fields).await;
    assert!(root.page.text().contains("ada may sign in now."), "{}", root.page.text());
    let mut ada = Visitor::signed_in(&usher, "ada", "correct horse battery").await;
    ada.get("/console/users").await;
    assert_eq!(ada.page.status, 200);

    let link = root.page.link("ada");
    root.get(&link).await;
    let off = [("username".to_owned(), "ada".to_owned()), ("roles".into(), "Identity Data Admin".into())];
    let token =
        root.page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    root.post(&link, &[&off[..], &[("csrf".to_owned(), token)]].concat()).await;
    assert!(root.page.text().contains("ada was saved."), "{}", root.page.text());
    ada.get("/console/users").await;
    assert_eq!(ada.page.path, "/console/sign-in");
}

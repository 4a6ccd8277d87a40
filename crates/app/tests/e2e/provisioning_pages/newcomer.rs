use dropbox_simulator::Team;

use super::{ALL, administrator};
use crate::support::{Dropbox, Home, person, settled, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_connects_a_team_makes_a_rule_and_sees_people_arrive() {
    let dropbox = Dropbox::start(Team::builder()).await;
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    for name in ["ada", "bob", "eve"] {
        api.post("/users", person(name)).await.ok();
    }
    let mut console = administrator(&usher, &api, "newcomer", &ALL).await;
    for secret in [dropbox.0.client_secret(), dropbox.0.refresh_token()] {
        console.never_shows(secret.as_ref());
    }

    // Empty states say what to do first.
    console.open("/console/rules").await;
    console.says("First connect a Dropbox team");
    console.open("/console/connections").await;
    console.says("No connection yet");

    // A wrong secret: Test Connection Failed, and Continue keeps an invalid connection that cannot be switched on.
    console.open("/console/connections/new").await;
    console.open("/console/connections/new/dropbox").await;
    console.submit("/console/connections/new/dropbox", &[("name", "Our team")]).await;
    assert_eq!(console.status, 422);
    console.says("OAUTH_CLIENT_ID is required.");
    let (base, token) = (format!("{}/2", dropbox.0.url()), dropbox.0.token_url());
    let filled = |secret: &'static str| {
        vec![
            ("name".to_owned(), "Our team".to_owned()),
            ("base_url".to_owned(), base.clone()),
            ("token_url".to_owned(), token.clone()),
            ("client_id".to_owned(), dropbox.0.client_id()),
            ("client_secret".to_owned(), secret.to_owned()),
            ("refresh_token".to_owned(), dropbox.0.refresh_token()),
        ]
    };
    let wrong = filled("not-the-secret");
    let wrong: Vec<(&str, &str)> =
        wrong.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    console.submit("/console/connections/new/dropbox", &wrong).await;
    console.says("Test Connection Failed");
    console
        .says("You can't use the connection for provisioning until you've established a valid connection.");
    console.says("Token Failed");
    let stores = api.list("/propagation/stores", "stores").await;
    let store = stores.iter().find(|store| store["name"] == "Our team").unwrap();
    assert_eq!(store["status"], "INACTIVE");
    let connection = format!("/console/connections/{}", store["id"].as_str().unwrap());
    console.open(&connection).await;
    console.says("It does not work.");
    console.submit(&format!("{connection}/toggle"), &[]).await;
    assert_eq!(console.status, 422);
    console.says("It stays off.");

    // Put right: every check by its name; a blank secret keeps the one that is stored.
    console.open(&format!("{connection}/edit")).await;
    let secret = dropbox.0.client_secret();
    console.submit(&format!("{connection}/edit"), &[("client_secret", &secret), ("go", "test")]).await;
    console.says("The connection works.");
    for check in ["Token Works", "Team Works", "Administrator Works", "members.write"] {
        console.says(check);
    }
    console.open(&format!("{connection}/actions")).await;
    // Disable depends on update.
    console.submit_without(&format!("{connection}/actions"), "update", &[]).await;
    console.says("Users disable Off");
    console.open(&format!("{connection}/actions")).await;
    console
        .submit(
            &format!("{connection}/actions"),
            &[("update", "true"), ("disable", "true"), ("deprovision", "true")],
        )
        .await;
    console.says("Users disable On");
    console.submit(&format!("{connection}/toggle"), &[]).await;
    console.says("is on; its rules run.");

    // New Rule: each step in the same form; nothing is kept before Save.
    let new = "/console/rules/new";
    console.open(new).await;
    console.submit(new, &[("go", "next")]).await;
    console.submit(new, &[("go", "next")]).await;
    assert_eq!(console.status, 422, "a rule has a name");
    console.submit(new, &[("name", "Everyone but Eve"), ("go", "next")]).await;
    console.says("Which users");
    console.submit(new, &[("go", "add-row:")]).await;
    // group, all, row, attribute, operator, value, end
    console.submit(new, &[("c[3]", "username"), ("c[4]", "ne"), ("c[5]", "eve"), ("go", "count")]).await;
    console.says("2 of 3 users");
    assert!(console.html.contains("username ne &#34;eve&#34;</textarea>"), "the text follows the rows");
    console.submit(new, &[("filter", "username eq"), ("go", "next")]).await;
    assert_eq!(console.status, 422);
    console.submit(new, &[("filter", "username ne \"eve\" and enabled eq true"), ("go", "next")]).await;
    console.says("Attribute mapping");
    console.submit(new, &[("go", "defaults")]).await;
    console
        .submit(
            new,
            &[("m_source[1]", ""), ("m_expression[1]", "user.name."), ("try_user", "ada"), ("go", "try:1")],
        )
        .await;
    console.says("expression, column");
    let upper = "#string.upperCase(user.name.given)";
    console.submit(new, &[("m_expression[1]", upper), ("try_user", "ada"), ("go", "try:1")]).await;
    console.says("For ada this gives ADA");
    console.submit(new, &[("go", "next")]).await;
    console.says("Guard against mass removal");
    console.submit(new, &[("go", "next")]).await;
    console.says("Preview of the effect");
    console.says("Create accounts 2");
    console.says("create ada@example.com");
    assert!(api.list("/propagation/rules", "rules").await.is_empty(), "nothing was saved");
    console.submit(new, &[("go", "save")]).await;
    console.says("it is on, and its sync begins");

    let rules = api.list("/propagation/rules", "rules").await;
    let rule = rules[0]["id"].as_str().unwrap().to_owned();
    settled(&api, &rule).await;
    until("both are invited", async || dropbox.people().len() == 2).await;
    assert!(dropbox.people()[0].starts_with("ada@example.com ADA Example"), "{:?}", dropbox.people());
    console.open(&format!("/console/rules/{rule}")).await;
    console.says("Impacted 2");
    console.open(&format!("/console/rules/{rule}/directory")).await;
    console.says("ada");
    console.open(&format!("/console/rules/{rule}/preview")).await;
    console.says("Nothing to do.");
    console.open(&format!("/console/rules/{rule}/runs")).await;
    console.says("Succeeded");

    // A member who is changed in Dropbox is put back by the next full sync; the preview says so, old and new.
    dropbox.0.team().rename_by_person("ada@example.com", "Somebody", "Else").unwrap();
    console.open(&format!("/console/rules/{rule}/preview")).await;
    console.says("given_name Somebody → becomes ADA");
    console.submit(&format!("/console/rules/{rule}/sync"), &[]).await;
    console.says("A full sync was started.");
    until("she is called as the directory says", async || {
        dropbox.people()[0].starts_with("ada@example.com ADA Example")
    })
    .await;

    // Deleting says what becomes of whom.
    console.open(&format!("/console/rules/{rule}/delete")).await;
    console.says("It has linked 2 accounts");
    console.says("This plan cancels 2 invitations.");
    console.open(&format!("{connection}/delete")).await;
    console.says("It is in use.");
}

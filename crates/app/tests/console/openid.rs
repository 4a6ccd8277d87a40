//! Signing in by an OpenID provider: whom it lets in, whom it binds, and what is refused.

use serde_json::{Value, json};

use crate::{
    browser::Browser,
    provider::{CLIENT, CLIENT_SECRET, Plan, Provider, Signed, seconds},
    support::{Api, Home, Usher, id},
    visitor::{PASSWORD, USERNAME, Visitor},
};

const ADA: &str = "ada@example.com";
/// The audit wants to be asked for a time.
const SINCE: &str = "recordedAt%20gt%20%222020-01-01T00:00:00Z%22";

/// Makes an administrator; their id.
async fn administrator(api: &Api, username: &str, roles: &[&str]) -> String {
    let body = json!({ "username": username, "password": "correct horse battery", "roles": roles });
    id(&api.post("/administrators", body).await.ok())
}

/// Comes back from the provider.
async fn come(visitor: &mut Visitor) {
    visitor.get("/console/sign-in").await;
    let link = visitor.page.link("Sign in with Example&#39;s login");
    visitor.get(&link).await;
}

/// Nobody is in: what the page says.
async fn out(visitor: &mut Visitor) -> (u16, String) {
    let told = (visitor.page.status, visitor.page.text());
    assert_eq!(visitor.page.path, "/console/sign-in/provider/callback", "{}", told.1);
    visitor.get("/console/users").await;
    assert_eq!(visitor.page.path, "/console/sign-in", "somebody is in after: {}", told.1);
    told
}

/// What the audit tells of administrators who come in, the newest last.
async fn told(api: &Api) -> Vec<String> {
    let events = api.list(&format!("/activities?filter={SINCE}"), "activities").await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut told: Vec<String> = events
        .iter()
        .map(|event| {
            let (action, result) = (&event["action"], &event["result"]);
            format!("{} {} {}", text(&action["type"]), text(&result["status"]), text(&result["description"]))
        })
        .filter(|told| told.contains("Administrator ") && !told.contains("_ASSIGNMENT"))
        .collect();
    told.reverse();
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_is_known_by_their_verified_address_once_and_then_by_their_account() {
    let provider = Provider::start().await;
    let usher = provider.home().serve().await;
    let api = usher.api().await;
    let ada = administrator(&api, "Ada@Example.com", &["Identity Data Admin"]).await;

    // To where they wanted to go.
    provider.signs_in("ada-7", ADA);
    let mut visitor = Visitor::of(&usher);
    visitor.get("/console/users?q=a%26b").await;
    visitor.get(&visitor.page.link("Sign in with")).await;
    assert_eq!((visitor.page.path.as_str(), visitor.page.status), ("/console/users", 200));
    assert!(visitor.page.body.contains("value=\"a&#38;b\""), "{}", visitor.page.body);
    visitor.get("/console/account").await;
    assert!(visitor.page.text().contains("Also signed in by your account at http://127.0.0.1"));
    let asked = provider.last();
    assert_eq!(asked["redirect_uri"], format!("{}/console/sign-in/provider/callback", usher.url()));
    assert!(!asked.contains_key("prompt"));

    // Their address there is another one now: they are still Ada.
    provider.signs_in("ada-7", "a.lovelace@example.com");
    let mut visitor = Visitor::of(&usher);
    come(&mut visitor).await;
    assert_eq!(visitor.page.path, "/console");

    // Their address was given to somebody else, who is not Ada.
    provider.signs_in("eve-9", ADA);
    let mut eve = Visitor::of(&usher);
    come(&mut eve).await;
    let (status, text) = out(&mut eve).await;
    assert_eq!(status, 403);
    assert!(
        text.contains("ada@example.com is an administrator here, but is bound to another account at Example&#39;s login."),
        "{text}"
    );
    assert!(text.contains("release ada@example.com from the old one under Settings"), "{text}");
    assert!(usher.printed().contains("is bound to another account there"));

    // Until an administrator who may releases Ada; her session by that account ends.
    let mut root = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    let shown = api.get(&format!("/administrators/{ada}")).await.ok();
    assert_eq!(shown["provider"]["subject"], "ada-7", "{shown:#}");
    root.get(&format!("/console/settings/administrators/{ada}")).await;
    let text = root.page.text();
    assert!(text.contains(shown["provider"]["issuer"].as_str().unwrap()) && text.contains("ada-7"), "{text}");
    root.send(&format!("/console/settings/administrators/{ada}/provider/off"), &[]).await;
    assert!(root.page.text().contains("is no longer bound to an account at the OpenID provider"));
    visitor.get("/console").await;
    assert_eq!(visitor.page.path, "/console/sign-in");
    provider.signs_in("ada-8", ADA);
    let mut visitor = Visitor::of(&usher);
    come(&mut visitor).await;
    assert_eq!(visitor.page.path, "/console");

    insta::assert_snapshot!(told(&api).await.join("\n"), @"
    USER.CREATED SUCCESS Created Administrator root
    USER.CREATED SUCCESS Created Administrator Ada@Example.com
    USER.UPDATED SUCCESS Bound the account at the OpenID provider of Administrator Ada@Example.com
    USER.ACCESS_ALLOWED SUCCESS Signed in by the OpenID provider Administrator Ada@Example.com
    USER.ACCESS_ALLOWED SUCCESS Signed in by the OpenID provider Administrator Ada@Example.com
    USER.ACCESS_DENIED FAILED Refused to sign in by the OpenID provider Administrator Ada@Example.com
    USER.ACCESS_ALLOWED SUCCESS Signed in Administrator root
    USER.UPDATED SUCCESS Released the account at the OpenID provider of Administrator Ada@Example.com
    USER.UPDATED SUCCESS Bound the account at the OpenID provider of Administrator Ada@Example.com
    USER.ACCESS_ALLOWED SUCCESS Signed in by the OpenID provider Administrator Ada@Example.com
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_another_username_an_administrator_is_released_from_the_account() {
    let provider = Provider::start().await;
    let usher = provider.home().serve().await;
    let api = usher.api().await;
    let ada = administrator(&api, ADA, &["Identity Data Admin"]).await;
    provider.signs_in("ada-7", ADA);
    let mut visitor = Visitor::of(&usher);
    come(&mut visitor).await;
    assert_eq!(visitor.page.path, "/console");
    // Ada's place is taken by Eve.
    let body = json!({ "username": "eve@example.com", "roles": ["Identity Data Admin"], "enabled": true });
    api.put(&format!("/administrators/{ada}"), body).await.ok();
    visitor.get("/console").await;
    assert_eq!(visitor.page.path, "/console/sign-in", "the session that Ada's account opened goes on");
    let mut visitor = Visitor::of(&usher);
    come(&mut visitor).await;
    assert_eq!(out(&mut visitor).await.0, 403, "Ada's account signs Eve in");
    provider.signs_in("eve-9", "eve@example.com");
    let mut visitor = Visitor::of(&usher);
    come(&mut visitor).await;
    assert_eq!(visitor.page.path, "/console");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_signed_in_stays_who_they_are_until_they_sign_out() {
    let provider = Provider::start().await;
    let usher = provider.home().serve().await;
    administrator(&usher.api().await, ADA, &["Identity Data Admin"]).await;
    provider.signs_in("ada-7", ADA);
    let mut visitor = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    visitor.get("/console/sign-in/provider").await;
    assert_eq!(visitor.page.path, "/console");
    assert!(visitor.page.text().contains("root (my account)"), "{}", visitor.page.text());
    visitor.send("/console/sign-out", &[]).await;
    visitor.get("/console/sign-in/provider").await;
    assert!(visitor.page.text().contains("ada@example.com (my account)"), "{}", visitor.page.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_lies_lets_nobody_in_and_the_log_says_why() {
    let provider = Provider::start().await;
    let usher = provider.home().serve().await;
    administrator(&usher.api().await, ADA, &["Identity Data Admin"]).await;
    let lies = [
        (json!({ "nonce": "another" }), Signed::Well, "it belongs to another sign-in (nonce)"),
        (json!({ "nonce": null }), Signed::Well, "it belongs to another sign-in (nonce)"),
        (json!({ "aud": "somebody else" }), Signed::Well, "it is for another client (aud)"),
        (json!({ "aud": [CLIENT, "x"], "azp": "x" }), Signed::Well, "it was given to another client (azp)"),
        (json!({ "exp": 1_700_000_000 }), Signed::Well, "it has expired (exp)"),
        (json!({ "iat": null }), Signed::Well, "missing field `iat`"),
        (json!({ "iat": seconds() + 3600 }), Signed::Well, "it was issued in the future (iat)"),
        (
            json!({ "iss": "https://id.example.com" }),
            Signed::Well,
            "it is of another issuer (iss https://id.example.com)",
        ),
        (json!({}), Signed::ByAnother, "it is not good: InvalidSignature"),
        (json!({}), Signed::Not, "its header cannot be read"),
        (json!({}), Signed::ByHmac, "it is signed by HS256"),
    ];
    for (lie, signed, why) in lies {
        let mut claims = json!({ "email": ADA, "email_verified": true });
        claims.as_object_mut().unwrap().extend(lie.as_object().unwrap().clone());
        provider.does(Plan { claims, signed, ..Plan::default() });
        let before = usher.printed().len();
        let mut visitor = Visitor::of(&usher);
        come(&mut visitor).await;
        let (status, text) = out(&mut visitor).await;
        assert_eq!(status, 502, "{why}: {text}");
        assert!(text.contains("Signing in with Example&#39;s login does not work just now."), "{text}");
        assert!(!text.contains("nonce") && !text.contains("HS256"), "a stranger is told too much: {text}");
        assert!(usher.printed()[before..].contains(why), "the log does not say: {why}");
    }
    // The same, when nothing is a lie.
    provider.signs_in("ada-7", ADA);
    let mut visitor = Visitor::of(&usher);
    come(&mut visitor).await;
    assert_eq!(visitor.page.path, "/console");
    for secret in [CLIENT_SECRET, "canary-access-token", "eyJ"] {
        assert!(!usher.printed().contains(secret), "the log holds {secret}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_back_is_good_once_and_in_the_browser_that_went() {
    let provider = Provider::start().await;
    let usher = provider.home().serve().await;
    administrator(&usher.api().await, ADA, &["Identity Data Admin"]).await;
    provider.signs_in("ada-7", ADA);
    let stale = "This sign-in was begun in another browser, has been used, or took longer than ten minutes.";

    // What another browser brought back is worth nothing here.
    let mut other = Visitor::of(&usher);
    other.get("/console/sign-in").await;
    let there = other.page.link("Sign in with");
    let back = other.redirections(&there, 2).await;
    assert!(back.contains("/callback?state=") && back.contains("&code="), "{back}");
    let mut visitor = Visitor::of(&usher);
    visitor.get("/console/sign-in").await;
    visitor.get(&back).await;
    let (status, text) = out(&mut visitor).await;
    assert!(status == 403 && text.contains(stale), "{text}");

    // In its own it is, once: then the state is used up, and with another state the code.
    let visit = other.cookie("usher-visit").unwrap();
    other.get(&back).await;
    assert_eq!(other.page.path, "/console");
    let mut again = Visitor::of(&usher);
    again.get(&back).await;
    let (_, text) = out(&mut again).await;
    assert!(text.contains(stale), "{text}");
    again.steal("usher-visit", &visit);
    again.get(&back).await;
    let (status, text) = out(&mut again).await;
    assert!(status == 502 && text.contains("does not work just now"), "{text}");
    assert!(usher.printed().contains("invalid_grant"));

    // Without any sense.
    for nonsense in ["", "?state=x", "?code=x", "?error=access_denied", "?state=1.2.3.4&code=x"] {
        again.get(&format!("/console/sign-in/provider/callback{nonsense}")).await;
        let (_, text) = out(&mut again).await;
        assert!(text.contains(stale), "{text}");
    }

    // Somewhere else is never led to.
    let mut visitor = Visitor::of(&usher);
    visitor.get("/console/sign-in/provider?next=https%3A%2F%2Fevil.example").await;
    assert_eq!(visitor.page.path, "/console");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_no_administrator_or_not_surely_one_is_told_what_to_do() {
    let provider = Provider::start().await;
    let usher = provider.home().serve().await;
    let api = usher.api().await;
    let bob = administrator(&api, "bob@example.com", &["Identity Data Admin"]).await;
    let disabled =
        json!({ "username": "bob@example.com", "roles": ["Identity Data Admin"], "enabled": false });
    api.put(&format!("/administrators/{bob}"), disabled).await.ok();
    administrator(&api, ADA, &["Identity Data Admin"]).await;
    let said = async |plan: Plan| {
        provider.does(plan);
        let mut visitor = Visitor::of(&usher);
        come(&mut visitor).await;
        let another = visitor.page.link("Use another account");
        let told = out(&mut visitor).await;
        assert_eq!(told.0, 403, "{}", told.1);
        visitor.get(&another).await;
        assert_eq!(provider.last()["prompt"], "select_account");
        told.1
    };
    let plan = |claims: Value| Plan { claims, ..Plan::default() };
    let of = |email: &str, verified: Value| json!({ "email": email, "email_verified": verified });

    let text = said(plan(of("grace@example.com", json!(true)))).await;
    assert!(
        text.contains(
            "grace@example.com is signed in at Example&#39;s login, but is not an administrator here"
        ),
        "{text}"
    );
    assert!(
        text.contains("Ask an administrator of Usher to add grace@example.com under Settings."),
        "{text}"
    );
    let text = said(plan(of("bob@example.com", json!(true)))).await;
    assert!(text.contains("but is disabled as an administrator here"), "{text}");
    assert!(
        text.contains("Ask an administrator of Usher to enable bob@example.com under Settings"),
        "{text}"
    );
    // Whoever has `root` for an address at the provider is not root here.
    let text = said(plan(of(USERNAME, json!(true)))).await;
    assert!(
        text.contains("root is signed in at Example&#39;s login, but is not an administrator here"),
        "{text}"
    );
    assert_eq!(api.list("/administrators", "administrators").await.len(), 3, "nobody is made by signing in");
    for unverified in [json!(false), json!(null), json!("no")] {
        let text = said(plan(of(ADA, unverified))).await;
        assert!(text.contains("does not say that ada@example.com is verified"), "{text}");
    }
    // A name is no address, however it looks; nor is what is said of somebody else.
    let named = json!({ "preferred_username": ADA, "name": ADA });
    let about = |sub: &str| json!({ "sub": sub, "email": ADA, "email_verified": true });
    let text = said(Plan {
        userinfo: json!({ "sub": "ada-7" }),
        ..plan(json!({ "sub": "ada-7", "preferred_username": ADA }))
    })
    .await;
    assert!(text.contains("tells no e-mail address of you"), "{text}");
    provider.does(Plan { userinfo: about("somebody else"), ..plan(named) });
    let mut visitor = Visitor::of(&usher);
    come(&mut visitor).await;
    assert_eq!(out(&mut visitor).await.0, 502);

    let text = said(Plan { error: Some("access_denied"), ..Plan::default() }).await;
    assert!(text.contains("did not let you go on to Usher, or you did not want to."), "{text}");
    assert!(!text.contains("900"), "somebody else's words are on our page: {text}");
    let text = said(Plan { error: Some("server_error"), ..Plan::default() }).await;
    assert!(text.contains("Example&#39;s login signed nobody in."), "{text}");
    let printed = usher.printed();
    for why in [
        "no administrator has this e-mail address as their username",
        "the administrator is disabled",
        "the provider does not say that the e-mail address is verified",
        "Call +1 900 555.",
    ] {
        assert!(printed.contains(why), "the log does not say: {why}");
    }

    // The address may be at the user info endpoint only, or be verified only there.
    provider.does(Plan { userinfo: about("ada-7"), ..plan(json!({ "sub": "ada-7", "email": ADA })) });
    let mut visitor = Visitor::of(&usher);
    come(&mut visitor).await;
    assert_eq!(visitor.page.path, "/console");
    provider.does(Plan { userinfo: about("ada-7"), ..plan(json!({ "sub": "ada-7" })) });
    let mut visitor = Visitor::of(&usher);
    come(&mut visitor).await;
    assert_eq!(visitor.page.path, "/console");
    let told = told(&api).await;
    let denied: Vec<_> = told.iter().filter(|told| told.contains("DENIED")).collect();
    assert_eq!(denied.len(), 2, "once for each time that Bob came: {told:#?}");
    assert!(denied.iter().all(|told| told.ends_with("by the OpenID provider Administrator bob@example.com")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_of_ushers_own_is_asked_for_unless_one_was_shown_there() {
    let provider = Provider::start().await;
    let usher = provider.home().serve().await;
    let api = usher.api().await;
    administrator(&api, ADA, &["Identity Data Admin"]).await;
    let mut visitor = Visitor::signed_in(&usher, ADA, "correct horse battery").await;
    visitor.get("/console/account").await;
    visitor.send("/console/account/totp", &[]).await;
    let key = visitor.page.body.split("id=\"key\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    visitor.send("/console/account/totp/confirm", &[("code", &code_at(&key, seconds()))]).await;
    let recovery = visitor.page.text();
    assert!(recovery.contains("Recovery codes"), "{recovery}");
    let recovery: Vec<&str> = recovery.split(' ').filter(|word| word.len() == 19).collect();

    // The provider vouches, and that is not enough: nothing is open, and nobody is bound yet.
    provider.signs_in("ada-7", ADA);
    let mut visitor = Visitor::of(&usher);
    visitor.get("/console/sign-in/provider?next=/console/groups").await;
    assert_eq!(visitor.page.path, "/console/sign-in/code");
    let half = visitor.cookie("usher-session").unwrap();
    let mut thief = Visitor::of(&usher);
    thief.steal("usher-session", &half);
    thief.get("/console/users").await;
    assert_eq!(thief.page.path, "/console/sign-in");
    assert!(!told(&api).await.iter().any(|told| told.contains("Bound") || told.contains("OpenID")));
    visitor.send("/console/sign-in/code", &[("code", "AAAA-AAAA-AAAA-AAAA")]).await;
    assert_eq!(visitor.page.status, 422);
    visitor.send("/console/sign-in/code", &[("code", recovery[0])]).await;
    assert_eq!((visitor.page.path.as_str(), visitor.page.status), ("/console/groups", 200));

    // Who showed several factors there need not show another one here.
    let claims = json!({ "sub": "ada-7", "email": ADA, "amr": ["pwd", "mfa"] });
    provider.does(Plan { claims, ..Plan::default() });
    let mut visitor = Visitor::of(&usher);
    come(&mut visitor).await;
    assert_eq!(visitor.page.path, "/console");
    let told = told(&api).await;
    insta::assert_snapshot!(told[told.len() - 4..].join("\n"), @"
    USER.ACCESS_DENIED FAILED Refused to sign in Administrator ada@example.com
    USER.UPDATED SUCCESS Bound the account at the OpenID provider of Administrator ada@example.com
    USER.ACCESS_ALLOWED SUCCESS Signed in by a recovery code Administrator ada@example.com
    USER.ACCESS_ALLOWED SUCCESS Signed in by the OpenID provider Administrator ada@example.com
    ");
}

/// The code that an authenticator app shows at that time.
pub(crate) fn code_at(key: &str, seconds: u64) -> String {
    let secret = totp_rs::Secret::try_from_base32(key).unwrap();
    format!(
        "{:0>6}",
        totp_rs::Builder::new().with_secret(secret).build().unwrap().generate(seconds).to_string()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_cannot_be_tried_endlessly_from_one_address() {
    let provider = Provider::start().await;
    let usher = provider.home().serve().await;
    administrator(&usher.api().await, ADA, &["Identity Data Admin"]).await;
    provider.signs_in("ada-7", ADA);
    let mut visitor = Visitor::of(&usher);
    visitor.get("/console/sign-in").await;
    let back = visitor.redirections("/console/sign-in/provider", 2).await;
    for _ in 0..30 {
        visitor.get(&format!("{back}0")).await;
        assert_eq!(visitor.page.status, 502);
    }
    visitor.get(&back).await;
    let (status, text) = out(&mut visitor).await;
    assert!(status == 429 && text.contains("Too many failed attempts."), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_not_there_stands_in_nobodys_way() {
    let usher = Home::with(&[
        ("USHER_PUBLIC_URL", "{url}"),
        ("USHER_OIDC_ISSUER", "http://127.0.0.1:1"),
        ("USHER_OIDC_CLIENT_ID", CLIENT),
        ("USHER_OIDC_CLIENT_SECRET", CLIENT_SECRET),
    ]);
    let usher = usher.serve().await;
    let mut visitor = Visitor::of(&usher);
    visitor.get("/console/sign-in").await;
    let link = visitor.page.link("Sign in with 127.0.0.1");
    visitor.get(&link).await;
    assert_eq!(visitor.page.status, 502);
    assert!(visitor.page.text().contains("Sign in with your password."), "{}", visitor.page.text());
    assert!(usher.printed().contains("OPENID_PROVIDER_UNREACHABLE"));
    let root = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    shows_what_to_register(root, &usher).await;

    let usher = Home::sqlite().serve().await;
    let mut visitor = Visitor::of(&usher);
    visitor.get("/console/sign-in").await;
    assert!(!visitor.page.body.contains("sign-in/provider"));
    for path in ["/console/sign-in/provider", "/console/sign-in/provider/callback?code=1&state=2"] {
        visitor.get(path).await;
        assert_eq!(visitor.page.status, 404);
    }
}

async fn shows_what_to_register(mut root: Visitor, usher: &Usher) {
    root.get("/console/settings").await;
    let text = root.page.text();
    assert!(
        text.contains(&format!("Redirect URI {}/console/sign-in/provider/callback", usher.url())),
        "{text}"
    );
    assert!(text.contains("Client ID usher of tests"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_signs_in_by_the_provider_in_a_browser() {
    let provider = Provider::start().await;
    let usher = provider.home().serve().await;
    let Some(browser) = Browser::at(&usher).await else { return };
    administrator(&usher.api().await, ADA, &["Identity Data Admin"]).await;
    // Refused first; then by another account, to the page that was asked for.
    provider.signs_in("grace-1", "grace@example.com");
    browser.open("/console/groups").await;
    browser.click("main a[href^='/console/sign-in/provider']").await;
    browser.says("grace@example.com is signed in at Example's login, but is not an administrator here").await;
    browser.click("main a[href='/console/sign-in']").await;
    provider.signs_in("ada-7", ADA);
    browser.open("/console/groups").await;
    browser.click("main a[href^='/console/sign-in/provider']").await;
    browser.says("New group").await;
    assert_eq!(browser.path().await, "/console/groups");
    browser.click("form[action='/console/sign-out'] button").await;
    browser.says("Sign in with Example's login").await;
    // What is left of the way back in the browser's history leads nowhere.
    browser.script("history.back()", json!([])).await;
    browser.open("/console/groups").await;
    browser.says("Sign in with Example's login").await;
}

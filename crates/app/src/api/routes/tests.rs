//! Every route × every role, through the real router on a real database; and what is no good token. Made from the table,
//! so that a new route is asked as soon as it is there.

use axum::{
    body::Body,
    http::{Request, header::AUTHORIZATION},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use usher_domain::{
    ClientId, EnvironmentId, Secret, Timestamp,
    access::{Role, SigningKey, WorkerClient},
    directory::change::{ChangeSet, Write},
};
use uuid::Uuid;

use super::*;
use crate::{
    access::{
        permission::Permission::{ReadAccess, ReadActivities, ReadConfiguration, ReadIdentities},
        token::{Bearer, encode},
    },
    config::Config,
    serve::join,
};

const OURS: EnvironmentId = EnvironmentId(Uuid::from_u128(0xe1));
const THEIRS: EnvironmentId = EnvironmentId(Uuid::from_u128(0xe2));

/// The API on a database of its own, and clients of every kind.
struct House {
    app: AppState,
    router: Router,
    _dir: tempfile::TempDir,
}

impl House {
    async fn new() -> House {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name).display().to_string();
        let config = Config::load(None, |name| match name {
            "USHER_DATABASE_URL" => Some(format!("sqlite://{}", file("usher.db"))),
            "USHER_SEAL_KEY_FILE" => Some(file("usher.key")),
            "USHER_BOOTSTRAP_ENVIRONMENT_ID" => Some(OURS.to_string()),
            _ => None,
        });
        let app = join(&config.unwrap()).await.unwrap().app;
        let mut other = app.store.environment(OURS).await.unwrap().unwrap();
        other.id = THEIRS;
        let writes = vec![Write::Environment(other)];
        app.store.commit(&ChangeSet { writes, ..ChangeSet::default() }).await.unwrap();
        House { router: router(app.clone()), app, _dir: dir }
    }

    /// A client with these roles; answers its token.
    async fn client(&self, environment: EnvironmentId, roles: &[Role], enabled: bool) -> Bearer {
        let client = WorkerClient {
            id: ClientId(self.app.ids.next()),
            environment,
            name: format!("a client with {roles:?}"),
            description: None,
            secret_hash: "none".into(),
            old_secret: None,
            token_generation: 0,
            roles: roles.to_vec(),
            enabled,
            created_at: self.app.clock.now(),
            updated_at: self.app.clock.now(),
            version: 1,
        };
        let bearer = Bearer { client: client.id, environment, generation: 0 };
        let writes = vec![Write::Client(client)];
        self.app.store.commit(&ChangeSet { writes, ..ChangeSet::default() }).await.unwrap();
        bearer
    }

    async fn token(&self, bearer: Bearer) -> String {
        let signed = self.app.tokens.sign(bearer, self.app.clock.now(), self.app.ids.next()).await;
        signed.unwrap().unwrap()
    }

    /// The status and body that a route answers to this token.
    async fn ask(&self, route: &Route, token: Option<&str>) -> (u16, Value) {
        let mut request = Request::builder().method(&route.method).uri(address(&route.path, OURS));
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let media_type = route.takes.first().map_or("application/json", |(media_type, _)| media_type);
        let request = request.header(header::CONTENT_TYPE, media_type).body(Body::from("{}")).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Every route that asks for a token answers 401 to this one.
    async fn refuses(&self, what: &str, token: Option<&str>) {
        for route in table().iter().filter(|route| route.permission.is_some()) {
            let (status, body) = self.ask(route, token).await;
            assert_eq!(status, 401, "{what}: {} {}: {body}", route.method, route.path);
            assert_eq!(body["code"], "INVALID_TOKEN", "{what}: {body}");
        }
    }
}

/// The path with ids in place of its parameters, none of which is there but the environment's.
fn address(path: &str, environment: EnvironmentId) -> String {
    let parts = path.split('/').map(|part| match part {
        "{environmentId}" => environment.to_string(),
        part if part.starts_with('{') => Uuid::from_u128(0xdead).to_string(),
        part => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_lets_in_the_roles_that_it_names_and_nobody_else() {
    let house = House::new().await;
    for role in Role::ALL {
        let token = house.token(house.client(OURS, &[role], true).await).await;
        for route in table() {
            let Some(permission) = route.permission else { continue };
            let (status, body) = house.ask(&route, Some(&token)).await;
            let what = format!("{role:?}: {} {}: {status} {body}", route.method, route.path);
            if permission.roles().contains(&role) {
                assert!(status != 401 && status != 403 && status < 500, "{what}");
            } else {
                assert_eq!(status, 403, "{what}");
                assert_eq!(body["code"], "ACCESS_FAILED", "{what}");
                let message = body["message"].as_str().unwrap_or_default();
                // Clients of PingOne look for these words and try again.
                let known = "The actor attempting to perform the request is not authorized.";
                assert!(message.starts_with(known), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_without_roles_may_do_nothing() {
    let house = House::new().await;
    let token = house.token(house.client(OURS, &[], true).await).await;
    for route in table().iter().filter(|route| route.permission.is_some()) {
        assert_eq!(house.ask(route, Some(&token)).await.0, 403, "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn an_open_route_asks_for_no_token() {
    let house = House::new().await;
    for route in table().iter().filter(|route| route.permission.is_none() && route.method == Method::GET) {
        assert_eq!(house.ask(route, None).await.0, 200, "{}", route.path);
    }
}

#[tokio::test]
async fn a_token_that_is_missing_expired_or_forged_opens_nothing() {
    let house = House::new().await;
    let bearer = house.client(OURS, &Role::ALL, true).await;
    let good = house.token(bearer).await;
    let [head, claims, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let decoded =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());

    house.refuses("no token", None).await;
    house.refuses("an empty token", Some("")).await;
    house.refuses("no JWT", Some("password")).await;

    let long_ago = Timestamp::from_millis(house.app.clock.now().as_millis() - 2 * 3600 * 1000);
    let expired = house.app.tokens.sign(bearer, long_ago, house.app.ids.next()).await.unwrap().unwrap();
    house.refuses("expired", Some(&expired)).await;

    house.refuses("cut short", Some(&good[..good.len() - 4])).await;
    house.refuses("without its signature", Some(&format!("{head}.{claims}."))).await;

    let mut unsigned = decoded(head);
    unsigned["alg"] = json!("none");
    house.refuses("alg none", Some(&format!("{}.{claims}.", encoded(&unsigned)))).await;
    house.refuses("alg none, signed", Some(&format!("{}.{claims}.{signature}", encoded(&unsigned)))).await;

    let mut longer = decoded(claims);
    longer["exp"] = json!(longer["exp"].as_i64().unwrap() + 86_400);
    house.refuses("lengthened", Some(&format!("{head}.{}.{signature}", encoded(&longer)))).await;

    let kid = Uuid::parse_str(decoded(head)["kid"].as_str().unwrap()).unwrap();
    let key = SigningKey { id: kid, key: Secret::new("a key of theirs"), created_at: house.app.clock.now() };
    let forged = encode(&key, bearer, house.app.clock.now(), house.app.ids.next()).unwrap();
    house.refuses("signed with another key", Some(&forged)).await;

    let disabled = house.client(OURS, &Role::ALL, false).await;
    house.refuses("of a disabled client", Some(&house.token(disabled).await)).await;
    let nobody = Bearer { client: ClientId(Uuid::from_u128(7)), environment: OURS, generation: 0 };
    house.refuses("of a client that is gone", Some(&house.token(nobody).await)).await;
    // A client of one environment, in a token of ours that says another.
    let stray = Bearer {
        client: house.client(THEIRS, &Role::ALL, true).await.client,
        environment: OURS,
        generation: 0,
    };
    house.refuses("of a client of another environment", Some(&house.token(stray).await)).await;
}

#[tokio::test]
async fn a_token_of_another_environment_opens_nothing_here() {
    let house = House::new().await;
    let token = house.token(house.client(THEIRS, &Role::ALL, true).await).await;
    for route in table() {
        if route.permission.is_none() || !route.path.contains("{environmentId}") {
            continue;
        }
        let (status, body) = house.ask(&route, Some(&token)).await;
        assert_eq!(status, 403, "{} {}: {body}", route.method, route.path);
    }
    let all = table().into_iter().find(|route| route.id == "readAllEnvironments").unwrap();
    let (_, body) = house.ask(&all, Some(&token)).await;
    assert_eq!(body["_embedded"]["environments"][0]["id"], json!(THEIRS));
    assert_eq!(body["count"], 1);
}

#[tokio::test]
async fn a_path_answers_405_to_other_methods_and_names_those_that_there_are() {
    let house = House::new().await;
    let token = house.token(house.client(OURS, &Role::ALL, true).await).await;
    let routes = table();
    for route in &routes {
        let of_path: Vec<&Method> =
            routes.iter().filter(|other| other.path == route.path).map(|other| &other.method).collect();
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            if of_path.contains(&&method) {
                continue;
            }
            let request = Request::builder().method(&method).uri(address(&route.path, OURS));
            let request =
                request.header(AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap();
            let answer = house.router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), 405, "{method} {}", route.path);
            assert!(answer.headers().contains_key("correlation-id"));
            let allow = answer.headers()[header::ALLOW].to_str().unwrap().to_owned();
            for there in &of_path {
                assert!(
                    allow.split(',').any(|word| word.trim() == there.as_str()),
                    "{allow}: {}",
                    route.path
                );
            }
        }
    }
}
#[test]
fn a_route_that_changes_something_never_needs_only_a_reading_role() {
    for route in table() {
        let Some(permission) = route.permission else { continue };
        // An export changes nothing but the audit, which records it.
        let only_looks = ["previewRule", "readStoreMetadata", "evaluateExpression", "recordExport"];
        let reads = route.method == Method::GET || only_looks.contains(&route.id);
        let reading = matches!(permission, ReadAccess | ReadActivities | ReadIdentities | ReadConfiguration);
        assert_eq!(reads, reading, "{} {}", route.method, route.path);
    }
}

#[test]
fn only_what_must_be_is_open_to_anybody() {
    let mut open: Vec<String> = table()
        .into_iter()
        .filter(|route| route.permission.is_none())
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    open.sort();
    insta::assert_snapshot!(open.join("\n"), @"
    GET /healthz
    GET /metrics
    GET /openapi.json
    GET /readyz
    POST /{environmentId}/as/token
    ");
}

#[tokio::test]
async fn a_handler_that_panics_answers_500_without_what_it_held() {
    let house = House::new().await;
    let secret = Secret::new("cänary-of-a-panic");
    let panics = move || async move { secret.expose()[..2].to_owned() };
    let router = layered(Router::new().route("/boom", axum::routing::get(panics)), house.app.clone());
    let request = Request::builder().uri("/boom").body(Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 500);
    let id = answer.headers()["correlation-id"].to_str().unwrap().to_owned();
    let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&body["code"], &body["id"]), (&json!("UNEXPECTED_ERROR"), &json!(id)));
    assert!(!body.to_string().contains("nary"), "{body}");
}

//! A small OpenID provider: signs in whoever it is told to, at once, and checks what a real one checks: the client and its
//! secret, PKCE, the address to send back to, and that a code is used once. It can be told to lie.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

use crate::support::Home;

/// Usher's id there.
pub(crate) const CLIENT: &str = "usher of tests";
/// Its secret: of letters that HTTP Basic must have encoded.
pub(crate) const CLIENT_SECRET: &str = "canary:openid secret/ü%41";

/// Who signs in when nothing else is said.
const SUBJECT: &str = "248289761001";

/// How a token is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Signed {
    /// As it should be.
    #[default]
    Well,
    /// By a key that is not published.
    ByAnother,
    /// Not at all.
    Not,
    /// By HMAC, with the published key as its secret.
    ByHmac,
}

/// What it does when somebody comes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// What the token says, beside and in place of what is usual; null leaves out.
    pub(crate) claims: Value,
    pub(crate) signed: Signed,
    /// Sends the browser back with this error.
    pub(crate) error: Option<&'static str>,
    /// What the user info endpoint says; null: nothing but whom it is about.
    pub(crate) userinfo: Value,
}

/// The provider.
pub(crate) struct Provider {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    key: (EncodingKey, Value),
    other: (EncodingKey, Value),
    plan: Mutex<Plan>,
    /// What each code that was given out, and not put in yet, was asked with.
    codes: Mutex<HashMap<String, HashMap<String, String>>>,
    /// Every query that a browser came with.
    seen: Mutex<Vec<HashMap<String, String>>>,
}

fn key() -> (EncodingKey, Value) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    // 4, then x and y.
    let point = pair.public_key().as_ref();
    let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "of the tests", "use": "sig",
        "x": coordinate(&point[1..33]), "y": coordinate(&point[33..]),
    });
    (EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref()), jwk)
}

impl Provider {
    /// Starts one.
    pub(crate) async fn start() -> Provider {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            url: url.clone(),
            key: key(),
            other: key(),
            plan: Mutex::default(),
            codes: Mutex::default(),
            seen: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Provider { url, shared }
    }

    /// A place whose administrators may sign in by it.
    pub(crate) fn home(&self) -> Home {
        Home::with(&[
            ("USHER_PUBLIC_URL", "{url}"),
            ("USHER_OIDC_ISSUER", &self.url),
            ("USHER_OIDC_CLIENT_ID", CLIENT),
            ("USHER_OIDC_CLIENT_SECRET", CLIENT_SECRET),
            ("USHER_OIDC_NAME", "Example's login"),
        ])
    }

    /// Does so from now on.
    pub(crate) fn does(&self, plan: Plan) {
        *self.shared.plan.lock().unwrap() = plan;
    }

    /// From now on whoever comes is this account, with this verified address.
    pub(crate) fn signs_in(&self, subject: &str, email: &str) {
        let claims = json!({ "sub": subject, "email": email, "email_verified": true });
        self.does(Plan { claims, ..Plan::default() });
    }

    /// What the last browser came with.
    pub(crate) fn last(&self) -> HashMap<String, String> {
        self.shared.seen.lock().unwrap().last().unwrap().clone()
    }
}

/// The time, in seconds since 1970: servers that run by the system's clock look at it.
#[expect(clippy::disallowed_methods, reason = "the server under test goes by the system's clock")]
pub(crate) fn seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

async fn discovery(State(it): State<Arc<Shared>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", it.url);
    Json(json!({
        "issuer": it.url,
        "authorization_endpoint": at("/authorize?tenant=a%26b"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"),
        "userinfo_endpoint": at("/userinfo"),
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn keys(State(it): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({ "keys": [it.key.1] }))
}

async fn authorize(State(it): State<Arc<Shared>>, Query(asked): Query<HashMap<String, String>>) -> Response {
    it.seen.lock().unwrap().push(asked.clone());
    let of = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let right = of("tenant") == "a&b"
        && of("response_type") == "code"
        && of("client_id") == CLIENT
        && of("scope").split(' ').any(|scope| scope == "openid")
        && of("code_challenge_method") == "S256"
        && !of("nonce").is_empty();
    if !right {
        return (StatusCode::BAD_REQUEST, format!("this is not a request: {asked:?}")).into_response();
    }
    let mut back = Url::parse(&of("redirect_uri")).unwrap();
    back.query_pairs_mut().append_pair("state", &of("state"));
    match it.plan.lock().unwrap().error {
        Some(error) => {
            back.query_pairs_mut()
                .append_pair("error", error)
                .append_pair("error_description", "Call +1 900 555.");
        }
        None => {
            let mut codes = it.codes.lock().unwrap();
            let code = format!("code {}", it.seen.lock().unwrap().len());
            back.query_pairs_mut().append_pair("code", &code);
            codes.insert(code, asked);
        }
    }
    Redirect::to(back.as_str()).into_response()
}

async fn token(
    State(it): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    let basic = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let basic = String::from_utf8(STANDARD.decode(basic.unwrap_or_default()).unwrap()).unwrap();
    let decoded = |text: &str| {
        let (name, _) = form_urlencoded::parse(text.as_bytes()).next().unwrap_or_default();
        name.into_owned()
    };
    let (client, secret) = basic.split_once(':').unwrap_or_default();
    if (decoded(client).as_str(), decoded(secret).as_str()) != (CLIENT, CLIENT_SECRET) {
        return refused("invalid_client");
    }
    let of = |name: &str| form.get(name).cloned().unwrap_or_default();
    let Some(asked) = it.codes.lock().unwrap().remove(&of("code")) else { return refused("invalid_grant") };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(of("code_verifier").as_bytes()));
    let right = of("grant_type") == "authorization_code"
        && challenge == asked["code_challenge"]
        && of("redirect_uri") == asked["redirect_uri"];
    if !right {
        return refused("invalid_grant");
    }
    let now = seconds();
    let mut claims = json!({
        "iss": it.url, "sub": SUBJECT, "aud": CLIENT, "nonce": asked["nonce"],
        "iat": now, "exp": now + 300,
    });
    let plan = it.plan.lock().unwrap().clone();
    let all = claims.as_object_mut().unwrap();
    all.extend(plan.claims.as_object().cloned().unwrap_or_default());
    all.retain(|_, value| !value.is_null());
    let body = URL_SAFE_NO_PAD.encode(claims.to_string());
    let header = |algorithm| Header { kid: Some("of the tests".into()), ..Header::new(algorithm) };
    let token = match plan.signed {
        Signed::Well => jsonwebtoken::encode(&header(Algorithm::ES256), &claims, &it.key.0).unwrap(),
        Signed::ByAnother => jsonwebtoken::encode(&header(Algorithm::ES256), &claims, &it.other.0).unwrap(),
        Signed::Not => format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#)),
        Signed::ByHmac => {
            let secret = EncodingKey::from_secret(it.key.1.to_string().as_bytes());
            jsonwebtoken::encode(&header(Algorithm::HS256), &claims, &secret).unwrap()
        }
    };
    let answer = json!({ "id_token": token, "access_token": "canary-access-token", "token_type": "Bearer" });
    Json(answer).into_response()
}

async fn userinfo(State(it): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    match headers.get("authorization").map(|value| value.to_str().unwrap()) {
        Some("Bearer canary-access-token") => {
            let plan = it.plan.lock().unwrap();
            let whom = plan.claims.get("sub").cloned().unwrap_or_else(|| json!(SUBJECT));
            let said = if plan.userinfo.is_null() { json!({ "sub": whom }) } else { plan.userinfo.clone() };
            Json(said).into_response()
        }
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

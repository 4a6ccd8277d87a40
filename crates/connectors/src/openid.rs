//! The requests that signing in by an OpenID provider needs (OpenID Connect Discovery 1.0, RFC 6749, RFC 7636): what the
//! provider says of itself, its keys, a code put in for tokens, what it says of a person. Straight to where [`Targets`]
//! lets services lead, no redirects. What a token must say is not known here.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{StatusCode, header::ACCEPT};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::{Url, form_urlencoded::byte_serialize};
use usher_domain::{
    Problem, Secret, Timestamp,
    targets::{Purpose, Targets},
};

use crate::{
    guard::Guarded,
    http::{self, Expected, LONGEST_ANSWER, NoAnswer},
    mask::Secrets,
    retry_after::LONGEST_WAIT,
};

/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what it says of itself is believed.
const BELIEVED: Duration = Duration::from_secs(3600);
/// How long it is left alone after it failed, however many people want to sign in.
const LEFT_ALONE: Duration = Duration::from_secs(5);
/// How often its keys are asked for at most, however many tokens name a key that is not known.
const KEYS_AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// Who Usher is at the provider.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The provider: what its tokens have as `iss`, and where its discovery document is found.
    pub issuer: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
}

/// What the provider says of itself, as far as it is needed.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Where browsers are sent.
    pub authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    /// Whether the client's secret is sent in the form, since the provider does not take it by HTTP Basic.
    secret_in_form: bool,
}

/// What a code was put in for.
#[derive(Debug)]
pub struct Tokens {
    /// The ID token, not yet looked at.
    pub id_token: Secret,
    /// Opens the user info endpoint.
    pub access_token: Secret,
}

/// An OpenID provider, with what it said of itself and its keys kept for a while.
#[derive(Debug)]
pub struct OpenIdProvider {
    registration: Registration,
    targets: Targets,
    http: reqwest::Client,
    metadata: Kept<Result<Arc<Metadata>, Problem>>,
    keys: Kept<Arc<Value>>,
    /// Until when it asks to be left alone.
    resting: std::sync::Mutex<Option<Instant>>,
}

/// What was answered last, and when.
type Kept<T> = Mutex<Option<(Timestamp, T)>>;

/// The discovery document.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<String>,
    access_token: Option<String>,
}

impl OpenIdProvider {
    /// A provider that is asked for nothing yet.
    ///
    /// # Errors
    /// When no HTTPS client can be set up on this machine.
    pub fn new(registration: Registration, targets: Targets) -> Result<Self, Problem> {
        let http = http::client(|builder| {
            builder.dns_resolver(Arc::new(Guarded::new(targets.clone(), Purpose::Service))).timeout(PATIENCE)
        })?;
        let (metadata, keys) = (Mutex::default(), Mutex::default());
        Ok(OpenIdProvider { registration, targets, http, metadata, keys, resting: Default::default() })
    }

    /// Who Usher is there.
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// What it says of itself; asked for when it was not in the last hour.
    ///
    /// # Errors
    /// It cannot be reached, or its document is not as it should be.
    pub async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, Problem> {
        let mut kept = self.metadata.lock().await;
        if let Some((at, said)) = &*kept
            && now.since(*at) < if said.is_ok() { BELIEVED } else { LEFT_ALONE }
        {
            return said.clone();
        }
        let said = self.discover().await.map(Arc::new);
        *kept = Some((now, said.clone()));
        said
    }

    async fn discover(&self) -> Result<Metadata, Problem> {
        let issuer = &self.registration.issuer;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let what = "discovery document (oidc_issuer and /.well-known/openid-configuration)";
        let url = Url::parse(&address).map_err(|error| self.faulty(what, &error.to_string()))?;
        let answer = self.get(what, url, None).await?;
        let document: Document =
            serde_json::from_value(answer).map_err(|error| self.faulty(what, &error.to_string()))?;
        if document.issuer != *issuer {
            let why = format!(
                "it says that the issuer is {}; oidc_issuer must be the same, letter by letter",
                document.issuer
            );
            return Err(self.faulty(what, &why));
        }
        let methods = &document.token_endpoint_auth_methods_supported;
        let takes = |method: &str| methods.iter().any(|it| it == method);
        let metadata = Metadata {
            authorization_endpoint: document.authorization_endpoint,
            token_endpoint: document.token_endpoint,
            jwks_uri: document.jwks_uri,
            userinfo_endpoint: document.userinfo_endpoint,
            secret_in_form: takes("client_secret_post") && !takes("client_secret_basic"),
        };
        self.allowed(what, &metadata.authorization_endpoint)?;
        Ok(metadata)
    }

    /// Its keys, a JWK set. Asked for when they never were, when an hour has passed, and when `unknown` says that a token
    /// names a key that is not among them.
    ///
    /// # Errors
    /// It cannot be reached, or does not answer with such a set.
    pub async fn keys(&self, now: Timestamp, unknown: bool) -> Result<Arc<Value>, Problem> {
        let metadata = self.metadata(now).await?;
        let mut kept = self.keys.lock().await;
        let good_for = if unknown { KEYS_AT_MOST_EVERY } else { BELIEVED };
        if let Some((at, keys)) = &*kept
            && now.since(*at) < good_for
        {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(self.get("keys", metadata.jwks_uri.clone(), None).await?);
        *kept = Some((now, Arc::clone(&keys)));
        Ok(keys)
    }

    /// Puts a code in for tokens.
    ///
    /// # Errors
    /// It cannot be reached, refuses the code or the client, or gives no ID token.
    pub async fn redeem(
        &self,
        code: &str,
        verifier: &Secret,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<Tokens, Problem> {
        let metadata = self.metadata(now).await?;
        self.allowed("token endpoint", &metadata.token_endpoint)?;
        let Registration { client_id, client_secret, .. } = &self.registration;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier.expose()),
            ("redirect_uri", redirect_uri),
        ];
        let mut request = self.http.post(metadata.token_endpoint.clone()).header(ACCEPT, "application/json");
        if metadata.secret_in_form {
            form.extend([("client_id", client_id.as_str()), ("client_secret", client_secret.expose())]);
        } else {
            // RFC 6749, 2.3.1: both are encoded as in a form first.
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic_auth(encoded(client_id), Some(encoded(client_secret.expose())));
        }
        let sent = [verifier, &Secret::new(code)];
        let answer = self.send("token endpoint", request.form(&form), &sent, true).await?;
        let answer: TokenAnswer = serde_json::from_value(answer)
            .map_err(|error| self.faulty("token endpoint", &error.to_string()))?;
        match (answer.id_token, answer.access_token) {
            (Some(id_token), Some(access_token)) => {
                Ok(Tokens { id_token: Secret::new(id_token), access_token: Secret::new(access_token) })
            }
            _ => Err(self.faulty("token endpoint", "it gives no ID token and access token")),
        }
    }

    /// What its user info endpoint says of whoever the access token is for; `None` when it has no such endpoint.
    ///
    /// # Errors
    /// It cannot be reached, or does not answer with an object.
    pub async fn userinfo(&self, access_token: &Secret, now: Timestamp) -> Result<Option<Value>, Problem> {
        let metadata = self.metadata(now).await?;
        match metadata.userinfo_endpoint.clone() {
            Some(url) => self.get("user info endpoint", url, Some(access_token)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn get(&self, what: &str, url: Url, bearer: Option<&Secret>) -> Result<Value, Problem> {
        self.allowed(what, &url)?;
        let mut request = self.http.get(url).header(ACCEPT, "application/json");
        if let Some(token) = bearer {
            request = request.bearer_auth(token.expose());
        }
        self.send(what, request, bearer.as_slice(), false).await
    }

    fn allowed(&self, what: &str, url: &Url) -> Result<(), Problem> {
        self.targets.check_url(Purpose::Service, url).map_err(|allowed| {
            self.faulty(what, &format!("the address {url} is not allowed: it must be {allowed}"))
        })
    }

    /// Sends, and reads the JSON that is answered. `sent` is what is masked in the answer beside the client's secret;
    /// `grants` says that a success gives tokens.
    async fn send(
        &self,
        what: &str,
        request: reqwest::RequestBuilder,
        sent: &[&Secret],
        grants: bool,
    ) -> Result<Value, Problem> {
        self.rested()?;
        let secrets = Secrets::of([&self.registration.client_secret].into_iter().chain(sent.iter().copied()));
        let whole = |status: StatusCode| status.is_success();
        let expected = Expected { longest: LONGEST_ANSWER, whole, grants, secrets: &secrets };
        let answer = http::ask(request, expected).await.map_err(|why| match &why {
            NoAnswer::TooLong(_) => self.faulty(what, &format!("it {}", why.what())),
            NoAnswer::Unsent(_) | NoAnswer::Late | NoAnswer::Lost(_) => self.silent(what, why.what()),
        })?;
        let status = answer.status;
        if matches!(status.as_u16(), 429 | 503)
            && let Some(wait) = answer.retry_after
        {
            let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
            *resting = Some(Instant::now() + wait.min(LONGEST_WAIT));
        }
        let read = serde_json::from_slice::<Value>(&answer.body);
        if status.is_success() {
            return read.map_err(|_| self.faulty(what, "its answer is no JSON"));
        }
        // RFC 6749, 5.2. The description is the provider's own words for who set it up, and holds no secret of ours.
        let said = |name: &str| {
            let text = read.as_ref().ok().and_then(|it| it.get(name)?.as_str()).unwrap_or_default();
            text.chars().take(200).collect::<String>()
        };
        let (error, description) = (said("error"), said("error_description"));
        let remedy = match error.as_str() {
            "invalid_client" => "Correct oidc_client_id and oidc_client_secret.",
            "invalid_grant" => {
                "The code was used before, or is too old, or oidc_client_id or public_url are not what is registered there."
            }
            _ => "See what the provider's own log says.",
        };
        let what =
            format!("{} answered {status} at its {what}: {error} {description}", self.registration.issuer);
        let code = if error == "invalid_grant" { CODE_REFUSED } else { "OPENID_PROVIDER_REFUSED" };
        Err(Problem::new(code, format!("{}.", what.trim_end_matches([' ', ':', '.'])), remedy))
    }

    /// Whether it may be asked: it does not ask to be left alone.
    fn rested(&self) -> Result<(), Problem> {
        let resting = *self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let left = resting.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(());
        }
        let seconds = left.as_secs() + 1;
        let message =
            format!("The OpenID provider {} asks to wait for {seconds} s.", self.registration.issuer);
        Err(Problem::new("OPENID_PROVIDER_BUSY", message, "Sign in after that time, or with a password."))
    }

    fn faulty(&self, what: &str, why: &str) -> Problem {
        Problem::new(
            "OPENID_PROVIDER_FAULTY",
            format!("The {what} of the OpenID provider {} is at fault: {why}.", self.registration.issuer),
            "See whether oidc_issuer is the right one.",
        )
    }

    fn silent(&self, what: &str, why: &str) -> Problem {
        Problem::new(
            "OPENID_PROVIDER_UNREACHABLE",
            format!("The {what} of the OpenID provider {} {why}.", self.registration.issuer),
            "See whether it runs and can be reached from here.",
        )
    }
}

/// The code of the problem that the provider gives nothing for a code that a browser brought: it is guessed, old or used.
pub const CODE_REFUSED: &str = "OPENID_CODE_REFUSED";

//! A client of the API: where it is, who we are, and errors as a person reads them.

use std::{fmt, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::RwLock;
use usher_domain::Secret;

/// Where the API is and who is calling.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// Where Usher listens
    #[arg(long, env = "USHER_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The worker client's id
    #[arg(long, env = "USHER_CLIENT_ID")]
    client_id: Option<String>,
    /// A file with the worker client's secret
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// The environment, where there is more than one
    #[arg(long, env = "USHER_ENVIRONMENT_ID")]
    environment: Option<String>,
}

/// A client with a token, which is replaced when it expires.
#[derive(Debug)]
pub(crate) struct ApiClient {
    http: reqwest::Client,
    base: String,
    token_url: String,
    id: String,
    secret: Secret,
    token: RwLock<Secret>,
}

/// An answer that is an error.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    text: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

/// Whether a call failed because the server, or the way to it, is down for a while, and may succeed later as it is.
pub(crate) fn is_passing(error: &anyhow::Error) -> bool {
    let busy = |refusal: &Refusal| refusal.status.is_server_error() || refusal.status.as_u16() == 429;
    error.downcast_ref::<Refusal>().map_or(error.downcast_ref::<reqwest::Error>().is_some(), busy)
}

impl Connect {
    /// Gets a token.
    pub(crate) async fn client(&self) -> Result<ApiClient> {
        let url = self.url.trim_end_matches('/');
        let id = self.client_id.as_deref().context("say who is calling: --client-id or USHER_CLIENT_ID")?;
        let secret = match (&self.client_secret_file, std::env::var("USHER_CLIENT_SECRET")) {
            (Some(file), _) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("the client secret file {} cannot be read", file.display()))?;
                Secret::new(text.trim_end())
            }
            (None, Ok(secret)) => Secret::new(secret),
            (None, Err(_)) => bail!("give the client's secret: --client-secret-file or USHER_CLIENT_SECRET"),
        };
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(Duration::from_secs(10))
                .timeout(Duration::from_secs(300))
        };
        // A machine without CA certificates can still speak to a server by http.
        let http = builder().build().or_else(|_| builder().tls_certs_only([]).build())?;
        let environment = match &self.environment {
            Some(environment) => environment.clone(),
            None => only_environment(&http, url).await?,
        };
        let client = ApiClient {
            http,
            base: format!("{url}/v1/environments/{environment}"),
            token_url: format!("{url}/{environment}/as/token"),
            id: id.to_owned(),
            secret,
            token: RwLock::new(Secret::new("")),
        };
        client.renew().await?;
        Ok(client)
    }
}

/// The environment, where there is only one: the server says so on its health page.
async fn only_environment(http: &reqwest::Client, url: &str) -> Result<String> {
    let answer = http
        .get(format!("{url}/healthz"))
        .send()
        .await
        .with_context(|| format!("Usher does not answer at {url}; is `usher serve` running?"))?;
    let body: Value = answer.json().await.unwrap_or_default();
    let id = body["environment"].as_str().map(str::to_owned);
    id.context("this Usher has more than one environment; name one: --environment or USHER_ENVIRONMENT_ID")
}

impl ApiClient {
    /// Gets a token, in the place of the one before.
    async fn renew(&self) -> Result<()> {
        let asked = self.http.post(&self.token_url).basic_auth(&self.id, Some(self.secret.expose()));
        let answer = asked.form(&[("grant_type", "client_credentials")]).send().await.with_context(|| {
            format!("Usher does not answer at {}; is `usher serve` running?", self.token_url)
        })?;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        match body["access_token"].as_str() {
            Some(token) if status.is_success() => {
                *self.token.write().await = Secret::new(token);
                Ok(())
            }
            _ => {
                let why = body["error_description"].as_str().unwrap_or("no reason given");
                let text = format!("no access token for client {} from {}: {why}", self.id, self.token_url);
                Err(Refusal { status, text }.into())
            }
        }
    }

    /// Reads. `path` is below the environment, with its query.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// Sends an object.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, path, Some((serde_json::to_string(body)?, "application/json"))).await
    }

    /// Replaces.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::PUT, path, Some((serde_json::to_string(body)?, "application/json"))).await
    }

    /// Changes.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::PATCH, path, Some((serde_json::to_string(body)?, "application/json"))).await
    }

    /// Deletes.
    pub(crate) async fn delete(&self, path: &str) -> Result<()> {
        self.send(Method::DELETE, path, None).await.map(|_| ())
    }

    /// Sends text of another type.
    pub(crate) async fn post_text(&self, path: &str, text: String, media_type: &str) -> Result<Value> {
        self.send(Method::POST, path, Some((text, media_type))).await
    }

    /// All pages of a listing.
    pub(crate) async fn list(&self, path: &str, name: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut page = self.get(path).await?;
        loop {
            if let Some(more) = page["_embedded"][name].as_array_mut() {
                items.append(more);
            }
            let Some(next) = page["_links"]["next"]["href"].as_str() else { return Ok(items) };
            // The address is absolute and may be on another host name than ours: keep what is below the environment.
            let Some((_, path)) = next.split_once("/v1/environments/") else { return Ok(items) };
            let Some(at) = path.find('/') else { return Ok(items) };
            page = self.get(&path[at..]).await?;
        }
    }

    /// The one thing of a listing that has this id or name.
    pub(crate) async fn find(&self, path: &str, name: &str, what: &str, wanted: &str) -> Result<Value> {
        let items = self.list(path, name).await?;
        let named = |item: &Value| item["name"].as_str().or(item["username"].as_str()).map(str::to_owned);
        let known: Vec<String> = items.iter().filter_map(named).collect();
        let known = known.join(", ");
        let is_wanted = |item: &&Value| {
            item["id"].as_str() == Some(wanted)
                || named(item).is_some_and(|name| name.eq_ignore_ascii_case(wanted))
        };
        let found: Vec<&Value> = items.iter().filter(is_wanted).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => bail!("there is no {what} {wanted}; there are: {known}"),
            _ => bail!("there is more than one {what} named {wanted}; use its id"),
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<(String, &str)>) -> Result<Value> {
        let send = async || {
            let url = format!("{}{path}", self.base);
            let mut request = self.http.request(method.clone(), url);
            request = request.bearer_auth(self.token.read().await.expose());
            if let Some((body, media_type)) = &body {
                request = request.header(reqwest::header::CONTENT_TYPE, *media_type).body(body.clone());
            }
            request.send().await.context("Usher does not answer")
        };
        let mut answer = send().await?;
        // A token lives for an hour, and what is waited for may take longer.
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.renew().await?;
            answer = send().await?;
        }
        let status = answer.status();
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        let body: Value = answer.json().await.unwrap_or_else(|_| json!({}));
        if status.is_success() { Ok(body) } else { Err(told(status, &body)) }
    }
}

/// An error object as a person reads it.
fn told(status: StatusCode, body: &Value) -> anyhow::Error {
    let mut text = body["message"].as_str().unwrap_or("no reason given").to_owned();
    for detail in body["details"].as_array().into_iter().flatten() {
        let (target, message) = (detail["target"].as_str(), detail["message"].as_str());
        text.push_str(&format!("\n  {}: {}", target.unwrap_or_default(), message.unwrap_or_default()));
    }
    let code = body["code"].as_str().unwrap_or("no code");
    Refusal { status, text: format!("{text} ({code}, {})", status.as_u16()) }.into()
}

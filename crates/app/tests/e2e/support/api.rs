//! A client of the API: paths below the environment, answers as status and JSON.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::home::SECRET;

/// A client with an access token.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    root: String,
    environment: String,
    token: String,
}

/// What was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The JSON body; null when there is none.
    pub(crate) body: Value,
    what: String,
}

impl Answer {
    /// The body, when it went well.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{} was refused ({}): {:#}",
            self.what,
            self.status,
            self.body
        );
        self.body
    }

    /// What was there already, in the place of the answer that would have told of its making.
    pub(crate) fn adopted(path: &str, body: Value) -> Answer {
        Answer { status: 201, body, what: format!("what is there at {path}") }
    }

    /// Whether it says that there is such a one already.
    pub(crate) fn is_taken(&self) -> bool {
        let details = self.body["details"].as_array().into_iter().flatten();
        self.status == 400 && details.into_iter().any(|detail| detail["code"] == "UNIQUENESS_VIOLATION")
    }

    /// The body, when it was refused with this status.
    #[track_caller]
    pub(crate) fn refused(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {:#}", self.what, self.body);
        self.body
    }
}

/// The HTTP client of all tests.
pub(crate) fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(Duration::from_secs(60))
        .connect_timeout(Duration::from_secs(5))
        .build()
        .unwrap()
}

impl Api {
    /// A client of the server at this address, as the worker client of all roles that the environment began with.
    pub(crate) async fn with_token(root: &str, environment: &str, client: &str) -> Api {
        let http = http_client();
        let answer = http
            .post(format!("{root}/{environment}/as/token"))
            .basic_auth(client, Some(SECRET))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "no token");
        let body: Value = answer.json().await.unwrap();
        let token = body["access_token"].as_str().unwrap().to_owned();
        Api { http, root: root.to_owned(), environment: environment.to_owned(), token }
    }

    /// The same client, by another way to the same server.
    pub(crate) fn through(&self, root: &str) -> Api {
        Api { root: root.to_owned(), ..self.clone() }
    }

    /// A request to an address as it stands, with the token.
    pub(crate) fn follow(&self, url: &str) -> reqwest::RequestBuilder {
        self.http.get(url).bearer_auth(&self.token)
    }

    /// The access token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The same client, with another token or none.
    pub(crate) fn as_someone_with(&self, token: &str) -> Api {
        Api { token: token.to_owned(), ..self.clone() }
    }

    /// A request below the environment, to be completed by the caller.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let path = format!("/v1/environments/{}{path}", self.environment);
        self.anywhere(method, &path)
    }

    /// A request anywhere on the server, with the token.
    pub(crate) fn anywhere(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.root));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// Sends it, and understands the answer.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    /// Sends it; an error when the server went away in the middle.
    pub(crate) async fn try_send(&self, request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let request = request.build()?;
        let what = format!("{} {}", request.method(), request.url().path());
        let answer = self.http.execute(request).await?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?;
        let body = match bytes.as_ref() {
            [] => Value::Null,
            bytes => serde_json::from_slice(bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned())),
        };
        Ok(Answer { status, body, what })
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// Sends a body of another type, as it is.
    pub(crate) async fn post_text(
        &self,
        path: &str,
        media_type: &str,
        text: impl Into<reqwest::Body>,
    ) -> Answer {
        let request = self.request(Method::POST, path).header(reqwest::header::CONTENT_TYPE, media_type);
        self.send(request.body(text)).await
    }

    /// Everything of a listing, page after page, as clients do: `_links.next` is followed as it stands.
    pub(crate) async fn list(&self, path: &str, name: &str) -> Vec<Value> {
        let mut page = self.get(path).await.ok();
        let mut items = Vec::new();
        loop {
            items.append(page["_embedded"][name].as_array_mut().unwrap());
            let Some(next) = page["_links"]["next"]["href"].as_str() else { return items };
            let request = self.http.get(next).bearer_auth(&self.token);
            page = self.send(request).await.ok();
        }
    }
}

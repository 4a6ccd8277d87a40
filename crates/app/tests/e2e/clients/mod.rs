//! The sequences of public clients of PingOne (their calls, their spellings, their retries and oddities), carried out
//! against the real binary. `docs/clients.md` says which client calls which route, and is made from what was seen here.

mod collectors;
mod directory;
mod paging;
mod provisioning;
mod retries;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use reqwest::{Method, RequestBuilder, header::CONTENT_TYPE};
use serde_json::Value;

use crate::support::{Answer, Api, pause};

/// Which clients called which route with success: method and path as OpenAPI has them.
type Seen = Arc<Mutex<BTreeMap<(String, String), BTreeSet<&'static str>>>>;

/// A public client: its calls are remembered by route, and made again where its library would.
#[derive(Debug, Clone)]
struct Client {
    name: &'static str,
    api: Api,
    /// The paths of the API, as its own document has them.
    paths: Arc<Vec<String>>,
    seen: Seen,
}

impl Client {
    async fn new(name: &'static str, api: &Api, seen: &Seen) -> Client {
        let paths = Arc::default();
        let client = Client { name, api: api.clone(), paths, seen: Arc::clone(seen) };
        let page = client.again(|| api.anywhere(Method::GET, "/openapi.json"), async || None).await.0.ok();
        let paths = page["paths"].as_object().unwrap().keys().cloned().collect();
        Client { paths: Arc::new(paths), ..client }
    }

    /// One call below the environment, made again as [`Client::again`] says.
    async fn call(&self, method: Method, path: &str, media_type: &str, body: Option<Value>) -> Answer {
        self.carried(method, path, media_type, body).await.0
    }

    /// The same; also whether an answer may have been lost.
    async fn carried(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Option<Value>,
    ) -> (Answer, bool) {
        let request = || {
            let mut request = self.api.request(method.clone(), path);
            if !media_type.is_empty() {
                request = request.header(CONTENT_TYPE, media_type);
            }
            if let Some(body) = &body {
                request = request.body(body.to_string());
            }
            request
        };
        let makes = body.as_ref().filter(|_| method == Method::POST);
        // Names of stores and rules may be there twice: whoever does not know whether one was made looks first.
        let looks_first = path.ends_with("/stores") || path.ends_with("/rules");
        let look = async || match makes.filter(|_| looks_first) {
            Some(body) => self.made(path, body).await,
            None => None,
        };
        let (mut answer, lost) = self.again(request, look).await;
        // What was made by a call whose answer was lost is taken for what it was to make.
        if let Some(body) = makes.filter(|_| lost && answer.is_taken())
            && let Some(made) = self.made(path, body).await
        {
            answer = made;
        }
        if (200..300).contains(&answer.status) {
            self.note(&method, path);
        }
        (answer, lost)
    }

    /// As PingOne's SDKs do, a call is made again (at most ten times) when the server is busy or fails, and, as the
    /// people who run them do, when there is no answer: unless a look says that it was carried out. Tells also whether an
    /// answer may have been lost.
    async fn again(
        &self,
        request: impl Fn() -> RequestBuilder,
        look: impl AsyncFn() -> Option<Answer>,
    ) -> (Answer, bool) {
        let mut lost = false;
        for attempt in 1.. {
            let tried = self.api.try_send(request()).await;
            match tried {
                Ok(answer) => {
                    let again = matches!(answer.status, 408 | 429 | 500 | 501 | 502 | 503 | 504)
                        || answer.body["code"] == "UNEXPECTED_ERROR";
                    if !again || attempt == 10 {
                        return (answer, lost);
                    }
                    lost |= answer.status != 429;
                }
                Err(error) => {
                    assert!(attempt < 10, "no answer: {error}");
                    lost = true;
                }
            }
            if lost && let Some(made) = look().await {
                return (made, lost);
            }
            pause().await;
        }
        unreachable!("the tenth attempt is the last")
    }

    /// What is in the listing at `path` by the name that the body has.
    async fn made(&self, path: &str, body: &Value) -> Option<Answer> {
        let name =
            ["username", "name", "targetAttribute"].into_iter().find(|name| body[*name].is_string())?;
        let list = path.rsplit('/').next()?;
        let there = self.items(path, list).await;
        let found = there.into_iter().find(|item| item[name] == body[name])?;
        Some(Answer::adopted(path, found))
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, "", None).await.ok()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.call(Method::POST, path, "application/json", Some(body)).await.ok()
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        self.call(Method::PUT, path, "application/json", Some(body)).await.ok()
    }

    /// What is gone already, when an answer was lost, was deleted by that call.
    async fn delete(&self, path: &str) {
        let (answer, lost) = self.carried(Method::DELETE, path, "", None).await;
        assert!(answer.status == 204 || lost && answer.status == 404, "{path}: {}", answer.status);
        self.note(&Method::DELETE, path);
    }

    /// A whole listing: `_links.next` is followed as it stands.
    async fn list(&self, path: &str, name: &str) -> Vec<Value> {
        self.note(&Method::GET, path);
        self.items(path, name).await
    }

    async fn items(&self, path: &str, name: &str) -> Vec<Value> {
        let mut page = self.again(|| self.api.request(Method::GET, path), async || None).await.0.ok();
        let mut items = Vec::new();
        loop {
            items.append(page["_embedded"][name].as_array_mut().unwrap());
            let Some(next) = page["_links"]["next"]["href"].as_str() else { return items };
            page = self.again(|| self.api.follow(next), async || None).await.0.ok();
        }
    }

    fn note(&self, method: &Method, path: &str) {
        let path = format!("/v1/environments/{{environmentId}}{}", path.split('?').next().unwrap());
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |known: &&String| {
            let known: Vec<&str> = known.split('/').collect();
            known.len() == parts.len()
                && known.iter().zip(&parts).all(|(known, part)| known == part || known.starts_with('{'))
        };
        // The path with the fewest parameters is the one that answers.
        let found = self.paths.iter().filter(fits).min_by_key(|known| known.matches('{').count());
        let found = found.unwrap_or_else(|| panic!("{path} is not in the document"));
        let key = (method.to_string(), found.clone());
        self.seen.lock().unwrap().entry(key).or_default().insert(self.name);
    }
}

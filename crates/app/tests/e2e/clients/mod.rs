//! The sequences of public clients of PingOne (their calls, their spellings, their retries and oddities), carried out
//! against the real binary. `docs/clients.md` says which client calls which route, and is made from what was seen here.

mod collectors;
mod directory;
mod paging;
mod provisioning;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use reqwest::{Method, header::CONTENT_TYPE};
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
        let page = api.send(api.anywhere(Method::GET, "/openapi.json")).await.ok();
        let paths = page["paths"].as_object().unwrap().keys().cloned().collect();
        Client { name, api: api.clone(), paths: Arc::new(paths), seen: Arc::clone(seen) }
    }

    /// One call below the environment. As PingOne's SDKs do, it is made again (at most ten times) when the server is
    /// busy or fails.
    async fn call(&self, method: Method, path: &str, media_type: &str, body: Option<Value>) -> Answer {
        for attempt in 1.. {
            let mut request = self.api.request(method.clone(), path);
            if !media_type.is_empty() {
                request = request.header(CONTENT_TYPE, media_type);
            }
            if let Some(body) = &body {
                request = request.body(body.to_string());
            }
            let answer = self.api.send(request).await;
            let again = matches!(answer.status, 408 | 429 | 500 | 501 | 502 | 503 | 504)
                || answer.body["code"] == "UNEXPECTED_ERROR";
            if !again || attempt == 10 {
                if (200..300).contains(&answer.status) {
                    self.note(&method, path);
                }
                return answer;
            }
            pause().await;
        }
        unreachable!("the tenth attempt is the last")
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

    async fn delete(&self, path: &str) {
        assert_eq!(self.call(Method::DELETE, path, "", None).await.status, 204, "{path}");
    }

    /// A whole listing: `_links.next` is followed as it stands.
    async fn list(&self, path: &str, name: &str) -> Vec<Value> {
        self.note(&Method::GET, path);
        self.api.list(path, name).await
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

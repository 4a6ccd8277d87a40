//! A plain client: a token, a route, an argument, and what came back.

use std::time::Duration;

use dropbox_simulator::{Route, Simulator, Team, TeamBuilder};
use reqwest::header::HeaderMap;
use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The tag of a refusal.
    pub(crate) fn refusal(&self) -> String {
        assert_eq!(self.status, 409, "{}", self.text);
        self.json()["error"][".tag"].as_str().unwrap().to_owned()
    }
}

/// A simulator and a client of it.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) http: reqwest::Client,
    token: String,
}

impl World {
    pub(crate) async fn of(team: TeamBuilder) -> Self {
        let simulator = Simulator::start(team.build()).await.unwrap();
        let token = simulator.access_token();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self { simulator, http, token }
    }

    pub(crate) async fn plain() -> Self {
        Self::of(Team::builder()).await
    }

    pub(crate) fn request(&self, route: Route) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}/2/{}", self.simulator.url(), route.path()))
            .header("authorization", format!("Bearer {}", self.token))
    }

    pub(crate) async fn try_call(&self, route: Route, arg: Value) -> reqwest::Result<Reply> {
        let request = self.request(route).header("content-type", "application/json").body(arg.to_string());
        read(request.send().await?).await
    }

    pub(crate) async fn call(&self, route: Route, arg: Value) -> Reply {
        self.try_call(route, arg).await.unwrap()
    }

    /// The result of a call that succeeds.
    pub(crate) async fn ok(&self, route: Route, arg: Value) -> Value {
        let reply = self.call(route, arg).await;
        assert_eq!(reply.status, 200, "{}: {}", route.path(), reply.text);
        reply.json()
    }

    /// The tag of a call that is refused.
    pub(crate) async fn refused(&self, route: Route, arg: Value) -> String {
        self.call(route, arg).await.refusal()
    }
}

pub(crate) async fn read(response: reqwest::Response) -> reqwest::Result<Reply> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Reply { status, headers, text: response.text().await? })
}

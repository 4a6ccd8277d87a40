//! Who is looking at a page: a guest, or an administrator who signed in.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use usher_domain::{
    EnvironmentId, Secret,
    access::Administrator,
    directory::{audit::Actor, environment::Environment},
    session::Session,
};
use usher_engine::directory::By;
use uuid::Uuid;

use super::{
    cookies::{Cookies, DEVICE},
    error::ConsoleError,
};
use crate::{
    access::{administrators::Place, people::People, permission::Permission},
    correlation,
    state::AppState,
};

/// What is known of every request.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// Its cookies.
    pub(super) cookies: Cookies,
    /// Scheme and host, as the browser has them.
    pub(super) base: String,
    /// The path that was asked for.
    pub(super) path: String,
    /// What forms of this browser must bring along.
    pub(super) csrf: String,
    /// `auto`, `light` or `dark`.
    pub(super) theme: &'static str,
    /// What the last form did.
    pub(super) flash: Option<String>,
    /// The browser, as it calls itself.
    pub(super) agent: String,
    /// Where it comes from.
    pub(super) from: Option<std::net::IpAddr>,
    /// Values of the query, the last of each name.
    query: BTreeMap<String, String>,
}

impl Visit {
    pub(super) fn new(cookies: Cookies, base: String, uri: &axum::http::Uri, agent: String) -> Self {
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Visit {
            cookies,
            base,
            path: uri.path().to_owned(),
            csrf: String::new(),
            theme: "auto",
            flash: None,
            agent,
            from: None,
            query: query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
        }
    }

    /// Where it comes from, for counting attempts.
    pub(super) fn place(&self) -> Place {
        Place { from: self.from, device: self.cookies.get(DEVICE).map(Secret::new) }
    }

    /// One value of the query, trimmed; empty is none.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Every value of the query that says something.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query
            .iter()
            .map(|(name, value)| (name.as_str(), value.trim()))
            .filter(|(_, value)| !value.is_empty())
    }

    /// An id in the query.
    pub(super) fn id(&self, name: &str) -> Option<Uuid> {
        self.query(name).and_then(|id| Uuid::parse_str(id).ok())
    }
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ConsoleError> {
        let visit = parts.extensions.get::<Visit>().cloned();
        visit.ok_or_else(|| ConsoleError::unexpected("a page without a gate asked who is visiting"))
    }
}

/// An administrator who signed in. Pages show nothing but what is in their environment.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// The request.
    pub(super) visit: Visit,
    /// Who, as they are now.
    pub(super) administrator: Administrator,
    /// Where they belong.
    pub(super) environment: Environment,
    /// Their session.
    pub(super) session: Session,
}

impl Visitor {
    /// The environment that pages are of.
    pub(super) fn home(&self) -> EnvironmentId {
        self.environment.id
    }

    /// Whether their roles allow it.
    pub(super) fn may(&self, permission: Permission) -> bool {
        permission.allows(&self.administrator.roles)
    }

    /// How much of people's data they are shown.
    pub(super) fn people(&self) -> People {
        People::of(&self.administrator.roles)
    }

    /// For the audit.
    pub(super) fn actor(&self) -> Actor {
        Actor::User { id: self.administrator.id.uuid(), name: self.administrator.username.clone() }
    }

    /// For a command's audit.
    pub(super) fn by(&self) -> By {
        By { actor: self.actor(), correlation_id: Some(correlation::current()) }
    }

    /// One value of the query, trimmed; empty is none.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.visit.query(name)
    }
}

impl FromRequestParts<AppState> for Visitor {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ConsoleError> {
        let visitor = parts.extensions.get::<Visitor>().cloned();
        visitor.ok_or_else(|| ConsoleError::unexpected("a page for guests asked for an administrator"))
    }
}

/// The ids in the path, in order. What is no UUID names nothing: 404.
#[derive(Debug)]
pub(super) struct Ids(Vec<Uuid>);

impl FromRequestParts<AppState> for Ids {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ConsoleError> {
        let Path(segments) = Path::<Vec<String>>::from_request_parts(parts, app)
            .await
            .map_err(|error| ConsoleError::unexpected(error.body_text()))?;
        let ids =
            segments.iter().map(|segment| Uuid::parse_str(segment).map_err(|_| ConsoleError::no_such_page()));
        Ok(Ids(ids.collect::<Result<_, _>>()?))
    }
}

impl Ids {
    /// The id at this place, counted from 0, as whatever kind of id it is.
    pub(super) fn id<T: From<Uuid>>(&self, index: usize) -> T {
        T::from(self.0.get(index).copied().unwrap_or_default())
    }
}

//! What one route is: where, who may, what it takes and gives. The router, the OpenAPI page and the tests of roles are
//! all made from it, so that none of them can leave a route out.

use axum::{
    handler::Handler,
    http::Method,
    routing::{self, MethodRouter},
};
use serde_json::{Value, json};

use crate::{access::permission::Permission, api::AppState};

/// What every path below an environment begins with.
const ENVIRONMENT: &str = "/v1/environments/{environmentId}";

/// What an open route needs of its caller: nothing, not even a token.
pub(super) const ANYBODY: Option<Permission> = None;

/// One method at one path.
pub(crate) struct Route {
    /// The method.
    pub(crate) method: Method,
    /// The whole path, parameters in braces.
    pub(crate) path: String,
    /// What it needs of its caller; `None` is open to anybody.
    pub(crate) permission: Option<Permission>,
    /// What answers.
    pub(super) handler: MethodRouter<AppState>,
    /// What it is called in OpenAPI; PingOne's own name where it has one.
    pub(crate) id: &'static str,
    /// One sentence.
    pub(crate) summary: &'static str,
    /// Whether PingOne documents it; else it is ours.
    pub(crate) pingone: bool,
    /// Whether a body may be left out.
    pub(crate) body_is_optional: bool,
    /// The media types that it takes, each with the name of a schema.
    pub(crate) takes: Vec<(&'static str, &'static str)>,
    /// The query parameters that it reads.
    pub(crate) query: Vec<Parameter>,
    /// What it gives when it does what was asked.
    pub(crate) gives: Gives,
    /// Failures beside those that every route shares.
    pub(crate) fails: Vec<u16>,
}

/// A parameter of the query.
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// One sentence.
    pub(crate) about: &'static str,
    /// What it may be.
    pub(crate) schema: Value,
}

/// What a route gives when it does what was asked.
pub(crate) enum Gives {
    /// No body: 204.
    Nothing,
    /// One thing, by the name of its schema.
    One(u16, &'static str),
    /// Text of this media type, which is no JSON.
    Text(&'static str),
    /// A listing in PingOne's envelope: the name of the list in it, and the name of the schema of each item.
    List(&'static str, &'static str),
}

/// `GET`
pub(crate) fn get<H, T>(path: &str, permission: impl Into<Option<Permission>>, handler: H) -> Route
where
    H: Handler<T, AppState>,
    T: 'static,
{
    Route::new(Method::GET, path, permission, routing::get(handler))
}

/// `POST`
pub(crate) fn post<H, T>(path: &str, permission: impl Into<Option<Permission>>, handler: H) -> Route
where
    H: Handler<T, AppState>,
    T: 'static,
{
    Route::new(Method::POST, path, permission, routing::post(handler))
}

/// `PUT`
pub(crate) fn put<H, T>(path: &str, permission: impl Into<Option<Permission>>, handler: H) -> Route
where
    H: Handler<T, AppState>,
    T: 'static,
{
    Route::new(Method::PUT, path, permission, routing::put(handler))
}

/// `PATCH`
pub(crate) fn patch<H, T>(path: &str, permission: impl Into<Option<Permission>>, handler: H) -> Route
where
    H: Handler<T, AppState>,
    T: 'static,
{
    Route::new(Method::PATCH, path, permission, routing::patch(handler))
}

/// `DELETE`, which gives nothing back.
pub(crate) fn delete<H, T>(path: &str, permission: impl Into<Option<Permission>>, handler: H) -> Route
where
    H: Handler<T, AppState>,
    T: 'static,
{
    Route::new(Method::DELETE, path, permission, routing::delete(handler))
}

impl Route {
    fn new(
        method: Method,
        path: &str,
        permission: impl Into<Option<Permission>>,
        handler: MethodRouter<AppState>,
    ) -> Self {
        Route {
            method,
            path: format!("{ENVIRONMENT}{path}"),
            permission: permission.into(),
            handler,
            id: "",
            summary: "",
            pingone: true,
            body_is_optional: false,
            takes: Vec::new(),
            query: Vec::new(),
            gives: Gives::Nothing,
            fails: Vec::new(),
        }
    }

    /// At this path, which is below no environment.
    pub(super) fn at(self, path: &str) -> Self {
        Route { path: path.to_owned(), ..self }
    }

    /// Its name in OpenAPI (PingOne's where it has one), and what it does in one sentence.
    pub(crate) fn named(self, id: &'static str, summary: &'static str) -> Self {
        Route { id, summary, ..self }
    }

    /// Not one of PingOne's.
    pub(crate) fn ours(self) -> Self {
        Route { pingone: false, ..self }
    }

    /// Takes a JSON body of this schema.
    pub(crate) fn takes(self, schema: &'static str) -> Self {
        self.takes_as("application/json", schema)
    }

    /// Takes a body of this schema under that media type.
    pub(crate) fn takes_as(mut self, media_type: &'static str, schema: &'static str) -> Self {
        self.takes.push((media_type, schema));
        self
    }

    /// Takes a JSON body of this schema, or none.
    pub(crate) fn may_take(self, schema: &'static str) -> Self {
        self.takes(schema).body_is_optional()
    }

    /// The body may be left out.
    pub(crate) fn body_is_optional(self) -> Self {
        Route { body_is_optional: true, ..self }
    }

    /// Reads this parameter of the query.
    pub(crate) fn reads(mut self, name: &'static str, schema: Value, about: &'static str) -> Self {
        self.query.push(Parameter { name, about, schema });
        self
    }

    /// Gives one thing of this schema: 200.
    pub(crate) fn gives(self, schema: &'static str) -> Self {
        Route { gives: Gives::One(200, schema), ..self }
    }

    /// Gives text of this media type: 200.
    pub(crate) fn gives_text(self, media_type: &'static str) -> Self {
        Route { gives: Gives::Text(media_type), ..self }
    }

    /// Makes one thing of this schema: 201.
    pub(crate) fn creates(self, schema: &'static str) -> Self {
        Route { gives: Gives::One(201, schema), ..self }
    }

    /// Begins something, of which this schema tells: 202.
    pub(crate) fn begins(self, schema: &'static str) -> Self {
        Route { gives: Gives::One(202, schema), ..self }
    }

    /// Gives a whole listing: items of this schema under that name.
    pub(crate) fn lists(self, name: &'static str, schema: &'static str) -> Self {
        Route { gives: Gives::List(name, schema), ..self }
    }

    /// Gives a listing page by page, with `limit` and `cursor` in the query.
    pub(crate) fn pages(self, name: &'static str, schema: &'static str) -> Self {
        let cursor = json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{22}$" });
        self.lists(name, schema)
            .reads(
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
                "How many at most; a listing may have a lower maximum of its own, and gives fewer then.",
            )
            .reads("cursor", cursor, "Where the listing goes on: follow `_links.next` instead of making one.")
    }

    /// The listing can be narrowed by a SCIM filter.
    pub(crate) fn filtered(self) -> Self {
        let schema = json!({ "type": "string", "examples": ["name sw \"E\""] });
        self.reads("filter", schema, "A SCIM filter; operators in any case, brackets as they are or encoded.")
    }

    /// May also fail with this status.
    pub(crate) fn may_fail(mut self, status: u16) -> Self {
        self.fails.push(status);
        self
    }
}

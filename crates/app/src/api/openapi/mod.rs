//! The API as an OpenAPI 3.1 document, made from the table of routes and the schemas beside. Served at `/openapi.json`;
//! `docs/openapi.json` is the same, and a test compares them.
//!
//! A schema says what is checked: patterns, ranges and words are those of the domain. Nothing here reads a request.

mod schemas;

use std::sync::LazyLock;

use axum::{
    http::{Method, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::routes::{Gives, Route, table};
use schemas::{id, reference};

static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));

/// `GET /openapi.json`
pub(super) async fn serve() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// The document.
fn document() -> Value {
    let routes = table();
    let mut paths: Map<String, Value> = Map::new();
    for route in &routes {
        let path = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(route, &routes);
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Usher",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Keeps a Dropbox team in step with a directory of users and groups. Routes that PingOne documents have its \
                            names and shapes; those with `x-usher-extension` are Usher's own. Unknown members of a body in PingOne's shape \
                            are ignored, and refused in one of Usher's own.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "responses": FAILURES
                .map(|(status, _)| (status.to_string(), failure(status, "application/hal+json", "Error")))
                .into_iter()
                .collect::<Map<_, _>>(),
            "headers": { "correlation-id": {
                "description": "The request's id, also in the log and in audit events: X-Ping-External-Transaction-ID when it was given.",
                "required": true,
                "schema": { "type": "string", "minLength": 1, "maxLength": 100 },
            } },
            "securitySchemes": { "worker": {
                "type": "oauth2",
                "flows": { "clientCredentials": { "tokenUrl": "/{environmentId}/as/token", "scopes": {} } },
            } },
        },
    })
}

fn operation(route: &Route, routes: &[Route]) -> Value {
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "tags": [tag(&route.path)],
        "responses": responses(route, routes),
    });
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if !route.takes.is_empty() {
        let content: Map<String, Value> = route
            .takes
            .iter()
            .map(|(media_type, schema)| ((*media_type).to_owned(), json!({ "schema": reference(schema) })))
            .collect();
        operation["requestBody"] = json!({ "required": !route.body_is_optional, "content": content });
    }
    if let Some(permission) = route.permission {
        operation["security"] = json!([{ "worker": [] }]);
        operation["x-usher-roles"] = json!(permission.roles());
    }
    if !route.pingone {
        operation["x-usher-extension"] = json!(true);
    }
    operation
}

/// What an operation is listed under: the first word of its path below the environment, or below `propagation`.
fn tag(path: &str) -> &str {
    let below = path.split("{environmentId}/").nth(1).unwrap_or_default();
    let below = below.strip_prefix("propagation/").unwrap_or(below);
    match below.split('/').next().unwrap_or_default() {
        "" => "server",
        "mapping" => "mappings",
        "as" => "access",
        word => word,
    }
}

/// The names in braces of a path, in order.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name)
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = names(&route.path).map(|name| {
        let schema = match name {
            "storeType" => json!({ "type": "string", "enum": ["Dropbox", "directory"] }),
            _ => id(),
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let in_query = route.query.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "required": false,
            "description": parameter.about,
            "schema": parameter.schema,
        })
    });
    in_path.chain(in_query).collect()
}

fn responses(route: &Route, routes: &[Route]) -> Map<String, Value> {
    let mut responses = Map::new();
    let media_type = if route.path.starts_with("/v1/") { "application/hal+json" } else { "application/json" };
    let (mut given_as, text) = (media_type, json!({ "type": "string" }));
    let (status, schema) = match &route.gives {
        Gives::Nothing => (204, None),
        Gives::Text(media_type) => {
            given_as = media_type;
            (200, Some(text))
        }
        Gives::One(status, schema) => (*status, Some(reference(schema))),
        Gives::List(name, schema) => (200, Some(envelope(name, schema))),
    };
    let mut given = json!({ "description": "Done.", "headers": headers() });
    if let Some(schema) = schema {
        given["content"] = json!({ given_as: { "schema": schema } });
    }
    if status == 201 {
        let links = links(route, routes);
        if !links.is_empty() {
            given["links"] = json!(links);
        }
    }
    responses.insert(status.to_string(), given);
    for status in failures(route) {
        let failure = match route.path.starts_with("/v1/") {
            true => json!({ "$ref": format!("#/components/responses/{status}") }),
            false if route.path.ends_with("/as/token") => failure(status, "application/json", "TokenError"),
            false => failure(status, "application/json", "Error"),
        };
        responses.insert(status.to_string(), failure);
    }
    responses
}

/// Each failure of a route below `/v1`, and what it means.
const FAILURES: [(u16, &str); 11] = [
    (400, "The request is at fault; `details` has every fault of it."),
    (401, "There is no token, or none that is good."),
    (403, "The token is good for something else: another environment, another role."),
    (404, "There is nothing of that id."),
    (408, "The request took too long."),
    (409, "The data changed meanwhile, or something stands in the way."),
    (413, "The body is too large."),
    (429, "Too many requests; Retry-After says when to go on."),
    (500, "Usher's own fault; the log has it under the correlation-id."),
    (502, "Dropbox could not be asked."),
    (503, "The database does not answer; Retry-After says when to try again."),
];

fn failure(status: u16, media_type: &str, schema: &str) -> Value {
    let meaning = FAILURES.iter().find(|(known, _)| *known == status).map_or("", |(_, meaning)| meaning);
    let content = json!({ media_type: { "schema": reference(schema) } });
    json!({ "description": meaning, "headers": headers(), "content": content })
}

fn headers() -> Value {
    json!({ "correlation-id": { "$ref": "#/components/headers/correlation-id" } })
}

/// The statuses of failures.
fn failures(route: &Route) -> Vec<u16> {
    let mut failures = vec![500, 503];
    failures.extend(&route.fails);
    if route.permission.is_some() {
        failures.extend([400, 401, 403, 404, 408, 429]);
    }
    if route.path.ends_with("/as/token") {
        failures.extend([400, 401, 408, 413, 429]);
    }
    if route.permission.is_some() && route.method != Method::GET {
        failures.push(409);
    }
    if !route.takes.is_empty() {
        failures.push(413);
    }
    failures.sort_unstable();
    failures.dedup();
    failures
}

/// The envelope of a listing.
fn envelope(name: &str, schema: &str) -> Value {
    let link = reference("Link");
    json!({
        "type": "object",
        "required": ["_links", "_embedded", "count", "size"],
        "additionalProperties": false,
        "properties": {
            "_links": {
                "type": "object",
                "required": ["self"],
                "additionalProperties": false,
                "properties": { "self": link.clone(), "next": link },
            },
            "_embedded": {
                "type": "object",
                "required": [name],
                "additionalProperties": false,
                "properties": { name: { "type": "array", "items": reference(schema) } },
            },
            "count": { "type": "integer", "minimum": 0 },
            "size": { "type": "integer", "minimum": 0 },
        },
    })
}

/// Where a client can go with what was made: every operation on it, by its id.
fn links(made: &Route, routes: &[Route]) -> Map<String, Value> {
    let mut links = Map::new();
    let own: Vec<&str> = names(&made.path).collect();
    for route in routes {
        // What is made below another thing may live at an address of its own (mappings do).
        let below = route.path.strip_prefix(&made.path).and_then(|rest| rest.strip_prefix("/{"));
        let parameter = below.and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
        let Some(parameter) = parameter.filter(|_| names(&route.path).count() == own.len() + 1) else {
            continue;
        };
        let mut values: Map<String, Value> =
            own.iter().map(|name| ((*name).to_owned(), json!(format!("$request.path.{name}")))).collect();
        values.insert(parameter.to_owned(), json!("$response.body#/id"));
        links.insert(route.id.to_owned(), json!({ "operationId": route.id, "parameters": values }));
    }
    links
}

#[cfg(test)]
mod tests;

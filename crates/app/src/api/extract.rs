//! Bodies and path ids: refused with an error that names what is wrong, before a handler sees them.

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header, request::Parts},
};
use serde_json::{Map, Value};
use usher_domain::{EnvironmentId, Rejection, access::Role, directory::audit::Actor};
use usher_engine::directory::By;
use uuid::Uuid;

use super::{AppState, error::ApiError};
use crate::{
    access::people::People,
    body::{self, Allowed},
};

/// The largest body, in bytes.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;
/// The largest body of an import, in bytes.
pub(crate) const BULK_LIMIT: usize = 16 * 1024 * 1024;
/// How deep JSON may nest.
pub(crate) const DEPTH_LIMIT: usize = 32;

/// A JSON object. Unknown fields are the business of whoever reads it.
#[derive(Debug)]
pub(crate) struct Body {
    /// The object.
    pub(crate) object: Map<String, Value>,
}

impl FromRequest<AppState> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, ApiError> {
        let media_type = media_type(request.headers());
        let bytes = bytes(request, BODY_LIMIT).await?;
        let is_json =
            media_type.is_empty() || media_type == "application/json" || media_type.ends_with("+json");
        if !is_json {
            let what = format!("The request body is {media_type}; send application/json.");
            return Err(Rejection::bad_request(what).into());
        }
        Ok(Body { object: object(&bytes)? })
    }
}

/// A JSON object, or `{}` when there is no body.
#[derive(Debug)]
pub(crate) struct MaybeBody(pub(crate) Map<String, Value>);

impl FromRequest<AppState> for MaybeBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, ApiError> {
        let bytes = bytes(request, BODY_LIMIT).await?;
        if bytes.trim_ascii().is_empty() { Ok(MaybeBody(Map::new())) } else { object(&bytes).map(MaybeBody) }
    }
}

/// A file of comma-separated values.
#[derive(Debug)]
pub(crate) struct Csv(pub(crate) String);

impl FromRequest<AppState> for Csv {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, ApiError> {
        let media_type = media_type(request.headers());
        if media_type != "text/csv" {
            return Err(Rejection::bad_request("Send the file as text/csv.").into());
        }
        let bytes = bytes(request, BULK_LIMIT).await?;
        let text = String::from_utf8(bytes);
        text.map(Csv)
            .map_err(|_| Rejection::bad_request("The file is not in UTF-8; save it as UTF-8.").into())
    }
}

/// The whole body of an authorized caller's request.
async fn bytes(request: Request, limit: usize) -> Result<Vec<u8>, ApiError> {
    let (parts, body) = request.into_parts();
    body::read(&parts.headers, body, Allowed::known(limit)).await.map_err(ApiError::from)
}

/// The object in these bytes, if they hold one that does not nest too deep.
fn object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if nests_deeper(bytes, DEPTH_LIMIT) {
        let what = format!("The request body nests deeper than {DEPTH_LIMIT} levels.");
        return Err(Rejection::bad_request(what).into());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Rejection::bad_request("The request body must be a JSON object.").into()),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let what = format!("The request body is not JSON (line {line}, column {column}).");
            Err(Rejection::bad_request(what).into())
        }
    }
}

/// Whether brackets outside strings nest deeper than `limit`; told before anything is parsed.
fn nests_deeper(bytes: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// What the body is said to be, without parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The ids in the path, in order. A path segment that is no UUID names nothing: 404.
#[derive(Debug)]
pub(crate) struct Segments(Vec<Uuid>);

impl FromRequestParts<AppState> for Segments {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Path(segments) = Path::<Vec<String>>::from_request_parts(parts, app)
            .await
            .map_err(|error| ApiError::unexpected(error.body_text()))?;
        // Ids are answered in lower case, and only that spelling names something.
        let parse = |segment: &String| {
            let id = Uuid::parse_str(segment).ok().filter(|id| id.to_string() == segment.to_lowercase());
            id.ok_or_else(|| ApiError::from(Rejection::not_found("anything", segment)))
        };
        Ok(Segments(segments.iter().map(parse).collect::<Result<_, _>>()?))
    }
}

impl Segments {
    /// The id at this place, for messages.
    pub(crate) fn uuid(&self, index: usize) -> Uuid {
        self.0.get(index).copied().unwrap_or_default()
    }

    /// The id at this place, counted from 0, as whatever kind of id it is.
    pub(crate) fn id<T: From<Uuid>>(&self, index: usize) -> T {
        T::from(self.uuid(index))
    }
}

/// Who is calling; put there by the gate in front of every route of `/v1`.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// For the audit.
    pub(crate) actor: Actor,
    /// The environment that their token is good for.
    pub(crate) environment: EnvironmentId,
    /// What they may do: they can give nobody more.
    pub(crate) roles: Vec<Role>,
}

impl Caller {
    /// For a command's audit.
    pub(crate) fn by(&self) -> By {
        By { actor: self.actor.clone(), correlation_id: Some(super::correlation::current()) }
    }
}

impl Caller {
    /// How much of people's data they are shown.
    pub(crate) fn people(&self) -> People {
        People::of(&self.roles)
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| ApiError::unexpected("a route without a gate asked who is calling"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert!(!nests_deeper(br#"{"a":"[[[[[[","b":[1]}"#, 2));
        assert!(nests_deeper(br#"{"a":[[1]]}"#, 2));
        assert!(!nests_deeper(br#""\"[[[""#, 1));
    }
}

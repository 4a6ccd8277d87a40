//! Envelopes and links, absolute on the host that the client used (facts/pingone.md §2.2).

use std::fmt::Display;

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::request::Parts,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use usher_domain::{
    Detail, Rejection,
    directory::filter::Filter,
    ports::store::{Page, PageRequest},
};
use uuid::Uuid;

use super::{AppState, error::ApiError};
use crate::address;

/// Characters that a name or value of a query must not hold as they are (RFC 3986 §3.4, and what separates them).
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Where the request was addressed, for links; and what its query says.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    base: String,
    path: String,
    /// In the order in which it was sent.
    query: Vec<(String, String)>,
}

impl FromRequestParts<AppState> for Origin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let base = address::base(&parts.headers, app.public_url.as_ref(), app.scheme);
        let uri = OriginalUri::from_request_parts(parts, app).await.map(|uri| uri.0).unwrap_or_default();
        let query = uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Ok(Origin { base, path: uri.path().to_owned(), query })
    }
}

impl Origin {
    /// An absolute address below `/v1`.
    pub(crate) fn v1(&self, path: &str) -> String {
        format!("{}{path}", self.root())
    }

    /// The address of `/v1`, to be written before a path.
    pub(crate) fn root(&self) -> impl Display {
        std::fmt::from_fn(|f| write!(f, "{}/v1", self.base))
    }

    /// `{"href": …}` below `/v1`.
    pub(crate) fn link(&self, path: &str) -> Value {
        json!({ "href": self.v1(path) })
    }

    /// One value of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Which of these words a parameter names, with commas between them.
    pub(crate) fn words(&self, name: &str, allowed: &[&'static str]) -> Result<Vec<&'static str>, ApiError> {
        let Some(text) = self.query(name).filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
        let word = |part: &str| allowed.iter().find(|word| word.eq_ignore_ascii_case(part.trim())).copied();
        text.split(',').map(word).collect::<Option<Vec<_>>>().ok_or_else(|| {
            let what = format!("must be of {}", allowed.join(", "));
            let inner = json!({ "allowedValues": allowed });
            Rejection::invalid(vec![Detail::new("INVALID_VALUE", name, what).with_inner(inner)]).into()
        })
    }

    /// The SCIM filter of the query, checked against the attributes that the resource has, where they are known.
    pub(crate) fn filter(&self, known: Option<&[&str]>) -> Result<Option<Filter>, ApiError> {
        let Some(text) = self.query("filter").filter(|text| !text.trim().is_empty()) else {
            return Ok(None);
        };
        let parsed = text
            .parse::<Filter>()
            .and_then(|filter| known.map_or(Ok(()), |known| filter.check(known)).map(|()| filter));
        let refuse =
            |error: &dyn Display| Rejection::field("INVALID_VALUE", "filter", error.to_string()).into();
        parsed.map(Some).map_err(|error| refuse(&error))
    }

    /// `limit` and `cursor` of the query; at most `most` rows.
    pub(crate) fn page(&self, most: u32) -> Result<PageRequest, ApiError> {
        let mut faults = Vec::new();
        let limit = match self.query("limit").map(str::parse::<u32>) {
            None => most.min(100),
            Some(Ok(limit)) if (1..=1000).contains(&limit) => limit.min(most),
            Some(_) => {
                let inner = json!({ "rangeMinimumValue": 1, "rangeMaximumValue": 1000 });
                faults.push(Detail::new("INVALID_VALUE", "limit", "must be 1 to 1000").with_inner(inner));
                1
            }
        };
        let after = match self.query("cursor") {
            None => None,
            Some(cursor) => {
                let id = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| Uuid::from_slice(&bytes).ok());
                if id.is_none() {
                    let what = "is not a cursor of this listing; follow _links.next, or start without one";
                    faults.push(Detail::new("INVALID_VALUE", "cursor", what));
                }
                id
            }
        };
        if faults.is_empty() {
            Ok(PageRequest { after, limit })
        } else {
            Err(Rejection::invalid(faults).into())
        }
    }

    /// A page of a listing. `count` is the whole listing's, when it is known.
    pub(crate) fn listing<T>(&self, name: &'static str, page: Page<T>, count: Option<u64>) -> Listing<T> {
        let mut links = Map::new();
        links.insert("self".into(), json!({ "href": self.here(None) }));
        if let Some(next) = page.next {
            let cursor = URL_SAFE_NO_PAD.encode(next.as_bytes());
            links.insert("next".into(), json!({ "href": self.here(Some(&cursor)) }));
        }
        let size = page.items.len();
        let count = count.unwrap_or(size as u64);
        Listing { links, embedded: Embedded { name, items: page.items }, count, size }
    }

    /// A listing that is never paged.
    pub(crate) fn whole(&self, name: &'static str, items: Vec<Value>) -> Listing<Value> {
        self.listing(name, Page { items, next: None }, None)
    }

    fn here(&self, cursor: Option<&str>) -> String {
        let mut query: Vec<(&str, &str)> =
            self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if let Some(cursor) = cursor {
            query.retain(|(name, _)| *name != "cursor");
            query.push(("cursor", cursor));
        }
        let encode = |text| utf8_percent_encode(text, QUERY);
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{}", self.base, self.path, query.join("&"))
    }
}

/// A page of a listing, in HAL's envelope.
#[derive(Debug, Serialize)]
pub(crate) struct Listing<T> {
    #[serde(rename = "_links")]
    links: Map<String, Value>,
    #[serde(rename = "_embedded")]
    embedded: Embedded<T>,
    count: u64,
    size: usize,
}

impl<T> Listing<T> {
    /// With this as the next page, which is not told by a cursor.
    pub(crate) fn with_next(mut self, link: Value) -> Self {
        self.links.insert("next".into(), link);
        self
    }
}

#[derive(Debug)]
struct Embedded<T> {
    name: &'static str,
    items: Vec<T>,
}

impl<T: Serialize> Serialize for Embedded<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.name, &self.items)])
    }
}

/// A link, written as it is shown.
pub(crate) struct Href<T>(pub(crate) T);

impl<T: Display> Serialize for Href<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("href", Shown(&self.0))])
    }
}

struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Pages a listing that is in memory, in id order.
pub(crate) fn cut<T>(items: Vec<T>, id: impl Fn(&T) -> Uuid, page: &PageRequest) -> Page<T> {
    let mut items: Vec<T> =
        items.into_iter().filter(|item| page.after.is_none_or(|after| id(item) > after)).collect();
    items.sort_by_key(&id);
    let more = items.len() > page.limit as usize;
    items.truncate(page.limit as usize);
    let next = if more { items.last().map(&id) } else { None };
    Page { items, next }
}

//! Paging by key: a listing goes on after the last row that was shown, however many come before it.

use uuid::Uuid;

use super::visitor::Visitor;

/// Where a listing goes on, and whether this is its first page.
#[derive(Debug)]
pub(super) struct Paging {
    /// The address of the next page.
    pub(super) next: Option<String>,
    /// The address of the first page, unless this is it.
    pub(super) first: Option<String>,
}

impl Paging {
    /// After `next`, with everything else in the query as it is.
    pub(super) fn new(visitor: &Visitor, next: Option<Uuid>) -> Self {
        Paging::after(visitor, next.map(|next| next.to_string()))
    }

    /// The same, of a listing whose place is told in another way.
    pub(super) fn after(visitor: &Visitor, next: Option<String>) -> Self {
        let visit = &visitor.visit;
        let address = |after: Option<&str>| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(visit.pairs().filter(|(name, _)| *name != "after" && *name != "now"));
            if let Some(after) = after {
                query.append_pair("after", after);
            }
            let query = query.finish();
            if query.is_empty() { visit.path.clone() } else { format!("{}?{query}", visit.path) }
        };
        Paging {
            next: next.map(|next| address(Some(&next))),
            first: visit.query("after").is_some().then(|| address(None)),
        }
    }
}

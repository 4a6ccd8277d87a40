//! Pages that look at a whole team: where that takes a while, the page comes at once and says so, and what was seen comes
//! in its place. Without a script, a link leads there.

use askama::Template;
use axum::response::Response;

use crate::{
    console::{
        error::ConsoleResult,
        page::{Shell, page},
        show::count,
        visitor::Visitor,
    },
    state::AppState,
};

/// With so many users in the directory it is looked at once, before the page is answered.
const AT_ONCE: u64 = 2_000;
/// In the query of an address at which it is looked, however long that takes.
const NOW: &str = "now";

#[derive(Template)]
#[template(path = "provisioning/looking.html")]
struct Looking {
    shell: Shell,
    users: String,
    /// Where what is seen is shown.
    now: String,
}

/// What is shown before it is looked; `None` when it is to be looked now.
pub(super) async fn first(
    app: &AppState,
    visitor: &Visitor,
    title: String,
) -> ConsoleResult<Option<Response>> {
    let users = app.directory.count_users(visitor.home()).await?;
    if visitor.query(NOW).is_some() || users <= AT_ONCE {
        return Ok(None);
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(visitor.visit.pairs()).append_pair(NOW, "1");
    page(&Looking {
        shell: Shell::new(visitor, title),
        users: count(users, "user", "users"),
        now: format!("{}?{}", visitor.visit.path, query.finish()),
    })
    .map(Some)
}

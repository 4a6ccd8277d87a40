//! Users: the list, one of them, and what can be done with them.

mod edit;
mod explanation;
mod list;
mod page;

pub(super) use edit::{change, create, edit, new};
pub(super) use explanation::explain;
pub(super) use list::list;
pub(super) use page::{confirm_delete, delete, join, leave, provision, set_enabled, show};

use usher_domain::{Rejection, UserId, directory::user::User};

use super::{error::ConsoleResult, visitor::Visitor};
use crate::state::AppState;

/// The user of that id, in the visitor's environment.
async fn find(app: &AppState, visitor: &Visitor, id: UserId) -> ConsoleResult<User> {
    let found = app.store.user(visitor.home(), id).await?;
    found.ok_or_else(|| Rejection::not_found("user", id).into())
}

/// What a person is called: their name, or else their username.
pub(super) fn called(user: &User) -> String {
    if let Some(formatted) = &user.name.formatted {
        return formatted.clone();
    }
    let parts: Vec<&str> =
        [&user.name.given, &user.name.family].into_iter().flatten().map(String::as_str).collect();
    if parts.is_empty() { user.username.clone() } else { parts.join(" ") }
}

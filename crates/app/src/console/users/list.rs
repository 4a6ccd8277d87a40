//! The list of users: a page at a time, in the order in which they were made, narrowed by a few letters or a filter.

use askama::Template;
use axum::extract::State;
use usher_domain::ports::store::{PageRequest, UserQuery};
use usher_engine::directory::DirectoryError;

use super::called;
use crate::{
    access::permission::Permission::WriteIdentities,
    console::{
        error::ConsoleResult,
        page::{Shell, page},
        paging::Paging,
        show::{Badge, count, enabled},
        visitor::Visitor,
    },
    state::AppState,
};

/// How many users are on a page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "users/list.html")]
struct List {
    shell: Shell,
    q: String,
    population: String,
    populations: Vec<(String, String)>,
    fault: Option<String>,
    rows: Vec<Row>,
    paging: Paging,
    total: String,
    may_write: bool,
    narrowed: bool,
}

struct Row {
    id: String,
    name: String,
    username: String,
    email: String,
    population: String,
    state: Badge,
}

/// `GET /console/users`, with `q` (letters or a filter), `population` and `after`
pub(in crate::console) async fn list(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let home = visitor.home();
    let request = PageRequest { after: visitor.visit.id("after"), limit: PAGE };
    let population = visitor.visit.id("population");
    let mut fault = None;
    let found = match visitor.query("q") {
        Some(text) => app.directory.find_users(home, &within(text, population), &request).await,
        None => {
            let query = UserQuery { population: population.map(Into::into), ..UserQuery::default() };
            app.store.users(home, &query, &request).await.map_err(DirectoryError::from)
        }
    };
    let found = match found {
        Ok(found) => found,
        Err(DirectoryError::Rejected(why)) => {
            fault = Some(why.details.first().map_or(why.message, |detail| detail.message.clone()));
            usher_domain::ports::store::Page { items: Vec::new(), next: None }
        }
        Err(error) => return Err(error.into()),
    };
    let populations = app.store.populations(home).await?;
    let living = |id| populations.iter().find(|it| it.id == id).map(|it| it.name.clone()).unwrap_or_default();
    let rows = found.items.iter().map(|user| Row {
        id: user.id.to_string(),
        name: called(user),
        username: user.username.clone(),
        email: user.email.clone(),
        population: living(user.population),
        state: enabled(user.enabled),
    });
    let total = app.directory.count_users(home).await?;
    page(&List {
        shell: Shell::new(&visitor, "Users"),
        q: visitor.query("q").unwrap_or_default().to_owned(),
        population: population.map(|id| id.to_string()).unwrap_or_default(),
        rows: rows.collect(),
        paging: Paging::new(&visitor, found.next),
        populations: populations.iter().map(|it| (it.id.to_string(), it.name.clone())).collect(),
        fault,
        total: count(total, "user", "users"),
        may_write: visitor.may(WriteIdentities),
        narrowed: visitor.query("q").is_some() || population.is_some(),
    })
}

/// Letters, or a filter, within a population.
fn within(text: &str, population: Option<uuid::Uuid>) -> String {
    let is_filter = text.parse::<usher_domain::directory::filter::Filter>().is_ok();
    match population {
        None => text.to_owned(),
        Some(population) if is_filter => format!("population.id eq \"{population}\" and ({text})"),
        Some(population) => {
            let quoted = serde_json::Value::from(text).to_string();
            let named =
                ["username", "email", "name.given", "name.family"].map(|path| format!("{path} co {quoted}"));
            format!("population.id eq \"{population}\" and ({})", named.join(" or "))
        }
    }
}

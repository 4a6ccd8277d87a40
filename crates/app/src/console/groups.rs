//! Groups: the list, one of them, and what can be done with them.

use askama::Template;
use axum::extract::State;
use serde_json::{Map, Value, json};
use usher_domain::{
    GroupId, Rejection,
    directory::group::Group,
    ports::store::{PageRequest, UserQuery},
    reconcile::scope::Subject,
};
use usher_engine::directory::DirectoryError;

use super::{
    error::ConsoleResult,
    form::{Choice, Form},
    page::{Shell, done, page, refused},
    paging::Paging,
    show::{Badge, Time, count, enabled, number},
    standings::{SyncedRule, synced_rules},
    users::called,
    visitor::{Ids, Visitor},
};
use crate::{
    access::permission::Permission::{ReadConfiguration, WriteIdentities},
    state::AppState,
};

/// How many rows are on a page.
const PAGE: usize = 50;
/// The form's fields, as a rejection names them.
const TARGETS: [(&str, &str); 5] = [
    ("name", "name"),
    ("description", "description"),
    ("userFilter", "user_filter"),
    ("externalId", "external_id"),
    ("population.id", "population"),
];

#[derive(Template)]
#[template(path = "groups/list.html")]
struct List {
    shell: Shell,
    q: String,
    rows: Vec<Row>,
    paging: Paging,
    total: String,
    may_write: bool,
}

struct Row {
    id: String,
    name: String,
    description: String,
    dynamic: bool,
    users: String,
    groups: u64,
}

/// `GET /console/groups`, with `q` (letters of the name) and `after`
pub(super) async fn list(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let mut groups = app.store.groups(visitor.home()).await?;
    let total = count(groups.len() as u64, "group", "groups");
    if let Some(letters) = visitor.query("q") {
        let letters = letters.to_lowercase();
        groups.retain(|group| group.name.to_lowercase().contains(&letters));
    }
    groups.sort_by_cached_key(|group| (group.name.to_lowercase(), group.id));
    let after = visitor.visit.id("after").map(GroupId);
    let start =
        after.and_then(|after| groups.iter().position(|group| group.id == after)).map_or(0, |at| at + 1);
    let more = groups.len() > start + PAGE;
    let shown: Vec<Group> = groups.into_iter().skip(start).take(PAGE).collect();
    let ids: Vec<GroupId> = shown.iter().map(|group| group.id).collect();
    let counts = app.store.member_counts(&ids).await?;
    let next = shown.last().filter(|_| more).map(|group| group.id.uuid());
    let rows = shown.into_iter().map(|group| {
        let (_, users, groups) =
            counts.iter().find(|(id, ..)| *id == group.id).copied().unwrap_or((group.id, 0, 0));
        Row {
            id: group.id.to_string(),
            name: group.name,
            description: group.description.unwrap_or_default(),
            dynamic: group.user_filter.is_some(),
            users: number(users),
            groups,
        }
    });
    page(&List {
        shell: Shell::new(&visitor, "Groups"),
        q: visitor.query("q").unwrap_or_default().to_owned(),
        rows: rows.collect(),
        paging: Paging::new(&visitor, next),
        total,
        may_write: visitor.may(WriteIdentities),
    })
}

#[derive(Template)]
#[template(path = "groups/page.html")]
struct GroupPage {
    shell: Shell,
    form: Form,
    id: String,
    name: String,
    description: String,
    filter: Option<String>,
    external_id: Option<String>,
    created: Time,
    users: String,
    members: Vec<Member>,
    paging: Paging,
    parents: Vec<(String, String)>,
    children: Vec<(String, String)>,
    rules: Vec<SyncedRule>,
    may_write: bool,
    may_see_rules: bool,
}

struct Member {
    id: String,
    name: String,
    username: String,
    state: Badge,
}

/// `GET /console/groups/{id}`: its direct members a page at a time.
pub(super) async fn show(State(app): State<AppState>, visitor: Visitor, ids: Ids) -> ConsoleResult {
    let group = find(&app, &visitor, ids.id(0)).await?;
    page(&shown(&app, &visitor, &group, Form::default()).await?)
}

async fn shown(app: &AppState, visitor: &Visitor, group: &Group, form: Form) -> ConsoleResult<GroupPage> {
    let home = visitor.home();
    let request = PageRequest { after: visitor.visit.id("after"), limit: PAGE as u32 };
    let found = match group.user_filter.as_deref().and_then(|filter| filter.parse().ok()) {
        Some(filter) => app.directory.search_users(home, Some(&filter), &request).await?,
        None => {
            let query = UserQuery { direct_member_of: Some(vec![group.id]), ..UserQuery::default() };
            app.store.users(home, &query, &request).await?
        }
    };
    let nestings = app.store.nestings(home).await?;
    let all = app.store.groups(home).await?;
    let named = |ids: Vec<GroupId>| {
        let named =
            all.iter().filter(|it| ids.contains(&it.id)).map(|it| (it.id.to_string(), it.name.clone()));
        named.collect::<Vec<_>>()
    };
    let parents = nestings.iter().filter(|it| it.child == group.id).map(|it| it.parent).collect();
    let children = nestings.iter().filter(|it| it.parent == group.id).map(|it| it.child).collect();
    let counts = app.store.member_counts(&[group.id]).await?;
    let users = counts.first().map_or(0, |(_, users, _)| *users);
    let members = found.items.iter().map(|user| Member {
        id: user.id.to_string(),
        name: called(user),
        username: user.username.clone(),
        state: enabled(user.enabled),
    });
    Ok(GroupPage {
        shell: Shell::new(visitor, group.name.clone()),
        form,
        id: group.id.to_string(),
        name: group.name.clone(),
        description: group.description.clone().unwrap_or_default(),
        filter: group.user_filter.clone(),
        external_id: group.external_id.clone(),
        created: Time(group.created_at),
        users: count(users, "direct member", "direct members"),
        members: members.collect(),
        paging: Paging::new(visitor, found.next),
        parents: named(parents),
        children: named(children),
        rules: match visitor.may(ReadConfiguration) {
            true => synced_rules(app, visitor, Subject::Group(group.id)).await?,
            false => Vec::new(),
        },
        may_write: visitor.may(WriteIdentities),
        may_see_rules: visitor.may(ReadConfiguration),
    })
}

async fn find(app: &AppState, visitor: &Visitor, id: GroupId) -> ConsoleResult<Group> {
    let found = app.store.group(visitor.home(), id).await?;
    found.ok_or_else(|| Rejection::not_found("group", id).into())
}

#[derive(Template)]
#[template(path = "groups/edit.html")]
struct Edit {
    shell: Shell,
    form: Form,
    populations: Vec<Choice>,
    group: Option<(String, String)>,
}

async fn editing(
    app: &AppState,
    visitor: &Visitor,
    form: Form,
    group: Option<&Group>,
) -> ConsoleResult<Edit> {
    let mut populations = vec![Choice::new("", "None: users of any population")];
    for it in app.store.populations(visitor.home()).await? {
        populations.push(Choice::new(it.id.to_string(), it.name));
    }
    let title = group.map_or("New group".to_owned(), |group| format!("Edit {}", group.name));
    let group = group.map(|group| (group.id.to_string(), group.name.clone()));
    Ok(Edit { shell: Shell::new(visitor, title), form, populations, group })
}

/// `GET /console/groups/new`
pub(super) async fn new(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    page(&editing(&app, &visitor, Form::default(), None).await?)
}

fn body(form: &Form) -> Map<String, Value> {
    let fields = [
        ("name", "name"),
        ("description", "description"),
        ("user_filter", "userFilter"),
        ("external_id", "externalId"),
    ];
    let filled =
        fields.iter().filter_map(|(field, member)| Some(((*member).to_owned(), json!(form.some(field)?))));
    filled.collect()
}

/// `POST /console/groups`
pub(super) async fn create(State(app): State<AppState>, visitor: Visitor, form: Form) -> ConsoleResult {
    let mut body = body(&form);
    if let Some(population) = form.some("population") {
        body.insert("population".into(), json!({ "id": population }));
    }
    match app.directory.create_group(&visitor.by(), visitor.home(), &body).await {
        Ok(made) => {
            done(&visitor, &format!("/console/groups/{}", made.id), &format!("{} was created.", made.name))
        }
        Err(DirectoryError::Rejected(why)) => {
            refused(&editing(&app, &visitor, form.refused(&why, &TARGETS), None).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /console/groups/{id}/edit`
pub(super) async fn edit(State(app): State<AppState>, visitor: Visitor, ids: Ids) -> ConsoleResult {
    let group = find(&app, &visitor, ids.id(0)).await?;
    let form = Form::of([
        ("name", group.name.clone()),
        ("description", group.description.clone().unwrap_or_default()),
        ("user_filter", group.user_filter.clone().unwrap_or_default()),
        ("external_id", group.external_id.clone().unwrap_or_default()),
    ]);
    page(&editing(&app, &visitor, form, Some(&group)).await?)
}

/// `POST /console/groups/{id}/edit`
pub(super) async fn change(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let group = find(&app, &visitor, ids.id(0)).await?;
    let mut body = body(&form);
    // What the form does not show stays as it is.
    if let Some(population) = group.population {
        body.insert("population".into(), json!({ "id": population }));
    }
    if let Some(custom) = &group.custom_data {
        body.insert("customData".into(), custom.clone());
    }
    match app.directory.replace_group(&visitor.by(), visitor.home(), group.id, &body).await {
        Ok(saved) => {
            done(&visitor, &format!("/console/groups/{}", group.id), &format!("{} was saved.", saved.name))
        }
        Err(DirectoryError::Rejected(why)) => {
            refused(&editing(&app, &visitor, form.refused(&why, &TARGETS), Some(&group)).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/groups/{id}/nest`: this group into another, by its name.
pub(super) async fn nest(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let group = find(&app, &visitor, ids.id(0)).await?;
    let wanted = form.value("parent").to_lowercase();
    let all = app.store.groups(visitor.home()).await?;
    let nested = match all.iter().find(|it| it.name.to_lowercase() == wanted) {
        Some(parent) => app.directory.nest_group(&visitor.by(), visitor.home(), group.id, parent.id).await,
        None => {
            let what = format!("There is no group called “{}”", form.value("parent"));
            Err(Rejection::field("INVALID_VALUE", "id", what).into())
        }
    };
    match nested {
        Ok(parent) => done(
            &visitor,
            &format!("/console/groups/{}", group.id),
            &format!("Whoever is in {} is in {} now.", group.name, parent.name),
        ),
        Err(DirectoryError::Rejected(why)) => {
            let form = form.refused(&why, &[("id", "parent"), ("group", "parent")]);
            refused(&shown(&app, &visitor, &group, form).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/groups/{id}/parents/{parent}/leave`
pub(super) async fn unnest(State(app): State<AppState>, visitor: Visitor, ids: Ids) -> ConsoleResult {
    let group = find(&app, &visitor, ids.id(0)).await?;
    app.directory.unnest_group(&visitor.by(), visitor.home(), group.id, ids.id(1)).await?;
    done(&visitor, &format!("/console/groups/{}", group.id), &format!("{} was taken out.", group.name))
}

#[derive(Template)]
#[template(path = "groups/delete.html")]
struct Delete {
    shell: Shell,
    id: String,
    name: String,
    users: String,
    rules: Vec<String>,
}

/// `GET /console/groups/{id}/delete`: what will happen.
pub(super) async fn confirm_delete(State(app): State<AppState>, visitor: Visitor, ids: Ids) -> ConsoleResult {
    let group = find(&app, &visitor, ids.id(0)).await?;
    let counts = app.store.member_counts(&[group.id]).await?;
    let rules = app.reconciler.rules(visitor.home()).await?;
    let rules = rules.into_iter().filter(|rule| rule.groups.contains(&group.id)).map(|rule| rule.name);
    page(&Delete {
        shell: Shell::new(&visitor, format!("Delete {}", group.name)),
        id: group.id.to_string(),
        users: count(counts.first().map_or(0, |(_, users, _)| *users), "user", "users"),
        rules: rules.collect(),
        name: group.name,
    })
}

/// `POST /console/groups/{id}/delete`
pub(super) async fn delete(State(app): State<AppState>, visitor: Visitor, ids: Ids) -> ConsoleResult {
    let group = find(&app, &visitor, ids.id(0)).await?;
    app.directory.delete_group(&visitor.by(), visitor.home(), group.id).await?;
    done(&visitor, "/console/groups", &format!("{} was deleted.", group.name))
}

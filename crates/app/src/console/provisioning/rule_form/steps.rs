//! The steps of the wizard: what a button does, where it leads, and what each step shows.

use askama::Template;
use axum::extract::State;
use usher_domain::{
    Rejection,
    directory::filter::conditions::{Condition, Conditions, Row as ConditionRow},
    ports::store::UserQuery,
    provisioning::{
        commands::{mapping, whole_rule::WholeRule},
        connection::{Connection, ConnectionKind},
        expression::{Context, Expression},
        rule::{Direction, Rule},
    },
};
use usher_engine::{directory::DirectoryError, reconcile::Draft};

use super::{
    draft::{self, GUARD, STEPS, SWITCHES},
    filter::{self, Editor},
};
use crate::{
    console::{
        error::ConsoleResult,
        form::{Choice, Form},
        page::{Shell, done, page, refused},
        provisioning::{conditions, find_rule, preview::PreviewShown},
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

/// How many groups are offered at once.
const OFFERED: usize = 50;

#[derive(Template)]
#[template(path = "provisioning/rule_wizard.html")]
struct Wizard {
    shell: Shell,
    form: Form,
    /// The rule that is changed.
    rule: Option<(String, String)>,
    step: &'static str,
    steps: Vec<(&'static str, &'static str, bool)>,
    hidden: Vec<(&'static str, String)>,
    inbound: bool,
    last: bool,
    connections: Vec<Choice>,
    editor: Editor,
    rows: Vec<MappingRow>,
    sources: Vec<&'static str>,
    targets: Vec<&'static str>,
    groups: Vec<(String, String, bool)>,
    more_groups: bool,
    populations: Vec<Choice>,
    remove_actions: Vec<Choice>,
    sides: Vec<Choice>,
    preview: Option<PreviewShown>,
    preview_fault: Option<String>,
    may_see_people: bool,
}

struct MappingRow {
    n: usize,
    target: String,
    source: String,
    expression: String,
    fault: Option<String>,
    tried: Option<Tried>,
}

struct Tried {
    n: usize,
    value: Result<String, String>,
}

/// `GET /console/rules/new`, perhaps with the `connection` that it is to use
pub(in crate::console) async fn begin(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let mut form = draft::blank();
    if let Some(connection) = visitor.visit.id("connection") {
        form.set("connection", connection.to_string());
    }
    page(&shown(&app, &visitor, form, None, "direction", None).await?)
}

/// `GET /console/rules/{id}/edit`, perhaps with the `step` to begin at
pub(in crate::console) async fn reopen(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let mappings = app.store.mappings(rule.id).await?;
    let form = draft::of_rule(&rule, &mappings);
    let asked = named(visitor.query("step").unwrap_or("details"));
    let step = if asked == "direction" { "details" } else { asked };
    page(&shown(&app, &visitor, form, Some(&rule), step, None).await?)
}

/// `POST /console/rules/new`
pub(in crate::console) async fn step(
    State(app): State<AppState>,
    visitor: Visitor,
    form: Form,
) -> ConsoleResult {
    advance(&app, &visitor, form, None).await
}

/// `POST /console/rules/{id}/edit`
pub(in crate::console) async fn step_of(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    advance(&app, &visitor, form, Some(rule)).await
}

/// The step of that name; the first one if there is none.
fn named(step: &str) -> &'static str {
    STEPS.iter().find(|(name, _)| *name == step).map_or("direction", |(name, _)| name)
}

fn index(step: &str) -> usize {
    STEPS.iter().position(|(name, _)| *name == step).unwrap_or(0)
}

async fn advance(app: &AppState, visitor: &Visitor, mut form: Form, current: Option<Rule>) -> ConsoleResult {
    let step = named(form.value("step"));
    let go = form.value("go").to_owned();
    let (what, about) = go.split_once(':').unwrap_or((&go, ""));
    filter::agree(&mut form);
    if !form.is_good() {
        return refused(&shown(app, visitor, form, current.as_ref(), "filter", None).await?);
    }
    let mut tried = None;
    let next = match what {
        "back" => STEPS.get(index(step).saturating_sub(1)).map_or(step, |(name, _)| name),
        "to" => named(about),
        "add-row" | "add-group" | "add-text" | "remove" => {
            edit_conditions(&mut form, what, about);
            step
        }
        "add-mapping" | "remove-mapping" | "defaults" => {
            edit_rows(&mut form, what, about);
            step
        }
        "try" => {
            tried = Some(try_expression(app, visitor, &form, about).await?);
            step
        }
        "count" | "find-groups" => step,
        "save" => return save(app, visitor, form, current).await,
        _ => STEPS.get(index(step) + 1).map_or(step, |(name, _)| name),
    };
    if index(next) > index(step)
        && let Some((first, why)) = in_the_way(app, visitor, &form, current.as_ref(), index(next)).await?
    {
        let form = told(form, &why);
        let at = STEPS.get(first).map_or(step, |(name, _)| name);
        return refused(&shown(app, visitor, form, current.as_ref(), at, None).await?);
    }
    let counted = what == "count";
    let mut shown = shown(app, visitor, form, current.as_ref(), next, tried).await?;
    if counted {
        shown.editor.matches = Some(filter::matches(app, visitor, &shown.form).await?);
    }
    page(&shown)
}

fn edit_conditions(form: &mut Form, what: &str, at: &str) {
    let mut held = conditions::read(form.all("c"));
    let place = conditions::place(at);
    let new = match what {
        "add-row" => Condition::Row(ConditionRow { operator: "eq".to_owned(), ..ConditionRow::default() }),
        "add-text" => Condition::Text(String::new()),
        "add-group" => Condition::Group(Conditions {
            items: vec![Condition::Row(ConditionRow {
                operator: "eq".to_owned(),
                ..ConditionRow::default()
            })],
            ..Conditions::default()
        }),
        _ => {
            held.remove(&place);
            return draft::set_conditions(form, &held);
        }
    };
    if let Some(group) = held.group_mut(&place) {
        group.items.push(new);
    }
    draft::set_conditions(form, &held);
}

fn edit_rows(form: &mut Form, what: &str, at: &str) {
    let mut rows = draft::rows(form);
    match (what, at.parse::<usize>()) {
        ("defaults", _) => rows = draft::default_rows(draft::direction(form)),
        ("remove-mapping", Ok(n)) if n < rows.len() => drop(rows.remove(n)),
        ("add-mapping", _) => rows.push(draft::Row::default()),
        _ => {}
    }
    draft::set_rows(form, &rows);
}

/// What the expression of a row gives for a user of the directory.
async fn try_expression(app: &AppState, visitor: &Visitor, form: &Form, at: &str) -> ConsoleResult<Tried> {
    let n = at.parse().unwrap_or(0);
    if let Err(why) = visitor.people().require_shown("Trying an expression on a user") {
        return Ok(Tried { n, value: Err(why.message) });
    }
    let rows = draft::rows(form);
    let text = rows.get(n).map(draft::Row::as_expression).unwrap_or_default();
    let value = match (app_user(app, visitor, form.value("try_user")).await?, Expression::parse(&text)) {
        (_, Err(error)) => Err(error.to_string()),
        (None, _) => Err("There is no user of that username or e-mail address to test it on.".to_owned()),
        (Some(user), Ok(expression)) => {
            let root = app.directory.seen_by_expressions(visitor.home(), user).await?;
            let value = expression.evaluate(&Context { root: &root });
            value
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .map_err(|it| it.to_string())
        }
    };
    Ok(Tried { n, value })
}

async fn app_user(
    app: &AppState,
    visitor: &Visitor,
    named: &str,
) -> ConsoleResult<Option<usher_domain::UserId>> {
    if named.is_empty() {
        return Ok(None);
    }
    let first = usher_domain::ports::store::PageRequest { after: None, limit: 1 };
    for query in [
        UserQuery { username: Some(named.to_owned()), ..UserQuery::default() },
        UserQuery { email: Some(named.to_owned()), ..UserQuery::default() },
    ] {
        if let Some(user) = app.store.users(visitor.home(), &query, &first).await?.items.first() {
            return Ok(Some(user.id));
        }
    }
    Ok(None)
}

/// The rule as the form has it, judged as if it were saved.
async fn drafted(
    app: &AppState,
    visitor: &Visitor,
    form: &Form,
    current: Option<&Rule>,
) -> ConsoleResult<Result<WholeRule, Rejection>> {
    let connections = app.store.connections(visitor.home()).await?;
    let filter = match filter::filter(form) {
        Ok(filter) => filter,
        Err(fault) => return Ok(Err(Rejection::field("INVALID_VALUE", "populationExpression", fault))),
    };
    let body = draft::body(form, current, &connections, filter.as_ref());
    let mappings: Vec<_> = draft::mappings(form).into_iter().map(|(_, body)| body).collect();
    let id = current.map(|rule| rule.id);
    match app.directory.draft_whole_rule(&visitor.by(), visitor.home(), id, &body, &mappings).await {
        Ok(whole) => Ok(Ok(whole)),
        Err(DirectoryError::Rejected(why)) => Ok(Err(why)),
        Err(error) => Err(error.into()),
    }
}

/// What a step before the wanted one has wrong, and which it is. What a later step asks for is told there.
async fn in_the_way(
    app: &AppState,
    visitor: &Visitor,
    form: &Form,
    current: Option<&Rule>,
    wanted: usize,
) -> ConsoleResult<Option<(usize, Rejection)>> {
    // A rule that is on lacks what later steps ask for, and that would hide the faults of this one.
    let mut asleep = form.clone();
    asleep.unset("active");
    for form in [form, &asleep] {
        let Err(why) = drafted(app, visitor, form, current).await? else { return Ok(None) };
        let first = why.details.iter().map(|it| index(place_of(&it.target).0)).min();
        if let Some(first) = first.filter(|first| *first < wanted) {
            return Ok(Some((first, why)));
        }
    }
    Ok(None)
}

async fn save(app: &AppState, visitor: &Visitor, form: Form, current: Option<Rule>) -> ConsoleResult {
    let connections = app.store.connections(visitor.home()).await?;
    let filter = filter::filter(&form).unwrap_or_default();
    let body = draft::body(&form, current.as_ref(), &connections, filter.as_ref());
    let mappings: Vec<_> = draft::mappings(&form).into_iter().map(|(_, body)| body).collect();
    let id = current.as_ref().map(|rule| rule.id);
    match app.directory.save_whole_rule(&visitor.by(), visitor.home(), id, &body, &mappings).await {
        Ok(saved) => {
            app.wake.notify_one();
            let then = if saved.rule.active {
                "it is on, and its sync begins"
            } else {
                "it is off until you switch it on"
            };
            let told = format!("{} was saved; {then}.", saved.rule.name);
            done(visitor, &format!("/console/rules/{}", saved.rule.id), &told)
        }
        Err(DirectoryError::Rejected(why)) => {
            let first = why.details.iter().map(|it| index(place_of(&it.target).0)).min();
            let at = first.and_then(|first| STEPS.get(first)).map_or("preview", |(name, _)| name);
            let form = told(form, &why);
            refused(&shown(app, visitor, form, current.as_ref(), at, None).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The step and field that a rejection's target is about.
fn place_of(target: &str) -> (&'static str, String) {
    let own = |step, field: &str| (step, field.to_owned());
    if let Some(rest) = target.strip_prefix("mappings[") {
        let n = rest.split(']').next().unwrap_or_default();
        return ("mapping", format!("mapping-{n}"));
    }
    if target.starts_with("groups") {
        return own("scope", "group");
    }
    let setting = target.strip_prefix("configuration.").unwrap_or_default();
    let setting = setting.split('.').next().unwrap_or_default();
    let known = SWITCHES.iter().map(|(field, key, _)| (*field, *key)).chain(GUARD);
    if let Some((field, _)) = known.into_iter().find(|(_, key)| *key == setting) {
        return own("scope", field);
    }
    match (target, setting) {
        ("name" | "description", _) => own("details", target),
        ("sourceStore.id" | "targetStore.id", _) => own("details", "connection"),
        ("populationExpression", _) => own("filter", "filter"),
        ("mappings", _) => own("mapping", "mappings"),
        ("active", _) => own("preview", "active"),
        (_, "POPULATION_ID") => own("scope", "population"),
        (_, "REMOVE_ACTION") => own("scope", "remove_action"),
        (_, "SCHEDULE") => own("scope", "schedule"),
        (_, "AUTHORITY") => own("scope", "authority"),
        _ => own("preview", ""),
    }
}

/// The form with what is wrong told beside its fields.
fn told(form: Form, why: &Rejection) -> Form {
    let places: Vec<(String, String)> = why
        .details
        .iter()
        .map(|it| (it.target.clone(), place_of(&it.target).1))
        .filter(|(_, field)| !field.is_empty())
        .collect();
    let fields: Vec<(&str, &str)> =
        places.iter().map(|(target, field)| (target.as_str(), field.as_str())).collect();
    let asks_where = form.value("population").is_empty() && fields.iter().any(|(_, it)| *it == "population");
    let mut form = form.refused(why, &fields);
    if asks_where {
        form.fault("population", "Choose where new users live; a rule that is switched on has to know.");
    }
    form
}

async fn shown(
    app: &AppState,
    visitor: &Visitor,
    form: Form,
    current: Option<&Rule>,
    step: &'static str,
    tried: Option<Tried>,
) -> ConsoleResult<Wizard> {
    let direction = draft::direction(&form);
    let inbound = direction == Direction::Inbound;
    let all = app.store.connections(visitor.home()).await?;
    let title = current.map_or_else(|| "New rule".to_owned(), |rule| format!("Edit {}", rule.name));
    let visible = draft::fields_of(step);
    let hidden = draft::all_fields()
        .filter(|field| !visible.contains(field))
        .flat_map(|field| form.all(field).map(move |value| (field, value.to_owned())).collect::<Vec<_>>());
    let (preview, preview_fault) = match step {
        "preview" => previewed(app, visitor, &form, current, &all).await?,
        _ => (None, None),
    };
    let (groups, more_groups) =
        if step == "scope" && !inbound { offered(app, visitor, &form).await? } else { Default::default() };
    Ok(Wizard {
        shell: Shell::new(visitor, title),
        rule: current.map(|rule| (rule.id.to_string(), rule.name.clone())),
        step,
        steps: STEPS
            .iter()
            .filter(|(name, _)| current.is_none() || *name != "direction")
            .map(|(name, label)| {
                let label = if inbound && *name == "scope" { "Onboarding settings" } else { *label };
                (*name, label, *name == step)
            })
            .collect(),
        hidden: hidden.collect(),
        inbound,
        last: step == "preview",
        connections: choices(&all),
        editor: Editor::of(&form, None),
        rows: mapping_rows(&form, tried),
        sources: filter::attributes(direction),
        targets: mapping::targets(direction),
        groups,
        more_groups,
        populations: populations(app, visitor).await?,
        remove_actions: vec![
            Choice::new("Disable", "Disable: the user is disabled here"),
            Choice::new("Delete", "Delete: the user is deleted here"),
        ],
        sides: vec![
            Choice::new("", "By use"),
            Choice::new("Dropbox", "Dropbox decides"),
            Choice::new("Directory", "The directory decides"),
        ],
        preview,
        preview_fault,
        may_see_people: visitor.people().are_shown(),
        form,
    })
}

fn choices(connections: &[Connection]) -> Vec<Choice> {
    let remote = connections.iter().filter(|it| it.kind != ConnectionKind::Directory);
    remote
        .map(|it| {
            Choice::new(
                it.id.to_string(),
                format!("{}{}", it.name, if it.active { "" } else { " (switched off)" }),
            )
        })
        .collect()
}

async fn populations(app: &AppState, visitor: &Visitor) -> ConsoleResult<Vec<Choice>> {
    let all = app.store.populations(visitor.home()).await?;
    let none = Choice::new("", "Choose one");
    Ok(std::iter::once(none)
        .chain(all.into_iter().map(|it| Choice::new(it.id.to_string(), it.name)))
        .collect())
}

/// The groups that are chosen, and the first of those whose names have the letters looked for.
async fn offered(
    app: &AppState,
    visitor: &Visitor,
    form: &Form,
) -> ConsoleResult<(Vec<(String, String, bool)>, bool)> {
    let letters = form.value("group_q").to_lowercase();
    let mut all = app.store.groups(visitor.home()).await?;
    all.sort_by_cached_key(|group| group.name.to_lowercase());
    let chosen: Vec<&str> = form.all("group").collect();
    let is_chosen = |id: &str| chosen.contains(&id);
    let shown = |group: &usher_domain::directory::group::Group| (group.id.to_string(), group.name.clone());
    let mut groups: Vec<(String, String, bool)> = Vec::new();
    let mut others = Vec::new();
    for (id, name) in all.iter().map(shown) {
        if is_chosen(&id) {
            groups.push((id, name, true));
        } else if name.to_lowercase().contains(&letters) {
            others.push((id, name, false));
        }
    }
    let more = others.len() > OFFERED;
    groups.extend(others.into_iter().take(OFFERED));
    Ok((groups, more))
}

fn mapping_rows(form: &Form, mut tried: Option<Tried>) -> Vec<MappingRow> {
    // A fault is told with the place among the rows that are filled in.
    let filled: Vec<usize> = draft::mappings(form).into_iter().map(|(n, _)| n).collect();
    let fault = |n: usize| {
        let place = filled.iter().position(|filled| *filled == n)?;
        form.fault_of(&format!("mapping-{place}")).map(str::to_owned)
    };
    let rows = draft::rows(form).into_iter().enumerate();
    rows.map(|(n, row)| MappingRow {
        n,
        fault: fault(n),
        tried: tried.take_if(|tried| tried.n == n),
        target: row.target,
        source: row.source,
        expression: row.expression,
    })
    .collect()
}

/// What saving the rule would do, if that can be said.
async fn previewed(
    app: &AppState,
    visitor: &Visitor,
    form: &Form,
    current: Option<&Rule>,
    connections: &[Connection],
) -> ConsoleResult<(Option<PreviewShown>, Option<String>)> {
    if let Err(why) = visitor.people().require_shown("The preview of a draft") {
        return Ok((None, Some(why.message)));
    }
    let whole = match drafted(app, visitor, form, current).await? {
        Ok(whole) => whole,
        Err(why) => return Ok((None, Some(why.to_string()))),
    };
    let draft = Draft { mappings: Some(whole.mappings), policy: None };
    match app.reconciler.preview(&whole.rule, draft).await {
        Ok(preview) => {
            let connection = connections.iter().find(|it| it.id == whole.rule.connection());
            Ok((Some(PreviewShown::of(&preview, connection, visitor.people())), None))
        }
        Err(error) => Ok((None, Some(error.to_string()))),
    }
}

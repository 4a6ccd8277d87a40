//! CSV import: what a file would do, row by row, and doing it. Good rows land, bad rows are told by their line.

use askama::Template;
use axum::extract::State;
use usher_domain::Rejection;

use super::{
    error::ConsoleResult,
    form::{Choice, Form},
    page::{Shell, page, refused},
    visitor::Visitor,
};
use crate::{
    access::permission::Permission::WriteConfiguration,
    csv_files::{self, LineFault, Report},
    state::AppState,
};

/// How many faults are shown; a file that is wrong throughout says the same again and again.
const FAULTS: usize = 200;

#[derive(Template)]
#[template(path = "import.html")]
struct Import {
    shell: Shell,
    form: Form,
    kinds: Vec<Choice>,
    populations: Vec<Choice>,
    may_create_populations: bool,
    told: Option<Told>,
}

/// What became of the rows, or would.
struct Told {
    done: bool,
    created: u64,
    updated: u64,
    unchanged: u64,
    failed: usize,
    faults: Vec<LineFault>,
    groups: bool,
}

impl Told {
    fn new(report: Report, done: bool, groups: bool) -> Self {
        let Report { created, updated, unchanged, failed: mut faults } = report;
        let failed = faults.len();
        faults.truncate(FAULTS);
        Told { done, created, updated, unchanged, failed, faults, groups }
    }
}

/// `GET /console/import`
pub(super) async fn show(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    page(&filled(&app, &visitor, Form::default(), None).await?)
}

async fn filled(app: &AppState, visitor: &Visitor, form: Form, told: Option<Told>) -> ConsoleResult<Import> {
    let mut populations = vec![Choice::new("", "The default population")];
    for it in app.store.populations(visitor.home()).await? {
        populations.push(Choice::new(it.name.clone(), it.name));
    }
    Ok(Import {
        shell: Shell::new(visitor, "Import CSV"),
        form,
        kinds: vec![Choice::new("users", "Users"), Choice::new("groups", "Groups and memberships")],
        populations,
        may_create_populations: visitor.may(WriteConfiguration),
        told,
    })
}

/// `POST /console/import`: with `do=preview` nothing is changed.
pub(super) async fn import(State(app): State<AppState>, visitor: Visitor, mut form: Form) -> ConsoleResult {
    let preview = form.value("do") == "preview";
    if form.raw("file").is_empty() && form.fault_of("file").is_none() {
        form.fault("file", "Choose a file that is not empty.");
    }
    if form.fault_of("file").is_some() {
        return refused(&filled(&app, &visitor, form, None).await?);
    }
    match carried_out(&app, &visitor, &form, preview).await? {
        Ok(told) => page(&filled(&app, &visitor, form, Some(told)).await?),
        Err(why) => {
            let what = why.details.first().map_or(why.message.clone(), |detail| detail.message.clone());
            form.fault("file", format!("The file cannot be used: {what}."));
            refused(&filled(&app, &visitor, form, None).await?)
        }
    }
}

async fn carried_out(
    app: &AppState,
    visitor: &Visitor,
    form: &Form,
    preview: bool,
) -> ConsoleResult<Result<Told, Rejection>> {
    let (home, by, file) = (visitor.home(), visitor.by(), form.raw("file"));
    if form.value("kind") == "groups" {
        let (rows, faults) = match csv_files::groups(file) {
            Ok(read) => read,
            Err(why) => return Ok(Err(why)),
        };
        if preview {
            // Members are looked for when the groups are there; before, only the rows themselves can be judged.
            let report = Report { unchanged: rows.len() as u64, failed: faults, ..Report::default() };
            return Ok(Ok(Told::new(report, false, true)));
        }
        let imported = app.directory.import_groups(&by, home, &rows).await?;
        return Ok(Ok(Told::new(Report::new(imported, faults), true, true)));
    }
    let (mut rows, faults) = match csv_files::users(file) {
        Ok(read) => read,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(population) = form.some("population") {
        rows.iter_mut()
            .for_each(|row| row.population = row.population.take().or_else(|| Some(population.to_owned())));
    }
    let create = form.ticked("create_populations") && visitor.may(WriteConfiguration);
    let imported = match preview {
        true => app.directory.preview_users(&by, home, &rows, create).await?,
        false => app.directory.import_users(&by, home, &rows, create).await?,
    };
    Ok(Ok(Told::new(Report::new(imported, faults), !preview, false)))
}

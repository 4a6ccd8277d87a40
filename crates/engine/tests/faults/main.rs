//! Every route that the connector calls, with every fault, before the effect and after it: the table in
//! `docs/faults.md`.
//!
//! [`scenes`] are the rows: for each route a small change of the directory that makes one sync call it. [`troubles`]
//! are the columns. [`cell`] lives through one of each and judges how it ended; [`table`] writes it down. A new route of
//! the connector needs a scene, a new fault of the simulator a trouble.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod cell;
mod scenes;
mod table;
mod troubles;
#[path = "../outbound/world/mod.rs"]
#[expect(dead_code, reason = "shared with the table of outbound rules, which needs other parts of it")]
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Mutex,
};

use futures_util::{StreamExt, stream};
use usher_connectors::dropbox::ROUTES;

use scenes::Scene;
use troubles::Trouble;

/// Where the table is kept.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/faults.md");
/// What is set when the table is to be written instead of compared.
const WRITE: &str = "USHER_WRITE_DOCS";
/// Nothing in a directory has the log read: what goes wrong there is shown where inbound rules follow it.
const OF_THE_LOG: [&str; 2] = ["team_log/get_events", "team_log/get_events/continue"];
/// Cells at once: on threads, and on each thread, because some cells wait for a timeout.
const THREADS: usize = 2;
const ON_EACH: usize = 8;

#[test]
fn there_is_a_scene_for_every_route_that_the_connector_calls() {
    let routes: BTreeSet<&str> = ROUTES.iter().map(|route| route.path).chain([scenes::TOKEN]).collect();
    let shown: BTreeSet<&str> = scenes::all().iter().map(|scene| scene.route).chain(OF_THE_LOG).collect();
    assert_eq!(shown, routes);
}

/// `USHER_FAULTS=members/suspend` lives through the scenes of that route only, and compares no document.
#[test]
fn whatever_goes_wrong_on_any_route_all_ends_as_it_should() {
    let wanted = std::env::var("USHER_FAULTS").ok();
    let scenes: Vec<Scene> = scenes::all()
        .into_iter()
        .filter(|scene| wanted.as_ref().is_none_or(|wanted| scene.name().contains(wanted)))
        .collect();
    let cells = live(&scenes);
    let wrong: Vec<String> = cells
        .iter()
        .filter_map(|((scene, trouble), cell)| {
            let why = cell.as_ref().err()?;
            Some(format!("{} / {trouble}:\n{why}", scenes[*scene].name()))
        })
        .collect();
    assert!(wrong.is_empty(), "{} cells are wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));

    let table = table::markdown(&scenes, &cells);
    if wanted.is_some() {
        print_aside(&table);
        return;
    }
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(DOCUMENT, &table).unwrap();
    }
    let kept = std::fs::read_to_string(Path::new(DOCUMENT)).unwrap_or_default();
    let moved: Vec<String> = table
        .lines()
        .filter(|line| !kept.lines().any(|old| old == *line))
        .map(|line| format!("+ {line}"))
        .collect();
    assert!(
        kept == table,
        "docs/faults.md does not say what happens. If this is as it should be, write it anew:\n  {}\n{}",
        table::COMMAND,
        moved.join("\n")
    );
}

/// What came of each scene with each trouble that applies to it, by the scene's place and the trouble's name.
pub(crate) type Cells = BTreeMap<(usize, String), Result<String, String>>;

fn live(scenes: &[Scene]) -> Cells {
    let waiting: Vec<(usize, Trouble)> = (0..scenes.len())
        .flat_map(|place| {
            let applies = troubles::all().into_iter().filter(move |trouble| trouble.applies(&scenes[place]));
            applies.map(move |trouble| (place, trouble))
        })
        .collect();
    let waiting = Mutex::new(waiting.into_iter());
    let cells = Mutex::new(Cells::new());
    let next = || waiting.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let cell = |(place, trouble): (usize, Trouble)| async move {
                        let cell = cell::live(&scenes[place], &trouble).await;
                        ((place, trouble.name()), cell)
                    };
                    let mut done = stream::iter(std::iter::from_fn(next)).map(cell).buffer_unordered(ON_EACH);
                    while let Some((key, cell)) = done.next().await {
                        cells.lock().unwrap().insert(key, cell);
                    }
                });
            });
        }
    });
    cells.into_inner().unwrap()
}

#[expect(clippy::print_stdout, reason = "for whoever looks at one route")]
fn print_aside(table: &str) {
    println!("{table}");
}

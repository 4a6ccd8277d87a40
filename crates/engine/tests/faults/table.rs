//! The table, as Markdown.

use std::fmt::Write as _;

use crate::{
    Cells,
    scenes::Scene,
    troubles::{self, Chapter, Trouble},
};

/// How it is written anew.
pub(crate) const COMMAND: &str = "USHER_WRITE_DOCS=1 cargo test -p usher-engine --test faults";

const PREFACE: &str = "\
# What becomes of faults

Every route of the Dropbox team API that the connector calls, with every fault that the simulator can be told to make,
before the call takes effect and after it (the caller is not told). Each cell is one world of its own: the directory in
SQLite, the engine's worker, the real connector, the simulated team. A small change is made in the directory, the fault
is ordered on the route, and the worker works until nothing is due any more; back-offs are waited out on a clock that is
moved by hand.

A cell says `ok` only if all of this held at the end:

* the team is, member by member and group by group, what the directory wants, written down by hand for each row;
  nobody else was added, suspended, removed or put into a group;
* each effect took place once: the writes that Dropbox carried out, counted by their subjects, are those written down
  for the row, whatever was answered (the same values set again in a profile, a role or a group's name count once);
  nobody is on the team twice or was invited twice, and no device was wiped;
* nothing is lost: every account and group of ours is linked, every link leads to the account or group that is marked as
  this user's or group's, everyone stands as they should without a problem, and the next plan is empty;
* where the authorisation is gone: the connection was stopped, nothing more was written, and no call was made in an hour,
  until it was repaired and tested; and all of the above held afterwards.

`3 calls` is how often the row's route was called (the test of a repaired connection is not counted); `2 runs` is told
when there was more than one that did something or gave up. `told …` is the code under which a run or a test that gave up
says so to people. An empty cell: the fault cannot happen there, or, for a route that only reads, *after* is no other
than *before*.

The two routes of the event log are not here, because nothing in a directory has it read: they have a test of their own,
`whatever_goes_wrong_with_the_log_once_or_for_a_while_the_change_arrives_once`.

";

pub(crate) fn markdown(scenes: &[Scene], cells: &Cells) -> String {
    let mut text = PREFACE.to_owned();
    let _ = writeln!(
        text,
        "Written by the test that checks it; do not edit. To write it anew:\n\n```\n{COMMAND}\n```"
    );
    let (heading, _) = Chapter::Nothing.heading();
    let _ = writeln!(
        text,
        "\n## {heading}\n\n| route | what happens | writes carried out | calls |\n|---|---|---|---|"
    );
    for (place, scene) in scenes.iter().enumerate() {
        let cell = cells.get(&(place, troubles::nothing().name()));
        let cell = cell.map_or("", |cell| cell.as_deref().unwrap_or_else(|why| why));
        let _ = writeln!(text, "| {} | {} | {} | {cell} |", scene.name(), scene.story, scene.effects);
    }
    for chapter in Chapter::WITH_FAULTS {
        let columns: Vec<Trouble> =
            troubles::all().into_iter().filter(|trouble| trouble.chapter == chapter).collect();
        let (heading, about) = chapter.heading();
        let names: Vec<String> = columns.iter().map(Trouble::name).collect();
        let _ = writeln!(text, "\n## {heading}\n\n{about}\n");
        let _ = writeln!(text, "| route | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
        for (place, scene) in scenes.iter().enumerate() {
            let row: Vec<&str> = names
                .iter()
                .map(|name| match cells.get(&(place, name.clone())) {
                    Some(Ok(cell) | Err(cell)) => cell.as_str(),
                    None => "",
                })
                .collect();
            if row.iter().any(|cell| !cell.is_empty()) {
                let _ = writeln!(text, "| {} | {} |", scene.name(), row.join(" | "));
            }
        }
    }
    text
}

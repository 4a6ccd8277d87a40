//! A directory of a size: made through the API, as an operator would; and which cores a process may use.

use std::process::Command;

use serde_json::Value;

use crate::support::Api;

/// How many people.
pub(crate) const USERS: usize = 100_000;
/// How many groups, each with as many of the people as the others; nobody is in two.
pub(crate) const GROUPS: usize = 1_000;
/// So many rows of a file are sent at once.
const ROWS: usize = 10_000;

/// Fills the directory.
pub(crate) async fn fill(api: &Api) {
    for first in (0..USERS).step_by(ROWS) {
        let mut file = String::from("username,email,given,family,title,department\n");
        for n in first..first + ROWS {
            file.push_str(&format!("person{n},person{n}@example.com,Person,No{n},Analyst,Research\n"));
        }
        landed(&api.post_text("/imports/users", "text/csv", file).await.ok(), ROWS);
    }
    let each = USERS / GROUPS;
    for first in (0..GROUPS).step_by(100) {
        let mut file = String::from("group,members\n");
        for group in first..first + 100 {
            let members: Vec<String> =
                (group * each..(group + 1) * each).map(|n| format!("person{n}")).collect();
            file.push_str(&format!("Group {group},{}\n", members.join(";")));
        }
        landed(&api.post_text("/imports/groups", "text/csv", file).await.ok(), 100);
    }
}

fn landed(report: &Value, rows: usize) {
    assert_eq!(report["created"], rows, "{:#}", report["failed"]);
}

/// Keeps this thread, and the processes that it starts from now on, to these cores; `false` where that cannot be.
pub(crate) fn keep_to(cores: &str) -> bool {
    let me = std::process::id().to_string();
    Command::new("taskset").args(["-cp", cores, &me]).output().is_ok_and(|done| done.status.success())
}

/// The middle one of what was measured, in milliseconds.
pub(crate) fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_unstable_by(f64::total_cmp);
    1000.0 * seconds[seconds.len() / 2]
}

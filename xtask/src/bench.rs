//! `cargo xtask bench`: runs the benchmarks and, when asked, writes their tables into the page about
//! performance. A benchmark is a program that prints one Markdown table on standard output.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::cargo::{cargo, root};

/// Name, and the package that holds it.
const BENCHES: [(&str, &str); 5] = [
    ("planner", "usher-domain"),
    ("reconcile", "usher-engine"),
    ("audit", "usher-store"),
    ("api", "usher"),
    ("console", "usher"),
];

const PAGE: &str = "docs/performance.md";

#[derive(Args)]
pub(crate) struct Options {
    /// Only these (planner, reconcile, audit, api, console); all when none is named
    names: Vec<String>,
    /// Put each table into docs/performance.md, between its markers
    #[arg(long)]
    write: bool,
}

/// Runs the benchmarks, one after the other.
///
/// # Errors
/// When a name is unknown, a benchmark fails or prints nothing, or the page has no markers for it.
pub(crate) fn run(options: &Options) -> Result<()> {
    for name in &options.names {
        ensure!(
            BENCHES.iter().any(|(known, _)| known == name),
            "there is no benchmark {name}; there are: {}",
            BENCHES.map(|(known, _)| known).join(", ")
        );
    }
    for (name, package) in BENCHES {
        if !options.names.is_empty() && !options.names.iter().any(|wanted| wanted == name) {
            continue;
        }
        measure(name, package, &[], options.write)?;
    }
    Ok(())
}

/// Runs one benchmark with these variables, prints its table, and puts it into the page when asked.
///
/// # Errors
/// When it fails or prints nothing, or the page has no markers for it.
pub(crate) fn measure(name: &str, package: &str, variables: &[(&str, String)], write: bool) -> Result<()> {
    let output = cargo(["bench", "--package", package, "--bench", name])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo bench")?;
    let table = String::from_utf8(output.stdout).with_context(|| format!("{name} did not print text"))?;
    println!("{}", table.trim());
    ensure!(output.status.success(), "the benchmark {name} failed");
    ensure!(!table.trim().is_empty(), "the benchmark {name} printed no table");
    if write {
        let page = root().join(PAGE);
        let text = fs::read_to_string(&page).with_context(|| format!("cannot read {PAGE}"))?;
        fs::write(&page, replace(&text, name, table.trim())?)
            .with_context(|| format!("cannot write {PAGE}"))?;
    }
    Ok(())
}

/// The page with the text between a benchmark's markers replaced by its table.
fn replace(page: &str, name: &str, table: &str) -> Result<String> {
    let begin = format!("<!-- bench:{name}:begin -->");
    let end = format!("<!-- bench:{name}:end -->");
    let (Some((before, rest)), 1) = (page.split_once(&begin), page.matches(&begin).count()) else {
        bail!("{PAGE} must have one line {begin}");
    };
    let Some((_, after)) = rest.split_once(&end) else {
        bail!("{PAGE} has no line {end} after {begin}");
    };
    Ok(format!("{before}{begin}\n{table}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::replace;

    const PAGE: &str = "# Speed\n<!-- bench:planner:begin -->\nold\n<!-- bench:planner:end -->\nThe end.\n";

    #[test]
    fn a_table_replaces_what_stands_between_its_markers_and_nothing_else() {
        insta::assert_snapshot!(replace(PAGE, "planner", "| new |").unwrap(), @r"
        # Speed
        <!-- bench:planner:begin -->
        | new |
        <!-- bench:planner:end -->
        The end.
        ");
    }

    #[test]
    fn writing_twice_changes_nothing_more() {
        let once = replace(PAGE, "planner", "| new |").unwrap();
        assert_eq!(replace(&once, "planner", "| new |").unwrap(), once);
    }

    #[test]
    fn a_page_without_the_markers_is_an_error_that_names_them() {
        let error = replace(PAGE, "reconcile", "| new |").unwrap_err();
        insta::assert_snapshot!(error, @"docs/performance.md must have one line <!-- bench:reconcile:begin -->");
        let half = "<!-- bench:planner:begin -->\n";
        let error = replace(half, "planner", "| new |").unwrap_err();
        insta::assert_snapshot!(error, @"docs/performance.md has no line <!-- bench:planner:end --> after <!-- bench:planner:begin -->");
    }
}

//! Reading the tables between the markers `floors:begin` and `floors:end` of ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};

/// What the page says.
pub(crate) struct Floors {
    pub(crate) crates: BTreeMap<String, Place>,
    pub(crate) walls: Vec<Wall>,
}

/// What a crate may depend on, of ours.
#[derive(Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) may: BTreeSet<String>,
    pub(crate) tests_may: BTreeSet<String>,
}

/// What the code in one place never names.
#[derive(Debug, PartialEq)]
pub(crate) struct Wall {
    pub(crate) place: String,
    /// The place may still be empty.
    pub(crate) to_come: bool,
    pub(crate) except: Vec<String>,
    /// Each entry is one path, or several that must not meet in one file.
    pub(crate) never: Vec<Vec<String>>,
    pub(crate) because: String,
}

impl Floors {
    /// # Errors
    /// When a marker, a table or a cell is missing.
    pub(crate) fn read(page: &str) -> Result<Self> {
        let (_, rest) = page.split_once("<!-- floors:begin -->").context("no marker floors:begin")?;
        let (tables, _) = rest.split_once("<!-- floors:end -->").context("no marker floors:end")?;
        let mut floors = Self { crates: BTreeMap::new(), walls: Vec::new() };
        let mut heading = Vec::new();
        for line in tables.lines().map(str::trim) {
            let Some(row) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
                ensure!(line.is_empty(), "between the markers stand only tables, not: {line}");
                heading.clear();
                continue;
            };
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            if heading.is_empty() {
                heading = cells;
            } else if !cells[0].starts_with("---") {
                floors.add(&heading, &cells).with_context(|| format!("in the row {line}"))?;
            }
        }
        ensure!(!floors.crates.is_empty() && !floors.walls.is_empty(), "a table is missing");
        Ok(floors)
    }

    fn add(&mut self, heading: &[&str], cells: &[&str]) -> Result<()> {
        match (heading, cells) {
            (["crate", "floor", "may depend on", "its tests also on"], [name, _, may, tests_may]) => {
                let place = Place {
                    may: quoted(may)?.into_iter().collect(),
                    tests_may: quoted(tests_may)?.into_iter().collect(),
                };
                self.crates.insert(one(name)?, place);
            }
            (["in", "except", "never names", "because"], [place, except, never, because]) => {
                let never: Vec<_> = quoted(never)?
                    .iter()
                    .map(|names| names.split(" + ").map(str::to_owned).collect())
                    .collect();
                ensure!(!never.is_empty() && !because.is_empty(), "it forbids nothing, or gives no reason");
                let to_come = place.strip_suffix("(to come)");
                let wall = Wall {
                    place: one(to_come.unwrap_or(place))?,
                    to_come: to_come.is_some(),
                    except: quoted(except)?,
                    never,
                    because: (*because).to_owned(),
                };
                self.walls.push(wall);
            }
            _ => bail!("its heading or its number of cells is another than expected"),
        }
        Ok(())
    }
}

/// Everything between backticks in a cell; a cell holds nothing else.
fn quoted(cell: &str) -> Result<Vec<String>> {
    let mut pieces = cell.split('`');
    ensure!(pieces.next().is_none_or(str::is_empty), "{cell} does not begin with a backtick");
    let mut names = Vec::new();
    while let Some(name) = pieces.next() {
        let between = pieces.next().with_context(|| format!("{cell} has a backtick too many"))?;
        ensure!(between.trim().is_empty(), "{cell} has words outside its backticks");
        names.push(name.to_owned());
    }
    Ok(names)
}

fn one(cell: &str) -> Result<String> {
    match quoted(cell)?.as_slice() {
        [name] => Ok(name.clone()),
        _ => bail!("{cell} is not one name in backticks"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Floors, Wall, quoted};

    const PAGE: &str = "
# Page
<!-- floors:begin -->

| crate | floor | may depend on | its tests also on |
|---|---|---|---|
| `a` | 1: ground | | `c` |
| `b` | 2 | `a` `c` | |

| in | except | never names | because |
|---|---|---|---|
| `b/src` | `b/src/x.rs` | `tokio` `a + c` | of the view |

<!-- floors:end -->
| not | read |
";

    #[test]
    fn crates_and_walls_are_read_from_between_the_markers() {
        let floors = Floors::read(PAGE).unwrap();
        assert_eq!(floors.crates.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert!(floors.crates["a"].may.is_empty() && floors.crates["a"].tests_may.contains("c"));
        assert!(floors.crates["b"].may.contains("a") && floors.crates["b"].may.contains("c"));
        let wall = Wall {
            place: "b/src".into(),
            to_come: false,
            except: vec!["b/src/x.rs".into()],
            never: vec![vec!["tokio".into()], vec!["a".into(), "c".into()]],
            because: "of the view".into(),
        };
        assert_eq!(floors.walls, [wall]);
        let planned = PAGE.replace("| `b/src` |", "| `b/src` (to come) |");
        assert!(Floors::read(&planned).unwrap().walls[0].to_come);
    }

    #[test]
    fn a_page_that_cannot_be_read_is_an_error_not_an_empty_rule() {
        for broken in [
            PAGE.replace("floors:begin", "begin"),
            PAGE.replace("floors:end", "end"),
            PAGE.replace("never names", "names"),
            PAGE.replace("| of the view |", "|"),
            PAGE.replace("`tokio` `a + c`", ""),
            PAGE.replace("`tokio` `a + c`", "tokio"),
            PAGE.replace("|---|---|---|---|\n| `b/src`", "|---|---|---|---|\nwords\n| `b/src`"),
        ] {
            assert!(Floors::read(&broken).is_err(), "{broken}");
        }
        assert!(quoted("`a` and `b`").is_err());
    }
}

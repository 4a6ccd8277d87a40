//! CSV files of users and groups, read row by row: a bad row is told by its line, the good ones go on.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use usher_domain::Rejection;
use usher_engine::directory::{GroupRow, Imported, ImportedAs, UserRow};

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct LineFault {
    /// Its line in the file, from 1.
    pub(crate) line: u64,
    /// Why.
    pub(crate) message: String,
}

/// What became of a file.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Report {
    /// Rows that made something.
    pub(crate) created: u64,
    /// Rows that changed something.
    pub(crate) updated: u64,
    /// Rows that were so already.
    pub(crate) unchanged: u64,
    /// Rows that were refused, in whole or in part.
    pub(crate) failed: Vec<LineFault>,
}

impl Report {
    /// What became of the rows that were good, and the faults of those that were not; in the file's order.
    pub(crate) fn new(imported: Vec<Imported>, faults: Vec<LineFault>) -> Self {
        let mut report = Report { failed: faults, ..Report::default() };
        for row in imported {
            match row.as_what {
                ImportedAs::Created => report.created += 1,
                ImportedAs::Updated => report.updated += 1,
                ImportedAs::Unchanged => report.unchanged += 1,
                ImportedAs::Refused => {}
            }
            if !row.faults.is_empty() {
                let told: Vec<String> =
                    row.faults.iter().map(|fault| format!("{}: {}", fault.target, fault.message)).collect();
                report.failed.push(LineFault { line: row.line, message: told.join("; ") });
            }
        }
        report.failed.sort_by_key(|fault| fault.line);
        report
    }
}

/// Rows and refused rows.
pub(crate) type Rows<T> = (Vec<T>, Vec<LineFault>);

/// Reads users. Columns: `username,email` and any of `given,family,enabled,population,title,department,office,
/// employee_number,external_id`; a column that the directory has no attribute for is a custom attribute.
pub(crate) fn users(text: &str) -> Result<Rows<UserRow>, Rejection> {
    read(text, &["username", "email"], &[], |line, cells| {
        let mut row = UserRow { line, user: Map::new(), population: None };
        let mut name = Map::new();
        for (column, value) in cells {
            match column {
                "given" | "family" => {
                    name.insert(column.into(), json!(value));
                }
                "population" => row.population = Some(value.into()),
                "enabled" => match value.to_ascii_lowercase().as_str() {
                    "true" | "yes" | "1" => drop(row.user.insert("enabled".into(), json!(true))),
                    "false" | "no" | "0" => drop(row.user.insert("enabled".into(), json!(false))),
                    _ => return Err(format!("enabled is \"{value}\"; it must be true or false")),
                },
                "external_id" => {
                    row.user.insert("externalId".into(), json!(value));
                }
                "employee_number" => {
                    row.user.insert("employeeNumber".into(), json!(value));
                }
                _ => {
                    row.user.insert(column.into(), json!(value));
                }
            }
        }
        if !name.is_empty() {
            row.user.insert("name".into(), Value::Object(name));
        }
        Ok(row)
    })
}

/// Reads groups: `group` and any of `description,nested_groups,members`, lists separated by `;`.
pub(crate) fn groups(text: &str) -> Result<Rows<GroupRow>, Rejection> {
    read(text, &["group"], &["description", "nested_groups", "members"], |line, cells| {
        let mut row = GroupRow {
            line,
            name: String::new(),
            description: None,
            nested: Vec::new(),
            members: Vec::new(),
        };
        let list = |value: &str| {
            let names: BTreeSet<&str> =
                value.split(';').map(str::trim).filter(|name| !name.is_empty()).collect();
            names.into_iter().map(str::to_owned).collect()
        };
        for (column, value) in cells {
            match column {
                "group" => row.name = value.into(),
                "description" => row.description = Some(value.into()),
                "nested_groups" => row.nested = list(value),
                _ => row.members = list(value),
            }
        }
        Ok(row)
    })
}

/// Reads rows; cells that are empty are left out. With `optional` empty, any further column is welcome.
fn read<T>(
    text: &str,
    required: &[&str],
    optional: &[&str],
    mut row: impl FnMut(u64, Vec<(&str, &str)>) -> Result<T, String>,
) -> Result<Rows<T>, Rejection> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let header = reader
        .headers()
        .map_err(|error| Rejection::bad_request(format!("The file is not CSV: {error}.")))?
        .clone();
    let columns: Vec<String> = header.iter().map(str::to_ascii_lowercase).collect();
    for needed in required {
        if !columns.iter().any(|column| column == needed) {
            let message =
                format!("the first line must name the column {needed}; it names {}", columns.join(", "));
            return Err(Rejection::field("REQUIRED_VALUE", *needed, message));
        }
    }
    let known = |column: &String| required.contains(&column.as_str()) || optional.contains(&column.as_str());
    if let Some(unknown) =
        columns.iter().find(|column| column.is_empty() || !optional.is_empty() && !known(column))
    {
        let all = [required, optional].concat().join(", ");
        let message = format!("the first line names the column \"{unknown}\"; allowed are {all}");
        return Err(Rejection::field("INVALID_VALUE", unknown, message));
    }
    if let Some(twice) = columns.iter().enumerate().find(|(at, column)| columns[..*at].contains(column)) {
        let message = format!("the first line names the column {} twice", twice.1);
        return Err(Rejection::field("INVALID_VALUE", twice.1, message));
    }
    let mut seen: HashMap<String, u64> = HashMap::new();
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let (line, outcome) = match &record {
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                (line, Err("the row is not CSV in UTF-8".to_owned()))
            }
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let cells =
                    columns.iter().map(String::as_str).zip(record).filter(|(_, value)| !value.is_empty());
                let cells: Vec<(&str, &str)> = cells.collect();
                let missing =
                    required.iter().find(|needed| !cells.iter().any(|(column, _)| column == *needed));
                let outcome = if record.len() != columns.len() {
                    Err(format!("the row has {} cells, the first line {}", record.len(), columns.len()))
                } else if let Some(missing) = missing {
                    Err(format!("{missing} is empty"))
                } else if let Some((key, first)) = taken(&mut seen, required[0], &cells, line) {
                    Err(format!("{} {key} is in line {first} already", required[0]))
                } else {
                    row(line, cells)
                };
                (line, outcome)
            }
        };
        match outcome {
            Ok(row) => rows.push(row),
            Err(message) => faults.push(LineFault { line, message }),
        }
    }
    Ok((rows, faults))
}

/// The row's key and the line of an earlier row that has the same one: of two rows about one thing, one is wrong.
fn taken(
    seen: &mut HashMap<String, u64>,
    column: &str,
    cells: &[(&str, &str)],
    line: u64,
) -> Option<(String, u64)> {
    let (_, key) = cells.iter().find(|(name, _)| *name == column)?;
    let first = *seen.entry(key.to_lowercase()).or_insert(line);
    (first != line).then(|| ((*key).to_owned(), first))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn good_rows_land_and_bad_rows_are_told_by_line() {
        let text = "username,email,given,enabled,team\n\
                    ada,ada@example.com,Ada,true,Blue\n\
                    ,nobody@example.com,No,true,\n\
                    bob,bob@example.com,\"Bob, the builder\",maybe,\n\
                    eve,eve@example.com\n\
                    zoe,zoe@example.com,,false,\n\
                    ADA,other@example.com,,,\n";
        let (rows, faults) = users(text).unwrap();
        let names: Vec<&Value> = rows.iter().map(|row| &row.user["username"]).collect();
        assert_eq!(names, ["ada", "zoe"]);
        assert_eq!(rows[0].user["team"], "Blue");
        assert_eq!((rows[1].user.get("enabled"), rows[1].user.get("name")), (Some(&json!(false)), None));
        let told: Vec<String> =
            faults.iter().map(|fault| format!("{}: {}", fault.line, fault.message)).collect();
        assert_snapshot!(told.join("\n"), @r#"
        3: username is empty
        4: enabled is "maybe"; it must be true or false
        5: the row has 2 cells, the first line 5
        7: username ADA is in line 2 already
        "#);
    }

    #[test]
    fn a_file_without_its_columns_is_refused_whole() {
        assert_snapshot!(users("name,mail\na,b\n").unwrap_err(), @r"
        The request could not be completed. One or more validation errors were in the request.
          username: the first line must name the column username; it names name, mail
        ");
        assert_snapshot!(groups("group,colour\na,b\n").unwrap_err(), @r#"
        The request could not be completed. One or more validation errors were in the request.
          colour: the first line names the column "colour"; allowed are group, description, nested_groups, members
        "#);
    }

    #[test]
    fn lists_in_a_group_are_separated_by_semicolons() {
        let (rows, _) =
            groups("group,description,nested_groups,members\nAll,Everyone,A; B,ada;;bob\n").unwrap();
        assert_eq!(rows[0].nested, ["A", "B"]);
        assert_eq!(rows[0].members, ["ada", "bob"]);
    }
}

//! Conditions as the cells of a form: one name, many values, read from the first to the last. A group is `group`, how its
//! conditions join, what is in it, `end`; a row is `row`, attribute, operator, value; SCIM text is `text` and the text.
//! So a tree of any shape travels in a form without script.

use usher_domain::directory::filter::conditions::{Condition, Conditions, Join, Row};

/// How deep groups may be nested in a form.
const DEEPEST: usize = 12;

/// Reads the cells. What makes no sense is left out.
pub(super) fn read<'a>(cells: impl IntoIterator<Item = &'a str>) -> Conditions {
    let mut cells = cells.into_iter();
    match cells.next() {
        Some("group") => group(&mut cells, 0),
        _ => Conditions::default(),
    }
}

fn group<'a>(cells: &mut impl Iterator<Item = &'a str>, depth: usize) -> Conditions {
    let join = if cells.next() == Some("any") { Join::Any } else { Join::All };
    let mut items = Vec::new();
    loop {
        let mut next = || cells.next().unwrap_or_default().to_owned();
        match next().as_str() {
            "row" => items.push(Condition::Row(Row { attribute: next(), operator: next(), value: next() })),
            "text" => items.push(Condition::Text(next())),
            "group" if depth < DEEPEST => items.push(Condition::Group(group(cells, depth + 1))),
            "group" => {}
            // The end, or a form that was cut short.
            _ => return Conditions { join, items },
        }
    }
}

/// The cells that read back as these conditions.
pub(super) fn cells(conditions: &Conditions) -> Vec<String> {
    let mut cells = Vec::new();
    write(conditions, &mut cells);
    cells
}

fn write(conditions: &Conditions, cells: &mut Vec<String>) {
    let join = if conditions.join == Join::Any { "any" } else { "all" };
    cells.extend(["group".to_owned(), join.to_owned()]);
    for item in &conditions.items {
        match item {
            Condition::Row(row) => {
                cells.extend([
                    "row".to_owned(),
                    row.attribute.clone(),
                    row.operator.clone(),
                    row.value.clone(),
                ]);
            }
            Condition::Text(text) => cells.extend(["text".to_owned(), text.clone()]),
            Condition::Group(group) => write(group, cells),
        }
    }
    cells.push("end".to_owned());
}

/// A line of the editor: the tree, flattened, so that a template needs no recursion.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) kind: &'static str,
    /// The way to it, as buttons send it: `0.2`.
    pub(super) place: String,
    /// For ids.
    pub(super) key: String,
    pub(super) depth: usize,
    pub(super) any: bool,
    pub(super) row: Row,
    pub(super) fault: Option<String>,
}

/// The lines of the editor; `fault` is told at its place.
pub(super) fn lines(conditions: &Conditions, fault: Option<(&[usize], &str)>) -> Vec<Line> {
    let mut lines = Vec::new();
    add_lines(conditions, &mut Vec::new(), fault, &mut lines);
    lines
}

fn add_lines(
    conditions: &Conditions,
    place: &mut Vec<usize>,
    fault: Option<(&[usize], &str)>,
    lines: &mut Vec<Line>,
) {
    let line = |kind, place: &[usize], row| {
        let text = place.iter().map(usize::to_string).collect::<Vec<_>>().join(".");
        Line {
            kind,
            key: format!("c{}", text.replace('.', "-")),
            place: text,
            depth: place.len(),
            any: false,
            row,
            fault: fault.filter(|(at, _)| *at == place).map(|(_, what)| what.to_owned()),
        }
    };
    lines.push(Line { any: conditions.join == Join::Any, ..line("group", place, Row::default()) });
    for (n, item) in conditions.items.iter().enumerate() {
        place.push(n);
        match item {
            Condition::Row(row) => lines.push(line("row", place, row.clone())),
            Condition::Text(text) => {
                lines.push(line("text", place, Row { value: text.clone(), ..Row::default() }));
            }
            Condition::Group(group) => add_lines(group, place, fault, lines),
        }
        place.pop();
    }
    lines.push(line("end", place, Row::default()));
}

/// A place as a button sends it.
pub(super) fn place(text: &str) -> Vec<usize> {
    text.split('.').filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn conditions() -> impl Strategy<Value = Conditions> {
        let row = ("[a-z.]{0,6}", "eq|pr|", "[a-z]{0,3}|row|end|group|any");
        let row =
            row.prop_map(|(attribute, operator, value)| Condition::Row(Row { attribute, operator, value }));
        let leaf = prop_oneof![row, "end|text|a pr".prop_map(Condition::Text)].boxed();
        let join = || prop_oneof![Just(Join::All), Just(Join::Any)];
        let some = move |inner: BoxedStrategy<Condition>| {
            (join(), proptest::collection::vec(inner, 0..4))
                .prop_map(|(join, items)| Conditions { join, items })
        };
        let once = some;
        some(leaf.prop_recursive(4, 16, 4, move |inner| once(inner).prop_map(Condition::Group)).boxed())
    }

    proptest! {
        #[test]
        fn conditions_travel_in_a_form_as_they_are(conditions in conditions()) {
            let cells = cells(&conditions);
            prop_assert_eq!(read(cells.iter().map(String::as_str)), conditions);
        }

        #[test]
        fn no_heap_of_cells_makes_the_reader_panic(
            cells in proptest::collection::vec("group|row|text|end|any|", 0..40),
        ) {
            let read = read(cells.iter().map(String::as_str));
            prop_assert!(lines(&read, None).len() >= 2);
        }
    }
}

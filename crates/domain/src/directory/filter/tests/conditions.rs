//! Filters as a form has them.

use super::*;
use crate::directory::filter::conditions::{Condition, Conditions, Join, Row};

fn row(attribute: &str, operator: &str, value: &str) -> Condition {
    Condition::Row(Row { attribute: attribute.into(), operator: operator.into(), value: value.into() })
}

fn all(items: Vec<Condition>) -> Conditions {
    Conditions { join: Join::All, items }
}

fn text(conditions: &Conditions) -> String {
    conditions.filter().unwrap().map(|filter| filter.to_string()).unwrap_or_default()
}

#[test]
fn nested_groups_become_the_filter_that_they_say() {
    let departments = Conditions {
        join: Join::Any,
        items: vec![row("title", "co", "Engineer"), row("population.name", "eq", "Labs")],
    };
    let conditions = all(vec![row("enabled", "eq", "true"), Condition::Group(departments)]);
    insta::assert_snapshot!(text(&conditions), @r#"enabled eq true and (title co "Engineer" or population.name eq "Labs")"#);
    assert_eq!(Conditions::of(conditions.filter().unwrap().as_ref()), conditions);
}

#[test]
fn what_has_no_row_of_its_own_stands_as_text() {
    let read = |text: &str| Conditions::of(Some(&filter(text)));
    assert_eq!(read("not (title pr)").items, [Condition::Text("not (title pr)".into())]);
    assert_eq!(read("level gt 3").items, [Condition::Text("level gt 3".into())]);
    assert_eq!(read("title eq \"true\"").items, [Condition::Text("title eq \"true\"".into())]);
    assert_eq!(read("title pr").items, [row("title", "pr", "")]);
}

#[test]
fn blank_rows_and_empty_groups_ask_for_nothing() {
    let blank =
        all(vec![row("", "eq", ""), Condition::Group(Conditions::default()), Condition::Text(" ".into())]);
    assert_eq!(blank.filter(), Ok(None));
    assert_eq!(Conditions::of(None).filter(), Ok(None));
}

#[test]
fn a_row_that_is_not_complete_is_named_by_its_place() {
    let inner = all(vec![row("title", "pr", ""), row("title", "eq", "")]);
    let error = all(vec![row("email", "pr", ""), Condition::Group(inner)]).filter().unwrap_err();
    assert_eq!(error.place, [1, 1]);
    insta::assert_snapshot!(error, @"Give a value for title, or take the condition away.");
    let said = |item| all(vec![item]).filter().unwrap_err().message;
    insta::assert_snapshot!(said(row("", "eq", "x")), @"Choose an attribute, or take the condition away.");
    insta::assert_snapshot!(said(row("title", "like", "x")), @"Choose an operator for title.");
    insta::assert_snapshot!(said(row("enabled", "gt", "true")), @"enabled cannot be more or less than true or false.");
}

#[test]
fn what_is_at_a_place_can_be_taken_away_or_added_to() {
    let mut conditions =
        all(vec![row("a", "pr", ""), Condition::Group(all(vec![row("b", "pr", ""), row("c", "pr", "")]))]);
    conditions.remove(&[1, 0]);
    conditions.remove(&[7]);
    conditions.remove(&[]);
    conditions.group_mut(&[1]).unwrap().items.push(row("d", "pr", ""));
    assert!(conditions.group_mut(&[0]).is_none(), "a row is no group");
    assert_eq!(text(&conditions), "a pr and (c pr and d pr)");
}

//! What must hold for every filter and every text.

use proptest::prelude::*;
use serde_json::{Number, json};

use super::*;
use crate::directory::filter::conditions::{Condition, Conditions, Join, Row};

fn path() -> impl Strategy<Value = AttrPath> {
    let name = "[a-zA-Z][a-zA-Z0-9_-]{0,6}|\\$ref";
    let urn = prop_oneof![3 => Just(""), 1 => Just("urn:ietf:params:scim:schemas:core:2.0:User:")];
    (urn, proptest::collection::vec(name, 1..4)).prop_filter_map("a keyword", |(urn, names)| {
        AttrPath::parse(&format!("{urn}{}", names.join("."))).ok()
    })
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("not finite", Number::from_f64),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![any::<String>(), "[a-z \"\\\\\n]{0,8}", Just("2026-01-02T03:04:05Z".to_owned())]
        .prop_map(Text::from)
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        number().prop_map(Literal::Number),
        text().prop_map(Literal::Text),
    ]
}

fn test() -> impl Strategy<Value = (CompareOp, Literal)> {
    prop_oneof![
        (prop_oneof![Just(CompareOp::Eq), Just(CompareOp::Ne)], literal()),
        (
            proptest::sample::select(&CompareOp::ALL[5..]),
            prop_oneof![number().prop_map(Literal::Number), text().prop_map(Literal::Text)]
        ),
        (proptest::sample::select(&CompareOp::ALL[2..5]), text().prop_map(Literal::Text)),
    ]
}

fn filters() -> impl Strategy<Value = Filter> {
    let attr = || path().prop_map(Target::Attr);
    let leaf = prop_oneof![
        attr().prop_map(Filter::Present),
        (attr(), test()).prop_map(|(target, (op, value))| Filter::Compare(target, op, value)),
        (attr(), proptest::collection::vec(literal(), 1..4))
            .prop_map(|(target, list)| Filter::In(target, list)),
    ];
    leaf.prop_recursive(5, 32, 4, move |inner| {
        let some = proptest::collection::vec(inner.clone(), 2..4);
        let selected = (path(), inner.clone(), path(), test()).prop_filter_map(
            "a schema inside",
            |(path, filter, sub, (op, value))| {
                let target = Target::Selected { path, filter: Box::new(filter), sub };
                Some(Filter::Compare(target, op, value))
            },
        );
        prop_oneof![
            some.clone().prop_map(Filter::And),
            some.prop_map(Filter::Or),
            inner.clone().prop_map(|filter| Filter::Not(Box::new(filter))),
            (path(), inner).prop_map(|(path, filter)| Filter::Any(path, Box::new(filter))),
            selected,
        ]
    })
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let row = ("|title|name.given|enabled|no path!", "eq|co|gt|pr|", "|true|x|a b\"");
    let row = row.prop_map(|(attribute, operator, value)| Condition::Row(Row { attribute, operator, value }));
    let leaf = prop_oneof![4 => row, 1 => "|not \\(a pr\\)|a eq".prop_map(Condition::Text)];
    let join = || prop_oneof![Just(Join::All), Just(Join::Any)];
    let group = move |items| (join(), items).prop_map(|(join, items)| Conditions { join, items });
    let nested = leaf.prop_recursive(3, 12, 4, move |inner| {
        group(proptest::collection::vec(inner, 0..4)).prop_map(Condition::Group)
    });
    group(proptest::collection::vec(nested.boxed(), 0..4))
}

proptest! {
    #[test]
    fn a_printed_filter_reads_back_as_itself(filter in filters()) {
        let text = filter.to_string();
        prop_assume!(text.len() <= MAX_FILTER_BYTES);
        let again = Filter::parse(&text);
        prop_assert_eq!(again.as_ref(), Ok(&filter), "{}", text);
        prop_assert_eq!(again.unwrap().to_string(), text);
    }

    #[test]
    fn a_filter_shown_as_conditions_reads_back_as_itself(filter in filters()) {
        prop_assume!(filter.to_string().len() <= MAX_FILTER_BYTES);
        let shown = Conditions::of(Some(&filter));
        prop_assert_eq!(shown.filter(), Ok(Some(filter)));
    }

    #[test]
    fn conditions_that_can_be_read_are_shown_again_with_the_same_meaning(conditions in conditions()) {
        if let Ok(filter) = conditions.filter() {
            let again = Conditions::of(filter.as_ref());
            prop_assert_eq!(again.filter(), Ok(filter));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
        let _ = ValuePath::parse(&text);
        let _ = AttrPath::parse(&text);
    }

    #[test]
    fn no_heap_of_words_makes_the_parser_panic(
        words in proptest::collection::vec(
            proptest::sample::select(&[
                "(", ")", "[", "]", ".", ",", "\"", "\"a\"", "\\", "a", "a.b", "and", "or", "not", "eq", "in", "pr", "co",
                "1", "-", "1e999", "0x", "true", "null", "é", "'", "\u{0}",
            ][..]),
            0..40,
        ),
        gap in prop_oneof![Just(""), Just(" ")],
    ) {
        if let Ok(filter) = Filter::parse(&words.join(gap)) {
            let text = filter.to_string();
            prop_assert_eq!(Filter::parse(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn not_is_the_opposite_and_ne_is_not_eq(path in path(), value in literal(), given in any::<String>()) {
        let user = json!({ path.key(): given, "name": { "given": given } });
        let eq = Filter::Compare(Target::Attr(path.clone()), CompareOp::Eq, value.clone());
        let ne = Filter::Compare(Target::Attr(path), CompareOp::Ne, value);
        prop_assert_eq!(eq.matches(&user), !ne.matches(&user));
        prop_assert_eq!(ne.matches(&user), Filter::Not(Box::new(eq)).matches(&user));
    }

    #[test]
    fn text_is_found_in_itself_whatever_its_case(given in any::<String>()) {
        let user = json!({ "title": given.to_uppercase() });
        for op in [CompareOp::Eq, CompareOp::Co, CompareOp::Sw, CompareOp::Ew, CompareOp::Ge, CompareOp::Le] {
            let target = Target::Attr(AttrPath::parse("title").unwrap());
            let wanted = given.to_uppercase();
            prop_assert!(Filter::Compare(target, op, Literal::Text(wanted.into())).matches(&user));
        }
    }

    #[test]
    fn matching_never_panics(filter in filters(), given in any::<String>(), number in number()) {
        let user = json!({ "a": given, "b": number, "emails": [{ "type": given, "value": number }, null, [], {}] });
        let _ = filter.matches(&user);
    }
}

#[test]
fn nesting_without_end_is_refused_rather_than_overflowing_the_stack() {
    for unit in ["(", "not (", "a[", "not(a["] {
        let text = unit.repeat(MAX_FILTER_BYTES / unit.len());
        let error = Filter::parse(&text).unwrap_err();
        assert!(error.message().contains("nested"), "{error}");
    }
    let deep = |n: usize| format!("{}a pr{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(filter(&deep(MAX_FILTER_DEPTH)), filter("a pr"));
    assert!(Filter::parse(&deep(MAX_FILTER_DEPTH + 1)).is_err());
}

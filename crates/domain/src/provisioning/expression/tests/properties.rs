//! What must hold for every text.

use proptest::prelude::*;

use super::*;

fn words() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(
        &[
            "user",
            ".",
            "?.",
            "name",
            "given",
            "emails",
            "[",
            "]",
            "(",
            ")",
            "{",
            "}",
            ",",
            ":",
            "?",
            "?:",
            "+",
            "-",
            "*",
            "/",
            "%",
            "==",
            "<",
            "and",
            "or",
            "not",
            "!",
            "'a'",
            "''",
            "'",
            "\"",
            "1",
            "0",
            "9223372036854775807",
            "1e308",
            "true",
            "null",
            ".![",
            ".?[",
            ".^[",
            ".$[",
            "#this",
            "#root",
            "#",
            "#string.join(",
            "#string.substring(",
            "#string.split(",
            "#regex.replaceAll(",
            "#datetime.format(",
            "#core.switchExpr(",
            "matches",
            "'('",
            "'$1'",
            "'(a*)*'",
            "é",
            "\u{0}",
            "\\",
            "'2021-01-01'",
        ][..],
    );
    let gap = prop_oneof![Just(""), Just(" ")];
    (proptest::collection::vec(word, 0..24), gap).prop_map(|(words, gap)| words.join(gap))
}

/// Expressions that are well formed, so that evaluation is reached.
fn well_formed() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(
        &[
            "user",
            "user.name.given",
            "user.title",
            "user.age",
            "user.height",
            "user.enabled",
            "user.emails",
            "#this",
            "user.memberOfGroupNames",
            "'a'",
            "''",
            "'(a|b)*'",
            "'$0'",
            "0",
            "3",
            "-1",
            "true",
            "null",
            "{:}",
            "{}",
            "user.createdAt",
            "'yyyy'",
        ][..],
    )
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let operator = proptest::sample::select(
            &["+", "-", "*", "/", "%", "==", "!=", "<", "ge", "and", "or", "matches", "?:"][..],
        );
        let step = proptest::sample::select(&[".![", ".?[", ".^[", ".$[", "["][..]);
        let one = proptest::sample::select(&["upperCase", "trim", "length", "isNotBlank"][..]);
        let pair = proptest::sample::select(
            &[
                "#string.split",
                "#string.join",
                "#string.contains",
                "#string.substring",
                "#regex.matches",
                "#regex.findAllMatches",
                "#datetime.format",
            ][..],
        );
        prop_oneof![
            (two.clone(), operator).prop_map(|((a, b), op)| format!("({a}) {op} ({b})")),
            (two.clone(), step).prop_map(|((a, b), step)| format!("({a}){step}{b}]")),
            (inner.clone(), one).prop_map(|(a, name)| format!("#string.{name}({a})")),
            (two.clone(), pair).prop_map(|((a, b), name)| format!("{name}({a}, {b})")),
            (two.clone(), inner.clone()).prop_map(|((a, b), c)| format!("({a}) ? ({b}) : ({c})")),
            (two.clone(), inner.clone()).prop_map(|((a, b), c)| format!("#regex.replaceAll({a}, {b}, {c})")),
            (two.clone(), inner.clone()).prop_map(|((a, b), c)| format!("#core.switchExpr({a}, {b}, {c})")),
            two.clone().prop_map(|(a, b)| format!("{{{a}, {b}}}")),
            two.prop_map(|(a, b)| format!("{{'x': {a}, 'y': {b}}}")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(source in any::<String>()) {
        if let Err(error) = evaluated(&source) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_heap_of_words_makes_parser_or_evaluation_panic(source in words()) {
        let _ = evaluated(&source);
    }

    #[test]
    fn what_is_well_formed_is_read_printed_and_evaluated_without_a_panic(source in well_formed()) {
        // The only texts refused here are literal regular expressions that are none.
        if let Ok(expression) = Expression::parse(&source) {
            let again = Expression::parse(&expression.to_string()).unwrap();
            prop_assert_eq!(&again, &expression);
            prop_assert_eq!(again.inputs(), expression.inputs());
            let root = user();
            let context = Context { root: &root };
            prop_assert_eq!(again.evaluate(&context), expression.evaluate(&context));
        }
    }

    #[test]
    fn any_pattern_and_template_is_safe(text in any::<String>(), pattern in any::<String>(), template in any::<String>()) {
        let root = json!({ "t": text, "p": pattern, "r": template });
        for source in ["#regex.replaceAll(t, p, r)", "#regex.replaceAll(t, '.', r)", "#datetime.format('2021-01-01', p)"] {
            let _ = expression(source).evaluate(&Context { root: &root });
        }
    }

    #[test]
    fn any_range_of_a_text_is_safe(text in any::<String>(), start in any::<i64>(), end in -20i64..20) {
        let root = json!({ "t": text, "s": start, "e": end });
        let part = expression("#string.substring(t, s, e)").evaluate(&Context { root: &root }).unwrap();
        prop_assert!(text.contains(part.as_str().unwrap()));
    }

    #[test]
    fn text_in_quotes_is_itself(text in "[^\u{0}]{0,40}") {
        let quoted = format!("'{}'", text.replace('\'', "''"));
        prop_assert_eq!(evaluated(&quoted).unwrap(), json!(text));
    }
}

//! What is refused, and in which words.

use super::*;

fn refused(source: &str) -> String {
    Expression::parse(source).map(|_| "accepted").unwrap_err().to_string()
}

fn failed(source: &str) -> String {
    expression(source).evaluate(&Context { root: &user() }).unwrap_err().to_string()
}

#[test]
fn a_bad_expression_is_refused_with_its_place_and_a_remedy() {
    use insta::assert_snapshot;
    assert_snapshot!(refused(""), @"
    expression, column 1: expected a value, found the end
    A value looks like `user.name.given`, `'text'`, `12` or `#string.trim(user.title)`.
    ");
    assert_snapshot!(refused("user."), @"
    expression, column 6: expected the name of an attribute, found the end
        user.
             ^
    A name that is not made of letters and digits is written `user['full-name']`.
    ");
    assert_snapshot!(refused("user.name given"), @"
    expression, column 11: expected an operator or the end, found `given`
        user.name given
                  ^^^^^
    Join two texts with `+`.
    ");
    assert_snapshot!(refused("'Dr + user.name"), @"
    expression, column 1: this text has no closing quote
        'Dr + user.name
        ^^^^^^^^^^^^^^^
    Close it with '; a ' inside the text is written twice.
    ");
    assert_snapshot!(refused("'a' +"), @"
    expression, column 6: expected a value, found the end
        'a' +
             ^
    A value looks like `user.name.given`, `'text'`, `12` or `#string.trim(user.title)`.
    ");
    assert_snapshot!(refused("('a' + 'b'"), @"
    expression, column 11: expected `)`, found the end
        ('a' + 'b'
                  ^
    Close what was opened with `(`.
    ");
    assert_snapshot!(refused("user['name'"), @"
    expression, column 12: expected `]`, found the end
        user['name'
                   ^
    Close what was opened with `[`.
    ");
    assert_snapshot!(refused("user.enabled ? 'yes'"), @"
    expression, column 21: expected `:` and the value for the other case, found the end
        user.enabled ? 'yes'
                            ^
    Write `condition ? one : other`.
    ");
    assert_snapshot!(refused("{'a': 1, 'b'}"), @"
    expression, column 13: expected `:`, found `}`
        {'a': 1, 'b'}
                    ^
    Write a map as `{'a': 1, 'b': 2}`.
    ");
    assert_snapshot!(refused("{1, 2"), @"
    expression, column 6: expected `,` or `}`, found the end
        {1, 2
             ^
    Write a list as `{'a', 'b'}` and a map as `{'a': 1, 'b': 2}`.
    ");
    assert_snapshot!(refused("user.role = 'x'"), @"
    expression, column 11: `=` means nothing here
        user.role = 'x'
                  ^
    Write `==` to compare.
    ");
    assert_snapshot!(refused("1 < 2 < 3"), @"
    expression, column 7: expected `and`, `or` or the end, found `<`
        1 < 2 < 3
              ^
    Two comparisons are joined by `and`: `a < b and b < c`.
    ");
    assert_snapshot!(refused("12abc"), @"
    expression, column 1: `12abc` is not a number
        12abc
        ^^^^^
    Put it in quotes if it is text: `'007'`.
    ");
    assert_snapshot!(refused("user.name.toUpperCase()"), @"
    expression, column 11: `toUpperCase` is a method, and methods cannot be called
        user.name.toUpperCase()
                  ^^^^^^^^^^^
    Write `#string.upperCase(text)`.
    ");
    assert_snapshot!(refused("T(java.lang.Runtime).getRuntime()"), @"
    expression, column 1: `T` is a method, and methods cannot be called
        T(java.lang.Runtime).getRuntime()
        ^
    There are these functions: #string.substring, #string.upperCase, #string.lowerCase, #string.trim, #string.replace, #string.length, #string.contains, #string.startsWith, #string.endsWith, #string.isNotEmpty, #string.isNotBlank, #string.join, #string.split, #regex.findAllMatches, #regex.replaceAll, #regex.replaceFirst, #regex.matches, #datetime.format, #core.isNull, #core.isNotNull, #core.switchExpr.
    ");
    assert_snapshot!(refused("#string.uppercase(user.title)"), @"
    expression, column 1: there is no function `#string.uppercase`
        #string.uppercase(user.title)
        ^^^^^^^^^^^^^^^^^
    Did you mean `#string.upperCase(text)`?
    ");
    assert_snapshot!(refused("#string.substring(user.title)"), @"
    expression, column 1: `#string.substring` cannot be called with this number of arguments
        #string.substring(user.title)
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    Write `#string.substring(text, start, end)`.
    ");
    assert_snapshot!(refused("#regex.replaceAll('a', 'b', 'c', 'd')"), @"
    expression, column 1: `#regex.replaceAll` cannot be called with this number of arguments
        #regex.replaceAll('a', 'b', 'c', 'd')
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    Write `#regex.replaceAll(text, regex, new, …)`.
    ");
    assert_snapshot!(refused("#env.PATH"), @"
    expression, column 1: `#env` is not known
        #env.PATH
        ^^^^
    There are `#root`, `#this` and the functions #string.substring, #string.upperCase, #string.lowerCase, #string.trim, #string.replace, #string.length, #string.contains, #string.startsWith, #string.endsWith, #string.isNotEmpty, #string.isNotBlank, #string.join, #string.split, #regex.findAllMatches, #regex.replaceAll, #regex.replaceFirst, #regex.matches, #datetime.format, #core.isNull, #core.isNotNull, #core.switchExpr.
    ");
    assert_snapshot!(refused("#regex.findAllMatches('user01@test.com', '(?<=@)[^.]+')"), @"
    expression, column 42: look-ahead and look-behind are not supported in regular expressions
        #regex.findAllMatches('user01@test.com', '(?<=@)[^.]+')
                                                 ^^^^^^^^^^^^^
    Match the surroundings too and keep a group: `#regex.replaceAll(text, '^.*@(.*)$', '$1')`.
    ");
    assert_snapshot!(refused("#regex.matches(user.email, '(a')"), @r"
    expression, column 28: this is not a regular expression: unclosed group
        #regex.matches(user.email, '(a')
                                   ^^^^
    Write a backslash before a character that is meant literally: `\.`.
    ");
    assert_snapshot!(refused("user.email matches '(a{1,900}){900}'"), @"
    expression, column 20: this regular expression is too large
        user.email matches '(a{1,900}){900}'
                           ^^^^^^^^^^^^^^^^^
    Repeat less: `{1,20}` instead of `{1,2000}`.
    ");
    assert_snapshot!(refused(&"(".repeat(100)), @"
    expression, column 65: it is nested more than 64 deep
        …((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((
                                               ^
    Leave out parentheses that are not needed, or use `#core.switchExpr` for a long choice.
    ");
    assert_snapshot!(refused(&"1".repeat(5000)), @"
    expression, column 1: it is 5000 bytes long, and 4096 are the most
        1111111111111111111111111111111111111111111111111111111111111111111111111111…
        ^
    Shorten it, or prepare the value in the source.
    ");
}

#[test]
fn an_evaluation_that_fails_says_which_part_and_what_to_do() {
    use insta::assert_snapshot;
    assert_snapshot!(failed("'Dr ' + user.title"), @"
    expression, column 9: `user.title` is null
        'Dr ' + user.title
                ^^^^^^^^^^
    Give a default: `(user.title ?: '')`.
    ");
    assert_snapshot!(failed("user.missing.x + 1"), @"
    expression, column 1: `user.missing.x` is null
        user.missing.x + 1
        ^^^^^^^^^^^^^^
    Give a default: `(user.missing.x ?: 0)`.
    ");
    assert_snapshot!(failed("user.age < user.title"), @"
    expression, column 12: `user.title` is null
        user.age < user.title
                   ^^^^^^^^^^
    Give a default: `(user.title ?: 0)`.
    ");
    assert_snapshot!(failed("user.age < 'x'"), @"
    expression, column 12: `'x'` is text, not a number
        user.age < 'x'
                   ^^^
    Compare a number with a number.
    ");
    assert_snapshot!(failed("user.title ? 1 : 2"), @"
    expression, column 1: `user.title` is null
        user.title ? 1 : 2
        ^^^^^^^^^^
    Give a default: `(user.title ?: false)`.
    ");
    assert_snapshot!(failed("user.role and true"), @"
    expression, column 1: `user.role` is text, not true or false
        user.role and true
        ^^^^^^^^^
    Compare it with something: `… == 'text'`.
    ");
    assert_snapshot!(failed("user.email.domain"), @"
    expression, column 1: `user.email` is text, not a map with `domain` in it
        user.email.domain
        ^^^^^^^^^^
    Leave out what follows the last dot.
    ");
    assert_snapshot!(failed("user.emails.value"), @"
    expression, column 1: `user.emails` is a list, not a map with `value` in it
        user.emails.value
        ^^^^^^^^^^^
    Read `value` of each element with `.![value]`, or of one with `[0]`.
    ");
    assert_snapshot!(failed("user.email[0]"), @"
    expression, column 1: `user.email` is text, not a list or a map
        user.email[0]
        ^^^^^^^^^^
    For a part of a text use `#string.substring(text, start, end)`.
    ");
    assert_snapshot!(failed("user.emails['x']"), @"
    expression, column 13: `'x'` is text, not a number
        user.emails['x']
                    ^^^
    A list is indexed by numbers from 0: `[0]`.
    ");
    assert_snapshot!(failed("user.email.![#this]"), @"
    expression, column 1: `user.email` is text, not a list
        user.email.![#this]
        ^^^^^^^^^^
    Only a list has elements; `{value}` makes a list of one value.
    ");
    assert_snapshot!(failed("user.memberOfGroupNames + ''"), @"
    expression, column 1: `user.memberOfGroupNames` is a list, not text
        user.memberOfGroupNames + ''
        ^^^^^^^^^^^^^^^^^^^^^^^
    Make text of a list with `#string.join(list, ', ')`.
    ");
    assert_snapshot!(failed("user.age / 0"), @"
    expression, column 1: this has no result
        user.age / 0
        ^^^^^^^^^^^^
    The numbers are too large, or the second one is 0.
    ");
    assert_snapshot!(failed("9223372036854775807 + 1"), @"
    expression, column 1: this has no result
        9223372036854775807 + 1
        ^^^^^^^^^^^^^^^^^^^^^^^
    The numbers are too large, or the second one is 0.
    ");
    assert_snapshot!(failed("#string.upperCase(user.age)"), @"
    expression, column 19: `user.age` is a number, not text
        #string.upperCase(user.age)
                          ^^^^^^^^
    A number becomes text by `'' + number`, a list by `#string.join`.
    ");
    assert_snapshot!(failed("#string.contains(user.email, user.title)"), @"
    expression, column 30: `user.title` is null
        #string.contains(user.email, user.title)
                                     ^^^^^^^^^^
    Give a default: `(user.title ?: '')`.
    ");
    assert_snapshot!(failed("#string.join(user.emails, ',')"), @"
    expression, column 14: the list has lists or maps in it
        #string.join(user.emails, ',')
                     ^^^^^^^^^^^
    Choose one attribute of each element first: `.![name]`.
    ");
    assert_snapshot!(failed("#datetime.format(user.email, 'yyyy')"), @"
    expression, column 18: this text is not an ISO 8601 timestamp
        #datetime.format(user.email, 'yyyy')
                         ^^^^^^^^^^
    A timestamp looks like `2026-01-02T15:04:05Z`, and a date like `2026-01-02`.
    ");
    assert_snapshot!(failed("#datetime.format(user.createdAt, 'yyyyTHH')"), @"
    expression, column 34: `T` is not a field of a date pattern that is supported
        #datetime.format(user.createdAt, 'yyyyTHH')
                                         ^^^^^^^^^
    There are y M d D E a H h m s S X Z; other letters stand in quotes, doubled in an expression: `''T''`.
    ");
    assert_snapshot!(failed("#regex.replaceAll(user.email, '@', '$1')"), @r"
    expression, column 36: the replacement names a group that the regular expression does not have
        #regex.replaceAll(user.email, '@', '$1')
                                           ^^^^
    Write `$1` for the first group in parentheses, and `\$` for a dollar sign.
    ");
    assert_snapshot!(failed("user.memberOfGroupNames.![#regex.matches(#this, '(' + #this)]"), @r"
    expression, column 49: this is not a regular expression: unclosed group
        user.memberOfGroupNames.![#regex.matches(#this, '(' + #this)]
                                                        ^^^^^^^^^^^
    Write a backslash before a character that is meant literally: `\.`.
    ");
    assert_snapshot!(failed("{user.title: 1}"), @"
    expression, column 2: the key of a map must be text
        {user.title: 1}
         ^^^^^^^^^^
    Put it in quotes: `{'key': value}`.
    ");
}

#[test]
fn an_error_never_shows_a_value() {
    let secret = json!({ "token": "hunter2", "list": ["hunter2"] });
    for source in
        ["token.x", "-token", "token < 1", "token ? 1 : 2", "#datetime.format(token, 'yyyy')", "list + ''"]
    {
        let error = expression(source).evaluate(&Context { root: &secret }).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn an_evaluation_ends_at_its_limits() {
    let many = json!({ "list": vec!["x"; 200], "long": "y".repeat(8000), "word": "y".repeat(2000), "b": "z".repeat(70_000) });
    let failed = |source: &str| {
        expression(source).evaluate(&Context { root: &many }).unwrap_err().message().to_owned()
    };
    insta::assert_snapshot!(failed("list.![#root.list.![1]]"), @"the evaluation takes more than 10000 steps");
    insta::assert_snapshot!(failed("list.![#root.long]"), @"the evaluation makes more than 1048576 bytes of values");
    insta::assert_snapshot!(failed("b"), @"the result is larger than 65536 bytes");
    insta::assert_snapshot!(failed("#regex.matches(b, 'z*')"), @"this text is longer than the 2048 bytes that are searched");
    insta::assert_snapshot!(failed("list.![#regex.matches(#root.word, '(y|yy)*')]"), @"the evaluation takes more than 10000 steps");
    insta::assert_snapshot!(failed("list.![#regex.matches('a', #this)]"), @"the evaluation takes more than 10000 steps");
}

#[test]
fn nesting_without_end_is_refused_rather_than_overflowing_the_stack() {
    for unit in ["(", "!", "not ", "-", "{", "{'a':", "a[", "a.![", "1 ?: ", "true ? ", "#string.trim("] {
        let source = unit.repeat(MAX_EXPRESSION_BYTES / unit.len());
        let error = Expression::parse(&source).unwrap_err();
        assert!(error.message().contains("nested"), "{error}");
    }
    let deep = format!("{}1{}", "(".repeat(MAX_EXPRESSION_DEPTH - 1), ")".repeat(MAX_EXPRESSION_DEPTH - 1));
    assert_eq!(value(&deep), "1");
    for (open, close) in
        [("{", "}"), ("{'a':", "}"), ("#string.trim(", ")"), ("{1}.![", "]"), ("user.emails[", "]")]
    {
        let source = format!(
            "{}null{}",
            open.repeat(MAX_EXPRESSION_DEPTH - 1),
            close.repeat(MAX_EXPRESSION_DEPTH - 1)
        );
        assert!(evaluated(&source).is_ok(), "{open}");
        assert!(Expression::parse(&format!("{open}{open}{source}{close}{close}")).is_err(), "{open}");
    }
    for chain in [format!("1{}", "+1".repeat(2000)), format!("user{}", ".a".repeat(2000))] {
        assert!(evaluated(&chain).is_ok(), "a chain is not a nesting");
    }
}

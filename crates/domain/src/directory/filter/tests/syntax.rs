//! What is read, how it is printed, and what is refused in which words.

use insta::assert_snapshot;

use super::*;

#[test]
fn the_examples_of_the_rfc_are_read_and_printed() {
    for text in [
        r#"userName eq "bjensen""#,
        r#"name.familyName co "O'Malley""#,
        r#"userName sw "J""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        "title pr",
        r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
        r#"title pr and userType eq "Employee""#,
        r#"title pr or userType eq "Intern""#,
        r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
        r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
    ] {
        assert_eq!(filter(text).to_string(), text);
    }
}

#[test]
fn what_pingone_clients_send_is_read_and_printed_canonically() {
    let canonical = |text: &str| filter(text).to_string();
    assert_snapshot!(canonical(r#"(username eq "x") OR (username Eq "y")"#), @r#"username eq "x" or username eq "y""#);
    assert_snapshot!(canonical(r#"memberOfGroups[id eq "G" and type eq "DIRECT"]"#), @r#"memberOfGroups[id eq "G" and type eq "DIRECT"]"#);
    assert_snapshot!(canonical(r#"action.type IN ["A","B"] AND recordedat GE "2026-01-01T00:00:00Z""#), @r#"action.type in ["A", "B"] and recordedat ge "2026-01-01T00:00:00Z""#);
    assert_snapshot!(canonical(r#"emails[type eq "work"].value  eq  "a@b.c""#), @r#"emails[type eq "work"].value eq "a@b.c""#);
    assert_snapshot!(canonical("NOT(enabled eq TRUE)"), @"not (enabled eq true)");
    assert_snapshot!(canonical("population.id pr"), @"population.id pr");
    assert_snapshot!(canonical(r#"a eq -1.50e2 or b eq "\u0041\n" or c eq null"#), @r#"a eq -150.0 or b eq "A\n" or c eq null"#);
}

#[test]
fn not_binds_tighter_than_and_and_and_tighter_than_or() {
    assert_eq!(filter("a pr or b pr and not (c pr)"), filter("a pr or (b pr and (not (c pr)))"));
    assert_eq!(filter("a pr and b pr or c pr"), filter("(a pr and b pr) or c pr"));
    assert_ne!(filter("a pr and (b pr or c pr)"), filter("a pr and b pr or c pr"));
}

#[test]
fn an_attribute_may_bear_the_name_of_an_operator() {
    assert_eq!(
        filter("eq eq \"eq\" and in in [1] and pr pr").to_string(),
        "eq eq \"eq\" and in in [1] and pr pr"
    );
}

#[test]
fn a_patch_path_is_read_and_printed() {
    for text in ["members", "name.given", "emails[type eq \"work\"]", "emails[type eq \"work\"].value"] {
        assert_eq!(ValuePath::parse(text).unwrap().to_string(), text);
    }
    assert!(ValuePath::parse("emails eq 1").is_err());
}

#[test]
fn attributes_are_told_with_their_full_paths() {
    let used = filter(
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName pr and emails[type eq "a" and not (value pr)].display pr
           and name.given pr and NAME.GIVEN pr"#,
    );
    let keys: Vec<_> = used.attributes().map(|path| path.key().to_owned()).collect();
    assert_eq!(keys, ["username", "emails.type", "emails.value", "emails.display", "name.given"]);
}

#[test]
fn a_filter_is_text_in_json() {
    let read: Filter = serde_json::from_str(r#""enabled Eq true""#).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), r#""enabled eq true""#);
    let error = serde_json::from_str::<Filter>(r#""enabled is true""#).unwrap_err();
    assert!(error.to_string().contains("expected an operator"), "{error}");
}

#[test]
fn an_unknown_attribute_is_refused_by_name() {
    let known = ["username", "name.given", "memberOfGroups.id", "enabled"];
    let refused = |text: &str| filter(text).check(&known).unwrap_err();
    assert!(filter(r#"userName pr and memberOfGroups[id eq "G"]"#).check(&known).is_ok());
    assert_snapshot!(refused(r#"enabled eq true and name.givn eq "name.givn""#), @r#"
    filter, column 21: `name.givn` is not an attribute that can be filtered on here
        enabled eq true and name.givn eq "name.givn"
                            ^^^^^^^^^
    Did you mean `name.given`? These can be: username, name.given, memberOfGroups.id, enabled.
    "#);
    assert_snapshot!(refused(r#"memberOfGroups[colour eq "red"]"#), @"
    filter: `memberOfGroups.colour` is not an attribute that can be filtered on here
    These can be: username, name.given, memberOfGroups.id, enabled.
    ");
}

#[test]
fn a_bad_filter_is_refused_with_its_place_and_a_remedy() {
    let refused = |text: &str| Filter::parse(text).unwrap_err().to_string();
    assert_snapshot!(refused(""), @r#"
    filter: there is nothing here
    A condition looks like `userName eq "ada"`, `enabled eq true` or `email pr`.
    "#);
    assert_snapshot!(refused("userName"), @"
    filter, column 9: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr or in), found the end
        userName
                ^
    Put an operator between `userName` and the value.
    ");
    assert_snapshot!(refused(r#"userName is "ada""#), @r#"
    filter, column 10: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr or in), found `is`
        userName is "ada"
                 ^^
    Put an operator between `userName` and the value.
    "#);
    assert_snapshot!(refused("userName eq ada"), @r#"
    filter, column 13: expected a value (text in double quotes, a number, true, false or null), found `ada`
        userName eq ada
                    ^^^
    Put text in double quotes: `userName eq "ada"`.
    "#);
    assert_snapshot!(refused("userName eq 'ada'"), @r#"
    filter, column 13: text is written in double quotes here
        userName eq 'ada'
                    ^
    Replace ' by " on both sides of the text.
    "#);
    assert_snapshot!(refused(r#"userName eq "ada"#), @r#"
    filter, column 13: this text has no closing quote
        userName eq "ada
                    ^^^^
    Close the text with a double quote (").
    "#);
    assert_snapshot!(refused(r#"userName eq "a\qb""#), @r#"
    filter, column 13: this text has an escape or a control character that JSON does not allow
        userName eq "a\qb"
                    ^^^^^^
    Inside the quotes write \" for a quote, \\ for a backslash and \n for a new line.
    "#);
    assert_snapshot!(refused(r#"userName eq "ada" enabled eq true"#), @r#"
    filter, column 19: expected `and`, `or` or the end, found `enabled`
        userName eq "ada" enabled eq true
                          ^^^^^^^
    Join two conditions by `and` or `or`.
    "#);
    assert_snapshot!(refused(r#"userName eq "ada" and"#), @r#"
    filter, column 22: expected a condition, found the end
        userName eq "ada" and
                             ^
    A condition looks like `userName eq "ada"`, `enabled eq true` or `email pr`.
    "#);
    assert_snapshot!(refused("(enabled eq true and (title pr)"), @"
    filter, column 1: this `(` is never closed
        (enabled eq true and (title pr)
        ^
    Put a `)` where the condition ends.
    ");
    assert_snapshot!(refused("enabled eq true)"), @"
    filter, column 16: this `)` closes nothing
        enabled eq true)
                       ^
    Take it away, or open it where the condition begins.
    ");
    assert_snapshot!(refused(r#"emails[type eq "work""#), @r#"
    filter, column 7: this `[` is never closed
        emails[type eq "work"
              ^
    Put a `]` where the condition ends.
    "#);
    assert_snapshot!(refused("not enabled eq true"), @"
    filter, column 5: expected `(` after `not`, found `enabled`
        not enabled eq true
            ^^^^^^^
    Write `not (enabled eq true)`.
    ");
    assert_snapshot!(refused("enabled gt true"), @"
    filter, column 9: `gt` cannot compare with true, as it has no order
        enabled gt true
                ^^^^^^^
    Use `eq` or `ne` with true, false and null.
    ");
    assert_snapshot!(refused("age co 5"), @"
    filter, column 5: `co` cannot compare with 5, as it has no characters
        age co 5
            ^^^^
    Put the value in double quotes to compare text.
    ");
    assert_snapshot!(refused("age eq 1.2.3"), @"
    filter, column 8: `1.2.3` is not a number
        age eq 1.2.3
               ^^^^^
    Put the value in double quotes if it is text, such as an id or a date.
    ");
    assert_snapshot!(refused("created gt 2026-01-01"), @"
    filter, column 12: `2026-01-01` is not a number
        created gt 2026-01-01
                   ^^^^^^^^^^
    Put the value in double quotes if it is text, such as an id or a date.
    ");
    assert_snapshot!(refused(r#"action.type in "A""#), @r#"
    filter, column 16: expected `[` after `in`, found `"A"`
        action.type in "A"
                       ^^^
    Write the values as `type in ["A", "B"]`.
    "#);
    assert_snapshot!(refused("action.type in []"), @r#"
    filter, column 17: expected a value (text in double quotes, a number, true, false or null), found `]`
        action.type in []
                        ^
    Put text in double quotes: `userName eq "ada"`.
    "#);
    assert_snapshot!(refused("name..given pr"), @r#"
    filter, column 1: expected a condition: `name..given` is not the name of an attribute
        name..given pr
        ^^^^^^^^^^^
    A condition looks like `userName eq "ada"`, `enabled eq true` or `email pr`.
    "#);
    assert_snapshot!(refused("core:User:userName pr"), @r#"
    filter, column 1: expected a condition: `core:User:userName` has a colon, but is not the URN of a schema
        core:User:userName pr
        ^^^^^^^^^^^^^^^^^^
    A condition looks like `userName eq "ada"`, `enabled eq true` or `email pr`.
    "#);
    assert_snapshot!(refused("enabled == true"), @r#"
    filter, column 9: `=` means nothing here
        enabled == true
                ^
    A filter looks like `userName eq "ada" and enabled eq true`.
    "#);
    assert_snapshot!(refused(&"(".repeat(100)), @"
    filter, column 65: conditions are nested more than 64 deep
        …((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((
                                               ^
    Leave out parentheses that are not needed, or split the filter.
    ");
    assert_snapshot!(refused(&format!("{} or b is 1", vec!["name.given eq \"Ada\""; 20].join(" or "))), @r#"
    filter, column 463: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr or in), found `is`
        … eq "Ada" or name.given eq "Ada" or b is 1
                                               ^^
    Put an operator between `b` and the value.
    "#);
    assert_snapshot!(refused(&"a".repeat(9000)), @"
    filter: it is 9000 bytes long, and 8192 are the most
    Shorten it; a group or an attribute can often stand for a long list of values.
    ");
}

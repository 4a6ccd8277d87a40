//! What expressions give.

use super::*;

/// Each expression and its value, as a person would read them.
fn table(expressions: &[&str]) -> String {
    expressions.iter().map(|source| format!("{source}  =>  {}\n", value(source))).collect()
}

#[test]
fn the_samples_of_pingone_give_what_its_pages_say() {
    insta::assert_snapshot!(table(&[
        "'FirstName'",
        "\"User\"",
        "1",
        "34533535454345L",
        "true",
        "{'USER'}",
        "{'firstName': 'John'}",
        "'''string'''",
        "'FirstName' + ', ' + 'LastName'",
        "user.name.given + ', ' + user.name.family",
        "user['name']['given']",
        "user.name['full-name']",
        "#string.substring(user.name.given, 0, 1) + #string.substring(user.name.family, 0, 4)",
        "#regex.findAllMatches('upper case AND lower case', '([a-z]+)( +)([a-z]+)')",
        "#datetime.format('2021-01-01T10:15:00Z', 'EEEE, dd MMMM; h:mm a')",
        "user.name.given + ' ' + user.name.family + ', ' + {'PM': 'Product Manager', 'SA': 'Software Architect'}[user.role] ?: 'Unknown'",
        "{'PM': 'Product Manager'}[user.role] ?: 'Unknown'",
        "user.memberOfGroupNames.![#string.upperCase(#this)]",
        "user.memberOfGroupNames.!['CN=' + #this + ',DC=example,DC=com']",
        "user.groupDNs.![#regex.replaceAll(#this, '(CN=)(.*?),.*', '$2')]",
        "#core.switchExpr(#root.accountId,'ID1','Full Access','ID2','Read Only','None')",
        "user.address.city",
        "'Test' + 3",
        "5 lt 12 and 4 <= 4",
        "not (4 > 3)",
        "'name' matches '[a-z]+'",
    ]), @r#"
    'FirstName'  =>  "FirstName"
    "User"  =>  "User"
    1  =>  1
    34533535454345L  =>  34533535454345
    true  =>  true
    {'USER'}  =>  ["USER"]
    {'firstName': 'John'}  =>  {"firstName":"John"}
    '''string'''  =>  "'string'"
    'FirstName' + ', ' + 'LastName'  =>  "FirstName, LastName"
    user.name.given + ', ' + user.name.family  =>  "John, Doe"
    user['name']['given']  =>  "John"
    user.name['full-name']  =>  "John Doe"
    #string.substring(user.name.given, 0, 1) + #string.substring(user.name.family, 0, 4)  =>  "JDoe"
    #regex.findAllMatches('upper case AND lower case', '([a-z]+)( +)([a-z]+)')  =>  ["upper case","lower case"]
    #datetime.format('2021-01-01T10:15:00Z', 'EEEE, dd MMMM; h:mm a')  =>  "Friday, 01 January; 10:15 AM"
    user.name.given + ' ' + user.name.family + ', ' + {'PM': 'Product Manager', 'SA': 'Software Architect'}[user.role] ?: 'Unknown'  =>  "John Doe, Software Architect"
    {'PM': 'Product Manager'}[user.role] ?: 'Unknown'  =>  "Unknown"
    user.memberOfGroupNames.![#string.upperCase(#this)]  =>  ["ADMIN","USER"]
    user.memberOfGroupNames.!['CN=' + #this + ',DC=example,DC=com']  =>  ["CN=Admin,DC=example,DC=com","CN=User,DC=example,DC=com"]
    user.groupDNs.![#regex.replaceAll(#this, '(CN=)(.*?),.*', '$2')]  =>  ["Devs","Admins"]
    #core.switchExpr(#root.accountId,'ID1','Full Access','ID2','Read Only','None')  =>  "Read Only"
    user.address.city  =>  null
    'Test' + 3  =>  "Test3"
    5 lt 12 and 4 <= 4  =>  true
    not (4 > 3)  =>  false
    'name' matches '[a-z]+'  =>  true
    "#);
}

#[test]
fn operators_follow_spel() {
    insta::assert_snapshot!(table(&[
        "1 + 2 * 3 - 4",
        "7 / 2",
        "7 / 2.0",
        "-user.age % 5",
        "1 + 2 + 'x' + 1 + 2",
        "user.height + 1",
        "1 == 1.0",
        "'a' == 'A'",
        "null == user.title",
        "'1' == 1",
        "{1, 2} == {1, 2}",
        "'b' gt 'a'",
        "true or user.title.x.y",
        "false and user.missing",
        "TRUE AND NOT FALSE",
        "!false && !(1 > 2) || false",
        "user.enabled ? 'active' : 'disabled'",
        "user.age > 50 ? 'a' : user.age > 40 ? 'b' : 'c'",
        "user.title ?: user.nickname ?: user.username",
        "(user.title ?: '') + 'x'",
        "true + '!'",
        "'say ''hi'' ' + \"and \"\"bye\"\"\"",
    ]), @r#"
    1 + 2 * 3 - 4  =>  3
    7 / 2  =>  3
    7 / 2.0  =>  3.5
    -user.age % 5  =>  -2
    1 + 2 + 'x' + 1 + 2  =>  "3x12"
    user.height + 1  =>  2.83
    1 == 1.0  =>  true
    'a' == 'A'  =>  false
    null == user.title  =>  true
    '1' == 1  =>  false
    {1, 2} == {1, 2}  =>  true
    'b' gt 'a'  =>  true
    true or user.title.x.y  =>  true
    false and user.missing  =>  false
    TRUE AND NOT FALSE  =>  true
    !false && !(1 > 2) || false  =>  true
    user.enabled ? 'active' : 'disabled'  =>  "active"
    user.age > 50 ? 'a' : user.age > 40 ? 'b' : 'c'  =>  "b"
    user.title ?: user.nickname ?: user.username  =>  "john"
    (user.title ?: '') + 'x'  =>  "x"
    true + '!'  =>  "true!"
    'say ''hi'' ' + "and ""bye"""  =>  "say 'hi' and \"bye\""
    "#);
}

#[test]
fn paths_reach_maps_lists_and_elements() {
    insta::assert_snapshot!(table(&[
        "#root.name.given",
        "name.given",
        "user?.name?.given",
        "user.missing",
        "user.missing.deeper",
        "user.emails[0].value",
        "user.emails[9]",
        "user.emails[9].value ?: 'none'",
        "user.emails.![value]",
        "user.emails.![type + ':' + #this.value]",
        "user.emails.?[type == 'work']",
        "user.emails.?[type == 'work'][0].value",
        "user.emails.^[value matches '.*home.*'].value",
        "user.emails.$[true].type",
        "user.missing.![x]",
        "{'a': {1, 2}, b: {}, 'c': {:}, 4: 'four'}",
        "{'a': {'b': 7}}.a.b",
        "{'a','b'}[1]",
        "{4: 'four'}[4]",
        "{'PM': 1}[user.title] ?: 'none'",
        "user.emails.![user.username]",
        "{{1, 2}, {3}}.![#this.![#this * 10]]",
    ]), @r#"
    #root.name.given  =>  "John"
    name.given  =>  "John"
    user?.name?.given  =>  "John"
    user.missing  =>  null
    user.missing.deeper  =>  null
    user.emails[0].value  =>  "john.doe@example.com"
    user.emails[9]  =>  null
    user.emails[9].value ?: 'none'  =>  "none"
    user.emails.![value]  =>  ["john.doe@example.com","jd@home.example"]
    user.emails.![type + ':' + #this.value]  =>  ["work:john.doe@example.com","home:jd@home.example"]
    user.emails.?[type == 'work']  =>  [{"type":"work","value":"john.doe@example.com"}]
    user.emails.?[type == 'work'][0].value  =>  "john.doe@example.com"
    user.emails.^[value matches '.*home.*'].value  =>  "jd@home.example"
    user.emails.$[true].type  =>  "home"
    user.missing.![x]  =>  []
    {'a': {1, 2}, b: {}, 'c': {:}, 4: 'four'}  =>  {"4":"four","a":[1,2],"b":[],"c":{}}
    {'a': {'b': 7}}.a.b  =>  7
    {'a','b'}[1]  =>  "b"
    {4: 'four'}[4]  =>  "four"
    {'PM': 1}[user.title] ?: 'none'  =>  "none"
    user.emails.![user.username]  =>  ["john","john"]
    {{1, 2}, {3}}.![#this.![#this * 10]]  =>  [[10,20],[30]]
    "#);
}

#[test]
fn functions_work_on_text() {
    insta::assert_snapshot!(table(&[
        "#string.substring('Zürich', 1, 3)",
        "#string.substring('abcdef', -3)",
        "#string.substring('abcdef', 2, -1)",
        "#string.substring('abc', 5, 2)",
        "#string.upperCase('straße')",
        "#string.lowerCase('LOWER')",
        "#string.trim('  x ')",
        "#string.replace('a.b.c', '.', '-')",
        "#string.length('Zürich')",
        "#string.contains(user.email, '@')",
        "#string.startsWith(user.title, 'x')",
        "#string.endsWith(user.email, '.com')",
        "#string.isNotEmpty(user.nickname)",
        "#string.isNotBlank('  ')",
        "#string.join(user.memberOfGroupNames, ', ')",
        "#string.join({1, null, true}, '-')",
        "#string.split(user.email, '@')",
        "#string.upperCase(user.title)",
        "#core.isNull(user.title)",
        "#core.isNotNull(user.email)",
        "#core.switchExpr(1, 2, 'two', 3, 'three')",
        "#core.switchExpr('x', 'x', 'fine', 'y', 1 + null)",
    ]), @r#"
    #string.substring('Zürich', 1, 3)  =>  "ür"
    #string.substring('abcdef', -3)  =>  "def"
    #string.substring('abcdef', 2, -1)  =>  "cde"
    #string.substring('abc', 5, 2)  =>  ""
    #string.upperCase('straße')  =>  "STRASSE"
    #string.lowerCase('LOWER')  =>  "lower"
    #string.trim('  x ')  =>  "x"
    #string.replace('a.b.c', '.', '-')  =>  "a-b-c"
    #string.length('Zürich')  =>  6
    #string.contains(user.email, '@')  =>  true
    #string.startsWith(user.title, 'x')  =>  false
    #string.endsWith(user.email, '.com')  =>  true
    #string.isNotEmpty(user.nickname)  =>  false
    #string.isNotBlank('  ')  =>  false
    #string.join(user.memberOfGroupNames, ', ')  =>  "Admin, User"
    #string.join({1, null, true}, '-')  =>  "1--true"
    #string.split(user.email, '@')  =>  ["john.doe","example.com"]
    #string.upperCase(user.title)  =>  null
    #core.isNull(user.title)  =>  true
    #core.isNotNull(user.email)  =>  true
    #core.switchExpr(1, 2, 'two', 3, 'three')  =>  null
    #core.switchExpr('x', 'x', 'fine', 'y', 1 + null)  =>  "fine"
    "#);
}

#[test]
fn functions_search_and_replace() {
    insta::assert_snapshot!(table(&[
        "#regex.matches('abc', 'a|abc')",
        "#regex.matches('abcd', 'abc')",
        "#regex.matches(user.title, '.*')",
        "#regex.findAllMatches(user.email, '[a-z]+')",
        "#regex.findAllMatches(user.title, 'a')",
        "#regex.replaceAll(user.email, '^.*@(.*)$', '$1')",
        "#regex.replaceAll('a1b2', '[0-9]', '', '[a-z]', '<$0>')",
        "#regex.replaceFirst('aaa', 'a', 'b')",
        "#regex.replaceAll('x', '(?<n>x)', '${n}$11\\$')",
        "#regex.replaceAll('Müller', '[^\\p{ASCII}]', 'ue')",
    ]), @r#"
    #regex.matches('abc', 'a|abc')  =>  true
    #regex.matches('abcd', 'abc')  =>  false
    #regex.matches(user.title, '.*')  =>  false
    #regex.findAllMatches(user.email, '[a-z]+')  =>  ["john","doe","example","com"]
    #regex.findAllMatches(user.title, 'a')  =>  []
    #regex.replaceAll(user.email, '^.*@(.*)$', '$1')  =>  "example.com"
    #regex.replaceAll('a1b2', '[0-9]', '', '[a-z]', '<$0>')  =>  "<a><b>"
    #regex.replaceFirst('aaa', 'a', 'b')  =>  "baa"
    #regex.replaceAll('x', '(?<n>x)', '${n}$11\$')  =>  "xx1$"
    #regex.replaceAll('Müller', '[^\p{ASCII}]', 'ue')  =>  "Mueller"
    "#);
}

#[test]
fn functions_write_timestamps() {
    insta::assert_snapshot!(table(&[
        "#datetime.format(user.createdAt, 'yyyy-MM-dd''T''HH:mm:ss.SSSXXX')",
        "#datetime.format(user.createdAt, 'd.M.yy, hh:mm a')",
        "#datetime.format('2021-12-31', 'E d MMM uuuu HH''h''')",
        "#datetime.format('2021-12-31T23:59', 'DDD X')",
        "#datetime.format(user.createdAt, 'XX Z X SS')",
        "#datetime.format(user.title, 'yyyy')",
    ]), @r#"
    #datetime.format(user.createdAt, 'yyyy-MM-dd''T''HH:mm:ss.SSSXXX')  =>  "2021-01-01T22:05:09.120+05:30"
    #datetime.format(user.createdAt, 'd.M.yy, hh:mm a')  =>  "1.1.21, 10:05 PM"
    #datetime.format('2021-12-31', 'E d MMM uuuu HH''h''')  =>  "Fri 31 Dec 2021 00h"
    #datetime.format('2021-12-31T23:59', 'DDD X')  =>  "365 Z"
    #datetime.format(user.createdAt, 'XX Z X SS')  =>  "+0530 +0530 +0530 12"
    #datetime.format(user.title, 'yyyy')  =>  null
    "#);
}

#[test]
fn inputs_are_told_for_explanations() {
    let inputs = |source: &str| expression(source).inputs().join(" ");
    insta::assert_snapshot!(inputs("user.name.given + ' ' + #root.name['family']"), @"name.given name.family");
    insta::assert_snapshot!(inputs("{'PM': 'x'}[user.role] ?: user.title"), @"role title");
    insta::assert_snapshot!(inputs("user.memberOfGroupNames.![#string.upperCase(#this)]"), @"memberOfGroupNames");
    insta::assert_snapshot!(inputs("user.emails.?[type == 'work'][0].value"), @"emails.type emails.value");
    insta::assert_snapshot!(inputs("user.emails.![1]"), @"emails");
    insta::assert_snapshot!(inputs("user[user.role] + name.given + name.given"), @"#root role name.given");
    insta::assert_snapshot!(inputs("#root"), @"#root");
    insta::assert_snapshot!(inputs("'constant'"), @"");
}

#[test]
fn an_expression_is_text_in_json_and_prints_as_written() {
    let source = "user.name.given  +  'x'";
    let read: Expression = serde_json::from_value(json!(source)).unwrap();
    assert_eq!(read.to_string(), source);
    assert_eq!(serde_json::to_value(&read).unwrap(), json!(source));
    assert!(serde_json::from_value::<Expression>(json!("user.")).is_err());
}

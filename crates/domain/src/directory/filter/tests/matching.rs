//! Which resources a filter chooses.

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::*;

fn ada() -> Json {
    json!({
        "id": "5A2F8C4E-0000-4000-8000-00000000000A",
        "username": "ada@example.com",
        "name": { "given": "Ada", "family": "Lovelace" },
        "title": "",
        "nickname": "Straße",
        "enabled": true,
        "age": 36,
        "costCenter": "0042",
        "createdAt": "2026-01-02T03:04:05.678+02:00",
        "photo": null,
        "emails": [
            { "type": "work", "value": "ada@example.com", "primary": true },
            { "type": "home", "value": "ada@home.example" },
        ],
        "memberOfGroupNames": ["Engineering", "Admins"],
        "memberOfGroups": [{ "id": "G", "type": "DIRECT" }, { "id": "H", "type": "INDIRECT" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Engines" },
    })
}

#[track_caller]
fn chosen(by: &str) {
    assert!(filter(by).matches(&ada()), "should match: {by}");
}

#[track_caller]
fn passed_over(by: &str) {
    assert!(!filter(by).matches(&ada()), "should not match: {by}");
}

#[test]
fn text_is_compared_without_regard_to_case() {
    chosen(r#"USERNAME eq "ADA@Example.com""#);
    chosen(r#"name.given sw "aD""#);
    chosen(r#"name.family ew "LACE""#);
    chosen(r#"name.family co "VEL""#);
    chosen(r#"id eq "5a2f8c4e-0000-4000-8000-00000000000a""#);
    chosen(r#"nickname eq "STRAßE""#);
    chosen(r#"nickname ew "AßE""#);
    passed_over(r#"name.given sw "Adam""#);
    passed_over(r#"name.given eq "Ad""#);
    passed_over(r#"name.family co "x""#);
}

#[test]
fn an_absent_attribute_is_not_equal_to_anything_and_not_present() {
    chosen(r#"photo ne "x" and colour ne "red""#);
    chosen("photo eq null and colour eq null and title eq null");
    passed_over("photo pr or colour pr or title pr");
    chosen("name pr and name.given ne null and not (colour pr)");
    passed_over(r#"colour eq "red" or colour co "" or colour lt "z""#);
}

#[test]
fn one_of_several_values_is_enough_but_ne_wants_none() {
    chosen(r#"emails.type eq "home""#);
    chosen(r#"emails eq "ada@home.example""#);
    chosen(r#"memberOfGroupNames co "engin""#);
    passed_over(r#"emails.type ne "home""#);
    chosen(r#"emails.type ne "other""#);
}

#[test]
fn a_value_path_wants_one_value_that_meets_everything() {
    chosen(r#"memberOfGroups[id eq "g" and type eq "direct"]"#);
    passed_over(r#"memberOfGroups[id eq "H" and type eq "DIRECT"]"#);
    chosen(r#"memberOfGroups.id eq "H" and memberOfGroups.type eq "DIRECT""#);
    chosen(r#"emails[type eq "work"].value ew "example.com""#);
    passed_over(r#"emails[type eq "home"].value ew "example.com""#);
    chosen(r#"emails[type eq "home"].value ne "ada@example.com""#);
    passed_over("emails[primary eq false] or emails[not (type pr)]");
    chosen(r#"memberOfGroupNames[value eq "Admins"]"#);
}

#[test]
fn order_is_that_of_numbers_moments_or_letters() {
    chosen("age gt 35.5 and age le 36 and age lt 100");
    passed_over("age gt 36");
    chosen(r#"createdAt eq "2026-01-02T01:04:05.678Z""#);
    chosen(r#"createdAt lt "2026-01-02T02:00:00Z" and createdAt ge "2026-01-02T01:00:00Z""#);
    chosen(r#"name.given lt "adb" and name.given ge "ADA" and name.given gt "a""#);
}

#[test]
fn text_that_reads_as_a_number_or_a_truth_compares_with_it() {
    chosen("costCenter eq 42 and costCenter lt 100");
    chosen(r#"enabled eq "TRUE" and enabled ne false"#);
    passed_over(r#"enabled eq "yes" or name.given eq 5 or enabled gt "a""#);
}

#[test]
fn in_wants_one_of_the_list() {
    chosen(r#"name.given in ["Grace", "ADA"]"#);
    chosen("photo in [null] and age in [1, 36]");
    passed_over(r#"name.given in ["Grace"] or age in []"#.replace(" or age in []", "").as_str());
}

#[test]
fn a_schema_leads_to_its_extension_and_a_core_schema_to_the_resource() {
    chosen(r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "engines""#);
    chosen(r#"urn:ietf:params:scim:schemas:core:2.0:User:name.given eq "Ada""#);
    passed_over("department pr");
}

/// A resource that is not JSON, as the directory's are.
struct Person {
    id: Uuid,
    created: DateTime<Utc>,
    groups: Vec<Membership>,
}

struct Membership {
    id: Uuid,
    direct: bool,
}

impl Attributes for Person {
    fn get<'a>(&'a self, path: &AttrPath) -> Values<'a> {
        match path.key() {
            "id" => self.id.into(),
            "createdat" => self.created.into(),
            "memberofgroups" => self.groups.iter().map(|group| Value::Complex(group)).collect(),
            _ => Values::None,
        }
    }
}

impl Attributes for Membership {
    fn get<'a>(&'a self, path: &AttrPath) -> Values<'a> {
        match path.key() {
            "id" => self.id.into(),
            "type" => if self.direct { "DIRECT" } else { "INDIRECT" }.into(),
            _ => Values::None,
        }
    }
}

#[test]
fn ids_and_moments_need_not_be_text() {
    let person = Person {
        id: Uuid::from_u128(0xA),
        created: "2026-01-02T03:04:05Z".parse().unwrap(),
        groups: vec![Membership { id: Uuid::from_u128(0xB), direct: true }],
    };
    let chosen = |by: &str| filter(by).matches(&person);
    assert!(chosen(r#"id eq "00000000-0000-0000-0000-00000000000A" and id pr and id ew "0a""#));
    assert!(chosen(r#"createdAt gt "2026-01-02T04:00:00+01:00" and createdAt sw "2026-01-02""#));
    assert!(chosen(r#"createdAt eq "2026-01-02T04:04:05+01:00" and createdAt ne "yesterday""#));
    assert!(chosen(r#"memberOfGroups[id eq "00000000-0000-0000-0000-00000000000b" and type eq "DIRECT"]"#));
    assert!(!chosen(r#"memberOfGroups[type eq "INDIRECT"]"#));
    assert!(!chosen(r#"createdAt gt "yesterday""#));
}

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Counting, ENVIRONMENT, body, population, refusal, stamp, told};
use crate::{
    GroupId,
    directory::{
        commands::{
            group::{self, Facts},
            membership, nesting,
        },
        group::{Group, Nesting},
    },
};

fn facts(groups: &[Group]) -> Facts<'_> {
    Facts { groups, population: None, members: (0, 0), custom: &[] }
}

fn group(id: u128, json: Value) -> Group {
    let ids = Counting::default();
    let home = population(1, "Sales", true);
    let facts = Facts { population: json.get("population").map(|_| &home), ..facts(&[]) };
    let (group, _) = group::create(ENVIRONMENT, &body(json), facts, &stamp(&ids)).unwrap();
    Group { id: GroupId(Uuid::from_u128(0x100 + id)), ..group }
}

#[test]
fn every_fault_of_a_group_is_told_at_once() {
    let ids = Counting::default();
    let bad = body(json!({
        "name": "  ", "description": 1, "externalId": "", "customData": [1],
        "userFilter": "titel eq \"x\"", "population": {"id": "5a0f9f6d-0000-4000-8000-000000000000"},
    }));
    insta::assert_snapshot!(refusal(group::create(ENVIRONMENT, &bad, facts(&[]), &stamp(&ids))), @r#"
    INVALID_VALUE population.id: There is no population 5a0f9f6d-0000-4000-8000-000000000000 in this environment
    EMPTY_VALUE name: `name` is empty; give it 1 to 256 characters, or leave it out {"rangeMaximumValue":256,"rangeMinimumValue":1}
    INVALID_VALUE customData: `customData` is a list; an object is allowed
    INVALID_VALUE userFilter: filter, column 1: `titel` is not an attribute that can be filtered on here
        titel eq "x"
        ^^^^^
    Did you mean `title`? These can be: accountId, address.countryCode, address.locality, address.postalCode, address.region, address.streetAddress, createdAt, email, enabled, environment.id, externalId, id, locale, memberOfGroupIDs, memberOfGroupNames, memberOfGroups, memberOfGroups.id, memberOfGroups.name, memberOfGroups.type, mfaEnabled, mobilePhone, name.family, name.formatted, name.given, name.honorificPrefix, name.honorificSuffix, name.middle, nickname, photo.href, population.id, population.name, preferredLanguage, primaryPhone, timezone, title, type, updatedAt, username.
    INVALID_VALUE description: `description` is a number; a string is allowed
    EMPTY_VALUE externalId: `externalId` is empty; give it 1 to 1024 characters, or leave it out {"rangeMaximumValue":1024,"rangeMinimumValue":1}
    "#);
    let unreadable = body(json!({"name": "x", "userFilter": "title eq"}));
    insta::assert_snapshot!(refusal(group::create(ENVIRONMENT, &unreadable, facts(&[]), &stamp(&ids))), @r#"
    INVALID_VALUE userFilter: filter, column 9: expected a value (text in double quotes, a number, true, false or null), found the end
        title eq
                ^
    Put text in double quotes: `userName eq "ada"`.
    "#);
}

#[test]
fn nobody_can_be_in_two_groups_of_one_name() {
    let ids = Counting::default();
    let sales = population(1, "Sales", true);
    let legal = population(2, "Legal", false);
    let of_environment = [group(1, json!({"name": "Staff"}))];
    let of_sales = [group(2, json!({"name": "Staff", "population": {"id": sales.id}}))];
    let ask = |home: Option<&_>, groups: &[Group]| {
        let body = body(json!({"name": "staff"}));
        group::create(ENVIRONMENT, &body, Facts { population: home, ..facts(groups) }, &stamp(&ids))
    };
    assert!(ask(None, &of_environment).is_err());
    assert!(
        ask(Some(&sales), &of_environment).is_err(),
        "a population's group would double the environment's"
    );
    assert!(ask(None, &of_sales).is_err());
    assert!(ask(Some(&sales), &of_sales).is_err());
    assert!(ask(Some(&legal), &of_sales).is_ok(), "nobody lives in two populations");
}

#[test]
fn a_groups_population_never_changes_and_members_by_hand_keep_it_from_becoming_dynamic() {
    let ids = Counting::default();
    let staff = group(1, json!({"name": "Staff"}));
    let other = body(json!({
        "name": "Staff", "userFilter": "title pr", "population": {"id": "5a0f9f6d-0000-4000-8000-000000000000"},
    }));
    let facts = Facts { members: (2, 1), ..facts(&[]) };
    insta::assert_snapshot!(refusal(group::replace(&staff, &other, facts, &stamp(&ids))), @"
    CONSTRAINT_VIOLATION population.id: A group's population never changes; leave it out
    CONSTRAINT_VIOLATION userFilter: The group has 2 users and 1 groups that were added by hand; take them out before it becomes dynamic
    ");
}

#[test]
fn nobody_is_put_into_a_dynamic_group_by_hand() {
    let ids = Counting::default();
    let dynamic = group(1, json!({"name": "Titled", "userFilter": "title pr"}));
    let plain = group(2, json!({"name": "Staff"}));
    let ada = crate::directory::commands::user::create(
        ENVIRONMENT,
        &body(json!({"username": "ada", "email": "ada@example.com"})),
        &crate::directory::commands::user::Facts {
            username_taken_by: None,
            population: Some(population(1, "S", true)),
        },
        &stamp(&ids),
    );
    let (ada, _) = ada.unwrap();
    insta::assert_snapshot!(told(&membership::add(&ada, &dynamic, &[], &stamp(&ids)).unwrap_err()), @"CONSTRAINT_VIOLATION id: Group `Titled` is dynamic: its members are those who match its userFilter, and nobody is added by hand");
    insta::assert_snapshot!(told(&nesting::add(&plain, &dynamic, &[], &stamp(&ids)).unwrap_err()), @"CONSTRAINT_VIOLATION id: Group `Titled` is dynamic: its members are those who match its userFilter, and no group is nested in it");
}

#[test]
fn a_group_has_at_most_250_groups_nested_in_it() {
    let ids = Counting::default();
    let (parent, child) = (group(1, json!({"name": "All"})), group(2, json!({"name": "One more"})));
    let full: Vec<Nesting> =
        (0..250).map(|n| Nesting { child: GroupId(Uuid::from_u128(1000 + n)), parent: parent.id }).collect();
    insta::assert_snapshot!(told(&nesting::add(&child, &parent, &full, &stamp(&ids)).unwrap_err()), @r#"SIZE_LIMIT_EXCEEDED id: Group `All` has 250 nested groups, the most that are allowed {"maximumValue":250}"#);
    assert!(nesting::add(&child, &parent, &full[1..], &stamp(&ids)).is_ok());
}

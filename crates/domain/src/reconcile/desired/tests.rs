use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    EnvironmentId, MappingId, PopulationId, RuleId, Timestamp, UserId,
    directory::{
        filter::Filter,
        user::{Name, User},
        view::{UserGroup, UserView},
    },
    provisioning::mapping::{Mapping, MappingSource},
    reconcile::attributes::Attribute,
};

fn ada() -> User {
    let attributes = json!({"badge": 42, "phones": ["1", "2"], "employment": "on leave"});
    User {
        id: UserId(Uuid::from_u128(1)),
        environment: EnvironmentId(Uuid::nil()),
        population: PopulationId(Uuid::nil()),
        username: "ada".to_owned(),
        email: " Ada@Example.COM".to_owned(),
        enabled: true,
        name: Name { given: Some("Ada".into()), family: Some("Lovelace".into()), ..Name::default() },
        external_id: None,
        attributes: attributes.as_object().cloned().unwrap(),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        version: 1,
    }
}

fn mapping(source: MappingSource, target: &str) -> Mapping {
    Mapping {
        id: MappingId(Uuid::nil()),
        environment: EnvironmentId(Uuid::nil()),
        rule: RuleId(Uuid::nil()),
        source,
        target: target.to_owned(),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        version: 1,
    }
}

fn path(source: &str, target: &str) -> Mapping {
    mapping(MappingSource::SourceAttribute(source.to_owned()), target)
}

fn expression(source: &str, target: &str) -> Mapping {
    mapping(MappingSource::Expression(source.to_owned()), target)
}

fn mapped(mappings: &[Mapping]) -> Mapped {
    let user = ada();
    CompiledMappings::compile(mappings).unwrap().apply(&UserView {
        user: &user,
        population: None,
        groups: &[],
    })
}

#[test]
fn without_mappings_the_defaults_stand_and_the_email_is_lower_cased() {
    let ada = mapped(&[]);
    assert!(ada.enabled && ada.fault.is_none());
    insta::assert_debug_snapshot!(ada.attributes, @r#"
    {
        "email": "ada@example.com",
        "given_name": "Ada",
        "surname": "Lovelace",
    }
    "#);
}

#[test]
fn scalars_are_printed_and_what_is_absent_is_empty() {
    let ada = mapped(&[path("badge", "external_id"), path("title", "role"), expression("1 eq 1", "surname")]);
    assert_eq!(ada.attributes.get(Attribute::ExternalId), "42");
    assert_eq!(ada.attributes.get(Attribute::Role), "");
    assert_eq!(ada.attributes.get(Attribute::Surname), "true");
    assert_eq!(ada.attributes.get(Attribute::Email), "", "one mapping, and no default stands");
}

#[test]
fn the_status_mapping_says_who_is_in_use_and_its_absence_or_emptiness_leaves_it_to_the_user() {
    assert!(!mapped(&[path("employment", "status")]).enabled);
    assert!(mapped(&[expression("'Active'", "status")]).enabled);
    assert!(mapped(&[expression("null", "status")]).enabled);
    assert!(mapped(&[path("badge", "external_id")]).enabled);
}

#[test]
fn a_list_is_the_fault_of_its_mapping_and_says_what_to_do() {
    let fault = mapped(&[path("phones", "external_id")]).fault.unwrap();
    insta::assert_snapshot!(fault, @"The mapping to external_id gives more than a single value: phones. Change the mapping so that it chooses one of the values.");
    let fault = mapped(&[expression("{'a', 'b'}", "external_id")]).fault.unwrap();
    assert_eq!(fault.code, "MAPPING_NOT_SINGLE");
}

#[test]
fn an_expression_that_cannot_be_evaluated_is_this_users_fault() {
    let fault = mapped(&[expression("'x' + user.title", "surname")]).fault.unwrap();
    assert_eq!(fault.code, "MAPPING_FAILED");
    assert!(fault.message.starts_with("The mapping to surname has no value for ada: "), "{fault}");
}

#[test]
fn a_target_that_does_not_exist_is_told_before_anyone_is_mapped() {
    let problem = CompiledMappings::compile(&[path("email", "mail")]).unwrap_err();
    insta::assert_snapshot!(problem, @"The rule's mapping to mail cannot be read. An account has no such attribute. Correct or delete this mapping.");
}

#[test]
fn only_whom_the_filter_matches_is_desired_and_group_indices_point_into_the_sorted_groups() {
    let user = ada();
    let member = |n| UserGroup { id: crate::GroupId(Uuid::from_u128(n)), name: "g", direct: false };
    let groups = [member(2), member(3)];
    let view = UserView { user: &user, population: None, groups: &groups };
    let group = |n: u128| DesiredGroup { group: crate::GroupId(Uuid::from_u128(n)), name: "g".into() };
    let mappings = CompiledMappings::compile(&[]).unwrap();
    let want = |filter: &str| {
        let filter = Filter::parse(filter).unwrap();
        let mut builder = Builder::new(Scope::Full, Some(&filter), &mappings, vec![group(2), group(1)]);
        builder.add(&view);
        builder.finish()
    };
    assert_eq!(want(r#"name.family eq "lovelace""#).accounts[0].groups.as_ref(), [1]);
    assert!(want("enabled eq false").accounts.is_empty());
}

//! The provisioning set-up and who may call: round trips, versions, secrets.

use serde_json::json;
use usher_domain::{
    MappingId, PlanId, Problem, RevisionId, RuleId, Secret, Timestamp,
    access::SigningKey,
    directory::change::{DueSubject, Write},
    ports::store::{Record, StoreError},
    provisioning::{
        connection::{ConnectionKind, Health},
        mapping::{Mapping, MappingSource},
        rule::{Direction, PropagationPlan, Revision, Rule},
    },
    reconcile::{
        links::{AccountLink, GroupLink, Origin},
        plan::Retiring,
        run::{RunState, Trigger},
        scope::{Scope, Subject},
        status::{Standing, SubjectStatus},
    },
};
use uuid::Uuid;

use crate::{on_both, world::*};

fn mapping(number: u128, rule: RuleId) -> Mapping {
    Mapping {
        id: MappingId(Uuid::from_u128(number)),
        environment: ENVIRONMENT,
        rule,
        source: MappingSource::Expression("user.name.given + 'x'".into()),
        target: "given_name".into(),
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

fn revision(number: u128, millis: i64) -> Revision {
    Revision {
        id: RevisionId(Uuid::from_u128(number)),
        environment: ENVIRONMENT,
        previous: (number > 1).then(|| id(number - 1)),
        snapshot: json!([{ "rules": [] }]),
        created_at: at(millis),
    }
}

on_both! {
    async fn plans_rules_and_mappings_come_back_as_they_were_written(world) {
        let store = &world.store;
        assert_eq!(store.plan(ENVIRONMENT).await.unwrap(), Some(plan()));
        assert_eq!(store.plan_by_id(ENVIRONMENT, PLAN).await.unwrap(), Some(plan()));
        assert_eq!(store.plan(id(99)).await.unwrap(), None);
        assert_eq!(store.rules(ENVIRONMENT).await.unwrap(), [rule(RULE)]);
        let changed = Rule {
            version: 2, active: false, filter: None, groups: vec![], retiring: Some(Retiring::Deprovision),
            consent: Some("digest".into()), direction: Direction::Inbound, ..rule(RULE)
        };
        world.commit(vec![Write::Rule(changed.clone()), Write::Mapping(mapping(1, RULE))]).await;
        assert_eq!(store.rule(ENVIRONMENT, RULE).await.unwrap(), Some(changed.clone()));
        assert_eq!(store.rule_by_id(RULE).await.unwrap(), Some(changed));
        let plain = Mapping { source: MappingSource::SourceAttribute("email".into()), version: 2, ..mapping(1, RULE) };
        assert_eq!(store.mapping(ENVIRONMENT, id(1)).await.unwrap(), Some(mapping(1, RULE)));
        world.commit(vec![Write::Mapping(plain.clone())]).await;
        assert_eq!(store.mappings(RULE).await.unwrap(), [plain]);
        world.commit(vec![Write::MappingGone(id(1))]).await;
        assert_eq!(store.mappings(RULE).await.unwrap(), []);
    }

    async fn an_environment_has_one_plan(world) {
        let second = PropagationPlan { id: PlanId(Uuid::from_u128(2)), ..plan() };
        let error = world.try_commit(vec![Write::Plan(second)]).await.unwrap_err();
        assert_eq!(error, StoreError::Conflict("the environment has a plan".into()));
    }

    async fn the_latest_revision_is_the_one_made_last(world) {
        world.commit(vec![Write::Revision(revision(2, 5)), Write::Revision(revision(1, 1))]).await;
        assert_eq!(world.store.revision(ENVIRONMENT, id(1)).await.unwrap(), Some(revision(1, 1)));
        assert_eq!(world.store.latest_revision(ENVIRONMENT).await.unwrap(), Some(revision(2, 5)));
        assert_eq!(world.store.latest_revision(id(99)).await.unwrap(), None);
    }

    async fn connections_come_back_with_their_secrets_opened(world) {
        let store = &world.store;
        let connections = store.connections(ENVIRONMENT).await.unwrap();
        assert_eq!(connections, [
            connection(DIRECTORY, ConnectionKind::Directory), connection(DROPBOX, ConnectionKind::Dropbox)]);
        let mut other = connection(id(5), ConnectionKind::Other("Slack".into()));
        other.secrets.clear();
        world.commit(vec![Write::Connection(other.clone())]).await;
        assert_eq!(store.connection(ENVIRONMENT, id(5)).await.unwrap(), Some(other.clone()));
        (other.version, other.managed) = (2, true);
        other.secrets.insert("TOKEN".into(), Secret::new("new"));
        world.commit(vec![Write::Connection(other.clone())]).await;
        assert_eq!(store.connection(ENVIRONMENT, id(5)).await.unwrap(), Some(other));
        world.commit(vec![Write::ConnectionGone(id(5))]).await;
        assert_eq!(store.connection(ENVIRONMENT, id(5)).await.unwrap(), None);
        let used = world.try_commit(vec![Write::ConnectionGone(DROPBOX)]).await;
        assert!(matches!(used, Err(StoreError::Conflict(_))), "a rule refers to it");
    }

    async fn health_is_remembered_only_of_the_settings_that_were_tested(world) {
        let problem = Problem::new("TOKEN", "The token was refused.", "Connect again.");
        let broken = Health::Broken { at: at(9), problem };
        world.store.set_health(DROPBOX, 1, &broken, Some(&event(1))).await.unwrap();
        let found = world.store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap();
        assert_eq!((found.health, found.version), (broken, 1));
        let valid = Health::Valid { at: at(9), team: "T".into(), own_account: "dbmid:1".into(), own_email: "a@b".into() };
        world.store.set_health(DROPBOX, 2, &valid, Some(&event(2))).await.unwrap();
        let found = world.store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap();
        assert!(matches!(found.health, Health::Broken { .. }));
        let told = world.store.events(ENVIRONMENT, &page(None, 9)).await.unwrap().items;
        assert_eq!(told, [event(1)], "what was found with other settings is not told either");
    }

    async fn what_a_rule_made_goes_with_it_but_its_runs_stay(world) {
        let store = &world.store;
        let second = RuleId(Uuid::from_u128(0xb2));
        world.commit(vec![Write::Rule(rule(second)), Write::Mapping(mapping(1, RULE)), Write::Mapping(mapping(2, second))]).await;
        let link = |user, account: &str, rule| Record::Link(AccountLink {
            user: id(user), account: account.into(), rule, origin: Origin::Created, suspended_by_us: false, remove_at: None,
        });
        let group = |group, rule| Record::LinkGroup(GroupLink {
            group: id(group), remote: format!("g:{group}").into(), rule, origin: Origin::Adopted,
        });
        let status = SubjectStatus {
            subject: Subject::User(id(1)), standing: Standing::Success, problem: None, at: at(1), attempts: 0,
        };
        let lease = world.lease().await;
        store.record(&lease, DROPBOX, &[
            link(1, "a1", RULE), link(2, "a2", second), group(10, RULE), group(11, second),
            Record::Place(id(1), id(11)), Record::Place(id(2), id(10)), Record::Place(id(2), id(11)),
            Record::Status(status), Record::Run(Box::new(run(1, Trigger::Deletion, RunState::Succeeded, 1))),
        ]).await.unwrap();
        let check = async |gone: Write| {
            world.commit(vec![gone]).await;
            let links = store.links(DROPBOX, &Scope::Full).await.unwrap();
            (links.accounts().len(), links.groups().len(), links.placed_count())
        };
        assert_eq!(check(Write::RuleGone(RULE)).await, (1, 1, 1));
        assert_eq!(store.rule_by_id(RULE).await.unwrap(), None);
        assert_eq!(store.mappings(RULE).await.unwrap(), []);
        assert_eq!(store.statuses_of(RULE, None).await.unwrap(), []);
        assert_eq!(store.rule_due(RULE).await.unwrap(), None::<Timestamp>);
        assert_eq!(store.next_due().await.unwrap(), None);
        assert_eq!(store.runs(RULE, &page(None, 5)).await.unwrap().items.len(), 1);
        assert_eq!(store.settle(&lease, &[], &[due(DueSubject::Everything, 1)]).await, Err(StoreError::Fenced(RULE)));
        assert_eq!(check(Write::PlanGone(PLAN)).await, (0, 0, 0));
        assert_eq!(store.rules(ENVIRONMENT).await.unwrap(), []);
        assert_eq!(store.mapping(ENVIRONMENT, id(2)).await.unwrap(), None);
        assert_eq!(store.plan(ENVIRONMENT).await.unwrap(), None);
    }
}

#[tokio::test]
async fn no_secret_stands_in_the_database_file_in_clear() {
    let world = World::furnished(On::Sqlite).await.unwrap();
    let key = SigningKey { id: id(1), key: Secret::new("canary-signing-key"), created_at: at(0) };
    let subscription = Write::Subscription(Box::new(crate::subscriptions::subscription()));
    world.commit(vec![Write::SigningKey(key), subscription]).await;
    let file = world.file.clone().unwrap();
    let (mut scanned, mut found_the_sealed, mut found_the_header) = (0, false, false);
    for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("usher.db") {
            let bytes = std::fs::read(&path).unwrap();
            let has = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
            assert!(!has("canary"), "{} holds a secret", path.display());
            found_the_sealed |= has("OAUTH_REFRESH_TOKEN");
            found_the_header |= has("headers/Authorization");
            scanned += 1;
        }
    }
    assert!(
        scanned >= 2 && found_the_sealed && found_the_header,
        "the file and its write-ahead log were scanned"
    );
}

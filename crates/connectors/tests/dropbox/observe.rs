//! Observing: whole in so many calls, or an error; and the scoped look.

use dropbox_simulator::{
    Fault, GroupSeed, ManagementType, MemberSeed, MemberState, Role, Route, Team, Trigger, When,
};
use usher_domain::{
    ports::connector::{Connector, ConnectorError, Look, LookAtGroups, Person},
    reconcile::{
        attributes::Attribute,
        scope::Scope,
        snapshot::{AccountId, AccountState, GroupKind, RemoteGroupId},
    },
};

use crate::world::{World, team};

/// The administrator and so many more.
fn crowd(others: usize) -> dropbox_simulator::TeamBuilder {
    let members = (0..others).map(|n| MemberSeed::new(&format!("m{n}@x.co"), "Given", "Sur"));
    Team::builder().licences(10_000).members(members)
}

#[tokio::test]
async fn the_whole_team_takes_a_call_a_page_and_one_more() {
    for (others, groups) in [(0, 0), (999, 998), (1000, 1000), (2499, 3)] {
        let mut team = crowd(others);
        for n in 0..groups {
            team = team.group(GroupSeed::new(&format!("Group {n}"), &[]));
        }
        let world = World::of(team).await;
        let snapshot = world.whole().await.unwrap();
        let pages = |items: usize| items.div_ceil(1000).max(1) as u64;
        assert_eq!(snapshot.accounts.len(), others + 1);
        let expected = pages(snapshot.accounts.len()) + pages(snapshot.groups.len()) + 1;
        assert_eq!(world.simulator.calls().total(), expected, "{others} members, {groups} groups");
        assert_eq!(world.simulator.calls().token_refreshes(), 1);
    }
}

#[tokio::test]
async fn a_snapshot_has_states_groups_roles_and_seats() {
    let team = team(&["ada@x.co"])
        .licences(10)
        .member(MemberSeed::invited("new@x.co", "New", "Comer"))
        .member(MemberSeed { state: MemberState::Suspended, ..MemberSeed::new("sue@x.co", "Sue", "S") })
        .member(MemberSeed {
            role: Some(Role::TeamAdmin),
            external_id: Some("u-1".into()),
            secondary_emails: vec!["Boss@Y.org".into()],
            ..MemberSeed::new("Boss@X.co", "Big", "Boss")
        })
        .member(MemberSeed::new("gone@x.co", "Gone", "G"))
        .group(GroupSeed::new("Eng", &["ada@x.co", "boss@x.co"]))
        .group(GroupSeed {
            management_type: ManagementType::UserManaged,
            ..GroupSeed::new("Club", &["ada@x.co"])
        });
    let world = World::of(team).await;
    let gone = world.account("gone@x.co");
    world.simulator.team().remove_by_person("gone@x.co").unwrap();
    let snapshot = world.whole().await.unwrap();
    let account = |id: AccountId| snapshot.accounts.iter().find(|account| account.id == id).unwrap();

    let boss = account(world.account("boss@x.co"));
    assert_eq!(boss.state, AccountState::Active);
    assert_eq!(boss.attributes.get(Attribute::Email), "boss@x.co");
    assert_eq!(boss.attributes.get(Attribute::ExternalId), "u-1");
    assert_eq!(boss.attributes.get(Attribute::Role), Role::TeamAdmin.id());
    assert_eq!(&*boss.secondary_emails[0], "boss@y.org");
    assert!(boss.is_admin);
    assert!(!account(world.account("ada@x.co")).is_admin);
    assert_eq!(account(world.account("new@x.co")).state, AccountState::Invited);
    assert!(matches!(account(world.account("sue@x.co")).state, AccountState::Suspended { .. }));
    assert_eq!(account(gone).state, AccountState::Removed { recoverable: true });

    let ada = account(world.account("ada@x.co"));
    let groups: Vec<&RemoteGroupId> = ada.groups.iter().map(|key| snapshot.group_id(*key).unwrap()).collect();
    assert!(groups.contains(&&world.group("Eng")) && groups.contains(&&world.group("Club")));
    let kind = |name: &str| snapshot.groups.iter().find(|group| &*group.name == name).map(|group| group.kind);
    assert_eq!(kind("Eng"), Some(GroupKind::CompanyManaged));
    assert_eq!(kind("Club"), Some(GroupKind::UserManaged));
    assert!(snapshot.groups_whole && snapshot.scope == Scope::Full);
    let seats = snapshot.seats.unwrap();
    assert_eq!((seats.licensed, seats.used), (10, world.simulator.team().used_licences()));
}

#[tokio::test]
async fn every_passing_fault_of_a_read_is_borne() {
    let faults = [
        Fault::Reset,
        Fault::Truncated,
        Fault::ServerError { status: 500 },
        Fault::ServerError { status: 503 },
        Fault::EdgeHtml { status: 400 },
        Fault::EdgeHtml { status: 502 },
        Fault::throttle(0),
        Fault::Throttle { retry_after: 0, plain: true },
        Fault::ExpiredToken,
        Fault::InvalidToken,
        Fault::EmptyPage,
        Fault::DuplicateMember,
    ];
    for fault in faults {
        for route in [Route::TeamGetInfo, Route::MembersList, Route::MembersListContinue, Route::GroupsList] {
            let others = if route == Route::MembersListContinue { 1000 } else { 9 };
            let world = World::of(crowd(others)).await;
            world.simulator.faults().on(route, Trigger::Next, fault.clone(), When::BeforeEffect);
            let snapshot = world.whole().await;
            let context = format!("{fault:?} at {}", route.path());
            assert_eq!(snapshot.expect(&context).accounts.len(), others + 1, "{context}");
        }
    }
}

#[tokio::test]
async fn what_is_new_at_dropbox_spoils_nothing() {
    let world = World::of(crowd(3)).await;
    world.simulator.faults().on(Route::MembersList, Trigger::Always, Fault::UnknownTag, When::BeforeEffect);
    world.simulator.faults().on(Route::GroupsList, Trigger::Always, Fault::UnknownTag, When::BeforeEffect);
    let snapshot = world.whole().await.unwrap();
    assert_eq!(snapshot.accounts.len(), 4);
    assert!(snapshot.accounts.iter().any(|account| account.state == AccountState::Unknown));
}

#[tokio::test]
async fn a_short_listing_is_read_once_more_and_then_an_error() {
    let world = World::of(crowd(30)).await;
    let short = Fault::ShortList { missing: 2 };
    world.simulator.faults().on(Route::MembersList, Trigger::Next, short.clone(), When::BeforeEffect);
    assert_eq!(world.whole().await.unwrap().accounts.len(), 31);
    world.simulator.faults().on(Route::MembersList, Trigger::Always, short, When::BeforeEffect);
    let error = world.whole().await.unwrap_err();
    assert!(matches!(error, ConnectorError::Incomplete { .. }), "{error}");
    assert!(error.to_string().contains("listed 29 members although the team has 31"), "{error}");
}

#[tokio::test]
async fn a_page_that_keeps_failing_is_made_smaller_and_stays_so() {
    let world = World::of(crowd(1200)).await;
    let fault = Fault::ServerError { status: 500 };
    world.simulator.faults().on(Route::MembersList, Trigger::First(2), fault, When::BeforeEffect);
    assert_eq!(world.whole().await.unwrap().accounts.len(), 1201);
    let limits: Vec<u64> = world
        .simulator
        .calls()
        .of(Route::MembersList.path())
        .iter()
        .map(|call| call.request["limit"].as_u64().unwrap())
        .collect();
    assert_eq!(limits, [1000, 1000, 500]);
    world.simulator.calls().clear();
    world.whole().await.unwrap();
    assert_eq!(world.calls(Route::MembersListContinue), 2);
}

#[tokio::test]
async fn a_dead_cursor_starts_the_listing_again_once() {
    let world = World::of(crowd(1500)).await;
    let route = Route::MembersListContinue;
    world.simulator.faults().on(route, Trigger::Next, Fault::InvalidCursor, When::BeforeEffect);
    assert_eq!(world.whole().await.unwrap().accounts.len(), 1501);
    world.simulator.faults().on(route, Trigger::Always, Fault::InvalidCursor, When::BeforeEffect);
    let error = world.whole().await.unwrap_err();
    assert!(matches!(error, ConnectorError::Incomplete { .. }), "{error}");
}

#[tokio::test]
async fn empty_pages_without_end_are_an_error_and_not_an_empty_team() {
    let world = World::of(crowd(5)).await;
    for route in [Route::MembersList, Route::MembersListContinue] {
        world.simulator.faults().on(route, Trigger::Always, Fault::EmptyPage, When::BeforeEffect);
    }
    let error = world.whole().await.unwrap_err();
    assert!(matches!(error, ConnectorError::Incomplete { .. }), "{error}");
}

#[tokio::test]
async fn a_few_people_are_looked_at_in_one_call() {
    let team = team(&["ada@x.co", "eve@x.co"])
        .member(MemberSeed { external_id: Some("u-1".into()), ..MemberSeed::new("bob@x.co", "Bob", "B") })
        .group(GroupSeed::new("Eng", &["ada@x.co"]));
    let world = World::of(team).await;
    let person =
        |external_id: &str, email: &str| Person { external_id: external_id.into(), email: email.into() };
    let look = Look::At {
        accounts: vec![world.account("ada@x.co"), AccountId::from("dbmid:nobody")],
        people: vec![
            person("u-1", "bob@x.co"),
            person("u-2", "EVE@x.co"),
            person("u-3", "not an address"),
            person("", "nobody@x.co"),
        ],
        groups: LookAtGroups::None,
    };
    let snapshot = world.connector.observe(&look, &()).await.unwrap();
    assert_eq!(world.simulator.calls().total(), 1);
    let mut emails: Vec<&str> =
        snapshot.accounts.iter().map(|account| account.attributes.get(Attribute::Email)).collect();
    emails.sort_unstable();
    assert_eq!(emails, ["ada@x.co", "bob@x.co", "eve@x.co"]);
    assert!(snapshot.groups.is_empty() && !snapshot.groups_whole && !snapshot.scope.is_full());
    assert!(snapshot.group_ids.contains(&world.group("Eng")));
}

#[tokio::test]
async fn groups_are_looked_at_as_asked_and_one_that_is_gone_is_left_out() {
    let world =
        World::of(team(&[]).group(GroupSeed::new("Eng", &[])).group(GroupSeed::new("Ops", &[]))).await;
    let look = |groups| Look::At { accounts: Vec::new(), people: Vec::new(), groups };
    let these = LookAtGroups::These(vec![world.group("Eng"), RemoteGroupId::from("g:gone")]);
    let snapshot = world.connector.observe(&look(these), &()).await.unwrap();
    assert_eq!(snapshot.groups.iter().map(|group| &*group.name).collect::<Vec<_>>(), ["Eng"]);
    assert_eq!(world.calls(Route::MembersGetInfo), 0);
    let snapshot = world.connector.observe(&look(LookAtGroups::All), &()).await.unwrap();
    assert!(snapshot.groups_whole && snapshot.groups.len() >= 2);
}

#[tokio::test]
async fn a_group_that_the_listing_leaves_out_is_found_by_its_members() {
    let team = team(&["ada@x.co"]).group(GroupSeed::new("Eng", &["ada@x.co"]));
    let world = World::of(team).await;
    let short = Fault::ShortList { missing: 1 };
    world.simulator.faults().on(Route::GroupsList, Trigger::Next, short, When::BeforeEffect);
    let snapshot = world.whole().await.unwrap();
    assert!(snapshot.groups.iter().any(|group| &*group.name == "Eng"), "{:?}", snapshot.groups);
    assert_eq!(world.simulator.calls().count(Route::GroupsGetInfo), 1, "and only then it is asked for");
    world.whole().await.unwrap();
    assert_eq!(world.simulator.calls().count(Route::GroupsGetInfo), 1);
}

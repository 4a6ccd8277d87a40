//! Following the log of events, whatever it is like.

use std::{collections::BTreeSet, time::Duration};

use dropbox_simulator::{Fault, GroupSeed, Route, Switches, Trigger, When};
use usher_connectors::dropbox::Patience;
use usher_domain::{
    Timestamp,
    ports::connector::{Changes, Connector, ConnectorError, LogPosition},
    reconcile::snapshot::AccountId,
};

use crate::world::{World, patience, team};

/// The simulator's time begins then.
fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

impl World {
    async fn changes(&self, position: Option<&LogPosition>) -> Result<Changes, ConnectorError> {
        self.connector.changes(position, start()).await
    }

    /// The log's end.
    async fn end(&self) -> LogPosition {
        self.changes(None).await.unwrap().position
    }
}

async fn world(emails: &[&str]) -> World {
    let groups = ["Eng", "Sales"].map(|name| GroupSeed::new(name, &[]));
    World::of(groups.into_iter().fold(team(emails), |team, group| team.group(group))).await
}

#[tokio::test]
async fn what_people_do_is_told_by_the_ids_of_whom_it_is_about_at_two_calls_a_look() {
    let world = world(&["ada@x.co", "bob@x.co", "cy@x.co"]).await;
    let end = world.end().await;
    {
        let mut team = world.simulator.team();
        team.suspend_by_person("ada@x.co").unwrap();
        team.change_email_by_person("bob@x.co", "bob@y.co").unwrap();
        team.join_group_by_person("Eng", "cy@x.co").unwrap();
        team.rename_group_by_person("Sales", "Selling").unwrap();
    }
    world.simulator.calls().clear();
    let changes = world.changes(Some(&end)).await.unwrap();
    assert_eq!(world.simulator.calls().total(), 2);
    let accounts = ["ada@x.co", "bob@y.co", "cy@x.co"].map(|email| world.account(email));
    assert_eq!(changes.accounts, BTreeSet::from(accounts));
    assert_eq!(changes.groups, BTreeSet::from([world.group("Selling")]));
    assert!(!changes.everything && !changes.more);
    let after = world.changes(Some(&changes.position)).await.unwrap();
    assert_eq!((after.accounts.len(), after.everything), (0, false), "nothing is told twice");
}

#[tokio::test]
async fn following_begins_at_the_time_that_is_named() {
    let world = world(&["ada@x.co", "bob@x.co"]).await;
    world.simulator.team().suspend_by_person("ada@x.co").unwrap();
    world.simulator.team().clock().advance(60_000);
    world.simulator.team().suspend_by_person("bob@x.co").unwrap();
    let changes = world.connector.changes(None, start().plus(Duration::from_secs(60))).await.unwrap();
    assert_eq!(changes.accounts, BTreeSet::from([world.account("bob@x.co")]));
    assert!(!changes.everything);
}

#[tokio::test]
async fn events_in_no_order_late_and_twice_are_all_followed() {
    let names: Vec<String> = (0..30).map(|number| format!("m{number}@x.co")).collect();
    let emails: Vec<&str> = names.iter().map(String::as_str).collect();
    let switches = Switches { events_late_ms: 4_000, events_repeated: 0.5, ..Switches::default() };
    let world = World::of(team(&emails).switches(switches)).await;
    let mut position = world.end().await;
    for email in &emails {
        world.simulator.team().suspend_by_person(email).unwrap();
    }
    let mut told = BTreeSet::new();
    let mut looks_that_told = 0;
    for _ in 0..5 {
        let changes = world.changes(Some(&position)).await.unwrap();
        looks_that_told += usize::from(!changes.accounts.is_empty());
        told.extend(changes.accounts);
        position = changes.position;
        world.simulator.team().clock().advance(1_000);
    }
    assert_eq!(told, emails.iter().map(|email| world.account(email)).collect::<BTreeSet<AccountId>>());
    assert!(looks_that_told > 1, "they did come late");
}

#[tokio::test]
async fn a_cursor_that_is_refused_means_everything_and_following_goes_on() {
    for fault in [Fault::InvalidCursor, Fault::ResetCursor, Fault::Refused("other".into())] {
        let world = world(&["ada@x.co", "bob@x.co"]).await;
        let end = world.end().await;
        world.simulator.faults().next(Route::GetEventsContinue, fault.clone());
        let changes = world.changes(Some(&end)).await.unwrap();
        assert!(changes.everything, "{fault:?}");
        world.simulator.team().suspend_by_person("ada@x.co").unwrap();
        let after = world.changes(Some(&changes.position)).await.unwrap();
        assert!(!after.everything, "{fault:?}");
        assert_eq!(after.accounts, BTreeSet::from([world.account("ada@x.co")]), "{fault:?}");
    }
    let world = world(&[]).await;
    for nonsense in ["", "{", "{}", "[1]", r#"{"members":"x","groups":"y"}"#] {
        let changes = world.changes(Some(&LogPosition(nonsense.into()))).await.unwrap();
        assert!(changes.everything, "{nonsense}");
    }
}

#[tokio::test]
async fn an_empty_page_with_more_behind_it_is_read_past_and_endless_ones_are_left_for_the_next_look() {
    let world = world(&["ada@x.co"]).await;
    let end = world.end().await;
    world.simulator.team().suspend_by_person("ada@x.co").unwrap();
    world.simulator.faults().on(
        Route::GetEventsContinue,
        Trigger::First(4),
        Fault::EmptyPage,
        When::BeforeEffect,
    );
    let changes = world.changes(Some(&end)).await.unwrap();
    assert_eq!((changes.accounts.len(), changes.more, changes.everything), (1, false, false));

    world.simulator.team().unsuspend_by_person("ada@x.co").unwrap();
    world.simulator.faults().on(
        Route::GetEventsContinue,
        Trigger::Always,
        Fault::EmptyPage,
        When::BeforeEffect,
    );
    world.simulator.calls().clear();
    let stuck = world.changes(Some(&changes.position)).await.unwrap();
    assert_eq!((stuck.accounts.len(), stuck.more, stuck.everything), (0, true, false));
    assert!(world.simulator.calls().total() <= 20, "a look ends");
    world.simulator.faults().clear();
    let changes = world.changes(Some(&stuck.position)).await.unwrap();
    assert_eq!((changes.accounts.len(), changes.more), (1, false), "nothing was passed over");
}

#[tokio::test]
async fn who_is_named_by_address_only_is_found_and_who_is_not_means_everything() {
    let switches = Switches { events_name_members_by_id: false, ..Switches::default() };
    let world = World::of(team(&["ada@x.co", "bob@x.co"]).switches(switches)).await;
    let end = world.end().await;
    world.simulator.team().suspend_by_person("ada@x.co").unwrap();
    let changes = world.changes(Some(&end)).await.unwrap();
    assert_eq!(changes.accounts, BTreeSet::from([world.account("ada@x.co")]));
    assert!(!changes.everything);
    world.simulator.team().leave_for_another_team("bob@x.co").unwrap();
    assert!(world.changes(Some(&changes.position)).await.unwrap().everything);
}

#[tokio::test]
async fn events_of_a_later_version_are_followed_all_the_same() {
    let world = world(&["ada@x.co"]).await;
    let end = world.end().await;
    world.simulator.team().suspend_by_person("ada@x.co").unwrap();
    world.simulator.faults().on(
        Route::GetEventsContinue,
        Trigger::Always,
        Fault::UnknownTag,
        When::BeforeEffect,
    );
    let changes = world.changes(Some(&end)).await.unwrap();
    assert_eq!(changes.accounts, BTreeSet::from([world.account("ada@x.co")]));
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_look_is_got_over_or_told_and_loses_nothing() {
    let broken = [
        (Fault::throttle(0), true),
        (Fault::Throttle { retry_after: 0, plain: true }, true),
        (Fault::ServerError { status: 503 }, true),
        (Fault::EdgeHtml { status: 502 }, true),
        (Fault::Reset, true),
        (Fault::Truncated, true),
        (Fault::ExpiredToken, true),
        (Fault::InvalidToken, true),
        (Fault::Forbidden, false),
    ];
    for route in [Route::GetEvents, Route::GetEventsContinue] {
        for (fault, got_over) in &broken {
            let world = world(&["ada@x.co"]).await;
            let position = match route {
                Route::GetEvents => None,
                _ => Some(world.end().await),
            };
            world.simulator.team().suspend_by_person("ada@x.co").unwrap();
            world.simulator.faults().next(route, fault.clone());
            let first = world.changes(position.as_ref()).await;
            assert_eq!(first.is_ok(), *got_over, "{fault:?} at {}: {first:?}", route.path());
            let again = world.changes(position.as_ref()).await.unwrap();
            assert_eq!(again.accounts, BTreeSet::from([world.account("ada@x.co")]), "{fault:?}");
            assert!(!again.everything, "{fault:?} at {}", route.path());
        }
    }
}

#[tokio::test]
async fn a_team_that_throttles_without_end_is_busy_for_as_long_as_it_says() {
    let little = Patience { total: Duration::from_secs(1), ..patience() };
    let world = World::patient(team(&["ada@x.co"]), |_| {}, little).await;
    let fault = Fault::throttle(30);
    world.simulator.faults().on(Route::GetEvents, Trigger::Always, fault, When::BeforeEffect);
    match world.changes(None).await {
        Err(ConnectorError::Busy { after, .. }) => assert!(after >= Duration::from_secs(30), "{after:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    for team in [team(&[]).app_without_scope("events.read"), team(&[]).token_without_scope("events.read")] {
        match World::of(team).await.changes(None).await {
            Err(ConnectorError::Unauthorized { problem }) => {
                assert!(problem.message.contains("events.read"), "{problem}");
            }
            other => panic!("{other:?}"),
        }
    }
}

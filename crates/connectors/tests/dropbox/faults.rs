//! Every route that writes, under every way of losing an answer: what was wanted is there, once, and is said to be.

use std::time::Duration;

use dropbox_simulator::{Fault, GroupSeed, JobEnd, MemberSeed, MemberState, Route, Trigger, When};
use usher_connectors::dropbox::{Patience, ROUTES};
use usher_domain::{
    ports::connector::ConnectorError,
    reconcile::{
        attributes::Attribute,
        operation::{Action, Operation},
        outcome::Outcome,
    },
};

use crate::world::{
    World, add_member, create, create_group, operation, patience, remove_member, team, update,
};

/// A write, an operation that makes it, and whether the team is then as it should be.
struct Write {
    route: Route,
    operation: fn(&World) -> Operation,
    holds: fn(&World) -> bool,
}

const WRITES: &[Write] = &[
    Write {
        route: Route::MembersSuspend,
        operation: |w| {
            operation("ada@x.co", Action::Suspend { account: w.account("ada@x.co"), remove_at: None })
        },
        holds: |w| state(w, "ada@x.co") == MemberState::Suspended,
    },
    Write {
        route: Route::MembersUnsuspend,
        operation: |w| {
            w.simulator.team().suspend_by_person("ada@x.co").unwrap();
            operation("ada@x.co", Action::Unsuspend { account: w.account("ada@x.co") })
        },
        holds: |w| state(w, "ada@x.co") == MemberState::Active,
    },
    Write {
        route: Route::MembersRecover,
        operation: |w| {
            let account = w.account("ada@x.co");
            w.simulator.team().remove_by_person("ada@x.co").unwrap();
            operation("ada@x.co", Action::Recover { account })
        },
        holds: |w| state(w, "ada@x.co") == MemberState::Active,
    },
    Write {
        route: Route::MembersRemove,
        operation: |w| operation("ada@x.co", Action::Remove { account: w.account("ada@x.co") }),
        holds: |w| w.simulator.team().count(MemberState::Removed) == 1,
    },
    Write {
        route: Route::MembersRemove,
        operation: |w| operation("new@x.co", Action::CancelInvitation { account: w.account("new@x.co") }),
        holds: |w| w.simulator.team().count(MemberState::Removed) == 1,
    },
    Write {
        route: Route::MembersAdd,
        operation: |_| create("bob@x.co"),
        holds: |w| {
            let team = w.simulator.team();
            team.member_by_email("bob@x.co").is_some_and(|bob| bob.welcome_emails == 1)
        },
    },
    Write {
        route: Route::MembersSetProfile,
        operation: |w| {
            update(
                "ada@x.co",
                w.account("ada@x.co"),
                &[(Attribute::Surname, "King"), (Attribute::GivenName, "")],
            )
        },
        holds: |w| w.simulator.team().member_by_email("ada@x.co").unwrap().display_name() == "King",
    },
    Write {
        route: Route::MembersSetAdminPermissions,
        operation: |w| {
            let role = dropbox_simulator::Role::SupportAdmin.id();
            update("ada@x.co", w.account("ada@x.co"), &[(Attribute::Role, role)])
        },
        holds: |w| w.simulator.team().member_by_email("ada@x.co").unwrap().role.is_some(),
    },
    Write {
        route: Route::GroupsCreate,
        operation: |_| create_group("Sales"),
        holds: |w| {
            let team = w.simulator.team();
            let sales = team.groups().filter(|group| group.name == "Sales" && !group.is_deleted).count();
            sales == 1
        },
    },
    Write {
        route: Route::GroupsUpdate,
        operation: |w| {
            let remote = w.group("Eng");
            operation(
                "Eng",
                Action::RenameGroup { remote, before: "Eng".into(), after: "Engineering".into() },
            )
        },
        holds: |w| w.simulator.team().group_by_name("Engineering").is_some(),
    },
    Write {
        route: Route::GroupsDelete,
        operation: |w| operation("Eng", Action::DeleteGroup { remote: w.group("Eng") }),
        holds: |w| w.simulator.team().group_by_name("Eng").is_none(),
    },
    Write {
        route: Route::GroupMembersAdd,
        operation: |w| add_member(w, "Eng", "ada@x.co"),
        holds: |w| w.members_of("Eng") == ["ada@x.co", "eve@x.co"],
    },
    Write {
        route: Route::GroupMembersRemove,
        operation: |w| remove_member(w, "Eng", "eve@x.co"),
        holds: |w| w.members_of("Eng").is_empty(),
    },
];

fn state(world: &World, email: &str) -> MemberState {
    world.simulator.team().member_by_email(email).unwrap().state
}

async fn world(patience: Patience) -> World {
    let team = team(&["ada@x.co", "eve@x.co"])
        .member(MemberSeed::invited("new@x.co", "New", "Comer"))
        .group(GroupSeed::new("Eng", &["eve@x.co"]));
    World::patient(team, |_| {}, patience).await
}

/// Makes each write under the fault, and demands success and the effect, once.
async fn every_write_succeeds(fault: &Fault, when: When) {
    for write in WRITES {
        let world = world(patience()).await;
        let operation = (write.operation)(&world);
        world.simulator.faults().on(write.route, Trigger::Next, fault.clone(), when);
        let outcome = world.apply_one(operation).await;
        let context = format!("{} under {fault:?} {when:?}: {outcome:?}", write.route.path());
        assert!(outcome.is_success(), "{context}");
        assert!((write.holds)(&world), "{context}");
        assert_eq!(world.simulator.faults().fired(), 1, "{context}");
        assert!(
            world.simulator.team().wipes().iter().all(|wipe| !wipe.wipe_data && wipe.explicit),
            "{context}"
        );
    }
}

fn losses() -> [Fault; 4] {
    [
        Fault::Reset,
        Fault::ServerError { status: 500 },
        Fault::EdgeHtml { status: 502 },
        Fault::EdgeHtml { status: 400 },
    ]
}

#[tokio::test]
async fn without_a_fault_every_write_is_done() {
    for write in WRITES {
        let world = world(patience()).await;
        let operation = (write.operation)(&world);
        let outcome = world.apply_one(operation).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{}: {outcome:?}", write.route.path());
        assert!((write.holds)(&world), "{}", write.route.path());
    }
}

#[tokio::test]
async fn an_answer_lost_after_the_effect_is_found_out_and_nothing_is_done_twice() {
    for fault in losses().iter().chain([&Fault::Truncated]) {
        for write in WRITES {
            let world = world(patience()).await;
            let operation = (write.operation)(&world);
            let expected = world.calls(write.route) + 1;
            world.simulator.faults().on(write.route, Trigger::Next, fault.clone(), When::AfterEffect);
            let outcome = world.apply_one(operation).await;
            let context = format!("{} under {fault:?}: {outcome:?}", write.route.path());
            assert!(matches!(outcome, Outcome::AlreadyTrue { .. }), "{context}");
            assert!((write.holds)(&world), "{context}");
            assert_eq!(world.calls(write.route), expected, "{context}");
        }
    }
}

#[tokio::test]
async fn an_answer_lost_before_the_effect_is_asked_for_again() {
    for fault in losses() {
        every_write_succeeds(&fault, When::BeforeEffect).await;
    }
}

#[tokio::test]
async fn throttling_and_expired_tokens_delay_a_write_and_no_more() {
    let faults = [
        Fault::throttle(0),
        Fault::Throttle { retry_after: 0, plain: true },
        Fault::TooManyWrites { retry_after: 0 },
        Fault::ExpiredToken,
        Fault::InvalidToken,
        Fault::UnknownTag,
    ];
    for fault in faults {
        every_write_succeeds(&fault, When::BeforeEffect).await;
    }
}

#[tokio::test]
async fn a_slow_answer_is_a_lost_one() {
    let short = Patience { timeout: Duration::from_secs(2), ..patience() };
    // All at once, because each waits for the timeout.
    let tried = WRITES.iter().map(async |write| {
        let world = world(short.clone()).await;
        let operation = (write.operation)(&world);
        let slow = Fault::Slow(Duration::from_secs(30));
        world.simulator.faults().on(write.route, Trigger::Next, slow, When::AfterEffect);
        let outcome = world.apply_one(operation).await;
        assert!(outcome.is_success(), "{}: {outcome:?}", write.route.path());
        assert!((write.holds)(&world), "{}", write.route.path());
    });
    futures_util::future::join_all(tried).await;
}

#[tokio::test]
async fn jobs_are_waited_for_and_failed_ones_are_read_back() {
    let ends = [JobEnd::Complete, JobEnd::Failed("no".into())];
    for write in WRITES {
        if !matches!(write.route, Route::MembersAdd | Route::MembersRemove | Route::GroupsDelete) {
            continue;
        }
        for end in ends.clone() {
            let world = world(patience()).await;
            let operation = (write.operation)(&world);
            let job = Fault::AsyncJob { polls: 2, end: end.clone() };
            world.simulator.faults().on(write.route, Trigger::Next, job, When::AfterEffect);
            let outcome = world.apply_one(operation).await;
            let context = format!("{} {end:?}: {outcome:?}", write.route.path());
            assert_eq!(outcome.is_success(), (write.holds)(&world), "{context}");
            if end == JobEnd::Complete {
                assert!(outcome.is_success(), "{context}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_of_tomorrow_is_this_subjects_and_is_told_by_its_tag() {
    for write in WRITES {
        let world = world(patience()).await;
        let operation = (write.operation)(&world);
        let refused = Fault::Refused("moon_phase_wrong".into());
        world.simulator.faults().on(write.route, Trigger::Always, refused, When::BeforeEffect);
        let outcome = world.apply_one(operation).await;
        let problem = outcome.problem().unwrap_or_else(|| panic!("{}: {outcome:?}", write.route.path()));
        assert_eq!(problem.code, "MOON_PHASE_WRONG", "{}", write.route.path());
        assert!(problem.request_id.is_some(), "{}", write.route.path());
    }
}

#[tokio::test]
async fn a_dropbox_that_stays_down_is_busy_and_what_is_known_comes_first() {
    for write in WRITES {
        let world = world(patience()).await;
        let operation = (write.operation)(&world);
        world.simulator.faults().on(write.route, Trigger::Always, Fault::Reset, When::BeforeEffect);
        let (outcomes, error) = world.apply_all(&[operation]).await;
        assert_eq!(outcomes, [None], "{}", write.route.path());
        assert!(matches!(error, Some(ConnectorError::Busy { .. })), "{}: {error:?}", write.route.path());
    }
}

#[tokio::test]
async fn an_authorisation_that_is_gone_stops_every_write() {
    for fault in [Fault::Forbidden, Fault::InvalidToken] {
        for write in WRITES {
            let world = world(patience()).await;
            let operation = (write.operation)(&world);
            world.simulator.faults().on(write.route, Trigger::Always, fault.clone(), When::BeforeEffect);
            let (_, error) = world.apply_all(&[operation]).await;
            assert!(
                matches!(error, Some(ConnectorError::Unauthorized { .. })),
                "{}: {error:?}",
                write.route.path()
            );
        }
    }
}

#[test]
fn every_route_is_one_that_the_simulator_has_and_reads_and_writes_are_told_apart_alike() {
    for route in ROUTES {
        let theirs = Route::at(route.path).unwrap_or_else(|| panic!("{} is unknown", route.path));
        assert_eq!(theirs.is_write(), route.write, "{}", route.path);
    }
}

#[tokio::test]
async fn a_write_whose_route_asks_for_a_long_wait_is_postponed_at_once_and_the_route_is_left_alone() {
    for write in WRITES {
        let world = world(patience()).await;
        let operation = (write.operation)(&world);
        let calls = world.calls(write.route);
        let wait = Fault::throttle(1_000_000_000);
        world.simulator.faults().on(write.route, Trigger::Always, wait, When::BeforeEffect);
        for _ in 0..2 {
            let outcome = world.apply_one(operation.clone()).await;
            let Outcome::Postponed { problem, after: Some(after), .. } = &outcome else {
                panic!("{}: {outcome:?}", write.route.path());
            };
            assert_eq!(problem.code, "THROTTLED", "{}", write.route.path());
            assert!(problem.message.starts_with("Dropbox asks to wait until 20"), "{problem}");
            assert!(*after <= Duration::from_hours(24), "{}: {after:?}", write.route.path());
        }
        assert_eq!(world.calls(write.route), calls + 1, "{}", write.route.path());
    }
}

#[tokio::test]
async fn a_route_that_is_left_alone_ends_nothing_but_its_own_operations() {
    let world = world(patience()).await;
    let wait = Fault::throttle(1_000_000_000);
    world.simulator.faults().on(Route::MembersSetProfile, Trigger::Next, wait, When::BeforeEffect);
    let account = world.account("ada@x.co");
    let role = dropbox_simulator::Role::SupportAdmin.id();
    let operations = [
        update("ada@x.co", account.clone(), &[(Attribute::Surname, "King")]),
        update("ada@x.co", account, &[(Attribute::Role, role)]),
    ];
    let outcomes = world.apply(&operations).await;
    assert!(matches!(outcomes[0], Outcome::Postponed { .. }), "{outcomes:?}");
    assert!(outcomes[1].is_success(), "{outcomes:?}");
}

#[tokio::test]
async fn once_the_process_is_to_stop_every_wait_ends_and_nothing_more_is_called() {
    let job = Fault::AsyncJob { polls: u32::MAX, end: JobEnd::Complete };
    for (fault, when) in [(Fault::throttle(15), When::BeforeEffect), (job, When::AfterEffect)] {
        let World { simulator, connector } = world(patience()).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let world = World { simulator, connector: connector.stopped_by(stopped) };
        let operation = operation("ada@x.co", Action::Remove { account: world.account("ada@x.co") });
        world.simulator.faults().on(Route::MembersRemove, Trigger::Next, fault.clone(), when);
        let operations = [operation];
        let stops = async {
            while world.simulator.faults().fired() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stop.send_replace(true);
            std::time::Instant::now()
        };
        let ((outcomes, error), since) = tokio::join!(world.apply_all(&operations), stops);
        assert!(since.elapsed() < Duration::from_secs(5), "{fault:?}: {:?}", since.elapsed());
        assert_eq!(outcomes, [None], "{fault:?}");
        assert_eq!(error.unwrap().problem().code, "STOPPED", "{fault:?}");
        let calls = world.simulator.calls().total();
        assert_eq!(world.apply_all(&operations).await.1.unwrap().problem().code, "STOPPED");
        assert_eq!(world.simulator.calls().total(), calls);
    }
}

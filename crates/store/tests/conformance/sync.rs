//! The memory of syncs: links, runs, removals, statuses.

use std::collections::BTreeSet;

use usher_domain::{
    GroupId, Problem, UserId,
    directory::change::{DueSubject, Write},
    ports::store::{Record, StoreError},
    reconcile::{
        guard::Tally,
        links::{AccountLink, GroupLink, Origin},
        operation::{Action, Because, Operation},
        outcome::Outcome,
        run::{Run, RunOperation, RunState, Trigger},
        scope::{Scope, Subject},
        status::{Standing, StatusCounts, SubjectStatus},
    },
};

use crate::{on_both, world::*};

fn link(user: u128, account: &str) -> AccountLink {
    AccountLink {
        user: id(user),
        account: account.into(),
        rule: RULE,
        origin: Origin::Created,
        suspended_by_us: user % 2 == 1,
        remove_at: (user.is_multiple_of(2)).then(|| at(7)),
    }
}

fn group_link(group: u128, remote: &str) -> GroupLink {
    GroupLink { group: id(group), remote: remote.into(), rule: RULE, origin: Origin::Adopted }
}

fn status(subject: Subject, standing: Standing) -> SubjectStatus {
    let problem = (standing != Standing::Success).then(|| {
        Problem::new("NO_SEAT", "No licence is left.", "Buy one.").with_request_id(Some("r".into()))
    });
    SubjectStatus { subject, standing, problem, at: at(3), attempts: 2 }
}

fn user(number: u128) -> Subject {
    Subject::User(id(number))
}

fn group(number: u128) -> Subject {
    Subject::Group(id(number))
}

fn operation(seq: u64, action: Action, outcome: Option<Outcome>) -> RunOperation {
    let operation =
        Operation { action, subject: user(1), label: "ada@acme.example".into(), because: Because::Disabled };
    RunOperation { seq, operation, outcome }
}

fn refused() -> Option<Outcome> {
    Some(Outcome::Refused {
        problem: Problem::new("LAST_ADMIN", "They are the last administrator.", "Name another."),
    })
}

/// One removal of each kind that was done, one that was not, and something that is no removal.
fn removals(run: u128) -> Vec<Record> {
    let member = || Action::RemoveMember {
        group: id(1),
        group_name: "g".into(),
        remote: "g:1".into(),
        account: "a".into(),
        user: None,
    };
    let done = || Some(Outcome::done());
    let operations = [
        operation(0, Action::Suspend { account: "a".into(), remove_at: None }, done()),
        operation(1, Action::Remove { account: "b".into() }, Some(Outcome::AlreadyTrue { made: None })),
        operation(2, Action::Remove { account: "c".into() }, refused()),
        operation(3, member(), done()),
        operation(4, Action::DeleteGroup { remote: "g:1".into() }, done()),
        operation(5, Action::DeleteGroup { remote: "g:2".into() }, None),
        operation(6, Action::Unsuspend { account: "a".into() }, done()),
    ];
    operations.into_iter().map(|operation| Record::Outcome(id(run), operation)).collect()
}

const REMOVED: Tally = Tally { users: 2, memberships: 1, groups: 1 };

on_both! {
    async fn links_come_back_whole_or_of_a_scope(world) {
        let store = &world.store;
        let lease = world.lease().await;
        store.record(&lease, DROPBOX, &[
            Record::Link(link(1, "a1")), Record::Link(link(2, "a2")), Record::LinkGroup(group_link(10, "g10")),
            Record::LinkGroup(group_link(11, "g11")), Record::Place(id(1), id(10)), Record::Place(id(2), id(10)),
            Record::Place(id(2), id(11)), Record::Place(id(2), id(11)),
        ]).await.unwrap();
        let whole = store.links(DROPBOX, &Scope::Full).await.unwrap();
        assert_eq!(whole.accounts(), [link(1, "a1"), link(2, "a2")]);
        assert_eq!(whole.groups(), [group_link(10, "g10"), group_link(11, "g11")]);
        assert_eq!(whole.placements(id(2)).collect::<Vec<_>>(), [id::<GroupId>(10), id(11)]);
        assert_eq!(whole.placed_count(), 3);
        assert_eq!(store.linked_counts(RULE).await.unwrap(), Tally { users: 2, memberships: 3, groups: 2 });

        let scope = Scope::Subjects { users: BTreeSet::from([id(2), id(5)]), groups: BTreeSet::from([id(11)]) };
        let part = store.links(DROPBOX, &scope).await.unwrap();
        assert_eq!(part.accounts(), [link(2, "a2")]);
        assert_eq!((part.groups().len(), part.placed_count()), (2, 2), "all groups, placements of those users");
        assert_eq!(store.links(DIRECTORY, &Scope::Full).await.unwrap().accounts(), []);
        assert_eq!(store.links_of(id(1)).await.unwrap(), [(DROPBOX, link(1, "a1"))]);
        assert_eq!(store.linked_counts(id(99)).await.unwrap(), Tally::default());
    }

    async fn links_outlive_the_users_and_groups_they_name(world) {
        world.commit(vec![Write::User(crate::world::user(1, "ada")), Write::Group(crate::world::group(10, "a"))]).await;
        let lease = world.lease().await;
        world.store.record(&lease, DROPBOX, &[
            Record::Link(link(1, "a1")), Record::LinkGroup(group_link(10, "g10")), Record::Place(id(1), id(10)),
            Record::Status(status(user(1), Standing::Success)),
        ]).await.unwrap();
        world.commit(vec![Write::UserGone(id(1)), Write::GroupGone(id(10))]).await;
        let links = world.store.links(DROPBOX, &Scope::Full).await.unwrap();
        assert!(links.is_placed(id(1), id(10)));
        assert_eq!(world.store.statuses_of(RULE, None).await.unwrap().len(), 1);
    }

    async fn the_last_word_of_a_batch_counts(world) {
        let store = &world.store;
        let lease = world.lease().await;
        store.record(&lease, DROPBOX, &[
            Record::Link(link(1, "a1")), Record::Link(link(2, "a2")), Record::LinkGroup(group_link(10, "g10")),
            Record::LinkGroup(group_link(11, "g11")), Record::Place(id(1), id(10)), Record::Place(id(1), id(11)),
            Record::Place(id(2), id(10)), Record::Place(id(2), id(11)),
        ]).await.unwrap();
        // Two users exchange their accounts; one is unlinked and linked again, without what it was in but for one.
        store.record(&lease, DROPBOX, &[
            Record::Link(link(1, "a2")), Record::Place(id(1), id(12)), Record::Unlink(id(1)), Record::Place(id(1), id(11)),
            Record::Link(link(1, "a2")), Record::Link(link(2, "a1")), Record::Displace(id(2), id(10)),
        ]).await.unwrap();
        let links = store.links(DROPBOX, &Scope::Full).await.unwrap();
        assert_eq!(links.accounts(), [link(1, "a2"), link(2, "a1")]);
        assert_eq!(links.placements(id(1)).collect::<Vec<_>>(), [id::<GroupId>(11)]);
        assert_eq!(links.placements(id(2)).collect::<Vec<_>>(), [id::<GroupId>(11)]);
        store.record(&lease, DROPBOX, &[Record::UnlinkGroup(id(11)), Record::Unlink(id(2)),
            Record::LinkGroup(group_link(10, "g11"))]).await.unwrap();
        let links = store.links(DROPBOX, &Scope::Full).await.unwrap();
        assert_eq!((links.accounts().len(), links.placed_count()), (1, 0));
        assert_eq!(links.groups(), [group_link(10, "g11")]);
    }

    async fn an_account_belongs_to_one_user_of_a_connection(world) {
        let lease = world.lease().await;
        world.store.record(&lease, DROPBOX, &[Record::Link(link(1, "a1"))]).await.unwrap();
        let records = [Record::Status(status(user(2), Standing::Success)), Record::Link(link(2, "a1"))];
        let error = world.store.record(&lease, DROPBOX, &records).await.unwrap_err();
        assert_eq!(error, StoreError::Conflict("the account is linked to another user".into()));
        assert_eq!(world.store.statuses_of(RULE, None).await.unwrap(), [], "nothing of the batch was written");
        world.store.record(&lease, DIRECTORY, &[Record::Link(link(2, "a1"))]).await.unwrap();
    }

    async fn what_went_wrong_in_a_run_is_counted_and_read_by_its_cause(world) {
        let store = &world.store;
        let lease = world.lease().await;
        let wait = || Some(Outcome::Postponed {
            problem: Problem::new("NO_SEAT", "No licence is left.", "Buy one."), after: None, needs_full: false,
        });
        let mut records = vec![Record::Run(Box::new(run(1, Trigger::Change, RunState::Partial, 1)))];
        records.extend(removals(1));
        for seq in [7, 8, 9] {
            let create = operation(seq, Action::Unsuspend { account: "d".into() }, wait());
            records.push(Record::Outcome(id(1), create));
        }
        store.record(&lease, DROPBOX, &records).await.unwrap();
        let counted = store.problems(id(1)).await.unwrap();
        assert_eq!(counted, [("NO_SEAT".to_owned(), 3), ("LAST_ADMIN".to_owned(), 1)]);
        let page = store.operations_with(id(1), "NO_SEAT", 8, 10).await.unwrap();
        assert_eq!(page.iter().map(|it| it.seq).collect::<Vec<_>>(), [8, 9]);
        assert_eq!(store.operations_with(id(1), "NO_SEAT", 0, 1).await.unwrap().len(), 1);
        assert_eq!(store.problems(id(2)).await.unwrap(), []);

        let done = operation(7, Action::Unsuspend { account: "d".into() }, Some(Outcome::done()));
        store.record(&lease, DROPBOX, &[Record::Outcome(id(1), done)]).await.unwrap();
        assert_eq!(store.problems(id(1)).await.unwrap()[0], ("NO_SEAT".to_owned(), 2), "a success has no problem");
    }

    async fn runs_and_operations_come_back_as_they_were_recorded(world) {
        let store = &world.store;
        let lease = world.lease().await;
        let planning = run(1, Trigger::Change, RunState::Planning, 1);
        let mut records = vec![Record::Run(Box::new(planning.clone()))];
        records.extend(removals(1));
        store.record(&lease, DROPBOX, &records).await.unwrap();
        assert_eq!(store.run(ENVIRONMENT, id(1)).await.unwrap(), Some(planning.clone()));
        assert_eq!(store.run(id(99), id(1)).await.unwrap(), None);
        assert_eq!(store.open_runs(RULE).await.unwrap(), [planning]);
        let operations = store.operations(id(1), 2, 3).await.unwrap();
        assert_eq!(operations.iter().map(|operation| operation.seq).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(operations[0].outcome, refused());

        let ended = run(1, Trigger::Change, RunState::Partial, 1);
        let late = operation(5, Action::DeleteGroup { remote: "g:2".into() }, Some(Outcome::done()));
        store.record(&lease, DROPBOX, &[Record::Outcome(id(1), late.clone()), Record::Run(Box::new(ended.clone())),
            Record::Run(Box::new(run(2, Trigger::Manual, RunState::Held, 3)))]).await.unwrap();
        assert_eq!(store.operations(id(1), 5, 1).await.unwrap(), [late]);
        assert_eq!(store.open_runs(RULE).await.unwrap(), [run(2, Trigger::Manual, RunState::Held, 3)]);
        let first = store.runs(RULE, &page(None, 1)).await.unwrap();
        assert_eq!(first.items, [run(2, Trigger::Manual, RunState::Held, 3)], "the latest first");
        let second = store.runs(RULE, &page(first.next, 1)).await.unwrap();
        assert_eq!((second.items.as_slice(), second.next), ([ended].as_slice(), None));
    }

    async fn full_runs_are_known_and_old_runs_are_forgotten(world) {
        let store = &world.store;
        let lease = world.lease().await;
        let ended = |n, scope: Scope, at_minute| Run {
            scope, finished_at: Some(at(at_minute)), ..run(n, Trigger::Change, RunState::Succeeded, at_minute)
        };
        let one = || Scope::Subjects { users: BTreeSet::from([id(7)]), groups: BTreeSet::new() };
        assert_eq!(store.full_runs(RULE, 1).await.unwrap(), []);
        let runs = [ended(1, one(), 1), ended(2, Scope::Full, 2), ended(3, one(), 3)];
        let records: Vec<Record> = runs.iter().map(|run| Record::Run(Box::new(run.clone()))).collect();
        store.record(&lease, DROPBOX, &records).await.unwrap();
        assert_eq!(store.full_runs(RULE, 1).await.unwrap(), [runs[1].clone()]);
        store.forget_runs(at(3)).await.unwrap();
        assert_eq!(store.runs(RULE, &page(None, 9)).await.unwrap().items, runs[2..]);
    }

    async fn a_run_is_begun_and_replaced_outside_a_lease_only_as_it_was_read(world) {
        let store = &world.store;
        let held = run(1, Trigger::Manual, RunState::Held, 1);
        store.begin_run(&held, Some(&event(1)), &[due(DueSubject::Everything, 4)]).await.unwrap();
        assert_eq!(store.rule_due(RULE).await.unwrap(), Some(at(4)));
        let cancelled = Run { state: RunState::Cancelled, ..held.clone() };
        store.replace_run(&held, &cancelled, Some(&event(2)), &[due(DueSubject::Everything, 3)]).await.unwrap();
        assert_eq!(store.run(ENVIRONMENT, id(1)).await.unwrap(), Some(cancelled));
        assert_eq!(store.rule_due(RULE).await.unwrap(), Some(at(3)));
        let approved = Run { state: RunState::Planning, ..held.clone() };
        let late = store.replace_run(&held, &approved, Some(&event(3)), &[due(DueSubject::Everything, 1)]).await;
        assert!(matches!(late, Err(StoreError::Conflict(_))));
        assert_eq!(store.rule_due(RULE).await.unwrap(), Some(at(3)));
        let events = store.events(ENVIRONMENT, &page(None, 9)).await.unwrap();
        assert_eq!(events.items, [event(1), event(2)]);
    }

    async fn removals_are_counted_from_the_window_and_the_last_approval_on(world) {
        let store = &world.store;
        let lease = world.lease().await;
        let ran = async |number, trigger, state, started| {
            let mut records = removals(number);
            records.push(Record::Run(Box::new(run(number, trigger, state, started))));
            store.record(&lease, DROPBOX, &records).await.unwrap();
        };
        let twice = REMOVED.plus(REMOVED);
        ran(1, Trigger::Change, RunState::Partial, 100).await;
        assert_eq!(store.removed_since(RULE, at(111)).await.unwrap(), Tally::default(), "it ended at 110");
        assert_eq!(store.removed_since(RULE, at(110)).await.unwrap(), REMOVED);
        ran(2, Trigger::Configuration, RunState::Applying, 200).await;
        assert_eq!(store.removed_since(RULE, at(900)).await.unwrap(), REMOVED, "it still goes on");
        assert_eq!(store.removed_since(RULE, at(0)).await.unwrap(), twice);
        ran(3, Trigger::Approval, RunState::Held, 300).await;
        assert_eq!(store.removed_since(RULE, at(0)).await.unwrap(), twice, "it was held again");
        ran(4, Trigger::Approval, RunState::Succeeded, 400).await;
        assert_eq!(store.removed_since(RULE, at(0)).await.unwrap(), Tally::default());
        ran(5, Trigger::Change, RunState::Succeeded, 500).await;
        assert_eq!(store.removed_since(RULE, at(0)).await.unwrap(), REMOVED);
        assert_eq!(store.removed_since(id(99), at(0)).await.unwrap(), Tally::default());
    }

    async fn statuses_are_counted_listed_and_forgotten(world) {
        let store = &world.store;
        let lease = world.lease().await;
        let standings = [Standing::Success, Standing::Failed, Standing::Partial, Standing::Failed, Standing::Unsynced];
        let users = (1..).zip(standings).map(|(number, standing)| status(user(number), standing));
        let users: Vec<SubjectStatus> = users.collect();
        let mut records: Vec<Record> = users.iter().cloned().map(Record::Status).collect();
        records.push(Record::Status(status(group(1), Standing::Success)));
        store.record(&lease, DROPBOX, &records).await.unwrap();

        let (of_users, of_groups) = store.status_counts(RULE).await.unwrap();
        assert_eq!(of_users, StatusCounts { impacted: 5, success: 1, unsynced: 1, partial: 1, failed: 2 });
        assert_eq!(of_groups, StatusCounts { impacted: 1, success: 1, ..StatusCounts::default() });
        assert_eq!(store.status(RULE, user(2)).await.unwrap().as_ref(), users.get(1));
        assert_eq!(store.status(RULE, group(2)).await.unwrap(), None);
        let first = store.statuses(RULE, false, Some(Standing::Failed), &page(None, 1)).await.unwrap();
        assert_eq!(first.items, users[1..2]);
        let second = store.statuses(RULE, false, Some(Standing::Failed), &page(first.next, 1)).await.unwrap();
        assert_eq!((second.items.as_slice(), second.next), (&users[3..4], None));
        assert_eq!(store.statuses(RULE, true, None, &page(None, 9)).await.unwrap().items.len(), 1);
        assert_eq!(store.statuses_of(RULE, None).await.unwrap().len(), 6);
        let some = store.statuses_of(RULE, Some(&[group(1), user(5), user(9)])).await.unwrap();
        assert_eq!(some, [users[4].clone(), status(group(1), Standing::Success)]);
        let of_one = store.statuses_by_subject(user(1)).await.unwrap();
        assert_eq!(of_one, [(RULE, users[0].clone())], "and not the group of the same number");

        let better = status(user(2), Standing::Success);
        store.record(&lease, DROPBOX, &[Record::Status(better.clone()), Record::StatusGone(user(1)),
            Record::StatusGone(group(1)), Record::StatusGone(user(77))]).await.unwrap();
        assert_eq!(store.status(RULE, user(2)).await.unwrap(), Some(better));
        assert_eq!(store.statuses_of(RULE, None).await.unwrap().len(), 4);
    }

    async fn large_batches_are_recorded_at_once(world) {
        let lease = world.lease().await;
        let mut records = vec![Record::Run(Box::new(run(1, Trigger::Change, RunState::Applying, 1)))];
        records.extend((0..20).map(|number| Record::LinkGroup(group_link(number, &format!("g{number}")))));
        for number in 0..1_100_u128 {
            records.push(Record::Link(link(number, &format!("a{number}"))));
            records.push(Record::Status(status(user(number), Standing::Success)));
            let create = operation(u64::try_from(number).unwrap(), Action::Suspend { account: "a".into(), remove_at: None }, Some(Outcome::done()));
            records.push(Record::Outcome(id(1), create));
            records.extend((0..3).map(|group| Record::Place(id::<UserId>(number), id(group))));
        }
        world.store.record(&lease, DROPBOX, &records).await.unwrap();
        let links = world.store.links(DROPBOX, &Scope::Full).await.unwrap();
        assert_eq!((links.accounts().len(), links.placed_count()), (1_100, 3_300));
        assert_eq!(world.store.removed_since(RULE, at(0)).await.unwrap().users, 1_100);
        let subjects: Vec<Subject> = (0..1_100).map(user).collect();
        assert_eq!(world.store.statuses_of(RULE, Some(&subjects)).await.unwrap().len(), 1_100);
        let gone = subjects.into_iter().map(Record::StatusGone).chain((0..1_100).map(|number| Record::Unlink(id(number))));
        world.store.record(&lease, DROPBOX, &gone.collect::<Vec<_>>()).await.unwrap();
        assert_eq!(world.store.links(DROPBOX, &Scope::Full).await.unwrap().placed_count(), 0);
        assert_eq!(world.store.statuses_of(RULE, None).await.unwrap(), []);
    }
}

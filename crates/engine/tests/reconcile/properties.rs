//! What must hold whatever happens: any history of the directory, any faults, cut off anywhere; when the faults stop,
//! the team is as the directory says, and nobody is in or out who should not be.

use std::{collections::BTreeSet, future::Future, pin::pin, task::Poll, time::Duration};

use proptest::prelude::*;
use usher_connectors::fake::Fault;

use usher_domain::directory::audit::Actor;

use crate::world::World;

/// One thing that happens. People are few, so that things happen to the same ones.
#[derive(Clone, Debug)]
enum Step {
    /// This one comes, perhaps as a new user with the address of a deleted one, or is enabled again.
    Come(u8),
    Disable(u8),
    Delete(u8),
    Join(u8, u8),
    Leave(u8, u8),
    Accept,
    Resync,
    /// The next calls go wrong.
    Faults(Vec<Fault>),
    /// Work is cut off after so many waits.
    Cut(u32),
    Work,
    Wait(u16),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Busy),
        Just(Fault::LostAnswer),
        Just(Fault::Refused),
        Just(Fault::ShortList),
        Just(Fault::HangBefore),
        Just(Fault::HangAfter),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let (who, group) = (0..5u8, 0..2u8);
    prop_oneof![
        4 => who.clone().prop_map(Step::Come),
        2 => who.clone().prop_map(Step::Disable),
        1 => who.clone().prop_map(Step::Delete),
        3 => (who.clone(), group.clone()).prop_map(|(who, group)| Step::Join(who, group)),
        2 => (who, group).prop_map(|(who, group)| Step::Leave(who, group)),
        1 => Just(Step::Accept),
        1 => Just(Step::Resync),
        2 => prop::collection::vec(fault(), 1..4).prop_map(Step::Faults),
        // The observation goes well (a scoped one takes no notice of this fault), and an operation does not.
        3 => fault().prop_map(|fault| Step::Faults(vec![Fault::ShortList, fault])),
        3 => (0..16u32, 0..100u32).prop_map(|(power, more)| Step::Cut((1 << power) + more)),
        3 => Just(Step::Work),
        2 => (1..2000u16).prop_map(Step::Wait),
    ]
}

/// What the directory says, to compare with.
#[derive(Default)]
struct Model {
    enabled: BTreeSet<u8>,
    present: BTreeSet<u8>,
    members: BTreeSet<(u8, u8)>,
}

fn name(who: u8) -> String {
    format!("p{who}")
}

fn group(group: u8) -> String {
    format!("g{group}")
}

async fn happen(world: &mut World, model: &mut Model, step: Step) {
    match step {
        Step::Come(who) if model.present.insert(who) => {
            model.enabled.insert(who);
            world.user(&name(who)).await;
        }
        Step::Come(who) => {
            if model.enabled.insert(who) {
                world.edit(&name(who), |user| user.enabled = true).await;
            }
        }
        Step::Disable(who) => {
            if model.enabled.remove(&who) {
                world.disable(&name(who)).await;
            }
        }
        Step::Delete(who) => {
            if model.present.remove(&who) {
                model.enabled.remove(&who);
                model.members.retain(|(member, _)| *member != who);
                world.delete(&name(who)).await;
            }
        }
        Step::Join(who, to) => {
            if model.present.contains(&who) && model.members.insert((who, to)) {
                world.join(&name(who), &group(to)).await;
            }
        }
        Step::Leave(who, from) => {
            if model.members.remove(&(who, from)) {
                world.leave(&name(who), &group(from)).await;
            }
        }
        Step::Accept => world.accept(),
        Step::Resync => world.resync().await,
        Step::Faults(faults) => world.team.fail(faults),
        Step::Cut(after) => cut(world, after).await,
        Step::Work => work(world).await,
        Step::Wait(seconds) => world.clock.advance(Duration::from_secs(seconds.into())),
    }
}

/// Works once, but is dropped after that many waits, as if the server died there. The next server takes over.
async fn cut(world: &World, after: u32) {
    {
        let mut left = after;
        let mut work = pin!(world.worker.work_once());
        std::future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending if left == 0 => Poll::Ready(()),
            Poll::Pending => {
                left -= 1;
                // A call that hangs wakes nobody.
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
    }
    world.restart().await;
}

/// Works once; a call that hangs is a server that died.
async fn work(world: &World) {
    tokio::select! {
        done = world.worker.work_once() => drop(done.unwrap()),
        () = world.team.hung() => {}
    }
    world.restart().await;
}

/// The faults are over: everything comes to rest. A person approves what is held.
async fn come_to_rest(world: &World) {
    world.team.heal();
    for _ in 0..40 {
        world.clock.advance(Duration::from_secs(7 * 3600));
        world.work().await;
        let open = world.store.open_runs(world.rule).await.unwrap();
        let Some(held) = open.first() else {
            if world.store.rule_due(world.rule).await.unwrap().is_none() {
                return;
            }
            continue;
        };
        let digest = held.digest.clone().unwrap();
        world.reconciler.approve(world.environment, held.id, &digest, Actor::System).await.unwrap();
    }
    panic!("it does not come to rest");
}

async fn holds(steps: Vec<Step>) {
    let mut world = World::new().await;
    world.policy(|policy| policy.deprovision = true);
    for to in 0..2 {
        world.group(&group(to)).await;
    }
    let mut model = Model::default();
    let settled = [Step::Come(0), Step::Come(1), Step::Come(2), Step::Join(1, 0), Step::Work, Step::Accept];
    for step in settled.into_iter().chain(steps) {
        happen(&mut world, &mut model, step).await;
    }
    come_to_rest(&world).await;

    let mut expected: Vec<String> = model.enabled.iter().map(|who| name(*who)).collect();
    expected.insert(0, "admin".to_owned());
    assert_eq!(world.with_access(), expected, "access is as the directory says");
    for to in 0..2 {
        let has_account =
            |who: &u8| world.team.change(|team| team.by_email(&crate::world::email(&name(*who))).is_some());
        let expected: Vec<String> = model
            .members
            .iter()
            .filter(|(who, member_of)| *member_of == to && model.enabled.contains(who) && has_account(who))
            .map(|(who, _)| name(*who))
            .collect();
        let access = world.with_access();
        let found: Vec<String> =
            world.in_group(&group(to)).into_iter().filter(|name| access.contains(name)).collect();
        assert_eq!(found, expected, "the members of group {to} are as the directory says");
    }
    let mut seen = BTreeSet::new();
    world.team.change(|team| {
        for member in team.members.values().filter(|member| member.is_there()) {
            let address =
                member.attributes.get(usher_domain::reconcile::attributes::Attribute::Email).to_owned();
            assert!(seen.insert(address.clone()), "{address} has two accounts");
        }
    });
    world.resync().await;
    world.work().await;
    assert_eq!(world.last_run().await.total, 0, "and a full run finds nothing to do");
}

proptest! {
    // Failures print their steps; nothing is written beside the tests.
    #![proptest_config(ProptestConfig {
        cases: 64, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_the_team_ends_up_as_the_directory_says(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(holds(steps));
    }
}

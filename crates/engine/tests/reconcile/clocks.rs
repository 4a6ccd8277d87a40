//! A clock that is set, ahead and back: a jump is reported once, and nothing that was stored while the clock was ahead
//! waits for that time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use usher_domain::{
    Clock as _, ConnectionId,
    ports::meter::{Answered, Meter},
    provisioning::rule::Direction,
    reconcile::{operation::Action, outcome::Outcome, run::RunState, snapshot::Seats},
};
use usher_engine::timekeeper::Timekeeper;

use crate::world::World;

const YEARS: Duration = Duration::from_secs(2 * 365 * 24 * 3600);
const LOOK: Duration = Duration::from_secs(2);

/// Counts the jumps: ahead, back.
#[derive(Debug, Default)]
struct Jumps([AtomicUsize; 2]);

impl Jumps {
    fn counted(&self) -> [usize; 2] {
        [0, 1].map(|at| self.0[at].load(Ordering::Relaxed))
    }
}

impl Meter for Jumps {
    fn called(&self, _: &'static str, _: Answered, _: Duration) {}
    fn run_rested(&self, _: Direction, _: RunState) {}
    fn outcome(&self, _: &Action, _: &Outcome) {}
    fn seats(&self, _: ConnectionId, _: Seats) {}
    fn delivery(&self, _: u64, _: bool) {}
    fn dropped(&self, _: u64) {}
    fn clock_moved(&self, ahead: bool) {
        self.0[usize::from(!ahead)].fetch_add(1, Ordering::Relaxed);
    }
}

async fn timekeeper(world: &World) -> (Timekeeper, Arc<Jumps>) {
    let jumps = Arc::new(Jumps::default());
    let meter = Arc::clone(&jumps) as Arc<dyn Meter>;
    let keeper =
        Timekeeper::begin(world.store.clone(), world.clock.clone(), meter, Vec::new()).await.unwrap();
    (keeper, jumps)
}

#[tokio::test]
async fn what_was_made_due_under_a_clock_that_was_ahead_is_done_when_it_is_right_again() {
    let mut world = World::new().await;
    let (mut keeper, jumps) = timekeeper(&world).await;
    world.clock.advance(LOOK);
    keeper.look(LOOK).await.unwrap();
    assert_eq!(jumps.counted(), [0, 0]);

    world.clock.advance(YEARS);
    keeper.look(LOOK).await.unwrap();
    keeper.look(Duration::ZERO).await.unwrap();
    assert_eq!(jumps.counted(), [1, 0], "once for each jump");
    world.user("ada").await;
    world.clock.set_back(YEARS);
    world.work().await;
    assert_eq!(world.with_access(), ["admin"], "it is due in two years");
    keeper.look(LOOK).await.unwrap();
    keeper.look(Duration::ZERO).await.unwrap();
    assert_eq!(jumps.counted(), [1, 1]);
    world.work().await;
    assert_eq!(world.with_access(), ["ada", "admin"]);
}

#[tokio::test]
async fn who_starts_after_the_clock_was_corrected_notices_that_it_was_ahead() {
    let mut world = World::new().await;
    world.clock.advance(YEARS);
    drop(timekeeper(&world).await);
    world.user("ada").await;
    world.clock.set_back(YEARS);
    let (mut keeper, jumps) = timekeeper(&world).await;
    assert_eq!(jumps.counted(), [0, 1]);
    world.work().await;
    assert_eq!(world.with_access(), ["ada", "admin"]);
    keeper.look(Duration::ZERO).await.unwrap();
    assert_eq!(jumps.counted(), [0, 1]);
    assert_eq!(timekeeper(&world).await.1.counted(), [0, 0], "the next one knows nothing of it");
}

#[tokio::test]
async fn the_daily_look_comes_a_day_after_the_clock_was_corrected_and_not_in_two_years() {
    let world = World::new().await;
    let (mut keeper, _) = timekeeper(&world).await;
    world.clock.advance(YEARS);
    keeper.look(LOOK).await.unwrap();
    world.resync().await;
    world.work().await;
    assert_eq!(world.runs().await.len(), 1);
    world.clock.set_back(YEARS);
    keeper.look(LOOK).await.unwrap();
    assert_eq!(world.last_run().await.started_at, world.clock.now(), "it counts from now on");

    world.clock.advance(Duration::from_secs(23 * 3600));
    world.reconciler.tend().await.unwrap();
    world.work().await;
    assert_eq!(world.runs().await.len(), 1);
    for day in 2..4 {
        world.clock.advance(Duration::from_secs(25 * 3600));
        world.reconciler.tend().await.unwrap();
        world.work().await;
        world.reconciler.tend().await.unwrap();
        world.work().await;
        assert_eq!(world.runs().await.len(), day, "one a day");
    }
}

#[tokio::test]
async fn a_clock_that_trembles_or_goes_slowly_is_nothing_to_tell() {
    let world = World::new().await;
    let (mut keeper, jumps) = timekeeper(&world).await;
    for _ in 0..5 {
        world.clock.advance(Duration::from_secs(5));
        keeper.look(LOOK).await.unwrap();
        world.clock.set_back(Duration::from_secs(2));
        keeper.look(LOOK).await.unwrap();
    }
    assert_eq!(jumps.counted(), [0, 0]);
}

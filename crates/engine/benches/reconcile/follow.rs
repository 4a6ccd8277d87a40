//! How soon a change that a person makes in Dropbox is in the directory, when an inbound rule follows the log of events.

use std::time::{Duration, Instant};

use dropbox_simulator::{Clock as TeamClock, MemberSeed, Team};
use serde_json::json;
use usher_domain::{
    Clock as _, Ids as _, RuleId,
    directory::change::{DueSubject, Write},
    ports::store::UserQuery,
    provisioning::rule::{Direction, Rule},
};

use super::{CHANGES, Wall, World};

/// Brings so many members in, then follows: one change after another, the server working as it does.
pub(super) async fn measure(users: usize, latency: Duration) {
    let members =
        (0..users).map(|n| MemberSeed::new(&format!("person{n}@example.com"), "Person", &format!("No{n}")));
    let clock = TeamClock::running(u64::try_from(Wall.now().as_millis()).unwrap());
    let team = Team::builder().licences(u32::try_from(users).unwrap() + 100).clock(clock).members(members);
    let mut world = World::with(team, latency).await;
    let outbound = world.store.rule_by_id(world.rule).await.unwrap().unwrap();
    let rule = Rule {
        id: RuleId(world.ids.next()),
        source: outbound.target,
        target: outbound.source,
        direction: Direction::Inbound,
        configuration: [
            ("POPULATION_ID".to_owned(), json!(world.population)),
            ("FOLLOW_EVENTS".to_owned(), json!(true)),
        ]
        .into(),
        ..outbound.clone()
    };
    let asleep = Rule { active: false, version: 2, ..outbound };
    world.rule = rule.id;
    world.commit(vec![Write::Rule(asleep), Write::Rule(rule)], &[DueSubject::Everything]).await;
    while world.worker.work_once().await.unwrap().is_some() {}
    let there = world.store.count_users(world.environment, None).await.unwrap();
    assert_eq!(there, users as u64 + 1, "everyone is in the directory, the administrator too");
    world.follow(users).await;
}

impl World {
    async fn follow(&self, users: usize) {
        let worker = self.worker.clone();
        let working = tokio::spawn(async move { worker.run().await });
        // The first look finds where the log ends.
        while self.store.watch(self.rule).await.unwrap().log.position.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut took = Vec::new();
        for n in 0..CHANGES {
            // Not in step with the looks.
            tokio::time::sleep(Duration::from_millis(137 * (n as u64 % 7))).await;
            let email = format!("person{}@example.com", n * (users / CHANGES));
            let family = format!("Changed{n}");
            let begun = Instant::now();
            self.simulator.team().rename_by_person(&email, "Person", &family).unwrap();
            while !self.knows(&email, &family).await {
                tokio::time::sleep(Duration::from_millis(2)).await;
                assert!(begun.elapsed() < Duration::from_secs(30), "the change of {email} does not arrive");
            }
            took.push(begun.elapsed());
        }
        // Nothing changes now: what a look costs.
        let looks = Duration::from_secs(5);
        let from = self.simulator.calls().total();
        tokio::time::sleep(looks).await;
        let calls = self.simulator.calls().total() - from;
        self.worker.stop();
        working.await.unwrap();
        took.sort_unstable();
        let (median, a_second) = (took[took.len() / 2].as_secs_f64(), calls as f64 / looks.as_secs_f64());
        let latency = self.latency.as_millis();
        println!(
            "| {users} | one change in Dropbox, followed, median of {CHANGES} | {latency} ms | {median:.3} s | {a_second:.1} a second | 0.5 s |"
        );
    }

    async fn knows(&self, email: &str, family: &str) -> bool {
        let query = UserQuery { email: Some(email.into()), ..UserQuery::default() };
        let page = usher_domain::ports::store::PageRequest { after: None, limit: 1 };
        let found = self.store.users(self.environment, &query, &page).await.unwrap();
        found.items.first().is_some_and(|user| user.name.family.as_deref() == Some(family))
    }
}

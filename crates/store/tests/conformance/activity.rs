//! How much was recorded, by day.

use usher_domain::directory::{audit::Event, change::ChangeSet};

use crate::world::*;

const DAY: i64 = 24 * 3600 * 1000;

crate::on_both! {
    async fn events_are_counted_by_day_and_action_from_a_time_on(world) {
        let told = [("USER.CREATED", 9, 0), ("USER.CREATED", 10, 0), ("USER.CREATED", 10, 5), ("USER.DELETED", 11, 1), ("GROUP.CREATED", 11, 1)];
        let events = (1..).zip(told).map(|(number, (action, day, millis))| Event {
            action: action.into(),
            recorded_at: at(day * DAY + millis),
            ..event(number)
        });
        world.store.commit(&ChangeSet { events: events.collect(), ..ChangeSet::default() }).await.unwrap();
        let actions = ["USER.CREATED", "USER.DELETED"];
        let counted = world.store.activity(ENVIRONMENT, &actions, at(10 * DAY)).await.unwrap();
        let tenth = at(10 * DAY).as_millis() / DAY;
        let expected = [(tenth, "USER.CREATED".to_owned(), 2), (tenth + 1, "USER.DELETED".to_owned(), 1)];
        assert_eq!(counted, expected);
        assert_eq!(world.store.activity(ENVIRONMENT, &[], at(0)).await.unwrap(), []);
    }
}

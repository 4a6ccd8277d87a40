//! Slots, by example and by law.

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn parsed(text: &str) -> Schedule {
    Schedule::parse(text).unwrap()
}

/// The slots that a rule serves that is looked at at these instants, and what it was told at the last.
fn served(schedule: &Schedule, anchor: &str, looks: &[&str]) -> Vec<String> {
    let mut slots = Slots { anchor: at(anchor), served: at(anchor) };
    let mut runs = Vec::new();
    for look in looks {
        let now = at(look);
        if schedule.next(&slots, now).is_some_and(|slot| slot <= now) {
            slots.served = now;
            runs.push(look.to_string());
        }
    }
    runs
}

#[test]
fn a_schedule_is_daily_an_interval_or_cron() {
    for good in [
        "daily",
        "every 15m",
        "every 2h",
        "every 1m",
        "every 744h",
        "0 3 * * *",
        "*/15 8-18 * * 1-5",
        "0,30 0 1 1 7",
        "0 3 * * MON-FRI",
        "0 0 L * *",
        "0 9 * * MON#1",
        "0 0 29 2 *",
    ] {
        assert!(Schedule::parse(good).is_ok(), "{good}: {}", Schedule::parse(good).unwrap_err());
    }
    for bad in [
        "",
        " ",
        "Daily",
        "hourly",
        "@daily",
        "every 0m",
        "every m",
        "every 5",
        "every -1m",
        "every +1m",
        "every 745h",
        "every 18446744073709551615h",
        "every 5é",
        "60 * * * *",
        "* * * *",
        "* * * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "0 24 * * *",
        "0 0 32 * *",
        "0 0 1 13 *",
        "0 0 * * 8",
        "x 0 * * *",
        "0 0 30 2 *",
        "\0 * * * *",
    ] {
        assert!(Schedule::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_fault_is_told_with_its_place() {
    let texts = ["0 25 * * *", "0 0 * * MON-FOO", "every 5x", "at noon", "0 0 31 4 *"];
    let told = texts.map(|text| Schedule::parse(text).unwrap_err().to_string()).join("\n\n");
    insta::assert_snapshot!(told, @"
    `25` cannot be the hour of a cron expression (Number out of bounds), at column 3:
        0 25 * * *
          ^^

    `MON-FOO` cannot be the day of the week of a cron expression (CronPattern contains illegal character 'F' in part '1-FOO'), at column 9:
        0 0 * * MON-FOO
                ^^^^^^^

    `every` takes a whole number of minutes (`15m`) or hours (`2h`), from one minute to 31 days (`744h`), at column 7:
        every 5x
              ^^

    `daily`, `every 15m` (or `2h`), or a cron expression of five fields (minute, hour, day of the month, month, day of the week) is allowed

    the cron expression names a day that never comes
    ");
}

#[test]
fn daily_is_the_time_of_day_at_which_the_initial_sync_completed() {
    let anchor = "2026-03-01T14:37:00Z";
    let looks = [
        "2026-03-02T09:00:00Z",
        "2026-03-02T14:36:59.999Z",
        "2026-03-02T14:37:00Z",
        "2026-03-02T14:37:00.001Z",
        "2026-03-03T14:36:00Z",
        "2026-03-03T15:00:00Z",
        "2026-03-04T14:36:59Z",
        "2026-03-04T14:37:10Z",
    ];
    let expected = ["2026-03-02T14:37:00Z", "2026-03-03T15:00:00Z", "2026-03-04T14:37:10Z"];
    assert_eq!(served(&Schedule::default(), anchor, &looks), expected);
}

#[test]
fn three_days_down_give_one_run() {
    let looks =
        ["2026-03-02T14:37:00Z", "2026-03-05T20:00:00Z", "2026-03-05T20:00:01Z", "2026-03-06T14:37:00Z"];
    let expected = ["2026-03-02T14:37:00Z", "2026-03-05T20:00:00Z", "2026-03-06T14:37:00Z"];
    assert_eq!(served(&Schedule::default(), "2026-03-01T14:37:00Z", &looks), expected);
}

#[test]
fn a_cron_expression_is_read_in_utc() {
    let slots = |served: &str| Slots { anchor: at("2026-01-01T00:00:00Z"), served: at(served) };
    let next = |text: &str, served: &str| parsed(text).next(&slots(served), at(served)).unwrap().to_string();
    assert_eq!(next("0 3 * * MON-FRI", "2026-11-27T03:00:00Z"), "2026-11-30T03:00:00.000Z");
    assert_eq!(next("*/15 * * * *", "2026-11-27T03:59:59.999Z"), "2026-11-27T04:00:00.000Z");
    assert_eq!(next("*/15 * * * *", "2026-11-27T04:00:00.001Z"), "2026-11-27T04:15:00.000Z");
    assert_eq!(next("0 0 29 2 *", "2026-11-27T03:59:59Z"), "2028-02-29T00:00:00.000Z");
}

#[test]
fn a_clock_that_is_set_back_a_little_repeats_no_slot_and_one_that_was_years_ahead_stops_none() {
    let daily = Schedule::default();
    let slots = |served| Slots { anchor: at("2026-03-01T14:37:00Z"), served: at(served) };
    let back = daily.next(&slots("2026-03-02T14:37:00.100Z"), at("2026-03-02T14:36:59.900Z"));
    assert_eq!(back, Some(at("2026-03-03T14:37:00Z")));
    let years = daily.next(&slots("2031-03-02T14:37:00Z"), at("2026-03-02T14:00:00Z"));
    assert_eq!(years, Some(at("2026-03-02T14:37:00Z")));
    // The clock was behind when the initial sync completed, or is now.
    let before = daily.next(&slots("2026-03-01T14:37:00Z"), at("2024-01-01T00:00:00Z"));
    assert_eq!(before, Some(at("2024-01-01T14:37:00Z")));
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let cron = prop_oneof![
        Just("*/15 * * * *"),
        Just("0 3 * * *"),
        Just("30 4 1 * *"),
        Just("0 */6 * * MON"),
        Just("0 0 29 2 *"),
    ];
    prop_oneof![
        Just(Schedule::default()),
        (1..=LONGEST_MINUTES).prop_map(|minutes| parsed(&format!("every {minutes}m"))),
        cron.prop_map(parsed),
    ]
}

fn instants() -> impl Strategy<Value = Timestamp> {
    // 1970 to 2100.
    (0_i64..4_102_444_800_000).prop_map(Timestamp::from_millis)
}

proptest! {
    #[test]
    fn what_was_served_now_falls_due_later(schedule in schedules(), anchor in instants(), now in instants()) {
        let next = schedule.next(&Slots { anchor, served: now }, now).unwrap();
        prop_assert!(next > now);
    }

    #[test]
    fn no_clock_keeps_a_rule_from_more_than_one_slot(
        schedule in schedules(), anchor in instants(), served in instants(), now in instants(),
    ) {
        let slots = Slots { anchor, served };
        let soon = schedule.slot_after(&slots, now).unwrap();
        let then = schedule.slot_after(&slots, soon).unwrap();
        let next = schedule.next(&slots, now).unwrap();
        prop_assert!(next <= then, "{next} is after {then}");
        // And what falls due at once was not served: no storm.
        prop_assert!(next > now || served < now);
    }

    #[test]
    fn every_slot_that_passes_is_served_by_one_run_and_no_run_is_without_one(
        schedule in schedules(), anchor in instants(), steps in prop::collection::vec(1_i64..400_000_000, 1..60),
    ) {
        let mut slots = Slots { anchor, served: anchor };
        let mut now = anchor;
        for step in steps {
            let before = now;
            now = Timestamp::from_millis(now.as_millis() + step);
            let passed = schedule.slot_after(&slots, before).is_some_and(|slot| slot <= now);
            let due = schedule.next(&slots, now).is_some_and(|slot| slot <= now);
            prop_assert_eq!(due, passed, "between {} and {}", before, now);
            if due {
                slots.served = now;
                prop_assert!(schedule.next(&slots, now).is_none_or(|slot| slot > now), "once, not several times");
            }
        }
    }

    #[test]
    fn a_clock_that_trembles_around_a_slot_serves_it_once(
        schedule in schedules(), anchor in instants(), tremble in prop::collection::vec(-5_000_i64..5_000, 1..30),
    ) {
        let slot = schedule.slot_after(&Slots { anchor, served: anchor }, anchor).unwrap();
        let mut slots = Slots { anchor, served: anchor };
        let mut runs = 0;
        for off in tremble.into_iter().chain([0]) {
            let now = Timestamp::from_millis(slot.as_millis() + off);
            if schedule.next(&slots, now).is_some_and(|slot| slot <= now) {
                slots.served = now;
                runs += 1;
            }
        }
        prop_assert_eq!(runs, 1);
    }

    #[test]
    fn a_clock_that_was_ahead_stops_nothing_once_it_is_right(
        schedule in schedules(), anchor in instants(), served in instants(), now in instants(),
    ) {
        let mut slots = schedule.judged(&Slots { anchor, served }, now);
        let mut now = now;
        let mut runs = 0;
        for _ in 0..4 {
            now = schedule.slot_after(&slots, now).unwrap();
            slots = schedule.judged(&slots, now);
            if schedule.next(&slots, now).is_some_and(|slot| slot <= now) {
                slots.served = now;
                runs += 1;
            }
        }
        prop_assert!(runs >= 3, "of four slots {runs} were served");
    }

    #[test]
    fn daily_keeps_the_time_of_day(anchor in instants(), served in instants(), now in instants()) {
        let next = Schedule::default().next(&Slots { anchor, served }, now).unwrap();
        let time_of_day = |at: Timestamp| at.as_millis().rem_euclid(24 * 3600 * 1000);
        prop_assert_eq!(time_of_day(next), time_of_day(anchor));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}|[0-9*/,LW# -]{0,20}|([0-9*/,-]{1,4} ){4}[0-9A-Z#]{1,4}") {
        if let Err(error) = Schedule::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

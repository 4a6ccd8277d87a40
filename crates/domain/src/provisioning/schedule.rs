//! When an inbound rule looks at everything: `SCHEDULE`, read, and the arithmetic of its slots.
//!
//! A slot is an instant at which a full sync falls due. `daily` is the time of day (UTC) at which the rule's initial full
//! sync completed, `every 15m` goes on from there, and a cron expression has slots of its own. Nothing here knows what
//! time it is, or makes anything due.

use std::{fmt, time::Duration};

use chrono::{DateTime, TimeZone as _, Utc};
use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};

use crate::{Timestamp, caret::Caret};

/// The time between two slots of `daily`. A day of UTC has no daylight saving, so the time of day stays.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The longest time between two slots of `every`, in minutes: 31 days.
const LONGEST_MINUTES: u64 = 31 * 24 * 60;
/// The fields of a cron expression, in order.
const FIELDS: [&str; 5] = ["minute", "hour", "day of the month", "month", "day of the week"];

/// When a rule looks at everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// Slots that far apart, counted from the completion of the initial sync.
    Every(Duration),
    Cron(Box<Cron>),
}

/// What is remembered of a rule's slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// When the initial full sync completed.
    pub anchor: Timestamp,
    /// Slots up to then are served, or were passed over.
    pub served: Timestamp,
}

/// Why a schedule cannot be read: what is wrong, and where if it is in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    message: String,
    place: Option<Caret>,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{}, at column {}:\n{place}", self.message, place.column()),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ScheduleError {}

impl Default for Schedule {
    fn default() -> Self {
        Schedule(Kind::Every(DAY))
    }
}

impl Schedule {
    /// Reads `daily`, `every 15m`, `every 2h`, or a cron expression of five fields, in UTC.
    ///
    /// # Errors
    /// When it is none of these, with the field of a cron expression that is at fault; when it has no slot at all.
    pub fn parse(text: &str) -> Result<Schedule, ScheduleError> {
        if text == "daily" {
            return Ok(Schedule::default());
        }
        if let Some(every) = text.strip_prefix("every ") {
            return minutes(every)
                .map(|minutes| Schedule(Kind::Every(Duration::from_secs(minutes * 60))))
                .ok_or_else(|| {
                    let message = format!(
                        "`every` takes a whole number of minutes (`15m`) or hours (`2h`), from one minute to 31 days \
                         (`{}h`)",
                        LONGEST_MINUTES / 60
                    );
                    let start = text.len() - every.len();
                    ScheduleError { message, place: Some(Caret::at(text, start..text.len())) }
                });
        }
        cron(text).map(|cron| Schedule(Kind::Cron(Box::new(cron))))
    }

    /// When everything is looked at next: in the past, or now, when a slot waits to be served. However many slots were
    /// missed, one run serves them all. `None` when no slot is left.
    ///
    /// Clocks are not trusted: a slot that was served in what is now the future counts as long as it keeps the rule from no
    /// more than one slot. So a clock that is set back a little, or another server's that is behind, repeats nothing, and
    /// one that once was years ahead does not stop the rule for years.
    pub fn next(&self, slots: &Slots, now: Timestamp) -> Option<Timestamp> {
        self.slot_after(slots, self.judged(slots, now).served)
    }

    /// What is remembered of the slots, as it counts now. It differs when a clock was ahead by more than one slot, and is
    /// to be kept then: otherwise each slot would still be served when its time comes.
    #[must_use]
    pub fn judged(&self, slots: &Slots, now: Timestamp) -> Slots {
        let one_slot = || {
            let then = self.slot_after(slots, self.slot_after(slots, now)?)?;
            Some(self.slot_after(slots, slots.served)? <= then)
        };
        let counts = slots.served <= now || one_slot().unwrap_or(true);
        Slots { served: if counts { slots.served } else { now }, ..*slots }
    }

    /// The first slot after this instant.
    fn slot_after(&self, slots: &Slots, after: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Every(period) => {
                let period = i64::try_from(period.as_millis()).ok()?;
                let since = after.as_millis().checked_sub(slots.anchor.as_millis())?;
                let number = since.div_euclid(period).checked_add(1)?;
                let millis = slots.anchor.as_millis().checked_add(number.checked_mul(period)?)?;
                Some(Timestamp::from_millis(millis))
            }
            Kind::Cron(cron) => occurrence_after(cron, after.to_datetime()),
        }
    }
}

fn minutes(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let number = text.strip_suffix(unit)?;
    let number: u64 = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    let minutes = number.checked_mul(match unit {
        'm' => 1,
        'h' => 60,
        _ => return None,
    })?;
    (1..=LONGEST_MINUTES).contains(&minutes).then_some(minutes)
}

fn occurrence_after(cron: &Cron, after: DateTime<Utc>) -> Option<Timestamp> {
    cron.find_next_occurrence(&after, false).ok().map(Timestamp::from_datetime)
}

fn cron(text: &str) -> Result<Cron, ScheduleError> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let message = format!(
            "`daily`, `every 15m` (or `2h`), or a cron expression of five fields ({}) is allowed",
            FIELDS.join(", ")
        );
        return Err(ScheduleError { message, place: None });
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let read = |text: &str| parser.parse(text).map_err(why);
    // The parser does not say where; a field that fails alone is the one.
    for (at, field) in fields.iter().enumerate() {
        let mut alone = ["*"; FIELDS.len()];
        alone[at] = field;
        let Err(why) = read(&alone.join(" ")) else { continue };
        let start = field.as_ptr() as usize - text.as_ptr() as usize;
        let message = format!("`{field}` cannot be the {} of a cron expression ({why})", FIELDS[at]);
        return Err(ScheduleError { message, place: Some(Caret::at(text, start..start + field.len())) });
    }
    let cron = read(&fields.join(" ")).map_err(|why| ScheduleError {
        message: format!("the cron expression cannot be read ({why})"),
        place: None,
    })?;
    // Any day does to begin with: what comes at all comes within the 28 years of the calendar's round, or the eight
    // around a century without a leap day.
    let sometime = Utc.timestamp_opt(0, 0).single().unwrap_or_default();
    match occurrence_after(&cron, sometime) {
        Some(_) => Ok(cron),
        None => Err(ScheduleError {
            message: "the cron expression names a day that never comes".to_owned(),
            place: None,
        }),
    }
}

fn why(error: CronError) -> String {
    let why = match error {
        CronError::InvalidPattern(why)
        | CronError::IllegalCharacters(why)
        | CronError::ComponentError(why) => why,
        other => other.to_string(),
    };
    why.trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;

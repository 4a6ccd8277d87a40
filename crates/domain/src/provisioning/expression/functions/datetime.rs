//! `#datetime`: timestamps written by Java's patterns, in English, in the offset that they came with.

use std::fmt::Write;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Timelike};
use serde_json::Value;

use super::{Arguments, Fault};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn format(given: &Arguments<'_>) -> Result<Value, Fault> {
    let pattern = given.needed(1)?;
    let Some(text) = given.text(0)? else { return Ok(Value::Null) };
    let time = read(text.trim()).ok_or_else(|| {
        Fault::new(
            "this text is not an ISO 8601 timestamp",
            "A timestamp looks like `2026-01-02T15:04:05Z`, and a date like `2026-01-02`.",
        )
        .on(&given.nodes[0].place)
    })?;
    written(&time, pattern).map(Value::String).map_err(|fault| fault.on(&given.nodes[1].place))
}

/// A timestamp with an offset, one without (taken as UTC), or a date (its midnight).
fn read(text: &str) -> Option<DateTime<FixedOffset>> {
    let local = || {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
            .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"))
            .ok()
            .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
    };
    DateTime::parse_from_rfc3339(text).ok().or_else(|| local().map(|time| time.and_utc().fixed_offset()))
}

fn written(time: &DateTime<FixedOffset>, pattern: &str) -> Result<String, Fault> {
    let mut result = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('\'') {
            rest = literal(quoted, &mut result)?;
            continue;
        }
        let length = rest.len() - rest.trim_start_matches(first).len();
        let (run, after) = rest.split_at(length);
        if first.is_ascii_alphabetic() {
            field(time, run, &mut result)?;
        } else {
            result.push_str(run);
        }
        rest = after;
    }
    Ok(result)
}

/// Text in quotes, behind the opening one; two quotes are one. Answers what follows.
fn literal<'p>(mut rest: &'p str, result: &mut String) -> Result<&'p str, Fault> {
    if let Some(after) = rest.strip_prefix('\'') {
        result.push('\'');
        return Ok(after);
    }
    loop {
        let Some((inside, after)) = rest.split_once('\'') else {
            return Err(Fault::new("a quote in the pattern is not closed", "Write `''` for a quote itself."));
        };
        result.push_str(inside);
        let Some(again) = after.strip_prefix('\'') else { return Ok(after) };
        result.push('\'');
        rest = again;
    }
}

fn field(time: &DateTime<FixedOffset>, run: &str, result: &mut String) -> Result<(), Fault> {
    let month = MONTHS[time.month0() as usize % 12];
    let day = DAYS[time.weekday().num_days_from_monday() as usize % 7];
    let width = run.len();
    let number = |value: u32, result: &mut String| write!(result, "{value:0width$}");
    let done = match (run.as_bytes()[0], width) {
        (b'y' | b'u', 2) => write!(result, "{:02}", time.year().rem_euclid(100)),
        (b'y' | b'u', 1 | 3 | 4) => write!(result, "{:0width$}", time.year()),
        (b'M' | b'L', 1 | 2) => number(time.month(), result),
        (b'M' | b'L', 3) => result.write_str(&month[..3]),
        (b'M' | b'L', 4) => result.write_str(month),
        (b'd', 1 | 2) => number(time.day(), result),
        (b'D', 1..=3) => number(time.ordinal(), result),
        (b'E', 1..=3) => result.write_str(&day[..3]),
        (b'E', 4) => result.write_str(day),
        (b'a', 1) => result.write_str(if time.hour() < 12 { "AM" } else { "PM" }),
        (b'H', 1 | 2) => number(time.hour(), result),
        (b'h', 1 | 2) => number(time.hour12().1, result),
        (b'm', 1 | 2) => number(time.minute(), result),
        (b's', 1 | 2) => number(time.second(), result),
        (b'S', 1..=9) => result.write_str(&format!("{:09}", time.nanosecond() % 1_000_000_000)[..width]),
        (b'X', 1..=3) if time.offset().local_minus_utc() == 0 => result.write_str("Z"),
        // One X leaves out minutes that are 0, as Java does.
        (b'X', 1) if time.offset().local_minus_utc() % 3600 == 0 => {
            write!(result, "{:+03}", time.offset().local_minus_utc() / 3600)
        }
        (b'X', 3) | (b'Z', 5) => offset(time, ":", result),
        (b'X', 1 | 2) | (b'Z', 1..=3) => offset(time, "", result),
        _ => {
            return Err(Fault::new(
                format!("`{run}` is not a field of a date pattern that is supported"),
                "There are y M d D E a H h m s S X Z; other letters stand in quotes, doubled in an expression: `''T''`.",
            ));
        }
    };
    // Writing to a String does not fail.
    done.map_err(|_| Fault::new("the timestamp cannot be written", "Use another pattern."))
}

fn offset(time: &DateTime<FixedOffset>, colon: &str, result: &mut String) -> std::fmt::Result {
    let minutes = time.offset().local_minus_utc() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    write!(result, "{sign}{:02}{colon}{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

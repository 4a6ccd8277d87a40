//! `#string`. Text that is null stays null, or is false where the answer is true or false. Positions count characters.

use serde_json::Value;

use super::{Arguments, Fault};

type Made = Result<Value, Fault>;

fn changed(given: &Arguments<'_>, change: impl FnOnce(&str) -> String) -> Made {
    Ok(given.text(0)?.map_or(Value::Null, |text| Value::String(change(text))))
}

fn tested(given: &Arguments<'_>, test: impl FnOnce(&str, &str) -> bool) -> Made {
    let part = given.needed(1)?;
    Ok(given.text(0)?.is_some_and(|text| test(text, part)).into())
}

pub(super) fn upper_case(given: &Arguments<'_>) -> Made {
    changed(given, str::to_uppercase)
}

pub(super) fn lower_case(given: &Arguments<'_>) -> Made {
    changed(given, str::to_lowercase)
}

pub(super) fn trim(given: &Arguments<'_>) -> Made {
    changed(given, |text| text.trim().to_owned())
}

pub(super) fn replace(given: &Arguments<'_>) -> Made {
    let (old, new) = (given.needed(1)?, given.needed(2)?);
    changed(given, |text| if old.is_empty() { text.to_owned() } else { text.replace(old, new) })
}

pub(super) fn length(given: &Arguments<'_>) -> Made {
    Ok(given.text(0)?.map_or(0, |text| text.chars().count()).into())
}

pub(super) fn contains(given: &Arguments<'_>) -> Made {
    tested(given, |text, part| text.contains(part))
}

pub(super) fn starts_with(given: &Arguments<'_>) -> Made {
    tested(given, |text, start| text.starts_with(start))
}

pub(super) fn ends_with(given: &Arguments<'_>) -> Made {
    tested(given, |text, end| text.ends_with(end))
}

pub(super) fn is_not_empty(given: &Arguments<'_>) -> Made {
    Ok(given.text(0)?.is_some_and(|text| !text.is_empty()).into())
}

pub(super) fn is_not_blank(given: &Arguments<'_>) -> Made {
    Ok(given.text(0)?.is_some_and(|text| !text.trim().is_empty()).into())
}

/// From `start` up to but not including `end`; negative positions count from the end, positions outside are moved
/// to the nearer end, and an empty range gives empty text.
pub(super) fn substring(given: &Arguments<'_>) -> Made {
    let Some(text) = given.text(0)? else { return Ok(Value::Null) };
    let length = text.chars().count();
    let position = |n: usize| -> Result<usize, Fault> {
        let at = given.whole_number(n)?;
        let distance = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
        Ok(if at < 0 { length.saturating_sub(distance) } else { distance.min(length) })
    };
    let start = position(1)?;
    let end = if given.values.len() > 2 { position(2)? } else { length };
    Ok(Value::String(text.chars().skip(start).take(end.saturating_sub(start)).collect()))
}

/// The elements as one text. Null elements are empty; lists and maps inside are refused.
pub(super) fn join(given: &Arguments<'_>) -> Made {
    let separator = given.needed(1)?;
    let items = match &*given.values[0] {
        Value::Array(items) => items,
        Value::Null => return Ok(Value::Null),
        _ => return Err(given.wrong(0, "a list", "`{value}` makes a list of one value.")),
    };
    let texts: Option<Vec<String>> = items
        .iter()
        .map(|item| match item {
            Value::String(text) => Some(text.clone()),
            Value::Null => Some(String::new()),
            Value::Bool(_) | Value::Number(_) => Some(item.to_string()),
            Value::Array(_) | Value::Object(_) => None,
        })
        .collect();
    let texts = texts.ok_or_else(|| {
        Fault::new(
            "the list has lists or maps in it",
            "Choose one attribute of each element first: `.![name]`.",
        )
        .on(&given.nodes[0].place)
    })?;
    Ok(Value::String(texts.join(separator)))
}

/// The parts between the separators; the separator is plain text.
pub(super) fn split(given: &Arguments<'_>) -> Made {
    let separator = given.needed(1)?;
    if separator.is_empty() {
        let fault = Fault::new("the separator is empty", "Say what stands between the parts: `','`.");
        return Err(fault.on(&given.nodes[1].place));
    }
    Ok(given.text(0)?.map_or(Value::Null, |text| text.split(separator).map(Value::from).collect()))
}

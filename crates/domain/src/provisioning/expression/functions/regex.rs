//! `#regex`. Matching takes time in proportion to the text, whatever the pattern; so there is no look-around and no
//! back-reference, which Java has.

use ::regex::{Captures, Regex, RegexBuilder};
use serde_json::Value;

use super::{Arguments, Fault};

/// The longest text that is searched, in bytes. Finding all matches may take time in proportion to its square;
/// attributes are far shorter.
pub(in super::super) const MAX_SEARCHED_BYTES: usize = 2 * 1024;
/// How large a compiled pattern may be, in bytes.
const MAX_COMPILED_BYTES: usize = 256 * 1024;

type Made = Result<Value, Fault>;

/// Compiles a regular expression; with `whole`, one that must match all of a text.
pub(in super::super) fn compile(pattern: &str, whole: bool) -> Result<Regex, Fault> {
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_COMPILED_BYTES).build();
    // Compiled by itself first, so that a parenthesis cannot reach the one that is put around it.
    let compiled = build(pattern)
        .and_then(|plain| if whole { build(&format!(r"\A(?:{pattern})\z")) } else { Ok(plain) });
    compiled.map_err(|error| {
        let unsupported = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|mark| pattern.contains(mark));
        if unsupported {
            return Fault::new(
                "look-ahead and look-behind are not supported in regular expressions",
                "Match the surroundings too and keep a group: `#regex.replaceAll(text, '^.*@(.*)$', '$1')`.",
            );
        }
        match error {
            ::regex::Error::CompiledTooBig(_) => Fault::new(
                "this regular expression is too large",
                "Repeat less: `{1,20}` instead of `{1,2000}`.",
            ),
            other => {
                let text = other.to_string();
                let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                Fault::new(
                    format!("this is not a regular expression: {why}"),
                    "Write a backslash before a character that is meant literally: `\\.`.",
                )
            }
        }
    })
}

/// The text to search; none when it is null.
fn subject<'c>(given: &Arguments<'c>) -> Result<Option<&'c str>, Fault> {
    let text = given.text(0)?;
    if text.is_some_and(|text| text.len() > MAX_SEARCHED_BYTES) {
        let message = format!("this text is longer than the {MAX_SEARCHED_BYTES} bytes that are searched");
        return Err(Fault::new(message, "Shorten it with `#string.substring`.").on(&given.nodes[0].place));
    }
    Ok(text)
}

pub(super) fn find_all(given: &Arguments<'_>) -> Made {
    let regex = given.regex(1, false)?;
    let Some(text) = subject(given)? else { return Ok(Value::Array(Vec::new())) };
    Ok(regex.find_iter(text).map(|found| Value::from(found.as_str())).collect())
}

pub(in super::super) fn matches(given: &Arguments<'_>) -> Made {
    let regex = given.regex(1, true)?;
    Ok(subject(given)?.is_some_and(|text| regex.is_match(text)).into())
}

pub(super) fn replace_first(given: &Arguments<'_>) -> Made {
    let Some(text) = subject(given)? else { return Ok(Value::Null) };
    replaced(given, text, 1, 1).map(Value::String)
}

/// One or more pairs of a regular expression and its replacement, one after the other.
pub(super) fn replace_all(given: &Arguments<'_>) -> Made {
    let Some(text) = subject(given)? else { return Ok(Value::Null) };
    let mut text = text.to_owned();
    for pair in (1..given.values.len()).step_by(2) {
        text = replaced(given, &text, pair, usize::MAX)?;
        if text.len() > super::super::MAX_OUTPUT_BYTES {
            return Err(Fault::new(
                "the text becomes too long by these replacements",
                "Replace by something shorter.",
            ));
        }
    }
    Ok(Value::String(text))
}

fn replaced(given: &Arguments<'_>, text: &str, pair: usize, most: usize) -> Result<String, Fault> {
    let regex = given.regex(pair, false)?;
    let template = given.needed(pair + 1)?;
    let mut result = String::new();
    let mut from = 0;
    for found in regex.captures_iter(text).take(most) {
        let Some(whole) = found.get(0) else { continue };
        result.push_str(&text[from..whole.start()]);
        expand(template, &found, &mut result).map_err(|fault| fault.on(&given.nodes[pair + 1].place))?;
        from = whole.end();
        if result.len() > super::super::MAX_OUTPUT_BYTES {
            break;
        }
    }
    result.push_str(&text[from..]);
    Ok(result)
}

/// Java's replacement text: `$1` and `${name}` are groups, and a backslash takes the meaning from what follows.
fn expand(template: &str, found: &Captures<'_>, result: &mut String) -> Result<(), Fault> {
    let mut rest = template;
    while let Some(at) = rest.find(['$', '\\']) {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if rest[at..].starts_with('\\') {
            let mut following = after.chars();
            result.extend(following.next());
            rest = following.as_str();
            continue;
        }
        let (group, length) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) => (found.name(name), name.len() + 2),
            None => {
                // As many digits as still name a group.
                let digits = after.bytes().take_while(u8::is_ascii_digit).count();
                let length = (1..=digits)
                    .rev()
                    .find(|length| after[..*length].parse::<usize>().is_ok_and(|group| group < found.len()))
                    .ok_or_else(|| {
                        Fault::new(
                            "the replacement names a group that the regular expression does not have",
                            "Write `$1` for the first group in parentheses, and `\\$` for a dollar sign.",
                        )
                    })?;
                (after[..length].parse().ok().and_then(|group| found.get(group)), length)
            }
        };
        result.push_str(group.map_or("", |group| group.as_str()));
        rest = &after[length..];
    }
    result.push_str(rest);
    Ok(())
}

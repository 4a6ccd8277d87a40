//! Words for what pages show: times, roles, standings, states. A badge always has its word, never a colour alone.

use std::fmt;

use usher_domain::{
    Timestamp,
    access::Role,
    provisioning::{
        connection::{Connection, Health},
        rule::Direction,
    },
    reconcile::{guard::HoldReason, run::RunState, status::Standing},
};
use usher_engine::reconcile::sync_status::RuleState;

/// A time: in UTC as it stands here, in the reader's zone once the script has seen it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Timestamp);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_datetime().format("%Y-%m-%d %H:%M UTC");
        write!(f, "<time class=\"nowrap\" datetime=\"{}\">{text}</time>", self.0)
    }
}

impl askama::filters::HtmlSafe for Time {}

/// A word with a colour that agrees with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Badge {
    pub(super) class: &'static str,
    pub(super) word: &'static str,
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"badge {}\">{}</span>", self.class, self.word)
    }
}

impl askama::filters::HtmlSafe for Badge {}

const fn badge(class: &'static str, word: &'static str) -> Badge {
    Badge { class, word }
}

/// Where someone stands with a rule, in PingOne's words.
pub(super) fn standing(standing: Standing) -> Badge {
    match standing {
        Standing::Success => badge("good", "Success"),
        Standing::Partial => badge("warn", "Partial Synced"),
        Standing::Unsynced => badge("", "Unsynced"),
        Standing::Failed => badge("bad", "Failed"),
    }
}

/// Where a run stands.
pub(super) fn run_state(state: RunState) -> Badge {
    match state {
        RunState::Planning => badge("busy", "Planning"),
        RunState::Held => badge("warn", "Held"),
        RunState::Applying => badge("busy", "Applying"),
        RunState::Succeeded => badge("good", "Succeeded"),
        RunState::Partial => badge("warn", "Partial"),
        RunState::Failed => badge("bad", "Failed"),
        RunState::Cancelled => badge("", "Cancelled"),
    }
}

/// How a rule stands.
pub(super) fn rule_state(state: RuleState) -> Badge {
    match state {
        RuleState::Active => badge("good", "Active"),
        RuleState::Inactive => badge("", "Inactive"),
        RuleState::Failed => badge("bad", "Failed"),
        RuleState::Held => badge("warn", "Held"),
    }
}

/// Which way a rule goes.
pub(super) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Outbound => "Outbound",
        Direction::Inbound => "Inbound",
    }
}

/// How a connection stands.
pub(super) fn connection(connection: &Connection) -> Badge {
    match &connection.health {
        Health::Broken { .. } => badge("bad", "Failed"),
        Health::Untested => badge("warn", "Not tested"),
        Health::Valid { .. } if connection.active => badge("good", "Active"),
        Health::Valid { .. } => badge("", "Inactive"),
    }
}

/// Whether something is on.
pub(super) fn enabled(on: bool) -> Badge {
    if on { badge("good", "Enabled") } else { badge("", "Disabled") }
}

/// A role, as PingOne names it.
pub(super) fn role(role: Role) -> String {
    role.name().to_owned()
}

/// A number with its thousands apart.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `1 user`, `2 users`.
pub(super) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// Why the guard holds a run: a sentence for each kind of thing that is removed, with the limits by the names that the
/// pages give them.
pub(super) fn hold(reasons: &[HoldReason]) -> Vec<String> {
    let told = |alike: &[HoldReason]| {
        let HoldReason { what, planned, recent, of, .. } = alike.first()?;
        let recent = match recent {
            0 => String::new(),
            recent => format!(", after {} in the window before it,", number(*recent)),
        };
        let limits = alike.iter().map(|it| {
            let name = match it.limit.as_str() {
                "GUARD_MAX_REMOVALS" => "Removals, at most",
                "GUARD_MAX_REMOVAL_PERCENT" => "Percent of the rule's identities, at most",
                other => other,
            };
            format!("“{name}” allows {}", number(it.allowed))
        });
        Some(format!(
            "This run would remove {} {what}{recent} of {}. {}.",
            number(*planned),
            number(*of),
            limits.collect::<Vec<_>>().join("; ")
        ))
    };
    reasons.chunk_by(|a, b| a.what == b.what).filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_thousands() {
        let shown: Vec<String> = [0, 999, 1_000, 1_234_567].into_iter().map(number).collect();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([count(1, "user", "users"), count(2_000, "user", "users")], ["1 user", "2,000 users"]);
    }

    #[test]
    fn why_a_run_is_held_is_said_once_for_each_kind() {
        let reason = |what: &str, recent, allowed, limit: &str| HoldReason {
            what: what.into(),
            planned: 1_631,
            recent,
            of: 1_682,
            allowed,
            limit: limit.into(),
        };
        let told = hold(&[
            reason("users", 0, 50, "GUARD_MAX_REMOVALS"),
            reason("users", 0, 168, "GUARD_MAX_REMOVAL_PERCENT"),
            reason("groups", 5, 50, "GUARD_MAX_REMOVALS"),
        ]);
        assert_eq!(
            told,
            [
                "This run would remove 1,631 users of 1,682. “Removals, at most” allows 50; \
                 “Percent of the rule's identities, at most” allows 168.",
                "This run would remove 1,631 groups, after 5 in the window before it, of 1,682. \
                 “Removals, at most” allows 50.",
            ]
        );
    }
}

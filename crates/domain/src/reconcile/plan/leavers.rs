//! What is to be done about accounts whose users the rule does not want any more.

use std::time::Duration;

use super::{Retiring, draft::Draft, findings};
use crate::{
    Problem, Timestamp,
    provisioning::connection::RemoveAction,
    reconcile::{
        attributes::Attribute,
        correlate::{NONE, TAKEN, is_gone},
        links::AccountLink,
        operation::{Action, Because},
        scope::Subject,
        snapshot::{Account, AccountState},
    },
};

/// Plans every link that this rule made and whose user is neither wanted by it nor by another rule.
pub(super) fn plan(draft: &mut Draft) {
    let known = draft.known;
    let mut next = 0;
    for (position, link) in known.links.accounts().iter().enumerate() {
        while draft.wanted.get(next).is_some_and(|want| want.user < link.user) {
            next += 1;
        }
        let is_wanted = draft.wanted.get(next).is_some_and(|want| want.user == link.user);
        if is_wanted || !known.may_deprovision(link) {
            continue;
        }
        let at = draft.pairs.linked.get(position).copied().unwrap_or(NONE);
        // Handed over to someone whom the rule wants, or only a full look can tell.
        if draft.pairs.owner.get(at as usize) == Some(&TAKEN) {
            continue;
        }
        match known.seen.accounts.get(at as usize) {
            None if !known.seen.scope.is_full() => draft.wants_full = true,
            None => {
                let action = Action::Unlink { account: link.account.clone() };
                draft.user(link.user, &link.user.to_string(), Because::Gone, action);
            }
            Some(account) => leave(draft, at, link, account),
        }
    }
}

fn leave(draft: &mut Draft, at: u32, link: &AccountLink, account: &Account) {
    let email = account.attributes.get(Attribute::Email);
    let own_label;
    let label = if email.is_empty() {
        own_label = link.user.to_string();
        &own_label
    } else {
        email
    };
    let left_alone =
        |draft: &mut Draft, problem: Problem| draft.finding(Subject::User(link.user), label, None, problem);
    if draft.pairs.contested.contains(&at) {
        return left_alone(draft, findings::contested(label));
    }
    let retiring = draft.known.retiring;
    let because = if retiring.is_some() { Because::RuleDeleted } else { Because::LeftScope };
    let deprovision = match retiring {
        Some(Retiring::Deprovision) => true,
        Some(Retiring::Unlink) => false,
        None => draft.known.policy.deprovision,
    };
    if is_gone(account) || !deprovision {
        let because = if is_gone(account) { Because::Gone } else { because };
        if because == Because::LeftScope {
            left_alone(draft, findings::left_alone(label));
        }
        // What fits several is nobody's either, but is not treated as a stranger's.
        let owner = if draft.pairs.claimed.contains(&at) { TAKEN } else { NONE };
        if let Some(slot) = draft.pairs.owner.get_mut(at as usize) {
            *slot = owner;
        }
        return draft.user(link.user, label, because, Action::Unlink { account: link.account.clone() });
    }
    let Some((because, action)) = next_step(draft, link, account, because, label) else { return };
    if !matches!(action, Action::Amend { .. }) {
        match draft.may_take_away(account, "") {
            Ok(true) => {}
            Ok(false) => return,
            Err(problem) => return left_alone(draft, problem),
        }
    }
    draft.user(link.user, label, because, action);
}

/// The one next step out, if there is one.
fn next_step(
    draft: &mut Draft,
    link: &AccountLink,
    account: &Account,
    because: Because,
    label: &str,
) -> Option<(Because, Action)> {
    let known = draft.known;
    let id = account.id.clone();
    let days = known.policy.remove_after_days;
    let deletes = known.policy.remove_action == RemoveAction::Delete;
    let suspended = match account.state {
        AccountState::Removed { .. } => return None,
        AccountState::Unknown => {
            draft.finding(Subject::User(link.user), label, None, findings::unknown_state(label));
            return None;
        }
        AccountState::Invited => return Some((because, Action::CancelInvitation { account: id })),
        AccountState::Active => false,
        AccountState::Suspended { .. } => true,
    };
    let amend = |remove_at: Option<Timestamp>| {
        let amend = Action::Amend { account: id.clone(), suspended_by_us: link.suspended_by_us, remove_at };
        (link.remove_at != remove_at).then_some((because, amend))
    };
    let suspend = |remove_at: Option<Timestamp>| {
        if suspended {
            amend(remove_at)
        } else {
            Some((because, Action::Suspend { account: id.clone(), remove_at }))
        }
    };
    if !deletes {
        return suspend(None);
    }
    if days == 0 {
        return Some((because, Action::Remove { account: id }));
    }
    match link.remove_at {
        Some(at) if at <= known.now => Some((Because::GraceOver, Action::Remove { account: id })),
        // A rule that is being deleted will not be there to remove it; removing at once would break the promise
        // of days of grace.
        _ if known.retiring.is_some() => {
            draft.finding(Subject::User(link.user), label, None, findings::grace_cut(label));
            suspend(link.remove_at)
        }
        Some(at) => suspend(Some(at)),
        None => suspend(Some(known.now.plus(Duration::from_secs(u64::from(days) * 24 * 3600)))),
    }
}

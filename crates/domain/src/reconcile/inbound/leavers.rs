//! What is to be done about users whose accounts the rule does not want any more: only those whom it made are disabled
//! or deleted, the others are forgotten.

use super::{
    Draft, Fate, Provenance,
    correlate::{Pairs, label},
    findings,
};
use crate::{
    provisioning::connection::RemoveAction,
    reconcile::{
        correlate::NONE,
        operation::{Action, Because},
        plan::Retiring,
    },
};

/// Plans everyone whom the rule made, and every link that it made, whose account is not wanted.
pub(super) fn plan(draft: &mut Draft, pairs: &Pairs) {
    let known = draft.known;
    for made in known.provisioned {
        if draft.kept.contains(&made.user) || !known.seen.scope.has_account(&made.account) {
            continue;
        }
        let at = pairs.account(draft, made.account.as_str());
        match at.and_then(|at| draft.fates.get(at as usize)) {
            Some(Fate::Out(because)) => leave(draft, made, *because),
            Some(Fate::Wanted | Fate::Unknown | Fate::Ignored) => {}
            None if !known.seen.scope.is_full() => draft.wants_full = true,
            None if known.retiring.is_some() => leave(draft, made, Because::RuleDeleted),
            None => leave(draft, made, Because::RemovedThere),
        }
    }
    for (link, at) in known.links.accounts().iter().zip(&pairs.linked) {
        let ours = link.rule == known.rule && known.seen.scope.has_account(&link.account);
        if !ours || draft.kept.contains(&link.user) || draft.provenance(link.user).is_some() {
            continue;
        }
        let account = known.seen.accounts.get(*at as usize);
        let because = match draft.fates.get(*at as usize) {
            Some(Fate::Out(because)) => *because,
            None if *at == NONE && known.seen.scope.is_full() => Because::RemovedThere,
            None if *at == NONE => {
                draft.wants_full = true;
                continue;
            }
            _ => continue,
        };
        let own_label = draft.user(link.user).map_or_else(|| link.user.to_string(), |it| it.username.clone());
        let label = account.map_or(&*own_label, label);
        draft.push(link.user, label, because, Action::Unlink { account: link.account.clone() });
    }
}

fn leave(draft: &mut Draft, made: &Provenance, because: Because) {
    let known = draft.known;
    let account = || made.account.clone();
    let Some(user) = draft.user(made.user) else {
        // Under a scope the directory was not looked at as a whole either.
        if known.seen.scope.is_full() {
            let label = made.user.to_string();
            draft.push(made.user, &label, Because::Gone, Action::Unlink { account: account() });
        }
        return;
    };
    let label = user.username.as_str();
    let deprovision = match known.retiring {
        Some(Retiring::Deprovision) => true,
        Some(Retiring::Unlink) => false,
        // Whoever wants only active accounts wants no others in the directory, as PingOne documents it.
        None => known.onboarding.deprovision || because == Because::NotActive,
    };
    if !deprovision {
        return draft.finding(user.id, label, None, findings::left_alone(label, because));
    }
    if let Some(other) = known.theirs.get(&user.id) {
        return draft.finding(user.id, label, None, findings::of_another_rule(label, *other));
    }
    if because == Because::NotActive || known.onboarding.remove_action == RemoveAction::Delete {
        return draft.push(user.id, label, because, Action::DeleteUser { account: account() });
    }
    if made.has_left || !user.enabled {
        return;
    }
    if !known.onboarding.disable && known.retiring.is_none() {
        return draft.finding(user.id, label, None, findings::left_alone(label, because));
    }
    draft.push(user.id, label, because, Action::DisableUser { account: account(), left: true });
}

//! What is to be done about the users of the accounts that the rule wants.

use super::{
    Draft, Fate, body,
    correlate::{Found, Pairs, label},
    findings,
    member::Member,
    user_of_account,
};
use crate::{
    Problem, UserId,
    directory::{commands::user, user::User},
    provisioning::onboarding::Owned,
    reconcile::{
        links::Origin,
        operation::{Action, Because},
        scope::Subject,
        snapshot::Account,
        status::Standing,
    },
};

/// Plans all wanted accounts. Most need nothing, and cost no allocation.
pub(super) fn plan(draft: &mut Draft, pairs: &Pairs) {
    let known = draft.known;
    for (at, account) in known.seen.accounts.iter().enumerate() {
        let Some(found) = pairs.found.get(at) else { continue };
        let place = match found {
            Found::Nothing => continue,
            Found::New => {
                create(draft, pairs, at, account);
                continue;
            }
            Found::Linked(place) | Found::Matched(place) => *place as usize,
        };
        let Some(user) = known.users.get(place) else { continue };
        draft.impacted.push(Subject::User(user.id));
        draft.kept.insert(user.id);
        let label = label(account);
        if draft.fates.get(at) == Some(&Fate::Unknown) {
            draft.finding(user.id, label, Some(Standing::Partial), findings::unknown_state(label));
            continue;
        }
        if let Some(other) = known.theirs.get(&user.id) {
            let problem = findings::of_another_rule(label, *other);
            draft.finding(user.id, label, Some(Standing::Partial), problem);
            continue;
        }
        let made_by_us = draft.provenance(user.id);
        if matches!(found, Found::Matched(_)) || made_by_us.is_some_and(|made| made.account != account.id) {
            let origin = if made_by_us.is_some() { Origin::Created } else { Origin::Adopted };
            let account = account.id.clone();
            let link = Action::Link { account, origin, from: None, suspended_by_us: false };
            draft.push(user.id, label, Because::InScope, link);
        }
        let written = known.written.get(place).copied().unwrap_or(Owned::NONE);
        keep(draft, pairs, account, user, known.onboarding.authority.directory(written));
    }
}

/// Keeps a user as the account says, in all that the directory does not decide itself.
fn keep(draft: &mut Draft, pairs: &Pairs, account: &Account, user: &User, directory: Owned) {
    let known = draft.known;
    let (onboarding, label) = (known.onboarding, label(account));
    let member = Member { account, seen: known.seen, groups: &pairs.groups };
    let failed = |draft: &mut Draft, problem| draft.finding(user.id, label, Some(Standing::Failed), problem);
    let partial =
        |draft: &mut Draft, problem| draft.finding(user.id, label, Some(Standing::Partial), problem);
    let account_id = || account.id.clone();

    let has_left = draft.provenance(user.id).is_some_and(|made| made.has_left);
    match known.mappings.enabled(&member, directory) {
        Err(problem) => return failed(draft, problem),
        // We disabled them because they had left, so it is ours to undo whoever decides the status.
        Ok((true, _)) if has_left => {
            draft.push(
                user.id,
                label,
                Because::Back,
                Action::EnableUser { account: account_id(), back: true },
            );
        }
        Ok((true, true)) if !user.enabled => {
            if onboarding.update {
                draft.push(
                    user.id,
                    label,
                    Because::Back,
                    Action::EnableUser { account: account_id(), back: false },
                );
            } else {
                partial(draft, findings::update_off(label, "enabled"));
            }
        }
        Ok((false, true)) if user.enabled => {
            if onboarding.disable {
                let disable = Action::DisableUser { account: account_id(), left: false };
                draft.push(user.id, label, Because::Suspended, disable);
            } else {
                partial(draft, findings::disable_off(label));
            }
        }
        Ok(_) => {}
    }
    let changes = match known.mappings.changes(&member, user, directory) {
        Err(problem) => return failed(draft, problem),
        Ok(changes) if changes.is_empty() => return,
        Ok(changes) => changes,
    };
    if !onboarding.update {
        let names: Vec<&str> = changes.iter().map(|change| &*change.attribute).collect();
        return partial(draft, findings::update_off(label, &names.join(", ")));
    }
    if let Err(rejection) = user::judge(Some(user), &body(&changes)) {
        return failed(draft, findings::refused(label, &rejection));
    }
    let update = Action::UpdateUser { account: account_id(), changes };
    draft.push(user.id, label, Because::InScope, update);
}

/// Makes a user for an account, unless something stands in the way.
fn create(draft: &mut Draft, pairs: &Pairs, at: usize, account: &Account) {
    let known = draft.known;
    let (label, new) = (label(account), user_of_account(known.connection, &account.id));
    draft.impacted.push(Subject::User(new));
    match values(draft, pairs, account, label) {
        Err((standing, problem)) => draft.finding(new, label, Some(standing), problem),
        Ok(create) => {
            forget_former(draft, pairs, at, new, label);
            draft.push(new, label, Because::InScope, create);
        }
    }
}

fn values(
    draft: &Draft,
    pairs: &Pairs,
    account: &Account,
    label: &str,
) -> Result<Action, (Standing, Problem)> {
    let known = draft.known;
    if !known.onboarding.create {
        return Err((Standing::Unsynced, findings::create_off(label)));
    }
    let failed = |problem| (Standing::Failed, problem);
    let population = known.onboarding.population.ok_or_else(|| failed(findings::no_population()))?;
    let member = Member { account, seen: known.seen, groups: &pairs.groups };
    let (enabled, _) = known.mappings.enabled(&member, Owned::NONE).map_err(failed)?;
    let values = known.mappings.values(&member).map_err(failed)?;
    user::judge(None, &body(&values)).map_err(|rejection| failed(findings::refused(label, &rejection)))?;
    Ok(Action::CreateUser { account: account.id.clone(), population, enabled, values })
}

/// The account was linked to a user who is not there any more.
fn forget_former(draft: &mut Draft, pairs: &Pairs, at: usize, new: UserId, label: &str) {
    let former = pairs.link_of.get(at).and_then(|place| draft.known.links.accounts().get(*place as usize));
    if let Some(link) = former.filter(|link| link.user != new) {
        let account = link.account.clone();
        draft.push(link.user, label, Because::Gone, Action::Unlink { account });
    }
}

//! What is to be done about who is in which group.

use super::{
    draft::{CREATED, Draft},
    groups::Membershipped,
};
use crate::{
    provisioning::connection::MembershipHandling,
    reconcile::{
        attributes::Attribute,
        correlate::{Found, NONE, is_live, user_text},
        desired::DesiredAccount,
        operation::{Action, Because},
        snapshot::{Account, AccountState},
    },
};

/// Plans memberships of wanted users, and with `Overwrite` takes out accounts that nobody has.
pub(super) fn plan(draft: &mut Draft, groups: &[Membershipped]) {
    let known = draft.known;
    let mut wanted_at_key = vec![NONE; known.seen.group_ids.len()];
    let mut wanted_at_link = vec![NONE; known.links.groups().len()];
    for (position, group) in (0..).zip(groups).filter(|(_, group)| group.open) {
        if let Some(slot) = group.key.and_then(|key| wanted_at_key.get_mut(key.0 as usize)) {
            *slot = position;
        }
        if let Some(slot) = group.link.and_then(|link| wanted_at_link.get_mut(link as usize)) {
            *slot = position;
        }
    }

    let mut placed = known.links.placed();
    let (mut seen_in, mut placed_in) = (Vec::new(), Vec::new());
    for (position, want) in draft.wanted.iter().enumerate() {
        let presence = draft.presence.get(position).copied().unwrap_or(NONE);
        if presence == NONE {
            continue;
        }
        let (link, found) =
            draft.pairs.matches.get(position).map_or((NONE, Found::Nothing), |pair| (pair.link, pair.found));
        placed_in.clear();
        if let Found::Left(_) = found {
            // Where their former user was put; that link is not in the order of users.
            let all = known.links.placed();
            let from = all.partition_point(|(account, _)| *account < link);
            let own = all.get(from..).unwrap_or(&[]).iter().take_while(|(account, _)| *account == link);
            placed_in.extend(own.filter_map(|(_, group)| open(&wanted_at_link, *group)));
        } else if link != NONE {
            // Links are walked in order, so what stands before is never far.
            let from = placed.iter().take_while(|(account, _)| *account < link).count();
            placed = placed.get(from..).unwrap_or(&[]);
            if !draft.gone_links.contains(&link) {
                let own = placed.iter().take_while(|(account, _)| *account == link);
                placed_in.extend(own.filter_map(|(_, group)| open(&wanted_at_link, *group)));
            }
        }
        seen_in.clear();
        let account = if presence == CREATED { None } else { known.seen.accounts.get(presence as usize) };
        if let Some(account) = account {
            seen_in.extend(account.groups.iter().filter_map(|key| open(&wanted_at_key, key.0)));
        }
        seen_in.sort_unstable();
        placed_in.sort_unstable();
        one(draft, groups, want, account, &seen_in, &placed_in);
    }
    if known.policy.memberships == MembershipHandling::Overwrite && known.seen.scope.is_full() {
        strangers(draft, groups, &wanted_at_key);
    }
}

fn open(wanted: &[u32], at: u32) -> Option<u32> {
    wanted.get(at as usize).copied().filter(|position| *position != NONE)
}

/// Memberships of one wanted user. All lists are sorted positions of wanted groups.
fn one(
    draft: &mut Draft,
    groups: &[Membershipped],
    want: &DesiredAccount,
    account: Option<&Account>,
    seen_in: &[u32],
    placed_in: &[u32],
) {
    let overwrite = draft.known.policy.memberships == MembershipHandling::Overwrite;
    let mut buffer = [0; 36];
    let label = match want.attributes.get(Attribute::Email) {
        "" => user_text(want.user, &mut buffer),
        email => email,
    };
    let wanted_groups = draft.wanted_groups;
    if want.enabled {
        for at in want.groups.iter().filter(|at| seen_in.binary_search(at).is_err()) {
            let (Some(group), Some(there)) = (wanted_groups.get(*at as usize), groups.get(*at as usize))
            else {
                continue;
            };
            if there.open {
                let action = Action::AddMember {
                    group: group.group,
                    group_name: group.name.clone(),
                    remote: there.remote.clone(),
                    account: account.map(|account| account.id.clone()),
                    user: want.user,
                };
                draft.user(want.user, label, Because::InScope, action);
            }
        }
    }
    for at in seen_in.iter().filter(|at| want.groups.binary_search(at).is_err()) {
        if !overwrite && placed_in.binary_search(at).is_err() {
            continue;
        }
        let (Some(group), Some(there)) = (wanted_groups.get(*at as usize), groups.get(*at as usize)) else {
            continue;
        };
        if let (Some(account), Some(remote)) = (account, &there.remote) {
            let action = Action::RemoveMember {
                group: group.group,
                group_name: group.name.clone(),
                remote: remote.clone(),
                account: account.id.clone(),
                user: Some(want.user),
            };
            draft.user(want.user, label, Because::NotMember, action);
        }
    }
    // A removed account shows no groups, but may bring them back with it when it is recovered: until it is there
    // again, nothing is known, and what Usher put in stays Usher's to take out.
    if account.is_some_and(|account| !is_live(account)) {
        return;
    }
    let forgotten = |at: &&u32| seen_in.binary_search(at).is_err() && want.groups.binary_search(at).is_err();
    for at in placed_in.iter().filter(forgotten) {
        if let Some(group) = wanted_groups.get(*at as usize) {
            let action =
                Action::ForgetMember { group: group.group, group_name: group.name.clone(), user: want.user };
            draft.user(want.user, label, Because::NotMember, action);
        }
    }
}

/// Takes accounts that nobody has out of the rule's groups.
fn strangers(draft: &mut Draft, groups: &[Membershipped], wanted_at_key: &[u32]) {
    let wanted_groups = draft.wanted_groups;
    for (position, account) in draft.known.seen.accounts.iter().enumerate() {
        let nobodys = draft.pairs.owner.get(position) == Some(&NONE);
        if !nobodys || !is_live(account) || account.state == AccountState::Unknown {
            continue;
        }
        for at in account.groups.iter().filter_map(|key| open(wanted_at_key, key.0)) {
            let (Some(group), Some(there)) = (wanted_groups.get(at as usize), groups.get(at as usize)) else {
                continue;
            };
            let Some(remote) = there.remote.clone() else { continue };
            let action = Action::RemoveMember {
                group: group.group,
                group_name: group.name.clone(),
                remote,
                account: account.id.clone(),
                user: None,
            };
            let label = account.attributes.get(Attribute::Email);
            draft.group(group.group, label, Because::NotMember, action);
        }
    }
}

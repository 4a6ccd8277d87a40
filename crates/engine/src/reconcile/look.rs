//! From what a run is about to what is looked at on the remote side, by the links there are; and whether a full look
//! costs fewer calls.

use usher_domain::{
    UserId,
    ports::connector::{Look, LookAtGroups, Person},
    reconcile::{
        attributes::Attribute,
        desired::{Desired, DesiredAccount},
        guard::Tally,
        links::Links,
        scope::Scope,
    },
};

/// How many accounts one call looks up, as this arithmetic counts them.
const LOOKED_UP_PER_CALL: u64 = 100;
/// How many accounts or groups one call lists.
const LISTED_PER_CALL: u64 = 1000;

/// Whether looking at everything takes fewer calls than looking up so many users. A look-up of people who are not
/// linked goes by external id and by e-mail and costs twice, but a listing reads more than is needed: these are taken
/// to cancel out. The team is taken to be as large as what the rule has linked, plus those who are due.
pub(super) fn full_is_cheaper(due_users: u64, linked: Tally) -> bool {
    let looked_up = due_users.div_ceil(LOOKED_UP_PER_CALL);
    let team = linked.users.saturating_add(due_users);
    let listed = team.div_ceil(LISTED_PER_CALL) + linked.groups.div_ceil(LISTED_PER_CALL) + 1;
    looked_up > listed
}

/// Takes those groups into the scope that a user in scope should be in and that are not linked yet: they must be made
/// or found before anybody can be put into them.
pub(super) fn widen(desired: &mut Desired, links: &Links) {
    let Scope::Subjects { groups, .. } = &mut desired.scope else { return };
    let wanted = desired.accounts.iter().flat_map(|account| account.groups.iter());
    for index in wanted {
        let Some(group) = desired.groups.get(*index as usize) else { continue };
        if links.group(group.group).is_none() {
            groups.insert(group.group);
        }
    }
}

/// What to look at.
pub(super) fn at(desired: &Desired, links: &Links) -> Look {
    let Scope::Subjects { users, groups } = &desired.scope else { return Look::Whole };
    let mut accounts = Vec::new();
    let mut people = Vec::new();
    for user in users {
        match (links.account(*user), wanted(desired, *user)) {
            (Some(link), _) if link.account.expected_external_id().is_none() => {
                accounts.push(link.account.clone());
            }
            (_, Some(want)) => people.push(person(want, desired)),
            // Neither linked nor wanted: there is nothing to find. Who has only an account that was about to be made is
            // looked for among all.
            (_, None) => {}
        }
    }
    let remote: Option<Vec<_>> = groups
        .iter()
        .filter(|group| links.group(**group).is_some() || is_wanted(desired, **group))
        .map(|group| links.group(*group).map(|link| link.remote.clone()))
        .collect();
    let groups = match remote {
        None => LookAtGroups::All,
        Some(remote) if remote.is_empty() => LookAtGroups::None,
        Some(remote) => LookAtGroups::These(remote),
    };
    Look::At { accounts, people, groups }
}

fn wanted(desired: &Desired, user: UserId) -> Option<&DesiredAccount> {
    let index = desired.accounts.binary_search_by_key(&user, |account| account.user).ok()?;
    desired.accounts.get(index)
}

fn is_wanted(desired: &Desired, group: usher_domain::GroupId) -> bool {
    desired.groups.binary_search_by_key(&group, |group| group.group).is_ok()
}

/// How to find someone who has no link: as the planner correlates, by external id as mapped, and by e-mail.
fn person(want: &DesiredAccount, desired: &Desired) -> Person {
    let external_id = if desired.mapped.has(Attribute::ExternalId) {
        want.attributes.get(Attribute::ExternalId).to_owned()
    } else {
        want.user.to_string()
    };
    Person { external_id, email: want.attributes.get(Attribute::Email).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_due_users_are_cheaper_to_list_than_to_look_up() {
        let team = |users, groups| Tally { users, memberships: 0, groups };
        assert!(!full_is_cheaper(1, team(10_000, 50)));
        assert!(!full_is_cheaper(1_200, team(10_000, 50)), "12 look-ups, 13 listings");
        assert!(full_is_cheaper(1_500, team(10_000, 50)), "15 look-ups, 14 listings");
        assert!(full_is_cheaper(400, team(0, 0)), "4 look-ups, 2 listings");
    }
}

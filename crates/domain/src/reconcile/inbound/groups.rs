//! Groups inbound, as an option: a Dropbox group that a member of the rule is in becomes a directory group, and its
//! memberships among the rule's users follow Dropbox. A group has one direction, that of the rule that linked it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Draft,
    correlate::{Found, Pairs},
    findings, user_of_account,
};
use crate::{
    GroupId, UserId,
    directory::group::Group,
    ids,
    reconcile::{
        links::{GroupLink, Origin},
        operation::{Action, Because},
        plan::Retiring,
        scope::Subject,
        snapshot::{GroupKey, GroupKind, RemoteGroup},
        status::Standing,
    },
};

/// A Dropbox group that the rule keeps in the directory.
struct Ours<'a> {
    group: GroupId,
    name: &'a str,
    /// As the directory has it, unless this plan makes it.
    there: Option<&'a Group>,
    origin: Origin,
}

/// The directory's groups as they are looked for.
struct There<'a> {
    by_name: FxHashMap<String, Vec<&'a Group>>,
    by_remote: FxHashMap<&'a str, &'a GroupLink>,
    /// Names that this plan gives.
    given: FxHashSet<String>,
}

impl<'a> There<'a> {
    fn of(draft: &Draft<'a>) -> Self {
        let mut by_name: FxHashMap<String, Vec<&Group>> = FxHashMap::default();
        for group in draft.known.groups {
            by_name.entry(group.name.to_lowercase()).or_default().push(group);
        }
        let links = draft.known.links.groups().iter();
        let by_remote = links.map(|link| (link.remote.as_str(), link)).collect();
        There { by_name, by_remote, given: FxHashSet::default() }
    }

    /// Another group of that name.
    fn named(&self, own: GroupId, name: &str) -> Option<&'a Group> {
        let groups = self.by_name.get(&name.to_lowercase())?;
        groups.iter().copied().find(|group| group.id != own)
    }

    /// Whether no other group of the plan is given that name.
    fn give(&mut self, name: &str) -> bool {
        self.given.insert(name.to_lowercase())
    }
}

/// Plans groups and memberships, after all users.
pub(super) fn plan(draft: &mut Draft, pairs: &Pairs) {
    let known = draft.known;
    if !known.onboarding.groups {
        return;
    }
    let people = people(draft, pairs);
    let by_key: FxHashMap<GroupKey, &RemoteGroup> =
        known.seen.groups.iter().map(|group| (group.key, group)).collect();
    let mut keys: Vec<GroupKey> = people.iter().flat_map(|(at, _)| groups_of(draft, *at)).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    let mut ours: FxHashMap<GroupKey, Ours<'_>> = FxHashMap::default();
    let mut there = There::of(draft);
    for key in keys {
        let Some(remote) = by_key.get(&key).copied() else { continue };
        if matches!(remote.kind, GroupKind::SystemManaged | GroupKind::Unknown) {
            continue;
        }
        if let Some(group) = keep(draft, remote, &mut there) {
            ours.insert(key, group);
        }
    }
    memberships(draft, &people, &ours);
    leave(draft, &by_key);
}

/// The accounts of the rule that have, or will have, a user: by place.
fn people(draft: &Draft, pairs: &Pairs) -> Vec<(usize, UserId)> {
    let known = draft.known;
    let made: FxHashSet<Subject> = draft
        .operations
        .iter()
        .filter(|operation| matches!(operation.action, Action::CreateUser { .. }))
        .map(|operation| operation.subject)
        .collect();
    let user = |(at, found): (usize, &Found)| {
        let user = match found {
            Found::Nothing => return None,
            Found::Linked(place) | Found::Matched(place) => known.users.get(*place as usize)?.id,
            Found::New => {
                let new = user_of_account(known.connection, &known.seen.accounts.get(at)?.id);
                made.contains(&Subject::User(new)).then_some(new)?
            }
        };
        (!known.theirs.contains_key(&user)).then_some((at, user))
    };
    pairs.found.iter().enumerate().filter_map(user).collect()
}

fn groups_of<'a>(draft: &Draft<'a>, at: usize) -> &'a [GroupKey] {
    draft.known.seen.accounts.get(at).map_or(&[], |account| &account.groups)
}

/// Keeps a group in the directory; `None` when it is not this rule's, or something stands in its way.
fn keep<'a>(draft: &mut Draft<'a>, remote: &'a RemoteGroup, dir: &mut There<'a>) -> Option<Ours<'a>> {
    let known = draft.known;
    let id = known.seen.group_id(remote.key)?;
    let name = &*remote.name;
    let derived = GroupId(ids::derived(&[&known.connection.to_string(), "group", id.as_str()]));
    let link = dir.by_remote.get(id.as_str()).copied();
    let there = link.and_then(|link| group(known.groups, link.group));
    if let Some(link) = link {
        if link.rule != known.rule {
            return None;
        }
        if let Some(there) = there {
            draft.impacted.push(Subject::Group(link.group));
            if there.name != name {
                if !dir.give(name) || dir.named(there.id, name).is_some() {
                    about(draft, link.group, name, findings::group_name_taken(name));
                } else {
                    let (before, after) = (there.name.as_str().into(), name.into());
                    let rename = Action::RenameDirectoryGroup { remote: id.clone(), before, after };
                    draft.group(link.group, name, Because::InScope, rename);
                }
            }
            return Some(Ours { group: link.group, name, there: Some(there), origin: link.origin });
        }
    }
    draft.impacted.push(Subject::Group(derived));
    if !dir.give(name) {
        about(draft, derived, name, findings::group_name_twice(name));
        return None;
    }
    if let Some(same) = dir.named(derived, name) {
        let refusal = if known.groups_written.contains(&same.id) {
            Some(findings::group_goes_out(name))
        } else if same.user_filter.is_some() {
            Some(findings::group_is_dynamic(name))
        } else if known.links.group(same.id).is_some() {
            Some(findings::group_name_taken(name))
        } else {
            None
        };
        if let Some(problem) = refusal {
            about(draft, derived, name, problem);
            return None;
        }
        draft.impacted.pop();
        draft.impacted.push(Subject::Group(same.id));
        let link = Action::LinkGroup { remote: id.clone(), origin: Origin::Adopted };
        draft.group(same.id, name, Because::InScope, link);
        return Some(Ours { group: same.id, name, there: Some(same), origin: Origin::Adopted });
    }
    let population = known.onboarding.population?;
    if let Some(link) = link.filter(|link| link.group != derived) {
        draft.group(link.group, name, Because::Gone, Action::UnlinkGroup { remote: id.clone() });
    }
    let there = group(known.groups, derived);
    let action = match there {
        // Its link was lost.
        Some(_) => Action::LinkGroup { remote: id.clone(), origin: Origin::Created },
        None => Action::CreateDirectoryGroup { remote: id.clone(), population, name: name.into() },
    };
    draft.group(derived, name, Because::InScope, action);
    Some(Ours { group: derived, name, there, origin: Origin::Created })
}

fn group(groups: &[Group], id: GroupId) -> Option<&Group> {
    groups.binary_search_by_key(&id, |group| group.id).ok().and_then(|place| groups.get(place))
}

fn about(draft: &mut Draft, group: GroupId, name: &str, problem: crate::Problem) {
    let finding = crate::reconcile::plan::Finding {
        subject: Subject::Group(group),
        label: name.into(),
        standing: Some(Standing::Failed),
        problem,
    };
    draft.findings.push(finding);
}

/// Puts the rule's users into the groups that their accounts are in, and takes them out of those that they are not.
fn memberships(draft: &mut Draft, people: &[(usize, UserId)], ours: &FxHashMap<GroupKey, Ours<'_>>) {
    let known = draft.known;
    let by_group: FxHashMap<GroupId, &Ours<'_>> = ours.values().map(|it| (it.group, it)).collect();
    // Groups that nobody of the scope is in (any more) can still be left.
    let left: FxHashMap<GroupId, &GroupLink> = known
        .links
        .groups()
        .iter()
        .filter(|link| link.rule == known.rule && !by_group.contains_key(&link.group))
        .map(|link| (link.group, link))
        .collect();
    for (at, user) in people {
        let Some(account) = known.seen.accounts.get(*at) else { continue };
        let label = super::correlate::label(account);
        let wanted: FxHashSet<GroupId> =
            account.groups.iter().filter_map(|key| ours.get(key)).map(|it| it.group).collect();
        let from = known.memberships.partition_point(|it| it.user < *user);
        let own = known.memberships.get(from..).unwrap_or_default().iter();
        let is_in: FxHashSet<GroupId> = own.take_while(|it| it.user == *user).map(|it| it.group).collect();
        let home = draft.user(*user).map(|it| it.population).or(known.onboarding.population);
        for group in wanted.iter().filter(|group| !is_in.contains(group)) {
            let Some(it) = by_group.get(group) else { continue };
            let confined = match it.there {
                Some(there) => there.population,
                None => known.onboarding.population,
            };
            if confined.is_some() && confined != home {
                let problem = findings::lives_elsewhere(label, it.name);
                draft.finding(*user, label, Some(Standing::Partial), problem);
                continue;
            }
            let join = Action::JoinGroup { group: *group, group_name: it.name.into(), user: *user };
            draft.push(*user, label, Because::InScope, join);
        }
        for group in is_in.iter().filter(|group| !wanted.contains(group)) {
            let (name, origin) = match (by_group.get(group), left.get(group)) {
                (Some(it), _) => (it.name, it.origin),
                (None, Some(link)) => (name_of(known.groups, *group), link.origin),
                (None, None) => continue,
            };
            if origin == Origin::Created || known.links.is_placed(*user, *group) {
                let leave = Action::LeaveGroup { group: *group, group_name: name.into(), user: *user };
                draft.push(*user, label, Because::NotMember, leave);
            }
        }
        for group in
            known.links.placements(*user).filter(|group| !is_in.contains(group) && !wanted.contains(group))
        {
            if by_group.contains_key(&group) || left.contains_key(&group) {
                let group_name = name_of(known.groups, group).into();
                let forget = Action::ForgetMember { group, group_name, user: *user };
                draft.push(*user, label, Because::NotMember, forget);
            }
        }
    }
}

fn name_of(groups: &[Group], id: GroupId) -> &str {
    group(groups, id).map_or("a group that is gone", |group| &group.name)
}

/// Groups that this rule linked and that are not in Dropbox any more.
fn leave(draft: &mut Draft, by_key: &FxHashMap<GroupKey, &RemoteGroup>) {
    let known = draft.known;
    if !known.seen.scope.is_full() {
        return;
    }
    let there: FxHashSet<&str> =
        by_key.keys().filter_map(|key| known.seen.group_id(*key)).map(|id| id.as_str()).collect();
    for link in known.links.groups().iter().filter(|link| link.rule == known.rule) {
        let because = match known.retiring {
            Some(_) => Because::RuleDeleted,
            None if there.contains(link.remote.as_str()) => continue,
            None => Because::GroupLeft,
        };
        let remote = link.remote.clone();
        let made = link.origin == Origin::Created && known.retiring != Some(Retiring::Unlink);
        let label = name_of(known.groups, link.group);
        let action = if made && group(known.groups, link.group).is_some() {
            Action::DeleteDirectoryGroup { remote }
        } else {
            Action::UnlinkGroup { remote }
        };
        draft.group(link.group, label, because, action);
    }
}

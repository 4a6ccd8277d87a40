//! What is to be done about groups.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{draft::Draft, findings};
use crate::{
    GroupId, Problem,
    provisioning::connection::NameConflict,
    reconcile::{
        desired::DesiredGroup,
        links::{GroupLink, Origin},
        operation::{Action, Because},
        scope::Subject,
        snapshot::{GroupKey, GroupKind, RemoteGroup, RemoteGroupId},
        status::Standing,
    },
};

/// A wanted group as memberships need it.
#[derive(Clone, Debug, Default)]
pub(super) struct Membershipped {
    /// Whether memberships of it are planned at all.
    pub(super) open: bool,
    /// Its number in the snapshot, if anyone was seen in it.
    pub(super) key: Option<GroupKey>,
    /// Its id, if it exists already.
    pub(super) remote: Option<RemoteGroupId>,
    /// The position of its link, if placements count.
    pub(super) link: Option<u32>,
}

struct Remote<'a> {
    groups: &'a [RemoteGroup],
    ids: &'a [RemoteGroupId],
    /// Position in `groups` by id; `ids` holds also groups that were only seen in accounts.
    by_id: FxHashMap<&'a RemoteGroupId, usize>,
    keys: FxHashMap<&'a RemoteGroupId, GroupKey>,
    by_name: FxHashMap<String, Vec<usize>>,
    by_external_id: FxHashMap<&'a str, Vec<usize>>,
    /// Whose link names it.
    linked: FxHashMap<&'a RemoteGroupId, GroupId>,
    whole: bool,
}

impl<'a> Remote<'a> {
    fn new(draft: &Draft<'a>) -> Self {
        let seen = draft.known.seen;
        let mut remote = Remote {
            groups: &seen.groups,
            ids: &seen.group_ids,
            by_id: FxHashMap::default(),
            keys: (0..).zip(&seen.group_ids).map(|(key, id)| (id, GroupKey(key))).collect(),
            by_name: FxHashMap::default(),
            by_external_id: FxHashMap::default(),
            linked: draft.known.links.groups().iter().map(|link| (&link.remote, link.group)).collect(),
            whole: seen.scope.is_full() || seen.groups_whole,
        };
        for (position, group) in seen.groups.iter().enumerate() {
            let Some(id) = seen.group_id(group.key) else { continue };
            if remote.by_id.insert(id, position).is_some() {
                continue;
            }
            remote.by_name.entry(group.name.to_lowercase()).or_default().push(position);
            if let Some(external_id) = group.external_id.as_deref() {
                remote.by_external_id.entry(external_id).or_default().push(position);
            }
        }
        remote
    }

    fn id(&self, group: &RemoteGroup) -> Option<&'a RemoteGroupId> {
        self.ids.get(group.key.0 as usize)
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &'a RemoteGroup> + use<'a, '_> {
        let groups = self.groups;
        self.by_name.get(&name.to_lowercase()).into_iter().flatten().filter_map(move |at| groups.get(*at))
    }

    /// Groups that nobody is linked to and that carry our group's id.
    fn marked(&self, group: GroupId) -> Vec<&'a RemoteGroup> {
        let groups = self.by_external_id.get(group.to_string().as_str()).into_iter().flatten();
        let groups = groups.filter_map(|at| self.groups.get(*at));
        groups.filter(|group| self.id(group).is_some_and(|id| !self.linked.contains_key(id))).collect()
    }
}

/// How a kind is called in a sentence, if Usher must not touch it.
fn not_ours(kind: GroupKind) -> Option<&'static str> {
    match kind {
        GroupKind::CompanyManaged => None,
        GroupKind::UserManaged => Some("managed by its members"),
        GroupKind::SystemManaged => Some("managed by Dropbox itself"),
        GroupKind::Unknown => Some("of a kind that this version does not know"),
    }
}

/// What becomes of a wanted group.
enum Course<'a> {
    Failed(Problem),
    /// It exists; its link and, when it was observed, the group.
    Linked(&'a RemoteGroupId, Option<&'a RemoteGroup>),
    Adopt(&'a RemoteGroup, &'a RemoteGroupId, Origin),
    Create,
    WantsFull,
    OutOfScope,
}

impl Course<'_> {
    /// The group that is adopted for that reason.
    fn adopted(&self, reason: Origin) -> Option<GroupKey> {
        match self {
            Course::Adopt(group, _, origin) if *origin == reason => Some(group.key),
            _ => None,
        }
    }
}

/// Plans all groups; gives the wanted ones as memberships need them.
pub(super) fn plan(draft: &mut Draft) -> Vec<Membershipped> {
    let remote = Remote::new(draft);
    let (links, wanted) = (draft.known.links, draft.wanted_groups);
    let mut courses: Vec<_> = wanted.iter().map(|want| course(draft, &remote, want)).collect();
    // A group that carries the id of one of ours is not taken by another of ours for its name.
    let marked: FxHashSet<_> = courses.iter().filter_map(|course| course.adopted(Origin::Created)).collect();
    for (want, course) in wanted.iter().zip(&mut courses) {
        if course.adopted(Origin::Adopted).is_some_and(|key| marked.contains(&key)) {
            *course = Course::Failed(findings::group_taken(&want.name));
        }
    }

    // Two of ours that would get, or take, the same name are both left alone.
    let mut names: FxHashMap<String, u32> = FxHashMap::default();
    for (want, course) in wanted.iter().zip(&courses) {
        let takes = match course {
            Course::Linked(_, Some(group)) => group.name != want.name,
            Course::Adopt(..) | Course::Create => true,
            _ => false,
        };
        if takes {
            *names.entry(want.name.to_lowercase()).or_insert(0) += 1;
        }
    }

    let mut memberships = Vec::with_capacity(wanted.len());
    for (want, course) in wanted.iter().zip(courses) {
        let link = links.groups().binary_search_by_key(&want.group, |link| link.group).ok();
        let link = link.and_then(|at| u32::try_from(at).ok());
        let twice = names.get(&want.name.to_lowercase()).is_some_and(|times| *times > 1);
        let made = carry_out(draft, &remote, want, course, twice, link);
        memberships.push(made);
    }
    leave(draft, &remote);
    memberships
}

fn course<'a>(draft: &Draft<'a>, remote: &Remote<'a>, want: &DesiredGroup) -> Course<'a> {
    let in_scope = draft.known.desired.scope.has_group(want.group);
    let full = draft.known.seen.scope.is_full();
    if let Some(link) = draft.known.links.group(want.group) {
        if draft.known.from_dropbox.ids.contains(&link.rule) {
            return match in_scope {
                true => Course::Failed(findings::group_from_dropbox(&want.name)),
                false => Course::OutOfScope,
            };
        }
        match remote.by_id.get(&link.remote).and_then(|at| remote.groups.get(*at)) {
            Some(group) => {
                return match not_ours(group.kind) {
                    Some(kind) if in_scope => Course::Failed(findings::group_not_ours(&group.name, kind)),
                    Some(_) => Course::OutOfScope,
                    None => Course::Linked(&link.remote, Some(group)),
                };
            }
            None if !in_scope && !remote.whole => return Course::Linked(&link.remote, None),
            None if !full => return if in_scope { Course::WantsFull } else { Course::OutOfScope },
            None => {}
        }
    } else if !full {
        return if in_scope { Course::WantsFull } else { Course::OutOfScope };
    }
    let marked = remote.marked(want.group);
    let (group, origin) = match marked.as_slice() {
        [group] => (*group, Origin::Created),
        [] => {
            let mut named = remote.named(&want.name);
            match (named.next(), named.next()) {
                (None, _) => return Course::Create,
                (Some(_), Some(_)) => return Course::Failed(findings::group_ambiguous(&want.name)),
                (Some(group), None) => (group, Origin::Adopted),
            }
        }
        _ => return Course::Failed(findings::group_ambiguous(&want.name)),
    };
    let Some(id) = remote.id(group) else { return Course::Create };
    if let Some(kind) = not_ours(group.kind) {
        Course::Failed(findings::group_not_ours(&group.name, kind))
    } else if remote.linked.contains_key(id) {
        Course::Failed(findings::group_taken(&want.name))
    } else if origin == Origin::Adopted && draft.known.policy.group_name_conflict == NameConflict::Fail {
        Course::Failed(findings::group_conflict(&want.name))
    } else {
        Course::Adopt(group, id, origin)
    }
}

fn carry_out<'a>(
    draft: &mut Draft<'a>,
    remote: &Remote<'a>,
    want: &DesiredGroup,
    course: Course<'a>,
    twice: bool,
    link: Option<u32>,
) -> Membershipped {
    let (group, label) = (want.group, &*want.name);
    let in_scope = draft.known.desired.scope.has_group(group);
    let closed = Membershipped::default();
    let open = |remote_id: &RemoteGroupId, link| Membershipped {
        open: true,
        key: remote.keys.get(remote_id).copied(),
        remote: Some(remote_id.clone()),
        link,
    };
    let fail = |draft: &mut Draft, problem| {
        draft.finding(Subject::Group(group), label, Some(Standing::Failed), problem);
        Membershipped::default()
    };
    let gone = |draft: &mut Draft| {
        if let Some(link) = draft.known.links.group(group) {
            draft.group(group, label, Because::Gone, Action::UnlinkGroup { remote: link.remote.clone() });
        }
    };
    match course {
        Course::OutOfScope => closed,
        Course::WantsFull => {
            draft.wants_full = true;
            closed
        }
        Course::Failed(problem) => fail(draft, problem),
        Course::Linked(id, there) => match there.filter(|there| in_scope && there.name != want.name) {
            None => open(id, link),
            Some(there) => match may_rename(remote, there, want, twice) {
                // It is ours all the same, only under another name: its members are kept.
                Err(problem) => {
                    fail(draft, problem);
                    open(id, link)
                }
                Ok(()) => {
                    rename(draft, want, there, id);
                    open(id, link)
                }
            },
        },
        Course::Adopt(there, id, origin) => match may_rename(remote, there, want, twice) {
            Err(problem) => fail(draft, problem),
            Ok(()) => {
                gone(draft);
                let action = Action::LinkGroup { remote: id.clone(), origin };
                draft.group(group, label, Because::InScope, action);
                if there.name != want.name {
                    rename(draft, want, there, id);
                }
                open(id, None)
            }
        },
        Course::Create if twice => fail(draft, findings::group_ambiguous(label)),
        Course::Create => {
            gone(draft);
            let action = Action::CreateGroup { name: want.name.clone() };
            draft.group(group, label, Because::InScope, action);
            Membershipped { open: true, ..closed }
        }
    }
}

fn may_rename(remote: &Remote, there: &RemoteGroup, want: &DesiredGroup, twice: bool) -> Result<(), Problem> {
    if twice {
        return Err(findings::group_ambiguous(&want.name));
    }
    match remote.named(&want.name).any(|other| other.key != there.key) {
        true => Err(findings::group_taken(&want.name)),
        false => Ok(()),
    }
}

fn rename(draft: &mut Draft, want: &DesiredGroup, there: &RemoteGroup, id: &RemoteGroupId) {
    let (before, after) = (there.name.clone(), want.name.clone());
    let action = Action::RenameGroup { remote: id.clone(), before, after };
    draft.group(want.group, &want.name, Because::InScope, action);
}

/// Groups that this rule linked and does not want any more.
fn leave(draft: &mut Draft, remote: &Remote) {
    let known = draft.known;
    for link in known.links.groups() {
        if link.rule != known.rule
            || !known.desired.scope.has_group(link.group)
            || known.groups_claimed_elsewhere.contains(&link.group)
            || draft.wanted_groups.binary_search_by_key(&link.group, |want| want.group).is_ok()
        {
            continue;
        }
        match remote.by_id.get(&link.remote).and_then(|at| remote.groups.get(*at)) {
            None if !known.seen.scope.is_full() => draft.wants_full = true,
            None => {
                let action = Action::UnlinkGroup { remote: link.remote.clone() };
                draft.group(link.group, link.remote.as_str(), Because::Gone, action);
            }
            Some(there) => leave_group(draft, link, there),
        }
    }
}

fn leave_group(draft: &mut Draft, link: &GroupLink, there: &RemoteGroup) {
    let retiring = draft.known.retiring;
    let because = if retiring.is_some() { Because::RuleDeleted } else { Because::GroupLeft };
    let stays = retiring == Some(super::Retiring::Unlink)
        || link.origin == Origin::Adopted
        || not_ours(there.kind).is_some();
    let remote = link.remote.clone();
    if stays && retiring.is_none() {
        let problem = findings::group_left_alone(&there.name);
        draft.finding(Subject::Group(link.group), &there.name, None, problem);
    }
    let action = if stays { Action::UnlinkGroup { remote } } else { Action::DeleteGroup { remote } };
    draft.group(link.group, &there.name, because, action);
}

//! The six routes that list by pages.
//!
//! A cursor is opaque to the client; inside it says where the next page begins. Positions are never used again, so a
//! listing neither skips nor repeats anyone when the team changes under it, and no page costs more than itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::arg::GroupSelector;
use super::wire::{GroupMember, GroupSummary, TeamMemberInfo, group_member, group_summary, member_info};
use super::{Answered, Ask, Refusal, refuse, result};
use crate::team::Team;

/// Where a listing goes on.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Cursor {
    of: Of,
    from: usize,
    limit: usize,
    issued_ms: u64,
}

/// What is listed.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Of {
    Members { removed_too: bool },
    Groups,
    GroupMembers { group: usize },
}

impl Cursor {
    fn start(of: Of, limit: usize, team: &Team) -> Self {
        Self { of, from: 0, limit, issued_ms: team.now_ms() }
    }

    fn write(self) -> String {
        let json = serde_json::to_vec(&self).unwrap_or_default();
        format!("AA{}", URL_SAFE_NO_PAD.encode(json))
    }

    fn read(ask: &Ask<'_>, team: &Team) -> Result<Self, Refusal> {
        let text = ask.arg["cursor"].as_str().unwrap_or_default();
        let read = text
            .strip_prefix("AA")
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .and_then(|json| serde_json::from_slice::<Cursor>(&json).ok())
            .filter(|cursor| {
                team.switches
                    .cursor_lifetime_ms
                    .is_none_or(|lifetime| team.now_ms() <= cursor.issued_ms + lifetime)
            })
            .filter(|_| !ask.refuse_cursor);
        match read {
            Some(cursor) => Ok(Self { issued_ms: team.now_ms(), ..cursor }),
            None => refuse("invalid_cursor"),
        }
    }

    /// One page of `all`, whose positions must ascend from `self.from`, and the cursor after it.
    fn page<T>(self, ask: &Ask<'_>, mut all: impl Iterator<Item = (usize, T)>) -> (Vec<T>, Cursor, bool) {
        if ask.empty_page {
            return (Vec::new(), self, true);
        }
        let mut items = Vec::new();
        let mut from = self.from;
        for (at, item) in all.by_ref().take(self.limit) {
            from = at + 1;
            items.push(item);
        }
        (items, Cursor { from, ..self }, all.next().is_some())
    }
}

#[derive(Deserialize)]
struct ListArg {
    limit: usize,
    #[serde(default)]
    include_removed: bool,
}

#[derive(Deserialize)]
struct GroupMembersArg {
    group: GroupSelector,
    limit: usize,
}

#[derive(Serialize)]
struct MembersPage<T> {
    members: Vec<T>,
    cursor: String,
    has_more: bool,
}

#[derive(Serialize)]
struct GroupsPage<'a> {
    groups: Vec<GroupSummary<'a>>,
    cursor: String,
    has_more: bool,
}

pub(super) fn members(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: ListArg = ask.arg()?;
    let of = Of::Members { removed_too: arg.include_removed };
    members_page(ask, team, Cursor::start(of, arg.limit, team), arg.include_removed)
}

pub(super) fn members_continue(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let cursor = Cursor::read(ask, team)?;
    match cursor.of {
        Of::Members { removed_too } => members_page(ask, team, cursor, removed_too),
        _ => refuse("invalid_cursor"),
    }
}

fn members_page(ask: &Ask<'_>, team: &Team, cursor: Cursor, removed_too: bool) -> Answered {
    let all = (cursor.from..team.members.len())
        .filter(|at| removed_too || team.members[*at].on_team())
        .map(|at| (at, at));
    let (page, next, has_more) = cursor.page(ask, all);
    let members: Vec<TeamMemberInfo<'_>> = page.into_iter().map(|at| member_info(team, at)).collect();
    result(&MembersPage { members, cursor: next.write(), has_more })
}

pub(super) fn groups(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: ListArg = ask.arg()?;
    groups_page(ask, team, Cursor::start(Of::Groups, arg.limit, team))
}

pub(super) fn groups_continue(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let cursor = Cursor::read(ask, team)?;
    match cursor.of {
        Of::Groups => groups_page(ask, team, cursor),
        _ => refuse("invalid_cursor"),
    }
}

fn groups_page(ask: &Ask<'_>, team: &Team, cursor: Cursor) -> Answered {
    let all = (cursor.from..team.groups.len()).filter(|at| !team.groups[*at].is_deleted).map(|at| (at, at));
    let (page, next, has_more) = cursor.page(ask, all);
    let groups = page.into_iter().map(|at| group_summary(team, at)).collect();
    result(&GroupsPage { groups, cursor: next.write(), has_more })
}

pub(super) fn group_members(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: GroupMembersArg = ask.arg()?;
    let group = arg.group.existing(team)?;
    if group == team.system_group && !team.switches.system_group_can_be_listed {
        return refuse("group_not_found");
    }
    group_members_page(ask, team, Cursor::start(Of::GroupMembers { group }, arg.limit, team), group)
}

pub(super) fn group_members_continue(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let cursor = Cursor::read(ask, team)?;
    match cursor.of {
        Of::GroupMembers { group } if team.groups.get(group).is_some_and(|group| !group.is_deleted) => {
            group_members_page(ask, team, cursor, group)
        }
        _ => refuse("invalid_cursor"),
    }
}

fn group_members_page(ask: &Ask<'_>, team: &Team, cursor: Cursor, group: usize) -> Answered {
    let all = team.members_of_from(group, cursor.from).map(|(at, access)| (at, (at, access)));
    let (page, next, has_more) = cursor.page(ask, all);
    let members: Vec<GroupMember<'_>> =
        page.into_iter().map(|(at, access)| group_member(team, at, access)).collect();
    result(&MembersPage { members, cursor: next.write(), has_more })
}

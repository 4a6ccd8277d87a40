//! Members and groups as answers show them. Borrowed and written straight to bytes, because listings are long.

use serde::{Serialize, Serializer};

use crate::clock::timestamp;
use crate::team::Team;
use crate::team::group::{AccessType, ManagementType};
use crate::team::member::{Member, MemberState, Role};

/// A role, in full.
#[derive(Serialize)]
pub(super) struct WireRole {
    role_id: &'static str,
    name: &'static str,
    description: &'static str,
}

impl From<Role> for WireRole {
    fn from(role: Role) -> Self {
        Self { role_id: role.id(), name: role.name(), description: role.description() }
    }
}

#[derive(Serialize)]
struct Tag {
    #[serde(rename = ".tag")]
    tag: &'static str,
}

/// A time in milliseconds, written as Dropbox does.
struct Time(u64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&timestamp(self.0))
    }
}

#[derive(Serialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
enum Status {
    Active,
    Invited,
    Suspended,
    Removed { is_recoverable: bool, is_disconnected: bool },
}

#[derive(Serialize)]
struct Name<'a> {
    given_name: &'a str,
    surname: &'a str,
    familiar_name: &'a str,
    display_name: String,
    abbreviated_name: String,
}

#[derive(Serialize)]
struct Secondary<'a> {
    email: &'a str,
    is_verified: bool,
}

/// `MemberProfile`: what a member is shown as in a group.
#[derive(Serialize)]
pub(super) struct MemberProfile<'a> {
    team_member_id: &'a str,
    email: &'a str,
    email_verified: bool,
    status: Status,
    name: Name<'a>,
    membership_type: Tag,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
    secondary_emails: Vec<Secondary<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_on: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_on: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended_on: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistent_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_directory_restricted: Option<bool>,
}

/// `TeamMemberProfile`: the same with the groups and folders.
#[derive(Serialize)]
pub(super) struct TeamMemberProfile<'a> {
    #[serde(flatten)]
    profile: MemberProfile<'a>,
    groups: Vec<&'a str>,
    member_folder_id: &'a str,
    root_folder_id: &'a str,
}

/// `TeamMemberInfoV2`.
#[derive(Serialize)]
pub(super) struct TeamMemberInfo<'a> {
    profile: TeamMemberProfile<'a>,
    roles: Vec<WireRole>,
}

/// `TeamMemberInfoV2` as a union's value, with its tag beside its fields.
#[derive(Serialize)]
pub(super) struct TaggedMemberInfo<'a> {
    #[serde(rename = ".tag")]
    pub(super) tag: &'static str,
    #[serde(flatten)]
    pub(super) info: TeamMemberInfo<'a>,
}

pub(super) fn member_profile<'a>(team: &'a Team, member: &'a Member) -> MemberProfile<'a> {
    let initials = [&member.given_name, &member.surname];
    let status = match member.state {
        MemberState::Active => Status::Active,
        MemberState::Invited => Status::Invited,
        MemberState::Suspended => Status::Suspended,
        MemberState::Removed => Status::Removed {
            is_recoverable: member.is_recoverable(team.now_ms()),
            is_disconnected: member.is_disconnected,
        },
    };
    let invited = member.state == MemberState::Invited;
    let has_account = !invited || team.switches.invited_have_account_id;
    MemberProfile {
        team_member_id: &member.team_member_id,
        email: &member.email,
        email_verified: member.email_verified,
        status,
        name: Name {
            given_name: &member.given_name,
            surname: &member.surname,
            familiar_name: &member.given_name,
            display_name: member.display_name(),
            abbreviated_name: initials.iter().filter_map(|name| name.chars().next()).collect(),
        },
        membership_type: Tag { tag: "full" },
        external_id: member.external_id.as_deref(),
        account_id: has_account.then_some(member.account_id.as_str()),
        secondary_emails: member
            .secondary_emails
            .iter()
            .map(|each| Secondary { email: &each.email, is_verified: each.is_verified })
            .collect(),
        invited_on: member.invited_on_ms.filter(|_| invited).map(Time),
        joined_on: member.joined_on_ms.map(Time),
        suspended_on: member.suspended_on_ms.filter(|_| member.state == MemberState::Suspended).map(Time),
        persistent_id: member.persistent_id.as_deref(),
        is_directory_restricted: member.is_directory_restricted,
    }
}

pub(super) fn team_member_profile<'a>(team: &'a Team, member: &'a Member) -> TeamMemberProfile<'a> {
    let everyone = (team.switches.system_group_in_profiles && member.on_team()).then_some(&team.system_group);
    TeamMemberProfile {
        profile: member_profile(team, member),
        groups: everyone
            .into_iter()
            .chain(&member.groups)
            .map(|group| team.groups[*group].group_id.as_str())
            .collect(),
        member_folder_id: &member.member_folder_id,
        root_folder_id: &member.member_folder_id,
    }
}

pub(super) fn member_info(team: &Team, at: usize) -> TeamMemberInfo<'_> {
    let member = &team.members[at];
    TeamMemberInfo {
        profile: team_member_profile(team, member),
        roles: member.role.into_iter().map(WireRole::from).collect(),
    }
}

/// `GroupSummary`.
#[derive(Serialize)]
pub(super) struct GroupSummary<'a> {
    group_name: &'a str,
    group_id: &'a str,
    group_management_type: ManagementType,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_external_id: Option<&'a str>,
    member_count: u32,
}

/// `GroupFullInfo`.
#[derive(Serialize)]
pub(super) struct GroupFullInfo<'a> {
    #[serde(flatten)]
    summary: GroupSummary<'a>,
    created: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<GroupMember<'a>>>,
}

/// `GroupFullInfo` as a union's value.
#[derive(Serialize)]
pub(super) struct TaggedGroupInfo<'a> {
    #[serde(rename = ".tag")]
    pub(super) tag: &'static str,
    #[serde(flatten)]
    pub(super) info: GroupFullInfo<'a>,
}

/// `GroupMemberInfo`.
#[derive(Serialize)]
pub(super) struct GroupMember<'a> {
    profile: MemberProfile<'a>,
    access_type: AccessType,
}

pub(super) fn group_summary(team: &Team, at: usize) -> GroupSummary<'_> {
    let group = &team.groups[at];
    GroupSummary {
        group_name: &group.name,
        group_id: &group.group_id,
        group_management_type: group.management_type,
        group_external_id: group.external_id.as_deref(),
        member_count: team.member_count(at),
    }
}

/// Members are never shown for the system-managed group.
pub(super) fn group_info(team: &Team, at: usize, with_members: bool) -> GroupFullInfo<'_> {
    let members = (with_members && at != team.system_group)
        .then(|| team.members_of(at).map(|(member, access)| group_member(team, member, access)).collect());
    GroupFullInfo { summary: group_summary(team, at), created: team.groups[at].created_ms, members }
}

pub(super) fn group_member(team: &Team, at: usize, access_type: AccessType) -> GroupMember<'_> {
    GroupMember { profile: member_profile(team, &team.members[at]), access_type }
}

//! Dropbox's JSON, as types: only the fields that are used, and tolerant of what is new. Unions have a catch-all,
//! because the published clients fail a whole page on one unknown tag. No behaviour but translation lives here.

use serde::{Deserialize, Serialize};
use usher_domain::{
    Timestamp,
    reconcile::{
        attributes::{Attribute, AttributeSet},
        snapshot::{Account, AccountId, AccountState, GroupKeys, GroupKind, RemoteGroup},
    },
};

/// `team/get_info`.
#[derive(Debug, Deserialize)]
pub(super) struct TeamInfo {
    pub(super) name: String,
    #[serde(default)]
    pub(super) num_licensed_users: u32,
    #[serde(default)]
    pub(super) num_provisioned_users: u32,
    /// Zero where the team does not report it.
    #[serde(default)]
    pub(super) num_used_licenses: u32,
}

/// `team/token/get_authenticated_admin`.
#[derive(Debug, Deserialize)]
pub(super) struct AuthenticatedAdmin {
    pub(super) admin_profile: AdminProfile,
}

/// The part of the administrator's profile that is used.
#[derive(Debug, Deserialize)]
pub(super) struct AdminProfile {
    pub(super) team_member_id: Box<str>,
    #[serde(default)]
    pub(super) email: String,
}

/// A page of `members/list_v2`.
#[derive(Debug, Deserialize)]
pub(super) struct MembersPage {
    #[serde(default)]
    pub(super) members: Vec<Member>,
    #[serde(default)]
    pub(super) cursor: String,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// A page of `groups/list`.
#[derive(Debug, Deserialize)]
pub(super) struct GroupsPage {
    #[serde(default)]
    pub(super) groups: Vec<Group>,
    #[serde(default)]
    pub(super) cursor: String,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// `TeamMemberInfoV2`.
#[derive(Debug, Deserialize)]
pub(super) struct Member {
    pub(super) profile: Profile,
    #[serde(default)]
    pub(super) roles: Option<Vec<Role>>,
}

/// `TeamMemberProfile`.
#[derive(Debug, Deserialize)]
pub(super) struct Profile {
    pub(super) team_member_id: Box<str>,
    #[serde(default)]
    pub(super) external_id: Option<Box<str>>,
    #[serde(default)]
    pub(super) email: String,
    #[serde(default)]
    secondary_emails: Option<Vec<SecondaryEmail>>,
    pub(super) status: Status,
    #[serde(default)]
    name: Name,
    #[serde(default)]
    suspended_on: Option<String>,
    #[serde(default)]
    persistent_id: Option<Box<str>>,
    #[serde(default)]
    is_directory_restricted: Option<bool>,
    #[serde(default)]
    groups: Vec<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
struct Name {
    #[serde(default)]
    given_name: Box<str>,
    #[serde(default)]
    surname: Box<str>,
}

#[derive(Debug, Deserialize)]
struct SecondaryEmail {
    #[serde(default)]
    email: String,
}

/// `TeamMemberStatus`: closed today, and read as if it were open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub(super) enum Status {
    Active,
    Invited,
    Suspended,
    Removed {
        #[serde(default)]
        is_recoverable: bool,
    },
    #[serde(other)]
    Unknown,
}

/// `TeamMemberRole`.
#[derive(Debug, Deserialize)]
pub(super) struct Role {
    pub(super) role_id: Box<str>,
    #[serde(default)]
    pub(super) name: String,
}

/// `GroupSummary`, `GroupFullInfo`.
#[derive(Debug, Deserialize)]
pub(super) struct Group {
    pub(super) group_id: Box<str>,
    #[serde(default)]
    pub(super) group_name: Box<str>,
    #[serde(default)]
    group_external_id: Option<Box<str>>,
    group_management_type: Management,
}

#[derive(Debug, Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
enum Management {
    UserManaged,
    CompanyManaged,
    SystemManaged,
    #[serde(other)]
    Unknown,
}

/// `GetTeamEventsResult`. Each event is read by itself, so that one which is not understood costs no page.
#[derive(Debug, Deserialize)]
pub(super) struct EventsPage {
    #[serde(default)]
    pub(super) events: Vec<serde_json::Value>,
    #[serde(default)]
    pub(super) cursor: String,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// The part of a `TeamEvent` that tells whom it is about. "May be missing" is said of all of it.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    #[serde(default)]
    pub(super) context: Option<Party>,
    #[serde(default)]
    pub(super) participants: Option<Vec<Party>>,
}

/// `ContextLogInfo` and `ParticipantLogInfo`, whatever their tag: a member, a group, or neither.
#[derive(Debug, Deserialize)]
pub(super) struct Party {
    #[serde(default)]
    pub(super) team_member_id: Option<Box<str>>,
    #[serde(default)]
    pub(super) email: Option<Box<str>>,
    #[serde(default)]
    pub(super) group_id: Option<Box<str>>,
    #[serde(default)]
    pub(super) user: Option<Box<Party>>,
}

/// `members/get_info_v2`.
#[derive(Debug, Deserialize)]
pub(super) struct MembersInfo {
    #[serde(default)]
    pub(super) members_info: Vec<MembersInfoItem>,
}

/// One answer of `members/get_info_v2`.
#[derive(Debug, Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub(super) enum MembersInfoItem {
    MemberInfo(Box<Member>),
    #[serde(other)]
    NotFound,
}

/// One answer of `groups/get_info`, whose result is a bare list.
#[derive(Debug, Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub(super) enum GroupsInfoItem {
    GroupInfo(Group),
    #[serde(other)]
    NotFound,
}

/// `LaunchEmptyResult`, and the launch of `members/add_v2`.
#[derive(Debug, Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub(super) enum Launch {
    Complete {
        /// The results of `members/add_v2`; empty for launches without results.
        #[serde(default)]
        complete: Vec<serde_json::Value>,
    },
    AsyncJobId {
        async_job_id: String,
    },
    #[serde(other)]
    Unknown,
}

/// `PollEmptyResult`, and the job status of `members/add_v2`.
#[derive(Debug, Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub(super) enum JobStatus {
    InProgress,
    Complete {
        #[serde(default)]
        complete: Vec<serde_json::Value>,
    },
    Failed {
        #[serde(default)]
        failed: String,
    },
    #[serde(other)]
    Unknown,
}

/// A result that is not read.
#[derive(Debug, Deserialize)]
pub(super) struct Ignored(serde::de::IgnoredAny);

/// One result of `members/add_v2`.
#[derive(Debug)]
pub(super) enum AddResult {
    /// Added.
    Success(Box<Member>),
    /// Not added: the tag, and the e-mail that came with it.
    Failure { tag: String, email: String },
}

impl AddResult {
    /// Reads one result; what has no tag, or a success without a member, is `None`.
    pub(super) fn read(value: serde_json::Value) -> Option<AddResult> {
        let tag = value.get(".tag")?.as_str()?.to_owned();
        if tag == "success" {
            return serde_json::from_value(value).ok().map(|member| AddResult::Success(Box::new(member)));
        }
        let email = value.get(&tag).and_then(|email| email.as_str()).unwrap_or_default().to_lowercase();
        Some(AddResult::Failure { tag, email })
    }

    /// The address that it is about, lower-cased.
    pub(super) fn email(&self) -> String {
        match self {
            AddResult::Success(member) => member.profile.email.to_lowercase(),
            AddResult::Failure { email, .. } => email.clone(),
        }
    }
}

/// `UserSelectorArg`: by exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub(super) enum UserSelector {
    TeamMemberId { team_member_id: Box<str> },
    ExternalId { external_id: Box<str> },
    Email { email: Box<str> },
}

impl UserSelector {
    /// By the stable key.
    pub(super) fn id(account: &AccountId) -> Self {
        UserSelector::TeamMemberId { team_member_id: account.as_str().into() }
    }

    /// By address.
    pub(super) fn email(email: &str) -> Self {
        UserSelector::Email { email: email.into() }
    }

    /// By the provisioner's id.
    pub(super) fn external_id(id: &str) -> Self {
        UserSelector::ExternalId { external_id: id.into() }
    }
}

/// `GroupSelector`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub(super) enum GroupSelector<'a> {
    GroupId { group_id: &'a str },
}

/// `GroupsSelector`, the whole body of `groups/get_info`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub(super) enum GroupsSelector<'a> {
    GroupIds { group_ids: &'a [&'a str] },
    GroupExternalIds { group_external_ids: &'a [&'a str] },
}

impl Member {
    /// The account's id.
    pub(super) fn id(&self) -> AccountId {
        AccountId::from(self.profile.team_member_id.clone())
    }

    /// The id of its first role; empty for an ordinary member.
    pub(super) fn role(&self) -> &str {
        self.roles.as_deref().and_then(<[Role]>::first).map_or("", |role| &role.role_id)
    }

    /// The ids of the groups that it is in.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        self.profile.groups.iter().map(|id| &**id)
    }

    /// Whether it is in the group of this id.
    pub(super) fn is_in(&self, group: &str) -> bool {
        self.profile.groups.iter().any(|id| &**id == group)
    }

    /// Whether it is off the team.
    pub(super) fn is_removed(&self) -> bool {
        matches!(self.profile.status, Status::Removed { .. })
    }

    /// The value of one attribute, as an [`AttributeSet`] has it. The e-mail is lower-cased.
    pub(super) fn attributes(&self) -> AttributeSet {
        let profile = &self.profile;
        let email = profile.email.to_lowercase();
        AttributeSet::new([
            (Attribute::Email, email.as_str()),
            (Attribute::GivenName, &profile.name.given_name),
            (Attribute::Surname, &profile.name.surname),
            (Attribute::ExternalId, profile.external_id.as_deref().unwrap_or_default()),
            (Attribute::Role, self.role()),
            (
                Attribute::IsDirectoryRestricted,
                match profile.is_directory_restricted {
                    Some(true) => "true",
                    Some(false) => "false",
                    None => "",
                },
            ),
            (Attribute::PersistentId, profile.persistent_id.as_deref().unwrap_or_default()),
        ])
    }

    /// The account, its groups numbered by `keys`.
    pub(super) fn account(&self, keys: &mut GroupKeys) -> Account {
        let profile = &self.profile;
        let mut groups: Vec<_> = profile.groups.iter().map(|id| keys.key(id)).collect();
        groups.sort_unstable();
        groups.dedup();
        let secondary = profile.secondary_emails.as_deref().unwrap_or_default();
        Account {
            id: self.id(),
            state: match profile.status {
                Status::Active => AccountState::Active,
                Status::Invited => AccountState::Invited,
                Status::Suspended => AccountState::Suspended {
                    since: profile.suspended_on.as_deref().and_then(|at| at.parse::<Timestamp>().ok()),
                },
                Status::Removed { is_recoverable } => AccountState::Removed { recoverable: is_recoverable },
                Status::Unknown => AccountState::Unknown,
            },
            attributes: self.attributes(),
            secondary_emails: secondary
                .iter()
                .map(|address| address.email.to_lowercase().into_boxed_str())
                .collect(),
            is_admin: self.roles.iter().flatten().any(Role::administers),
            groups: groups.into_boxed_slice(),
        }
    }
}

impl Role {
    /// Dropbox's own roles carry the names of the old tiers (team, user management, support … admin); role ids
    /// are opaque. A role is taken for an administrator's when its name says so.
    fn administers(&self) -> bool {
        self.name.to_ascii_lowercase().contains("admin")
    }
}

impl Group {
    /// The group, numbered by `keys`.
    pub(super) fn remote(self, keys: &mut GroupKeys) -> RemoteGroup {
        RemoteGroup {
            key: keys.key(&self.group_id),
            name: self.group_name,
            external_id: self.group_external_id.filter(|id| !id.is_empty()),
            kind: match self.group_management_type {
                Management::CompanyManaged => GroupKind::CompanyManaged,
                Management::UserManaged => GroupKind::UserManaged,
                Management::SystemManaged => GroupKind::SystemManaged,
                Management::Unknown => GroupKind::Unknown,
            },
        }
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;

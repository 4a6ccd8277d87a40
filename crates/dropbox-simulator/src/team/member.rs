//! One member of the team: what is known of them, and the states they go through.

use std::collections::BTreeMap;

use crate::clock::DAY_MS;
use crate::team::group::AccessType;

/// For how long a removed member can be recovered, in milliseconds.
pub const RECOVERABLE_MS: u64 = 7 * DAY_MS;

/// Where a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// Invited, and has not accepted.
    Invited,
    /// Can sign in.
    Active,
    /// Cannot sign in; keeps their place.
    Suspended,
    /// No longer on the team.
    Removed,
}

/// A role that Dropbox defines. The ids are made up in Dropbox's form, the same for every simulated team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May do everything.
    TeamAdmin,
    /// May manage people and groups.
    UserManagementAdmin,
    /// May help people with their accounts.
    SupportAdmin,
}

impl Role {
    /// Every role, in the order in which they are listed.
    pub const ALL: [Role; 3] = [Role::TeamAdmin, Role::UserManagementAdmin, Role::SupportAdmin];

    /// The role's id.
    pub fn id(self) -> &'static str {
        match self {
            Role::TeamAdmin => "pid_dbtmr:AAAAAMwkS5iKo6ZXxBYJ3tN0fQcVrLzDaHgPeTuWm1oE",
            Role::UserManagementAdmin => "pid_dbtmr:AAAAAJn2qRy8dVhUuKw0xCg4sOaTfMiLbEzP7WcQt5kG",
            Role::SupportAdmin => "pid_dbtmr:AAAAAFb7vHs1mYpNcTe9LkXr6oWuJzDgQaIi3RfBn8tK",
        }
    }

    pub(crate) fn by_id(id: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.id() == id)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::TeamAdmin => "Team admin",
            Role::UserManagementAdmin => "User management admin",
            Role::SupportAdmin => "Support admin",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Role::TeamAdmin => "Manages the whole team: its people, its groups, its settings.",
            Role::UserManagementAdmin => "Adds and removes people, and manages groups.",
            Role::SupportAdmin => "Answers people's everyday requests, such as password resets.",
        }
    }
}

/// A further e-mail address of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondaryEmail {
    /// The address, in lower case.
    pub email: String,
    /// Whether the member proved that it is theirs.
    pub is_verified: bool,
}

/// A member, as the team knows them.
#[derive(Clone, Debug)]
pub struct Member {
    /// `dbmid:…`; never changes.
    pub team_member_id: String,
    /// `dbid:…`, 40 characters.
    pub account_id: String,
    /// The address they sign in with, in lower case.
    pub email: String,
    /// Whether they proved that it is theirs.
    pub email_verified: bool,
    /// Further addresses.
    pub secondary_emails: Vec<SecondaryEmail>,
    /// Given name; may be empty.
    pub given_name: String,
    /// Surname; may be empty.
    pub surname: String,
    /// What a provisioner knows them by.
    pub external_id: Option<String>,
    /// Where they stand.
    pub state: MemberState,
    /// Their role; none for an ordinary member.
    pub role: Option<Role>,
    /// When they were invited, in milliseconds since 1970.
    pub invited_on_ms: Option<u64>,
    /// When they joined.
    pub joined_on_ms: Option<u64>,
    /// When they were suspended.
    pub suspended_on_ms: Option<u64>,
    /// When they were removed.
    pub removed_on_ms: Option<u64>,
    /// Whether they kept their account when they were removed.
    pub is_disconnected: bool,
    /// How many welcome e-mails were sent to them.
    pub welcome_emails: u32,
    pub(crate) persistent_id: Option<String>,
    pub(crate) is_directory_restricted: Option<bool>,
    pub(crate) member_folder_id: String,
    /// Positions of the groups they are in.
    pub(crate) groups: std::collections::BTreeSet<usize>,
    pub(crate) gone_for_good: bool,
    pub(crate) state_before_removal: MemberState,
    pub(crate) groups_before: BTreeMap<usize, AccessType>,
}

impl Member {
    /// Whether they are on the team: not removed.
    pub fn on_team(&self) -> bool {
        self.state != MemberState::Removed
    }

    /// Whether they are removed and can still be recovered at this time.
    pub fn is_recoverable(&self, now_ms: u64) -> bool {
        self.state == MemberState::Removed
            && !self.gone_for_good
            && !self.is_disconnected
            && self.state_before_removal != MemberState::Invited
            && self.removed_on_ms.is_some_and(|removed| now_ms < removed + RECOVERABLE_MS)
    }

    /// Whether their e-mail and external id are still taken: on the team, or recoverable.
    pub fn holds_their_place(&self, now_ms: u64) -> bool {
        self.on_team() || self.is_recoverable(now_ms)
    }

    /// Given name and surname, as far as they are there.
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given_name, self.surname).trim().to_owned()
    }
}

//! How requests name members and groups, and who is meant.

use serde::Deserialize;

use crate::team::Team;
use crate::team::member::MemberState;

/// Names a member.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub(super) enum UserSelector {
    TeamMemberId { team_member_id: String },
    ExternalId { external_id: String },
    Email { email: String },
}

/// Whom a selector names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A member on the team.
    Member(usize),
    /// Someone who was removed.
    Removed(usize),
    /// Someone known to Dropbox, but not of this team.
    Elsewhere,
    /// Nobody.
    Nobody,
}

impl UserSelector {
    /// The value, as errors repeat it.
    pub(super) fn value(&self) -> &str {
        match self {
            UserSelector::TeamMemberId { team_member_id: value }
            | UserSelector::ExternalId { external_id: value }
            | UserSelector::Email { email: value } => value,
        }
    }

    pub(super) fn is_by_id(&self) -> bool {
        matches!(self, UserSelector::TeamMemberId { .. })
    }

    pub(super) fn find(&self, team: &Team) -> Found {
        let at = match self {
            UserSelector::TeamMemberId { team_member_id } => team.member_by_id.get(team_member_id).copied(),
            UserSelector::ExternalId { external_id } => team.holder_of_external_id(external_id),
            UserSelector::Email { email } => {
                let email = email.to_lowercase();
                if team.settings.on_another_team.contains(&email) {
                    return Found::Elsewhere;
                }
                team.holder_of_email(&email)
            }
        };
        match at {
            Some(at) if team.members[at].state == MemberState::Removed => Found::Removed(at),
            Some(at) => Found::Member(at),
            None => Found::Nobody,
        }
    }

    /// The member on the team, or the two refusals that every member route has.
    pub(super) fn on_team(&self, team: &Team) -> Result<usize, super::Refusal> {
        match self.find(team) {
            Found::Member(at) => Ok(at),
            Found::Removed(_) | Found::Elsewhere => super::refuse("user_not_in_team"),
            Found::Nobody => super::refuse("user_not_found"),
        }
    }
}

/// Names a group.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub(super) enum GroupSelector {
    GroupId { group_id: String },
    GroupExternalId { group_external_id: String },
}

impl GroupSelector {
    /// The group's position, deleted or not.
    pub(super) fn find(&self, team: &Team) -> Option<usize> {
        match self {
            GroupSelector::GroupId { group_id } => team.group_by_id.get(group_id).copied(),
            GroupSelector::GroupExternalId { group_external_id } => {
                team.group_by_external_id.get(group_external_id).copied()
            }
        }
    }

    pub(super) fn existing(&self, team: &Team) -> Result<usize, super::Refusal> {
        match self.find(team) {
            Some(at) if !team.groups[at].is_deleted => Ok(at),
            _ => super::refuse("group_not_found"),
        }
    }

    /// The group, when it is one whose name and members may be changed.
    pub(super) fn changeable(&self, team: &Team) -> Result<usize, super::Refusal> {
        let at = self.existing(team)?;
        match at == team.system_group {
            true => super::refuse("system_managed_group_disallowed"),
            false => Ok(at),
        }
    }
}

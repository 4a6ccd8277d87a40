//! One step of a plan. The order of [`Action`]'s variants is the order of the world: first put right what is
//! remembered (so that every later step finds its link), then take away, then give.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    attributes::{Attribute, AttributeSet},
    links::Origin,
    scope::Subject,
    snapshot::{AccountId, RemoteGroupId},
};
use crate::{GroupId, PopulationId, Timestamp, UserId};

/// One step: what to do, about whom, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// What to do.
    #[serde(flatten)]
    pub action: Action,
    /// About whom. A membership is about its user; when its account belongs to no user of ours, about its group.
    pub subject: Subject,
    /// The subject as people know it: an e-mail address or a group's name. A membership is labelled with the
    /// e-mail address, whoever's it is.
    pub label: Box<str>,
    /// Why, as a clause that ends "…because".
    pub because: Because,
}

/// What to do. Remote ids are given where they are known; what an earlier step of the same plan makes is `None`
/// and filled in by the executor. Each variant says what the executor records when it succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum Action {
    /// Forget which account belongs to the user, and the user's placements; nothing changes at the remote side.
    Unlink { account: AccountId },
    /// Forget which remote group belongs to the group, and its placements; nothing changes at the remote side.
    UnlinkGroup { remote: RemoteGroupId },
    /// Remember that this account, which was there, belongs to the user; nothing changes at the remote side. With
    /// `from`, it was that user's until now. Recorded as one, because half of it would lose who suspended the account
    /// and who was put where: their link is forgotten, the new one has `suspended_by_us`, and their placements become
    /// the user's.
    Link {
        account: AccountId,
        origin: Origin,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<UserId>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        suspended_by_us: bool,
    },
    /// Remember that this remote group, which was there, belongs to the group; nothing changes at the remote side.
    LinkGroup { remote: RemoteGroupId, origin: Origin },
    /// Correct what the link remembers (who suspended it, when it is to be removed); nothing changes at the
    /// remote side.
    Amend { account: AccountId, suspended_by_us: bool, remove_at: Option<Timestamp> },
    /// Forget that Usher put this user into this group: they are not in it any more, and should not be; nothing
    /// changes at the remote side.
    ForgetMember { group: GroupId, group_name: Box<str>, user: UserId },
    /// Suspend an active account. `remove_at` is set when removal is to follow (`REMOVE_AFTER_DAYS`).
    /// Recorded: the link with `suspended_by_us` and this `remove_at`. It is best recorded *before* the call: if
    /// the call then does not happen, the next plan amends it, while an unrecorded suspension looks like a person's.
    Suspend { account: AccountId, remove_at: Option<Timestamp> },
    /// Remove an account that was only invited (the remote system cannot suspend it). Recorded: the link is
    /// forgotten, for a cancelled invitation cannot be recovered.
    CancelInvitation { account: AccountId },
    /// Remove an account from the team. Recorded: nothing; the link stays, so that the account can be recovered.
    Remove { account: AccountId },
    /// Take an account out of a group. `user` is `None` for an account that belongs to no user of ours.
    /// Recorded: the placement is forgotten.
    RemoveMember {
        group: GroupId,
        group_name: Box<str>,
        remote: RemoteGroupId,
        account: AccountId,
        user: Option<UserId>,
    },
    /// Bring back an account that was removed and is still recoverable. Recorded: the link without `remove_at`.
    Recover { account: AccountId },
    /// Lift a suspension. Recorded: the link without `suspended_by_us` and `remove_at`.
    Unsuspend { account: AccountId },
    /// Create the account (the remote system sends an invitation). Recorded: a link of origin
    /// [`Origin::Created`].
    Create { attributes: AttributeSet },
    /// Set the attributes that differ, and only those.
    Update { account: AccountId, changes: Vec<Change> },
    /// Create a company-managed group, with our group's id as external id. Recorded: a link of origin
    /// [`Origin::Created`].
    CreateGroup { name: Box<str> },
    /// Rename the remote group in place.
    RenameGroup { remote: RemoteGroupId, before: Box<str>, after: Box<str> },
    /// Put an account into a group. Recorded, before the call: the placement.
    AddMember {
        group: GroupId,
        group_name: Box<str>,
        remote: Option<RemoteGroupId>,
        account: Option<AccountId>,
        user: UserId,
    },
    /// Delete a group that Usher made. Recorded: its link and placements are forgotten.
    DeleteGroup { remote: RemoteGroupId },
    /// Inbound. Disable the directory user of an account that is suspended, or (`left`) that is not of the rule any
    /// more. Recorded with it: that it left, so that its return enables the user again.
    DisableUser { account: AccountId, left: bool },
    /// Inbound. Delete a directory user whom this rule made. Recorded with it: link and provenance are forgotten.
    DeleteUser { account: AccountId },
    /// Inbound. Take a user out of a directory group. Recorded with it: the placement is forgotten.
    LeaveGroup { group: GroupId, group_name: Box<str>, user: UserId },
    /// Inbound. Delete a directory group that this rule made. Recorded with it: its link and placements are forgotten.
    DeleteDirectoryGroup { remote: RemoteGroupId },
    /// Inbound. Enable the directory user of an account that is in use. Recorded with it, when the rule had disabled
    /// the user as one that left: that it is `back`.
    EnableUser { account: AccountId, back: bool },
    /// Inbound. Set the attributes of a directory user that differ, and only those.
    UpdateUser { account: AccountId, changes: Vec<Assignment> },
    /// Inbound. Make a directory user. Recorded with it: a link of origin [`Origin::Created`], and the provenance.
    CreateUser { account: AccountId, population: PopulationId, enabled: bool, values: Vec<Assignment> },
    /// Inbound. Make a directory group. Recorded with it: a link of origin [`Origin::Created`].
    CreateDirectoryGroup { remote: RemoteGroupId, population: PopulationId, name: Box<str> },
    /// Inbound. Rename a directory group.
    RenameDirectoryGroup { remote: RemoteGroupId, before: Box<str>, after: Box<str> },
    /// Inbound. Put a user into a directory group. Recorded with it: the placement.
    JoinGroup { group: GroupId, group_name: Box<str>, user: UserId },
}

/// A directory attribute that is set, by its path as the API spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Which.
    pub attribute: Box<str>,
    /// As it stands; empty when it has no value.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub before: Box<str>,
    /// As it should be; empty clears it.
    pub after: Box<str>,
}

/// An attribute that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which.
    pub attribute: Attribute,
    /// As observed; empty when it has no value.
    pub before: Box<str>,
    /// As it should be; empty clears it.
    pub after: Box<str>,
}

/// What an operation takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// A person's access.
    User,
    /// A membership.
    Membership,
    /// A group.
    Group,
}

/// Why an operation is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Because {
    /// The user is in scope and enabled, or the group is of the rule.
    InScope,
    /// The user is disabled in the directory.
    Disabled,
    /// The user was deleted in the directory, or left the rule's filter.
    LeftScope,
    /// The time that `REMOVE_AFTER_DAYS` gave is over.
    GraceOver,
    /// The group was deleted, or taken off the rule.
    GroupLeft,
    /// The rule is being deleted.
    RuleDeleted,
    /// The user is not (any more) a member in the directory.
    NotMember,
    /// The account that was linked is not there any more.
    Gone,
    /// Inbound: the account is suspended in Dropbox.
    Suspended,
    /// Inbound: the account was removed from the Dropbox team, or is not listed any more.
    RemovedThere,
    /// Inbound: the rule's filter does not match the account (any more).
    Unmatched,
    /// Inbound: only active accounts are wanted, and this one is not.
    NotActive,
    /// Inbound: the account is back, or in use again.
    Back,
}

/// Operations of one stage may run together; stages run in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    Unlink,
    UnlinkGroup,
    Link,
    LinkGroup,
    Amend,
    ForgetMember,
    Suspend,
    CancelInvitation,
    Remove,
    RemoveMember,
    Recover,
    Unsuspend,
    Create,
    Update,
    CreateGroup,
    RenameGroup,
    AddMember,
    DeleteGroup,
    DisableUser,
    DeleteUser,
    LeaveGroup,
    DeleteDirectoryGroup,
    EnableUser,
    UpdateUser,
    CreateUser,
    CreateDirectoryGroup,
    RenameDirectoryGroup,
    JoinGroup,
}

impl Stage {
    /// Every stage, in the order of the world.
    pub const ALL: [Stage; 28] = {
        use Stage::*;
        [
            Unlink,
            UnlinkGroup,
            Link,
            LinkGroup,
            Amend,
            ForgetMember,
            Suspend,
            CancelInvitation,
            Remove,
            RemoveMember,
            Recover,
            Unsuspend,
            Create,
            Update,
            CreateGroup,
            RenameGroup,
            AddMember,
            DeleteGroup,
            DisableUser,
            DeleteUser,
            LeaveGroup,
            DeleteDirectoryGroup,
            EnableUser,
            UpdateUser,
            CreateUser,
            CreateDirectoryGroup,
            RenameDirectoryGroup,
            JoinGroup,
        ]
    };
}

impl Action {
    /// Its place in the order of the world.
    pub fn stage(&self) -> Stage {
        match self {
            Action::Unlink { .. } => Stage::Unlink,
            Action::UnlinkGroup { .. } => Stage::UnlinkGroup,
            Action::Link { .. } => Stage::Link,
            Action::LinkGroup { .. } => Stage::LinkGroup,
            Action::Amend { .. } => Stage::Amend,
            Action::ForgetMember { .. } => Stage::ForgetMember,
            Action::Suspend { .. } => Stage::Suspend,
            Action::CancelInvitation { .. } => Stage::CancelInvitation,
            Action::Remove { .. } => Stage::Remove,
            Action::RemoveMember { .. } => Stage::RemoveMember,
            Action::Recover { .. } => Stage::Recover,
            Action::Unsuspend { .. } => Stage::Unsuspend,
            Action::Create { .. } => Stage::Create,
            Action::Update { .. } => Stage::Update,
            Action::CreateGroup { .. } => Stage::CreateGroup,
            Action::RenameGroup { .. } => Stage::RenameGroup,
            Action::AddMember { .. } => Stage::AddMember,
            Action::DeleteGroup { .. } => Stage::DeleteGroup,
            Action::DisableUser { .. } => Stage::DisableUser,
            Action::DeleteUser { .. } => Stage::DeleteUser,
            Action::LeaveGroup { .. } => Stage::LeaveGroup,
            Action::DeleteDirectoryGroup { .. } => Stage::DeleteDirectoryGroup,
            Action::EnableUser { .. } => Stage::EnableUser,
            Action::UpdateUser { .. } => Stage::UpdateUser,
            Action::CreateUser { .. } => Stage::CreateUser,
            Action::CreateDirectoryGroup { .. } => Stage::CreateDirectoryGroup,
            Action::RenameDirectoryGroup { .. } => Stage::RenameDirectoryGroup,
            Action::JoinGroup { .. } => Stage::JoinGroup,
        }
    }

    /// What tells two operations of one stage and subject apart: the group of a membership, and the account.
    pub(super) fn detail(&self) -> (&str, Option<GroupId>, &str) {
        match self {
            Action::RemoveMember { group, group_name, account, .. } => {
                (group_name, Some(*group), account.as_str())
            }
            Action::AddMember { group, group_name, .. }
            | Action::ForgetMember { group, group_name, .. }
            | Action::LeaveGroup { group, group_name, .. }
            | Action::JoinGroup { group, group_name, .. } => (group_name, Some(*group), ""),
            _ => ("", None, ""),
        }
    }

    /// Whether it only changes what Usher remembers; such operations never reach a connector.
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            Action::Unlink { .. }
                | Action::Link { .. }
                | Action::Amend { .. }
                | Action::LinkGroup { .. }
                | Action::UnlinkGroup { .. }
                | Action::ForgetMember { .. }
        )
    }

    /// The account that an inbound step is about.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Action::DisableUser { account, .. }
            | Action::DeleteUser { account }
            | Action::EnableUser { account, .. }
            | Action::UpdateUser { account, .. }
            | Action::CreateUser { account, .. }
            | Action::Link { account, .. }
            | Action::Unlink { account } => Some(account),
            _ => None,
        }
    }

    /// Whether it takes a person's access away: what the guard counts as a removal of a user.
    pub fn removes_user(&self) -> bool {
        self.removal() == Some(Removal::User)
    }

    /// What it takes away, if anything: what the guard counts it as.
    pub fn removal(&self) -> Option<Removal> {
        match self {
            Action::Suspend { .. }
            | Action::CancelInvitation { .. }
            | Action::Remove { .. }
            | Action::DisableUser { .. }
            | Action::DeleteUser { .. } => Some(Removal::User),
            Action::RemoveMember { .. } | Action::LeaveGroup { .. } => Some(Removal::Membership),
            Action::DeleteGroup { .. } | Action::DeleteDirectoryGroup { .. } => Some(Removal::Group),
            _ => None,
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Because::InScope => "in scope",
            Because::Disabled => "disabled in the directory",
            Because::LeftScope => "deleted, or no longer matched by the rule's filter",
            Because::GraceOver => "its days of grace are over",
            Because::GroupLeft => "group deleted, or taken off the rule",
            Because::RuleDeleted => "the rule is being deleted",
            Because::NotMember => "not a member in the directory",
            Because::Gone => "no longer there",
            Because::Suspended => "suspended in Dropbox",
            Because::RemovedThere => "removed from the Dropbox team",
            Because::Unmatched => "no longer matched by the rule's filter",
            Because::NotActive => "not active in Dropbox",
            Because::Back => "in use in Dropbox",
        })
    }
}

//! Which subjects a reconciliation is about.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::snapshot::AccountId;
use crate::{GroupId, UserId};

/// What a run looks at. Desired, snapshot, links and plan of one run all have the same scope; nothing outside it
/// is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Everything of the rule.
    Full,
    /// Only the subjects that are due.
    Subjects {
        /// Users whose account and memberships are looked at.
        users: BTreeSet<UserId>,
        /// Groups whose existence and name are looked at (their members only as far as they are in `users`).
        groups: BTreeSet<GroupId>,
    },
    /// Only these accounts: of an inbound rule, whose subjects are found by what is seen of their accounts.
    Accounts(BTreeSet<AccountId>),
}

impl Scope {
    /// Whether this user's account is looked at.
    pub fn has_user(&self, user: UserId) -> bool {
        match self {
            Scope::Full => true,
            Scope::Subjects { users, .. } => users.contains(&user),
            Scope::Accounts(_) => false,
        }
    }

    /// Whether this group's existence and name are looked at.
    pub fn has_group(&self, group: GroupId) -> bool {
        match self {
            Scope::Full => true,
            Scope::Subjects { groups, .. } => groups.contains(&group),
            Scope::Accounts(_) => false,
        }
    }

    /// Whether this account is looked at for its own sake, as an inbound rule does.
    pub fn has_account(&self, account: &AccountId) -> bool {
        match self {
            Scope::Full => true,
            Scope::Subjects { .. } => false,
            Scope::Accounts(accounts) => accounts.contains(account),
        }
    }

    /// Whether it is about everything.
    pub fn is_full(&self) -> bool {
        matches!(self, Scope::Full)
    }
}

/// Whom an operation, a finding or a status is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "UPPERCASE")]
pub enum Subject {
    /// A user of the directory.
    User(UserId),
    /// A group of the directory.
    Group(GroupId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::User(id) => write!(f, "user {id}"),
            Subject::Group(id) => write!(f, "group {id}"),
        }
    }
}

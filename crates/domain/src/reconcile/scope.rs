//! Which subjects a reconciliation is about.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

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
}

impl Scope {
    /// Whether this user's account is looked at.
    pub fn has_user(&self, user: UserId) -> bool {
        match self {
            Scope::Full => true,
            Scope::Subjects { users, .. } => users.contains(&user),
        }
    }

    /// Whether this group's existence and name are looked at.
    pub fn has_group(&self, group: GroupId) -> bool {
        match self {
            Scope::Full => true,
            Scope::Subjects { groups, .. } => groups.contains(&group),
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

//! What was observed on the remote side, with the scope that it covers.

use std::fmt;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{attributes::AttributeSet, scope::Scope};
use crate::{Timestamp, UserId};

macro_rules! remote_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// As the remote system spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<Box<str>>> From<T> for $name {
            fn from(id: T) -> Self {
                $name(id.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

remote_ids! {
    /// An account's id at the remote system (`dbmid:…`, the team member id).
    AccountId;
    /// A group's id at the remote system (`g:…`).
    RemoteGroupId;
}

impl AccountId {
    /// In a link, in place of an id that nobody knows yet: the account is about to be made for this user, and will
    /// carry that external id. Should the answer never come and the user be gone by then, it can still be found.
    pub fn expected(user: UserId, external_id: &str) -> Self {
        AccountId(format!("{EXPECTED}{user}:{external_id}").into())
    }

    /// The external id of an account that was about to be made; `None` for an account that is known.
    pub fn expected_external_id(&self) -> Option<&str> {
        self.0.strip_prefix(EXPECTED)?.split_once(':').map(|(_, external_id)| external_id)
    }
}

/// No id of a remote system begins like this.
const EXPECTED: &str = "expected:";

/// Where an account stands in the remote system's state machine (facts/dropbox.md §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AccountState {
    /// In use.
    Active,
    /// Invited, not yet accepted. Cannot be suspended.
    Invited,
    /// Suspended, and since when if the remote system says.
    Suspended {
        /// When it was suspended.
        since: Option<Timestamp>,
    },
    /// Removed from the team.
    Removed {
        /// Whether it can still be recovered (7 days at Dropbox).
        recoverable: bool,
    },
    /// A state that this version does not know; such an account is never touched.
    Unknown,
}

/// A person's presence in the remote system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The stable key.
    pub id: AccountId,
    /// Where it stands.
    pub state: AccountState,
    /// What can be set on it. The e-mail is lower-cased.
    pub attributes: AttributeSet,
    /// Other verified or pending addresses, lower-cased.
    pub secondary_emails: Box<[Box<str>]>,
    /// Whether it may administer the team.
    pub is_admin: bool,
    /// The groups it is in, as keys of [`Snapshot::group_ids`], sorted.
    pub groups: Box<[GroupKey]>,
}

/// A group id of one snapshot, as a small number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey(pub u32);

/// Who may edit a group at the remote system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// Administrators only; the kind that Usher makes.
    CompanyManaged,
    /// Its members. Never adopted, never touched.
    UserManaged,
    /// The system itself. Never touched.
    SystemManaged,
    /// A kind that this version does not know. Never touched.
    Unknown,
}

/// A group in the remote system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteGroup {
    /// Its number in this snapshot.
    pub key: GroupKey,
    /// Its name as people see it.
    pub name: Box<str>,
    /// The provisioner's own id; Usher's group id on groups that it made.
    pub external_id: Option<Box<str>>,
    /// Who may edit it.
    pub kind: GroupKind,
}

/// Licences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// Bought.
    pub licensed: u32,
    /// Taken by active, invited and suspended accounts.
    pub used: u32,
}

impl Seats {
    /// How many are left.
    pub fn left(self) -> u32 {
        self.licensed.saturating_sub(self.used)
    }
}

/// What was observed. A snapshot of [`Scope::Full`] is whole, or it does not exist: the connector answers an
/// error instead of a listing that may be short.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What it covers.
    pub scope: Scope,
    /// The accounts found. Under [`Scope::Full`] all of them, also those removed and still recoverable.
    pub accounts: Vec<Account>,
    /// The groups found. Under [`Scope::Full`] all of them; else those asked for, or all when `groups_whole`.
    pub groups: Vec<RemoteGroup>,
    /// Whether `groups` is the whole list, so that a group not in it does not exist.
    pub groups_whole: bool,
    /// The text of each [`GroupKey`], in its order; also of groups that only occur in accounts.
    pub group_ids: Vec<RemoteGroupId>,
    /// The licences, if they were asked for.
    pub seats: Option<Seats>,
    /// The account whose authorisation the connection uses. Never disabled or removed.
    pub own_account: Option<AccountId>,
}

impl Snapshot {
    /// The remote system's id of a group.
    pub fn group_id(&self, key: GroupKey) -> Option<&RemoteGroupId> {
        self.group_ids.get(key.0 as usize)
    }
}

/// Gives each group id its [`GroupKey`], first come first numbered.
#[derive(Debug, Default)]
pub struct GroupKeys {
    ids: Vec<RemoteGroupId>,
    keys: FxHashMap<RemoteGroupId, GroupKey>,
}

impl GroupKeys {
    /// The key of this id; a new one if it was never seen.
    pub fn key(&mut self, id: &str) -> GroupKey {
        let id = RemoteGroupId::from(id);
        if let Some(key) = self.keys.get(&id) {
            return *key;
        }
        let key = GroupKey(u32::try_from(self.ids.len()).unwrap_or(u32::MAX));
        self.ids.push(id.clone());
        self.keys.insert(id, key);
        key
    }

    /// The ids in key order, for [`Snapshot::group_ids`].
    pub fn into_ids(self) -> Vec<RemoteGroupId> {
        self.ids
    }
}

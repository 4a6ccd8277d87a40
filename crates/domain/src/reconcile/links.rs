//! Which account belongs to which user, and which remote group to which group: the memory of a connection.

use serde::{Deserialize, Serialize};

use super::snapshot::{AccountId, RemoteGroupId};
use crate::{GroupId, RuleId, Timestamp, UserId};

/// How a link came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Origin {
    /// Usher made the account or group.
    Created,
    /// It was there, and correlated.
    Adopted,
    /// Of accounts only: it was another user's, whom the rule wants no more, and carried that user's id. The mark is
    /// therefore ours to replace, also by a later run than the one that handed the account over.
    Inherited,
}

/// A user and their account. It belongs to the connection, and remembers the rule that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLink {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub account: AccountId,
    /// The rule that made it, and that alone may deprovision by it.
    pub rule: RuleId,
    /// How it came to be.
    pub origin: Origin,
    /// Usher suspended the account (not a person), and may therefore unsuspend it.
    pub suspended_by_us: bool,
    /// With `REMOVE_AFTER_DAYS`: remove the account at this time, unless the user comes back before.
    pub remove_at: Option<Timestamp>,
}

/// A group and its remote group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLink {
    /// Whose.
    pub group: GroupId,
    /// Which.
    pub remote: RemoteGroupId,
    /// The rule that made it.
    pub rule: RuleId,
    /// How it came to be: only a group that Usher created is ever deleted.
    pub origin: Origin,
}

/// What a connection remembers, of one scope: under a full scope everything; else the links of the users and
/// groups in scope, the links of all groups, and the placements of the users in scope.
#[derive(Clone, Debug, Default)]
pub struct Links {
    accounts: Vec<AccountLink>,
    groups: Vec<GroupLink>,
    /// Memberships that Usher put in: (index in `accounts`, index in `groups`), sorted.
    placed: Vec<(u32, u32)>,
}

impl Links {
    /// Gathers what the store remembers, in any order. A placement without both its links is forgotten.
    pub fn new(
        mut accounts: Vec<AccountLink>,
        mut groups: Vec<GroupLink>,
        placed: impl IntoIterator<Item = (UserId, GroupId)>,
    ) -> Self {
        accounts.sort_unstable_by_key(|link| link.user);
        groups.sort_unstable_by_key(|link| link.group);
        let mut links = Links { accounts, groups, placed: Vec::new() };
        let mut pairs: Vec<(u32, u32)> = placed
            .into_iter()
            .filter_map(|(user, group)| Some((links.account_index(user)?, links.group_index(group)?)))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs.shrink_to_fit();
        links.placed = pairs;
        links
    }

    /// These, and those of another look at the same connection.
    #[must_use]
    pub fn with(self, other: Links) -> Self {
        let placed: Vec<_> = [&self, &other].into_iter().flat_map(Links::pairs).collect();
        let mut accounts = [self.accounts, other.accounts].concat();
        accounts.sort_unstable_by_key(|link| link.user);
        accounts.dedup_by_key(|link| link.user);
        Links::new(accounts, self.groups, placed)
    }

    fn pairs(&self) -> impl Iterator<Item = (UserId, GroupId)> + '_ {
        self.placed.iter().filter_map(|(account, group)| {
            Some((self.accounts.get(*account as usize)?.user, self.groups.get(*group as usize)?.group))
        })
    }

    /// All account links, sorted by user.
    pub fn accounts(&self) -> &[AccountLink] {
        &self.accounts
    }

    /// All group links, sorted by group.
    pub fn groups(&self) -> &[GroupLink] {
        &self.groups
    }

    /// The link of a user.
    pub fn account(&self, user: UserId) -> Option<&AccountLink> {
        self.account_index(user).and_then(|index| self.accounts.get(index as usize))
    }

    /// The link of a group.
    pub fn group(&self, group: GroupId) -> Option<&GroupLink> {
        self.group_index(group).and_then(|index| self.groups.get(index as usize))
    }

    /// Whether Usher put this user into this group.
    pub fn is_placed(&self, user: UserId, group: GroupId) -> bool {
        match (self.account_index(user), self.group_index(group)) {
            (Some(account), Some(group)) => self.placed.binary_search(&(account, group)).is_ok(),
            _ => false,
        }
    }

    /// The groups that Usher put this user into.
    pub fn placements(&self, user: UserId) -> impl Iterator<Item = GroupId> + '_ {
        let index = self.account_index(user).unwrap_or(u32::MAX);
        let from = self.placed.partition_point(|(account, _)| *account < index);
        self.placed[from..]
            .iter()
            .take_while(move |(account, _)| *account == index)
            .filter_map(|(_, group)| self.groups.get(*group as usize).map(|link| link.group))
    }

    /// How many memberships Usher put in.
    pub fn placed_count(&self) -> usize {
        self.placed.len()
    }

    /// How many memberships were put into groups that this rule linked.
    pub fn placed_by(&self, rule: RuleId) -> u64 {
        let ours: Vec<bool> = self.groups.iter().map(|link| link.rule == rule).collect();
        let is_ours = |group: u32| ours.get(group as usize).copied().unwrap_or(false);
        self.placed.iter().filter(|(_, group)| is_ours(*group)).count() as u64
    }

    /// Memberships that Usher put in: (index in [`Links::accounts`], index in [`Links::groups`]), sorted.
    pub(super) fn placed(&self) -> &[(u32, u32)] {
        &self.placed
    }

    fn account_index(&self, user: UserId) -> Option<u32> {
        let index = self.accounts.binary_search_by_key(&user, |link| link.user).ok()?;
        u32::try_from(index).ok()
    }

    fn group_index(&self, group: GroupId) -> Option<u32> {
        let index = self.groups.binary_search_by_key(&group, |link| link.group).ok()?;
        u32::try_from(index).ok()
    }
}

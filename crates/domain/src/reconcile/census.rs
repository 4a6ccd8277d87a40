//! A census of the accounts that are there, before anything is synced: whose they are, as far as can be told.
//!
//! It counts by link, by our external id and by address, as a run correlates; but it knows no rule, so what it calls
//! matched is what a rule that wants the user would find.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{
    attributes::Attribute,
    links::Links,
    snapshot::{Account, AccountState, Seats, Snapshot},
};
use crate::{UserId, directory::user::User, provisioning::connection::Policy};

/// Whose an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Belonging {
    /// It belongs to a user: linked, or found by external id or address.
    Matched,
    /// To nobody of the directory.
    Unmatched,
    /// Several users fit it, or several accounts fit the user.
    Ambiguous,
}

/// One account.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted<'a> {
    /// It.
    pub account: &'a Account,
    /// Whose it is.
    pub belonging: Belonging,
    /// The user, when it is matched.
    pub user: Option<&'a User>,
    /// Whether a link says so.
    pub linked: bool,
    /// Whether it is never disabled or removed: named in the settings, or the connection's own.
    pub protected: bool,
}

/// All of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Census<'a> {
    /// Each account that is there, in the order of the snapshot.
    pub accounts: Vec<Counted<'a>>,
    /// The licences, if they were asked for.
    pub seats: Option<Seats>,
}

impl Census<'_> {
    /// How many accounts are so.
    pub fn count(&self, is_so: impl Fn(&Counted<'_>) -> bool) -> u64 {
        self.accounts.iter().filter(|counted| is_so(counted)).count() as u64
    }
}

/// Counts the accounts of a whole snapshot against the users of the directory.
pub fn census<'a>(seen: &'a Snapshot, links: &Links, users: &'a [User], policy: &Policy) -> Census<'a> {
    let by_id: FxHashMap<UserId, &User> = users.iter().map(|user| (user.id, user)).collect();
    let linked: FxHashMap<&str, UserId> =
        links.accounts().iter().map(|link| (link.account.as_str(), link.user)).collect();
    let mut by_email: FxHashMap<String, Vec<&User>> = FxHashMap::default();
    for user in users {
        by_email.entry(user.email.to_lowercase()).or_default().push(user);
    }
    let mut accounts: Vec<Counted<'a>> = Vec::new();
    for account in seen.accounts.iter().filter(|it| !matches!(it.state, AccountState::Removed { .. })) {
        let link = linked.get(account.id.as_str()).and_then(|user| by_id.get(user)).copied();
        let marked = account.attributes.get(Attribute::ExternalId).parse::<UserId>().ok();
        let marked = marked.and_then(|user| by_id.get(&user)).copied();
        let (belonging, user) = match link.or(marked) {
            Some(user) => (Belonging::Matched, Some(user)),
            None => by_address(account, &by_email),
        };
        let email = account.attributes.get(Attribute::Email);
        let protected = policy.protected.contains(email) || seen.own_account.as_ref() == Some(&account.id);
        accounts.push(Counted { account, belonging, user, linked: link.is_some(), protected });
    }
    // Two accounts that fit one user: only a link tells them apart.
    let mut fitting: FxHashMap<UserId, u32> = FxHashMap::default();
    for user in accounts.iter().filter_map(|counted| counted.user) {
        *fitting.entry(user.id).or_default() += 1;
    }
    for counted in &mut accounts {
        let several = counted.user.is_some_and(|user| fitting.get(&user.id).is_some_and(|n| *n > 1));
        if several && !counted.linked {
            (counted.belonging, counted.user) = (Belonging::Ambiguous, None);
        }
    }
    Census { accounts, seats: seen.seats }
}

fn by_address<'a>(
    account: &Account,
    users: &FxHashMap<String, Vec<&'a User>>,
) -> (Belonging, Option<&'a User>) {
    let own = account.attributes.get(Attribute::Email);
    let addresses = std::iter::once(own).chain(account.secondary_emails.iter().map(AsRef::as_ref));
    let mut found: Vec<&User> =
        addresses.filter_map(|address| users.get(address)).flatten().copied().collect();
    found.sort_unstable_by_key(|user| user.id);
    found.dedup_by_key(|user| user.id);
    match found.as_slice() {
        [] => (Belonging::Unmatched, None),
        [user] => (Belonging::Matched, Some(user)),
        _ => (Belonging::Ambiguous, None),
    }
}

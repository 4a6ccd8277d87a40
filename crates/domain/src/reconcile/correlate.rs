//! Which account is whose: by link, then by our external id, then by e-mail address. *Ambiguous* is an answer,
//! and an account that is linked to one user is never another's.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    attributes::{Attribute, AttributeMask},
    desired::DesiredAccount,
    index::TextIndex,
    links::{AccountLink, Links},
    snapshot::{Account, AccountState, Snapshot},
};
use crate::UserId;

/// In place of a position: there is none.
pub(super) const NONE: u32 = u32::MAX;
/// In place of a link's position in [`Correlation::owner`]: a user of ours who is not linked yet, or an account
/// that must be left alone.
pub(super) const TAKEN: u32 = u32::MAX - 1;

/// What was found for one desired account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// The position of the user's link, or [`NONE`].
    pub(super) link: u32,
    pub(super) found: Found,
}

/// See [`Match`]. Numbers are positions in [`Snapshot::accounts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No account. With a link: the account that was linked is gone.
    Nothing,
    /// The linked account.
    Linked(u32),
    /// An account that nobody has, and that only this user may take.
    Candidate(u32),
    /// The account of a user whom the rule wants no more, and that only this user may take.
    Left(u32),
    /// The account whose address fits belongs, by a better reason, to another user of the rule.
    Another(u32),
    /// Several accounts fit, or several users want the one that fits.
    Ambiguous,
    /// The linked account was not looked at, or cannot be told from a scoped look.
    Unseen,
}

/// Which account is whose.
#[derive(Debug)]
pub(super) struct Correlation {
    /// For each desired account.
    pub(super) matches: Vec<Match>,
    /// For each account: the position of its link, [`NONE`], or [`TAKEN`].
    pub(super) owner: Vec<u32>,
    /// For each account link: the position of its account, or [`NONE`].
    pub(super) linked: Vec<u32>,
    /// Accounts that several links name: left alone.
    pub(super) contested: FxHashSet<u32>,
    /// Accounts of users whom the rule wants no more, and that fit someone whom it wants.
    pub(super) claimed: FxHashSet<u32>,
}

/// The external id that is ours for this user: as mapped, else the user's id.
pub(super) fn own_external_id<'a>(
    want: &'a DesiredAccount,
    mapped: AttributeMask,
    buffer: &'a mut [u8; 36],
) -> &'a str {
    if mapped.has(Attribute::ExternalId) {
        want.attributes.get(Attribute::ExternalId)
    } else {
        user_text(want.user, buffer)
    }
}

/// The user's id as text, without an allocation.
pub(super) fn user_text(user: UserId, buffer: &mut [u8; 36]) -> &str {
    user.uuid().hyphenated().encode_lower(buffer)
}

/// Whether the account is there for someone: not removed.
pub(super) fn is_live(account: &Account) -> bool {
    !matches!(account.state, AccountState::Removed { .. })
}

/// Whether the account is gone for good: removed and not recoverable.
pub(super) fn is_gone(account: &Account) -> bool {
    matches!(account.state, AccountState::Removed { recoverable: false })
}

/// Finds every desired account's counterpart. `desired` and the links are sorted by user. `may_leave` tells the links
/// by which the rule may deprovision, if it does not want the user.
pub(super) fn correlate(
    wanted: &[DesiredAccount],
    mapped: AttributeMask,
    seen: &Snapshot,
    links: &Links,
    may_leave: impl Fn(&AccountLink) -> bool,
) -> Correlation {
    let mut owner = vec![NONE; seen.accounts.len()];
    let by_id = index_ids(seen, &mut owner);
    let mut contested = FxHashSet::default();
    let mut linked: Vec<u32> = (0..)
        .zip(links.accounts())
        .map(|(position, link)| {
            let Some(account) = find_id(&by_id, seen, link.account.as_str()) else { return NONE };
            match owner.get_mut(account as usize) {
                Some(slot) if *slot == NONE => *slot = position,
                _ => drop(contested.insert(account)),
            }
            account
        })
        .collect();
    drop(by_id);
    // An account that was about to be made, for somebody who is not wanted any more; who is wanted finds theirs below,
    // as anybody without a link does.
    for (position, link) in (0..).zip(links.accounts()) {
        let Some(external_id) = link.account.expected_external_id() else { continue };
        if wanted.binary_search_by_key(&link.user, |want| want.user).is_ok() {
            continue;
        }
        let Some(account) = the_one_marked(seen, external_id) else { continue };
        if let (Some(slot), Some(linked)) =
            (owner.get_mut(account as usize), linked.get_mut(position as usize))
            && *slot == NONE
        {
            (*slot, *linked) = (position, account);
        }
    }

    let mut matches = Vec::with_capacity(wanted.len());
    let mut unmatched = false;
    let mut next = 0;
    for want in wanted {
        while links.accounts().get(next).is_some_and(|link| link.user < want.user) {
            next += 1;
        }
        let has_link = links
            .accounts()
            .get(next)
            .is_some_and(|link| link.user == want.user && link.account.expected_external_id().is_none());
        let link = if has_link { u32::try_from(next).unwrap_or(NONE) } else { NONE };
        let account = if has_link { linked.get(next).copied().unwrap_or(NONE) } else { NONE };
        let found = match seen.accounts.get(account as usize) {
            Some(_) if contested.contains(&account) => Found::Ambiguous,
            Some(there) if !is_gone(there) => Found::Linked(account),
            None if has_link && !seen.scope.is_full() => Found::Unseen,
            _ => Found::Nothing,
        };
        unmatched |= found == Found::Nothing;
        matches.push(Match { link, found });
    }
    let mut claimed = FxHashSet::default();
    if unmatched {
        let mut left = Left::default();
        let mut next = wanted.iter().map(|want| want.user).peekable();
        for (link, account) in links.accounts().iter().zip(&linked) {
            while next.next_if(|user| *user < link.user).is_some() {}
            if *account != NONE
                && next.peek() != Some(&link.user)
                && !contested.contains(account)
                && may_leave(link)
            {
                left.insert(*account, link.user);
            }
        }
        claimed = search(wanted, mapped, seen, &left, &mut owner, &mut matches);
    }
    Correlation { matches, owner, linked, contested, claimed }
}

/// The accounts of users whom the rule wants no more, and whose they were.
type Left = FxHashMap<u32, UserId>;

/// An index of account ids. An account that is listed twice counts once: its repetition is marked as taken.
fn index_ids(seen: &Snapshot, owner: &mut [u32]) -> TextIndex {
    let mut by_id = TextIndex::with_capacity(seen.accounts.len());
    for ((position, account), slot) in (0..).zip(&seen.accounts).zip(owner) {
        if find_id(&by_id, seen, account.id.as_str()).is_some() {
            *slot = TAKEN;
        } else {
            by_id.insert(account.id.as_str(), position);
        }
    }
    by_id
}

fn find_id(by_id: &TextIndex, seen: &Snapshot, id: &str) -> Option<u32> {
    by_id
        .candidates(id)
        .find(|at| seen.accounts.get(*at as usize).is_some_and(|account| account.id.as_str() == id))
}

/// The account that carries this external id, if exactly one does.
fn the_one_marked(seen: &Snapshot, external_id: &str) -> Option<u32> {
    let fits =
        |account: &Account| account.attributes.get(Attribute::ExternalId) == external_id && !is_gone(account);
    let mut found = (0..).zip(&seen.accounts).filter(|(_, account)| fits(account));
    match (found.next(), found.next()) {
        (Some((at, _)), None) => Some(at),
        _ => None,
    }
}

/// Whether the address is one of the account's.
pub(super) fn has_address(account: &Account, email: &str) -> bool {
    account.attributes.get(Attribute::Email) == email
        || account.secondary_emails.iter().any(|other| **other == *email)
}

/// An index of the addresses, primary and secondary, of those accounts.
pub(super) fn index_addresses(seen: &Snapshot, which: impl Fn(u32, &Account) -> bool) -> TextIndex {
    let entries = seen.accounts.iter().map(|account| 1 + account.secondary_emails.len()).sum();
    let mut index = TextIndex::with_capacity(entries);
    for (position, account) in (0..).zip(&seen.accounts).filter(|(at, account)| which(*at, account)) {
        let primary = account.attributes.get(Attribute::Email);
        if !primary.is_empty() {
            index.insert(primary, position);
        }
        for secondary in account.secondary_emails.iter().filter(|other| ***other != *primary) {
            index.insert(secondary, position);
        }
    }
    index
}

/// How good the reason is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    ExternalId,
    Email,
}

/// Looks for accounts of those who have none, among accounts that nobody has and those of users who left. What nobody
/// has and fits anyone, be it ambiguous, is nobody's no more: it is adopted or left alone. Gives those accounts of users
/// who left that fit anyone.
fn search(
    wanted: &[DesiredAccount],
    mapped: AttributeMask,
    seen: &Snapshot,
    left: &Left,
    owner: &mut [u32],
    matches: &mut [Match],
) -> FxHashSet<u32> {
    let nobodys = &*owner;
    let is_free = |at: u32, account: &Account| {
        (nobodys.get(at as usize) == Some(&NONE) || left.contains_key(&at)) && !is_gone(account)
    };
    // Of those who were removed, an address finds only whom we know to have been ours.
    let was_ours = |at: u32, account: &Account| {
        let mark = account.attributes.get(Attribute::ExternalId);
        left.get(&at).is_some_and(|user| user_text(*user, &mut [0; 36]) == mark)
    };
    let live = |at: &u32| seen.accounts.get(*at as usize).is_some_and(is_live);
    let mut by_external_id = TextIndex::with_capacity(seen.accounts.len());
    for (position, account) in (0..).zip(&seen.accounts).filter(|(at, account)| is_free(*at, account)) {
        let external_id = account.attributes.get(Attribute::ExternalId);
        if !external_id.is_empty() {
            by_external_id.insert(external_id, position);
        }
    }
    let by_email = index_addresses(seen, |at, account| {
        is_free(at, account) && (is_live(account) || was_ours(at, account))
    });

    let mut claims: Vec<(u32, Rank, u32)> = Vec::new();
    let mut hits = Vec::new();
    for ((position, want), found) in (0..).zip(wanted).zip(matches.iter_mut()) {
        if found.found != Found::Nothing || want.fault.is_some() {
            continue;
        }
        hits.clear();
        let (mut own, mut id) = ([0; 36], [0; 36]);
        let (own, id) = (own_external_id(want, mapped, &mut own), user_text(want.user, &mut id));
        for text in [own, id] {
            let there = |at: &u32| {
                seen.accounts
                    .get(*at as usize)
                    .is_some_and(|account| account.attributes.get(Attribute::ExternalId) == text)
            };
            if !text.is_empty() {
                hits.extend(by_external_id.candidates(text).filter(there));
            }
        }
        let mut rank = Rank::ExternalId;
        let email = want.attributes.get(Attribute::Email);
        if hits.is_empty() && !email.is_empty() {
            rank = Rank::Email;
            let there =
                |at: &u32| seen.accounts.get(*at as usize).is_some_and(|account| has_address(account, email));
            hits.extend(by_email.candidates(email).filter(there));
            if hits.iter().any(live) {
                hits.retain(live);
            }
        }
        hits.sort_unstable();
        hits.dedup();
        match hits.as_slice() {
            [] => {}
            [account] => {
                found.found = if left.contains_key(account) {
                    Found::Left(*account)
                } else {
                    Found::Candidate(*account)
                };
                claims.push((*account, rank, position));
            }
            several => {
                found.found = Found::Ambiguous;
                // Whoever else wants one of these must not get it either.
                claims.extend(several.iter().map(|account| (*account, rank, position)));
            }
        }
    }

    claims.sort_unstable();
    let mut claimed = FxHashSet::default();
    for (account, ..) in &claims {
        match owner.get_mut(*account as usize) {
            Some(owner) if *owner == NONE => *owner = TAKEN,
            Some(owner) if *owner != TAKEN => drop(claimed.insert(*account)),
            _ => {}
        }
    }
    for claims in claims.chunk_by(|a, b| a.0 == b.0).filter(|claims| claims.len() > 1) {
        let clear = claims[0].1 != claims[1].1;
        for (account, rank, position) in claims {
            let Some(found) = matches.get_mut(*position as usize) else { continue };
            match found.found {
                Found::Candidate(_) | Found::Left(_) if !clear => found.found = Found::Ambiguous,
                Found::Candidate(_) | Found::Left(_) if *rank != claims[0].1 => {
                    found.found = Found::Another(*account);
                }
                _ => {}
            }
        }
    }
    claimed
}

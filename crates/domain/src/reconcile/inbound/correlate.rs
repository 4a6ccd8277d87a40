//! Which user an account belongs to: by link, then by external id, then by e-mail address, without regard to case.
//! *Ambiguous* is an answer, and a user who has an account of the team is never another account's.

use rustc_hash::FxHashMap;

use super::{Draft, Fate, findings, user_of_account};
use crate::{
    UserId,
    directory::user::User,
    reconcile::{
        attributes::Attribute,
        correlate::NONE,
        inbound::member::{Groups, Member},
        index::TextIndex,
        operation::Because,
        scope::{Scope, Subject},
        snapshot::{Account, AccountState},
        status::Standing,
    },
};

/// Which account is whose.
pub(super) struct Pairs {
    pub(super) groups: Groups,
    /// By place of the account.
    pub(super) found: Vec<Found>,
    /// By place of the account: the place of its link, or [`NONE`].
    pub(super) link_of: Vec<u32>,
    /// By place of the link: the place of its account, or [`NONE`].
    pub(super) linked: Vec<u32>,
    by_id: TextIndex,
}

/// What was found for one wanted account. Numbers are places in `users`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Not wanted, or a finding says why there is nothing to do.
    Nothing,
    /// The user that the link names.
    Linked(u32),
    /// A user who is to be linked.
    Matched(u32),
    /// No user: one is to be made.
    New,
}

impl Pairs {
    /// The place of the account of that id.
    pub(super) fn account(&self, draft: &Draft, id: &str) -> Option<u32> {
        find(&self.by_id, draft, id)
    }
}

fn find(by_id: &TextIndex, draft: &Draft, id: &str) -> Option<u32> {
    let accounts = &draft.known.seen.accounts;
    by_id.candidates(id).find(|at| accounts.get(*at as usize).is_some_and(|it| it.id.as_str() == id))
}

/// Finds every wanted account's user; tells each account's fate.
pub(super) fn correlate(draft: &mut Draft) -> Pairs {
    let (known, seen) = (draft.known, draft.known.seen);
    let groups = Groups::of(seen);
    let mut by_id = TextIndex::with_capacity(seen.accounts.len());
    let mut fates = Vec::with_capacity(seen.accounts.len());
    for (at, account) in (0..).zip(&seen.accounts) {
        let twice = find(&by_id, draft, account.id.as_str()).is_some();
        if !twice {
            by_id.insert(account.id.as_str(), at);
        }
        let ours = !twice && known.seen.scope.has_account(&account.id);
        fates.push(if ours { fate(draft, account, &groups) } else { Fate::Ignored });
    }
    draft.fates = fates;

    let mut link_of = vec![NONE; seen.accounts.len()];
    let mut linked = Vec::with_capacity(known.links.accounts().len());
    for (place, link) in (0..).zip(known.links.accounts()) {
        let at = find(&by_id, draft, link.account.as_str());
        if let Some(slot) = at.and_then(|at| link_of.get_mut(at as usize)) {
            *slot = place;
        }
        linked.push(at.unwrap_or(NONE));
    }

    let mut found = vec![Found::Nothing; seen.accounts.len()];
    let mut unlinked = Vec::new();
    for (at, account) in seen.accounts.iter().enumerate() {
        if !matches!(draft.fates.get(at), Some(Fate::Wanted | Fate::Unknown)) {
            continue;
        }
        let link = link_of.get(at).and_then(|place| known.links.accounts().get(*place as usize));
        let Some(link) = link else {
            if draft.fates.get(at) == Some(&Fate::Wanted) {
                unlinked.push(at);
            }
            continue;
        };
        let label = label(account);
        draft.kept.insert(link.user);
        if known.neighbours.contains(&link.rule) {
            let problem = findings::of_another_rule(label, link.rule);
            draft.impacted.push(Subject::User(link.user));
            draft.finding(link.user, label, Some(Standing::Partial), problem);
            continue;
        }
        match draft.place(link.user).and_then(|place| u32::try_from(place).ok()) {
            Some(place) => found[at] = Found::Linked(place),
            None if link.rule == known.rule => found[at] = Found::New,
            None => {
                draft.impacted.push(Subject::User(link.user));
                let problem = findings::made_by_outbound(label);
                draft.finding(link.user, label, Some(Standing::Unsynced), problem);
            }
        }
    }
    let mut pairs = Pairs { groups, found, link_of, linked, by_id };
    if !unlinked.is_empty() {
        search(draft, &mut pairs, &unlinked);
    }
    pairs
}

fn fate(draft: &Draft, account: &Account, groups: &Groups) -> Fate {
    let known = draft.known;
    if known.retiring.is_some() {
        return Fate::Out(Because::RuleDeleted);
    }
    match account.state {
        AccountState::Removed { .. } => return Fate::Out(Because::RemovedThere),
        AccountState::Unknown => return Fate::Unknown,
        _ => {}
    }
    if known.filter.is_some_and(|filter| !filter.matches(&Member { account, seen: known.seen, groups })) {
        Fate::Out(Because::Unmatched)
    } else if known.onboarding.only_active && account.state != AccountState::Active {
        Fate::Out(Because::NotActive)
    } else {
        Fate::Wanted
    }
}

/// The account as people know it.
pub(super) fn label(account: &Account) -> &str {
    match account.attributes.get(Attribute::Email) {
        "" => account.id.as_str(),
        email => email,
    }
}

/// What users are found by, folded.
struct Index<'a> {
    users: &'a [User],
    emails: TextIndex,
    usernames: TextIndex,
    external_ids: TextIndex,
}

impl<'a> Index<'a> {
    fn of(users: &'a [User]) -> Self {
        let index = || TextIndex::with_capacity(users.len());
        let (mut emails, mut usernames, mut external_ids) = (index(), index(), index());
        for (place, user) in (0..).zip(users) {
            emails.insert(&user.email.to_lowercase(), place);
            usernames.insert(&user.username.to_lowercase(), place);
            if let Some(id) = &user.external_id {
                external_ids.insert(id, place);
            }
        }
        Index { users, emails, usernames, external_ids }
    }

    fn matching(&self, index: &TextIndex, text: &str, is: impl Fn(&User) -> bool) -> Vec<u32> {
        let is = |place: &u32| self.users.get(*place as usize).is_some_and(&is);
        let mut places: Vec<u32> = index.candidates(text).filter(is).collect();
        places.dedup();
        places
    }

    fn by_external_id(&self, id: &str) -> Vec<u32> {
        self.matching(&self.external_ids, id, |user| user.external_id.as_deref() == Some(id))
    }

    fn by_email(&self, email: &str) -> Vec<u32> {
        self.matching(&self.emails, email, |user| user.email.to_lowercase() == email)
    }

    fn by_username(&self, username: &str) -> Vec<u32> {
        self.matching(&self.usernames, username, |user| user.username.to_lowercase() == username)
    }
}

/// Finds users for accounts that have no link.
fn search(draft: &mut Draft, pairs: &mut Pairs, unlinked: &[usize]) {
    let known = draft.known;
    let index = Index::of(known.users);
    let expected: Vec<&str> =
        known.links.accounts().iter().filter_map(|link| link.account.expected_external_id()).collect();
    // Who claims a user, and whether by a mark, which counts more than an address.
    let mut claims: FxHashMap<u32, Vec<(usize, bool)>> = FxHashMap::default();
    for at in unlinked {
        let Some(account) = known.seen.accounts.get(*at) else { continue };
        let email = account.attributes.get(Attribute::Email).to_lowercase();
        let marked = account.attributes.get(Attribute::ExternalId);
        let mut candidates = marks(draft, &index, account);
        let by_mark = !candidates.is_empty();
        if candidates.is_empty() && !email.is_empty() {
            candidates = index.by_email(&email);
            if candidates.is_empty() {
                candidates = index.by_username(&email);
            }
        }
        match candidates.as_slice() {
            [] if known.left_behind.contains(&account.id) || expected.contains(&marked) => {
                about_account(draft, account, Standing::Unsynced, findings::made_by_outbound(label(account)));
            }
            [] => pairs.found[*at] = Found::New,
            [place] => claims.entry(*place).or_default().push((*at, by_mark)),
            several => {
                let people: Vec<&User> =
                    several.iter().filter_map(|place| known.users.get(*place as usize)).collect();
                draft.kept.extend(people.iter().map(|user| user.id));
                about_account(draft, account, Standing::Failed, findings::ambiguous(label(account), &people));
            }
        }
    }
    for (place, claimants) in claims {
        let Some(user) = known.users.get(place as usize) else { continue };
        draft.kept.insert(user.id);
        let account_at = |(at, _): &(usize, bool)| known.seen.accounts.get(*at);
        let accounts: Vec<&Account> = claimants.iter().filter_map(account_at).collect();
        let marked: Vec<&(usize, bool)> = claimants.iter().filter(|(_, by_mark)| *by_mark).collect();
        match (claimants.as_slice(), holder(draft, pairs, user.id)) {
            ([(at, _)], Holder::Nobody) => pairs.found[*at] = Found::Matched(place),
            (_, Holder::Nobody) if marked.len() == 1 => {
                for claimant in &claimants {
                    let (at, by_mark) = *claimant;
                    if by_mark {
                        pairs.found[at] = Found::Matched(place);
                    } else if let (Some(account), Some(other)) =
                        (account_at(claimant), marked.first().and_then(|marked| account_at(marked)))
                    {
                        let problem = findings::user_has_account(label(account), user, other);
                        about_account(draft, account, Standing::Failed, problem);
                    }
                }
            }
            (_, Holder::Unseen) => draft.wants_full = true,
            (_, Holder::Account(other)) => {
                for account in accounts {
                    let problem = findings::user_has_account(label(account), user, other);
                    about_account(draft, account, Standing::Failed, problem);
                }
            }
            _ => {
                let labels: Vec<&str> = accounts.iter().map(|account| label(account)).collect();
                for account in &accounts {
                    let problem = findings::wanted_twice(user, &labels);
                    about_account(draft, account, Standing::Failed, problem);
                }
            }
        }
    }
}

/// Says what stands in the way of an account that has no user.
fn about_account(draft: &mut Draft, account: &Account, standing: Standing, problem: crate::Problem) {
    let user = user_of_account(draft.known.connection, &account.id);
    draft.impacted.push(Subject::User(user));
    draft.finding(user, label(account), Some(standing), problem);
}

/// Who carries the account's mark, or whose mark the account carries.
fn marks(draft: &Draft, index: &Index<'_>, account: &Account) -> Vec<u32> {
    let marked = account.attributes.get(Attribute::ExternalId);
    let place = |user: UserId| draft.place(user).and_then(|place| u32::try_from(place).ok());
    let mut found: Vec<u32> = Vec::new();
    found.extend(marked.parse().ok().and_then(place));
    // A user whom we made for this account, should the link be lost.
    found.extend(place(user_of_account(draft.known.connection, &account.id)));
    found.extend(index.by_external_id(account.id.as_str()));
    if !marked.is_empty() {
        found.extend(index.by_external_id(marked));
    }
    found.sort_unstable();
    found.dedup();
    found
}

enum Holder<'a> {
    /// The user has no account, or one that is gone.
    Nobody,
    /// The user has this one.
    Account(&'a Account),
    /// The user has one that was not looked at.
    Unseen,
}

/// The account that a user has by their link.
fn holder<'a>(draft: &Draft<'a>, pairs: &Pairs, user: UserId) -> Holder<'a> {
    let known = draft.known;
    let Some(link) = known.links.account(user) else { return Holder::Nobody };
    if link.account.expected_external_id().is_some() {
        return Holder::Nobody;
    }
    match pairs.account(draft, link.account.as_str()).and_then(|at| known.seen.accounts.get(at as usize)) {
        Some(account) if matches!(account.state, AccountState::Removed { .. }) => Holder::Nobody,
        Some(account) => Holder::Account(account),
        None if matches!(known.seen.scope, Scope::Full) => Holder::Nobody,
        None => Holder::Unseen,
    }
}

//! What is to be done about the users that the rule wants.

use rustc_hash::FxHashMap;

use super::{
    draft::{CREATED, Draft},
    findings,
};
use crate::{
    Problem,
    provisioning::{connection::ForeignExternalId, onboarding::Owned},
    reconcile::{
        attributes::{Attribute, AttributeSet},
        correlate::{Found, Match, NONE, TAKEN, is_gone, is_live, own_external_id, user_text},
        desired::DesiredAccount,
        links::{AccountLink, Origin},
        operation::{Action, Because, Change},
        scope::Subject,
        snapshot::{Account, AccountState},
        status::Standing,
    },
};

/// What the link remembers, or will when this plan adopts the account.
#[derive(Clone, Copy)]
struct Remembered {
    suspended_by_us: bool,
    remove_at: Option<crate::Timestamp>,
    adopted: bool,
    created_by_us: bool,
    inherited: bool,
}

impl From<&AccountLink> for Remembered {
    fn from(link: &AccountLink) -> Self {
        Remembered {
            suspended_by_us: link.suspended_by_us,
            remove_at: link.remove_at,
            adopted: false,
            created_by_us: link.origin == Origin::Created,
            inherited: link.origin == Origin::Inherited,
        }
    }
}

/// Plans all wanted users. Most need nothing: they are told at a glance, without an allocation.
pub(super) fn plan(draft: &mut Draft) {
    let mut unsettled = Vec::new();
    for (position, want) in draft.wanted.iter().enumerate() {
        if !draft.known.desired.scope.has_user(want.user) {
            continue;
        }
        match settled(draft, position, want) {
            Some(account) => draft.presence[position] = account,
            None => unsettled.push(position),
        }
    }
    let twice = addresses_wanted_twice(draft, &unsettled);
    for position in unsettled {
        decide(draft, position, &twice);
    }
}

/// The account, if everything about it is as it should be.
fn settled(draft: &Draft, position: usize, want: &DesiredAccount) -> Option<u32> {
    let pair = draft.pairs.matches.get(position)?;
    let Found::Linked(at) = pair.found else { return None };
    let link = draft.known.links.accounts().get(pair.link as usize)?;
    let account = draft.known.seen.accounts.get(at as usize)?;
    let theirs = draft.theirs(account);
    let state = match account.state {
        AccountState::Active | AccountState::Invited | AccountState::Suspended { .. }
            if theirs.meets(Owned::STATUS) =>
        {
            true
        }
        AccountState::Active | AccountState::Invited => want.enabled && !link.suspended_by_us,
        AccountState::Suspended { .. } => !want.enabled,
        _ => false,
    };
    let mapped = draft.known.desired.mapped;
    let as_wanted = state
        && want.fault.is_none()
        && link.remove_at.is_none()
        && !draft.known.takes_over(link)
        && Attribute::ALL.into_iter().filter(|a| mapped.has(*a) && !theirs.has(*a)).all(|a| {
            let wanted = want.attributes.get(a);
            same(a, account.attributes.get(a), wanted) && !(a == Attribute::Email && wanted.is_empty())
        })
        && (theirs.has(Attribute::ExternalId)
            || account.attributes.get(Attribute::ExternalId) == own_external_id(want, mapped, &mut [0; 36]));
    as_wanted.then_some(at)
}

/// Whether a value is as it should be. A member who is not restricted may be so by `false` or by nothing.
fn same(attribute: Attribute, is: &str, should: &str) -> bool {
    let plain = |value| if value == "false" { "" } else { value };
    is == should || attribute == Attribute::IsDirectoryRestricted && plain(is) == plain(should)
}

/// The addresses that several users would be given by this plan.
fn addresses_wanted_twice<'a>(draft: &Draft<'a>, unsettled: &[usize]) -> FxHashMap<&'a str, u32> {
    let mut wanted = FxHashMap::default();
    for position in unsettled {
        let (Some(want), Some(pair)) = (draft.wanted.get(*position), draft.pairs.matches.get(*position))
        else {
            continue;
        };
        let email = want.attributes.get(Attribute::Email);
        let is_new = match pair.found {
            Found::Nothing => want.enabled,
            Found::Linked(at) | Found::Candidate(at) | Found::Left(at) => draft
                .known
                .seen
                .accounts
                .get(at as usize)
                .is_some_and(|account| account.attributes.get(Attribute::Email) != email),
            Found::Another(_) | Found::Ambiguous | Found::Unseen => false,
        };
        if is_new && want.fault.is_none() && !email.is_empty() {
            *wanted.entry(email).or_insert(0) += 1;
        }
    }
    wanted.retain(|_, times| *times > 1);
    wanted
}

type Twice<'a> = FxHashMap<&'a str, u32>;

/// The user as people know them.
fn label<'a>(want: &'a DesiredAccount, buffer: &'a mut [u8; 36]) -> &'a str {
    match want.attributes.get(Attribute::Email) {
        "" => user_text(want.user, buffer),
        email => email,
    }
}

fn decide<'a>(draft: &mut Draft<'a>, position: usize, twice: &Twice) {
    let (wanted, links, seen) = (draft.wanted, draft.known.links, draft.known.seen);
    let (Some(want), Some(pair)) = (wanted.get(position), draft.pairs.matches.get(position).copied()) else {
        return;
    };
    let subject = Subject::User(want.user);
    let mut buffer = [0; 36];
    let label = label(want, &mut buffer);
    if let Some(fault) = &want.fault {
        return draft.finding(subject, label, Some(Standing::Failed), Problem::clone(fault));
    }
    let link = links.accounts().get(pair.link as usize);
    if let Some(link) = link.filter(|_| is_link_gone(draft, pair)) {
        draft.gone_links.insert(pair.link);
        draft.user(link.user, label, Because::Gone, Action::Unlink { account: link.account.clone() });
    }
    match pair.found {
        Found::Unseen => draft.wants_full = true,
        Found::Ambiguous => {
            draft.finding(subject, label, Some(Standing::Failed), findings::ambiguous(label));
        }
        Found::Another(at) => {
            let holder = seen.accounts.get(at as usize).map_or("", |a| a.attributes.get(Attribute::Email));
            draft.finding(subject, label, Some(Standing::Failed), findings::address_taken(label, holder));
        }
        // Whose an account is, is decided only when all users and links are known.
        Found::Candidate(_) if !seen.scope.is_full() => draft.wants_full = true,
        Found::Candidate(at) => {
            if let Some(account) = seen.accounts.get(at as usize) {
                adopt(draft, position, want, label, (at, account), None, twice);
            }
        }
        Found::Left(at) if !seen.scope.is_full() => {
            draft.wants_full = true;
            take(draft, at);
        }
        Found::Left(at) => {
            let former = draft.pairs.owner.get(at as usize).copied().unwrap_or(NONE);
            if let (Some(account), Some(link)) =
                (seen.accounts.get(at as usize), links.accounts().get(former as usize))
            {
                adopt(draft, position, want, label, (at, account), Some((former, link)), twice);
            }
        }
        Found::Linked(at) => {
            if let (Some(account), Some(link)) = (seen.accounts.get(at as usize), link) {
                if draft.known.takes_over(link) {
                    let (origin, suspended_by_us) = (link.origin, link.suspended_by_us);
                    let take =
                        Action::Link { account: account.id.clone(), origin, from: None, suspended_by_us };
                    draft.user(want.user, label, Because::InScope, take);
                }
                draft.presence[position] = keep(draft, want, label, at, account, link.into(), twice);
            }
        }
        Found::Nothing => draft.presence[position] = create(draft, want, label, twice),
    }
}

/// Whether the linked account is known not to be there any more.
fn is_link_gone(draft: &Draft, pair: Match) -> bool {
    let seen = draft.known.seen;
    let at = draft.pairs.linked.get(pair.link as usize).copied().unwrap_or(NONE);
    match seen.accounts.get(at as usize) {
        Some(account) => is_gone(account) && !draft.pairs.contested.contains(&at),
        None => seen.scope.is_full(),
    }
}

/// Keeps the account from whoever else might do something about it.
fn take(draft: &mut Draft, at: u32) {
    if let Some(owner) = draft.pairs.owner.get_mut(at as usize) {
        *owner = TAKEN;
    }
}

/// Takes over an account that was there: nobody's, or by `former` that of a user whom the rule wants no more. A foreign
/// external id, an unknown state, or an account that could only be recovered although it should not be, leave it alone.
fn adopt(
    draft: &mut Draft,
    position: usize,
    want: &DesiredAccount,
    label: &str,
    (at, account): (u32, &Account),
    former: Option<(u32, &AccountLink)>,
    twice: &Twice,
) {
    let subject = Subject::User(want.user);
    let theirs = account.attributes.get(Attribute::ExternalId);
    let marked = former.is_some_and(|(_, link)| theirs == user_text(link.user, &mut [0; 36]));
    let made = former.is_some_and(|(_, link)| link.origin == Origin::Created);
    let was_ours = marked || made && draft.known.desired.mapped.has(Attribute::ExternalId);
    let refusal = if !was_ours
        && is_foreign(draft, want, theirs)
        && draft.known.policy.foreign_external_id == ForeignExternalId::Fail
    {
        Some((Standing::Failed, findings::foreign_external_id(label, theirs)))
    } else if account.state == AccountState::Unknown {
        Some((Standing::Partial, findings::unknown_state(label)))
    } else if is_live(account) {
        None
    } else if !want.enabled {
        Some((Standing::Unsynced, findings::no_account(label)))
    } else if !draft.known.policy.create {
        Some((Standing::Unsynced, findings::recover_off(label)))
    } else {
        None
    };
    if let Some((standing, problem)) = refusal {
        return draft.finding(subject, label, Some(standing), problem);
    }
    let mut origin = Origin::Adopted;
    let mut suspended_by_us = false;
    if let Some((position_of_link, link)) = former {
        take(draft, at);
        // Their placements are the user's now.
        if let Some(pair) = draft.pairs.matches.get_mut(position) {
            pair.link = position_of_link;
        }
        origin = if marked { Origin::Inherited } else { link.origin };
        suspended_by_us = link.suspended_by_us
            && matches!(account.state, AccountState::Suspended { .. } | AccountState::Removed { .. });
    }
    let from = former.map(|(_, link)| link.user);
    let link = Action::Link { account: account.id.clone(), origin, from, suspended_by_us };
    draft.user(want.user, label, Because::InScope, link);
    let adopted = Remembered {
        suspended_by_us,
        remove_at: None,
        adopted: true,
        created_by_us: origin == Origin::Created,
        inherited: origin == Origin::Inherited,
    };
    draft.presence[position] = keep(draft, want, label, at, account, adopted, twice);
}

/// Whether an account carries someone else's external id.
fn is_foreign(draft: &Draft, want: &DesiredAccount, theirs: &str) -> bool {
    !theirs.is_empty()
        && theirs != own_external_id(want, draft.known.desired.mapped, &mut [0; 36])
        && theirs != user_text(want.user, &mut [0; 36])
}

/// Creates an account, unless something stands in the way; gives the presence.
fn create(draft: &mut Draft, want: &DesiredAccount, label: &str, twice: &Twice) -> u32 {
    let email = want.attributes.get(Attribute::Email);
    let obstacle = if !want.enabled {
        Some((Standing::Unsynced, findings::no_account(label)))
    } else if draft.known.from_dropbox.has_made(want.user) {
        Some((Standing::Unsynced, findings::came_from_dropbox(label)))
    } else if !draft.known.policy.create {
        Some((Standing::Unsynced, findings::create_off(label)))
    } else if email.is_empty() {
        Some((Standing::Failed, findings::no_email(label)))
    } else if twice.contains_key(email) {
        Some((Standing::Failed, findings::address_wanted_twice(email)))
    } else {
        draft.holder(email, NONE).map(|(_, holder)| {
            if is_live(holder) {
                let holder = holder.attributes.get(Attribute::Email);
                (Standing::Failed, findings::address_taken(email, holder))
            } else {
                (Standing::Unsynced, findings::address_removed(email))
            }
        })
    };
    if let Some((standing, problem)) = obstacle {
        draft.finding(Subject::User(want.user), label, Some(standing), problem);
        return NONE;
    }
    let mut buffer = [0; 36];
    let mapped = draft.known.desired.mapped;
    let external_id = own_external_id(want, mapped, &mut buffer);
    let values = want.attributes.iter().filter(|(attribute, _)| mapped.has(*attribute));
    let attributes =
        AttributeSet::new(values.chain([(Attribute::Email, email), (Attribute::ExternalId, external_id)]));
    draft.user(want.user, label, Because::InScope, Action::Create { attributes });
    CREATED
}

/// Keeps an account that is the user's as it should be; gives the presence.
fn keep(
    draft: &mut Draft,
    want: &DesiredAccount,
    label: &str,
    at: u32,
    account: &Account,
    link: Remembered,
    twice: &Twice,
) -> u32 {
    let subject = Subject::User(want.user);
    let policy = draft.known.policy;
    let id = || account.id.clone();
    let theirs = draft.theirs(account);
    let mut amended = (link.suspended_by_us, None);
    let mut settled_by_step = false;
    match (&account.state, want.enabled) {
        (AccountState::Unknown, _) => {
            draft.finding(subject, label, Some(Standing::Partial), findings::unknown_state(label));
            return NONE;
        }
        (AccountState::Removed { .. }, false) => {
            draft.finding(subject, label, Some(Standing::Unsynced), findings::no_account(label));
            return NONE;
        }
        (AccountState::Removed { .. }, true) => {
            if draft.known.from_dropbox.has_made(want.user) {
                draft.finding(subject, label, Some(Standing::Unsynced), findings::came_from_dropbox(label));
                return NONE;
            }
            if !policy.create {
                draft.finding(subject, label, Some(Standing::Unsynced), findings::recover_off(label));
                return NONE;
            }
            draft.user(want.user, label, Because::InScope, Action::Recover { account: id() });
            if link.suspended_by_us {
                draft.user(want.user, label, Because::InScope, Action::Unsuspend { account: id() });
            }
            settled_by_step = true;
        }
        // Whether it is in use is decided there.
        _ if theirs.meets(Owned::STATUS) => amended = (link.suspended_by_us, link.remove_at),
        (AccountState::Active | AccountState::Invited, true) => amended.0 = false,
        (AccountState::Suspended { since }, true) => {
            if link.suspended_by_us || policy.undo_remote_suspension {
                draft.user(want.user, label, Because::InScope, Action::Unsuspend { account: id() });
                settled_by_step = true;
            } else {
                let problem = findings::suspended_elsewhere(label, *since);
                draft.finding(subject, label, Some(Standing::Partial), problem);
            }
        }
        (AccountState::Suspended { .. }, false) => {}
        (AccountState::Active | AccountState::Invited, false) => {
            let may = if policy.disable {
                draft.may_take_away(account, want.attributes.get(Attribute::Email))
            } else {
                Err(findings::disable_off(label))
            };
            match may {
                Err(problem) => draft.finding(subject, label, Some(Standing::Partial), problem),
                // A full look decides; nothing else about this user is planned before.
                Ok(false) => return NONE,
                Ok(true) if account.state == AccountState::Invited => {
                    let cancel = Action::CancelInvitation { account: id() };
                    draft.user(want.user, label, Because::Disabled, cancel);
                    return NONE;
                }
                Ok(true) => {
                    let suspend = Action::Suspend { account: id(), remove_at: None };
                    draft.user(want.user, label, Because::Disabled, suspend);
                    settled_by_step = true;
                }
            }
        }
    }
    if !settled_by_step && amended != (link.suspended_by_us, link.remove_at) {
        let (suspended_by_us, remove_at) = amended;
        let amend = Action::Amend { account: id(), suspended_by_us, remove_at };
        draft.user(want.user, label, Because::InScope, amend);
    }
    update(draft, want, label, at, account, link, twice);
    at
}

/// Sets what differs, and only that.
fn update(
    draft: &mut Draft,
    want: &DesiredAccount,
    label: &str,
    at: u32,
    account: &Account,
    link: Remembered,
    twice: &Twice,
) {
    let mapped = draft.known.desired.mapped;
    let subject = Subject::User(want.user);
    let may = draft.known.policy.update;
    let theirs = draft.theirs(account);
    let mut changes = Vec::new();
    let change = |attribute, before: &str, after: &str| Change {
        attribute,
        before: before.into(),
        after: after.into(),
    };
    for attribute in Attribute::ALL.into_iter().filter(|a| mapped.has(*a) && *a != Attribute::ExternalId) {
        if theirs.has(attribute) {
            continue;
        }
        let (is, should) = (account.attributes.get(attribute), want.attributes.get(attribute));
        if attribute == Attribute::Email && should.is_empty() {
            draft.finding(subject, label, Some(Standing::Failed), findings::no_email(label));
            continue;
        }
        if same(attribute, is, should) {
            continue;
        }
        let obstacle = match attribute {
            Attribute::Email if may && twice.contains_key(should) => {
                Some((Standing::Failed, findings::address_wanted_twice(should)))
            }
            Attribute::Email if may => draft.holder(should, at).map(|(_, holder)| {
                let holder = holder.attributes.get(Attribute::Email);
                (Standing::Failed, findings::address_taken(should, holder))
            }),
            Attribute::Role if draft.known.seen.own_account.as_ref() == Some(&account.id) => {
                Some((Standing::Partial, findings::own_role(label)))
            }
            _ => None,
        };
        match obstacle {
            Some((standing, problem)) => draft.finding(subject, label, Some(standing), problem),
            None => changes.push(change(attribute, is, should)),
        }
    }
    let external_id = match theirs.has(Attribute::ExternalId) {
        true => None,
        false => external_id(draft, want, label, account, link),
    };
    if let Some((is, should)) = external_id.filter(|(_, should)| {
        // An external id that no mapping asks for is only our own mark: without the right to set it, no matter.
        may || mapped.has(Attribute::ExternalId) || should.is_empty()
    }) {
        let after = changes.partition_point(|change| change.attribute < Attribute::ExternalId);
        changes.insert(after, change(Attribute::ExternalId, is, &should));
    }
    if changes.is_empty() {
        return;
    }
    if may {
        let update = Action::Update { account: account.id.clone(), changes };
        draft.user(want.user, label, Because::InScope, update);
    } else {
        let names: Vec<_> = changes.iter().map(|change| change.attribute.name()).collect();
        let problem = findings::update_off(label, &names.join(", "));
        draft.finding(subject, label, Some(Standing::Partial), problem);
    }
}

/// The external id as it is and as it should be, if it is to be changed. On an account that Usher made, a mapped
/// one is an attribute like others, and so is the mark of a former user; everywhere else one that is not ours is changed only by `Overwrite`.
fn external_id<'a>(
    draft: &mut Draft,
    want: &DesiredAccount,
    label: &str,
    account: &'a Account,
    link: Remembered,
) -> Option<(&'a str, String)> {
    let mapped = draft.known.desired.mapped;
    let is = account.attributes.get(Attribute::ExternalId);
    let mut buffer = [0; 36];
    let should = own_external_id(want, mapped, &mut buffer);
    if is == should {
        return None;
    }
    let plain_attribute = link.inherited || mapped.has(Attribute::ExternalId) && link.created_by_us;
    if is_foreign(draft, want, is) && !plain_attribute {
        match draft.known.policy.foreign_external_id {
            ForeignExternalId::Overwrite => {}
            ForeignExternalId::Keep => return None,
            ForeignExternalId::Fail => {
                // An account that is being adopted got past this before; a linked one is ours by its link.
                debug_assert!(!link.adopted);
                let problem = findings::foreign_external_id(label, is);
                draft.finding(Subject::User(want.user), label, Some(Standing::Partial), problem);
                return None;
            }
        }
    }
    Some((is, should.to_owned()))
}

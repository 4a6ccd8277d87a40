//! A username is unique in the directory: who wants one that somebody else has, and keeps, waits for a person; who
//! swaps with others of the same plan does not.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Draft, findings};
use crate::{
    UserId,
    directory::user::User,
    reconcile::{operation::Action, scope::Subject, status::Standing},
};

/// Takes out of the plan what would take a username from somebody.
pub(super) fn resolve(draft: &mut Draft) {
    let mut wanted = wanted(draft);
    if wanted.is_empty() {
        return;
    }
    let holders = holders(draft.known.users, &wanted);
    let mut refused: Vec<(usize, Option<UserId>)> = Vec::new();
    loop {
        let moving: FxHashSet<UserId> = wanted.iter().map(|it| it.user).collect();
        let mut times: FxHashMap<&str, u32> = FxHashMap::default();
        for it in &wanted {
            *times.entry(&it.username).or_default() += 1;
        }
        // Whoever holds it keeps it, or several want it.
        let refuse: Vec<(usize, Option<UserId>)> = wanted
            .iter()
            .filter_map(|it| {
                let holder = holders.get(&it.username).copied().filter(|holder| *holder != it.user);
                let kept = holder.filter(|holder| !moving.contains(holder));
                let twice = times.get(&*it.username).is_some_and(|times| *times > 1);
                (kept.is_some() || twice).then_some((it.operation, kept))
            })
            .collect();
        if refuse.is_empty() {
            break;
        }
        let gone: FxHashSet<usize> = refuse.iter().map(|(operation, _)| *operation).collect();
        wanted.retain(|it| !gone.contains(&it.operation));
        refused.extend(refuse);
    }
    take_back(draft, refused);
}

struct Wanted {
    operation: usize,
    user: UserId,
    username: String,
}

fn wanted(draft: &Draft) -> Vec<Wanted> {
    let named = |values: &[crate::reconcile::operation::Assignment]| {
        let username = values.iter().find(|set| &*set.attribute == "username")?;
        // Only another spelling of the user's own is nobody else's.
        let own = username.before.to_lowercase() == username.after.to_lowercase();
        (!own).then(|| username.after.to_lowercase())
    };
    let wanted = draft.operations.iter().enumerate().filter_map(|(operation, it)| {
        let Subject::User(user) = it.subject else { return None };
        let username = match &it.action {
            Action::CreateUser { values, .. } => named(values)?,
            Action::UpdateUser { changes, .. } => named(changes)?,
            _ => return None,
        };
        Some(Wanted { operation, user, username })
    });
    wanted.collect()
}

/// Who has the usernames that are wanted.
fn holders(users: &[User], wanted: &[Wanted]) -> FxHashMap<String, UserId> {
    let names: FxHashSet<&str> = wanted.iter().map(|it| it.username.as_str()).collect();
    let mut holders = FxHashMap::default();
    for user in users {
        let username = user.username.to_lowercase();
        if names.contains(username.as_str()) {
            holders.insert(username, user.id);
        }
    }
    holders
}

fn take_back(draft: &mut Draft, mut refused: Vec<(usize, Option<UserId>)>) {
    refused.sort_unstable_by_key(|(operation, _)| std::cmp::Reverse(*operation));
    for (operation, holder) in refused {
        let Some(it) = draft.operations.get_mut(operation) else { continue };
        let Subject::User(user) = it.subject else { continue };
        let label = it.label.clone();
        let (username, gone) = match &mut it.action {
            Action::UpdateUser { changes, .. } => {
                let at = changes.iter().position(|set| &*set.attribute == "username");
                let username = at.map(|at| changes.remove(at).after).unwrap_or_default();
                (username, changes.is_empty())
            }
            Action::CreateUser { values, .. } => {
                let username = values.iter().find(|set| &*set.attribute == "username");
                (username.map(|set| set.after.clone()).unwrap_or_default(), true)
            }
            _ => continue,
        };
        if gone {
            draft.operations.remove(operation);
        }
        let problem = match holder.and_then(|holder| draft.user(holder)) {
            Some(holder) => findings::username_taken(&label, &username, holder),
            None => findings::username_wanted_twice(&label, &username),
        };
        draft.finding(user, &label, Some(Standing::Failed), problem);
    }
}

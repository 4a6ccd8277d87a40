//! A stage of an inbound rule: changes of the directory, made by its own commands and committed in batches together
//! with what is remembered of them, so that a user and their link are there both or not at all.
//!
//! Each batch is decided on what the directory holds at that moment. When somebody was faster, the batch is made again
//! one by one, and only who is still in the way waits.

use rustc_hash::{FxHashMap, FxHashSet};
use usher_domain::{
    GroupId, Problem, Rejection, UserId,
    directory::{
        audit::Actor,
        change::{ChangeSet, Write},
        commands::{Stamp, group, membership, user},
        group::Group,
        user::User,
    },
    ports::store::{StoreError, StoreResult},
    provisioning::rule::Rule,
    reconcile::{
        inbound::body,
        operation::{Action, Operation},
        outcome::Outcome,
        scope::Subject,
    },
};

use super::{Halt, ledger::Ledger};
use crate::{
    directory::due::{self, Touched},
    reconcile::{Reconciler, Setup},
};

/// So many operations are one transaction.
const BATCH: usize = 250;

/// What the operations of a batch are decided on.
#[derive(Default)]
struct Directory {
    users: FxHashMap<UserId, User>,
    groups: FxHashMap<GroupId, Group>,
    memberships: FxHashMap<UserId, Vec<GroupId>>,
    all_groups: Vec<Group>,
    rules: Vec<Rule>,
}

/// What an operation becomes.
enum Decided {
    /// These changes; none when it is so already.
    Changes(ChangeSet),
    /// It will not be.
    Refused(Problem),
}

impl Reconciler {
    /// Carries out a stage, the first of whose operations is at `from` in the plan.
    pub(super) async fn inbound_stage(
        &self,
        setup: &Setup,
        ledger: &mut Ledger<'_>,
        from: usize,
        stage: &[Operation],
    ) -> StoreResult<Option<Halt>> {
        let mut waiting: Vec<usize> = (0..stage.len()).collect();
        let mut parked = FxHashSet::default();
        while let Some(first) = waiting.first().copied() {
            let wave = next_wave(stage, &waiting, &parked);
            if wave.is_empty() {
                // All wait for each other: the first gives its username up before it gets the other.
                self.park(setup, ledger, stage, first).await?;
                parked.insert(first);
                continue;
            }
            waiting.retain(|place| wave.binary_search(place).is_err());
            for batch in wave.chunks(BATCH) {
                if setup.waits.stop.is_set() {
                    return Ok(Some(Halt::Stopped));
                }
                ledger.flush().await?;
                if self.batch(setup, ledger, from, stage, batch).await? {
                    continue;
                }
                for one in batch {
                    let done = self.batch(setup, ledger, from, stage, &[*one]).await?;
                    if let (false, Some(operation)) = (done, stage.get(*one)) {
                        ledger.note(from + one, operation, faster(&operation.label));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Gives a user a username of their own for the moment, so that others can have theirs. Were the process killed
    /// right here, the next plan would give them the right one.
    async fn park(
        &self,
        setup: &Setup,
        ledger: &mut Ledger<'_>,
        stage: &[Operation],
        place: usize,
    ) -> StoreResult<()> {
        let Some(Subject::User(id)) = stage.get(place).map(|operation| operation.subject) else {
            return Ok(());
        };
        let Some(user) = self.store.user(setup.rule.environment, id).await? else { return Ok(()) };
        let actor = Actor::System;
        let correlation = ledger.run().id.to_string();
        let stamp = self.stamp(&actor, &correlation);
        let parked = [("username".to_owned(), format!("usher-{id}").into())].into_iter().collect();
        let Ok((_, mut changes)) = user::patch(&user, &parked, &user::Facts::default(), &stamp) else {
            return Ok(());
        };
        changes.due = due::of(&*self.store, setup.rule.environment, &changes, &[], stamp.now).await?;
        match ledger.commit(Vec::new(), changes).await {
            // Who was faster has changed what this waits for; the operations are decided on what is there then.
            Err(StoreError::Conflict(_)) => Ok(()),
            other => other,
        }
    }

    fn stamp<'a>(&'a self, actor: &'a Actor, correlation: &'a str) -> Stamp<'a> {
        Stamp { now: self.clock.now(), actor, correlation_id: Some(correlation), ids: &*self.ids }
    }

    /// Commits a batch as one; `false` when somebody was faster, and nothing of it was done.
    async fn batch(
        &self,
        setup: &Setup,
        ledger: &mut Ledger<'_>,
        from: usize,
        stage: &[Operation],
        batch: &[usize],
    ) -> StoreResult<bool> {
        let operations: Vec<(usize, &Operation)> =
            batch.iter().filter_map(|place| Some((*place, stage.get(*place)?))).collect();
        let directory = self.read(setup, &operations).await?;
        let actor = Actor::System;
        let correlation = ledger.run().id.to_string();
        let stamp = self.stamp(&actor, &correlation);
        let mut changes = ChangeSet::default();
        let mut touched = Vec::new();
        let mut noted = Vec::new();
        for (place, operation) in operations {
            let outcome = match decide(setup, &directory, operation, &stamp, &mut touched) {
                Decided::Refused(problem) => Outcome::Refused { problem },
                Decided::Changes(made) if made.writes.is_empty() => Outcome::AlreadyTrue { made: None },
                Decided::Changes(made) => {
                    changes.writes.extend(made.writes);
                    changes.events.extend(made.events);
                    Outcome::done()
                }
            };
            noted.push((from + place, operation, outcome));
        }
        changes.writes.sort_by_key(order);
        changes.due = due::of(&*self.store, setup.rule.environment, &changes, &touched, stamp.now).await?;
        match ledger.commit(noted, changes).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads what a batch is decided on.
    async fn read(&self, setup: &Setup, operations: &[(usize, &Operation)]) -> StoreResult<Directory> {
        let environment = setup.rule.environment;
        let mut ids: FxHashSet<UserId> = FxHashSet::default();
        let (mut groups, mut in_groups) = (FxHashSet::default(), false);
        for (_, operation) in operations {
            if let Subject::User(user) = operation.subject {
                ids.insert(user);
            }
            match &operation.action {
                Action::JoinGroup { group, .. } | Action::LeaveGroup { group, .. } => {
                    groups.insert(*group);
                    in_groups = true;
                }
                Action::DeleteUser { .. } => in_groups = true,
                Action::CreateDirectoryGroup { .. }
                | Action::RenameDirectoryGroup { .. }
                | Action::DeleteDirectoryGroup { .. } => {
                    if let Subject::Group(group) = operation.subject {
                        groups.insert(group);
                    }
                }
                _ => {}
            }
        }
        let ids: Vec<UserId> = ids.into_iter().collect();
        let mut directory = Directory::default();
        let users = self.store.users_by_id(environment, &ids).await?;
        directory.users = users.into_iter().map(|user| (user.id, user)).collect();
        if in_groups {
            for membership in self.store.memberships(environment, Some(&ids)).await? {
                groups.insert(membership.group);
                directory.memberships.entry(membership.user).or_default().push(membership.group);
            }
        }
        if !groups.is_empty() {
            directory.all_groups = self.store.groups(environment).await?;
            let by_id = directory.all_groups.iter().map(|group| (group.id, group.clone()));
            directory.groups = by_id.filter(|(id, _)| groups.contains(id)).collect();
            directory.rules = self.store.rules(environment).await?;
        }
        Ok(directory)
    }
}

/// The operations that may be committed next: those whose username is held by nobody who still waits to give it up.
fn next_wave(stage: &[Operation], waiting: &[usize], parked: &FxHashSet<usize>) -> Vec<usize> {
    let username = |place: &usize| {
        let Action::UpdateUser { changes, .. } = &stage.get(*place)?.action else { return None };
        changes.iter().find(|set| &*set.attribute == "username")
    };
    let holds = waiting.iter().filter(|place| !parked.contains(place));
    let held: FxHashSet<String> =
        holds.filter_map(|place| Some(username(place)?.before.to_lowercase())).collect();
    let free = |place: &&usize| {
        username(place).is_none_or(|set| {
            let after = set.after.to_lowercase();
            after == set.before.to_lowercase() || !held.contains(&after)
        })
    };
    waiting.iter().filter(free).copied().collect()
}

/// Rows of one kind together, in an order that respects references.
fn order(write: &Write) -> u8 {
    match write {
        Write::MemberGone(_) => 0,
        Write::UserGone(_) => 1,
        Write::GroupGone(_) => 2,
        Write::User(_) => 3,
        Write::Group(_) => 4,
        _ => 5,
    }
}

fn decide(
    setup: &Setup,
    directory: &Directory,
    operation: &Operation,
    stamp: &Stamp<'_>,
    touched: &mut Vec<Touched>,
) -> Decided {
    match operation.subject {
        Subject::User(user) => about_user(setup, directory, operation, user, stamp),
        Subject::Group(group) => about_group(setup, directory, operation, group, stamp, touched),
    }
}

fn about_user(
    setup: &Setup,
    directory: &Directory,
    operation: &Operation,
    id: UserId,
    stamp: &Stamp<'_>,
) -> Decided {
    let nothing = || Decided::Changes(ChangeSet::default());
    let user = directory.users.get(&id);
    let own: &[GroupId] = directory.memberships.get(&id).map_or(&[], Vec::as_slice);
    let decided = match (&operation.action, user) {
        (Action::CreateUser { population, enabled, values, .. }, None) => {
            let environment = setup.rule.environment;
            user::provision(id, environment, *population, *enabled, &body(values), stamp)
                .map(|(_, changes)| changes)
        }
        (Action::CreateUser { .. }, Some(_))
        | (Action::DeleteUser { .. } | Action::LeaveGroup { .. }, None) => {
            return nothing();
        }
        (Action::UpdateUser { changes, .. }, Some(user)) => {
            user::patch(user, &body(changes), &user::Facts::default(), stamp).map(|(_, changes)| changes)
        }
        (Action::EnableUser { .. }, Some(user)) => Ok(user::set_enabled(user, true, stamp).1),
        (Action::DisableUser { .. }, Some(user)) => Ok(user::set_enabled(user, false, stamp).1),
        (Action::DeleteUser { .. }, Some(user)) => {
            let groups: Vec<Group> =
                own.iter().filter_map(|group| directory.groups.get(group)).cloned().collect();
            Ok(user::delete(user, &groups, stamp))
        }
        (Action::JoinGroup { group, .. }, Some(user)) => match directory.groups.get(group) {
            Some(group) => membership::add(user, group, own, stamp),
            None => return Decided::Refused(group_gone(operation)),
        },
        (Action::LeaveGroup { group, .. }, Some(user)) => match directory.groups.get(group) {
            Some(group) if own.contains(&group.id) => membership::remove(user, group, own, stamp),
            _ => return nothing(),
        },
        _ => return Decided::Refused(user_gone(operation)),
    };
    told(operation, decided)
}

fn about_group(
    setup: &Setup,
    directory: &Directory,
    operation: &Operation,
    id: GroupId,
    stamp: &Stamp<'_>,
    touched: &mut Vec<Touched>,
) -> Decided {
    let group = directory.groups.get(&id);
    let decided = match (&operation.action, group) {
        (Action::CreateDirectoryGroup { .. }, Some(_)) | (Action::DeleteDirectoryGroup { .. }, None) => {
            return Decided::Changes(ChangeSet::default());
        }
        (Action::CreateDirectoryGroup { population, name, .. }, None) => {
            group::provision(id, setup.rule.environment, *population, name, &directory.all_groups, stamp)
                .map(|(_, changes)| changes)
        }
        (Action::RenameDirectoryGroup { after, .. }, Some(group)) => {
            touched.extend([Touched::Group(id), Touched::GroupName]);
            group::rename(group, after, &directory.all_groups, stamp).map(|(_, changes)| changes)
        }
        (Action::DeleteDirectoryGroup { .. }, Some(group)) => {
            touched.extend([Touched::Group(id), Touched::Memberships]);
            Ok(group::delete(group, &directory.rules, stamp))
        }
        _ => return Decided::Refused(group_gone(operation)),
    };
    told(operation, decided)
}

fn told(operation: &Operation, decided: Result<ChangeSet, Rejection>) -> Decided {
    match decided {
        Ok(changes) => Decided::Changes(changes),
        Err(rejection) => {
            let faults: Vec<&str> = rejection.details.iter().map(|detail| detail.message.as_str()).collect();
            let why = if faults.is_empty() { rejection.message.clone() } else { faults.join("; ") };
            Decided::Refused(Problem::new(
                "DIRECTORY_REFUSED",
                format!("The directory would not {}: {why}.", operation.action.sentence(&operation.label)),
                "Correct the member in Dropbox, the user, or the rule's mappings.",
            ))
        }
    }
}

fn user_gone(operation: &Operation) -> Problem {
    Problem::new(
        "USER_GONE",
        format!("The user of {} was deleted while the run was under way.", operation.label),
        "Nothing needs to be done: it is looked at again.",
    )
}

fn group_gone(operation: &Operation) -> Problem {
    Problem::new(
        "GROUP_GONE",
        format!("The group of {} was deleted while the run was under way.", operation.label),
        "Nothing needs to be done: it is looked at again.",
    )
}

/// Somebody else changed the same user, or took the username.
fn faster(label: &str) -> Outcome {
    let problem = Problem::new(
        "CHANGED_MEANWHILE",
        format!("The user of {label}, or whoever has their username, was changed at the same moment."),
        "Nothing needs to be done: it is looked at again.",
    );
    Outcome::Postponed { problem, after: None, needs_full: false }
}

//! Memberships: all of a group in as few calls as may be. A call is all or nothing, and its error often does not say
//! who it was about; so after every refusal it is read back who is in the group, and the rest is tried again, by
//! halves where nothing else tells the culprit.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use usher_domain::{
    ports::connector::ConnectorError,
    reconcile::{
        operation::Action,
        outcome::Outcome,
        snapshot::{AccountId, RemoteGroupId},
    },
};

use super::{
    super::{
        DropboxConnector,
        fault::{Fault, Refusal, busy, postponed, protocol},
        problems::{self, Then},
        routes::{GROUPS_MEMBERS_ADD, GROUPS_MEMBERS_REMOVE},
        wire::{GroupSelector, Ignored, Member, Status, UserSelector},
    },
    Part, Task, Unit,
};

/// Into the group, or out of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// One membership.
#[derive(Clone, Copy)]
struct Ask<'a> {
    task: Task<'a>,
    account: &'a AccountId,
}

/// What is to be done at one group.
struct Batch<'a> {
    way: Way,
    group: &'a RemoteGroupId,
    asks: VecDeque<Ask<'a>>,
}

impl DropboxConnector {
    pub(super) fn memberships<'a>(&'a self, tasks: Vec<Task<'a>>) -> VecDeque<Unit<'a>> {
        let mut batches: BTreeMap<&RemoteGroupId, Batch<'a>> = BTreeMap::new();
        for task in tasks {
            let (way, group, account) = match &task.operation.action {
                Action::AddMember { remote: Some(group), account: Some(account), .. } => {
                    (Way::In, group, account)
                }
                Action::RemoveMember { remote, account, .. } => (Way::Out, remote, account),
                _ => {
                    let error = protocol("A connector was given a membership without its remote ids.", None);
                    let part = Part { applied: Vec::new(), error: Some(error) };
                    return VecDeque::from([Box::pin(async { part }) as Unit<'a>]);
                }
            };
            let batch = batches.entry(group).or_insert_with(|| Batch { way, group, asks: VecDeque::new() });
            batch.asks.push_back(Ask { task, account });
        }
        batches.into_values().map(|batch| Box::pin(self.change(batch)) as Unit<'a>).collect()
    }

    async fn change(&self, Batch { way, group, mut asks }: Batch<'_>) -> Part {
        let mut part = Part::default();
        // Smaller than the cap while a culprit is looked for.
        let mut limit = usize::MAX;
        // The smallest call that was not understood, as long as nobody in it is known to be the reason.
        let mut too_large = usize::MAX;
        let mut losses = 0;
        while !asks.is_empty() {
            let size = asks.len().min(self.members_cap()).min(limit);
            let call: Vec<Ask<'_>> = asks.drain(..size).collect();
            let left = match self.change_once(way, group, &call).await {
                Ok(()) => {
                    losses = 0;
                    part.applied.extend(call.iter().map(|ask| ask.task.is(Outcome::done())));
                    continue;
                }
                Err(Fault::BadInput { .. }) if size > 1 => {
                    too_large = too_large.min(size);
                    limit = size / 2;
                    Ok(call)
                }
                Err(Fault::BadInput { text, request_id }) => {
                    (limit, too_large) = (usize::MAX, usize::MAX);
                    part.applied.extend(call.iter().map(|ask| {
                        ask.task.is(problems::bad_input(ask.task.operation, &text, request_id.clone()))
                    }));
                    Ok(Vec::new())
                }
                Err(Fault::Lost { what, request_id }) => {
                    losses += 1;
                    if losses >= self.client.patience.attempts {
                        part.error = Some(busy("DROPBOX_UNAVAILABLE", what, None, request_id));
                        break;
                    }
                    if losses > 1 && size > 1 {
                        self.lower_members_cap(size);
                    }
                    let wait = self.client.pace.back_off(&self.client.patience, losses + 1);
                    match self.client.pause(wait).await {
                        Ok(()) => self.read_back(way, group, call, None, &mut part).await,
                        Err(error) => Err(error),
                    }
                }
                Err(Fault::Refused(refusal)) => {
                    let left = self.read_back(way, group, call, Some(&refusal), &mut part).await;
                    match left {
                        Ok(left) if left.len() == size && size > 1 => {
                            limit = size / 2;
                            Ok(left)
                        }
                        Ok(left) => {
                            limit = usize::MAX;
                            Ok(left)
                        }
                        Err(error) => Err(error),
                    }
                }
                Err(Fault::Throttled { after, problem }) => {
                    let outcomes = call.iter().map(|ask| ask.task.is(postponed(after, problem.clone())));
                    part.applied.extend(outcomes);
                    Ok(Vec::new())
                }
                Err(Fault::Failed(error)) => Err(error),
            };
            match left {
                Ok(left) => left.into_iter().rev().for_each(|ask| asks.push_front(ask)),
                Err(error) => {
                    part.error = Some(error);
                    break;
                }
            }
        }
        if too_large != usize::MAX {
            self.lower_members_cap(too_large);
        }
        part
    }

    async fn change_once(&self, way: Way, group: &RemoteGroupId, call: &[Ask<'_>]) -> Result<(), Fault> {
        let group = GroupSelector::GroupId { group_id: group.as_str() };
        let users = call.iter().map(|ask| UserSelector::id(ask.account));
        let (route, arg) = match way {
            Way::In => {
                let members: Vec<Value> =
                    users.map(|user| json!({ "user": user, "access_type": { ".tag": "member" } })).collect();
                (GROUPS_MEMBERS_ADD, json!({ "group": group, "members": members, "return_members": false }))
            }
            Way::Out => {
                let users: Vec<UserSelector> = users.collect();
                (GROUPS_MEMBERS_REMOVE, json!({ "group": group, "users": users, "return_members": false }))
            }
        };
        // The job id that comes with the result is an old field that means nothing.
        self.client.post::<_, Ignored>(route, &arg).await.map(drop)
    }

    /// Settles whoever is settled, and returns the others, in their order. A call of one that was refused is settled in
    /// any case.
    async fn read_back<'a>(
        &self,
        way: Way,
        group: &RemoteGroupId,
        call: Vec<Ask<'a>>,
        refusal: Option<&Refusal>,
        part: &mut Part,
    ) -> Result<Vec<Ask<'a>>, ConnectorError> {
        let of_group = refusal.filter(|refusal| {
            matches!(
                &*refusal.tag,
                "group_not_found" | "group_not_in_team" | "system_managed_group_disallowed"
            )
        });
        if let Some(refusal) = of_group {
            let gone = refusal.tag != "system_managed_group_disallowed"
                && self.groups_by_id(&[group.as_str()]).await?.is_empty();
            part.applied.extend(call.iter().map(|ask| {
                ask.task.is(if gone && way == Way::Out {
                    Outcome::AlreadyTrue { made: None }
                } else {
                    problems::refusal(ask.task.operation, &refusal.tag, refusal.request_id.clone())
                })
            }));
            return Ok(Vec::new());
        }
        let selectors: Vec<UserSelector> = call.iter().map(|ask| UserSelector::id(ask.account)).collect();
        let found = self.members(&selectors).await?;
        let members: FxHashMap<AccountId, Member> =
            found.into_iter().map(|member| (member.id(), member)).collect();
        let alone = call.len() == 1;
        let mut left = Vec::new();
        for ask in call {
            let member = members.get(ask.account).filter(|member| !member.is_removed());
            match settled(way, group, ask, member, refusal, alone) {
                Some(outcome) => part.applied.push(ask.task.is(outcome)),
                None => left.push(ask),
            }
        }
        Ok(left)
    }
}

/// The outcome of one membership after a lost answer (no refusal) or a refusal; `None` if it is to be tried again.
fn settled(
    way: Way,
    group: &RemoteGroupId,
    ask: Ask<'_>,
    member: Option<&Member>,
    refusal: Option<&Refusal>,
    alone: bool,
) -> Option<Outcome> {
    let operation = ask.task.operation;
    let inside = member.is_some_and(|member| member.is_in(group.as_str()));
    if inside == (way == Way::In) {
        return Some(Outcome::AlreadyTrue { made: None });
    }
    let Some(member) = member else {
        let reason = "the account is not on the team any more";
        return Some(problems::moved(operation, reason, Then::Look, None));
    };
    let refusal = refusal?;
    let named = refusal.names().iter().any(|name| {
        *name == ask.account.as_str()
            || name.to_lowercase() == member.profile.email.to_lowercase()
            || member.profile.external_id.as_deref() == Some(name)
    });
    if !named && !alone {
        return None;
    }
    let id = refusal.request_id.clone();
    Some(match member.profile.status {
        Status::Invited if way == Way::In => problems::not_accepted(operation, id),
        _ => problems::refusal(operation, &refusal.tag, id),
    })
}

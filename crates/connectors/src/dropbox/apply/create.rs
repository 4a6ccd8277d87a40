//! Creating members, twenty a call. A 200 says nothing by itself: every person has a result of their own, found by
//! place and checked by address; who has none is read back.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};
use usher_domain::{
    ports::connector::{Applied, ConnectorError},
    reconcile::{
        attributes::{Attribute, AttributeSet},
        operation::Action,
        outcome::{Made, Outcome},
    },
};

use super::{
    super::{
        DropboxConnector,
        client::Reply,
        fault::{Fault, busy, postponed},
        problems::{self, Then},
        routes::{MEMBERS_ADD, MEMBERS_ADD_STATUS},
        validate,
        wire::{AddResult, Launch, Member, Status, UserSelector},
    },
    Part, Task, Unit,
    job::Ended,
};

/// The most that one call takes.
pub(super) const PER_CALL: usize = 20;

/// Someone who is to be created.
#[derive(Clone, Copy)]
struct Newcomer<'a> {
    task: Task<'a>,
    attributes: &'a AttributeSet,
}

/// What became of one call.
enum Told {
    /// One result a person, in their order.
    Results { results: Vec<Value>, request_id: Option<String> },
    /// Nothing that can be relied on; who is not there, stays as this says.
    Nothing { failed: Option<String>, request_id: Option<String> },
}

impl Newcomer<'_> {
    fn email(&self) -> String {
        self.attributes.get(Attribute::Email).to_lowercase()
    }

    /// Whether this member is the one that the operation makes: by our external id; without one by an address on a
    /// member that nobody else's provisioning claims.
    fn is(&self, member: &Member) -> bool {
        let ours = self.attributes.get(Attribute::ExternalId);
        let theirs = member.profile.external_id.as_deref().unwrap_or_default();
        theirs == ours && (!ours.is_empty() || member.profile.email.to_lowercase() == self.email())
    }
}

impl DropboxConnector {
    pub(super) fn creations<'a>(&'a self, tasks: Vec<Task<'a>>) -> VecDeque<Unit<'a>> {
        let mut refused = Vec::new();
        let mut newcomers = Vec::new();
        for task in tasks {
            let Action::Create { attributes } = &task.operation.action else { continue };
            match validate::creation(&task.operation.label, attributes) {
                Some(problem) => refused.push(task.is(Outcome::Refused { problem })),
                None => newcomers.push(Newcomer { task, attributes }),
            }
        }
        let refused = Box::pin(async { Part::of(refused) }) as Unit<'a>;
        let calls = newcomers.chunks(PER_CALL).map(<[Newcomer<'_>]>::to_vec);
        std::iter::once(refused).chain(calls.map(|call| Box::pin(self.create(call)) as Unit<'a>)).collect()
    }

    async fn create(&self, newcomers: Vec<Newcomer<'_>>) -> Part {
        let mut part = Part::default();
        let mut calls = vec![newcomers];
        let mut losses = 0;
        while let Some(call) = calls.pop() {
            match self.create_once(&call).await {
                Ok(told) => match self.outcomes_of(&call, told).await {
                    Ok(applied) => part.applied.extend(applied),
                    Err(error) => part.error = Some(error),
                },
                Err(Fault::Lost { what, request_id }) => {
                    losses += 1;
                    match self.survivors(&call, &mut part.applied).await {
                        Ok(missing) if missing.is_empty() => {}
                        Ok(_) if losses >= self.client.patience.attempts => {
                            part.error = Some(busy("DROPBOX_UNAVAILABLE", what, None, request_id));
                        }
                        Ok(missing) => {
                            let wait = self.client.pace.back_off(&self.client.patience, losses + 1);
                            part.error = self.client.pause(wait).await.err();
                            calls.push(missing);
                        }
                        Err(error) => part.error = Some(error),
                    }
                }
                // One person's values fail the call of all: half by half until it is known whose.
                Err(Fault::BadInput { .. } | Fault::Refused(_)) if call.len() > 1 => {
                    let (one, other) = call.split_at(call.len() / 2);
                    calls.extend([other.to_vec(), one.to_vec()]);
                }
                Err(Fault::BadInput { text, request_id }) => part
                    .applied
                    .extend(call.iter().map(|n| {
                        n.task.is(problems::bad_input(n.task.operation, &text, request_id.clone()))
                    })),
                Err(Fault::Refused(refusal)) => part.applied.extend(call.iter().map(|n| {
                    let id = refusal.request_id.clone();
                    n.task.is(problems::refusal(n.task.operation, &refusal.tag, id))
                })),
                Err(Fault::Throttled { after, problem }) => {
                    part.applied.extend(call.iter().map(|n| n.task.is(postponed(after, problem.clone()))));
                }
                Err(Fault::Failed(error)) => part.error = Some(error),
            }
            if part.error.is_some() {
                break;
            }
        }
        part
    }

    async fn create_once(&self, call: &[Newcomer<'_>]) -> Result<Told, Fault> {
        let new_members: Vec<Value> = call.iter().map(|newcomer| self.new_member(newcomer)).collect();
        let arg = json!({ "new_members": new_members, "force_async": false });
        let Reply { value, request_id, .. } = self.client.post(MEMBERS_ADD, &arg).await?;
        let id = match value {
            Launch::Complete { complete: results } => return Ok(Told::Results { results, request_id }),
            Launch::AsyncJobId { async_job_id } => async_job_id,
            Launch::Unknown => return Ok(Told::Nothing { failed: None, request_id }),
        };
        Ok(match self.job(MEMBERS_ADD_STATUS, &id).await.map_err(Fault::Failed)? {
            Ended::Complete { results, request_id } => Told::Results { results, request_id },
            Ended::Unsure(why) => Told::Nothing { failed: Some(why), request_id },
            Ended::NotYet => Told::Nothing { failed: None, request_id },
        })
    }

    /// Both names are always sent (empty ones clear), everything else only when it has a value.
    fn new_member(&self, newcomer: &Newcomer<'_>) -> Value {
        let get = |attribute| newcomer.attributes.get(attribute);
        let mut member = Map::new();
        member.insert("member_email".into(), get(Attribute::Email).into());
        member.insert("member_given_name".into(), get(Attribute::GivenName).into());
        member.insert("member_surname".into(), get(Attribute::Surname).into());
        member.insert("send_welcome_email".into(), self.access.send_welcome_email.into());
        let optional = [
            ("member_external_id", Attribute::ExternalId),
            ("member_persistent_id", Attribute::PersistentId),
        ];
        for (field, attribute) in optional {
            if !get(attribute).is_empty() {
                member.insert(field.into(), get(attribute).into());
            }
        }
        if !get(Attribute::IsDirectoryRestricted).is_empty() {
            let restricted = get(Attribute::IsDirectoryRestricted) == "true";
            member.insert("is_directory_restricted".into(), restricted.into());
        }
        if !get(Attribute::Role).is_empty() {
            member.insert("role_ids".into(), json!([get(Attribute::Role)]));
        }
        Value::Object(member)
    }

    async fn outcomes_of(&self, call: &[Newcomer<'_>], told: Told) -> Result<Vec<Applied>, ConnectorError> {
        let (mut results, failed, request_id) = match told {
            Told::Results { results, request_id } => {
                (results.into_iter().map(AddResult::read).collect(), None, request_id)
            }
            Told::Nothing { failed, request_id } => (Vec::new(), failed, request_id),
        };
        let mut applied = Vec::with_capacity(call.len());
        let mut doubtful = Vec::new();
        for (place, newcomer) in call.iter().enumerate() {
            match take(&mut results, place, &newcomer.email()) {
                Some(AddResult::Success(member)) => {
                    applied.push(newcomer.task.is(Outcome::Done { made: Some(made(&member)) }));
                }
                // Who has the address, or the external id? It may be the one that an earlier, lost call made.
                Some(AddResult::Failure { tag, .. })
                    if matches!(&*tag, "user_already_on_team" | "duplicate_external_member_id") =>
                {
                    doubtful.push((*newcomer, Some(tag)));
                }
                Some(AddResult::Failure { tag, .. }) => {
                    let outcome = problems::refusal(newcomer.task.operation, &tag, request_id.clone());
                    applied.push(newcomer.task.is(outcome));
                }
                None => doubtful.push((*newcomer, None)),
            }
        }
        let asked: Vec<Newcomer<'_>> = doubtful.iter().map(|(newcomer, _)| *newcomer).collect();
        let mut found = self.found(&asked).await?;
        for (newcomer, tag) in doubtful {
            let operation = newcomer.task.operation;
            let ours = !newcomer.attributes.get(Attribute::ExternalId).is_empty();
            let outcome = match (found.remove(&newcomer.task.index), tag) {
                (Some(outcome), None) => outcome,
                (Some(outcome), Some(_)) if ours => outcome,
                (_, Some(tag)) => problems::refusal(operation, &tag, request_id.clone()),
                (None, None) => match &failed {
                    Some(why) => {
                        let reason = format!("the job that Dropbox made of it failed ({why})");
                        problems::moved(operation, &reason, Then::Wait, request_id.clone())
                    }
                    None => problems::under_way(operation, request_id.clone()),
                },
            };
            applied.push(newcomer.task.is(outcome));
        }
        Ok(applied)
    }

    /// After a lost answer: who is there is settled; returned are the others.
    async fn survivors<'a>(
        &self,
        call: &[Newcomer<'a>],
        applied: &mut Vec<Applied>,
    ) -> Result<Vec<Newcomer<'a>>, ConnectorError> {
        let mut found = self.found(call).await?;
        let mut missing = Vec::new();
        for newcomer in call {
            match found.remove(&newcomer.task.index) {
                Some(outcome) => applied.push(newcomer.task.is(outcome)),
                None => missing.push(*newcomer),
            }
        }
        Ok(missing)
    }

    /// Which of these are on the team already, by the index of their operation.
    async fn found(&self, newcomers: &[Newcomer<'_>]) -> Result<FxHashMap<usize, Outcome>, ConnectorError> {
        let mut selectors = Vec::new();
        for newcomer in newcomers {
            let external_id = newcomer.attributes.get(Attribute::ExternalId);
            if validate::is_external_id(external_id) {
                selectors.push(UserSelector::external_id(external_id));
            }
            selectors.push(UserSelector::email(&newcomer.email()));
        }
        if selectors.is_empty() {
            return Ok(FxHashMap::default());
        }
        let members = self.members(&selectors).await?;
        Ok(newcomers
            .iter()
            .filter_map(|newcomer| {
                let member = members.iter().find(|member| newcomer.is(member))?;
                let outcome = if member.is_removed() {
                    let reason = "the person has an account that was removed and may be recovered";
                    problems::moved(newcomer.task.operation, reason, Then::Look, None)
                } else {
                    Outcome::AlreadyTrue { made: Some(made(member)) }
                };
                Some((newcomer.task.index, outcome))
            })
            .collect())
    }
}

/// The result at this place if it is about this address, else the one that is.
fn take(results: &mut [Option<AddResult>], place: usize, email: &str) -> Option<AddResult> {
    let is = |result: &Option<AddResult>| result.as_ref().is_some_and(|result| result.email() == email);
    let place = if results.get(place).is_some_and(is) { place } else { results.iter().position(is)? };
    results.get_mut(place)?.take()
}

fn made(member: &Member) -> Made {
    Made::Account { id: member.id(), invited: member.profile.status == Status::Invited }
}

//! Why someone has, or has not, what they should: the steps of a run, told for one user. Changes nothing.

use usher_domain::{
    Problem, UserId,
    directory::{
        filter::{Attributes, Filter},
        user::User,
    },
    provisioning::{connection::Health, rule::Rule},
    reconcile::{
        attributes::Attribute,
        desired::CompiledMappings,
        links::{AccountLink, Origin},
        plan::Plan,
        scope::{Scope, Subject},
        snapshot::{Account, AccountState, Snapshot},
        status::{Standing, SubjectStatus},
    },
};

use super::{Planned, ReconcileError, Reconciler, Setup, Wanted, Way, setup::Draft};

/// What one rule makes of one user.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The rule.
    pub rule: Rule,
    /// Whether the user is in its scope, and the clause of its filter that decides.
    pub in_scope: bool,
    /// See `in_scope`; `None` when the rule has no filter, or the user is gone.
    pub clause: Option<String>,
    /// The account that belongs to the user.
    pub link: Option<AccountLink>,
    /// Each mapped attribute: its value, what it was made from, and what the remote side has.
    pub values: Vec<ExplainedValue>,
    /// Where the account stands at the remote side, if it was found.
    pub remote: Option<AccountState>,
    /// What a run would do now, as a person reads it; empty when nothing.
    pub next: Vec<String>,
    /// What stands in the way.
    pub problems: Vec<Problem>,
    /// Where the last run left the user.
    pub status: Option<SubjectStatus>,
    /// All of it in order, one sentence each.
    pub steps: Vec<String>,
}

/// One mapped attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedValue {
    /// Which of the target's.
    pub attribute: String,
    /// As the mapping makes it; empty clears it.
    pub wanted: String,
    /// The attributes of the source that it is made from.
    pub inputs: Vec<String>,
    /// As the target has it.
    pub remote: Option<String>,
}

impl Reconciler {
    /// Tells what a run of the rule would make of the user now, step by step.
    ///
    /// # Errors
    /// When the store cannot be read, or the rule's own set-up does not allow a plan. A remote side that cannot be
    /// read is told as a step.
    pub async fn explain(&self, rule: &Rule, user: UserId) -> Result<Explanation, ReconcileError> {
        let setup = self.setup(rule, Draft::default()).await?;
        let status = self.store.status(rule.id, Subject::User(user)).await?;
        let mut told = Explanation {
            rule: rule.clone(),
            in_scope: false,
            clause: None,
            link: None,
            values: Vec::new(),
            remote: None,
            next: Vec::new(),
            problems: Vec::new(),
            status,
            steps: Vec::new(),
        };
        let planned = match &setup.way {
            Way::Outbound(mappings) => {
                let only = Scope::Subjects { users: [user].into(), groups: Default::default() };
                let mut planned = self.observed(&setup, mappings, only, &()).await;
                if planned.as_ref().is_ok_and(|(planned, _)| planned.plan.wants_full) {
                    planned = self.observed(&setup, mappings, Scope::Full, &()).await;
                }
                planned.map(|(planned, seen)| tell(&mut told, &setup, mappings, user, &planned, &seen))
            }
            Way::Inbound(mappings, onboarding) => {
                self.explain_inbound(&mut told, &setup, mappings, onboarding, user).await
            }
        };
        match planned {
            Ok(()) => {}
            Err(ReconcileError::Remote(error)) => {
                told.steps.push(format!("Remote account: it could not be read. {error}"));
                told.problems.push(error.problem().clone());
            }
            Err(error) => return Err(error),
        }
        awake(&setup, &mut told);
        last(&mut told);
        Ok(told)
    }
}

fn tell(
    told: &mut Explanation,
    setup: &Setup,
    mappings: &CompiledMappings,
    user: UserId,
    planned: &Planned,
    seen: &Snapshot,
) {
    let Wanted::Outbound(desired) = &planned.wanted else { return };
    let known = planned.people.user(user);
    scope(told, setup, planned, known);
    let link = planned.links.account(user);
    link_of(told, link);
    let want = desired.accounts.iter().find(|account| account.user == user);
    let account =
        link.and_then(|link| seen.accounts.iter().find(|account| account.id == link.account)).or_else(|| {
            let email = want.map(|want| want.attributes.get(Attribute::Email))?;
            seen.accounts.iter().find(|account| account.attributes.get(Attribute::Email) == email)
        });
    if let Some(want) = want {
        for attribute in Attribute::ALL.into_iter().filter(|it| desired.mapped.has(*it)) {
            let value = ExplainedValue {
                attribute: attribute.name().to_owned(),
                wanted: want.attributes.get(attribute).to_owned(),
                inputs: mappings.inputs(attribute),
                remote: account.map(|account| account.attributes.get(attribute).to_owned()),
            };
            told.steps.push(mapped(&value));
            told.values.push(value);
        }
        let groups: Vec<&str> = want
            .groups
            .iter()
            .filter_map(|index| desired.groups.get(*index as usize))
            .map(|group| &*group.name)
            .collect();
        told.steps.push(match groups.as_slice() {
            [] => "Groups of this rule: none.".to_owned(),
            some => format!("Groups of this rule: {}.", some.join(", ")),
        });
    }
    told.remote = account.map(|account| account.state.clone());
    told.steps.push(format!("Remote account: {}.", standing(account)));
    next(told, &planned.plan, user);
}

pub(super) fn link_of(told: &mut Explanation, link: Option<&AccountLink>) {
    told.link = link.cloned();
    told.steps.push(match link {
        None => "Link: none; no account is known to belong to this user.".to_owned(),
        Some(link) => format!(
            "Link: account {}, {} by Usher{}.",
            link.account,
            match link.origin {
                Origin::Created => "created",
                Origin::Adopted => "adopted",
                Origin::Inherited => "handed over from a former user",
            },
            if link.suspended_by_us { ", suspended by Usher" } else { "" },
        ),
    });
}

fn scope(told: &mut Explanation, setup: &Setup, planned: &Planned, user: Option<&User>) {
    let Some(user) = user else {
        told.steps.push("Directory: there is no such user (any more).".to_owned());
        return;
    };
    let state = if user.enabled { "enabled" } else { "disabled" };
    told.steps.push(format!("Directory: {} is {state}.", user.username));
    told.in_scope = setup.rule.retiring.is_none();
    let Some(filter) = &setup.filter else {
        told.steps.push("Scope: the rule has no filter, so everyone is in scope.".to_owned());
        return;
    };
    let (matches, clause) = planned.people.see(user, |view| {
        let (matches, clause) = deciding(filter, view);
        (matches, clause.to_string())
    });
    told.in_scope &= matches;
    let verb = if matches { "in scope: the filter matches by" } else { "not in scope: the filter fails at" };
    told.steps.push(format!("Scope: {verb} `{clause}`."));
    told.clause = Some(clause);
}

/// Whether the filter matches, and the smallest part of it that decides so.
pub(super) fn deciding<'a>(filter: &'a Filter, view: &dyn Attributes) -> (bool, &'a Filter) {
    let matches = filter.matches(view);
    let part = match filter {
        Filter::And(all) if !matches => all.iter().find(|part| !part.matches(view)),
        Filter::Or(any) if matches => any.iter().find(|part| part.matches(view)),
        _ => None,
    };
    match part {
        Some(part) => deciding(part, view),
        None => (matches, filter),
    }
}

fn mapped(value: &ExplainedValue) -> String {
    let ExplainedValue { attribute, wanted, inputs, remote } = value;
    let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { format!("\"{text}\"") };
    let remote = match remote {
        None => String::new(),
        Some(remote) if remote == wanted => "; the account has the same".to_owned(),
        Some(remote) => format!("; the account has {}", shown(remote)),
    };
    format!("Mapping: {attribute} is {} from {}{remote}.", shown(wanted), inputs.join(", "))
}

pub(super) fn standing(account: Option<&Account>) -> String {
    match account.map(|account| (&account.state, account.attributes.get(Attribute::Email))) {
        None => "none".to_owned(),
        Some((AccountState::Active, email)) => format!("{email} is active"),
        Some((AccountState::Invited, email)) => format!("{email} is invited, and has not accepted yet"),
        Some((AccountState::Suspended { since: Some(since) }, email)) => {
            format!("{email} is suspended since {since}")
        }
        Some((AccountState::Suspended { since: None }, email)) => format!("{email} is suspended"),
        Some((AccountState::Removed { recoverable: true }, email)) => {
            format!("{email} was removed, and can be recovered")
        }
        Some((AccountState::Removed { recoverable: false }, email)) => format!("{email} was removed"),
        Some((AccountState::Unknown, email)) => {
            format!("{email} is in a state that this version does not know")
        }
    }
}

pub(super) fn next(told: &mut Explanation, plan: &Plan, user: UserId) {
    let about = Subject::User(user);
    let operations: Vec<_> =
        plan.operations.iter().filter(|operation| operation.subject == about).cloned().collect();
    told.problems = plan
        .findings
        .iter()
        .filter(|finding| finding.subject == about)
        .map(|finding| finding.problem.clone())
        .collect();
    told.next = operations.iter().map(ToString::to_string).collect();
    match operations.as_slice() {
        [] if told.problems.is_empty() => {
            told.steps.push("Next: nothing; all is as it should be.".to_owned())
        }
        [] => told.steps.push("Next: nothing, for what stands in the way.".to_owned()),
        some => told.steps.extend(some.iter().map(|operation| {
            format!("Next: {}, because {}.", operation.action.sentence(&operation.label), operation.because)
        })),
    }
    for problem in &told.problems {
        told.steps.push(format!("In the way: {problem}"));
    }
}

/// Why the rule does not run at all, if it does not.
fn awake(setup: &Setup, told: &mut Explanation) {
    let name = &setup.connection.name;
    let why = match &setup.connection.health {
        _ if !setup.rule.active => Some("the rule is not active.".to_owned()),
        _ if !setup.connection.active => Some(format!("the connection {name} is INACTIVE.")),
        Health::Broken { problem, .. } => Some(format!("the connection {name} does not work: {problem}")),
        Health::Untested => Some(format!("the connection {name} was not tested.")),
        Health::Valid { .. } => None,
    };
    told.steps.extend(why.map(|why| format!("Not running: {why}")));
}

fn last(told: &mut Explanation) {
    let Some(status) = &told.status else {
        told.steps.push("Last sync: the user was not part of one.".to_owned());
        return;
    };
    let word = match status.standing {
        Standing::Success => "Success",
        Standing::Partial => "Partial Synced",
        Standing::Unsynced => "Unsynced",
        Standing::Failed => "Failed",
    };
    let why = status.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
    told.steps.push(format!("Last sync: {word} at {}{why}", status.at));
}

//! Why a user has, or has not, what an inbound rule gives: told from the account's side. Changes nothing.

use usher_domain::{
    UserId,
    provisioning::onboarding::{Onboarding, Owned},
    reconcile::{
        inbound::{Groups, InboundMappings, Member, user_of_account},
        plan::Plan,
        scope::Scope,
        snapshot::{Account, Snapshot},
    },
};

use super::{
    Planned, ReconcileError, Reconciler, Setup,
    explain::{ExplainedValue, Explanation, deciding, link_of, next, standing},
};

impl Reconciler {
    pub(super) async fn explain_inbound(
        &self,
        told: &mut Explanation,
        setup: &Setup,
        mappings: &InboundMappings,
        onboarding: &Onboarding,
        user: UserId,
    ) -> Result<(), ReconcileError> {
        let links = self.store.links_of(user).await?;
        let link = links.into_iter().find(|(connection, _)| *connection == setup.connection.id);
        // Without a link only a look at everybody tells whose the user may be.
        let scope = match link {
            Some((_, link)) if link.account.expected_external_id().is_none() => {
                Scope::Accounts([link.account].into())
            }
            _ => Scope::Full,
        };
        let mut looked = self.seen_inbound(setup, mappings, onboarding, scope, &()).await?;
        if looked.0.plan.wants_full {
            looked = self.seen_inbound(setup, mappings, onboarding, Scope::Full, &()).await?;
        }
        let (planned, seen) = looked;
        tell(told, setup, (mappings, onboarding), user, &planned, &seen);
        Ok(())
    }
}

fn tell(
    told: &mut Explanation,
    setup: &Setup,
    (mappings, onboarding): (&InboundMappings, &Onboarding),
    id: UserId,
    planned: &Planned,
    seen: &Snapshot,
) {
    let user = planned.people.user(id);
    told.steps.push(match user {
        None => "Directory: there is no such user.".to_owned(),
        Some(user) => {
            let state = if user.enabled { "enabled" } else { "disabled" };
            format!("Directory: {} is {state}.", user.username)
        }
    });
    let link = planned.links.account(id);
    link_of(told, link);
    let account = account_of(setup, seen, id, link.map(|link| &link.account), &planned.plan);
    told.remote = account.map(|account| account.state.clone());
    told.steps.push(format!("Dropbox member: {}.", standing(account)));
    if let Some(account) = account {
        let groups = Groups::of(seen);
        let member = Member::new(account, seen, &groups);
        told.in_scope = setup.rule.retiring.is_none();
        match &setup.filter {
            None => told.steps.push("Scope: the rule has no filter, so every member is in scope.".to_owned()),
            Some(filter) => {
                let (matches, clause) = deciding(filter, &member);
                told.in_scope &= matches;
                let verb = if matches {
                    "in scope: the filter matches by"
                } else {
                    "not in scope: the filter fails at"
                };
                told.steps.push(format!("Scope: {verb} `{clause}`."));
                told.clause = Some(clause.to_string());
            }
        }
        let written =
            user.map_or(Owned::NONE, |user| super::inbound::written_of(setup, &planned.people, user));
        for value in mappings.explain(&member, user, onboarding.authority.directory(written)) {
            match value {
                Err(problem) => told.steps.push(format!("Mapping: {problem}")),
                Ok(value) => {
                    let present = match &value.present {
                        None => String::new(),
                        Some(present) if *present == value.wanted => "; the user has the same".to_owned(),
                        Some(present) => format!("; the user has \"{present}\""),
                    };
                    let decided = if value.only_new {
                        "; the directory decides it, so that only a new user gets it"
                    } else {
                        ""
                    };
                    told.steps.push(format!(
                        "Mapping: {} is \"{}\" from {}{present}{decided}.",
                        value.target,
                        value.wanted,
                        value.inputs.join(", ")
                    ));
                    told.values.push(ExplainedValue {
                        attribute: value.target,
                        wanted: value.wanted,
                        inputs: value.inputs,
                        remote: value.present,
                    });
                }
            }
        }
    }
    next(told, &planned.plan, id);
}

/// The account that the explanation is about: the linked one, the one whose user this would be, or the one that the
/// plan links.
fn account_of<'a>(
    setup: &Setup,
    seen: &'a Snapshot,
    id: UserId,
    linked: Option<&usher_domain::reconcile::snapshot::AccountId>,
    plan: &Plan,
) -> Option<&'a Account> {
    let planned = plan
        .operations
        .iter()
        .filter(|operation| operation.subject == usher_domain::reconcile::scope::Subject::User(id));
    let planned = planned.filter_map(|operation| operation.action.account()).next();
    let wanted = planned.or(linked);
    seen.accounts.iter().find(|account| match wanted {
        Some(wanted) => account.id == *wanted,
        None => user_of_account(setup.connection.id, &account.id) == id,
    })
}

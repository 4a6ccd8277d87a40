//! What an operation does to the team in memory, and what the team says to it.

use usher_domain::{
    Problem,
    reconcile::{
        attributes::{Attribute, AttributeSet},
        operation::{Action, Operation},
        outcome::{Made, Outcome},
        scope::Subject,
        snapshot::{AccountId, AccountState, GroupKind, RemoteGroupId},
    },
};

use super::{Member, Team};

impl Team {
    /// Does it. Local operations never come here; they are refused as the fault they are.
    pub(super) fn apply(&mut self, operation: &Operation) -> Outcome {
        let label = &*operation.label;
        match &operation.action {
            Action::Suspend { account, .. } => self.with(account, label, |member| match member.state {
                AccountState::Active => {
                    member.state = AccountState::Suspended { since: None };
                    Outcome::done()
                }
                AccountState::Suspended { .. } => already(),
                _ => refused("NOT_ACTIVE", label),
            }),
            Action::Unsuspend { account } => self.with(account, label, |member| match member.state {
                AccountState::Suspended { .. } => {
                    member.state = AccountState::Active;
                    Outcome::done()
                }
                AccountState::Active => already(),
                _ => refused("NOT_SUSPENDED", label),
            }),
            Action::CancelInvitation { account } => {
                match self.members.get(account).map(|member| &member.state) {
                    None => already(),
                    Some(AccountState::Invited) => {
                        self.members.remove(account);
                        Outcome::done()
                    }
                    Some(_) => refused("ACCEPTED_MEANWHILE", label),
                }
            }
            Action::Remove { account } => self.with(account, label, |member| {
                if !member.is_there() {
                    return already();
                }
                member.before_removal = Some(member.state.clone());
                member.state = AccountState::Removed { recoverable: true };
                Outcome::done()
            }),
            Action::Recover { account } => self.with(account, label, |member| match member.state {
                AccountState::Removed { recoverable: true } => {
                    member.state = member.before_removal.take().unwrap_or(AccountState::Active);
                    Outcome::done()
                }
                AccountState::Removed { recoverable: false } => refused("NOT_RECOVERABLE", label),
                _ => already(),
            }),
            Action::Create { attributes } => self.create(attributes, label),
            Action::Update { account, changes } => {
                let email = changes.iter().find(|change| change.attribute == Attribute::Email);
                let taken = email
                    .and_then(|change| self.by_email(&change.after))
                    .is_some_and(|(id, _)| id != account);
                if taken {
                    return refused("ADDRESS_TAKEN", label);
                }
                self.with(account, label, |member| {
                    for change in changes {
                        member.attributes = member.attributes.with(change.attribute, &change.after);
                    }
                    Outcome::done()
                })
            }
            Action::RemoveMember { remote, account, .. } => self.with(account, label, |member| {
                if member.groups.remove(remote) { Outcome::done() } else { already() }
            }),
            Action::AddMember { remote: Some(remote), account: Some(account), .. } => {
                self.add_member(remote, account, label)
            }
            Action::CreateGroup { name } => self.create_group(name, operation.subject, label),
            Action::RenameGroup { remote, after, .. } => {
                if self.by_name(after).is_some_and(|(id, _)| id != remote) {
                    return refused("NAME_TAKEN", label);
                }
                match self.groups.get_mut(remote) {
                    Some(group) => {
                        group.name = after.to_string();
                        Outcome::done()
                    }
                    None => gone(label),
                }
            }
            Action::DeleteGroup { remote } => {
                for member in self.members.values_mut() {
                    member.groups.remove(remote);
                }
                if self.groups.remove(remote).is_some() { Outcome::done() } else { already() }
            }
            _ => refused("NOT_A_REMOTE_OPERATION", label),
        }
    }

    fn with(
        &mut self,
        account: &AccountId,
        label: &str,
        act: impl FnOnce(&mut Member) -> Outcome,
    ) -> Outcome {
        self.members.get_mut(account).map_or_else(|| gone(label), act)
    }

    fn create(&mut self, attributes: &AttributeSet, label: &str) -> Outcome {
        let (email, ours) = (attributes.get(Attribute::Email), attributes.get(Attribute::ExternalId));
        let same_address =
            self.members.iter().find(|(_, member)| member.attributes.get(Attribute::Email) == email);
        if let Some((id, member)) = same_address {
            return match &member.state {
                AccountState::Removed { .. } => Outcome::Postponed {
                    problem: Problem::new("REMOVED", format!("{label} was removed."), "Recover them."),
                    after: None,
                    needs_full: true,
                },
                state if member.attributes.get(Attribute::ExternalId) == ours => {
                    let invited = *state == AccountState::Invited;
                    Outcome::AlreadyTrue { made: Some(Made::Account { id: id.clone(), invited }) }
                }
                _ => refused("ADDRESS_TAKEN", label),
            };
        }
        if self.licensed.is_some_and(|licensed| self.used() >= licensed) {
            let problem = Problem::new("NO_LICENCE", format!("There is no licence for {label}."), "Buy one.");
            return Outcome::Postponed { problem, after: None, needs_full: false };
        }
        let id = self.invite(email, ours);
        if let Some(member) = self.members.get_mut(&id) {
            member.attributes = attributes.clone();
        }
        Outcome::Done { made: Some(Made::Account { id, invited: true }) }
    }

    fn create_group(&mut self, name: &str, subject: Subject, label: &str) -> Outcome {
        let Subject::Group(group) = subject else { return refused("NOT_A_GROUP", label) };
        let ours = Some(group.to_string());
        if let Some((id, there)) = self.by_name(name) {
            return if there.external_id == ours {
                Outcome::AlreadyTrue { made: Some(Made::Group { id: id.clone() }) }
            } else {
                refused("NAME_TAKEN", label)
            };
        }
        let id = self.found(name, GroupKind::CompanyManaged, ours);
        Outcome::Done { made: Some(Made::Group { id }) }
    }

    fn add_member(&mut self, remote: &RemoteGroupId, account: &AccountId, label: &str) -> Outcome {
        if !self.groups.contains_key(remote) {
            return gone(label);
        }
        let may_join = self.invited_may_join_groups;
        self.with(account, label, |member| {
            if member.groups.contains(remote) {
                return already();
            }
            match member.state {
                AccountState::Removed { .. } => return gone(label),
                AccountState::Invited if !may_join => {
                    let problem = Problem::new(
                        "INVITED",
                        format!("{label} has not accepted the invitation yet."),
                        "Wait until they do.",
                    );
                    return Outcome::Postponed { problem, after: None, needs_full: false };
                }
                _ => {}
            }
            member.groups.insert(remote.clone());
            Outcome::done()
        })
    }
}

fn already() -> Outcome {
    Outcome::AlreadyTrue { made: None }
}

fn refused(code: &'static str, label: &str) -> Outcome {
    Outcome::Refused {
        problem: Problem::new(code, format!("The team refuses this for {label}."), "Look at it there."),
    }
}

/// What it is about is not there any more; only a full look tells what to do.
fn gone(label: &str) -> Outcome {
    let problem = Problem::new("GONE", format!("{label} is not there any more."), "It is looked at again.");
    Outcome::Postponed { problem, after: None, needs_full: true }
}

//! Changing a member's profile and role: only what differs, always selected by the stable id.

use serde_json::{Map, Value, json};
use usher_domain::{
    ports::connector::ConnectorError,
    reconcile::{
        attributes::Attribute,
        operation::{Change, Operation},
        outcome::Outcome,
        snapshot::AccountId,
    },
};

use super::{
    super::{
        DropboxConnector,
        routes::{MEMBERS_SET_PROFILE, MEMBERS_SET_ROLE},
        validate,
        wire::UserSelector,
    },
    Truth,
    member::gone,
};

/// How many calls these changes take: the role is set by a call of its own.
pub(super) fn calls(changes: &[Change]) -> u64 {
    let (role, profile): (Vec<_>, Vec<_>) = changes.iter().partition(|c| c.attribute == Attribute::Role);
    u64::from(!role.is_empty()) + u64::from(!profile.is_empty())
}

impl DropboxConnector {
    pub(super) async fn update(
        &self,
        operation: &Operation,
        account: &AccountId,
        changes: &[Change],
    ) -> Result<Outcome, ConnectorError> {
        if let Some(problem) = validate::changes(&operation.label, changes) {
            return Ok(Outcome::Refused { problem });
        }
        let (role, profile): (Vec<&Change>, Vec<&Change>) =
            changes.iter().partition(|change| change.attribute == Attribute::Role);
        let mut outcome = Outcome::AlreadyTrue { made: None };
        let (profile, role) = (&profile, &role);
        if !profile.is_empty() {
            let arg = profile_arg(account, profile);
            outcome = self
                .settle(operation, (MEMBERS_SET_PROFILE, None), &arg, || {
                    Box::pin(async move { self.as_wanted(operation, account, profile).await })
                })
                .await?;
            if !outcome.is_success() {
                return Ok(outcome);
            }
        }
        if let Some(change) = role.last() {
            let new_roles: Vec<&str> = Some(&*change.after).filter(|id| !id.is_empty()).into_iter().collect();
            let arg = json!({ "user": UserSelector::id(account), "new_roles": new_roles });
            let set = self
                .settle(operation, (MEMBERS_SET_ROLE, None), &arg, || {
                    Box::pin(async move { self.as_wanted(operation, account, role).await })
                })
                .await?;
            if !set.is_success() || set == Outcome::done() {
                outcome = set;
            }
        }
        Ok(outcome)
    }

    async fn as_wanted(
        &self,
        operation: &Operation,
        account: &AccountId,
        changes: &[&Change],
    ) -> Result<Truth, ConnectorError> {
        let Some(member) = self.member(account).await?.filter(|member| !member.is_removed()) else {
            return Ok(gone(operation));
        };
        let now = member.attributes();
        let holds = changes.iter().all(|change| {
            let value = now.get(change.attribute);
            match change.attribute {
                Attribute::Email => value == change.after.to_lowercase(),
                // Not restricted and never said are the same to Dropbox.
                Attribute::IsDirectoryRestricted => (value == "true") == (&*change.after == "true"),
                _ => value == &*change.after,
            }
        });
        Ok(if holds { Truth::Settled(Outcome::AlreadyTrue { made: None }) } else { Truth::NoEffect })
    }
}

/// An empty string clears; what is not named stays.
fn profile_arg(account: &AccountId, changes: &[&Change]) -> Value {
    let mut arg = Map::new();
    arg.insert("user".into(), json!(UserSelector::id(account)));
    for change in changes {
        let value = match change.attribute {
            Attribute::IsDirectoryRestricted => Value::Bool(&*change.after == "true"),
            _ => Value::from(&*change.after),
        };
        arg.insert(format!("new_{}", change.attribute.name()), value);
    }
    Value::Object(arg)
}

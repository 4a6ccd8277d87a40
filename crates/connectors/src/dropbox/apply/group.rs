//! Groups: made (always company-managed, with our group's id), renamed in place, deleted.

use serde_json::json;
use usher_domain::{
    ports::connector::ConnectorError,
    reconcile::{
        operation::Operation,
        outcome::{Made, Outcome},
        scope::Subject,
        snapshot::RemoteGroupId,
    },
};

use super::{
    super::{
        DropboxConnector,
        problems::{self, Then},
        routes::{GROUPS_CREATE, GROUPS_DELETE, GROUPS_JOB_STATUS, GROUPS_UPDATE},
        wire::{Group, GroupSelector},
    },
    Truth,
};

impl DropboxConnector {
    /// The id of what was made is read back by its external id, which also finds what an earlier, lost call made.
    pub(super) async fn create_group(
        &self,
        operation: &Operation,
        name: &str,
    ) -> Result<Outcome, ConnectorError> {
        let Subject::Group(ours) = operation.subject else {
            let (reason, remedy) =
                ("the operation is not about a group", "Report this to the makers of Usher.");
            return Ok(problems::refused(operation, "NOT_A_GROUP", reason, remedy));
        };
        let external_id = &ours.to_string();
        let arg = json!({
            "group_name": name,
            "add_creator_as_owner": false,
            "group_external_id": external_id,
            "group_management_type": { ".tag": "company_managed" },
        });
        let made = std::sync::OnceLock::new();
        let outcome = self
            .settle_with(
                operation,
                (GROUPS_CREATE, None),
                &arg,
                |value| drop(made.set(value)),
                || {
                    Box::pin(async move {
                        Ok(match self.group_by_external_id(external_id).await? {
                            Some(group) => Truth::Settled(Outcome::AlreadyTrue { made: Some(id_of(&group)) }),
                            None => Truth::NoEffect,
                        })
                    })
                },
            )
            .await?;
        if outcome != Outcome::done() {
            return Ok(outcome);
        }
        let group = made.into_inner().and_then(|value| serde_json::from_value::<Group>(value).ok());
        let group = match group {
            Some(group) => Some(group),
            None => self.group_by_external_id(external_id).await?,
        };
        Ok(match group {
            Some(group) => Outcome::Done { made: Some(id_of(&group)) },
            None => problems::under_way(operation, None),
        })
    }

    pub(super) async fn rename_group(
        &self,
        operation: &Operation,
        remote: &RemoteGroupId,
        name: &str,
    ) -> Result<Outcome, ConnectorError> {
        let group = GroupSelector::GroupId { group_id: remote.as_str() };
        let arg = json!({ "group": group, "return_members": false, "new_group_name": name });
        self.settle(operation, (GROUPS_UPDATE, None), &arg, || {
            Box::pin(async move {
                Ok(match self.groups_by_id(&[remote.as_str()]).await?.pop() {
                    Some(group) if *group.group_name == *name => {
                        Truth::Settled(Outcome::AlreadyTrue { made: None })
                    }
                    Some(_) => Truth::NoEffect,
                    None => {
                        let reason = "the group is not there any more";
                        Truth::Settled(problems::moved(operation, reason, Then::Look, None))
                    }
                })
            })
        })
        .await
    }

    pub(super) async fn delete_group(
        &self,
        operation: &Operation,
        remote: &RemoteGroupId,
    ) -> Result<Outcome, ConnectorError> {
        let arg = GroupSelector::GroupId { group_id: remote.as_str() };
        self.settle(operation, (GROUPS_DELETE, Some(GROUPS_JOB_STATUS)), &arg, || {
            Box::pin(async move {
                Ok(if self.groups_by_id(&[remote.as_str()]).await?.is_empty() {
                    Truth::Settled(Outcome::AlreadyTrue { made: None })
                } else {
                    Truth::NoEffect
                })
            })
        })
        .await
    }
}

fn id_of(group: &Group) -> Made {
    Made::Group { id: RemoteGroupId::from(group.group_id.clone()) }
}

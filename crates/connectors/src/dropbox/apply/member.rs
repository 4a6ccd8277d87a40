//! Suspending, unsuspending, recovering: one call about one member.

use serde_json::json;
use usher_domain::{
    ports::connector::ConnectorError,
    reconcile::{operation::Operation, outcome::Outcome, snapshot::AccountId},
};

use super::{
    super::{
        DropboxConnector,
        problems::{self, Then},
        routes::{MEMBERS_RECOVER, MEMBERS_SUSPEND, MEMBERS_UNSUSPEND},
        wire::{Status, UserSelector},
    },
    Truth,
};

const ALREADY: Truth = Truth::Settled(Outcome::AlreadyTrue { made: None });

impl DropboxConnector {
    /// `wipe_data` is always said, because Dropbox wipes the member's devices when it is not.
    pub(super) async fn suspend(
        &self,
        operation: &Operation,
        account: &AccountId,
    ) -> Result<Outcome, ConnectorError> {
        let arg = json!({ "user": UserSelector::id(account), "wipe_data": self.access.wipe_data });
        self.settle(operation, (MEMBERS_SUSPEND, None), &arg, || {
            Box::pin(async move {
                Ok(match self.status(account).await? {
                    Some(Status::Suspended) => ALREADY,
                    Some(Status::Active | Status::Unknown) => Truth::NoEffect,
                    Some(Status::Invited) => {
                        Truth::Settled(problems::moved(operation, "it is only invited", Then::Wait, None))
                    }
                    Some(Status::Removed { .. }) | None => gone(operation),
                })
            })
        })
        .await
    }

    pub(super) async fn unsuspend(
        &self,
        operation: &Operation,
        account: &AccountId,
    ) -> Result<Outcome, ConnectorError> {
        let arg = json!({ "user": UserSelector::id(account) });
        self.settle(operation, (MEMBERS_UNSUSPEND, None), &arg, || {
            Box::pin(async move {
                Ok(match self.status(account).await? {
                    Some(Status::Active) => ALREADY,
                    Some(Status::Suspended | Status::Unknown) => Truth::NoEffect,
                    Some(Status::Invited) => Truth::Settled(problems::not_accepted(operation, None)),
                    Some(Status::Removed { .. }) | None => gone(operation),
                })
            })
        })
        .await
    }

    pub(super) async fn recover(
        &self,
        operation: &Operation,
        account: &AccountId,
    ) -> Result<Outcome, ConnectorError> {
        let arg = json!({ "user": UserSelector::id(account) });
        self.settle(operation, (MEMBERS_RECOVER, None), &arg, || {
            Box::pin(async move {
                Ok(match self.status(account).await? {
                    Some(Status::Active | Status::Suspended | Status::Invited) => ALREADY,
                    Some(Status::Removed { .. } | Status::Unknown) | None => Truth::NoEffect,
                })
            })
        })
        .await
    }

    pub(super) async fn status(&self, account: &AccountId) -> Result<Option<Status>, ConnectorError> {
        Ok(self.member(account).await?.map(|member| member.profile.status))
    }
}

pub(super) fn gone(operation: &Operation) -> Truth {
    Truth::Settled(problems::moved(operation, "the account is not on the team any more", Then::Look, None))
}

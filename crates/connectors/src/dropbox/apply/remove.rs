//! Removing members from the team, with what becomes of their files (facts/dropbox.md §1.5).

use std::{collections::VecDeque, sync::Arc};

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use usher_domain::{
    ports::connector::ConnectorError,
    reconcile::{
        operation::{Action, Operation},
        outcome::Outcome,
        snapshot::AccountId,
    },
};

use super::{
    super::{
        DropboxConnector, problems,
        routes::{MEMBERS_REMOVE, MEMBERS_REMOVE_STATUS},
        wire::{Status, UserSelector},
    },
    Part, Task, Truth, Unit,
};

/// Who gets the files, and who is told of it.
struct Transfer {
    dest: Party,
    admin: Party,
}

enum Party {
    /// The settings name nobody.
    Unset,
    Found(AccountId),
    /// The settings name someone who is not on the team.
    Missing,
}

impl DropboxConnector {
    pub(super) fn removals<'a>(&'a self, tasks: Vec<Task<'a>>) -> VecDeque<Unit<'a>> {
        let transfer = Arc::new(OnceCell::new());
        tasks
            .into_iter()
            .map(|task| {
                let transfer = Arc::clone(&transfer);
                Box::pin(async move { Part::one(task, self.remove(task.operation, &transfer).await) })
                    as Unit<'a>
            })
            .collect()
    }

    /// How many calls so many removals take: those named in the settings are looked up once.
    pub(super) fn removal_calls(&self, removals: usize) -> usize {
        removals + usize::from(removals > 0 && !self.transfer_emails().is_empty())
    }

    fn transfer_emails(&self) -> Vec<&str> {
        let emails = [&self.access.transfer_dest_email, &self.access.transfer_admin_email];
        emails.into_iter().flatten().map(String::as_str).collect()
    }

    async fn remove(
        &self,
        operation: &Operation,
        transfer: &OnceCell<Transfer>,
    ) -> Result<Outcome, ConnectorError> {
        let Action::Remove { account } = &operation.action else {
            return Ok(problems::refused(
                operation,
                "OTHER",
                "it is no removal",
                "Report this to the makers of Usher.",
            ));
        };
        let transfer = transfer.get_or_try_init(|| self.transfer()).await?;
        let mut arg = json!({
            "user": UserSelector::id(account),
            "wipe_data": self.access.wipe_data,
            "keep_account": self.access.keep_account,
        });
        let parties = [
            ("transfer_dest_id", "TRANSFER_DEST_EMAIL", &transfer.dest),
            ("transfer_admin_id", "TRANSFER_ADMIN_EMAIL", &transfer.admin),
        ];
        for (field, setting, party) in parties {
            match party {
                Party::Unset => {}
                Party::Found(id) => arg[field] = json!(UserSelector::id(id)),
                Party::Missing => {
                    let reason = format!("{setting} is nobody on the team");
                    let remedy = format!("Correct {setting}.");
                    return Ok(problems::refused(operation, "TRANSFER_USER_NOT_FOUND", &reason, &remedy));
                }
            }
        }
        self.launch_removal(operation, account, &arg).await
    }

    async fn launch_removal(
        &self,
        operation: &Operation,
        account: &AccountId,
        arg: &Value,
    ) -> Result<Outcome, ConnectorError> {
        self.settle(operation, (MEMBERS_REMOVE, Some(MEMBERS_REMOVE_STATUS)), arg, || {
            Box::pin(async move {
                Ok(match self.status(account).await? {
                    Some(Status::Removed { .. }) | None => {
                        Truth::Settled(Outcome::AlreadyTrue { made: None })
                    }
                    Some(_) => Truth::NoEffect,
                })
            })
        })
        .await
    }

    async fn transfer(&self) -> Result<Transfer, ConnectorError> {
        let emails: Vec<_> = self.transfer_emails().into_iter().map(UserSelector::email).collect();
        let members = if emails.is_empty() { Vec::new() } else { self.members(&emails).await? };
        let party = |email: &Option<String>| match email {
            None => Party::Unset,
            Some(email) => members
                .iter()
                .filter(|member| !member.is_removed())
                .find(|member| member.profile.email.to_lowercase() == email.to_lowercase())
                .map_or(Party::Missing, |member| Party::Found(member.id())),
        };
        Ok(Transfer {
            dest: party(&self.access.transfer_dest_email),
            admin: party(&self.access.transfer_admin_email),
        })
    }
}

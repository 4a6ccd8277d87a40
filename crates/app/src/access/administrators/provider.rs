//! Administrators for whom the OpenID provider vouches: by the account that they are bound to, else by a verified e-mail
//! address that is their username. Nobody is made by signing in.
//!
//! Nothing is guessed here, so a door that guesses at a password shut is open to whoever the provider vouches for, and
//! their coming in forgets no guess. What counts is a code that the provider refuses, for the address that it came from.

use std::time::Duration;

use usher_connectors::openid::CODE_REFUSED;
use usher_domain::{
    access::{Administrator, ProviderAccount, administrator::SignIn},
    directory::email::fault as email_fault,
    ports::store::StoreError,
};
use usher_engine::directory::DirectoryError;

use super::{Administrators, Place, SignInError, attempts::of_address};
use crate::access::openid::{SignInProvider, errand::Errand, id_token::Identity};

/// Why someone whom the provider sent back is not in.
#[derive(Debug)]
pub(crate) enum NotVouched {
    /// The provider failed, or what it says is not to be believed; the log was told why.
    Failed,
    /// The provider does not say that their address is theirs; `None` when it says no address.
    Unverified(Option<String>),
    /// They are signed in there, but are no administrator here.
    Nobody(String),
    /// They are an administrator here who is disabled.
    Disabled(String),
    /// Another account there is bound to who they would be here.
    BoundElsewhere(String),
    /// They have a second factor here, and showed none there.
    CodeNeeded(Box<Administrator>, ProviderAccount),
    /// Too many failures from that address.
    Locked(Duration),
    /// The database does not work.
    Store(StoreError),
}

impl From<SignInError> for NotVouched {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Locked(wait) => NotVouched::Locked(wait),
            SignInError::Store(error) => NotVouched::Store(error),
            other => NotVouched::Store(StoreError::Unavailable(other.to_string())),
        }
    }
}

impl From<StoreError> for NotVouched {
    fn from(error: StoreError) -> Self {
        NotVouched::Store(error)
    }
}

impl Administrators {
    /// Lets in for whom the provider vouches, by the code that their browser brought back.
    pub(crate) async fn sign_in_by_provider(
        &self,
        provider: &SignInProvider,
        code: &str,
        errand: &Errand,
        at: &Place,
    ) -> Result<(Administrator, ProviderAccount), NotVouched> {
        let charged = self.charge_all([of_address(at)]).await?;
        let identity = match provider.identify(code, errand, self.clock.now()).await {
            Ok(identity) => identity,
            Err(problem) => {
                tracing::warn!(code = %problem.code, %problem, "a sign-in by the OpenID provider failed");
                // A provider that is down or set up wrongly must not shut the door that passwords open.
                if problem.code != CODE_REFUSED {
                    self.give_back(&charged).await?;
                }
                return Err(NotVouched::Failed);
            }
        };
        self.give_back(&charged).await?;
        let found = self.vouched_for(&identity, at).await?;
        if found.totp.as_ref().is_some_and(|totp| totp.confirmed) && !identity.mfa {
            return Err(NotVouched::CodeNeeded(Box::new(found), identity.account));
        }
        let found = self.bind_and_tell(found, &identity.account, SignIn::AllowedByProvider).await?;
        Ok((found, identity.account))
    }

    /// The administrator who an identity is, if they may come in.
    async fn vouched_for(&self, identity: &Identity, at: &Place) -> Result<Administrator, NotVouched> {
        let Identity { account, email, .. } = identity;
        let who = email.clone().unwrap_or_else(|| account.subject.clone());
        let refused = |why: &str| {
            let ProviderAccount { issuer, subject } = account;
            tracing::warn!(%who, %issuer, %subject, why, "a sign-in by the OpenID provider was refused");
        };
        let found = match self.store.administrator_of(account).await? {
            Some(bound) => bound,
            None => {
                let Some(email) = email.as_deref().filter(|_| identity.email_verified) else {
                    refused("the provider does not say that the e-mail address is verified");
                    return Err(NotVouched::Unverified(email.clone()));
                };
                // A word without a domain is no address, whatever the provider calls it: who knows whose name it is here.
                let is_address = email_fault(email).is_none();
                let found = if is_address { self.store.administrator(email).await? } else { None };
                let Some(found) = found else {
                    refused("no administrator has this e-mail address as their username");
                    self.guesses.unknown_account(at.from).await;
                    return Err(NotVouched::Nobody(who));
                };
                found
            }
        };
        let other =
            found.provider.as_ref().filter(|known| known.issuer == account.issuer && *known != account);
        let error = match (found.enabled, other) {
            (true, None) => return Ok(found),
            (false, _) => {
                refused("the administrator is disabled");
                NotVouched::Disabled(who)
            }
            (true, Some(_)) => {
                refused("the administrator is bound to another account there; release them under Settings");
                NotVouched::BoundElsewhere(who)
            }
        };
        self.tell(&found, SignIn::DeniedByProvider).await?;
        Err(error)
    }

    /// They are in: from now on this account is theirs, and no other one.
    pub(super) async fn bind_and_tell(
        &self,
        found: Administrator,
        account: &ProviderAccount,
        how: SignIn,
    ) -> Result<Administrator, SignInError> {
        let by = self.as_themselves(&found);
        let bound = self.directory.bind_provider(&by, found.environment, found.id, account).await;
        let found = bound.map_err(|error| match error {
            DirectoryError::Unavailable(error) => error,
            DirectoryError::Rejected(why) => StoreError::Conflict(why.to_string()),
        })?;
        let how = if how == SignIn::Allowed { SignIn::AllowedByProvider } else { how };
        self.tell(&found, how).await?;
        Ok(found)
    }
}

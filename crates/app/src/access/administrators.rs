//! Administrators at the door: password, second factor, and how long the door stays shut after failures.
//!
//! Attempts are counted in the database, in advance, so that guesses sent to several servers at once are not worth more.
//! Whoever is not there is refused like whoever is, and as slowly. Sessions and pages are the console's.

use std::{sync::Arc, time::Duration};

use usher_domain::{
    Clock, Rejection, Secret,
    access::{
        Administrator, ProviderAccount,
        administrator::{Changer, SignIn, password_fault},
    },
    directory::audit::Actor,
    ports::store::{Store, StoreError, StoreResult},
};
use usher_engine::directory::{By, Directory, DirectoryError};

use super::{
    guesses::Guesses,
    password::{self, HashError},
    totp,
};

pub(crate) mod attempts;
pub(crate) mod place;
mod provider;

use self::attempts::Charged;
pub(crate) use self::{
    place::{PLACE_LIFETIME, Place},
    provider::NotVouched,
};

/// Why someone is not in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// No enabled administrator has this username and password, or the code is wrong or was used.
    #[error("The username, the password or the code is wrong.")]
    Wrong,
    /// The password is right; now the code of their second factor, or a recovery code, is needed.
    #[error("Enter the code of your authenticator app, or a recovery code.")]
    CodeNeeded(Box<Administrator>),
    /// Too many failures: try again after that time.
    #[error(
        "Too many failed attempts. Try again in {} seconds, or use a browser in which you signed in before.",
        .0.as_secs().max(1)
    )]
    Locked(Duration),
    /// The database does not work; nothing is known.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The password could not be checked; nothing is known.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// A second factor that was begun: to be shown once, and confirmed with a code.
#[derive(Debug)]
pub(crate) struct Enrolment {
    /// The shared secret, base32, for typing.
    pub(crate) secret: Secret,
    /// The same as an `otpauth://` address, for a QR code.
    pub(crate) uri: Secret,
}

/// The administrators of the console, as they come to the door.
#[derive(Clone)]
pub(crate) struct Administrators {
    store: Arc<dyn Store>,
    directory: Directory,
    clock: Arc<dyn Clock>,
    guesses: Arc<Guesses>,
}

impl std::fmt::Debug for Administrators {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Administrators").finish_non_exhaustive()
    }
}

impl Administrators {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        directory: Directory,
        clock: Arc<dyn Clock>,
        guesses: Arc<Guesses>,
    ) -> Self {
        Administrators { store, directory, clock, guesses }
    }

    /// Lets in who knows the password and, where there is a second factor, its code (or a recovery code). `at` is where the
    /// request comes from.
    pub(crate) async fn sign_in(
        &self,
        username: &str,
        password: Secret,
        code: Option<&str>,
        at: &Place,
    ) -> Result<Administrator, SignInError> {
        let place = password::place()?;
        let charged = self.charge(username, at).await?;
        let found = self.store.administrator(username).await?;
        let known = found.as_ref().filter(|found| found.enabled);
        let good = password::verify(&place, password, known.map(|known| known.password_hash.clone())).await;
        drop(place);
        match found {
            Some(found) if good => {
                let (found, how) = self.enter(found, code, charged, SignIn::Denied).await?;
                self.tell(&found, how).await?;
                Ok(found)
            }
            Some(found) => Err(self.refuse(&found, &charged, SignIn::Denied).await),
            None => {
                self.guesses.unknown_username(at.from).await;
                Err(SignInError::Wrong)
            }
        }
    }

    /// The second step of someone who knew the password ([`SignInError::CodeNeeded`]) a moment ago, or for whom the
    /// OpenID provider vouched by this account.
    pub(crate) async fn second_factor(
        &self,
        administrator: &Administrator,
        code: &str,
        at: &Place,
        provider: Option<&ProviderAccount>,
    ) -> Result<Administrator, SignInError> {
        match provider {
            Some(account) => {
                let charged = self.charge_all(attempts::of_code(administrator, at)).await?;
                let (found, how) = self.factor_of(administrator, code, charged, SignIn::Denied).await?;
                self.bind_and_tell(found, account, how).await
            }
            None => {
                let charged = self.charge(&administrator.username, at).await?;
                let (found, how) = self.factor_of(administrator, code, charged, SignIn::Denied).await?;
                self.tell(&found, how).await?;
                Ok(found)
            }
        }
    }

    /// Whether someone who is in has their second factor at hand: asked of them before it is turned off.
    pub(crate) async fn has_factor(
        &self,
        administrator: &Administrator,
        code: &str,
    ) -> Result<(), SignInError> {
        let charged = self.charge_all([attempts::of_session(administrator)]).await?;
        self.factor_of(administrator, code, charged, SignIn::CodeWrong).await.map(|_| ())
    }

    async fn factor_of(
        &self,
        administrator: &Administrator,
        code: &str,
        charged: Charged,
        failure: SignIn,
    ) -> Result<(Administrator, SignIn), SignInError> {
        let found = self.store.administrator_by_id(administrator.environment, administrator.id).await?;
        // Whoever was disabled, or got another password, since the first step begins anew.
        let same = found.filter(|found| found.enabled && found.password_hash == administrator.password_hash);
        match same {
            Some(found) => self.enter(found, Some(code), charged, failure).await,
            None => Err(SignInError::Wrong),
        }
    }

    /// Changes one's own password, for who knows the present one, in the session of this digest.
    ///
    /// # Errors
    /// The present one is wrong; the new one is too short.
    pub(crate) async fn change_password(
        &self,
        by: &By,
        administrator: &Administrator,
        present: Secret,
        new: Secret,
        session: &str,
    ) -> Result<Administrator, ChangeError> {
        if let Some(fault) = password_fault("newPassword", &new) {
            return Err(DirectoryError::from(Rejection::invalid(vec![fault])).into());
        }
        let place = password::place().map_err(SignInError::Hash)?;
        let charged = self.charge_all([attempts::of_session(administrator)]).await?;
        if !password::verify(&place, present, Some(administrator.password_hash.clone())).await {
            return Err(self.refuse(administrator, &charged, SignIn::PasswordWrong).await.into());
        }
        self.forget(&charged).await?;
        let hash = password::hash(new).await.map_err(SignInError::Hash)?;
        let (environment, id) = (administrator.environment, administrator.id);
        Ok(self.directory.set_password(by, environment, id, &hash, Changer::Oneself(session)).await?)
    }

    /// Begins a second factor; it is asked for only once it was confirmed.
    ///
    /// # Errors
    /// They have one already.
    pub(crate) async fn begin_totp(
        &self,
        by: &By,
        administrator: &Administrator,
    ) -> Result<Enrolment, DirectoryError> {
        let secret = totp::new_secret();
        let (environment, id) = (administrator.environment, administrator.id);
        let begun = self.directory.begin_totp(by, environment, id, &secret).await?;
        Ok(Enrolment { uri: totp::uri(&begun.username, &secret), secret })
    }

    /// Turns on the second factor that was begun, for who can show a code of it. Gives the recovery codes, which are shown
    /// this once.
    ///
    /// # Errors
    /// None was begun, or the code is not one of it.
    pub(crate) async fn confirm_totp(
        &self,
        by: &By,
        administrator: &Administrator,
        code: &str,
    ) -> Result<Vec<Secret>, DirectoryError> {
        let wrong = || {
            let what = "is not the code that the authenticator app shows now; check the time of the device";
            DirectoryError::from(Rejection::field("INVALID_VALUE", "code", what))
        };
        let found = self.store.administrator_by_id(administrator.environment, administrator.id).await?;
        let found = found.ok_or_else(|| Rejection::not_found("administrator", administrator.id))?;
        let begun = found.totp.as_ref().filter(|totp| !totp.confirmed);
        if let Some(begun) = begun {
            let step = totp::step(&begun.secret, code, self.clock.now()).ok_or_else(wrong)?;
            if !self.store.use_totp_step(found.id, step).await? {
                return Err(wrong());
            }
        }
        let codes = totp::recovery_codes();
        let hashes: Vec<String> = codes.iter().map(|code| totp::recovery_hash(code.expose())).collect();
        self.directory.confirm_totp(by, &found, &hashes).await?;
        Ok(codes)
    }

    /// Whoever knew the password, if they show the second factor that they have; and how. Not told to the audit yet.
    async fn enter(
        &self,
        found: Administrator,
        code: Option<&str>,
        charged: Charged,
        failure: SignIn,
    ) -> Result<(Administrator, SignIn), SignInError> {
        let factor = found.totp.as_ref().filter(|totp| totp.confirmed);
        let how = match (factor, code.filter(|code| !code.trim().is_empty())) {
            (None, _) => SignIn::Allowed,
            (Some(_), None) => {
                // No guess was made: the attempt is given back, but nothing is forgotten, or else every right password
                // would buy more guesses at the code.
                self.give_back(&charged).await?;
                return Err(SignInError::CodeNeeded(Box::new(found)));
            }
            (Some(factor), Some(code)) => match totp::step(&factor.secret, code, self.clock.now()) {
                Some(step) if self.store.use_totp_step(found.id, step).await? => SignIn::Allowed,
                Some(_) => return Err(self.refuse(&found, &charged, failure).await),
                None if self.store.use_recovery_code(found.id, &totp::recovery_hash(code)).await? => {
                    SignIn::AllowedByRecoveryCode
                }
                None => return Err(self.refuse(&found, &charged, failure).await),
            },
        };
        self.forget(&charged).await?;
        Ok((found, how))
    }

    /// Leaves the attempt counted, and tells the audit what failed.
    async fn refuse(&self, found: &Administrator, charged: &Charged, failure: SignIn) -> SignInError {
        let mut told = self.tell(found, failure).await;
        if told.is_ok() && charged.locks() {
            told = self.tell(found, SignIn::Locked).await;
        }
        told.err().map_or(SignInError::Wrong, SignInError::Store)
    }

    async fn tell(&self, administrator: &Administrator, how: SignIn) -> StoreResult<()> {
        self.directory.signed_in(&self.as_themselves(administrator), administrator, how).await
    }

    fn as_themselves(&self, administrator: &Administrator) -> By {
        let actor = Actor::User { id: administrator.id.uuid(), name: administrator.username.clone() };
        By { actor, correlation_id: Some(crate::correlation::current()) }
    }
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// The present password is wrong, or the door is shut.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The new one is at fault.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        ChangeError::SignIn(error.into())
    }
}

#[cfg(test)]
pub(crate) mod tests;

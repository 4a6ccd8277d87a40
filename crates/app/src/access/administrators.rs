//! Administrators at the door: password, second factor, and how long the door stays shut after failures.
//!
//! Attempts are counted in the database, in advance, so that guesses sent to several servers at once are not worth more.
//! Whoever is not there is refused like whoever is, and as slowly. Sessions and pages are the console's.

use std::{net::IpAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use usher_domain::{
    Clock, Rejection, Secret, Timestamp,
    access::{
        Administrator, Attempts, ProviderAccount,
        administrator::{SignIn, password_fault},
        lockout::shut_for,
    },
    directory::audit::Actor,
    ports::store::{Store, StoreError, StoreResult},
};
use usher_engine::directory::{By, Directory, DirectoryError};

use super::{
    password::{self, HashError},
    source::network,
    totp,
};

mod provider;

pub(crate) use self::provider::NotVouched;

/// Failures with one username from one address that cost nothing.
const PER_USER_AND_ADDRESS: u32 = 5;
/// Failures with one username, from wherever.
const PER_USER: u32 = 30;
/// Failures from one address, with whatever usernames.
const PER_ADDRESS: u32 = 30;

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
    #[error("Too many attempts failed. Try again in {} seconds.", .0.as_secs().max(1))]
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
}

impl std::fmt::Debug for Administrators {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Administrators").finish_non_exhaustive()
    }
}

/// An attempt that was counted before it is known how it ends.
struct Charged {
    /// Each key with what stood there before.
    keys: Vec<(String, u32, Option<Attempts>)>,
    at: Timestamp,
}

impl Administrators {
    pub(crate) fn new(store: Arc<dyn Store>, directory: Directory, clock: Arc<dyn Clock>) -> Self {
        Administrators { store, directory, clock }
    }

    /// Lets in who knows the password and, where there is a second factor, its code (or a recovery code). `from` is where
    /// the request comes from.
    pub(crate) async fn sign_in(
        &self,
        username: &str,
        password: Secret,
        code: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<Administrator, SignInError> {
        let place = password::place()?;
        let charged = self.charge(username, from).await?;
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
            found => Err(self.refuse(found.as_ref(), &charged, SignIn::Denied).await),
        }
    }

    /// The second step of someone who knew the password ([`SignInError::CodeNeeded`]) a moment ago, or for whom the
    /// OpenID provider vouched by this account.
    pub(crate) async fn second_factor(
        &self,
        administrator: &Administrator,
        code: &str,
        from: Option<IpAddr>,
        provider: Option<&ProviderAccount>,
    ) -> Result<Administrator, SignInError> {
        match provider {
            Some(account) => {
                let charged = self.charge_all(code_keys(administrator, from)).await?;
                let (found, how) = self.factor_of(administrator, code, charged, SignIn::Denied).await?;
                self.bind_and_tell(found, account, how).await
            }
            None => {
                let charged = self.charge(&administrator.username, from).await?;
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
        from: Option<IpAddr>,
    ) -> Result<(), SignInError> {
        let charged = self.charge(&administrator.username, from).await?;
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
            None => Err(self.refuse(None, &charged, failure).await),
        }
    }

    /// Changes one's own password, for who knows the present one.
    ///
    /// # Errors
    /// The present one is wrong; the new one is too short.
    pub(crate) async fn change_password(
        &self,
        by: &By,
        administrator: &Administrator,
        present: Secret,
        new: Secret,
        from: Option<IpAddr>,
    ) -> Result<Administrator, ChangeError> {
        if let Some(fault) = password_fault("newPassword", &new) {
            return Err(DirectoryError::from(Rejection::invalid(vec![fault])).into());
        }
        let place = password::place().map_err(SignInError::Hash)?;
        let charged = self.charge(&administrator.username, from).await?;
        if !password::verify(&place, present, Some(administrator.password_hash.clone())).await {
            return Err(self.refuse(Some(administrator), &charged, SignIn::PasswordWrong).await.into());
        }
        self.forget(&charged).await?;
        let hash = password::hash(new).await.map_err(SignInError::Hash)?;
        let (environment, id) = (administrator.environment, administrator.id);
        Ok(self.directory.set_password(by, environment, id, &hash, None).await?)
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
                Some(_) => return Err(self.refuse(Some(&found), &charged, failure).await),
                None if self.store.use_recovery_code(found.id, &totp::recovery_hash(code)).await? => {
                    SignIn::AllowedByRecoveryCode
                }
                None => return Err(self.refuse(Some(&found), &charged, failure).await),
            },
        };
        self.forget(&charged).await?;
        Ok((found, how))
    }

    /// Leaves the attempt counted, and tells the audit what failed.
    async fn refuse(&self, found: Option<&Administrator>, charged: &Charged, failure: SignIn) -> SignInError {
        let Some(found) = found else { return SignInError::Wrong };
        let locks = |(_, free, known): &(String, u32, Option<Attempts>)| {
            known.map_or(1, |known| known.failures.saturating_add(1)) >= *free
        };
        let mut told = self.tell(found, failure).await;
        if told.is_ok() && charged.keys.iter().any(locks) {
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

    /// Counts an attempt before anything is looked at, unless the door is shut.
    async fn charge(&self, username: &str, from: Option<IpAddr>) -> Result<Charged, SignInError> {
        self.charge_all(keys(username, from)).await
    }

    async fn charge_all(
        &self,
        keys: impl IntoIterator<Item = (String, u32)>,
    ) -> Result<Charged, SignInError> {
        let mut charged = Charged { keys: Vec::new(), at: self.clock.now() };
        for (key, free) in keys {
            loop {
                let known = self.store.attempts(&key).await?;
                if let Some(wait) = shut_for(free, known, charged.at) {
                    self.give_back(&charged).await?;
                    return Err(SignInError::Locked(wait));
                }
                // Lost against somebody who counted at the same moment: what they counted may shut the door.
                if self.store.count_attempt(&key, known, charged.at).await? {
                    charged.keys.push((key, free, known));
                    break;
                }
            }
        }
        Ok(charged)
    }

    async fn give_back(&self, charged: &Charged) -> StoreResult<()> {
        for (key, _, known) in &charged.keys {
            self.store.uncount_attempt(key, *known, charged.at).await?;
        }
        Ok(())
    }

    /// It went well. The address's own count only gets this attempt back: whoever has an account of their own could wash
    /// off their guesses at others otherwise.
    async fn forget(&self, charged: &Charged) -> StoreResult<()> {
        for (key, _, known) in &charged.keys {
            if key.starts_with(FROM) {
                self.store.uncount_attempt(key, *known, charged.at).await?;
            } else {
                self.store.forget_attempts(key).await?;
            }
        }
        Ok(())
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

/// What the keys of addresses begin with.
const FROM: &str = "from/";

/// The keys that an attempt counts under, each with how many cost nothing. Digests: what people type into the field of the
/// username is not always their username.
fn keys(username: &str, from: Option<IpAddr>) -> [(String, u32); 3] {
    let user = digest(&username.trim().to_lowercase());
    [
        (format!("user-from/{user}/{}", digest(&network(from))), PER_USER_AND_ADDRESS),
        (format!("user/{user}"), PER_USER),
        address_key(from),
    ]
}

/// The keys of a code by someone for whom the OpenID provider vouched: guesses at the password of a username, by whoever,
/// neither shut this door nor are forgotten by coming in through it.
fn code_keys(administrator: &Administrator, from: Option<IpAddr>) -> [(String, u32); 2] {
    [(format!("code/{}", administrator.id), PER_USER_AND_ADDRESS), address_key(from)]
}

fn address_key(from: Option<IpAddr>) -> (String, u32) {
    (format!("{FROM}{}", digest(&network(from))), PER_ADDRESS)
}

fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests;

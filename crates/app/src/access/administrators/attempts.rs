//! Attempts, counted before it is known how they end: under which keys, and how many cost nothing.
//!
//! A browser or an address from which the administrator signed in before is counted separately, so that guesses from
//! elsewhere do not lock them out.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use usher_domain::{
    Timestamp,
    access::{Administrator, Attempts, lockout::shut_for},
    ports::store::StoreResult,
};

use super::{Administrators, Place, SignInError};

/// Failures that cost nothing: with one username from one address, or in one browser that is known; of codes after an
/// OpenID provider's word; of proofs that a session asks for again.
pub(crate) const PER_DOOR: u32 = 5;
/// Failures with one username that cost nothing, from all unknown browsers and addresses together.
pub(crate) const PER_USER: u32 = 30;
/// Failures from one address that cost nothing, with whatever usernames.
pub(crate) const PER_ADDRESS: u32 = 30;

/// The prefix of the keys of addresses.
const FROM: &str = "from/";

/// A key that attempts are counted under, with how many failures cost nothing.
type Key = (String, u32);

/// An attempt that was counted before it is known how it ends.
pub(super) struct Charged {
    /// Each key with what stood there before.
    keys: Vec<(String, u32, Option<Attempts>)>,
    at: Timestamp,
}

impl Charged {
    /// Whether this attempt, when it fails, shuts a door.
    pub(super) fn locks(&self) -> bool {
        let failures = |known: &Option<Attempts>| known.map_or(1, |known| known.failures.saturating_add(1));
        self.keys.iter().any(|(_, free, known)| failures(known) >= *free)
    }
}

impl Administrators {
    /// Counts an attempt before anything is looked at, unless the door is shut.
    pub(super) async fn charge(&self, username: &str, at: &Place) -> Result<Charged, SignInError> {
        let (device, address) = (at.device_place(), at.address_place());
        let asked: Vec<&str> = [&device, &address].into_iter().flatten().map(String::as_str).collect();
        let known = self.store.known_places(username.trim(), &asked).await?;
        let is_known = |place: &Option<String>| place.as_ref().is_some_and(|place| known.contains(place));
        let user = digest(&username.trim().to_lowercase());
        let here = (format!("user-from/{user}/{}", at.address()), PER_DOOR);
        let keys = match &device {
            Some(device) if is_known(&Some(device.clone())) => vec![(format!("{device}/{user}"), PER_DOOR)],
            _ if is_known(&address) => vec![here, of_address(at)],
            _ => vec![here, (format!("user/{user}"), PER_USER), of_address(at)],
        };
        self.charge_all(keys).await
    }

    pub(super) async fn charge_all(
        &self,
        keys: impl IntoIterator<Item = Key>,
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

    pub(super) async fn give_back(&self, charged: &Charged) -> StoreResult<()> {
        for (key, _, known) in &charged.keys {
            self.store.uncount_attempt(key, *known, charged.at).await?;
        }
        Ok(())
    }

    /// The attempt succeeded. The address's own count only gets this attempt back: otherwise someone with an account of
    /// their own could clear their guesses at other accounts.
    pub(super) async fn forget(&self, charged: &Charged) -> StoreResult<()> {
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

/// The keys of a code from someone the OpenID provider has vouched for. Guesses at the password neither lock out this way
/// of signing in nor are cleared by it.
pub(super) fn of_code(administrator: &Administrator, at: &Place) -> [Key; 2] {
    [(format!("code/{}", administrator.id), PER_DOOR), of_address(at)]
}

/// The key of someone who is signed in and confirms who they are. Only their own attempts count.
pub(super) fn of_session(administrator: &Administrator) -> Key {
    (format!("session/{}", administrator.id), PER_DOOR)
}

/// The key of an address.
pub(super) fn of_address(at: &Place) -> Key {
    (format!("{FROM}{}", at.address()), PER_ADDRESS)
}

/// What people type into the field of the username is not always their username: only this is kept.
pub(super) fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

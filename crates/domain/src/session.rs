//! A console session: who signed in, on which browser, and until when that is believed.
//!
//! The browser holds a secret; what is kept, and what stands here, is only its digest. How the secret travels is the
//! console's business.

use std::time::Duration;

use crate::{AdministratorId, EnvironmentId, Timestamp, access::ProviderAccount};

/// A session ends when nothing was asked of it for so long.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// A session ends after so long, whatever was asked of it.
pub const ABSOLUTE: Duration = Duration::from_secs(12 * 3600);
/// How long one may take from the password to the second factor.
pub const SECOND_FACTOR: Duration = Duration::from_secs(5 * 60);
/// How old the remembered time of the last request may become, so that not every request writes.
pub const TOUCH_AFTER: Duration = Duration::from_secs(60);

/// How far a sign-in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The password was right; the second factor is still to come. Opens no page.
    SecondFactor,
    /// Signed in.
    SignedIn,
}

/// Which sessions of an administrator end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every one.
    All,
    /// Every one but the one of this digest: the browser in which the change was made.
    AllBut(String),
    /// The one of this digest.
    One(String),
    /// Those that an account at the OpenID provider opened.
    OfProvider,
}

/// One browser of one administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The SHA-256 of the secret in the browser's cookie, in lower-case hexadecimal: what is kept signs nobody in.
    pub digest: String,
    /// The administrator's tenant.
    pub environment: EnvironmentId,
    /// Who signed in.
    pub administrator: AdministratorId,
    /// How far.
    pub stage: Stage,
    /// The account at the OpenID provider that vouched for them; none when they gave their password.
    pub provider: Option<ProviderAccount>,
    /// The browser, as it calls itself, so that a person recognises their sessions.
    pub agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When something was last asked of it, to the minute.
    pub seen_at: Timestamp,
}

impl Session {
    /// Whether it is still good at `now`. One that began in the future began under a clock that was ahead: who signed in
    /// does so again, as its age is not known.
    pub fn is_good(&self, now: Timestamp) -> bool {
        if self.created_at.is_of_a_clock_ahead(now) {
            return false;
        }
        let age = now.since(self.created_at);
        match self.stage {
            Stage::SecondFactor => age < SECOND_FACTOR,
            Stage::SignedIn => age < ABSOLUTE && now.since(self.seen_at) < IDLE,
        }
    }

    /// Whether it is time to remember that it was used.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.since(self.seen_at) >= TOUCH_AFTER || self.seen_at.is_of_a_clock_ahead(now)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn session(stage: Stage) -> Session {
        Session {
            digest: "ab".repeat(32),
            environment: Uuid::from_u128(1).into(),
            administrator: Uuid::from_u128(2).into(),
            stage,
            provider: None,
            agent: "a browser".into(),
            created_at: Timestamp::from_millis(0),
            seen_at: Timestamp::from_millis(0),
        }
    }

    fn minutes(minutes: u64) -> Timestamp {
        Timestamp::default().plus(Duration::from_secs(60 * minutes))
    }

    #[test]
    fn a_session_ends_after_half_an_hour_of_silence_and_after_half_a_day_in_any_case() {
        let mut used = session(Stage::SignedIn);
        assert!(used.is_good(minutes(29)));
        assert!(!used.is_good(minutes(30)));
        used.seen_at = minutes(719);
        assert!(used.is_good(minutes(719)));
        assert!(!used.is_good(minutes(720)));
    }

    #[test]
    fn a_session_of_a_clock_that_was_ahead_does_not_outlive_others() {
        let mut used = session(Stage::SignedIn);
        used.created_at = minutes(60 * 24 * 700);
        used.seen_at = used.created_at;
        assert!(!used.is_good(minutes(0)), "nobody knows how old it is");
        used.created_at = minutes(0);
        assert!(used.is_good(minutes(1)) && used.is_stale(minutes(1)), "when it was seen is written anew");
        assert!(!used.is_good(minutes(720)));
        used.created_at = Timestamp::from_millis(4_000);
        assert!(used.is_good(minutes(0)), "clocks differ by seconds");
    }

    #[test]
    fn a_sign_in_that_waits_for_its_second_factor_ends_after_five_minutes_however_busy() {
        let mut waiting = session(Stage::SecondFactor);
        waiting.seen_at = minutes(5);
        assert!(waiting.is_good(minutes(4)));
        assert!(!waiting.is_good(minutes(5)));
    }
}

//! One way to the OpenID provider and back. What is sent along follows from the secret of the visit, which only the browser
//! has: so nothing is kept, any server takes it up again, and in another browser it is worth nothing.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use usher_domain::{Secret, Timestamp};

use crate::{access::derived::derived, system::random_bytes};

/// How long one may take at the provider.
const GOOD_FOR: Duration = Duration::from_secs(10 * 60);
/// The longest address that is come back to, in bytes; whoever wanted to a longer one comes to the overview.
const LONGEST_NEXT: usize = 1000;

/// What belongs to one sign-in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Errand {
    /// Comes back with the browser: `TIME.RANDOM.NEXT.PROOF`.
    pub(crate) state: String,
    /// Comes back in the ID token.
    pub(crate) nonce: String,
    /// Proves to the provider that whoever puts the code in is who began (RFC 7636).
    pub(crate) verifier: Secret,
    /// The page to go to afterwards.
    pub(crate) next: String,
}

impl Errand {
    /// A new one, of the visit with this secret.
    pub(crate) fn begin(visit: &str, next: &str, now: Timestamp) -> Errand {
        let next = if next.len() > LONGEST_NEXT { "" } else { next };
        let random = URL_SAFE_NO_PAD.encode(random_bytes::<12>());
        let label = format!("{}.{random}.{}", now.as_millis(), URL_SAFE_NO_PAD.encode(next));
        Errand::of(visit, &label, next.to_owned())
    }

    /// The one that this state belongs to, if it was begun in this visit, and not too long ago.
    pub(crate) fn resume(visit: &str, state: &str, now: Timestamp) -> Option<Errand> {
        let (label, _) = state.rsplit_once('.')?;
        let mut parts = label.split('.');
        let (began, _, next) = (parts.next()?, parts.next()?, parts.next()?);
        let began = Timestamp::from_millis(began.parse().ok()?);
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        let errand = Errand::of(visit, label, next);
        let same =
            aws_lc_rs::constant_time::verify_slices_are_equal(state.as_bytes(), errand.state.as_bytes());
        (same.is_ok() && now.since(began) < GOOD_FOR).then_some(errand)
    }

    fn of(visit: &str, label: &str, next: String) -> Errand {
        let token = |what: &str| derived(&format!("openid {what} {label}"), visit);
        Errand {
            state: format!("{label}.{}", token("state")),
            nonce: token("nonce"),
            verifier: Secret::new(token("verifier")),
            next,
        }
    }

    /// What the provider is shown of the verifier: its SHA-256 (`S256`).
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + 1000 * seconds)
    }

    #[test]
    fn an_errand_is_taken_up_again_in_the_visit_that_began_it_for_ten_minutes() {
        let errand = Errand::begin("ours", "/console/users?q=ä.b", at(0));
        assert_eq!(errand.next, "/console/users?q=ä.b");
        let again = |visit: &str, seconds: i64| Errand::resume(visit, &errand.state, at(seconds));
        assert_eq!(again("ours", 599).as_ref(), Some(&errand));
        assert_eq!(again("ours", 600), None);
        assert_eq!(again("theirs", 0), None);
        assert_ne!(Errand::begin("ours", "", at(0)).state, Errand::begin("ours", "", at(0)).state);
        // RFC 7636 wants 43 to 128 letters.
        assert_eq!(errand.verifier.expose().len(), 43);
    }

    #[test]
    fn a_state_that_was_touched_is_nobodys() {
        let errand = Errand::begin("ours", "/console", at(0));
        let parts: Vec<&str> = errand.state.split('.').collect();
        let elsewhere = URL_SAFE_NO_PAD.encode("/console/settings");
        let later = at(60).as_millis().to_string();
        for touched in [
            format!("{}.{}.{elsewhere}.{}", parts[0], parts[1], parts[3]),
            format!("{later}.{}.{}.{}", parts[1], parts[2], parts[3]),
            parts[..3].join("."),
            format!("{}.{}", errand.state, parts[3]),
            "...".into(),
            String::new(),
        ] {
            assert_eq!(Errand::resume("ours", &touched, at(0)), None, "{touched}");
        }
    }

    #[test]
    fn where_to_go_afterwards_is_left_out_when_it_is_too_long_to_be_sent_along() {
        assert_eq!(Errand::begin("ours", &"x".repeat(1001), at(0)).next, "");
    }
}

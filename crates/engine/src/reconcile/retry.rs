//! How long to wait before a subject is looked at again. A subject that fails and fails never blocks the others:
//! it waits by itself, longer each time.

use std::time::Duration;

use usher_domain::reconcile::scope::Subject;

/// The waits. Each doubles with the attempts in a row that did not succeed, up to `longest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// After a refusal.
    pub first: Duration,
    /// When the remote side must move first (an invitation must be accepted, a licence be bought).
    pub waiting: Duration,
    /// No wait is longer, jitter aside.
    pub longest: Duration,
    /// After the remote system was busy and named a shorter wait, or none.
    pub busy: Duration,
    /// After the remote system as a whole answered nonsense or not in full.
    pub broken_answer: Duration,
    /// While rule, plan or connection are switched off or broken: how often to see whether they still are. Switching
    /// them on makes everything due at once, so this is only a net.
    pub asleep: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            first: Duration::from_secs(30),
            waiting: Duration::from_secs(15 * 60),
            longest: Duration::from_secs(6 * 3600),
            busy: Duration::from_secs(5),
            broken_answer: Duration::from_secs(60),
            asleep: Duration::from_secs(5 * 60),
        }
    }
}

impl Retry {
    /// The wait after so many attempts in a row (from 1) that did not succeed.
    pub fn after(&self, base: Duration, subject: Subject, attempts: u32) -> Duration {
        let doubled = base.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(self.longest);
        doubled.saturating_add(jitter(doubled, subject, attempts))
    }
}

/// Up to a quarter of the wait, so that many who failed together do not come back together. It follows from who it
/// is and how often they tried, so that no source of randomness is needed.
fn jitter(wait: Duration, subject: Subject, attempts: u32) -> Duration {
    let (Subject::User(usher_domain::UserId(id)) | Subject::Group(usher_domain::GroupId(id))) = subject;
    let bits = id.as_u128();
    let mixed = ((bits ^ (bits >> 64)) as u64 ^ u64::from(attempts)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let share = u32::try_from(mixed >> 48).unwrap_or(0);
    (wait / 4).mul_f64(f64::from(share) / 65_536.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use usher_domain::UserId;
    use uuid::Uuid;

    #[test]
    fn waits_double_up_to_six_hours_and_differ_between_people() {
        let retry = Retry::default();
        let ada = Subject::User(UserId(Uuid::from_u128(1)));
        let waits: Vec<u64> = [1, 2, 3, 11, 200].map(|n| retry.after(retry.first, ada, n).as_secs()).to_vec();
        for (wait, least) in waits.iter().zip([30, 60, 120, 21_600, 21_600]) {
            assert!((least..=least + least / 4).contains(wait), "{wait} is not {least} and up to a quarter");
        }
        let people = (0..100).map(|n| retry.after(retry.first, Subject::User(UserId(Uuid::from_u128(n))), 5));
        let different: std::collections::BTreeSet<Duration> = people.collect();
        assert!(different.len() > 90, "only {} different waits", different.len());
    }
}

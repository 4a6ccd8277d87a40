//! The one place that asks the machine: what time is it, a fresh id, random bytes.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use usher_domain::{Clock, Ids, Secret, Timestamp};
use uuid::Uuid;

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_datetime(chrono::Utc::now())
    }
}

/// UUIDs of version 7: they rise with time, so listings in id order are listings in creation order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this is the source of ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A secret that cannot be guessed: 32 random bytes, as base64url.
pub(crate) fn random_secret() -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
}

/// A key to sign deliveries with: 32 random bytes, in base64 as Standard Webhooks writes them.
pub(crate) fn random_signing_secret() -> Secret {
    Secret::new(STANDARD.encode(random_bytes::<32>()))
}

/// Random bytes, from the system's generator.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    rand::RngExt::random(&mut rand::rng())
}

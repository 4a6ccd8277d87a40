//! Every id its own type, so that a group's id never fits where a user's is wanted.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// Printed, parsed and stored as a lower-case UUID.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The UUID itself, for storage.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map($name)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                $name(id)
            }
        }
    )*};
}

/// An id that follows from these texts, always the same one: a UUID of version 8 (RFC 9562 §5.8), made of SHA-256.
pub fn derived(texts: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.finalize()) {
        *byte = hashed;
    }
    let custom = uuid::Builder::from_bytes(bytes).with_version(uuid::Version::Custom);
    custom.with_variant(uuid::Variant::RFC4122).into_uuid()
}

ids! {
    /// A tenant: its own directory, connections, rules and keys of access.
    EnvironmentId;
    /// Where a user lives in the directory.
    PopulationId;
    /// A person in the directory.
    UserId;
    /// A group in the directory.
    GroupId;
    /// One configured remote system, or the directory itself (the API calls it a *store*).
    ConnectionId;
    /// The one plan of an environment, which holds its rules.
    PlanId;
    /// One direction between the directory and a connection.
    RuleId;
    /// One attribute's way from source to target.
    MappingId;
    /// A snapshot of plan, connections, rules and mappings.
    RevisionId;
    /// One reconciliation of one rule.
    RunId;
    /// A worker client of the API.
    ClientId;
    /// An administrator of the console.
    AdministratorId;
    /// One audit event.
    EventId;
    /// One subscription: audit events that are delivered to a webhook.
    SubscriptionId;
}

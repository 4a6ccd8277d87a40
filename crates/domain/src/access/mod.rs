//! Who may call: worker clients and administrators, and the roles they have (names as in PingOne).
//!
//! How they are made and changed stands in [`client`] and [`administrator`], which share the laws of [`roles`]; which
//! key signs is said by [`keys`], and how long a door stays shut after failures by [`lockout`]. No hash is computed and
//! no randomness drawn here: hashes and secrets come in as arguments.

pub mod administrator;
pub mod client;
mod events;
pub mod keys;
pub mod lockout;
pub mod recovery;
pub mod refused;
pub mod roles;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AdministratorId, ClientId, EnvironmentId, Secret, Timestamp};

/// A role. A caller has any number of them, all within one environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Environments, populations, provisioning.
    #[serde(rename = "Environment Admin")]
    EnvironmentAdmin,
    /// Users and groups.
    #[serde(rename = "Identity Data Admin")]
    IdentityDataAdmin,
    /// Users and groups, reading only.
    #[serde(rename = "Identity Data Read Only")]
    IdentityDataReadOnly,
    /// Environments, populations, provisioning, reading only.
    #[serde(rename = "Configuration Read Only")]
    ConfigurationReadOnly,
    /// Approving and cancelling held runs.
    #[serde(rename = "Sync Approver")]
    SyncApprover,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] = [
        Role::EnvironmentAdmin,
        Role::IdentityDataAdmin,
        Role::IdentityDataReadOnly,
        Role::ConfigurationReadOnly,
        Role::SyncApprover,
    ];

    /// The role's name, as PingOne has it.
    pub fn name(self) -> &'static str {
        match self {
            Role::EnvironmentAdmin => "Environment Admin",
            Role::IdentityDataAdmin => "Identity Data Admin",
            Role::IdentityDataReadOnly => "Identity Data Read Only",
            Role::ConfigurationReadOnly => "Configuration Read Only",
            Role::SyncApprover => "Sync Approver",
        }
    }
}

/// A client of the API (`client_credentials`).
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerClient {
    /// Its id: the OAuth client id.
    pub id: ClientId,
    /// Its tenant; its tokens are good for nothing else.
    pub environment: EnvironmentId,
    /// Its name, for the audit.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The hash of its secret (argon2id, PHC string).
    pub secret_hash: String,
    /// The secret before this one, while it may still be used.
    pub old_secret: Option<OldSecret>,
    /// Only access tokens with this number are valid; raising it voids earlier ones.
    pub token_generation: i64,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Whether it gets tokens.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
}

/// A secret that was replaced, and lives on for an overlap, so that whoever uses the client can be told the new one.
#[derive(Clone, Debug, PartialEq)]
pub struct OldSecret {
    /// Its hash (argon2id, PHC string).
    pub hash: String,
    /// From then on it is good for nothing.
    pub until: Timestamp,
}

impl OldSecret {
    /// Whether it may still be used.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.until.is_to_come(now, client::LONGEST_OVERLAP)
    }
}

/// An administrator of the console.
#[derive(Clone, Debug, PartialEq)]
pub struct Administrator {
    /// Their id.
    pub id: AdministratorId,
    /// Their tenant.
    pub environment: EnvironmentId,
    /// What they sign in with, unique without regard to case.
    pub username: String,
    /// The hash of their password (argon2id, PHC string).
    pub password_hash: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Whether they may sign in.
    pub enabled: bool,
    /// Their second factor, once they asked for one.
    pub totp: Option<Totp>,
    /// Their account at the OpenID provider, since they first signed in by it.
    pub provider: Option<ProviderAccount>,
    /// When they were made.
    pub created_at: Timestamp,
    /// When they were changed last.
    pub updated_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
}

/// A second factor: time-based one-time passwords (RFC 6238); sealed at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Totp {
    /// The shared secret, base32.
    pub secret: Secret,
    /// Whether a code was shown to come from it; before that it is not asked for.
    pub confirmed: bool,
}

/// An account at an OpenID provider, by what never changes and is never given to anybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderAccount {
    /// The provider: its tokens' `iss`.
    pub issuer: String,
    /// The account there: its tokens' `sub`.
    pub subject: String,
}

/// Sign-ins that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// How many in a row.
    pub failures: u32,
    /// The last of them.
    pub last_at: Timestamp,
}

/// A key that signs access tokens; sealed at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct SigningKey {
    /// The `kid` of its tokens.
    pub id: Uuid,
    /// 32 random bytes, base64url.
    pub key: Secret,
    /// When it was made; the newest signs, all verify.
    pub created_at: Timestamp,
}

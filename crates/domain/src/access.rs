//! Who may call: worker clients and administrators, and the roles they have (names as in PingOne, API.md §3).

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
    /// The hash of its secret (argon2id, PHC string).
    pub secret_hash: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Whether it gets tokens.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
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
    /// When they were made.
    pub created_at: Timestamp,
    /// Rises by one with each change.
    pub version: i64,
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

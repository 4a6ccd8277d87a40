//! One group of the team.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Who manages a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub enum ManagementType {
    /// Its owners.
    UserManaged,
    /// Administrators only.
    CompanyManaged,
    /// Dropbox itself.
    SystemManaged,
}

/// What a member may do in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub enum AccessType {
    /// Be in it.
    Member,
    /// Manage it.
    Owner,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// `g:` and 32 hexadecimal digits; never changes.
    pub group_id: String,
    /// Its name.
    pub name: String,
    /// What a provisioner knows it by.
    pub external_id: Option<String>,
    /// Who manages it.
    pub management_type: ManagementType,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// Positions of its members. Nobody is kept here for the system-managed group: everyone on the team is in it.
    pub(crate) members: BTreeMap<usize, AccessType>,
}

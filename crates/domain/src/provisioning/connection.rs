//! A connection: one configured remote system. The API calls it a *store*, as PingOne does.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ConnectionId, EnvironmentId, Problem, Secret, Timestamp, reconcile::snapshot::AccountId};

/// What kind of system it is. Compared without regard to case; kinds of PingOne that Usher cannot drive are kept
/// as they are, so that clients can hold them, but no rule runs on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionKind {
    /// The directory itself; present in every environment, cannot be deleted.
    Directory,
    /// A Dropbox team.
    Dropbox,
    /// Something else, of [`KEPT_KINDS`] unless an earlier version took it.
    Other(String),
}

/// The other types of stores that PingOne has. Usher keeps a store of one of these, so that a configuration written for
/// PingOne can be brought over whole, but drives none.
pub const KEPT_KINDS: [&str; 13] = [
    "Aquera",
    "AzureADSAMLV2",
    "GitHubEMU",
    "GoogleApps",
    "LDAPGateway",
    "PingOne",
    "SCIM",
    "Salesforce",
    "SalesforceContacts",
    "ServiceNow",
    "Slack",
    "Workday",
    "Zoom",
];

impl ConnectionKind {
    /// The kind of this name, in any case; `None` if there is none.
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("directory") {
            Some(ConnectionKind::Directory)
        } else if name.eq_ignore_ascii_case("dropbox") {
            Some(ConnectionKind::Dropbox)
        } else {
            let kept = KEPT_KINDS.iter().find(|kind| kind.eq_ignore_ascii_case(name))?;
            Some(ConnectionKind::Other((*kept).to_owned()))
        }
    }

    /// What a new connection may be, as it follows on "must be".
    pub fn allowed() -> String {
        format!("`Dropbox`; PingOne's other types ({}) are kept, but not driven", KEPT_KINDS.join(", "))
    }

    /// Its name, as the API spells it.
    pub fn name(&self) -> &str {
        match self {
            ConnectionKind::Directory => "directory",
            ConnectionKind::Dropbox => "Dropbox",
            ConnectionKind::Other(name) => name,
        }
    }
}

/// One configured remote system.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Its tenant.
    pub environment: EnvironmentId,
    /// What it is.
    pub kind: ConnectionKind,
    /// Its name.
    pub name: String,
    /// What people say of it.
    pub description: Option<String>,
    /// The toggle.
    pub active: bool,
    /// *Deprovision on rule deletion*.
    pub managed: bool,
    /// Its settings but for the secrets, as given, keys `UPPER_SNAKE`.
    pub configuration: BTreeMap<String, Value>,
    /// Its secrets by key; sealed at rest.
    pub secrets: BTreeMap<String, Secret>,
    /// What its last test, or the last call's refusal, said.
    pub health: Health,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by a person.
    pub updated_at: Timestamp,
    /// Rises by one with each change; a change names the one it was made from.
    pub version: i64,
}

/// Whether a connection can be used.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "health", rename_all = "UPPERCASE", rename_all_fields = "camelCase")]
pub enum Health {
    /// Never tested since its settings changed.
    #[default]
    Untested,
    /// The last test succeeded.
    Valid {
        /// When.
        at: Timestamp,
        /// The team's name.
        team: String,
        /// The account whose authorisation it uses.
        own_account: AccountId,
        /// That account's e-mail.
        own_email: String,
    },
    /// The last test failed, or the remote system withdrew the authorisation: no rule on it runs.
    Broken {
        /// When.
        at: Timestamp,
        /// Why, and what to do.
        problem: Problem,
    },
}

/// What deprovisioning does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RemoveAction {
    /// Suspend.
    Disable,
    /// Remove from the team.
    Delete,
}

/// What a matching account with someone else's external id means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForeignExternalId {
    /// Reported, left alone.
    Fail,
    /// Linked; the external id stays.
    Keep,
    /// Linked; the external id becomes ours.
    Overwrite,
}

/// Whom a group's sync takes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MembershipHandling {
    /// Only whom Usher put in.
    Merge,
    /// Everyone who is not a member in the directory.
    Overwrite,
}

/// What a same-named company-managed group means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NameConflict {
    /// It is ours from now on.
    Adopt,
    /// Reported, left alone.
    Fail,
}

/// What a connection allows: the part of its settings that planning reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// CREATE_USERS
    pub create: bool,
    /// UPDATE_USERS
    pub update: bool,
    /// DISABLE_USERS (and UPDATE_USERS)
    pub disable: bool,
    /// DEPROVISION_USERS
    pub deprovision: bool,
    /// REMOVE_ACTION
    pub remove_action: RemoveAction,
    /// REMOVE_AFTER_DAYS
    pub remove_after_days: u32,
    /// UNDO_REMOTE_SUSPENSION
    pub undo_remote_suspension: bool,
    /// FOREIGN_EXTERNAL_ID
    pub foreign_external_id: ForeignExternalId,
    /// GROUP_MEMBERSHIP_HANDLING
    pub memberships: MembershipHandling,
    /// GROUP_NAME_CONFLICT
    pub group_name_conflict: NameConflict,
    /// PROTECTED_EMAILS, lower-cased
    pub protected: BTreeSet<Box<str>>,
    /// What taking away does beside taking away, in words (see [`DropboxAccess::manner`]); empty when it does nothing
    /// beside. Part of what is approved.
    pub manner: Box<str>,
}

impl Default for Policy {
    /// The defaults of API.md §4.
    fn default() -> Self {
        Policy {
            create: true,
            update: true,
            disable: true,
            deprovision: false,
            remove_action: RemoveAction::Disable,
            remove_after_days: 0,
            undo_remote_suspension: false,
            foreign_external_id: ForeignExternalId::Fail,
            memberships: MembershipHandling::Merge,
            group_name_conflict: NameConflict::Adopt,
            protected: BTreeSet::new(),
            manner: Box::default(),
        }
    }
}

/// How to reach the team and how its calls are made: the part of its settings that the connector reads.
#[derive(Clone, Debug, PartialEq)]
pub struct DropboxAccess {
    /// BASE_URL, without a trailing slash.
    pub base_url: String,
    /// OAUTH_TOKEN_URL
    pub token_url: String,
    /// OAUTH_CLIENT_ID
    pub client_id: String,
    /// OAUTH_CLIENT_SECRET
    pub client_secret: Secret,
    /// OAUTH_REFRESH_TOKEN
    pub refresh_token: Secret,
    /// SEND_WELCOME_EMAIL
    pub send_welcome_email: bool,
    /// WIPE_DATA
    pub wipe_data: bool,
    /// KEEP_ACCOUNT
    pub keep_account: bool,
    /// TRANSFER_DEST_EMAIL
    pub transfer_dest_email: Option<String>,
    /// TRANSFER_ADMIN_EMAIL
    pub transfer_admin_email: Option<String>,
    /// MAX_CALLS_PER_SECOND; 0 is no ceiling.
    pub max_calls_per_second: u32,
    /// MAX_IN_FLIGHT
    pub max_in_flight: u32,
    /// MAX_MEMBERS_PER_CALL
    pub max_members_per_call: u32,
}

impl DropboxAccess {
    /// What a suspension or a removal does to devices, accounts and files beside taking the seat away, in words. Empty
    /// when it does nothing to them: devices are not wiped, and files stay in the team's admin console.
    pub fn manner(&self) -> String {
        let mut words = Vec::new();
        if self.wipe_data {
            words.push("Linked devices are wiped.".to_owned());
        }
        if self.keep_account {
            words.push("Removed people keep their account, as one of their own.".to_owned());
        }
        if let Some(heir) = &self.transfer_dest_email {
            let by = self.transfer_admin_email.as_deref().unwrap_or("nobody");
            words.push(format!("Files of removed people go to {heir}; {by} is told if that fails."));
        }
        words.join(" ")
    }
}

/// The settings of a Dropbox connection, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct DropboxSettings {
    /// What it allows.
    pub policy: Policy,
    /// How to reach it.
    pub access: DropboxAccess,
}

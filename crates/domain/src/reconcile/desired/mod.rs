//! What should be at the remote side, as the directory and the rule say it.
//!
//! `mappings` turns a user into mapped values, `build` puts the users and groups of a rule together.

mod build;
mod mappings;
#[cfg(test)]
mod tests;

pub use build::Builder;
pub(super) use mappings::means_enabled;
pub use mappings::{CompiledMappings, Mapped};

use crate::{GroupId, Problem, UserId};

use super::{
    attributes::{AttributeMask, AttributeSet},
    scope::Scope,
};

/// What should be. Made from the directory through the rule's filter and mappings; knows nothing of what is.
#[derive(Clone, Debug)]
pub struct Desired {
    /// What it covers; the same as the snapshot's.
    pub scope: Scope,
    /// The users of the rule, sorted by user.
    pub accounts: Vec<DesiredAccount>,
    /// The groups of the rule, sorted by group. Under any scope these are all of them, so that memberships can
    /// be named; only those in scope are created, renamed or deleted.
    pub groups: Vec<DesiredGroup>,
    /// The attributes that the rule maps: the others are left as they are.
    pub mapped: AttributeMask,
}

/// A user of the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredAccount {
    /// Who.
    pub user: UserId,
    /// Enabled in the directory (or as the mapping to `status` says).
    pub enabled: bool,
    /// The mapped values; the e-mail is lower-cased.
    pub attributes: AttributeSet,
    /// The rule's groups that the user is a member of, directly or through nesting: indices into
    /// [`Desired::groups`], sorted.
    pub groups: Box<[u32]>,
    /// A mapping could not be evaluated for this user: they are `Failed`, and nothing is planned for them.
    pub fault: Option<Box<Problem>>,
}

/// A group of the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredGroup {
    /// Which.
    pub group: GroupId,
    /// Its name.
    pub name: Box<str>,
}

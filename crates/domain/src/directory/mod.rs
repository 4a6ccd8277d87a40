//! Who people are: environments, populations, users, groups, memberships; and how they change.
//!
//! The directory knows nothing of reconciling. A change becomes a [`change::ChangeSet`] and nothing else; what is
//! due because of it is decided by the floor above.

pub mod audit;
pub mod change;
pub mod commands;
pub mod email;
pub mod environment;
pub mod filter;
pub mod group;
pub mod memberships;
pub mod population;
pub mod user;
pub mod view;

//! Connections, rules and mappings: what an administrator configures.

pub mod commands;
pub mod connection;
pub mod dropbox_settings;
pub mod expression;
pub mod mapping;
pub mod onboarding;
pub mod rule;
pub mod schedule;

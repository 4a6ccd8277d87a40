//! The one door for writes, over a real database.

mod groups;
mod import;
mod provisioning;
mod users;
mod world;

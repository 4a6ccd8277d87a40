//! Who is calling, and may they: passwords and client secrets, access tokens, permissions.

pub(crate) mod password;
pub(crate) mod permission;
pub(crate) mod token;

//! Who is calling, and may they: passwords and client secrets, second factors, access tokens, permissions, and how long
//! a door stays shut. Administrators sign in through [`administrators`]; their sessions are the console's.

#[allow(dead_code, reason = "the pages of the console are its callers")]
pub(crate) mod administrators;
pub(crate) mod failures;
pub(crate) mod password;
pub(crate) mod permission;
pub(crate) mod rates;
pub(crate) mod source;
pub(crate) mod token;
#[allow(dead_code, reason = "administrators are its callers")]
pub(crate) mod totp;
pub(crate) mod upkeep;

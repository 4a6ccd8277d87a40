//! Who is calling, and may they: passwords and client secrets, second factors, access tokens, permissions, and how long
//! a door stays shut. Administrators sign in through [`administrators`]; their sessions are the console's.

pub(crate) mod administrators;
pub(crate) mod derived;
pub(crate) mod failures;
pub(crate) mod guesses;
pub(crate) mod openid;
pub(crate) mod password;
pub(crate) mod people;
pub(crate) mod permission;
pub(crate) mod rates;
pub(crate) mod source;
pub(crate) mod token;
pub(crate) mod totp;
pub(crate) mod upkeep;

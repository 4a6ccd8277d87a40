//! A secret in memory: it never prints, and is wiped when dropped. At rest it is sealed by the store.

use std::fmt;

use serde::Serializer;
use zeroize::Zeroizing;

/// What the API answers in place of a secret, and accepts back as "the one you have".
pub const MASK: &str = "********";

/// A password, token or client secret. `Debug`, `Display` and `Serialize` all give [`MASK`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(Zeroizing::new(text.into()))
    }

    /// The secret itself. Every caller is a place to look at when a secret leaks: seal, send, compare; never print.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

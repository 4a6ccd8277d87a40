//! Tokens that follow from a secret which only one browser has: nothing needs to be kept to know them again.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// A token for one purpose; tells nothing of the secret, nor of the token for another purpose.
pub(crate) fn derived(purpose: &str, secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{purpose}\n{secret}").as_bytes()))
}

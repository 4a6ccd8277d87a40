//! The arithmetic of second factors: time-based one-time passwords (RFC 6238: SHA-1, 6 digits, 30 seconds, which is what
//! authenticator apps speak) and recovery codes. Whether a code was used before is the store's to say.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Totp};
use usher_domain::{Secret, Timestamp};

use crate::system::random_bytes;

/// How many recovery codes are given out.
const RECOVERY_CODES: usize = 10;

/// A new shared secret, base32.
pub(crate) fn new_secret() -> Secret {
    Secret::new(totp_rs::Secret::from(random_bytes::<20>()).to_base32())
}

/// What an authenticator app reads, as a QR code or a link.
pub(crate) fn uri(username: &str, secret: &Secret) -> Secret {
    let name = utf8_percent_encode(username, NON_ALPHANUMERIC);
    Secret::new(format!(
        "otpauth://totp/Usher:{name}?secret={}&issuer=Usher&algorithm=SHA1&digits=6&period=30",
        secret.expose()
    ))
}

/// The time step that a code belongs to, if it is one of this secret's by now: the present one, the one before or the next.
pub(crate) fn step(secret: &Secret, code: &str, now: Timestamp) -> Option<u64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = u64::try_from(now.as_millis() / 1000).ok()?;
    totp(secret)?.check(&code, seconds)
}

fn totp(secret: &Secret) -> Option<Totp> {
    let secret = totp_rs::Secret::try_from_base32(secret.expose()).ok()?;
    Builder::new().with_secret(secret).build().ok()
}

/// New recovery codes: 80 random bits each.
pub(crate) fn recovery_codes() -> Vec<Secret> {
    let code = |_| {
        let text = totp_rs::Secret::from(random_bytes::<10>()).to_base32();
        let parts: Vec<&str> =
            [0..4, 4..8, 8..12, 12..16].into_iter().filter_map(|part| text.get(part)).collect();
        Secret::new(parts.join("-"))
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// What is kept of a recovery code. It is random and long, so that a plain digest cannot be turned back.
pub(crate) fn recovery_hash(code: &str) -> String {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    URL_SAFE_NO_PAD.encode(Sha256::digest(plain.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// RFC 6238, appendix B (SHA-1), of whose eight digits apps show the last six.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = Secret::new(totp_rs::Secret::from(*b"12345678901234567890").to_base32());
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let now = Timestamp::from_millis(seconds * 1000);
            let step = step(&secret, &code[2..], now);
            assert_eq!(step, u64::try_from(seconds / 30).ok(), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_a_step_early_or_late_and_no_longer() {
        let secret = new_secret();
        let now = Timestamp::from_millis(1_800_000_015_000);
        let code = totp(&secret).unwrap().generate(1_800_000_015).to_string();
        let code = format!("{code:0>6}");
        let at = |later| step(&secret, &code, now.plus(Duration::from_secs(later)));
        assert!(at(0).is_some() && at(30) == at(0));
        assert_eq!(at(90), None);
        assert_eq!(step(&secret, &format!(" {} {} ", &code[..3], &code[3..]), now), at(0));
        for not_a_code in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(step(&secret, not_a_code, now), None, "{not_a_code}");
        }
    }

    #[test]
    fn recovery_codes_differ_and_are_read_however_they_are_typed() {
        let codes = recovery_codes();
        assert_eq!(codes.len(), 10);
        let hashes: std::collections::BTreeSet<_> =
            codes.iter().map(|code| recovery_hash(code.expose())).collect();
        assert_eq!(hashes.len(), 10);
        let typed = codes[0].expose().to_lowercase().replace('-', " ");
        assert_eq!(recovery_hash(&typed), recovery_hash(codes[0].expose()));
    }

    #[test]
    fn an_app_reads_the_address() {
        let uri = uri("ada@example.com", &Secret::new("ABC"));
        assert_eq!(
            uri.expose(),
            "otpauth://totp/Usher:ada%40example%2Ecom?secret=ABC&issuer=Usher&algorithm=SHA1&digits=6&period=30"
        );
    }
}

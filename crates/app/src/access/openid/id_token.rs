//! What an ID token must say to be believed (OpenID Connect Core 1.0, 3.1.3.7), and whom it is about. Pure: keys and time
//! come in as arguments.

use jsonwebtoken::{
    Algorithm, DecodingKey, Header, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;
use usher_domain::{Secret, Timestamp, access::ProviderAccount};

/// How far the provider's clock may be from ours, in seconds.
const LEEWAY: f64 = 60.0;
/// How old a token may be when it arrives, in seconds: as long as one may take at the provider.
const OLDEST: f64 = 600.0;
/// The longest `sub`, in bytes; the standard allows 255 letters.
const LONGEST_SUBJECT: usize = 1020;

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
}

/// Whom the provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) account: ProviderAccount,
    /// Their address, whether or not it is verified.
    pub(crate) email: Option<String>,
    /// Whether the provider says that the address is theirs.
    pub(crate) email_verified: bool,
    /// Whether they showed more than one factor there (`amr` has `mfa`).
    pub(crate) mfa: bool,
}

/// Why a token is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Disbelief {
    /// It may be signed by a key that is newer than those at hand.
    #[error("none of the provider's keys fits the token (kid {0})")]
    UnknownKey(String),
    /// Whatever else.
    #[error("{0}")]
    Because(String),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    #[serde(flatten)]
    about: About,
    #[serde(default)]
    amr: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// What is said of the person, in a token or by the user info endpoint.
#[derive(Deserialize)]
struct About {
    email: Option<String>,
    /// A boolean; some providers write it as text.
    email_verified: Option<Value>,
}

impl About {
    fn verified(&self) -> bool {
        match &self.email_verified {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(verified)) => verified == "true",
            _ => false,
        }
    }
}

/// Whom the token is about, if it is signed by one of these keys (a JWK set) and says what it must.
pub(crate) fn believe(
    token: &Secret,
    keys: &Value,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<Identity, Disbelief> {
    let because = |why: &str| Err(Disbelief::Because(why.to_owned()));
    // Of `none` and whatever else is no algorithm of JWS, the header cannot even be read.
    let header = jsonwebtoken::decode_header(token.expose())
        .map_err(|error| Disbelief::Because(format!("its header cannot be read: {error}")))?;
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
        return because(&format!("it is signed by {:?}; only RS256, ES256 and EdDSA count", header.alg));
    }
    let mut validation = Validation::new(header.alg);
    // The library would read the system's clock, and accept any of several audiences: both are looked at below.
    validation.validate_exp = false;
    validation.validate_aud = false;
    let fitting = keys.get("keys").and_then(Value::as_array).into_iter().flatten();
    let fitting = fitting.filter_map(|key| Jwk::deserialize(key).ok()).filter(|key| fits(key, &header));
    let mut read = Err(Disbelief::UnknownKey(header.kid.clone().unwrap_or_else(|| "none".into())));
    for key in fitting {
        read = DecodingKey::from_jwk(&key)
            .and_then(|key| jsonwebtoken::decode::<Claims>(token.expose(), &key, &validation))
            .map_err(|error| Disbelief::Because(format!("it is not good: {error}")));
        if read.is_ok() {
            break;
        }
    }
    let claims = read?.claims;
    let seconds = now.as_millis() as f64 / 1000.0;
    if claims.iss != expected.issuer {
        return because(&format!("it is of another issuer (iss {})", claims.iss));
    }
    let (ours, several) = match &claims.aud {
        Audience::One(one) => (one == expected.client_id, false),
        Audience::Many(all) => (all.iter().any(|one| one == expected.client_id), all.len() > 1),
    };
    if !ours {
        return because("it is for another client (aud)");
    }
    match &claims.azp {
        Some(party) if party != expected.client_id => return because("it was given to another client (azp)"),
        None if several => {
            return because("it is for several clients (aud) and says not which one it was given to (azp)");
        }
        _ => {}
    }
    if claims.exp + LEEWAY <= seconds {
        return because("it has expired (exp)");
    }
    if claims.iat - LEEWAY > seconds {
        return because("it was issued in the future (iat)");
    }
    if claims.iat + OLDEST + LEEWAY <= seconds {
        return because("it was issued too long ago (iat)");
    }
    if claims.nbf.is_some_and(|from| from - LEEWAY > seconds) {
        return because("it is not good yet (nbf)");
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return because("it belongs to another sign-in (nonce)");
    }
    if claims.sub.is_empty() || claims.sub.len() > LONGEST_SUBJECT {
        return because("it does not say whom it is about (sub)");
    }
    Ok(Identity {
        email_verified: claims.about.verified(),
        email: claims.about.email.filter(|email| !email.is_empty()),
        mfa: claims.amr.as_array().is_some_and(|all| all.iter().any(|method| method == "mfa")),
        account: ProviderAccount { issuer: claims.iss, subject: claims.sub },
    })
}

/// Adds what the user info endpoint says, for a provider whose tokens have no address.
pub(crate) fn complete(identity: Identity, userinfo: &Value) -> Result<Identity, Disbelief> {
    let because = |why: &str| Disbelief::Because(format!("its user info {why}"));
    if userinfo.get("sub").and_then(Value::as_str) != Some(&identity.account.subject) {
        return Err(because("is about somebody else (sub)"));
    }
    let about = About::deserialize(userinfo).map_err(|_| because("is not as it should be"))?;
    // The word on an address is that of whoever names it.
    match (about.verified(), about.email) {
        (email_verified, Some(email)) => Ok(Identity { email: Some(email), email_verified, ..identity }),
        (_, None) => Ok(identity),
    }
}

/// Whether a key may have signed a token with that header: by its name, its kind, and what it is for.
fn fits(key: &Jwk, header: &Header) -> bool {
    let kind = match (&key.algorithm, header.alg) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256) => true,
        (AlgorithmParameters::EllipticCurve(it), Algorithm::ES256) => it.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(it), Algorithm::EdDSA) => it.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let named = header.kid.is_none() || key.common.key_id == header.kid;
    let signs = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    kind && named && signs
}

#[cfg(test)]
mod tests;

//! Access tokens: JWTs signed with a key from the database, good for one client in one environment for an hour.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use usher_domain::{ClientId, EnvironmentId, Secret, Timestamp, access::SigningKey};
use uuid::Uuid;

/// How long a token is good.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3600);

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: ClientId,
    env: EnvironmentId,
    /// Seconds since the epoch.
    iat: i64,
    /// Seconds since the epoch.
    exp: i64,
    jti: Uuid,
}

/// Whose token it is. What they may do is looked up afresh, so that a role taken away is gone at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// The client.
    pub(crate) client: ClientId,
    /// The environment it is good for.
    pub(crate) environment: EnvironmentId,
}

/// Signs and verifies; holds the keys of the database in memory.
pub(crate) struct Tokens {
    keys: Vec<(Uuid, Secret)>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({} keys)", self.keys.len())
    }
}

impl Tokens {
    /// The newest key first; it signs, all verify.
    pub(crate) fn new(keys: Vec<SigningKey>) -> Self {
        Tokens { keys: keys.into_iter().map(|key| (key.id, key.key)).collect() }
    }

    /// A token for that bearer, or `None` without any key.
    pub(crate) fn sign(&self, bearer: Bearer, now: Timestamp, id: Uuid) -> Option<String> {
        let (kid, key) = self.keys.first()?;
        let header = Header { kid: Some(kid.to_string()), ..Header::new(Algorithm::HS256) };
        let claims = Claims {
            iss: format!("usher/{}", bearer.environment),
            sub: bearer.client,
            env: bearer.environment,
            iat: now.as_millis() / 1000,
            exp: now.plus(LIFETIME).as_millis() / 1000,
            jti: id,
        };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(key.expose().as_bytes())).ok()
    }

    /// Whose token this is, if it is one of ours and not expired at `now`.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Option<Bearer> {
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let (_, key) = self.keys.iter().find(|(id, _)| id.to_string() == kid)?;
        let mut validation = Validation::new(Algorithm::HS256);
        // The library would read the system's clock; expiry is checked below against ours.
        validation.validate_exp = false;
        let key = DecodingKey::from_secret(key.expose().as_bytes());
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).ok()?.claims;
        let good = claims.exp > now.as_millis() / 1000 && claims.iss == format!("usher/{}", claims.env);
        good.then_some(Bearer { client: claims.sub, environment: claims.env })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(secret: &str) -> Tokens {
        let key =
            SigningKey { id: Uuid::from_u128(7), key: Secret::new(secret), created_at: Timestamp::default() };
        Tokens::new(vec![key])
    }

    #[test]
    fn a_token_is_good_for_an_hour_and_only_with_the_key_that_signed_it() {
        let bearer = Bearer { client: Uuid::from_u128(1).into(), environment: Uuid::from_u128(2).into() };
        let now = Timestamp::from_millis(1_800_000_000_000);
        let ours = tokens("a key of ours");
        let token = ours.sign(bearer, now, Uuid::from_u128(3)).unwrap();
        assert_eq!(ours.verify(&token, now), Some(bearer));
        assert_eq!(ours.verify(&token, now.plus(Duration::from_secs(3599))), Some(bearer));
        assert_eq!(ours.verify(&token, now.plus(Duration::from_secs(3601))), None);
        assert_eq!(tokens("a key of theirs").verify(&token, now), None);
        assert_eq!(ours.verify(&format!("{token}x"), now), None);
        assert_eq!(ours.verify("", now), None);
    }
}

//! Access tokens: JWTs signed with a key from the database, good for one client in one environment for an hour.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;
use usher_domain::{
    ClientId, EnvironmentId, Timestamp,
    access::{SigningKey, keys::TOKEN_LIFETIME},
    ports::store::{Store, StoreResult},
};
use uuid::Uuid;

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: ClientId,
    env: EnvironmentId,
    /// Raised to void the client's earlier tokens; tokens from before this field existed have 0.
    #[serde(default)]
    generation: i64,
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
    /// The client's token generation when the token was issued; see [`usher_domain::access::WorkerClient`].
    pub(crate) generation: i64,
}

/// How long the keys are used before the database is asked for them again: so soon every server signs with a new key, and
/// refuses the tokens of one that was revoked. A key that is not known is asked for at once.
pub(crate) const KEYS_KEPT_FOR: Duration = Duration::from_millis(500);

/// How far the clocks of two servers may differ: one accepts what the other signs.
const CLOCKS_DIFFER: Duration = Duration::from_secs(300);

/// Signs and verifies; keeps the keys of the database in memory, for a moment.
pub(crate) struct Tokens {
    store: Arc<dyn Store>,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    keys: Arc<[SigningKey]>,
    read_at: Option<Timestamp>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// Of the keys in this store. The newest one signs, all verify.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Tokens { store, kept: RwLock::new(Kept::default()) }
    }

    /// A token for that bearer, or `None` without any key.
    pub(crate) async fn sign(&self, bearer: Bearer, now: Timestamp, id: Uuid) -> StoreResult<Option<String>> {
        let keys = self.keys(now).await?;
        Ok(keys.first().and_then(|key| encode(key, bearer, now, id)))
    }

    /// Whose token this is, if it is one of ours and not expired at `now`.
    pub(crate) async fn verify(&self, token: &str, now: Timestamp) -> StoreResult<Option<Bearer>> {
        let kid = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        let Some(kid) = kid.and_then(|kid| Uuid::parse_str(&kid).ok()) else { return Ok(None) };
        let known = |keys: &[SigningKey]| keys.iter().find(|key| key.id == kid).cloned();
        let key = match known(&self.keys(now).await?) {
            Some(key) => Some(key),
            // Another server may have begun to sign with a new key.
            None => known(&self.read(now).await?),
        };
        Ok(key.and_then(|key| decode(&key, token, now)))
    }

    async fn keys(&self, now: Timestamp) -> StoreResult<Arc<[SigningKey]>> {
        {
            let kept = self.kept.read().await;
            // A clock that went back must not keep them.
            if kept.read_at.is_some_and(|at| at <= now && now.since(at) < KEYS_KEPT_FOR) {
                return Ok(Arc::clone(&kept.keys));
            }
        }
        self.read(now).await
    }

    /// Asks the database, one at a time: forged tokens cost no more than one query at once.
    async fn read(&self, now: Timestamp) -> StoreResult<Arc<[SigningKey]>> {
        let mut kept = self.kept.write().await;
        kept.keys = self.store.signing_keys().await?.into();
        kept.read_at = Some(now);
        Ok(Arc::clone(&kept.keys))
    }
}

/// A token for that bearer, signed with this key.
pub(crate) fn encode(key: &SigningKey, bearer: Bearer, now: Timestamp, id: Uuid) -> Option<String> {
    let header = Header { kid: Some(key.id.to_string()), ..Header::new(Algorithm::HS256) };
    let claims = Claims {
        iss: format!("usher/{}", bearer.environment),
        sub: bearer.client,
        env: bearer.environment,
        generation: bearer.generation,
        iat: now.as_millis() / 1000,
        exp: now.plus(TOKEN_LIFETIME).as_millis() / 1000,
        jti: id,
    };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(key.key.expose().as_bytes())).ok()
}

fn decode(key: &SigningKey, token: &str, now: Timestamp) -> Option<Bearer> {
    let mut validation = Validation::new(Algorithm::HS256);
    // The library would read the system's clock; expiry is checked below against ours.
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(key.key.expose().as_bytes());
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).ok()?.claims;
    // One that would live longer than any was signed under a clock that was ahead.
    let expires = Timestamp::from_millis(claims.exp.saturating_mul(1000));
    let good = expires.is_to_come(now, TOKEN_LIFETIME + CLOCKS_DIFFER)
        && claims.iss == format!("usher/{}", claims.env);
    let Claims { sub: client, env: environment, generation, .. } = claims;
    good.then_some(Bearer { client, environment, generation })
}

#[cfg(test)]
mod tests {
    use usher_domain::Secret;

    use super::*;

    fn key(secret: &str) -> SigningKey {
        SigningKey { id: Uuid::from_u128(7), key: Secret::new(secret), created_at: Timestamp::default() }
    }

    #[test]
    fn a_token_is_good_for_an_hour_and_only_with_the_key_that_signed_it() {
        let (client, environment) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
        let bearer = Bearer { client, environment, generation: 4 };
        let now = Timestamp::from_millis(1_800_000_000_000);
        let ours = key("a key of ours");
        let token = encode(&ours, bearer, now, Uuid::from_u128(3)).unwrap();
        assert_eq!(decode(&ours, &token, now), Some(bearer));
        assert_eq!(decode(&ours, &token, now.plus(Duration::from_secs(3599))), Some(bearer));
        assert_eq!(decode(&ours, &token, now.plus(Duration::from_secs(3601))), None);
        let ahead = encode(&ours, bearer, now.plus(Duration::from_secs(3600)), Uuid::from_u128(3)).unwrap();
        assert_eq!(decode(&ours, &ahead, now), None, "the clock was ahead when it was signed");
        assert_eq!(decode(&key("a key of theirs"), &token, now), None);
        assert_eq!(decode(&ours, &format!("{token}x"), now), None);
        assert_eq!(decode(&ours, "", now), None);
    }

    #[test]
    fn a_token_with_another_algorithm_or_other_claims_is_nobodys() {
        let (client, environment) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
        let bearer = Bearer { client, environment, generation: 4 };
        let now = Timestamp::from_millis(1_800_000_000_000);
        let ours = key("a key of ours");
        let token = encode(&ours, bearer, now, Uuid::from_u128(3)).unwrap();
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let base64 = |text: &str| {
            base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text.as_bytes())
        };
        let none = base64(r#"{"alg":"none","kid":"00000000-0000-0000-0000-000000000007"}"#);
        assert_eq!(decode(&ours, &format!("{none}.{claims}."), now), None);
        let other = base64(r#"{"alg":"HS512","kid":"00000000-0000-0000-0000-000000000007"}"#);
        assert_eq!(decode(&ours, &format!("{other}.{claims}.{signature}"), now), None);
        let theirs = encode(&ours, Bearer { client: Uuid::from_u128(9).into(), ..bearer }, now, Uuid::nil());
        let theirs = theirs.unwrap();
        let theirs = theirs.split('.').nth(1).unwrap();
        assert_eq!(decode(&ours, &format!("{header}.{theirs}.{signature}"), now), None);
    }
}

use std::time::Duration;

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use serde_json::json;

use super::*;

const EXPECTED: Expected<'_> =
    Expected { issuer: "https://id.example.com", client_id: "usher", nonce: "the nonce" };

/// Seconds.
const NOW: i64 = 1_800_000_000;

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1000)
}

/// A provider's key: how it signs, and how it is published.
struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
    jwk: Value,
}

fn ed25519(kid: &str) -> Signer {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = base64(pair.public_key());
    let key = EncodingKey::from_ed_der(pair.to_pkcs8().unwrap().as_ref());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "x": x });
    Signer { algorithm: Algorithm::EdDSA, key, jwk }
}

fn p256(kid: &str) -> Signer {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    // 4, then x and y.
    let point = pair.public_key().as_ref();
    let (x, y) = (base64(&point[1..33]), base64(&point[33..]));
    let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
    Signer {
        algorithm: Algorithm::ES256,
        key,
        jwk: json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y }),
    }
}

fn rsa(kid: &str) -> Signer {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = pair.public_key();
    let n = base64(public.modulus().big_endian_without_leading_zero());
    let e = base64(public.exponent().big_endian_without_leading_zero());
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    // PKCS #8 is PKCS #1 behind 26 bytes that say so.
    let key = EncodingKey::from_rsa_der(&der.as_ref()[26..]);
    let jwk = json!({ "kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": n, "e": e });
    Signer { algorithm: Algorithm::RS256, key, jwk }
}

impl Signer {
    fn sign(&self, kid: Option<&str>, claims: &Value) -> Secret {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(self.algorithm) };
        Secret::new(jsonwebtoken::encode(&header, claims, &self.key).unwrap())
    }

    fn keys(&self) -> Value {
        json!({ "keys": [self.jwk] })
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example.com", "sub": "248289761001", "aud": "usher", "nonce": "the nonce",
        "iat": NOW, "exp": NOW + 300, "email": "ada@example.com", "email_verified": true,
    })
}

/// The claims, with these instead; null takes one away.
fn claims_with(other: Value) -> Value {
    let mut claims = claims();
    let all = claims.as_object_mut().unwrap();
    for (name, value) in other.as_object().unwrap() {
        all.insert(name.clone(), value.clone());
    }
    all.retain(|_, value| !value.is_null());
    claims
}

#[test]
fn a_token_of_each_algorithm_that_counts_is_believed() {
    for signer in [rsa("k"), p256("k"), ed25519("k")] {
        let identity = believe(&signer.sign(Some("k"), &claims()), &signer.keys(), EXPECTED, now()).unwrap();
        let account =
            ProviderAccount { issuer: "https://id.example.com".into(), subject: "248289761001".into() };
        let email = Some("ada@example.com".to_owned());
        assert_eq!(identity, Identity { account, email, email_verified: true, mfa: false });
    }
}

#[test]
fn a_token_is_good_for_one_client_one_sign_in_and_a_while() {
    let signer = ed25519("k");
    let keys = signer.keys();
    let outcome = |other: Value| {
        let told = believe(&signer.sign(Some("k"), &claims_with(other)), &keys, EXPECTED, now());
        told.map_or_else(|why| why.to_string(), |_| "believed".into())
    };
    for (other, wanted) in [
        (json!({ "iss": "https://id.example.com/" }), "another issuer"),
        (json!({ "iss": "https://evil.example" }), "another issuer"),
        (json!({ "aud": "somebody-else" }), "another client (aud)"),
        (json!({ "aud": ["somebody-else"] }), "another client (aud)"),
        (json!({ "aud": [] }), "another client (aud)"),
        (json!({ "aud": ["usher", "somebody-else"] }), "several clients"),
        (json!({ "aud": ["usher", "somebody-else"], "azp": "somebody-else" }), "(azp)"),
        (json!({ "azp": "somebody-else" }), "(azp)"),
        (json!({ "aud": ["usher", "somebody-else"], "azp": "usher" }), "believed"),
        (json!({ "aud": ["usher"] }), "believed"),
        (json!({ "exp": NOW - 60 }), "expired"),
        (json!({ "exp": NOW - 59 }), "believed"),
        (json!({ "exp": null }), "not good"),
        (json!({ "exp": "tomorrow" }), "not good"),
        (json!({ "iat": null }), "not good"),
        (json!({ "iat": NOW + 61 }), "issued in the future"),
        (json!({ "iat": NOW + 60 }), "believed"),
        (json!({ "iat": NOW - 660 }), "issued too long ago"),
        (json!({ "iat": NOW - 659 }), "believed"),
        (json!({ "nbf": NOW + 61 }), "not good yet"),
        (json!({ "nbf": NOW + 60 }), "believed"),
        (json!({ "nonce": "another nonce" }), "(nonce)"),
        (json!({ "nonce": null }), "(nonce)"),
        (json!({ "sub": "" }), "(sub)"),
        (json!({ "sub": "x".repeat(1021) }), "(sub)"),
        (json!({ "sub": null }), "not good"),
    ] {
        let told = outcome(other.clone());
        assert!(told.contains(wanted), "{other}: {told}");
    }
}

#[test]
fn only_a_key_of_the_provider_that_fits_may_have_signed_it() {
    let (ours, theirs) = (ed25519("k"), ed25519("k"));
    let told = |token: &Secret, keys: &Value| believe(token, keys, EXPECTED, now()).unwrap_err();
    let good = ours.sign(Some("k"), &claims());
    // Another key of that name; no key of that name; a key that only encrypts, is of another kind, or a broken one.
    assert!(told(&good, &theirs.keys()).to_string().contains("InvalidSignature"));
    assert_eq!(told(&ours.sign(Some("new"), &claims()), &ours.keys()), Disbelief::UnknownKey("new".into()));
    let mut encrypts = ours.jwk.clone();
    encrypts["use"] = json!("enc");
    for none in [json!([encrypts]), json!([p256("k").jwk]), json!([]), json!([{ "kty": "OKP", "kid": "k" }])]
    {
        assert_eq!(told(&good, &json!({ "keys": none })), Disbelief::UnknownKey("k".into()));
    }
    assert_eq!(told(&good, &json!("no set")), Disbelief::UnknownKey("k".into()));
    // Beside others, and without a name.
    let several = json!({ "keys": [{ "kty": "new" }, theirs.jwk, ours.jwk] });
    assert!(believe(&good, &several, EXPECTED, now()).is_ok());
    assert!(believe(&ours.sign(None, &claims()), &several, EXPECTED, now()).is_ok());
    // Changed after it was signed.
    let parts: Vec<&str> = good.expose().split('.').collect();
    let other = base64(claims_with(json!({ "email": "root@example.com" })).to_string());
    let changed = Secret::new(format!("{}.{other}.{}", parts[0], parts[2]));
    assert!(told(&changed, &ours.keys()).to_string().contains("InvalidSignature"));
}

#[test]
fn a_token_that_is_not_signed_or_signed_by_what_everybody_knows_is_not_believed() {
    let signer = rsa("k");
    let keys = signer.keys();
    let told = |token: String| believe(&Secret::new(token), &keys, EXPECTED, now()).unwrap_err().to_string();
    let body = base64(claims().to_string());
    for header in [json!({ "alg": "none" }), json!({ "alg": "none", "kid": "k" }), json!({ "kid": "k" })] {
        let header = base64(header.to_string());
        for token in
            [format!("{header}.{body}."), format!("{header}.{body}.AAAA"), format!("{header}.{body}")]
        {
            assert!(told(token).contains("header cannot be read"));
        }
    }
    // The public key as the secret of an HMAC.
    for secret in [signer.jwk["n"].as_str().unwrap().to_owned(), signer.jwk.to_string()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS512] {
            let header = Header { kid: Some("k".into()), ..Header::new(algorithm) };
            let key = EncodingKey::from_secret(secret.as_bytes());
            let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
            assert!(told(token).contains("only RS256, ES256 and EdDSA count"));
        }
    }
    // A good key, an algorithm that does not count.
    let header = Header { kid: Some("k".into()), ..Header::new(Algorithm::PS256) };
    let token = jsonwebtoken::encode(&header, &claims(), &signer.key).unwrap();
    assert!(told(token).contains("only RS256, ES256 and EdDSA count"));
    assert!(told(String::new()).contains("header cannot be read"));
}

#[test]
fn an_address_counts_when_the_provider_says_that_it_is_verified_and_several_factors_when_it_says_so() {
    let signer = ed25519("k");
    let said = |other: Value| {
        let token = signer.sign(Some("k"), &claims_with(other));
        let found = believe(&token, &signer.keys(), EXPECTED, now()).unwrap();
        (found.email_verified, found.mfa)
    };
    for yes in [json!(true), json!("true")] {
        assert!(said(json!({ "email_verified": yes })).0);
    }
    for no in [json!(false), json!("false"), json!(null), json!(1), json!("yes")] {
        assert!(!said(json!({ "email_verified": no })).0, "{no}");
    }
    assert!(said(json!({ "amr": ["pwd", "mfa"] })).1);
    for no in [json!(["pwd"]), json!([]), json!("mfa"), json!(null)] {
        assert!(!said(json!({ "amr": no })).1, "{no}");
    }
}

#[test]
fn user_info_counts_only_for_whom_the_token_is_about() {
    let signer = ed25519("k");
    let token = signer.sign(Some("k"), &claims_with(json!({ "email": null, "email_verified": null })));
    let identity = believe(&token, &signer.keys(), EXPECTED, now().plus(Duration::from_secs(1))).unwrap();
    assert_eq!((identity.email.as_deref(), identity.email_verified), (None, false));
    let about = |sub: &str| json!({ "sub": sub, "email": "ada@example.com", "email_verified": true });
    let told = complete(identity.clone(), &about("248289761001")).unwrap();
    assert_eq!((told.email.as_deref(), told.email_verified), (Some("ada@example.com"), true));
    assert!(complete(identity.clone(), &about("somebody else")).is_err());
    assert!(complete(identity, &json!([])).is_err());
}

//! The keys of one issuer, and the one way to a verified token.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use josekit::jws::JwsVerifier;
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use signout_checker::Issuer;

use super::algorithm::Algorithm;
use super::compact::Compact;
use super::error::{JoseError, KeyChoice};
use super::header::{Header, KeyId};
use super::key_admission::{KeyRefusal, Verifiers, admit};
use super::secret::{Secret, SecretError};
use super::verified::VerifiedJws;

/// Bytes of a JWK set. Ten RSA keys with their certificates have about 25 kB.
pub const MAX_JWKS_BYTES: usize = 64 * 1024;

/// Keys of one set, the unusable ones included. Providers publish one to ten.
pub const MAX_KEYS: usize = 64;

/// Why a document is no usable key set. Whoever has an older set keeps it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeySetError {
    /// The configured algorithms need no published key.
    #[error("none of the configured `algorithms` is verified with published keys")]
    NoAlgorithm,
    /// No key was admitted. Each refusal says why.
    #[error("none of the {} published keys can be used{}", .refused.len(), first(.refused))]
    NoUsableKey {
        /// All keys of the document.
        refused: Vec<RefusedKey>,
    },
    /// Not a JSON object with an array `keys` (RFC 7517, section 5).
    #[error("not a JWK set: a JSON object with an array `keys` is expected")]
    Syntax,
    /// Longer than 64 KiB.
    #[error("the JWK set has {length} bytes, the limit is {limit}")]
    TooLong {
        /// Bytes received.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// More than 64 keys.
    #[error("the JWK set has {keys} keys, the limit is {limit}")]
    TooManyKeys {
        /// Keys in the document.
        keys: usize,
        /// Keys allowed.
        limit: usize,
    },
}

fn first(refused: &[RefusedKey]) -> String {
    refused.first().map(|key| format!("; the first: {}", key.refusal)).unwrap_or_default()
}

/// A published key that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedKey {
    /// Its place in the document, from 0.
    pub index: usize,
    /// Its name, if it has a usable one.
    pub key_id: Option<KeyId>,
    /// Why.
    pub refusal: KeyRefusal,
}

/// What became of a JWK set: the keys to use, and those that the operator may want to hear of.
#[derive(Debug)]
pub struct Admission {
    /// Replaces the issuer's older set as a whole, so that a withdrawn key is gone.
    pub keys: KeySet,
    /// The keys that are not used.
    pub refused: Vec<RefusedKey>,
}

/// The keys of **one** issuer, each bound to the algorithms that fit it, it allows, and the
/// configuration lists. Immutable: a refresh builds another one.
pub struct KeySet {
    issuer: Issuer,
    algorithms: Vec<Algorithm>,
    keys: Vec<Key>,
    refused: Vec<(KeyId, KeyRefusal)>,
    secret: Option<Secret>,
}

struct Key {
    id: Option<KeyId>,
    verifiers: Verifiers,
}

impl Key {
    fn verifier(&self, algorithm: Algorithm) -> Option<&dyn JwsVerifier> {
        self.verifiers.iter().find_map(|(own, verifier)| (*own == algorithm).then_some(&**verifier))
    }
}

impl KeySet {
    /// Reads a JWK set key by key: a bad key is refused and spoils nothing.
    ///
    /// HS* among the `algorithms` is passed over here; see [`KeySet::with_secret`].
    pub fn from_jwks(
        issuer: Issuer,
        jwks: &[u8],
        algorithms: &[Algorithm],
    ) -> Result<Admission, KeySetError> {
        let algorithms: Vec<_> =
            algorithms.iter().copied().filter(|algorithm| !algorithm.is_symmetric()).collect();
        if algorithms.is_empty() {
            return Err(KeySetError::NoAlgorithm);
        }
        let mut keys = Vec::new();
        let mut refused = Vec::new();
        for (index, json) in members(jwks)?.into_iter().enumerate() {
            match admit(json.get().as_bytes(), &algorithms) {
                (id, Ok(verifiers)) => keys.push(Key { id, verifiers }),
                (key_id, Err(refusal)) => refused.push(RefusedKey { index, key_id, refusal }),
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey { refused });
        }
        let named = refused.iter().filter_map(|key| Some((key.key_id.clone()?, key.refusal)));
        let keys = Self { issuer, algorithms, keys, refused: named.collect(), secret: None };
        Ok(Admission { keys, refused })
    }

    /// A set of no published key: the provider signs with the client secret only.
    pub fn from_secret(
        issuer: Issuer,
        secret: &[u8],
        algorithms: &[Algorithm],
    ) -> Result<Self, SecretError> {
        let empty = Self {
            issuer,
            algorithms: Vec::new(),
            keys: Vec::new(),
            refused: Vec::new(),
            secret: None,
        };
        empty.with_secret(secret, algorithms)
    }

    /// Adds the client secret for the HS* among the `algorithms`.
    ///
    /// There is one secret, so a `kid` in such a token is not looked at.
    pub fn with_secret(
        mut self,
        secret: &[u8],
        algorithms: &[Algorithm],
    ) -> Result<Self, SecretError> {
        let secret = Secret::new(secret, algorithms)?;
        self.algorithms.retain(|algorithm| !algorithm.is_symmetric());
        self.algorithms.extend(secret.algorithms());
        self.secret = Some(secret);
        Ok(self)
    }

    /// Whose keys these are.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// How many published keys are in use.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Verifies the signature, then reads the claims.
    ///
    /// With a `kid`, the key of that name must fit the algorithm; several keys of one name are told
    /// apart by what they fit, and refused if that leaves more than one. Without a `kid`, exactly
    /// one key may fit. No key is ever tried in turn.
    pub fn verify(&self, token: &Compact<'_>) -> Result<VerifiedJws, JoseError> {
        let algorithm = token.header().algorithm();
        if !self.algorithms.contains(&algorithm) {
            return Err(JoseError::AlgorithmDenied { algorithm });
        }
        let message = token.signing_input().as_bytes();
        let signature = token.signature();
        let (holds, key) = match &self.secret {
            Some(secret) if algorithm.is_symmetric() => {
                (caught(|| secret.verifies(algorithm, message, signature))?, KeyChoice::Named)
            }
            _ => {
                let (verifier, key) = self.choose(token.header())?;
                (caught(|| verifier.verify(message, signature).is_ok())?, key)
            }
        };
        if holds {
            VerifiedJws::new(&self.issuer, token)
        } else {
            Err(JoseError::Signature { key })
        }
    }

    fn choose(&self, header: &Header) -> Result<(&dyn JwsVerifier, KeyChoice), JoseError> {
        let algorithm = header.algorithm();
        let named = |key: &&Key| header.key_id().is_none_or(|id| key.id.as_ref() == Some(id));
        let mut fitting = self.keys.iter().filter(named).filter_map(|key| key.verifier(algorithm));
        match (fitting.next(), fitting.count()) {
            (Some(verifier), 0) => {
                Ok((verifier, header.key_id().map_or(KeyChoice::OnlyFitting, |_| KeyChoice::Named)))
            }
            (Some(_), more) => Err(JoseError::AmbiguousKey { fitting: more + 1 }),
            (None, _) => Err(self.why_no_key(header)),
        }
    }

    fn why_no_key(&self, header: &Header) -> JoseError {
        let Some(id) = header.key_id() else { return JoseError::UnknownKey };
        if self.keys.iter().any(|key| key.id.as_ref() == Some(id)) {
            return JoseError::KeyMismatch { algorithm: header.algorithm() };
        }
        match self.refused.iter().find(|(refused, _)| refused == id) {
            Some((_, refusal)) => JoseError::KeyRefused { refusal: *refusal },
            None => JoseError::UnknownKey,
        }
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("issuer", &self.issuer)
            .field("algorithms", &self.algorithms)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

/// The members of `keys`, each still a text, so that one misspelled key is that key's fault.
fn members(jwks: &[u8]) -> Result<Vec<&RawValue>, KeySetError> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    if jwks.len() > MAX_JWKS_BYTES {
        return Err(KeySetError::TooLong { length: jwks.len(), limit: MAX_JWKS_BYTES });
    }
    let document: Document<'_> = serde_json::from_slice(jwks).map_err(|_| KeySetError::Syntax)?;
    if document.keys.len() > MAX_KEYS {
        return Err(KeySetError::TooManyKeys { keys: document.keys.len(), limit: MAX_KEYS });
    }
    Ok(document.keys)
}

/// The last net. josekit and OpenSSL's bindings hold assertions; one that an attacker can reach
/// must cost the attacker his request and nobody else anything.
pub(super) fn caught<T>(computation: impl FnOnce() -> T) -> Result<T, JoseError> {
    catch_unwind(AssertUnwindSafe(computation)).map_err(|_| JoseError::Panicked)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value as Json, json};

    use super::*;
    use crate::jose::SigningKey;

    const ALGORITHMS: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

    fn issuer() -> Issuer {
        Issuer::parse("https://op.example").unwrap()
    }

    fn key(algorithm: Algorithm, id: &str) -> SigningKey {
        SigningKey::generate(algorithm, KeyId::parse(id)).unwrap()
    }

    fn from_jwks(keys: &[Json]) -> Result<Admission, KeySetError> {
        KeySet::from_jwks(issuer(), json!({ "keys": keys }).to_string().as_bytes(), &ALGORITHMS)
    }

    fn token(key: &SigningKey) -> String {
        key.sign(&Map::new(), &Map::new()).unwrap()
    }

    fn label(keys: &KeySet, token: &str) -> &'static str {
        let verified = Compact::parse(token).and_then(|token| keys.verify(&token));
        verified.map_or_else(JoseError::label, |_| "verified")
    }

    fn public(key: &SigningKey, changes: &Json) -> Json {
        let mut jwk = key.public_jwk().unwrap();
        for (member, value) in changes.as_object().unwrap() {
            jwk[member] = value.clone();
        }
        jwk
    }

    /// The changed key is refused, and the good one beside it still verifies.
    fn check_refused(changes: &Json, expected: &str) {
        let (good, odd) = (key(Algorithm::EdDsa, "good"), key(Algorithm::Es256, "odd"));
        let admission = from_jwks(&[public(&odd, changes), public(&good, &json!({}))]).unwrap();
        let found: Vec<_> =
            admission.refused.iter().map(|key| (key.index, key.refusal.label())).collect();
        assert_eq!(found, [(0, expected)], "{changes}");
        assert_eq!(label(&admission.keys, &token(&good)), "verified", "{changes}");
    }

    #[test]
    fn jwt_5_a_bad_key_spoils_nothing() {
        for (changes, expected) in [
            (json!({ "use": "enc" }), "use"),
            (json!({ "use": null }), "use"),
            (json!({ "key_ops": ["sign"] }), "operations"),
            (json!({ "key_ops": "verify" }), "operations"),
            (json!({ "alg": "ES384" }), "algorithm"),
            (json!({ "alg": "none" }), "algorithm"),
            (json!({ "alg": "HS256" }), "algorithm"),
            (json!({ "alg": 7 }), "algorithm"),
            (json!({ "kid": 7 }), "key_id"),
            (json!({ "kid": "" }), "key_id"),
            (json!({ "kid": "a\n" }), "key_id"),
            (json!({ "kid": "k".repeat(256) }), "key_id"),
            (json!({ "kty": null }), "type"),
            (json!({ "kty": "AKP" }), "type"),
            (json!({ "kty": "ec" }), "type"),
            (json!({ "kty": "oct", "k": "AAAA" }), "symmetric"),
            (json!({ "d": "AAAA" }), "private"),
            (json!({ "k": "AAAA" }), "private"),
            (json!({ "crv": "secp256k1" }), "curve"),
            (json!({ "crv": null }), "curve"),
            (json!({ "crv": "P-384" }), "material"),
            (json!({ "x": "AAAA" }), "material"),
            (json!({ "x": null }), "material"),
            (json!({ "y": "A".repeat(43) }), "material"),
            (json!({ "y": format!("{}=", "A".repeat(43)) }), "material"),
            (json!({ "x": [[[[[[[[1]]]]]]]] }), "json"),
        ] {
            check_refused(&changes, expected);
        }
    }

    #[test]
    fn jwt_5_members_that_are_no_objects_or_name_something_twice() {
        let good = key(Algorithm::EdDsa, "good");
        let jwk = public(&good, &json!({}));
        for odd in ["7", "null", "[]", r#""key""#, r#"{"kty":"EC","kty":"RSA"}"#] {
            let jwks = format!(r#"{{"keys":[{odd},{jwk}],"other":1}}"#);
            let admission =
                KeySet::from_jwks(issuer(), jwks.as_bytes(), &[Algorithm::EdDsa]).unwrap();
            assert_eq!(admission.refused[0].refusal.label(), "json", "{odd}");
            assert_eq!(label(&admission.keys, &token(&good)), "verified", "{odd}");
        }
    }

    #[test]
    fn jwt_5_certificates_and_unknown_members_are_not_read() {
        let good = key(Algorithm::Es256, "good");
        let more = json!({ "x5c": 7, "x5t": {}, "x5u": "https://evil.example", "urn:x": [1] });
        let admission = from_jwks(&[public(&good, &more)]).unwrap();
        assert!(admission.refused.is_empty());
        assert_eq!(label(&admission.keys, &token(&good)), "verified");
    }

    #[test]
    fn jwt_5_weak_rsa_keys() {
        let (good, rsa) = (key(Algorithm::EdDsa, "good"), key(Algorithm::Rs256, "rsa"));
        for (changes, expected) in [
            (json!({ "n": "_".repeat(170) + "w" }), "modulus_size"),
            (json!({ "n": "AQAB" }), "modulus_size"),
            (json!({ "n": "" }), "modulus_size"),
            (json!({ "e": "Aw" }), "exponent"),
            (json!({ "e": "AQAC" }), "exponent"),
            (json!({ "e": 65537 }), "material"),
        ] {
            let admission =
                from_jwks(&[public(&rsa, &changes), public(&good, &json!({}))]).unwrap();
            assert_eq!(admission.refused[0].refusal.label(), expected, "{changes}");
            assert_eq!(label(&admission.keys, &token(&rsa)), "key_refused");
        }
    }

    #[test]
    fn a_leading_zero_byte_in_the_modulus_is_tolerated() {
        let rsa = key(Algorithm::Rs256, "rsa");
        let mut jwk = public(&rsa, &json!({}));
        let modulus = crate::jose::base64url::decode(jwk["n"].as_str().unwrap()).unwrap();
        jwk["n"] = json!(crate::jose::base64url::encode(&[&[0], &modulus[..]].concat()));
        assert_eq!(label(&from_jwks(&[jwk]).unwrap().keys, &token(&rsa)), "verified");
    }

    #[test]
    fn documents_that_are_no_usable_set() {
        fn check(jwks: &[u8], expected: &KeySetError) {
            let found = KeySet::from_jwks(issuer(), jwks, &ALGORITHMS).unwrap_err();
            assert_eq!(&found, expected, "{:.60}", String::from_utf8_lossy(jwks));
        }
        for jwks in ["", "{}", "[]", "null", "<html>", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#]
        {
            check(jwks.as_bytes(), &KeySetError::Syntax);
        }
        check(br#"{"keys":[]}"#, &KeySetError::NoUsableKey { refused: Vec::new() });
        let many = format!(r#"{{"keys":[{}1]}}"#, "1,".repeat(MAX_KEYS));
        let (keys, limit) = (MAX_KEYS + 1, MAX_KEYS);
        check(many.as_bytes(), &KeySetError::TooManyKeys { keys, limit });
        let (length, limit) = (MAX_JWKS_BYTES + 1, MAX_JWKS_BYTES);
        check(&vec![b' '; length], &KeySetError::TooLong { length, limit });
        let only_hmac = KeySet::from_jwks(issuer(), br#"{"keys":[]}"#, &[Algorithm::Hs256]);
        assert_eq!(only_hmac.unwrap_err(), KeySetError::NoAlgorithm);
    }

    #[test]
    fn a23_a_withdrawn_key_is_gone_with_its_set() {
        let (old, new) = (key(Algorithm::EdDsa, "old"), key(Algorithm::EdDsa, "new"));
        let (old_jwk, new_jwk) = (public(&old, &json!({})), public(&new, &json!({})));
        let before = from_jwks(&[old_jwk, new_jwk.clone()]).unwrap().keys;
        assert_eq!(label(&before, &token(&old)), "verified");
        let after = from_jwks(&[new_jwk]).unwrap().keys;
        assert_eq!(label(&after, &token(&old)), "key_unknown");
        assert_eq!(label(&after, &token(&new)), "verified");
    }

    #[test]
    fn a22_what_calls_for_a_refresh() {
        let known = key(Algorithm::EdDsa, "known");
        let keys = from_jwks(&[public(&known, &json!({}))]).unwrap().keys;
        let calls = |token: &str| {
            keys.verify(&Compact::parse(token).unwrap()).unwrap_err().calls_for_refresh()
        };
        assert!(calls(&token(&key(Algorithm::EdDsa, "rotated"))));
        let nameless = SigningKey::generate(Algorithm::EdDsa, None).unwrap();
        assert!(calls(&token(&nameless)));
        assert!(!calls(&token(&key(Algorithm::EdDsa, "known"))));
        assert!(!calls(&token(&key(Algorithm::Es384, "rotated"))));
    }

    #[test]
    fn bcl_7_secrets_have_the_length_of_the_hash() {
        for (algorithm, needed) in
            [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)]
        {
            let short = KeySet::from_secret(issuer(), &vec![1; needed - 1], &[algorithm]);
            let length = needed - 1;
            let expected = SecretError::TooShort { algorithm, length, needed };
            assert_eq!(short.unwrap_err(), expected);
            let secret = vec![1; needed];
            let keys = KeySet::from_secret(issuer(), &secret, &[algorithm]).unwrap();
            let signer = SigningKey::from_secret(&secret, algorithm).unwrap();
            assert_eq!(label(&keys, &token(&signer)), "verified");
        }
        let none = KeySet::from_secret(issuer(), &[1; 64], &ALGORITHMS);
        assert_eq!(none.unwrap_err(), SecretError::NoAlgorithm);
    }

    #[test]
    fn i18_a_panic_is_an_error() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let found = caught(|| panic!("as an assertion below would"));
        std::panic::set_hook(hook);
        assert_eq!(found, Err::<(), _>(JoseError::Panicked));
    }

    #[test]
    fn a_key_set_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<KeySet>();
        shared::<crate::jose::Decrypter>();
        shared::<SigningKey>();
    }

    #[test]
    fn i17_debug_shows_no_key() {
        let keys = KeySet::from_secret(issuer(), &[b'k'; 32], &[Algorithm::Hs256]).unwrap();
        assert!(!format!("{keys:?}").contains("kkkk"));
        let signer = key(Algorithm::EdDsa, "id");
        let shown = format!("{signer:?}");
        assert!(!shown.contains("signer") && !shown.contains("public"), "{shown}");
    }
}

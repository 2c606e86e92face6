//! Walks `tests/vectors/*.json` and compares outcomes label for label.
//!
//! The files are written by `cargo run --example vectors`; what they hold is described there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use signout::jose::{Algorithm, Compact, Decrypter, JoseError, KeySet, VerifiedJws};
use signout::logout_token::{
    EncryptionPolicy, Expected, MissingExp, OfflineAccess, TypPolicy, Who, validate,
};
use signout_checker::{ClientId, Issuer, Timestamp};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    #[serde(rename = "family")]
    name: String,
    /// When all of its tokens arrive.
    now: u64,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    norms: Vec<String>,
    #[serde(default)]
    provider: Provider,
    token: String,
    expect: String,
    /// Another vector whose token is this one in another spelling.
    same_identity_as: Option<String>,
}

/// The settings of one provider; a vector names those that differ.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are written as in a configuration file")]
struct Provider {
    issuer: String,
    client_ids: Vec<String>,
    algorithms: Vec<String>,
    /// Name of a JWK set in `keys/`; none for a provider that signs with the client secret.
    jwks: Option<String>,
    client_secret: bool,
    require_typ: bool,
    allow_missing_exp: bool,
    max_logout_token_age: u64,
    leeway: u64,
    /// Names of private keys in `keys/`.
    encryption_keys: Vec<String>,
    /// Whether `dir` under the client secret is configured.
    encryption_secret: bool,
    require_encryption: bool,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            issuer: "https://op.example".to_owned(),
            client_ids: vec!["app".to_owned()],
            algorithms: vec!["RS256".to_owned()],
            jwks: Some("home".to_owned()),
            client_secret: false,
            require_typ: false,
            allow_missing_exp: false,
            max_logout_token_age: 300,
            leeway: 60,
            encryption_keys: Vec::new(),
            encryption_secret: false,
            require_encryption: false,
        }
    }
}

#[test]
fn every_vector_has_its_outcome() {
    let families = families();
    let mut wrong = Vec::new();
    for family in &families {
        let now = Timestamp::from_secs(family.now);
        for vector in &family.vectors {
            let found = outcome(vector, now);
            if found != vector.expect {
                wrong.push(format!(
                    "{}/{} {:?}: expected {}, found {found}",
                    family.name, vector.name, vector.norms, vector.expect
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_family_accepts_and_rejects() {
    let families = families();
    let mut names = BTreeSet::new();
    for family in &families {
        for vector in &family.vectors {
            let accepts = vector.expect.starts_with("valid_");
            let prefix = if accepts { "accept_" } else { "reject_" };
            assert!(vector.name.starts_with(prefix), "{} expects {}", vector.name, vector.expect);
            assert!(!vector.norms.is_empty(), "{} names no norm", vector.name);
            let full = format!("{}/{}", family.name, vector.name);
            assert!(names.insert(full.clone()), "{full} occurs twice");
        }
        for prefix in ["accept_", "reject_"] {
            let any = family.vectors.iter().any(|vector| vector.name.starts_with(prefix));
            assert!(any, "family {} has no {prefix} vector", family.name);
        }
    }
    assert!(names.len() >= 400, "only {} vectors", names.len());
}

#[test]
fn jwt_11_another_spelling_is_the_same_token() {
    let mut pairs = 0;
    for family in families() {
        let tokens: BTreeMap<_, _> =
            family.vectors.iter().map(|vector| (&*vector.name, &*vector.token)).collect();
        for vector in &family.vectors {
            let Some(other) = &vector.same_identity_as else { continue };
            let other = tokens[&**other];
            assert_ne!(vector.token, other, "{}", vector.name);
            let identity = |token| Compact::parse(token).unwrap().identity();
            assert_eq!(identity(&vector.token), identity(other), "{}", vector.name);
            pairs += 1;
        }
    }
    assert!(pairs > 0);
}

/// The way of a token through the service, without the service.
fn outcome(vector: &Vector, now: Timestamp) -> String {
    let provider = &vector.provider;
    let issuer = Issuer::parse(&*provider.issuer).unwrap();
    let client_ids: Vec<_> =
        provider.client_ids.iter().map(|id| ClientId::parse(&**id).unwrap()).collect();
    let jws = match verified(provider, &issuer, &vector.token) {
        Ok(jws) => jws,
        Err(fault) => return fault.label().to_owned(),
    };
    let expected = Expected {
        issuer: &issuer,
        client_ids: &client_ids,
        encryption: if provider.require_encryption {
            EncryptionPolicy::Require
        } else {
            EncryptionPolicy::Allow
        },
        typ: if provider.require_typ { TypPolicy::Require } else { TypPolicy::Allow },
        missing_exp: if provider.allow_missing_exp { MissingExp::Allow } else { MissingExp::Deny },
        max_age: Duration::from_secs(provider.max_logout_token_age),
        leeway: Duration::from_secs(provider.leeway),
    };
    match validate(&jws, &expected, now) {
        Err(fault) => fault.label().to_owned(),
        Ok(token) => {
            assert_eq!(token.identity(), jws.identity());
            let who = match token.who() {
                Who::Both(..) => "valid_both",
                Who::Session(_) => "valid_session",
                Who::Subject(_) => "valid_subject",
            };
            match token.offline() {
                OfflineAccess::Keep => who.to_owned(),
                OfflineAccess::Revoke => format!("{who}_and_offline"),
            }
        }
    }
}

fn verified(provider: &Provider, issuer: &Issuer, token: &str) -> Result<VerifiedJws, JoseError> {
    let keys = key_set(provider, issuer.clone());
    match (Compact::parse(token), decrypter(provider)) {
        (Err(JoseError::Encrypted), Some(decrypter)) => {
            keys.verify(&decrypter.decrypt(token)?.compact()?)
        }
        (compact, _) => keys.verify(&compact?),
    }
}

fn key_set(provider: &Provider, issuer: Issuer) -> KeySet {
    let algorithms: Vec<Algorithm> =
        provider.algorithms.iter().map(|name| name.parse().unwrap()).collect();
    let published = provider.jwks.as_ref().map(|name| {
        let jwks = fs::read(keys().join(format!("{name}.jwks.json"))).unwrap();
        KeySet::from_jwks(issuer.clone(), &jwks, &algorithms).unwrap().keys
    });
    match (published, provider.client_secret) {
        (Some(keys), false) => keys,
        (Some(keys), true) => keys.with_secret(&client_secret(), &algorithms).unwrap(),
        (None, _) => KeySet::from_secret(issuer, &client_secret(), &algorithms).unwrap(),
    }
}

fn decrypter(provider: &Provider) -> Option<Decrypter> {
    let jwks: Vec<_> = provider
        .encryption_keys
        .iter()
        .map(|name| fs::read(keys().join(format!("{name}.jwk.json"))).unwrap())
        .collect();
    let jwks: Vec<&[u8]> = jwks.iter().map(Vec::as_slice).collect();
    match (jwks.is_empty(), provider.encryption_secret) {
        (true, false) => None,
        (true, true) => Some(Decrypter::from_client_secret(&client_secret())),
        (false, false) => Some(Decrypter::from_jwks(&jwks).unwrap()),
        (false, true) => {
            Some(Decrypter::from_jwks(&jwks).unwrap().with_client_secret(&client_secret()))
        }
    }
}

fn client_secret() -> Vec<u8> {
    #[derive(Deserialize)]
    struct Document {
        client_secret: String,
    }
    let text = fs::read(keys().join("client-secret.json")).unwrap();
    serde_json::from_slice::<Document>(&text).unwrap().client_secret.into_bytes()
}

fn families() -> Vec<Family> {
    let mut paths: Vec<PathBuf> = fs::read_dir(vectors())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    let read = |path: &PathBuf| {
        serde_json::from_slice(&fs::read(path).unwrap())
            .unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
    };
    paths.iter().map(read).collect()
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn keys() -> PathBuf {
    vectors().join("keys")
}

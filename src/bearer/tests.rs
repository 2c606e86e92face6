use std::fs;
use std::path::Path;
use std::time::Duration;

use prometheus::Registry;
use serde_json::{Map, Value as Json, json};
use signout_checker::ClientId;
use tokio::time::advance;

use super::verified::VerifiedTokens;
use super::*;
use crate::access_token::{AcceptedAudience, Dialect, Profile};
use crate::jose::{Algorithm, KeyId, SigningKey};
use crate::provider::{ClientSecret, KeyLocation, Metrics, PlainHttp, ProviderConfig, Providers};

const ISSUER: &str = "https://op.example";
const SECRET: [u8; 32] = [7; 32];
const NOW: u64 = 1_800_000_000;

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// A provider that signs with a secret, or with the keys in a file.
fn rules(keys: Option<&Path>) -> Rules {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ProviderConfig {
        name: "home".into(),
        issuer: Issuer::parse(ISSUER).unwrap(),
        algorithms: vec![if keys.is_some() { Algorithm::Es256 } else { Algorithm::Hs256 }],
        keys: keys.map_or(KeyLocation::Discovery, |path| KeyLocation::File(path.to_owned())),
        client_secret: Some(ClientSecret::new(SECRET)),
        ca_file: None,
        plain_http: PlainHttp::Deny,
    };
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let providers = Providers::new([config], &metrics).unwrap();
    Rules {
        provider: Arc::clone(providers.by_name("home").unwrap()),
        audiences: [AcceptedAudience::parse("api").unwrap()].into(),
        client_ids: vec![ClientId::parse("app").unwrap()],
        profile: Profile::Compat,
        dialect: Dialect::Norm,
        leeway: Duration::from_mins(1),
        max_lifetime: Duration::from_hours(24),
    }
}

fn claims(changes: &Json) -> Map<String, Json> {
    let claims = json!({ "iss": ISSUER, "aud": "api", "jti": "j", "iat": NOW, "exp": NOW + 600 });
    let mut claims = claims.as_object().cloned().unwrap();
    claims.extend(changes.as_object().cloned().unwrap());
    claims
}

fn signed(changes: &Json) -> String {
    let key = SigningKey::from_secret(&SECRET, Algorithm::Hs256).unwrap();
    key.sign(&Map::new(), &claims(changes)).unwrap()
}

#[tokio::test]
async fn a_token_is_verified_once() {
    let bearers = Bearers::new(vec![rules(None)]).unwrap();
    let text = signed(&json!({}));
    let first = bearers.read(&text, at(NOW)).await.unwrap();
    let second = bearers.read(&text, at(NOW)).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    // Only this very text: another signature under the same claims is looked at by itself.
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let other = signature.chars().rev().collect::<String>();
    assert_ne!(other, signature);
    let refused = bearers.read(&format!("{signed}.{other}"), at(NOW)).await.unwrap_err();
    assert!(["signature", "base64"].contains(&refused.label()), "{refused}");
}

#[tokio::test]
async fn jwt_9_what_is_kept_expires_like_anything_else() {
    let bearers = Bearers::new(vec![rules(None)]).unwrap();
    let text = signed(&json!({ "nbf": NOW }));
    let label = async |now| match bearers.read(&text, at(now)).await {
        Ok(_) => "valid",
        Err(error) => error.label(),
    };
    assert_eq!(label(NOW).await, "valid");
    assert_eq!(label(NOW + 659).await, "valid");
    assert_eq!(label(NOW + 660).await, "exp_passed");
    // A clock that was set back.
    assert_eq!(label(NOW - 60).await, "valid");
    assert_eq!(label(NOW - 61).await, "iat_ahead");
}

#[tokio::test(start_paused = true)]
async fn jwt_8_a_key_that_was_withdrawn_is_gone_for_kept_tokens_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let publish = |key: &SigningKey| {
        fs::write(&file, json!({ "keys": [key.public_jwk()] }).to_string()).unwrap();
    };
    let key = |name| SigningKey::generate(Algorithm::Es256, KeyId::parse(name)).unwrap();
    let (first, second) = (key("first"), key("second"));
    publish(&first);
    let rules = rules(Some(&file));
    let provider = Arc::clone(&rules.provider);
    let bearers = Bearers::new(vec![rules]).unwrap();
    let keeping = tokio::spawn(Arc::clone(&provider).keep_keys(std::future::pending()));
    let epoch = || provider.key_epoch(Instant::now());
    let changed = async |before| {
        while epoch() == before {
            advance(Duration::from_mins(6)).await;
            // Reading a file takes real time, which no frozen clock tells.
            tokio::task::spawn_blocking(std::thread::yield_now).await.unwrap();
        }
        epoch()
    };
    let held = changed(None).await;
    let text = first.sign(&Map::new(), &claims(&json!({}))).unwrap();
    bearers.read(&text, at(NOW)).await.unwrap();
    assert!(bearers.read(&text, at(NOW)).await.is_ok());

    publish(&second);
    changed(held).await;
    let refused = bearers.read(&text, at(NOW)).await.unwrap_err();
    assert!(["key_unknown", "keys_unavailable"].contains(&refused.label()), "{refused}");
    keeping.abort();
}

#[tokio::test]
async fn what_is_no_token_of_ours() {
    let bearers = Bearers::new(vec![rules(None)]).unwrap();
    let elsewhere = signed(&json!({ "iss": "https://elsewhere.example" }));
    let nameless = signed(&json!({ "iss": 7 }));
    for (text, expected) in [
        ("", "parts"),
        ("opaque-token", "parts"),
        ("a.b.c.d.e", "encrypted"),
        (&*elsewhere, "unknown_issuer"),
        (&nameless, "unknown_issuer"),
        (&signed(&json!({ "aud": "other" })), "aud_foreign"),
        (&"x".repeat(64 << 10), "too_long"),
    ] {
        let refused = bearers.read(text, at(NOW)).await.unwrap_err();
        assert_eq!(refused.label(), expected, "{text:.40}");
    }
    assert_eq!(bearers.verified.len(), 0, "what was refused is not remembered");
}

#[tokio::test]
async fn i16_the_memory_of_tokens_is_bounded() {
    let rules = rules(None);
    let bearers = Bearers::new(vec![rules]).unwrap();
    let token = bearers.read(&signed(&json!({})), at(NOW)).await.unwrap();
    let epoch = bearers.rules.values().next().unwrap().provider.key_epoch(Instant::now()).unwrap();
    let kept = VerifiedTokens::default();
    let name = |number: usize| bearers.digester.digest(&number.to_string());
    for number in 0..40_000 {
        kept.keep(name(number), 1000, &token, epoch);
        // One that is in use stays.
        if number % 100 == 0 {
            assert!(kept.get(&name(0)).is_some(), "{number}");
        }
    }
    assert!(kept.len() <= 16 * 1024, "{}", kept.len());
    assert!(kept.get(&name(39_999)).is_some() && kept.get(&name(1)).is_none());
    kept.keep(name(50_000), 4097, &token, epoch);
    assert!(kept.get(&name(50_000)).is_none(), "too long to keep");
}

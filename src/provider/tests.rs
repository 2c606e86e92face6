//! A provider over real sockets, in frozen time.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prometheus::{Registry, TextEncoder};
use serde_json::json;
use signout_checker::Issuer;
use tokio::sync::oneshot;
use tokio::time::{Instant, advance};

use super::fake_op::{
    DISCOVERY, FIRST_KEY, FIRST_TOKEN, FakeOp, Frozen, JWKS, Reply, SECOND_KEY, SECOND_TOKEN, jwks,
};
use super::*;
use crate::jose::{Algorithm, Compact, JoseError};

const SECOND: Duration = Duration::from_secs(1);
const COOL_DOWN: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn install_cryptography() {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn config(op: &FakeOp) -> ProviderConfig {
    ProviderConfig {
        name: "home".into(),
        issuer: Issuer::parse(op.issuer()).unwrap(),
        algorithms: vec![Algorithm::Es256],
        keys: KeyLocation::Discovery,
        client_secret: None,
        ca_file: None,
        plain_http: PlainHttp::AllowLoopback,
    }
}

/// A provider whose background task runs.
struct Running {
    provider: Arc<Provider>,
    registry: Registry,
    _stop: oneshot::Sender<()>,
    _frozen: Frozen,
}

impl Running {
    /// Does not wait for the first fetch.
    fn start(config: ProviderConfig) -> Self {
        install_cryptography();
        let frozen = Frozen::time();
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        let providers = Providers::new([config], &metrics).unwrap();
        let provider = Arc::clone(providers.by_name("home").unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { drop(stopped.await) };
        tokio::spawn(Arc::clone(&provider).keep_keys(shutdown));
        Self { provider, registry, _stop: stop, _frozen: frozen }
    }

    /// With the first key fetched, and the cool-down over.
    async fn with_first_key(op: &FakeOp) -> Self {
        let running = Self::start(config(op));
        running.verify(FIRST_TOKEN).await.unwrap();
        advance(COOL_DOWN).await;
        running
    }

    async fn verify(&self, token: &str) -> Result<(), VerifyError> {
        self.provider.verify(&Compact::parse(token).unwrap()).await.map(drop)
    }

    /// Moves the time to the next refresh by the background task and waits for its end.
    async fn next_round(&self, after: Duration, outcome: &str) {
        let before = self.rounds(outcome);
        // A timer fires at the next full millisecond.
        advance(after + Duration::from_millis(1)).await;
        let give_up = std::time::Instant::now() + 20 * SECOND;
        while self.rounds(outcome) == before {
            assert!(
                std::time::Instant::now() < give_up,
                "no round ended as {outcome}: {}",
                self.metrics()
            );
            tokio::task::yield_now().await;
        }
    }

    fn rounds(&self, outcome: &str) -> u64 {
        self.sample(&format!(
            r#"signout_jwks_refresh_total{{outcome="{outcome}",provider="home"}}"#
        ))
        .map_or(0, |value| value.parse().unwrap())
    }

    fn sample(&self, series: &str) -> Option<String> {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(series))?;
        Some(line.trim().to_owned())
    }

    fn metrics(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap()
    }
}

/// A token that names this key and is signed by nobody.
fn token(kid: &str) -> String {
    let header = json!({"alg": "ES256", "kid": kid, "typ": "logout+jwt"}).to_string();
    let part = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(header.as_bytes()), part(br#"{"jti":"1"}"#), part(&[7; 64]))
}

fn is_unknown_key(result: &Result<(), VerifyError>) -> bool {
    matches!(result, Err(VerifyError::Refused(JoseError::UnknownKey)))
}

#[track_caller]
fn unavailable(result: Result<(), VerifyError>) -> (Unavailable, Duration) {
    match result {
        Err(VerifyError::KeysUnavailable { why, retry_after }) => (why, retry_after),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn jwt_8_rotation_first_token_with_the_new_kid_is_accepted() {
    let op = FakeOp::start().await;
    let running = Running::with_first_key(&op).await;
    op.set(JWKS, jwks(&[FIRST_KEY, SECOND_KEY]));
    running.verify(SECOND_TOKEN).await.unwrap();
    running.verify(FIRST_TOKEN).await.unwrap();
    assert_eq!(op.fetches(), 2);
}

#[tokio::test]
async fn a22_ten_thousand_random_kids_cause_two_fetches_a_minute() {
    let op = FakeOp::start().await;
    let running = Running::with_first_key(&op).await;
    let before = op.fetches();
    let mut refused = 0;
    for number in 0..10_000u32 {
        refused += u32::from(is_unknown_key(&running.verify(&token(&format!("k{number}"))).await));
        // 10 000 of them take 50 s.
        advance(Duration::from_millis(5)).await;
    }
    op.asked(before + 2).await;
    assert_eq!(op.fetches() - before, 2);
    assert!(refused >= 1, "the one for which the first fetch was made");
    running.verify(FIRST_TOKEN).await.unwrap();
}

#[tokio::test]
async fn a22_single_flight() {
    let op = FakeOp::start().await;
    let running = Arc::new(Running::with_first_key(&op).await);
    op.set(JWKS, jwks(&[FIRST_KEY, SECOND_KEY]));
    op.hang();
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let running = Arc::clone(&running);
            tokio::spawn(async move { running.verify(SECOND_TOKEN).await })
        })
        .collect();
    op.asked(2).await;
    op.answer();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(op.fetches(), 2, "one for the start, one for all of them");
}

/// Every way in which a provider can fail to bring keys; each leaves the old ones in use.
#[tokio::test]
async fn a22_a_failed_refresh_keeps_the_old_keys() {
    let elsewhere = Reply::status(302).with("location", "https://elsewhere.example/jwks");
    let endless = [b"100000\r\n".to_vec(), vec![b' '; 1 << 20], b"\r\n0\r\n\r\n".to_vec()].concat();
    for (outcome, reply) in [
        ("status", Reply::status(500)),
        ("status", Reply::status(404)),
        ("status", Reply::status(204)),
        ("redirected", elsewhere),
        ("too_large", Reply::ok(vec![b' '; 1 << 20])),
        ("too_large", Reply::ok(endless).with("transfer-encoding", "chunked")),
        ("key_set", Reply::ok("<html>")),
        ("key_set", Reply::ok("")),
        ("key_set", Reply::ok("{}")),
        ("no_usable_key", jwks(&[])),
        ("no_usable_key", jwks(&[r#"{"kty":"oct","kid":"a","k":"c2VjcmV0"}"#])),
    ] {
        let op = FakeOp::start().await;
        let running = Running::with_first_key(&op).await;
        op.set(JWKS, reply);
        running.next_round(HOUR, outcome).await;
        running.verify(FIRST_TOKEN).await.unwrap();

        // The twin: the same provider, well again.
        op.set(JWKS, jwks(&[FIRST_KEY, SECOND_KEY]));
        advance(COOL_DOWN).await;
        running.verify(SECOND_TOKEN).await.unwrap();
    }
}

#[tokio::test]
async fn a22_a_provider_that_hangs_costs_one_caller_800_ms() {
    let op = FakeOp::start().await;
    let running = Arc::new(Running::with_first_key(&op).await);
    op.hang();
    let caller = {
        let running = Arc::clone(&running);
        tokio::spawn(async move { running.verify(SECOND_TOKEN).await })
    };
    op.asked(2).await;
    let asked = Instant::now();
    advance(Duration::from_millis(799)).await;
    assert!(!caller.is_finished());
    running.verify(FIRST_TOKEN).await.unwrap();
    advance(Duration::from_millis(2)).await;
    let (why, retry_after) = unavailable(caller.await.unwrap());
    assert!(asked.elapsed() < SECOND, "{:?}", asked.elapsed());
    assert_eq!((why, retry_after), (Unavailable::NotLooked, 5 * SECOND));

    running.next_round(5 * SECOND, "timed_out").await;
    running.verify(FIRST_TOKEN).await.unwrap();
}

#[tokio::test]
async fn a23_a_key_that_was_withdrawn_is_refused_after_the_next_good_fetch() {
    let op = FakeOp::start().await;
    op.set(JWKS, jwks(&[FIRST_KEY, SECOND_KEY]).with("cache-control", "max-age=600"));
    let running = Running::with_first_key(&op).await;
    op.set(JWKS, jwks(&[SECOND_KEY]));
    running.verify(FIRST_TOKEN).await.unwrap();
    running.next_round(600 * SECOND, "refreshed").await;
    advance(COOL_DOWN).await;
    let result = running.verify(FIRST_TOKEN).await;
    assert!(is_unknown_key(&result), "{result:?}");
    running.verify(SECOND_TOKEN).await.unwrap();
}

#[tokio::test]
async fn jwt_5_an_odd_key_does_not_spoil_the_set() {
    let op = FakeOp::start().await;
    let odd = [r#"{"kty":"FUTURE","kid":"odd"}"#, r#"{"kid":7}"#, "null", FIRST_KEY];
    op.set(JWKS, jwks(&odd));
    let running = Running::start(config(&op));
    running.verify(FIRST_TOKEN).await.unwrap();
}

#[tokio::test]
async fn jwt_8_the_cool_down_begins_before_the_attempt_and_stays_when_it_fails() {
    let op = FakeOp::start().await;
    let running = Running::with_first_key(&op).await;
    op.set(JWKS, Reply::status(500));
    let asked = Instant::now();
    // The provider cannot say whether the key is its own: no 400.
    let (why, retry_after) = unavailable(running.verify(SECOND_TOKEN).await);
    assert_eq!((why, retry_after), (Unavailable::NotLooked, COOL_DOWN));
    assert_eq!(op.fetches(), 2);

    op.set(JWKS, jwks(&[FIRST_KEY, SECOND_KEY]));
    advance(10 * SECOND).await;
    let (_, retry_after) = unavailable(running.verify(SECOND_TOKEN).await);
    assert_eq!(retry_after, 20 * SECOND);
    assert_eq!(op.fetches(), 2);

    // G13: within 35 s after it is back, and without another token.
    advance(20 * SECOND).await;
    op.asked(3).await;
    running.verify(SECOND_TOKEN).await.unwrap();
    assert!(asked.elapsed() < 35 * SECOND);
    assert_eq!(op.fetches(), 3);
}

#[tokio::test]
async fn jwt_8_an_unknown_kid_is_bad_only_if_it_was_looked_for() {
    let op = FakeOp::start().await;
    let running = Running::with_first_key(&op).await;
    let result = running.verify(&token("nobody")).await;
    assert!(is_unknown_key(&result), "{result:?}");
    let again = running.verify(&token("nobody")).await;
    assert!(is_unknown_key(&again), "remembered: {again:?}");
    let (why, _) = unavailable(running.verify(&token("somebody")).await);
    assert_eq!(why, Unavailable::NotLooked);
    assert_eq!(op.fetches(), 2);

    // A key that appears afterwards is found: being absent is not for long.
    op.set(JWKS, jwks(&[FIRST_KEY, SECOND_KEY]));
    unavailable(running.verify(SECOND_TOKEN).await);
    advance(COOL_DOWN).await;
    running.verify(SECOND_TOKEN).await.unwrap();
}

#[tokio::test]
async fn jwt_8_a_token_that_comes_during_a_fetch_is_not_judged_by_it() {
    let op = FakeOp::start().await;
    let running = Arc::new(Running::with_first_key(&op).await);
    let verify = |kid: &'static str| {
        let running = Arc::clone(&running);
        tokio::spawn(async move { running.verify(&token(kid)).await })
    };
    op.hang();
    let before = verify("before");
    op.asked(2).await;
    let during = verify("during");
    tokio::task::yield_now().await;
    op.answer();
    let before = before.await.unwrap();
    assert!(is_unknown_key(&before), "{before:?}");
    unavailable(during.await.unwrap());
}

#[tokio::test]
async fn g13_stale_keys_work_for_a_day_and_no_longer() {
    let op = FakeOp::start().await;
    let running = Running::start(config(&op));
    running.verify(FIRST_TOKEN).await.unwrap();
    op.hang();
    advance(23 * HOUR).await;
    op.asked(2).await;
    running.next_round(5 * SECOND, "timed_out").await;
    // The age of the last good fetch, not that of the attempts since.
    advance(3594 * SECOND).await;
    running.verify(FIRST_TOKEN).await.unwrap();
    advance(2 * SECOND).await;

    op.answer();
    op.set(JWKS, Reply::status(500));
    let (why, _) = unavailable(running.verify(FIRST_TOKEN).await);
    assert_eq!(why, Unavailable::TooOld);

    op.set(JWKS, jwks(&[FIRST_KEY]));
    advance(COOL_DOWN).await;
    running.verify(FIRST_TOKEN).await.unwrap();
}

#[tokio::test]
async fn g13_a_provider_that_is_down_at_the_start() {
    let op = FakeOp::start().await;
    op.set(DISCOVERY, Reply::status(503));
    let running = Running::start(config(&op));
    running.next_round(Duration::ZERO, "status").await;
    let (why, retry_after) = unavailable(running.verify(FIRST_TOKEN).await);
    assert_eq!((why, retry_after), (Unavailable::NeverFetched, SECOND));
    assert_eq!(running.sample("signout_jwks_age_seconds"), None);

    op.set(DISCOVERY, Reply::ok(op.document().to_string()));
    running.next_round(SECOND, "refreshed").await;
    running.verify(FIRST_TOKEN).await.unwrap();
    let metadata = running.provider.metadata().unwrap();
    assert!(metadata.backchannel_logout().supported);
}

#[tokio::test]
async fn disc_1_another_issuer_brings_no_keys() {
    let op = FakeOp::start().await;
    let mut document = op.document();
    document["issuer"] = json!(format!("{}/", op.issuer()));
    op.set(DISCOVERY, Reply::ok(document.to_string()));
    let running = Running::start(config(&op));
    running.next_round(Duration::ZERO, "issuer_mismatch").await;
    unavailable(running.verify(FIRST_TOKEN).await);
    assert_eq!(op.fetches(), 0);
}

#[tokio::test]
async fn disc_2_a_discovered_jwks_uri_over_plain_http_is_not_asked() {
    let op = FakeOp::start().await;
    let mut document = op.document();
    document["jwks_uri"] = json!("http://op.example/jwks");
    op.set(DISCOVERY, Reply::ok(document.to_string()));
    let running = Running::start(config(&op));
    running.next_round(Duration::ZERO, "endpoint").await;
    unavailable(running.verify(FIRST_TOKEN).await);
}

#[tokio::test]
async fn disc_6_a_jwks_uri_that_moved_is_discovered_again() {
    let op = FakeOp::start().await;
    let running = Running::with_first_key(&op).await;
    let mut document = op.document();
    document["jwks_uri"] = json!(op.url("/moved"));
    op.set(DISCOVERY, Reply::ok(document.to_string()));
    op.set(JWKS, Reply::status(404));
    op.set("/moved", jwks(&[SECOND_KEY]));
    unavailable(running.verify(SECOND_TOKEN).await);
    advance(COOL_DOWN).await;
    running.verify(SECOND_TOKEN).await.unwrap();
}

#[tokio::test]
async fn a_configured_jwks_uri_needs_no_discovery() {
    let op = FakeOp::start().await;
    op.set(DISCOVERY, Reply::status(404));
    let keys = KeyLocation::Uri(op.endpoint(JWKS));
    let running = Running::start(ProviderConfig { keys, ..config(&op) });
    running.verify(FIRST_TOKEN).await.unwrap();
    assert!(running.provider.metadata().is_none());
}

#[tokio::test]
async fn a_jwks_file_is_read_again() {
    let op = FakeOp::start().await;
    let path = scratch("pinned.json");
    let write = |keys| std::fs::write(&path, jwks(keys).body).unwrap();
    write(&[FIRST_KEY]);
    let keys = KeyLocation::File(path.clone());
    let running = Running::start(ProviderConfig { keys, ..config(&op) });
    running.verify(FIRST_TOKEN).await.unwrap();
    write(&[SECOND_KEY]);
    running.next_round(HOUR / 12, "refreshed").await;
    running.verify(SECOND_TOKEN).await.unwrap();

    std::fs::write(&path, vec![b' '; DOCUMENT_LIMIT + 1]).unwrap();
    running.next_round(HOUR / 12, "file").await;
    std::fs::remove_file(&path).unwrap();
    running.next_round(HOUR / 12, "file").await;
    running.verify(SECOND_TOKEN).await.unwrap();
    assert_eq!(op.fetches(), 0);
}

#[tokio::test]
async fn a_symmetric_provider_never_fetches() {
    let op = FakeOp::start().await;
    let mut config = config(&op);
    config.algorithms = vec![Algorithm::Hs256];
    config.client_secret = Some(ClientSecret::new([7; 32]));
    let running = Running::start(config);
    let denied = running.verify(FIRST_TOKEN).await;
    assert!(
        matches!(denied, Err(VerifyError::Refused(JoseError::AlgorithmDenied { .. }))),
        "{denied:?}"
    );
    advance(HOUR).await;
    assert_eq!(op.last_request(), "");
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_causes_no_fetch() {
    let op = FakeOp::start().await;
    op.set(DISCOVERY, Reply::status(503));
    let running =
        Running::start(ProviderConfig { algorithms: vec![Algorithm::Rs256], ..config(&op) });
    running.next_round(Duration::ZERO, "status").await;
    let denied = running.verify(FIRST_TOKEN).await;
    assert!(matches!(denied, Err(VerifyError::Refused(_))), "{denied:?}");
}

#[tokio::test]
async fn metrics_have_closed_outcomes_and_an_age_that_grows() {
    let op = FakeOp::start().await;
    let running = Running::start(config(&op));
    running.verify(FIRST_TOKEN).await.unwrap();
    advance(90 * SECOND).await;
    let age = r#"signout_jwks_age_seconds{provider="home"}"#;
    assert_eq!(running.sample(age).as_deref(), Some("90"));
    let labels: HashSet<_> = RefreshError::LABELS.into_iter().chain([Metrics::REFRESHED]).collect();
    let series =
        running.metrics().lines().filter(|l| l.starts_with("signout_jwks_refresh_total")).count();
    assert_eq!(series, labels.len());
}

#[tokio::test]
async fn providers_are_found_by_exact_name_and_issuer() {
    install_cryptography();
    let op = FakeOp::start().await;
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let build = |configs: Vec<ProviderConfig>| Providers::new(configs, &metrics);
    let other = |name: &str, issuer: &str| ProviderConfig {
        name: name.into(),
        issuer: Issuer::parse(issuer).unwrap(),
        ..config(&op)
    };
    let providers = build(vec![config(&op), other("work", "https://op.example/")]).unwrap();
    assert_eq!(providers.by_issuer("https://op.example/").unwrap().name(), "work");
    assert!(providers.by_issuer("https://op.example").is_none());
    assert!(providers.by_name("Work").is_none());
    assert_eq!(providers.iter().count(), 2);

    let error = build(vec![config(&op), other("home", "https://op.example")]).unwrap_err();
    assert!(matches!(error, ProviderConfigError::DuplicateName { .. }), "{error}");
    let error = build(vec![config(&op), other("work", op.issuer())]).unwrap_err();
    assert!(matches!(error, ProviderConfigError::DuplicateIssuer { .. }), "{error}");
}

#[tokio::test]
async fn configurations_that_could_verify_nothing_are_refused() {
    install_cryptography();
    let op = FakeOp::start().await;
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let build = |algorithms: &[Algorithm], secret: Option<&[u8]>| {
        let config = ProviderConfig {
            algorithms: algorithms.to_vec(),
            client_secret: secret.map(ClientSecret::new),
            ..config(&op)
        };
        Providers::new([config], &metrics).map(drop)
    };
    let hs256 = &[Algorithm::Hs256][..];
    assert!(build(hs256, Some(&[7; 32])).is_ok());
    assert!(matches!(build(&[], None), Err(ProviderConfigError::NoAlgorithms { .. })));
    assert!(matches!(build(hs256, None), Err(ProviderConfigError::NoClientSecret { .. })));
    let short = build(hs256, Some(&[7; 31])).unwrap_err();
    assert!(matches!(short, ProviderConfigError::ClientSecret { .. }), "{short}");
}

/// A path of this process alone.
pub(super) fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("signout-provider-{}-{name}", std::process::id()))
}

//! `/forward-auth`: what a reverse proxy is told, and what nobody gets past it.

mod gate;
/// Where a token may be, and requests that no client means.
mod requests;
/// A provider, or other instances, that do not answer.
mod unavailable;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, now};
use gate::{House, IDENTITY, house};

#[tokio::test]
async fn a_token_from_its_first_use_to_its_logout() {
    let house = house("");
    let token = house.token("j", "s");
    let answer = house.bearer(&token).await;
    assert_eq!(answer.status, 200, "{answer:?} {}", house.service.log());
    let told = IDENTITY.map(|name| answer.header(name));
    assert_eq!(told, ["alice", &house.op.issuer, "s", "app", ""]);
    assert!(answer.headers.contains_key("x-auth-groups"), "blank, and there");
    assert_eq!(answer.body, "");

    let other = house.token("k", "other");
    assert_eq!(house.bearer(&other).await.status, 200);
    let logout = house.service.logout(&house.op.logout_token("l", "s")).await;
    assert_eq!(logout.status, 200);
    House::refused(&house.bearer(&token).await, "invalid_token");
    assert_eq!(house.bearer(&other).await.status, 200, "another session");
    assert_eq!(house.refusals("revoked").await, 1);
    let checks =
        |verdict| format!("signout_checks_total{{surface=\"forward_auth\",verdict=\"{verdict}\"}}");
    assert_eq!(house.service.count(&checks("not_revoked")).await, 3);
    assert_eq!(house.service.count(&checks("revoked")).await, 1);
}

#[tokio::test]
async fn jwt_9_only_access_tokens_for_us_pass() {
    let house = house("");
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    for (typ, changes, expected) in [
        ("at+jwt", json!({}), "valid"),
        ("JWT", json!({}), "valid"),
        ("JWT", json!({ "aud": ["other", "api"] }), "valid"),
        ("JWT", json!({ "aud": "other" }), "aud_foreign"),
        ("JWT", json!({ "aud": "app" }), "aud_foreign"),
        ("logout+jwt", json!({}), "typ_foreign"),
        ("JWT", json!({ "events": event }), "security_event"),
        ("JWT", json!({ "nonce": "n" }), "id_token"),
        ("JWT", json!({ "at_hash": "h" }), "id_token"),
        ("JWT", json!({ "typ": "Refresh" }), "typ_claim_foreign"),
        ("JWT", json!({ "typ": "ID" }), "typ_claim_foreign"),
        ("JWT", json!({ "cnf": { "jkt": "k" } }), "cnf_present"),
        ("JWT", json!({ "exp": now() - 61 }), "exp_passed"),
        ("JWT", json!({ "exp": null }), "exp_missing"),
        ("JWT", json!({ "iat": now() + 600 }), "iat_ahead"),
        ("JWT", json!({ "nbf": now() + 600 }), "nbf_ahead"),
        ("JWT", json!({ "exp": now() + 100_000 }), "lives_too_long"),
        ("JWT", json!({ "iss": "https://elsewhere.example" }), "unknown_issuer"),
        ("JWT", json!({ "sub": 7 }), "claim_wrong_type"),
    ] {
        let before = house.refusals(expected).await;
        let answer = house.bearer(&house.token_with(typ, &changes)).await;
        if expected == "valid" {
            assert_eq!(answer.status, 200, "{typ} {changes} {}", house.service.log());
        } else {
            House::refused(&answer, "invalid_token");
            assert_eq!(house.refusals(expected).await, before + 1, "{typ} {changes}");
        }
    }
    let logout_token = house.op.logout_token("l", "s");
    House::refused(&house.bearer(&logout_token).await, "invalid_token");
    assert_eq!(house.bearer(&house.token("j", "s")).await.status, 200, "it ended nothing");
}

#[tokio::test]
async fn jwt_9_the_strict_profile_takes_the_norm_alone() {
    let house = house("token_profile = \"at_jwt\"");
    assert_eq!(house.bearer(&house.token("j", "s")).await.status, 200);
    for (typ, changes) in [
        ("JWT", json!({})),
        ("at+jwt", json!({ "jti": null })),
        ("at+jwt", json!({ "sub": null })),
        ("at+jwt", json!({ "client_id": null, "azp": "app" })),
        ("at+jwt", json!({ "iat": null })),
    ] {
        let answer = house.bearer(&house.token_with(typ, &changes)).await;
        House::refused(&answer, "invalid_token");
    }
}

#[tokio::test]
async fn jwt_9_without_audiences_the_client_ids_stand_in() {
    let folder = tempfile::tempdir().unwrap();
    let op = crate::harness::Op::new("home", folder.path());
    let service = crate::harness::Service::start(folder.path(), &op.settings());
    let house = House { folder, op, service };
    let answer = house.bearer(&house.token_with("JWT", &json!({ "aud": "app" }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    House::refused(&house.bearer(&house.token("j", "s")).await, "invalid_token");
    // An ID token as the norm has it: nothing tells it from an access token but what it lacks.
    let bare = json!({ "aud": "app", "client_id": null, "jti": null, "sid": null });
    House::refused(&house.bearer(&house.token_with("JWT", &bare)).await, "invalid_token");
    assert_eq!(house.refusals("unmarked").await, 1);
}

#[tokio::test]
async fn jwt_10_the_exact_challenges() {
    let house = house("cookies = [\"at\"]");
    let challenge = async |headers: &[(&str, &str)]| {
        let answer = house.ask(headers).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        answer.header("www-authenticate").to_owned()
    };
    assert_eq!(challenge(&[]).await, "Bearer realm=\"signout\"");
    assert_eq!(challenge(&[("authorization", "Basic YTpi")]).await, "Bearer realm=\"signout\"");
    assert_eq!(
        challenge(&[("authorization", "Bearer nonsense")]).await,
        "Bearer realm=\"signout\", error=\"invalid_token\""
    );
    let two = [("authorization", "Bearer a"), ("cookie", "at=b")];
    let ambiguous = "Bearer realm=\"signout\", error=\"invalid_request\"";
    assert_eq!(challenge(&two).await, ambiguous);
    assert_eq!(challenge(&[("authorization", "Bearer ")]).await, ambiguous);
}

#[tokio::test]
async fn jwt_10_every_way_to_revoke_is_seen() {
    let house = house("");
    for (number, target) in
        [json!({ "jti": "j0" }), json!({ "sid": "s1" }), json!({ "sub": "alice" })]
            .iter()
            .enumerate()
    {
        let token = house.token(&format!("j{number}"), &format!("s{number}"));
        assert_eq!(house.bearer(&token).await.status, 200, "{target}");
        house.revoke(target.clone()).await;
        House::refused(&house.bearer(&token).await, "invalid_token");
    }
}

#[tokio::test]
async fn jwt_10_what_was_registered_of_a_token_counts_too() {
    let house = house("");
    // The token itself does not say which session it belongs to, or that it is no access token.
    let quiet = |jti: &str| house.token_with("at+jwt", &json!({ "jti": jti, "sid": null }));
    let facts = |jti: &str| {
        json!({
            "iss": house.op.issuer, "jti": jti, "sid": "s", "iat": now() - 10, "exp": now() + 600,
        })
    };
    house.service.post("/v1/tokens", &facts("a")).await;
    assert_eq!(house.bearer(&quiet("a")).await.status, 200);
    assert_eq!(house.service.logout(&house.op.logout_token("l", "s")).await.status, 200);
    House::refused(&house.bearer(&quiet("a")).await, "invalid_token");

    let mut refresh = facts("r");
    refresh["kind"] = json!("refresh");
    refresh["sid"] = json!("t");
    house.service.post("/v1/tokens", &refresh).await;
    House::refused(&house.bearer(&quiet("r")).await, "invalid_token");
    assert_eq!(house.refusals("refresh_token").await, 1);
}

/// The order of P-256, big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The second valid signature that every ES256 token has: `n - s` for `s`.
fn other_spelling(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for (order, byte) in ORDER.iter().zip(&mut signature[32..]).rev() {
        let difference = i16::from(*order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn jwt_11_the_other_spelling_of_a_revoked_token_is_refused() {
    let house = house("");
    let (token, name) = house.unnamed();
    let other = other_spelling(&token);
    assert_ne!(token, other);
    for spelling in [&token, &other] {
        assert_eq!(house.bearer(spelling).await.status, 200, "both are signed");
    }
    house.revoke(json!({ "jti": name })).await;
    for spelling in [&token, &other] {
        House::refused(&house.bearer(spelling).await, "invalid_token");
    }
    assert_eq!(house.refusals("revoked").await, 2);
}

#[tokio::test]
async fn jwt_12_a_revoked_token_is_refused_through_the_leeway() {
    let house = house("");
    let signed = |claims: &Value| house.op.sign("at+jwt", claims);
    let [revoked, ended, living] =
        [("r", "a"), ("e", "b"), ("l", "c")].map(|(jti, sid)| signed(&house.expired(jti, sid, 5)));
    for token in [&revoked, &ended, &living] {
        assert_eq!(house.bearer(token).await.status, 200, "within the leeway");
    }
    house.revoke(json!({ "jti": "r" })).await;
    assert_eq!(house.service.logout(&house.op.logout_token("l", "b")).await.status, 200);
    House::refused(&house.bearer(&revoked).await, "invalid_token");
    House::refused(&house.bearer(&ended).await, "invalid_token");
    assert_eq!(house.bearer(&living).await.status, 200);
    House::refused(&house.bearer(&signed(&house.expired("x", "d", 61))).await, "invalid_token");
    assert_eq!(house.refusals("revoked").await, 2);
}

#[tokio::test]
async fn identity_is_said_exactly_or_not_at_all() {
    let house = house("groups_claim = \"realm_access.roles\"");
    let roles = |roles: Value| json!({ "realm_access": { "roles": roles } });
    for (changes, expected) in [
        (roles(json!(["admin", "a user"])), "admin,a user"),
        (roles(json!([])), ""),
        (roles(json!("one")), "one"),
        (json!({ "realm_access": 7 }), ""),
        (json!({ "realm_access.roles": ["itself"] }), "itself"),
        (json!({}), ""),
    ] {
        let answer = house.bearer(&house.token_with("JWT", &changes)).await;
        assert_eq!(answer.status, 200, "{changes} {answer:?}");
        assert_eq!(answer.header("x-auth-groups"), expected, "{changes}");
    }
    let nobody = json!({ "sub": null, "sid": null, "client_id": null });
    let answer = house.bearer(&house.token_with("JWT", &nobody)).await;
    let told = IDENTITY.map(|name| answer.header(name));
    assert_eq!(told, ["", &house.op.issuer, "", "", ""]);
    assert!(IDENTITY.iter().all(|name| answer.headers.contains_key(*name)));
    for changes in [
        json!({ "sub": "zoë" }),
        json!({ "sub": " alice" }),
        json!({ "sid": "s " }),
        json!({ "client_id": "ключ" }),
        roles(json!(["a,b"])),
        roles(json!(["é"])),
        roles(json!([""])),
        roles(json!([7])),
        roles(json!({})),
        roles(json!(["x".repeat(4097)])),
    ] {
        let answer = house.bearer(&house.token_with("JWT", &changes)).await;
        assert_eq!(answer.status, 403, "{changes} {answer:?}");
        assert!(!answer.headers.contains_key("x-auth-subject"));
    }
    assert_eq!(house.refusals("identity_unspeakable").await, 10);
}

#[tokio::test]
async fn browsers_are_sent_to_the_login_page_and_nobody_else() {
    let url = "https://login.example/?app=a";
    let house = house(&format!("login_url = {url:?}"));
    let html = ("accept", "text/html,application/xhtml+xml;q=0.9");
    let sent = |answer: &Answer| answer.status == 302 && answer.header("location") == url;
    assert!(sent(&house.ask(&[html]).await));
    assert!(sent(&house.ask(&[html, ("authorization", "Bearer nonsense")]).await));
    assert!(sent(&house.ask(&[html, ("x-forwarded-method", "GET")]).await));
    House::refused(&house.ask(&[]).await, "");
    House::refused(&house.ask(&[("accept", "application/json")]).await, "");
    House::refused(&house.ask(&[html, ("x-forwarded-method", "POST")]).await, "");
    let posted = house.ask_as(Method::POST, "/forward-auth", &[html]).await;
    House::refused(&posted, "");
    let good = format!("Bearer {}", house.token("j", "s"));
    assert_eq!(house.ask(&[html, ("authorization", &good)]).await.status, 200);
    let unspeakable = format!("Bearer {}", house.token_with("JWT", &json!({ "sub": "zoë" })));
    assert_eq!(house.ask(&[html, ("authorization", &unspeakable)]).await.status, 403);
}

#[tokio::test]
async fn i17_logs_and_metrics_tell_no_token_and_nobody() {
    let house = house("cookies = [\"at\"]");
    let secret = "very-secret";
    let changes = json!({ "sub": secret, "sid": secret, "jti": secret });
    let good = house.token_with("JWT", &changes);
    assert_eq!(house.bearer(&good).await.status, 200);
    house.revoke(json!({ "jti": secret })).await;
    House::refused(&house.bearer(&good).await, "invalid_token");
    House::refused(&house.ask(&[("cookie", "at=very-secret")]).await, "invalid_token");
    let log = house.service.log_when(|log| log.matches("forward-auth refused").count() == 2);
    assert!(!log.contains(secret) && !log.contains(&good[..40]), "{log}");
    let metrics = house.service.operators("/metrics").await.body;
    assert!(metrics.contains("forward_auth") && !metrics.contains(secret));
}

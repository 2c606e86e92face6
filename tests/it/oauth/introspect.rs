//! RFC 7662 and RFC 9701 (`intro`).

use reqwest::Method;
use serde_json::json;
use signout::jose::{Algorithm, Compact, KeySet};
use signout_checker::Issuer;

use super::*;

const INACTIVE: &str = r#"{"active":false}"#;
const JWT: &str = "application/token-introspection+jwt";

impl House {
    async fn introspect_as(&self, accept: &str, token: &str) -> Answer {
        let request = self.service.request(Method::POST, "/oauth2/introspect");
        let request = request.basic_auth(READER[0], Some(READER[1])).header("accept", accept);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Answer::of(request.body(encoded(&[("token", token)]))).await
    }
}

#[tokio::test]
async fn intro_1_nobody_asks_without_a_name() {
    let house = house();
    let token = house.token("t");
    let form = encoded(&[("token", &token)]);
    let answer = house.service.post_form("/oauth2/introspect", form.clone()).await;
    check_error(&answer, 401, "invalid_client");
    check_error(&house.introspect(["app", "wrong"], &token).await, 401, "invalid_client");
    let request = house.service.request(Method::POST, "/oauth2/introspect").bearer_auth(API_KEY);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    check_error(&Answer::of(request.body(form)).await, 401, "invalid_client");
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let keys =
        "[[api_key]]\nname = \"app\"\nkey = \"the-secret-of-the-app\"\nscopes = [\"revoke\"]\n";
    let service = Service::start(folder.path(), &(op.settings() + keys));
    let house = House { folder, op, service };
    check_error(&house.introspect(APP, &token).await, 400, "unauthorized_client");
}

#[tokio::test]
async fn intro_2_everything_else_is_inactive_and_no_more() {
    let house = house();
    let with = |more: Value| {
        let mut claims = house.op.access_claims("t", "s", "alice");
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.op.sign("at+jwt", &claims)
    };
    let good = house.token("t");
    let mut forged = good.clone();
    forged.replace_range(forged.len() - 6.., "AAAAAA");
    let revoked = house.token("revoked");
    house.revoke(APP, &revoked).await;
    house.register(json!({ "jti": "ended", "sid": "over" })).await;
    house.service.logout(&house.op.logout_token("l", "over")).await;
    let unsigned = "eyJhbGciOiJub25lIn0.e30.";
    for (what, token) in [
        ("unknown", "unknown".to_owned()),
        ("malformed", "a.b.c".to_owned()),
        ("too long", "x".repeat(12_000)),
        ("unsigned", unsigned.to_owned()),
        ("forged", forged),
        ("expired", with(json!({ "iat": now() - 900, "exp": now() - 61 }))),
        ("not yet", with(json!({ "nbf": now() + 300 }))),
        ("another issuer's", with(json!({ "iss": "https://nobody.example" }))),
        ("for somebody else", with(json!({ "aud": "billing" }))),
        ("revoked", revoked),
        ("of an ended session", with(json!({ "sid": "over" }))),
        ("registered and ended", house.token("ended")),
    ] {
        let answer = house.introspect(READER, &token).await;
        assert_eq!((answer.status, &*answer.body), (200, INACTIVE), "{what}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    // A key for another provider sees nothing of this one.
    assert_eq!(house.introspect(ABROAD, &good).await.body, INACTIVE);
    assert!(house.is_active(&good).await);
}

#[tokio::test]
async fn intro_3_only_tokens_that_the_caller_may_take() {
    let house = house();
    let with = |typ: &str, more: Value| {
        let mut claims = house.op.access_claims("t", "s", "alice");
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.op.sign(typ, &claims)
    };
    let id_token = json!({ "aud": "app", "nonce": "n", "at_hash": "h" });
    for (what, token) in [
        ("logout token", house.op.logout_token("l", "s")),
        ("logout token for an api", with("at+jwt", json!({ "events": {} }))),
        ("id token", with("JWT", id_token.clone())),
        ("id token for an api", with("JWT", json!({ "nonce": "n" }))),
        ("secevent", with("secevent+jwt", json!({}))),
        ("introspection", with("token-introspection+jwt", json!({}))),
        ("refresh token", with("JWT", json!({ "typ": "Refresh" }))),
    ] {
        for caller in [READER, ADMIN, APP] {
            assert_eq!(house.introspect(caller, &token).await.body, INACTIVE, "{what}");
        }
    }
    // The audience of the caller, not of the service.
    let orders = with("at+jwt", json!({ "aud": ["orders", "app"] }));
    let api = with("at+jwt", json!({ "aud": "api" }));
    for (caller, token, active) in [
        (PICKY, &orders, true),
        (PICKY, &api, false),
        (READER, &orders, false),
        (READER, &api, true),
    ] {
        assert_eq!(house.introspect(caller, token).await.json()["active"], active, "{caller:?}");
    }
    // A refresh token is its client's business.
    house.register(json!({ "opaque_token": "refresh", "kind": "refresh" })).await;
    house.register(json!({ "opaque_token": "access" })).await;
    for (caller, refresh, access) in
        [(READER, false, true), (OTHER, false, true), (APP, true, true), (PICKY, false, false)]
    {
        let active = async |token| house.introspect(caller, token).await.json()["active"].clone();
        assert_eq!(active("refresh").await, refresh, "{caller:?}");
        assert_eq!(active("access").await, access, "{caller:?}");
    }
    // A signed token that was registered as a refresh token is one.
    house.register(json!({ "jti": "r", "kind": "refresh" })).await;
    assert_eq!(house.introspect(READER, &house.token("r")).await.body, INACTIVE);
}

/// A signed token that somebody registered as an opaque one, with a session that it does not tell.
#[tokio::test]
async fn intro_3_by_either_name() {
    let house = house();
    let mut claims = house.op.access_claims("t", "", "alice");
    claims.as_object_mut().unwrap().remove("sid");
    let token = house.op.sign("at+jwt", &claims);
    house.register(json!({ "opaque_token": token })).await;
    assert!(house.is_active(&token).await);
    assert_eq!(house.service.logout(&house.op.logout_token("l", "s")).await.status, 200);
    assert!(!house.is_active(&token).await);
    let sample = "signout_checks_total{surface=\"introspect\",verdict=\"not_revoked\"}";
    assert_eq!(house.service.count(sample).await, 2, "each question counts once");
}

#[tokio::test]
async fn intro_4_the_tokens_own_client_and_whole_numbers() {
    let house = house();
    let mut claims = house.op.access_claims("t", "s", "alice");
    let iat = claims["iat"].as_u64().unwrap();
    let times = json!({
        "iat": claims["iat"].as_f64().unwrap() + 0.5, "nbf": iat, "scope": "read write",
        "email": "alice@example.org",
    });
    claims.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
    let answer = house.introspect(READER, &house.op.sign("at+jwt", &claims)).await;
    let expected = json!({
        "active": true, "iss": house.op.issuer, "aud": ["api"], "client_id": "app", "sub": "alice",
        "sid": "s", "jti": "t", "iat": iat, "nbf": iat, "exp": claims["exp"],
        "scope": "read write", "token_type": "Bearer",
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(answer.header("content-type"), "application/json");

    house.register(json!({ "opaque_token": "opaque", "iat": iat, "exp": claims["exp"] })).await;
    let told = house.introspect(READER, "opaque").await.json();
    assert!(told["jti"].as_str().unwrap().starts_with("sha-256:"), "{told}");
    let expected = json!({
        "active": true, "iss": house.op.issuer, "client_id": "app", "sub": "alice", "sid": "s",
        "jti": told["jti"], "iat": iat, "exp": claims["exp"], "token_type": "Bearer",
    });
    assert_eq!(told, expected);
}

/// The token is verified once; what is known against it is asked each time.
#[tokio::test]
async fn intro_5_nobody_keeps_an_answer_and_none_is_kept() {
    let house = house();
    let token = house.token("t");
    for active in [true, true, false] {
        if !active {
            assert_eq!(house.service.logout(&house.op.logout_token("l", "s")).await.status, 200);
        }
        let answer = house.introspect(READER, &token).await;
        assert_eq!(answer.json()["active"], active);
        assert_eq!((answer.header("cache-control"), answer.header("vary")), ("no-store", "accept"));
    }
}

#[tokio::test]
async fn intro_6_the_token_stays_out_of_the_query() {
    let house = house();
    let token = house.token("t");
    let path = format!("/oauth2/introspect?{}", encoded(&[("token", &token)]));
    let request = house.service.request(Method::GET, &path).basic_auth(READER[0], Some(READER[1]));
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    for form in [&[][..], &[("token", "")], &[("token", &*token), ("token", &*token)]] {
        check_error(&house.ask("/oauth2/introspect", READER, form).await, 400, "invalid_request");
    }
    let log = house.service.log();
    assert!(!log.contains(&token), "{log}");
}

#[tokio::test]
async fn intro_7_a_signed_answer() {
    let house = house_with("[introspection]\nissuer = \"https://signout.example\"\n");
    let token = house.token("t");
    let answer = house.introspect_as(JWT, &token).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, JWT), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");

    let jwks = Answer::of(house.service.request(Method::GET, "/.well-known/jwks.json")).await;
    for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        assert!(jwks.json()["keys"][0].get(private).is_none(), "{jwks:?}");
    }
    let issuer = Issuer::parse("https://signout.example").unwrap();
    let algorithms = [Algorithm::Es256];
    let keys = KeySet::from_jwks(issuer, jwks.body.as_bytes(), &algorithms).unwrap().keys;
    let verify = |text: &str| {
        let verified = keys.verify(&Compact::parse(text).unwrap()).unwrap();
        assert_eq!(verified.header().token_type(), Some("token-introspection+jwt"));
        payload(text)
    };
    let claims = verify(&answer.body);
    let content = &claims["token_introspection"];
    assert_eq!(content, &house.introspect(READER, &token).await.json());
    assert_eq!(content["active"], true);
    assert!(claims["iat"].as_u64().unwrap().abs_diff(now()) < 60);
    let expected = json!({
        "iss": "https://signout.example", "aud": "reader", "iat": claims["iat"],
        "token_introspection": content,
    });
    assert_eq!(claims, expected, "no sub, no exp: it passes nowhere as an access token");

    let inactive = verify(&house.introspect_as(JWT, "unknown").await.body);
    assert_eq!(inactive["token_introspection"], json!({ "active": false }));
    // Whoever asks for JSON gets it, and the signed answer is no token.
    assert_eq!(house.introspect_as("*/*", &token).await.header("content-type"), "application/json");
    assert_eq!(house.introspect(READER, &answer.body).await.body, INACTIVE);
    let request = house.service.request(Method::GET, "/forward-auth").bearer_auth(&answer.body);
    assert_eq!(Answer::of(request).await.status, 401);
}

#[tokio::test]
async fn intro_7_the_key_stays_the_same() {
    use std::os::unix::fs::PermissionsExt as _;

    let mut house = house_with("[introspection]\nissuer = \"https://signout.example\"\n");
    let file = house.folder.path().join("signout.introspection-key.json");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let path = "/.well-known/jwks.json";
    let before = Answer::of(house.service.request(Method::GET, path)).await.body;
    house.service.kill();
    let config = house.folder.path().join("signout.toml");
    let again = |config: &std::path::Path| {
        Service::spawn(Service::command().arg("serve").arg("--config").arg(config))
    };
    house.service = again(&config);
    assert_eq!(Answer::of(house.service.request(Method::GET, path)).await.body, before);

    // The operator's own, from another place.
    let own = house.folder.path().join("own.json");
    std::fs::rename(&file, &own).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let named = format!("[introspection]\nsigning_key_file = {own:?}");
    std::fs::write(&config, text.replace("[introspection]", &named)).unwrap();
    house.service.kill();
    house.service = again(&config);
    assert_eq!(Answer::of(house.service.request(Method::GET, path)).await.body, before);
    assert!(!file.exists(), "none is made beside it");
}

#[tokio::test]
async fn intro_7_without_an_issuer_nothing_is_signed() {
    let house = house();
    let token = house.token("t");
    check_error(&house.introspect_as(JWT, &token).await, 406, "invalid_request");
    let either = house.introspect_as(&format!("{JWT}, application/json;q=0.5"), &token).await;
    assert_eq!((either.status, either.header("content-type")), (200, "application/json"));
    assert!(!house.folder.path().join("signout.introspection-key.json").exists());
}

fn payload(jwt: &str) -> Value {
    use base64::Engine as _;
    let payload = jwt.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

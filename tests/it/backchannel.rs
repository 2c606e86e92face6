//! `POST /backchannel-logout` over HTTP. What a token must say is shown case by case by the
//! vectors; here are the request, the answer, and that nothing is written when it is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Op, Service, now, until};

const FORM: &str = "application/x-www-form-urlencoded";

struct House {
    _folder: tempfile::TempDir,
    op: Op,
    other: Op,
    service: Service,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let (op, other) = (Op::new("home", folder.path()), Op::new("other", folder.path()));
    let providers = op.settings() + &other.settings();
    let service = Service::start(folder.path(), &providers);
    House { _folder: folder, op, other, service }
}

impl House {
    /// Whether this session's tokens are refused.
    async fn ended(&self, sid: &str) -> bool {
        let question = json!({ "iss": self.op.issuer, "sid": sid });
        self.service.post("/v1/check", &question).await["revoked"].as_bool().unwrap()
    }

    /// Asserts a refusal in the norm's form that tells a forger nothing.
    fn refused(answer: &Answer, reason: &str) {
        assert_eq!(answer.status, 400, "{reason}: {answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("content-type"), "application/json");
        let body = answer.json();
        assert_eq!(body["error"], "invalid_request", "{reason}");
        let description = body["error_description"].as_str().unwrap();
        assert!(
            description.starts_with("the logout token was refused")
                || description.starts_with("send one")
        );
    }

    async fn counted(&self, outcome: &str, reason: &str) -> u64 {
        let labels = format!("outcome=\"{outcome}\",provider=\"home\",reason=\"{reason}\"");
        self.service.count(&format!("signout_logout_tokens_total{{{labels}}}")).await
    }
}

#[tokio::test]
async fn bcl_27_success_is_an_empty_200_that_no_cache_keeps() {
    let house = house();
    for path in ["/backchannel-logout", "/backchannel-logout/home"] {
        let sid = format!("s{}", path.len());
        let answer = house.service.logout_at(path, &house.op.logout_token(&sid, &sid)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(house.ended(&sid).await);
    }
}

#[tokio::test]
async fn bcl_1_other_parameters_are_ignored() {
    let house = house();
    let token = house.op.logout_token("l", "s");
    let form = format!("ignored_parameter=x&logout_token={token}&state=y");
    assert_eq!(house.service.post_form("/backchannel-logout", form).await.status, 200);
}

#[tokio::test]
async fn bcl_2_exactly_one_logout_token_in_a_form() {
    let house = house();
    let token = house.op.logout_token("l", "s");
    let json = json!({ "logout_token": token }).to_string();
    for (content_type, body) in [
        (FORM, String::new()),
        (FORM, "logout_token=".to_owned()),
        (FORM, format!("logout_token={token}&logout_token={token}")),
        (FORM, format!("LOGOUT_TOKEN={token}")),
        ("application/json", json),
        ("text/plain", format!("logout_token={token}")),
        ("", format!("logout_token={token}")),
    ] {
        let mut request = house.service.request(Method::POST, "/backchannel-logout").body(body);
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        House::refused(&Answer::of(request).await, content_type);
    }
    let query = format!("/backchannel-logout?logout_token={token}");
    House::refused(&house.service.post_form(&query, String::new()).await, "in the query");
    assert!(!house.ended("s").await);
}

#[tokio::test]
async fn bcl_3_methods_and_charset() {
    let house = house();
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        for path in ["/backchannel-logout", "/backchannel-logout/home"] {
            let answer = Answer::of(house.service.request(method.clone(), path)).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method} {path}");
        }
    }
    let form = format!("logout_token={}", house.op.logout_token("l", "s"));
    let request = house.service.request(Method::POST, "/backchannel-logout").body(form);
    let request =
        request.header("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
    assert_eq!(Answer::of(request).await.status, 200);
}

#[tokio::test]
async fn bcl_5_a_body_is_capped_before_it_is_read() {
    let house = house();
    let form = format!("logout_token={}", "a".repeat(10 << 20));
    // The service may close the connection while the rest is still being sent.
    let request = house.service.request(Method::POST, "/backchannel-logout");
    let sent = request.header("content-type", FORM).body(form).send().await;
    if let Ok(answer) = sent {
        assert_eq!(answer.status().as_u16(), 413);
    }
    let small = format!("x={}", "a".repeat(17_000));
    let answer = house.service.post_form("/backchannel-logout", small).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["error"], "invalid_request");
}

#[tokio::test]
async fn bcl_8_to_17_what_is_refused_changes_nothing() {
    let house = house();
    let good = house.op.logout_claims("l", "s");
    let with = |member: &str, value: Value| {
        let mut claims = good.clone();
        claims[member] = value;
        house.op.sign("logout+jwt", &claims)
    };
    let without = |member: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(member);
        house.op.sign("logout+jwt", &claims)
    };
    let unsigned = |alg: &str| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&json!({ "alg": alg })), part(&good))
    };
    let foreign = house.other.sign("logout+jwt", &good);
    let event = "http://schemas.openid.net/event/backchannel-logout";
    for (why, token) in [
        ("conf_2 alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("conf_3 no event", without("events")),
        ("conf_4 nonce", with("nonce", json!("n"))),
        ("bcl_16 nonce null", with("nonce", Value::Null)),
        ("conf_6 aud", with("aud", json!("appINVALID"))),
        ("bcl_10 no aud", without("aud")),
        (
            "conf_7 other event",
            with("events", json!({ "http://schemas.openid.net/event/foobar": {} })),
        ),
        ("bcl_15 event true", with("events", json!({ event: true }))),
        ("conf_8 iss", with("iss", json!("https://home.exampleINVALID"))),
        ("bcl_7 other issuer's key", foreign),
        ("bcl_11 no iat", without("iat")),
        ("bcl_11 old", with("iat", json!(now() - 600))),
        ("bcl_12 no exp", without("exp")),
        ("bcl_12 expired", with("exp", json!(now() - 120))),
        ("bcl_13 no jti", without("jti")),
        ("bcl_14 nobody", without("sid")),
        ("bcl_17 typ", house.op.sign("at+jwt", &good)),
        ("access token", house.op.sign("at+jwt", &house.op.access_claims("t", "s", "alice"))),
        ("garbage", "not.a.token".to_owned()),
    ] {
        House::refused(&house.service.logout(&token).await, why);
        assert!(!house.ended("s").await, "{why}");
    }
    assert_eq!(house.service.count("signout_denylist_entries{target=\"session\"}").await, 0);
    // The same claims, untouched: every refusal above had its own reason.
    assert_eq!(house.service.logout(&house.op.logout_token("l", "s")).await.status, 200);
}

#[tokio::test]
async fn refusals_are_counted_by_reason_and_logged_without_the_token() {
    let house = house();
    let mut claims = house.op.logout_claims("secret-jti", "secret-sid");
    claims["nonce"] = json!("n");
    let token = house.op.sign("logout+jwt", &claims);
    House::refused(&house.service.logout(&token).await, "nonce");
    let metrics = house.service.operators("/metrics").await.body;
    let counted = metrics.lines().any(|line| {
        line.starts_with("signout_logout_tokens_total")
            && line.contains("outcome=\"refused\"")
            && line.contains("provider=\"home\"")
            && line.contains("nonce")
    });
    assert!(counted, "{metrics}");
    house.service.logout(&house.op.logout_token("secret-jti-2", "secret-sid-2")).await;
    let log = house.service.log_when(|log| {
        log.contains("\"outcome\":\"refused\"") && log.contains("\"outcome\":\"applied\"")
    });
    for secret in ["secret-", &token[..40]] {
        assert!(!log.contains(secret) && !metrics.contains(secret), "i17: {secret} leaked");
    }
}

#[tokio::test]
async fn bcl_18_a_retransmission_has_no_second_effect() {
    let house = house();
    let token = house.op.logout_token("l", "s");
    assert_eq!(house.service.logout(&token).await.status, 200);
    assert_eq!(house.service.logout(&token).await.status, 200);
    assert_eq!(house.counted("applied", "none").await, 1);
    assert_eq!(house.counted("repeated", "none").await, 1);
    House::refused(&house.service.logout(&house.op.logout_token("l", "t")).await, "reused jti");
    assert_eq!(house.counted("refused", "jti_reused").await, 1);
    assert!(!house.ended("t").await);
}

#[tokio::test]
async fn a_token_goes_to_its_own_provider_only() {
    let house = house();
    let token = house.op.logout_token("l", "s");
    let answer = house.service.logout_at("/backchannel-logout/other", &token).await;
    House::refused(&answer, "another provider's route");
    let answer = house.service.logout_at("/backchannel-logout/nobody", &token).await;
    assert_eq!((answer.status, answer.header("cache-control")), (404, "no-store"));
    assert!(!house.ended("s").await);
    let same_sid = json!({ "iss": house.other.issuer, "sid": "s" });
    assert_eq!(house.service.logout(&token).await.status, 200);
    assert_eq!(house.service.post("/v1/check", &same_sid).await["revoked"], false);
}

#[tokio::test]
async fn bcl_4_no_cookie_no_redirect_no_cors() {
    let house = house();
    let request = house.service.request(Method::POST, "/backchannel-logout");
    let form = format!("logout_token={}", house.op.logout_token("l", "s"));
    let request = request
        .header("content-type", FORM)
        .header("origin", "https://evil.example")
        .header("cookie", "session=1");
    let answer = Answer::of(request.body(form)).await;
    assert_eq!(answer.status, 200);
    for absent in ["set-cookie", "location", "access-control-allow-origin"] {
        assert_eq!(answer.header(absent), "");
    }
}

#[tokio::test]
async fn i17_a_hostile_path_makes_no_series_and_no_log_line_of_its_own() {
    let house = house();
    let series = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    house.service.logout_at("/backchannel-logout/x", "t").await;
    // The age of a provider's keys has a series once there are keys.
    until("both have keys", async || {
        let text = house.service.operators("/metrics").await.body;
        text.matches("\nsignout_jwks_age_seconds{").count() == 2
    })
    .await;
    let before = series(&house.service.operators("/metrics").await.body);
    for n in 0..50 {
        let path = format!("/backchannel-logout/hostile-{n}");
        house.service.logout_at(&path, &format!("a.b.{n}")).await;
    }
    assert_eq!(series(&house.service.operators("/metrics").await.body), before);
    assert!(!house.service.log().contains("hostile-"));
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_a_503_and_other_providers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let gone = Op::new("gone", folder.path());
    let issuer = "http://127.0.0.1:1/gone";
    let unreachable = format!(
        "[[provider]]\nname = \"gone\"\nissuer = {issuer:?}\nclient_ids = [\"app\"]\n\
         algorithms = [\"ES256\"]\nallow_insecure_http = true\n"
    );
    let service = Service::start(folder.path(), &(op.settings() + &unreachable));
    let mut claims = gone.logout_claims("l", "s");
    claims["iss"] = json!(issuer);
    let answer = service.logout(&gone.sign("logout+jwt", &claims)).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    assert_eq!(service.logout(&op.logout_token("l", "s")).await.status, 200);
    let ready = service.operators("/readyz?verbose").await;
    assert_eq!(ready.status, 200);
    assert!(ready.body.contains("provider gone: no keys yet"), "{}", ready.body);
}

#[tokio::test]
async fn a_callers_trace_stands_beside_the_lines_of_its_request() {
    let house = house();
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let form = format!("logout_token={}", house.op.logout_token("l", "s"));
    let request = house.service.request(Method::POST, "/backchannel-logout").body(form);
    let request = request
        .header("content-type", FORM)
        .header("traceparent", format!("00-{trace_id}-00f067aa0ba902b7-01"));
    assert_eq!(Answer::of(request).await.status, 200);
    house.service.log_when(|log| {
        log.lines().any(|line| line.contains(trace_id) && line.contains("\"outcome\":\"applied\""))
    });
}

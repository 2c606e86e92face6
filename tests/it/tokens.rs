//! `/v1/tokens`, `/v1/check` and `/v1/revocations`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Op, Service, now};

struct House {
    folder: tempfile::TempDir,
    op: Op,
    service: Service,
}

fn house() -> House {
    house_with("")
}

fn house_with(more: &str) -> House {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let service = Service::start(folder.path(), &(op.settings() + more));
    House { folder, op, service }
}

impl House {
    fn facts(&self, jti: &str, sid: &str, sub: &str) -> Value {
        json!({
            "iss": self.op.issuer, "jti": jti, "sid": sid, "sub": sub, "client_id": "app",
            "iat": now() - 10, "exp": now() + 600,
        })
    }

    async fn check(&self, question: Value) -> Value {
        self.service.post("/v1/check", &question).await
    }

    async fn revoked(&self, jti: &str) -> bool {
        let answer = self.check(json!({ "iss": self.op.issuer, "jti": jti })).await;
        answer["revoked"].as_bool().unwrap()
    }
}

#[tokio::test]
async fn a_session_from_registration_to_refusal() {
    let house = house();
    let mine = house.facts("t1", "s1", "alice");
    assert_eq!(house.service.post("/v1/tokens", &mine).await, json!({ "status": "registered" }));
    let again = house.service.post("/v1/tokens", &mine).await;
    assert_eq!(again, json!({ "status": "already_registered" }));
    house.service.post("/v1/tokens", &house.facts("t2", "s2", "alice")).await;

    let question = json!({ "iss": house.op.issuer, "jti": "t1" });
    let before = house.check(question.clone()).await;
    assert_eq!(before, json!({ "revoked": false, "known": true, "staleness_ms": 0 }));
    assert_eq!(house.service.logout(&house.op.logout_token("l", "s1")).await.status, 200);

    let after = house.check(question).await;
    assert_eq!(after["revoked"], true);
    assert_eq!(after["reason"], "backchannel_logout");
    assert_eq!(after["target"], "token");
    assert_eq!(after["known"], true);
    assert!(after["revoked_at"].as_u64().unwrap().abs_diff(now()) < 60);
    assert!(!house.revoked("t2").await);

    let born = house.service.post("/v1/tokens", &house.facts("t3", "s1", "alice")).await;
    assert_eq!(born, json!({ "status": "born_revoked", "reason": "backchannel_logout" }));
    assert!(house.revoked("t3").await);
}

#[tokio::test]
async fn i1_nothing_is_forgotten_across_a_kill() {
    let mut house = house();
    house.service.post("/v1/tokens", &house.facts("t1", "s1", "alice")).await;
    house.service.post("/v1/tokens", &house.facts("t2", "s2", "alice")).await;
    house.service.logout(&house.op.logout_token("l", "s1")).await;
    house.service.kill();
    house.service = Service::start(house.folder.path(), &house.op.settings());
    assert!(house.revoked("t1").await);
    assert!(!house.revoked("t2").await);
    let known = house.check(json!({ "iss": house.op.issuer, "jti": "t2" })).await;
    assert_eq!(known["known"], true);
    house.service.logout(&house.op.logout_token("m", "s2")).await;
    assert!(house.revoked("t2").await);
}

#[tokio::test]
async fn arrays_answer_item_by_item() {
    let house = house();
    let good = house.facts("a", "s", "alice");
    let mut conflict = good.clone();
    conflict["sid"] = json!("other");
    let mut expired = house.facts("b", "s", "alice");
    expired["iat"] = json!(now() - 9_000);
    expired["exp"] = json!(now() - 8_000);
    let answer = house.service.post("/v1/tokens", &json!([good, conflict, expired])).await;
    let statuses: Vec<_> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["registered", "refused", "refused"]);
    assert!(answer[1]["detail"].as_str().unwrap().contains("another token"));

    let questions: Vec<_> =
        (0..1_000).map(|n| json!({ "iss": house.op.issuer, "jti": format!("{n}") })).collect();
    let answers = house.check(json!(questions)).await;
    assert_eq!(answers.as_array().unwrap().len(), 1_000);
    assert_eq!(house.check(json!([])).await, json!([]));
    let too_many = vec![json!({ "iss": house.op.issuer, "jti": "x" }); 1_001];
    let refused = house.service.call(Method::POST, "/v1/check", &json!(too_many)).await;
    assert_eq!(refused.status, 413);
}

#[tokio::test]
async fn signed_tokens_speak_for_themselves() {
    let house = house();
    let token = house.op.sign("at+jwt", &house.op.access_claims("t", "s", "alice"));
    let item = json!({ "token": token });
    assert_eq!(house.service.post("/v1/tokens", &item).await["status"], "registered");
    assert_eq!(house.check(item.clone()).await["revoked"], false);
    house.service.logout(&house.op.logout_token("l", "s")).await;
    assert_eq!(house.check(item).await["target"], "token");

    // Many providers put no sid into access tokens: it is told beside the token.
    let mut claims = house.op.access_claims("u", "", "carol");
    claims.as_object_mut().unwrap().remove("sid");
    let token = house.op.sign("at+jwt", &claims);
    let with_sid = json!({ "token": token, "sid": "s9" });
    assert_eq!(house.service.post("/v1/tokens", &with_sid).await["status"], "registered");
    house.service.logout(&house.op.logout_token("k", "s9")).await;
    assert_eq!(house.check(json!({ "token": token })).await["revoked"], true);
    let contradicting = json!({ "token": token, "sub": "dave" });
    let refused = house.service.call(Method::POST, "/v1/tokens", &contradicting).await;
    assert!(refused.status == 400 && refused.body.contains("another sub"), "{refused:?}");

    // jwt_11: without a jti the signed part names the token.
    let mut claims = house.op.access_claims("", "s2", "bob");
    claims.as_object_mut().unwrap().remove("jti");
    let nameless = json!({ "token": house.op.sign("at+jwt", &claims) });
    assert_eq!(house.service.post("/v1/tokens", &nameless).await["status"], "registered");
    assert_eq!(house.check(nameless.clone()).await["known"], true);
    house.service.logout(&house.op.logout_token("m", "s2")).await;
    assert_eq!(house.check(nameless).await["revoked"], true);

    let logout_token = house.op.logout_token("n", "s3");
    let forged = format!("{}x", house.op.sign("at+jwt", &house.op.access_claims("u", "s", "a")));
    for (why, token) in
        [("a logout token", logout_token), ("forged", forged), ("opaque", "x".into())]
    {
        for path in ["/v1/tokens", "/v1/check"] {
            let answer = house.service.call(Method::POST, path, &json!({ "token": token })).await;
            assert_eq!(answer.status, 400, "{why} {path}: {answer:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
    }
}

#[tokio::test]
async fn offline_refresh_tokens_are_spared_unless_told() {
    let house = house();
    for (jti, kind) in [("o", "offline_refresh"), ("r", "refresh"), ("a", "access")] {
        let mut facts = house.facts(jti, "s", "alice");
        facts["kind"] = json!(kind);
        facts["exp"] = json!(now() + 3_000);
        house.service.post("/v1/tokens", &facts).await;
    }
    house.service.logout(&house.op.logout_token("l", "s")).await;
    assert!(house.revoked("a").await && house.revoked("r").await && !house.revoked("o").await);
    // Also when asked with its session, which did end: the service knows what kind it is.
    let asked = json!({ "iss": house.op.issuer, "jti": "o", "sid": "s", "sub": "alice" });
    assert_eq!(house.check(asked).await["revoked"], false);

    let mut claims = house.op.logout_claims("m", "s");
    claims["events"]["revoke_offline_access"] = json!(true);
    house.service.logout(&house.op.sign("logout+jwt", &claims)).await;
    assert!(house.revoked("o").await);
}

#[tokio::test]
async fn orders_revoke_and_dry_runs_only_tell() {
    let house = house();
    for (jti, sid, sub) in [("a", "s1", "alice"), ("b", "s2", "alice"), ("c", "s3", "bob")] {
        house.service.post("/v1/tokens", &house.facts(jti, sid, sub)).await;
    }
    let order = json!({
        "target": { "iss": house.op.issuer, "sub": "alice" }, "reason": "account_disabled",
    });
    let dry = house.service.post("/v1/revocations?dry_run=true", &order).await;
    assert_eq!(dry, json!({ "tokens_hit": 2 }));
    assert!(!house.revoked("a").await);

    let answer = house.service.call(Method::POST, "/v1/revocations", &order).await;
    assert_eq!(answer.status, 201);
    let carried = answer.json();
    assert_eq!(carried["tokens_hit"], 2);
    let position = carried["position"].as_str().unwrap();
    let path = format!("/v1/check?at_least={position}");
    let question = json!({ "iss": house.op.issuer, "jti": "a" });
    let seen = house.service.post(&path, &question).await;
    assert_eq!((&seen["revoked"], &seen["reason"]), (&json!(true), &json!("account_disabled")));
    assert!(house.revoked("b").await && !house.revoked("c").await);

    // A later login of alice passes; tokens of then do not.
    let asked = |iat: u64| json!({ "iss": house.op.issuer, "sub": "alice", "iat": iat });
    assert_eq!(house.check(asked(now() - 5)).await["revoked"], true);
    assert_eq!(house.check(asked(now() + 5)).await["revoked"], false);
}

#[tokio::test]
async fn at_least_waits_shortly_and_knows_its_journal() {
    let house = house();
    let question = json!({ "iss": house.op.issuer, "jti": "a" });
    let order = json!({ "target": { "iss": house.op.issuer, "jti": "a" }, "reason": "admin" });
    let carried = house.service.post("/v1/revocations", &order).await;
    let (epoch, seq) = carried["position"].as_str().unwrap().split_once('.').unwrap();
    let ahead: u64 = seq.parse::<u64>().unwrap() + 1;
    for (position, status) in [
        (format!("{epoch}.{seq}"), 200),
        (format!("{epoch}.0"), 200),
        (format!("{epoch}.{ahead}"), 503),
        ("0123456789abcdef.1".to_owned(), 409),
        ("nonsense".to_owned(), 400),
    ] {
        let path = format!("/v1/check?at_least={position}");
        let answer = house.service.call(Method::POST, &path, &question).await;
        assert_eq!(answer.status, status, "{position}: {answer:?}");
    }
}

#[tokio::test]
async fn who_may_call_what() {
    let keys = "[[api_key]]\nname = \"reader\"\nkey = \"only-may-check-things\"\nscopes = [\"check\"]\n\
                [[api_key]]\nname = \"stranger\"\nkey = \"of-another-provider\"\n\
                scopes = [\"register\", \"check\", \"revoke\"]\nissuers = [\"away\"]\n";
    let folder = tempfile::tempdir().unwrap();
    let away = Op::new("away", folder.path());
    let house = house_with(&(away.settings() + keys));
    let facts = house.facts("t", "s", "alice");
    let question = json!({ "iss": house.op.issuer, "jti": "t" });

    let bare = house.service.request(Method::POST, "/v1/check").body(question.to_string());
    let bare = Answer::of(bare).await;
    assert_eq!((bare.status, bare.header("www-authenticate")), (401, "Bearer realm=\"signout\""));

    for (key, path, body, status) in [
        ("wrong-key-wrong-key", "/v1/check", &question, 401),
        ("only-may-check-things", "/v1/check", &question, 200),
        ("only-may-check-things", "/v1/tokens", &facts, 403),
        ("of-another-provider", "/v1/tokens", &facts, 403),
        ("of-another-provider", "/v1/check", &question, 403),
    ] {
        let answer = house.service.call_as(key, Method::POST, path, body).await;
        assert_eq!(answer.status, status, "{key} {path}: {answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let wrong =
        house.service.call_as("wrong-key-wrong-key", Method::POST, "/v1/check", &question).await;
    assert!(wrong.header("www-authenticate").contains("error=\"invalid_token\""));
    // An issuer that nobody configured answers the same as one that the key may not touch.
    let elsewhere = json!({ "iss": "https://nobody.example", "jti": "t" });
    let nobody = house.service.call(Method::POST, "/v1/check", &elsewhere).await;
    let foreign =
        house.service.call_as("of-another-provider", Method::POST, "/v1/check", &question).await;
    assert_eq!((nobody.status, nobody.body), (foreign.status, foreign.body));
    assert!(!house.service.log().contains("wrong-key"));
}

#[tokio::test]
async fn bad_bodies_get_a_clear_error_and_change_nothing() {
    let house = house();
    let good = house.facts("t", "s", "alice");
    let with = |member: &str, value: Value| {
        let mut facts = good.clone();
        facts[member] = value;
        facts
    };
    for (body, detail) in [
        (json!({ "iss": house.op.issuer }), "jti is missing"),
        (with("jti", json!("")), "jti is empty"),
        (with("sid", json!("a\nb")), "sid holds a control character at byte 1"),
        (with("sub", json!("x".repeat(256))), "sub has 256 bytes, the limit is 255"),
        (with("iat", json!("1700000000")), "iat"),
        (with("exp", json!(-1)), "exp"),
        (with("exp", json!(1e300)), "exp"),
        (with("exp", json!(now() - 11)), "exp is not after iat"),
        (with("exp", json!(now() + 10 * 86_400)), "max_token_lifetime"),
        (with("kind", json!("cookie")), "kind"),
        (with("colour", json!("red")), "colour"),
        (with("token", json!("a.b.c")), "a token tells its iss, jti, iat and exp itself"),
        (json!("text"), "not as openapi.yaml says"),
    ] {
        let answer = house.service.call(Method::POST, "/v1/tokens", &body).await;
        assert_eq!(answer.status, 400, "{detail}: {answer:?}");
        let found = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(found.contains(detail), "{detail}: {found}");
    }
    // One malformed item, and none of the array is registered.
    let mixed = json!([good, { "iss": house.op.issuer }]);
    let answer = house.service.call(Method::POST, "/v1/tokens", &mixed).await;
    assert!(answer.json()["detail"].as_str().unwrap().starts_with("item 1: "), "{answer:?}");
    assert_eq!(house.check(json!({ "iss": house.op.issuer, "jti": "t" })).await["known"], false);

    let nobody =
        house.service.call(Method::POST, "/v1/check", &json!({ "iss": house.op.issuer })).await;
    assert!(nobody.json()["detail"].as_str().unwrap().contains("at least one of"));
    for (target, reason) in [
        (json!({ "iss": house.op.issuer, "jti": "a", "sub": "b" }), "admin"),
        (json!({ "iss": house.op.issuer, "jti": "a" }), "because"),
    ] {
        let order = json!({ "target": target, "reason": reason });
        assert_eq!(house.service.call(Method::POST, "/v1/revocations", &order).await.status, 400);
    }
    let future = json!({
        "target": { "iss": house.op.issuer, "sub": "a" }, "reason": "admin",
        "issued_before": now() + 3_600,
    });
    assert_eq!(house.service.call(Method::POST, "/v1/revocations", &future).await.status, 400);
}

#[tokio::test]
async fn forgetting_lets_go_and_revokes_nothing() {
    let house = house();
    house.service.post("/v1/tokens", &house.facts("t", "s", "alice")).await;
    let body = json!({ "iss": house.op.issuer, "jti": ["t", "unknown"] });
    let answer = house.service.call(Method::DELETE, "/v1/tokens", &body).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "forgotten": 1 })));
    let asked = house.check(json!({ "iss": house.op.issuer, "jti": "t" })).await;
    assert_eq!((&asked["known"], &asked["revoked"]), (&json!(false), &json!(false)));
}

//! RFC 7009 (`rev`).

use reqwest::Method;
use serde_json::json;

use super::*;

#[tokio::test]
async fn rev_1_access_and_refresh_tokens() {
    let house = house();
    let token = house.token("access");
    house.register(json!({ "opaque_token": "r3fr3sh", "kind": "refresh" })).await;
    assert!(house.is_active(&token).await);
    assert_eq!(house.introspect(APP, "r3fr3sh").await.json()["active"], true);
    for token in [&*token, "r3fr3sh"] {
        let answer = house.revoke(APP, token).await;
        assert_eq!((answer.status, &*answer.body), (200, ""), "{answer:?}");
        assert_eq!(house.introspect(APP, token).await.body, r#"{"active":false}"#);
    }
    assert!(house.revoked("access").await);
    let log = house.service.log();
    assert!(log.contains("token revoked") && !log.contains("r3fr3sh"), "{log}");
}

#[tokio::test]
async fn rev_2_the_client_comes_first() {
    let house = house();
    let token = house.token("t");
    let form = |pairs: &[(&str, &str)]| encoded(pairs);
    for (id, secret) in [("app", "wrong"), ("nobody", APP[1]), ("other", APP[1]), ("", "")] {
        let answer = house.revoke([id, secret], &token).await;
        check_error(&answer, 401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"signout\"");
        let pairs = [("client_id", id), ("client_secret", secret), ("token", &token)];
        let answer = house.service.post_form("/oauth2/revoke", form(&pairs)).await;
        check_error(&answer, 401, "invalid_client");
    }
    // Before anything is said about the token.
    let answer = house.service.post_form("/oauth2/revoke", String::new()).await;
    check_error(&answer, 401, "invalid_client");
    check_error(&house.revoke(READER, &token).await, 400, "unauthorized_client");
    assert!(house.is_active(&token).await);
    let pairs = [("client_id", APP[0]), ("client_secret", APP[1]), ("token", &token)];
    let answer = house.service.post_form("/oauth2/revoke", form(&pairs)).await;
    assert_eq!(answer.status, 200);
    assert!(!house.is_active(&token).await);
    let log = house.service.log();
    assert!(!log.contains(APP[1]) && !log.contains("wrong"), "{log}");
}

#[tokio::test]
async fn rev_3_only_the_clients_own() {
    let house = house();
    let token = house.token("t");
    house.register(json!({ "opaque_token": "opaque" })).await;
    house.register(json!({ "opaque_token": "nobodys", "client_id": null })).await;
    // Registered for one client, and by its own words another's: nobody's.
    let disputed = house.token("disputed");
    house.register(json!({ "jti": "disputed", "client_id": "other" })).await;
    for (client, tokens) in [
        (OTHER, vec![&*token, "opaque", "nobodys", &*disputed]),
        (ABROAD, vec![&*token, "opaque", "nobodys", &*disputed]),
        (APP, vec!["nobodys", &*disputed]),
    ] {
        for token in tokens {
            assert_eq!(house.revoke(client, token).await.status, 200);
            assert_eq!(house.introspect(ADMIN, token).await.json()["active"], true, "{client:?}");
        }
    }
    for token in [&*token, "opaque", "nobodys", &disputed] {
        assert_eq!(house.revoke(ADMIN, token).await.status, 200);
        assert_eq!(house.introspect(ADMIN, token).await.json()["active"], false, "{token}");
    }
}

#[tokio::test]
async fn rev_4_the_same_answer_whatever_the_token_was() {
    let house = house();
    let with = |jti: &str, more: Value| {
        let mut claims = house.op.access_claims(jti, "s", "alice");
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.op.sign("at+jwt", &claims)
    };
    let own = house.token("own");
    let foreign = with("foreign", json!({ "client_id": "other" }));
    let expired = with("expired", json!({ "iat": now() - 9_000, "exp": now() - 8_000 }));
    let abroad = with("abroad", json!({ "iss": "https://nobody.example" }));
    let no_jti = with("x", json!({ "jti": "" }));
    let mut forged = own.clone();
    forged.replace_range(forged.len() - 6.., "AAAAAA");
    let before = house
        .service
        .count("signout_revocations_total{source=\"revocation_request\",target=\"token\"}")
        .await;
    let mut answers = Vec::new();
    for token in [
        &own,
        &own,
        &foreign,
        &expired,
        &abroad,
        &no_jti,
        &forged,
        "unknown",
        "a.b.c",
        "....",
        "ä\u{0}\n",
        &"x".repeat(12_000),
    ] {
        let mut answer = house.revoke(APP, token).await;
        answer.headers.remove("date");
        let mut headers: Vec<_> =
            answer.headers.iter().map(|(n, v)| format!("{n}: {v:?}")).collect();
        headers.sort();
        answers.push((answer.status, headers, answer.body));
    }
    assert_eq!((answers[0].0, &*answers[0].2), (200, ""));
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer, &answers[0], "number {number}");
    }
    let after = house
        .service
        .count("signout_revocations_total{source=\"revocation_request\",target=\"token\"}")
        .await;
    assert_eq!(after - before, 1, "only the client's own, and that once");
}

#[tokio::test]
async fn rev_5_a_hint_is_no_more_than_that() {
    let house = house();
    for (jti, hint) in [("a", "access_token"), ("b", "id_token"), ("c", ""), ("d", "refresh_token")]
    {
        let text = format!("refresh-{jti}");
        house.register(json!({ "opaque_token": text, "kind": "refresh", "sid": jti })).await;
        let form = [("token", &*text), ("token_type_hint", hint), ("unknown", "1")];
        assert_eq!(house.ask("/oauth2/revoke", APP, &form).await.status, 200);
        assert_eq!(house.introspect(APP, &text).await.json()["active"], false, "{hint}");
    }
}

#[tokio::test]
async fn rev_6_requests_that_say_nothing_to_revoke() {
    let house = house();
    let token = house.token("t");
    for form in [
        &[][..],
        &[("token", "")],
        &[("tokens", &*token)],
        &[("token", &*token), ("token", &*token)],
        &[("token", &*token), ("token", "")],
        &[("token", &*token), ("client_id", "app"), ("client_id", "app")],
        &[("token", &*token), ("client_secret", APP[1])],
    ] {
        check_error(&house.ask("/oauth2/revoke", APP, form).await, 400, "invalid_request");
    }
    let post = |kind: &str, body: String| {
        let request = house.service.request(Method::POST, "/oauth2/revoke");
        let request = request.basic_auth(APP[0], Some(APP[1])).header("content-type", kind);
        Answer::of(request.body(body))
    };
    let json = json!({ "token": token }).to_string();
    check_error(&post("application/json", json).await, 400, "invalid_request");
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    let large = encoded(&[("token", &"x".repeat(20_000))]);
    check_error(&post(kind, large).await, 413, "invalid_request");
    assert!(house.is_active(&token).await, "nothing of this had an effect");

    let logout = house.op.logout_token("l", "s");
    check_error(&house.revoke(APP, &logout).await, 400, "unsupported_token_type");
    assert!(house.is_active(&token).await);
    assert_eq!(post(kind, encoded(&[("token", &token)])).await.status, 200);
}

/// The provider's keys are missing, so nobody can tell whose token it is. A full disk: `outages`.
#[tokio::test]
async fn rev_6_what_cannot_be_told_is_no_200() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let gone = Op::new("gone", folder.path());
    let missing = gone.settings().replace("gone.jwks.json", "nowhere.json");
    let service = Service::start(
        folder.path(),
        &format!("{}{missing}{KEYS}", op.settings())
            .replace("issuers = [\"away\"]", "issuers = [\"gone\"]"),
    );
    let house = House { folder, op, service };
    let token = gone.sign("at+jwt", &gone.access_claims("t", "s", "alice"));
    for path in ["/oauth2/revoke", "/oauth2/introspect"] {
        let answer = house.ask(path, APP, &[("token", &token)]).await;
        check_error(&answer, 503, "temporarily_unavailable");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    }
}

#[tokio::test]
async fn rev_7_the_grant_ends_with_its_refresh_token() {
    let house = house();
    let (access, mine) = (house.token("access"), house.token("mine"));
    house.register(json!({ "opaque_token": "refresh", "kind": "refresh" })).await;
    house.register(json!({ "jti": "access" })).await;
    house.register(json!({ "jti": "of-another-client", "client_id": "other" })).await;
    house.register(json!({ "jti": "of-another-session", "sid": "t" })).await;
    house.register(json!({ "opaque_token": "again", "kind": "refresh", "sid": "t" })).await;
    // An access token alone leaves the rest.
    assert_eq!(house.revoke(APP, &mine).await.status, 200);
    assert!(house.is_active(&access).await);
    assert_eq!(house.revoke(APP, "refresh").await.status, 200);
    assert!(!house.is_active(&access).await);
    for (jti, revoked) in
        [("access", true), ("of-another-client", false), ("of-another-session", false)]
    {
        assert_eq!(house.revoked(jti).await, revoked, "{jti}");
    }
    assert_eq!(house.introspect(APP, "again").await.json()["active"], true);
    // The session itself goes on: the user is still signed in.
    house.register(json!({ "jti": "next" })).await;
}

#[tokio::test]
async fn rev_8_post_only() {
    let house = house();
    let token = house.token("t");
    for path in ["/oauth2/revoke", "/oauth2/introspect"] {
        let query = format!("{path}?{}", encoded(&[("token", &token), ("callback", "f")]));
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let request = house.service.request(method, &query).basic_auth(APP[0], Some(APP[1]));
            let answer = Answer::of(request).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{answer:?}");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
        // The query is never looked at.
        let request = house.service.request(Method::POST, &query).basic_auth(APP[0], Some(APP[1]));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        check_error(&Answer::of(request).await, 400, "invalid_request");
    }
    assert!(house.is_active(&token).await);
    assert!(!house.service.log().contains(&token));
}

#[tokio::test]
async fn i1_a_revocation_survives_a_kill() {
    let mut house = house();
    let token = house.token("t");
    house.register(json!({ "opaque_token": "refresh", "kind": "refresh" })).await;
    house.register(json!({ "jti": "access" })).await;
    for token in [&*token, "refresh"] {
        assert_eq!(house.revoke(APP, token).await.status, 200);
    }
    house.service.kill();
    let away = Op::new("away", house.folder.path());
    let settings = format!("{}{}{KEYS}", house.op.settings(), away.settings());
    house.service = Service::start(house.folder.path(), &settings);
    assert!(house.revoked("t").await && house.revoked("access").await);
    assert_eq!(house.introspect(APP, "refresh").await.json()["active"], false);
}

/// Its text is hashed at the door: the same token by `opaque_token` and by the `jti` that a registrar
/// computes.
#[tokio::test]
async fn opaque_tokens_are_known_by_a_digest() {
    // printf %s r3fr3sh | sha256sum
    const DIGEST: &str = "sha-256:8e7b5fc452f107102aedaddd7073d7040370c496c9d904936342f30ce7fe9c82";
    let house = house();
    let facts = |more: Value| {
        let mut facts = json!({
            "iss": house.op.issuer, "client_id": "app", "iat": 1, "exp": now() + 600,
            "kind": "refresh",
        });
        facts.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        facts
    };
    let by_text = facts(json!({ "opaque_token": "r3fr3sh", "iat": now() - 10 }));
    let mut by_digest = by_text.clone();
    by_digest.as_object_mut().unwrap().remove("opaque_token");
    by_digest["jti"] = json!(DIGEST);
    let answer = house.service.post("/v1/tokens", &by_text).await;
    assert_eq!(answer["status"], "registered");
    let answer = house.service.post("/v1/tokens", &by_digest).await;
    assert_eq!(answer["status"], "already_registered");
    for (more, detail) in [
        (json!({ "opaque_token": "a", "jti": "b" }), "either jti or opaque_token"),
        (json!({ "opaque_token": "" }), "opaque_token has 1 to 8192 bytes"),
        (json!({ "opaque_token": "x".repeat(8_193) }), "opaque_token has 1 to 8192 bytes"),
        (json!({ "opaque_token": "a", "token": "b" }), "a token tells its iss"),
    ] {
        let answer = house.service.call(Method::POST, "/v1/tokens", &facts(more)).await;
        let told = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 400 && told.contains(detail), "{detail}: {answer:?}");
    }
    assert_eq!(house.revoke(APP, "r3fr3sh").await.status, 200);
    assert!(house.revoked(DIGEST).await);
    let journal = std::fs::read(house.folder.path().join("signout.redb")).unwrap();
    assert!(!journal.windows(7).any(|bytes| bytes == b"r3fr3sh"), "the text is nowhere");
    assert!(journal.windows(12).any(|bytes| bytes == &DIGEST.as_bytes()[8..20]));
}

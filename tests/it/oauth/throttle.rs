//! Who is wrong too often is answered 429, and nobody else notices (`intro_6`).

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::*;

/// More than are let through at once, and than come back while this runs.
const WRONG_KEYS: usize = 200;
const UNKNOWN_TOKENS: usize = 40_000;
/// Over connections of their own.
const AT_ONCE: usize = 20;

#[track_caller]
fn check_slowed(answer: &Answer) {
    check_error(answer, 429, "slow_down");
    assert!((1..=2).contains(&answer.header("retry-after").parse::<u64>().unwrap()), "{answer:?}");
}

#[tokio::test]
async fn intro_6_wrong_keys() {
    for path in ["/oauth2/introspect", "/oauth2/revoke"] {
        let house = house();
        let mut slowed = None;
        for _ in 0..WRONG_KEYS {
            let answer = house.ask(path, ["app", "wrong"], &[("token", "t")]).await;
            if answer.status != 401 {
                slowed = Some(answer);
                break;
            }
        }
        check_slowed(&slowed.unwrap());
        // In the form as well, and at the other endpoint: there is one bucket for the name.
        let pairs = [("client_id", "app"), ("client_secret", "wrong"), ("token", "t")];
        for path in ["/oauth2/introspect", "/oauth2/revoke"] {
            check_slowed(&house.service.post_form(path, encoded(&pairs)).await);
        }
        // Not a lock: whoever has the key is let in, and others are told what is wrong.
        let token = house.token("t");
        assert_eq!(house.introspect(APP, &token).await.json()["active"], true);
        assert_eq!(house.revoke(APP, &token).await.status, 200);
        for client in [["other", "wrong"], ["nobody", "wrong"]] {
            check_error(&house.ask(path, client, &[("token", "t")]).await, 401, "invalid_client");
        }
        let sample = |endpoint: &str| {
            let labels = format!("endpoint=\"{endpoint}\",outcome=\"slow_down\"");
            format!("signout_oauth_requests_total{{{labels}}}")
        };
        for endpoint in ["introspect", "revoke"] {
            assert!(house.service.count(&sample(endpoint)).await >= 1, "{endpoint}");
        }
    }
}

#[tokio::test]
async fn intro_6_unknown_tokens() {
    let house = house();
    let (seen, unseen) = (house.token("seen"), house.token("unseen"));
    // The first time, the keys may have come while it waited: what is not sure to be verified with
    // those in use is not remembered.
    assert!(house.is_active(&seen).await && house.is_active(&seen).await);
    house.register(json!({ "opaque_token": "0paque" })).await;
    let mut slowed = None;
    for round in 0..UNKNOWN_TOKENS / AT_ONCE {
        let mut asking = JoinSet::new();
        for number in 0..AT_ONCE {
            let request = house.service.request(Method::POST, "/oauth2/introspect");
            let request = request.basic_auth(READER[0], Some(READER[1]));
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            asking.spawn(Answer::of(request.body(format!("token=guess-{round}-{number}"))));
        }
        for answer in asking.join_all().await {
            if answer.status == 200 {
                assert_eq!(answer.body, r#"{"active":false}"#);
            } else {
                slowed = Some(answer);
            }
        }
        if slowed.is_some() {
            break;
        }
    }
    check_slowed(&slowed.unwrap());
    assert!(house.is_active(&seen).await, "what was verified needs no permit");
    assert!(house.is_active("0paque").await, "nor what is registered");
    assert_eq!(house.introspect(APP, &unseen).await.json()["active"], true, "another client");
}

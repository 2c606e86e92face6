//! What is answered while something is broken: never a 200 that is not true, never a guess.

use reqwest::Method;
use serde_json::json;

use super::super::disk::{Disk, LIMITED, limited};
use super::super::harness::redis::RedisServer;
use super::super::harness::until;
use super::*;

#[tokio::test]
async fn rev_6_i15_no_200_while_the_disk_is_full() {
    let disk = Disk::file_size();
    let op = Op::new("home", disk.folder());
    let settings = format!("{}{}", op.settings(), KEYS.replace("issuers = [\"away\"]\n", ""));
    let service = Service::start_with(disk.folder(), &settings, &mut limited(LIMITED));
    let house = House { folder: tempfile::tempdir().unwrap(), op, service };
    disk.fill(&house.service);
    let mut number = 0;
    let token = loop {
        let token = house.token(&format!("t{number}"));
        let answer = house.revoke(APP, &token).await;
        if answer.status == 503 {
            check_error(&answer, 503, "temporarily_unavailable");
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
            break token;
        }
        // There was still room in the journal's last page: then it holds.
        assert!(!house.is_active(&token).await);
        number += 1;
        assert!(number < 2_000, "the disk is not full");
    };
    assert!(house.is_active(&token).await, "the client must assume that it still lives");
    disk.free(&house.service);
    until("it is taken", async || house.revoke(APP, &token).await.status == 200).await;
    assert!(!house.is_active(&token).await);
}

/// The refresh token is registered at one instance, whose disk is full, and revoked at the other.
#[tokio::test]
async fn rev_7_i15_the_grant_ends_elsewhere_and_in_the_end() {
    let (disk, elsewhere) = (Disk::file_size(), tempfile::tempdir().unwrap());
    let (op, redis) = (Op::new("home", elsewhere.path()), RedisServer::start());
    let keys = KEYS.replace("issuers = [\"away\"]\n", "");
    let settings = format!("{}{keys}[redis]\nurls = [{:?}]\n", op.settings(), redis.url());
    let here = Service::start_with(disk.folder(), &settings, &mut limited(LIMITED));
    let there = Service::start(elsewhere.path(), &settings);
    let here = House { folder: tempfile::tempdir().unwrap(), op, service: here };
    for number in 0..2 {
        for (jti, kind) in [("refresh", "refresh"), ("access", "access")] {
            let (jti, sid) = (format!("{jti}-{number}"), format!("s{number}"));
            here.register(json!({ "jti": jti, "kind": kind, "sid": sid })).await;
        }
    }
    let revoke_there = async |jti: &str| {
        let request =
            there.request(Method::POST, "/oauth2/revoke").basic_auth(APP[0], Some(APP[1]));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let form = encoded(&[("token", &here.token(jti))]);
        assert_eq!(Answer::of(request.body(form)).await.status, 200);
    };
    let revoked = async |jti: &str| {
        let question = json!({ "iss": here.op.issuer, "jti": jti });
        let answer = here.service.post("/v1/check", &question).await;
        answer["revoked"] == true && answer["reason"] != "stale"
    };
    revoke_there("refresh-0").await;
    until("the grant ends", async || revoked("access-0").await).await;
    assert!(revoked("refresh-0").await && !revoked("access-1").await);

    disk.fill(&here.service);
    until("the disk is full", async || {
        let facts = json!({
            "iss": here.op.issuer, "jti": "filler", "iat": now() - 10, "exp": now() + 600,
        });
        here.service.call(Method::POST, "/v1/tokens", &facts).await.status == 503
    })
    .await;
    revoke_there("refresh-1").await;
    until("the refresh token is refused", async || revoked("refresh-1").await).await;
    disk.free(&here.service);
    until("the grant ends", async || revoked("access-1").await).await;
}

/// "Inactive" would be as wrong as "active": this instance has not heard of the others.
#[tokio::test]
async fn intro_3_old_knowledge_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (op, mut redis) = (Op::new("home", folder.path()), RedisServer::start());
    let keys = KEYS.replace("issuers = [\"away\"]\n", "");
    let settings = format!("{}{keys}[redis]\nurls = [{:?}]\n", op.settings(), redis.url());
    let service = Service::start(folder.path(), &settings);
    let mut house = House { folder, op, service };
    let (token, ended) = (house.token("t"), house.token("ended"));
    until("it is fresh", async || house.introspect(READER, &token).await.status == 200).await;
    assert_eq!(house.revoke(APP, &ended).await.status, 200);
    redis.kill();
    house.service.kill();
    house.service = Service::start(house.folder.path(), &settings);
    check_error(&house.introspect(READER, &token).await, 503, "temporarily_unavailable");
    // What is known to be over is over.
    for token in [&*ended, "unknown", "a.b.c"] {
        assert_eq!(house.introspect(READER, token).await.body, r#"{"active":false}"#);
    }
}

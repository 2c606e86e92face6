//! Tokens that are registered at one instance and ended at another are refused by their `jti` alone,
//! everywhere and in every order (I6).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::harness::redis::RedisServer;
use super::group::Group;

#[tokio::test]
async fn i6_registered_here_and_logged_out_there() {
    let redis = RedisServer::start();
    let group = Group::start(3, &redis, "").await;
    group.register(0, "j", "s", "alice").await;
    group.passed_on(0).await;
    group.log_out(1, "s").await;
    group.all_refuse("jti", "j").await;
    group.all_refuse("sid", "s").await;
}

#[tokio::test]
async fn i6_registered_at_one_that_was_killed_before_the_logout() {
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "acknowledge = \"redis\"").await;
    group.register(0, "j", "s", "alice").await;
    group.instances[0].kill();
    group.log_out(1, "s").await;
    group.comes_to_refuse(1, "jti", "j").await;
}

/// Neither knows of the other until Redis is back.
#[tokio::test]
async fn i6_registered_and_logged_out_while_redis_is_down() {
    for empty in [false, true] {
        let directives = [("appendonly", "yes"), ("appendfsync", "always")];
        let mut redis = RedisServer::start_with(&directives);
        let group = Group::start(2, &redis, "").await;
        group.register(0, "before", "s", "alice").await;
        group.passed_on(0).await;
        redis.kill();
        group.register(0, "during", "s", "alice").await;
        group.log_out(1, "s").await;
        if empty {
            redis.restart_empty();
        } else {
            redis.restart();
        }
        group.all_refuse("jti", "before").await;
        group.all_refuse("jti", "during").await;
    }
}

/// The logout is in Redis, and whoever registers does not know it yet.
#[tokio::test]
async fn i6_registered_behind_the_logout_without_knowing_it() {
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "").await;
    group.network[0].black_hole();
    group.log_out(1, "s").await;
    group.passed_on(1).await;
    group.register(0, "j", "s", "alice").await;
    group.network[0].pass();
    group.all_refuse("jti", "j").await;
}

/// The same, and the one that registered is killed at once.
#[tokio::test]
async fn i6_registered_behind_the_logout_by_one_that_is_killed() {
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "").await;
    for n in 0..5 {
        let (jti, sid) = (format!("j{n}"), format!("s{n}"));
        group.network[0].black_hole();
        group.log_out(1, &sid).await;
        group.register(0, &jti, &sid, "alice").await;
        group.instances[0].kill();
        group.network[0].pass();
        group.instances[0].start();
        // It has followed the mark by then, and not ended the token itself yet.
        group.comes_to_refuse(0, "sid", &sid).await;
        group.instances[0].kill();
        group.instances[0].start();
        group.all_refuse("jti", &jti).await;
    }
}

/// One user with ten thousand tokens.
#[tokio::test]
async fn i7_a_user_with_many_tokens_is_logged_out_elsewhere_in_time() {
    const TOKENS: usize = 10_000;
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "").await;
    let tokens: Vec<Value> = (0..TOKENS)
        .map(|n| group.token(&format!("j{n}"), &format!("s{}", n / 5), "alice"))
        .collect();
    for tokens in tokens.chunks(1_000) {
        let (status, _) = group.door(0).register(tokens).await.unwrap();
        assert_eq!(status, 200);
    }
    group.passed_on(0).await;
    let took = group.present(1, &group.logout_token_of_user("l", "alice")).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    let ended = Instant::now();
    let mut questions: Vec<Value> = tokens;
    for question in &mut questions {
        // By `jti` alone.
        question
            .as_object_mut()
            .unwrap()
            .retain(|claim, _| ["iss", "jti"].contains(&claim.as_str()));
    }
    for place in 0..2 {
        loop {
            let verdicts = group.door(place).check(&questions).await.unwrap();
            let open = verdicts.iter().filter(|verdict| verdict["revoked"] != true).count();
            if open == 0 {
                break;
            }
            assert!(ended.elapsed() < Duration::from_secs(20), "{open} live on at {place}");
        }
    }
}

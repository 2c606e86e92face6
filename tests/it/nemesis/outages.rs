//! Redis is away, or refuses what it is asked: logouts are taken all the same, and the reason is told.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::super::harness::proxy::Proxy;
use super::super::harness::redis::RedisServer;
use super::super::harness::{Service, until};
use super::group::{Group, HEAD};

/// The journal has its answer within this time, whatever Redis does.
const ANSWERED: Duration = Duration::from_secs(1);
/// `checker.max_staleness` of these groups.
const MAX_STALENESS: Duration = Duration::from_secs(10);

/// Logouts here and there are answered in time, and refused where they were taken.
async fn are_taken(group: &Group, name: &str) {
    let mut quickest = [Duration::MAX; 2];
    for n in 0..3 {
        for (place, quickest) in quickest.iter_mut().enumerate() {
            let sid = format!("{name}-{place}-{n}");
            *quickest = group.log_out(place, &sid).await.min(*quickest);
            assert!(group.refuses(place, "sid", &sid).await);
        }
    }
    // The slowest of them tells how busy this machine is.
    assert!(quickest.iter().all(|took| *took < ANSWERED), "{name}: {quickest:?}");
}

/// What was taken meanwhile is known to all.
async fn are_shared(group: &Group, name: &str) {
    group.all_share().await;
    for place in 0..2 {
        for n in 0..3 {
            group.all_refuse("sid", &format!("{name}-{place}-{n}")).await;
        }
        group.passed_on(place).await;
    }
}

#[tokio::test]
async fn g4_logouts_are_answered_in_time_while_redis_is_dead_frozen_or_out_of_reach() {
    let mut redis = RedisServer::start_with(&[("appendonly", "yes"), ("appendfsync", "always")]);
    let group = Group::start(2, &redis, "").await;
    are_taken(&group, "well").await;
    redis.kill();
    are_taken(&group, "dead").await;
    redis.restart();
    are_shared(&group, "dead").await;
    redis.stop();
    are_taken(&group, "frozen").await;
    redis.cont();
    are_shared(&group, "frozen").await;
    group.network.iter().for_each(Proxy::black_hole);
    are_taken(&group, "black-hole").await;
    group.network.iter().for_each(Proxy::pass);
    are_shared(&group, "black-hole").await;
}

#[tokio::test]
async fn g4_somebody_elses_key_in_our_place_is_told() {
    let redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    are_taken(&group, "before").await;
    redis.cli(&["SET", HEAD, "somebody else's"]);
    for place in 0..2 {
        until("it is told", async || {
            group.health(place).await.contains("holds another type of value")
        })
        .await;
    }
    are_taken(&group, "during").await;
    redis.cli(&["DEL", HEAD]);
    are_shared(&group, "during").await;
    group.a_newcomer_refuses(&[("sid", "before-0-0"), ("sid", "during-1-2")]).await;
}

#[tokio::test]
async fn g4_a_password_that_was_changed_is_told() {
    let redis = RedisServer::start_with(&[("user", "app on >first ~* &* +@all")]);
    let group = Group::start(2, &redis, "username = \"app\"\npassword = \"first\"").await;
    redis.cli(&["ACL", "SETUSER", "app", "resetpass", ">second"]);
    group.network.iter().for_each(Proxy::cut);
    for place in 0..2 {
        let told = async || group.health(place).await.contains("password is refused");
        until("it is told", told).await;
    }
    are_taken(&group, "locked-out").await;
    redis.cli(&["ACL", "SETUSER", "app", "resetpass", ">first"]);
    are_shared(&group, "locked-out").await;
    assert!(!group.instances[0].log().contains("first"), "passwords are not logged");
}

#[tokio::test]
async fn g4_a_full_redis_loses_nothing() {
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "").await;
    redis.config_set("maxmemory", "1");
    are_taken(&group, "full").await;
    for place in 0..2 {
        until("what waits is told", async || group.pending(place).await >= 3).await;
        let told = async || group.health(place).await.contains("maxmemory");
        until("the reason is told", told).await;
    }
    redis.config_set("maxmemory", "0");
    are_shared(&group, "full").await;
}

#[test]
fn a_redis_that_evicts_is_refused_unless_that_is_accepted() {
    let redis = RedisServer::start_with(&[("maxmemory-policy", "allkeys-lru")]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let accepted = Group::start(1, &redis, "accept_volatile_redis = true");
    let mut group = runtime.block_on(accepted);
    runtime.block_on(async {
        until("it is reported", async || group.count(0, "signout_redis_unsafe").await == 1).await;
    });
    let folder = tempfile::tempdir().unwrap();
    let settings = group.settings(0).replace("accept_volatile_redis = true", "");
    let config = Service::configure(folder.path(), &settings);
    let mut command = Service::command();
    command.args(["serve", "--config"]).arg(config).stdout(Stdio::null());
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("accept_volatile_redis") && text.contains("allkeys-lru"), "{text}");
    redis.config_set("maxmemory-policy", "noeviction");
    let newcomer = group.join();
    runtime.block_on(group.shares(newcomer));
}

/// Behind a connection that nobody has closed, an instance says how much it may have missed, and
/// from `max_staleness` on refuses what it does not know (I9).
#[tokio::test]
async fn i9_a_half_open_connection_makes_stale() {
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "").await;
    group.log_out(0, "known").await;
    group.all_refuse("sid", "known").await;
    // Knowing it is one thing, having heard from the other instance another.
    until("it is fresh", async || group.verdict(1, "sid", "never ended").await["revoked"] == false)
        .await;
    group.network[1].black_hole();
    // Whatever was on its way has arrived by then.
    let cut_off = Instant::now();
    tokio::time::sleep(Duration::from_millis(100)).await;
    group.log_out(0, "missed").await;
    let missed = Instant::now();
    let mut told = 0;
    loop {
        let asked = missed.elapsed();
        let verdict = group.verdict(1, "sid", "missed").await;
        let staleness = Duration::from_millis(verdict["staleness_ms"].as_u64().unwrap());
        assert!(staleness >= asked, "{staleness:?} after {asked:?}: {verdict}");
        if verdict["revoked"] == true {
            assert_eq!(verdict["reason"], "stale", "{verdict}");
            assert!(staleness > MAX_STALENESS, "{verdict}");
            break;
        }
        told += 1;
        assert!(cut_off.elapsed() < MAX_STALENESS + ANSWERED, "{verdict}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(told > 3, "it was fresh enough for a while");
    assert!(group.refuses(1, "sid", "known").await, "what it knows it knows");
    group.network[1].pass();
    group.comes_to_refuse(1, "sid", "missed").await;
    until("it is fresh again", async || {
        let verdict = group.verdict(1, "sid", "never ended").await;
        verdict["revoked"] == false && verdict["staleness_ms"].as_u64().unwrap() < 5_000
    })
    .await;
}

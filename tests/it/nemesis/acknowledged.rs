//! What a 200 means where `acknowledge` is more than the journal.

use super::super::harness::redis::{RedisServer, Replicated};
use super::group::Group;

/// Kills and lost journals in a row.
const LIVES: usize = 6;

#[tokio::test]
async fn i2_without_redis_there_is_no_200_but_the_logout_takes_effect() {
    let mut redis = RedisServer::start_with(&[("appendonly", "yes"), ("appendfsync", "always")]);
    let group = Group::start(2, &redis, "acknowledge = \"redis\"").await;
    group.log_out(0, "well").await;
    assert!(group.refuses(0, "sid", "well").await);
    redis.kill();
    let token = group.logout_token("l", "s");
    assert_eq!(group.door(0).logout(&token).await, Some(503));
    assert!(group.refuses(0, "sid", "s").await, "it takes effect here");
    assert_eq!(group.try_register(0, "j", "t", "alice").await.0, 503);
    // A repeat is no way around it.
    assert_eq!(group.door(0).logout(&token).await, Some(503));
    redis.restart();
    group.shares(0).await;
    group.passed_on(0).await;
    group.present(0, &token).await;
    group.all_refuse("sid", "s").await;
}

/// The logouts of one that is killed at a bad moment, journal and all, are known to the others: Redis
/// has them. Those may have slept all the time.
#[tokio::test]
async fn i2_what_redis_acknowledged_outlives_whoever_took_it() {
    let redis = RedisServer::start();
    let group = Group::start(3, &redis, "acknowledge = \"redis\"").await;
    for life in 0..LIVES {
        for place in [1, 2] {
            group.instances[place].signal("STOP");
        }
        group.register(0, &format!("j{life}"), &format!("s{life}-0"), "alice").await;
        let mut acknowledged = Vec::new();
        for n in 0..=life {
            let sid = format!("s{life}-{n}");
            let token = group.logout_token(&format!("l{sid}"), &sid);
            if group.door(0).logout(&token).await == Some(200) {
                acknowledged.push(sid);
            }
        }
        assert!(!acknowledged.is_empty());
        group.instances[0].lose();
        for place in [1, 2] {
            group.instances[place].signal("CONT");
        }
        for place in [1, 2] {
            for sid in &acknowledged {
                group.comes_to_refuse(place, "sid", sid).await;
            }
            if acknowledged.contains(&format!("s{life}-0")) {
                group.comes_to_refuse(place, "jti", &format!("j{life}")).await;
            }
        }
        group.instances[0].start();
        group.shares(0).await;
    }
}

/// A token whose registration was acknowledged is known to whoever takes the logout, also when the one
/// that registered it is gone for good.
#[tokio::test]
async fn i6_what_redis_acknowledged_is_registered_for_all() {
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "acknowledge = \"redis\"").await;
    for n in 0..LIVES {
        let (jti, sid) = (format!("j{n}"), format!("s{n}"));
        group.register(0, &jti, &sid, "alice").await;
        group.instances[0].lose();
        group.log_out(1, &sid).await;
        // The answer waited for Redis, and so for what is registered there.
        assert!(group.refuses(1, "jti", &jti).await, "{jti}");
        group.instances[0].start();
        group.shares(0).await;
    }
}

/// Master, instance and journal are gone at once, and one replica is left.
#[tokio::test]
async fn i2_what_replicas_acknowledged_outlives_the_master_and_whoever_took_it() {
    let mut servers = Replicated::start(1).await;
    let redis = "acknowledge = \"replicas\"\nmin_replicas = 1";
    let mut group = Group::start(2, &servers.master, redis).await;
    group.log_out(0, "known-to-all").await;
    group.comes_to_refuse(1, "sid", "known-to-all").await;
    group.instances[1].signal("STOP");
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for n in 0..8 {
        // From here on the replica has nothing.
        if n == 4 {
            servers.replicas[0].stop();
        }
        let sid = format!("s{n}");
        let token = group.logout_token(&format!("l{n}"), &sid);
        match group.door(0).logout(&token).await {
            Some(200) => acknowledged.push(sid),
            Some(503) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    group.instances[0].lose();
    servers.master.kill();
    servers.replicas[0].cont();
    servers.promote(0);
    group.aim(&servers.master);
    group.instances[1].signal("CONT");
    for sid in &acknowledged {
        group.comes_to_refuse(1, "sid", sid).await;
    }
    assert!(acknowledged.len() >= 4 && refused > 0, "{acknowledged:?}, {refused} refused");
}

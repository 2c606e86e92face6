//! What a 200 means where `acknowledge` is more than the journal.

use std::time::Duration;

use tokio::task::JoinSet;

use super::super::harness::proxy::{Direction, Fault};
use super::super::harness::redis::{RedisServer, Replicated};
use super::super::harness::until;
use super::group::Group;

/// Kills and lost journals in a row.
const LIVES: usize = 6;
/// Races in one of them. All of them take less time than it takes to look for late tokens.
const PAIRS: u64 = 20;

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

/// Registrations and logouts at two instances at the same moment: whichever Redis saw first, the tokens
/// are refused, also when the one that registered them is gone right after. The way of the one that
/// takes the logouts is slow, so that registrations come at every moment of a logout.
#[tokio::test]
async fn i6_a_registration_and_a_logout_that_race_see_each_other() {
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "acknowledge = \"redis\"").await;
    let slow = Fault::Slow { bytes: usize::MAX, delay: Duration::from_millis(10) };
    group.network[1].set(Direction::ToServer, slow);
    group.network[1].set(Direction::ToClient, slow);
    for life in 0..LIVES {
        let mut racing = JoinSet::new();
        for n in 0..PAIRS {
            let (jti, sid) = (format!("j{life}-{n}"), format!("s{life}-{n}"));
            let logout_token = group.logout_token(&format!("l{life}-{n}"), &sid);
            let tokens = [group.token(&jti, &sid, "alice")];
            let (registering, ending) = (group.door(0), group.door(1));
            let pause = Duration::from_millis(4 * n);
            racing.spawn(async move {
                let registered = async {
                    tokio::time::sleep(pause).await;
                    registering.register(&tokens).await.unwrap().0
                };
                let (registered, ended) = tokio::join!(registered, ending.logout(&logout_token));
                assert_eq!((registered, ended), (200, Some(200)));
                (jti, sid)
            });
        }
        let raced = racing.join_all().await;
        group.instances[0].lose();
        for (jti, sid) in &raced {
            group.comes_to_refuse(1, "sid", sid).await;
            group.comes_to_refuse(1, "jti", jti).await;
        }
        group.instances[0].start();
        group.shares(0).await;
    }
}

/// What an instance heard from another one it knows for good, whatever becomes of the other and of Redis.
#[tokio::test]
async fn i3_what_was_heard_from_another_is_in_the_journal() {
    let mut redis = RedisServer::start();
    let group = Group::start(2, &redis, "").await;
    group.log_out(0, "s").await;
    group.comes_to_refuse(1, "sid", "s").await;
    until("it is in the journal", async || {
        group.count(1, "signout_journal_commit_seconds_count").await >= 1
    })
    .await;
    group.instances[0].kill();
    redis.restart_empty();
    group.instances[1].kill();
    group.instances[1].start();
    assert!(group.refuses(1, "sid", "s").await, "{}", group.instances[1].log());
    // It tells the next one, too.
    group.shares(1).await;
    group.instances[0].lose();
    group.instances[0].start();
    group.comes_to_refuse(0, "sid", "s").await;
}

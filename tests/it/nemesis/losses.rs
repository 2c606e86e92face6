//! Redis loses something, and what that was is told and put back (I11).

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use super::super::harness::proxy::{Direction, Fault, Proxy};
use super::super::harness::redis::{RedisServer, Replicated};
use super::super::harness::until;
use super::group::{Group, HEAD, LOG, address};
use super::instance::Instance;

/// A loss is noticed within this time.
const NOTICED: Duration = Duration::from_secs(1);
/// Denylist keys are looked for twice within this time.
const LOOKED_FOR: Duration = Duration::from_secs(62);
/// How often it is tried, on a machine that may be busy.
const ATTEMPTS: usize = 5;

const FACTS: [(&str, &str); 6] =
    [("sid", "s1"), ("jti", "j1"), ("sid", "s2"), ("jti", "j2"), ("sid", "s3"), ("jti", "j3")];

/// Registers at one and logs out at the other, and waits until both have everything.
async fn ends_three_sessions(group: &Group) {
    for n in 1..=3 {
        ends_a_session(group, n).await;
    }
}

async fn ends_a_session(group: &Group, n: usize) {
    let (jti, sid) = (format!("j{n}"), format!("s{n}"));
    group.register(0, &jti, &sid, "alice").await;
    group.passed_on(0).await;
    group.log_out(1, &sid).await;
    group.all_refuse("sid", &sid).await;
    group.all_refuse("jti", &jti).await;
    group.passed_on(1).await;
}

/// The keys for those who ask Redis directly.
fn denylist(redis: &RedisServer) -> BTreeSet<String> {
    redis.cli(&["KEYS", "{signout}:deny:*"]).lines().map(str::to_owned).collect()
}

fn epoch(redis: &RedisServer) -> String {
    redis.cli(&["HGET", HEAD, "epoch"])
}

#[tokio::test]
async fn i11_a_flush_is_noticed_within_a_second_and_undone() {
    let redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    let mut quickest = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let (before, old) = (group.losses("emptied").await, epoch(&redis));
        let flushed = Instant::now();
        redis.flushall();
        group.notices("emptied", before).await;
        quickest = quickest.min(flushed.elapsed());
        until("the log is there again", async || {
            redis.cli(&["XLEN", LOG]).parse::<u64>().is_ok_and(|length| length > 0)
        })
        .await;
        assert_ne!(epoch(&redis), old);
        group.all_share().await;
        for place in 0..2 {
            group.passed_on(place).await;
        }
    }
    assert!(quickest < NOTICED, "{quickest:?}");
    group.a_newcomer_refuses(&FACTS).await;
}

/// While Redis is filled anew, nobody forgets anything: an empty log is no reason to. The ways are slow,
/// so that there is time to ask.
#[tokio::test]
async fn i3_nothing_is_forgotten_while_an_empty_redis_is_filled() {
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    let slow = Fault::Slow { bytes: usize::MAX, delay: Duration::from_millis(30) };
    for way in &group.network {
        way.set(Direction::ToServer, slow);
        way.set(Direction::ToClient, slow);
    }
    redis.flushall();
    until("everything is there again", async || {
        for place in 0..2 {
            assert!(group.refuses(place, "sid", "s1").await, "{place} forgot");
            assert!(group.refuses(place, "jti", "j3").await, "{place} forgot");
        }
        group.losses("emptied").await > 0 && denylist(&redis).len() >= FACTS.len()
    })
    .await;
}

#[tokio::test]
async fn i11_an_older_dump_is_noticed_and_what_it_lacks_is_put_back() {
    let mut redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    ends_a_session(&group, 1).await;
    let dump = redis.copy_dump();
    ends_a_session(&group, 2).await;
    ends_a_session(&group, 3).await;
    let before = group.losses("rolled_back").await;
    redis.restore_dump(&dump);
    group.notices("rolled_back", before).await;
    group.a_newcomer_refuses(&FACTS).await;
}

#[tokio::test]
async fn i11_a_replica_that_lagged_is_noticed_when_it_is_promoted() {
    let mut servers = Replicated::start(1).await;
    let mut group = Group::start(2, &servers.master, "").await;
    ends_a_session(&group, 1).await;
    servers.in_sync().await;
    servers.replicas[0].cli(&["REPLICAOF", "NO", "ONE"]);
    ends_a_session(&group, 2).await;
    ends_a_session(&group, 3).await;
    let before = group.losses("rolled_back").await;
    servers.promote(0);
    group.aim(&servers.master);
    group.network.iter().for_each(Proxy::cut);
    group.notices("rolled_back", before).await;
    group.a_newcomer_refuses(&FACTS).await;
}

/// While one instance is away, the others go on with a log that lost its end: as long as the one it
/// knows, and another one.
#[tokio::test]
async fn i11_a_log_that_went_on_without_its_end_is_noticed() {
    let mut servers = Replicated::start(1).await;
    let mut group = Group::start(2, &servers.master, "").await;
    ends_a_session(&group, 1).await;
    servers.in_sync().await;
    servers.replicas[0].cli(&["REPLICAOF", "NO", "ONE"]);
    ends_a_session(&group, 2).await;
    ends_a_session(&group, 3).await;
    group.network[0].refuse();
    group.network[0].cut();
    servers.promote(0);
    group.aim(&servers.master);
    // One that has just been started knows no log, only its journal.
    group.instances[1].kill();
    group.instances[1].start();
    group.shares(1).await;
    for n in 4..=9 {
        group.log_out(1, &format!("s{n}")).await;
    }
    group.passed_on(1).await;
    let before = group.losses("forked").await;
    group.network[0].pass();
    group.notices("forked", before).await;
    group.all_refuse("sid", "s9").await;
    group.a_newcomer_refuses(&FACTS).await;
}

#[tokio::test]
async fn i11_a_deleted_head_is_a_loss_of_everything() {
    let redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    redis.cli(&["DEL", HEAD]);
    group.notices("emptied", 0).await;
    group.a_newcomer_refuses(&FACTS).await;
}

/// One with a key of its own is quicker than those who would put theirs back.
#[tokio::test]
async fn i11_a_newcomer_to_an_emptied_redis_locks_nobody_out() {
    let redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    group.instances.iter().for_each(|instance| instance.signal("STOP"));
    redis.flushall();
    group.network.push(Proxy::start(address(&redis)));
    let newcomer = Instance::new(2, group.settings(2));
    thread::scope(|scope| {
        let starts = scope.spawn(|| newcomer.start());
        while !starts.is_finished() && !redis.cli(&["KEYS", "*"]).contains("canary") {
            thread::sleep(Duration::from_millis(1));
        }
        group.instances.iter().for_each(|instance| instance.signal("CONT"));
    });
    group.instances.push(newcomer);
    for (fact, value) in FACTS {
        group.comes_to_refuse(2, fact, value).await;
    }
    group.log_out(2, "s4").await;
    group.all_refuse("sid", "s4").await;
}

#[tokio::test]
async fn i11_a_deleted_log_is_noticed() {
    let redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    redis.cli(&["DEL", LOG]);
    group.notices("gap", 0).await;
    group.a_newcomer_refuses(&FACTS).await;
}

/// The numbers go on where they were, so whoever follows the log sees nothing odd.
#[tokio::test]
async fn i11_a_deleted_log_is_noticed_while_writes_go_on() {
    let redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    let noticed = Instant::now();
    redis.cli(&["DEL", LOG]);
    keeps_writing_until(&group, "gap").await;
    assert!(noticed.elapsed() < 5 * NOTICED, "{:?}", noticed.elapsed());
    group.a_newcomer_refuses(&FACTS).await;
}

#[tokio::test]
async fn i11_a_deleted_entry_is_noticed_while_writes_go_on() {
    let redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    let noticed = Instant::now();
    redis.cli(&["XDEL", LOG, "2-0"]);
    keeps_writing_until(&group, "gap").await;
    assert!(noticed.elapsed() < 5 * NOTICED, "{:?}", noticed.elapsed());
    group.a_newcomer_refuses(&FACTS).await;
}

/// Logouts come at every look at Redis, until somebody notices or patience ends.
async fn keeps_writing_until(group: &Group, cause: &str) {
    let began = Instant::now();
    for n in 0.. {
        group.log_out(0, &format!("more-{n}")).await;
        if group.losses(cause).await > 0 {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "nobody noticed: {cause}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn i11_a_foreign_entry_ends_the_log_and_a_new_one_begins() {
    let redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    redis.cli(&["XADD", LOG, "*", "x", "y"]);
    group.notices("foreign", 0).await;
    group.log_out(0, "s4").await;
    group.all_refuse("sid", "s4").await;
    group.a_newcomer_refuses(&FACTS).await;
    assert!(!redis.cli(&["XRANGE", LOG, "-", "+"]).contains("x\ny"));
}

/// Redis drops keys, and says so in a number only.
#[tokio::test]
async fn i11_evicted_keys_are_put_back_and_the_policy_is_reported() {
    let redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    let denied = denylist(&redis);
    redis.config_set("maxmemory-policy", "allkeys-lru");
    until("it is reported", async || {
        group.count(0, "signout_redis_unsafe").await > 0
            && group.count(1, "signout_redis_unsafe").await > 0
    })
    .await;
    redis.config_set("maxmemory", "1");
    until("a key is evicted", async || redis.info("evicted_keys") != "0").await;
    redis.config_set("maxmemory", "0");
    redis.config_set("maxmemory-policy", "noeviction");
    until("it is well again", async || {
        group.count(0, "signout_redis_unsafe").await == 0
            && group.count(1, "signout_redis_unsafe").await == 0
    })
    .await;
    until("the keys are back", async || denylist(&redis) == denied).await;
    group.a_newcomer_refuses(&FACTS).await;
}

/// Keys with an expiry go, and the log stays, so that nothing else is odd.
fn evict_some(redis: &RedisServer) {
    let before: u64 = redis.info("evicted_keys").parse().unwrap();
    redis.config_set("maxmemory-policy", "volatile-ttl");
    redis.config_set("maxmemory", "1");
    redis.config_set("maxmemory", "0");
    redis.config_set("maxmemory-policy", "noeviction");
    assert!(redis.info("evicted_keys").parse::<u64>().unwrap() > before);
}

#[tokio::test]
async fn i11_keys_that_were_evicted_while_nobody_looked_are_put_back() {
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    let denied = denylist(&redis);
    // They look at the server before they are cut off.
    until("it is looked at", async || redis.info("cmdstat_info").contains("calls=")).await;
    for way in &group.network {
        way.refuse();
        way.cut();
    }
    evict_some(&redis);
    assert_ne!(denylist(&redis), denied);
    group.network.iter().for_each(Proxy::pass);
    group.notices("evicted", 0).await;
    until("the keys are back", async || denylist(&redis) == denied).await;
}

/// Who may not ask the server for numbers notices by a key of its own, and also what comes soon after.
#[tokio::test]
async fn i11_keys_that_are_evicted_twice_are_put_back_twice() {
    let user = "app on >pw ~* &* +@all -info -config";
    let redis = RedisServer::start_with(&[("user", user)]);
    let group = Group::start(1, &redis, "username = \"app\"\npassword = \"pw\"").await;
    for n in 1..=3 {
        group.log_out(0, &format!("s{n}")).await;
    }
    until("all are there", async || denylist(&redis).len() == 3).await;
    for _ in 0..2 {
        // It is looked for twice a second.
        until("its own key is there", async || {
            !redis.cli(&["KEYS", "{signout}:canary:*"]).is_empty()
        })
        .await;
        evict_some(&redis);
        until("the keys are back", async || denylist(&redis).len() == 3).await;
    }
}

/// Nobody is told when somebody deletes a key of the denylist. It is looked for every half minute, so
/// many of them at a time.
#[tokio::test]
async fn i2_a_deleted_denylist_key_is_written_again() {
    let redis = RedisServer::start();
    let group = Group::start(2, &redis, "").await;
    ends_three_sessions(&group).await;
    let denied = denylist(&redis);
    for key in &denied {
        redis.cli(&["DEL", key]);
    }
    let deleted = Instant::now();
    while denylist(&redis) != denied {
        assert!(deleted.elapsed() < LOOKED_FOR, "{:?}", denylist(&redis));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(group.all_losses().await, 0, "the log is whole, so nothing else is written anew");
}

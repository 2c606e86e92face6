use std::path::Path;
use std::time::{Duration, Instant};

use signout_checker::Policy;
use signout_checker::redis::{Follower, Source};

use super::super::harness::proxy::Proxy;
use super::super::harness::redis::{RedisServer, Sentinels};
use super::super::harness::{Op, Service, tell, until};
use super::{Embedded, impatient, quantiles};

fn instance(folder: &Path, op: &Op, redis: &str) -> Service {
    Service::start(folder, &format!("{}\n[redis]\n{redis}\n", op.settings()))
}

fn following(policy: Policy, url: &str) -> Embedded {
    let source = Source::single(url).unwrap();
    Embedded::start(policy, |checker| Follower::new(source, checker).run())
}

/// Logs sessions out and waits until each is refused; tells how long that took.
async fn log_out(service: &Service, embedded: &Embedded, op: &Op, name: &str, count: u32) {
    let mut times = Vec::new();
    for n in 0..count {
        let sid = format!("{name}{n}");
        assert!(!matches!(embedded.verdict(op, &sid), signout_checker::Verdict::Revoked(_)));
        let (token, began) = (op.logout_token(&format!("l{sid}"), &sid), Instant::now());
        assert_eq!(service.logout(&token).await.status, 200, "{}", service.log());
        embedded.refuses(op, &sid).await;
        times.push(began.elapsed());
    }
    let (p50, p99) = quantiles(times);
    tell(&format!(
        "checker over Redis: {count} logouts {name}, refused after p50 {p50:?} p99 {p99:?}"
    ));
}

#[tokio::test]
async fn i11_the_log_is_followed_and_fresh_only_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let mut redis = RedisServer::start();
    let service = instance(folder.path(), &op, &format!("urls = [{:?}]", redis.url()));
    let embedded = following(impatient(), &redis.url());
    assert!(embedded.is_stale(&op, "a0"), "nothing was vouched for yet");
    embedded.is_fresh().await;
    assert!(embedded.passes(&op, "a0"));
    log_out(&service, &embedded, &op, "a", 20).await;

    // Everything is lost. The instance puts it back; nothing is forgotten here meanwhile. Whoever
    // looks first, the instance or this one, finds the loss; the other one a new epoch.
    redis.flushall();
    let noticed = ["Redis lost data", "the instances began a new epoch"];
    embedded.until("noticed", |it| noticed.iter().any(|told| it.notes.has(told))).await;
    embedded.refuses(&op, "a0").await;
    embedded.until("fresh again", |it| it.passes(&op, "b0")).await;
    log_out(&service, &embedded, &op, "b", 3).await;

    // Nothing new there is no news: what is stopped makes nothing fresh.
    redis.stop();
    embedded.until("stale", |it| it.is_stale(&op, "c0")).await;
    embedded.refuses(&op, "b2").await;
    redis.cont();
    embedded.until("fresh again", |it| it.passes(&op, "c0")).await;

    // An instance that begins anew on its journal, with an empty Redis.
    redis.restart_empty();
    embedded.until("fresh again", |it| it.notes.count("Up") >= 3 && it.passes(&op, "c0")).await;
    log_out(&service, &embedded, &op, "c", 3).await;
    assert!(redis.cli(&["HGETALL", "{signout}:instances"]).lines().count() <= 2);
}

#[tokio::test]
async fn i11_a_checker_that_comes_later_knows_it_all() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let redis = RedisServer::start();
    let urls = format!("urls = [{:?}]\nacknowledge = \"redis\"", redis.url());
    let service = instance(folder.path(), &op, &urls);
    for n in 0..30 {
        let token = op.logout_token(&format!("l{n}"), &format!("s{n}"));
        until("taken", async || service.logout(&token).await.status == 200).await;
    }
    // As somebody who may do nothing but read.
    let commands = ["hmget", "hgetall", "xread", "xrange", "xrevrange", "xlen", "info", "time"];
    redis.add_user("reader", "hunter2", "{signout}", &commands);
    let embedded = following(impatient(), &redis.url_as("reader", "hunter2"));
    embedded.refuses(&op, "s29").await;
    embedded.is_fresh().await;
    for n in 0..30 {
        embedded.refuses(&op, &format!("s{n}")).await;
    }
    assert!(embedded.passes(&op, "s30"));

    // A replica is not asked, whatever it has.
    let replica = RedisServer::start();
    replica.cli(&["REPLICAOF", "127.0.0.1", &redis.port().to_string()]);
    until("linked", async || replica.info("master_link_status") == "up").await;
    let embedded = following(impatient(), &replica.url());
    embedded.refuses(&op, "s0").await;
    embedded.until("refused", |it| it.notes.has("no master any more")).await;
    assert_eq!(embedded.staleness(), Duration::MAX);
}

#[tokio::test]
async fn over_tls_by_the_given_authority_only() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let (redis, other) = (RedisServer::start_tls(&[]), RedisServer::start_tls(&[]));
    let settings = format!("urls = [{:?}]\nca_file = {:?}", redis.url(), redis.ca_file());
    let service = instance(folder.path(), &op, &settings);
    let trusting = |authority: &RedisServer| {
        let pem = std::fs::read(authority.ca_file()).unwrap();
        let source = Source::single(&redis.url()).unwrap().trusting(pem);
        Embedded::start(impatient(), |checker| Follower::new(source, checker).run())
    };
    let embedded = trusting(&redis);
    embedded.is_fresh().await;
    log_out(&service, &embedded, &op, "a", 3).await;
    let fooled = trusting(&other);
    fooled.until("told", |it| it.notes.count("") > 0).await;
    assert!(fooled.notes.has("certificate"), "{:?}", fooled.notes.0);
    assert_eq!(fooled.staleness(), Duration::MAX);
}

#[tokio::test]
async fn what_is_wrong_with_redis_is_told() {
    let redis = RedisServer::start();
    redis.add_user("blind", "hunter2", "{signout}", &["hmget"]);
    for (url, told) in [
        (redis.url(), "there is no log under the prefix"),
        (redis.url_as("blind", "hunter2"), "no permission"),
        (redis.url_as("blind", "hunter3"), "the user name or the password"),
        ("redis://127.0.0.1:1".into(), "cannot be reached"),
    ] {
        let embedded = following(impatient(), &url);
        embedded.until(told, |it| it.notes.has(told)).await;
        assert!(!embedded.notes.has("hunter"));
        assert_eq!(embedded.staleness(), Duration::MAX);
    }
}

#[tokio::test]
async fn i13_a_half_open_connection_to_redis_makes_nothing_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let redis = RedisServer::start();
    let service = instance(folder.path(), &op, &format!("urls = [{:?}]", redis.url()));
    let proxy = Proxy::start(([127, 0, 0, 1], redis.port()).into());
    let embedded = following(impatient(), &format!("redis://{}", proxy.address()));
    embedded.is_fresh().await;
    log_out(&service, &embedded, &op, "a", 3).await;
    proxy.black_hole();
    let began = Instant::now();
    embedded.until("stale", |it| it.is_stale(&op, "b")).await;
    assert!(began.elapsed() <= impatient().max_staleness + Duration::from_millis(500));
    assert_eq!(service.logout(&op.logout_token("lb", "b")).await.status, 200);
    proxy.cut();
    proxy.pass();
    embedded.refuses(&op, "b").await;
    embedded.until("fresh again", |it| it.passes(&op, "c")).await;
}

#[tokio::test]
async fn i11_the_master_that_most_sentinels_name_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let mut group = Sentinels::start().await;
    let (urls, name) = (group.urls(), Sentinels::SERVICE);
    let settings = format!("mode = \"sentinel\"\nurls = {urls:?}\nservice_name = {name:?}");
    let service = instance(folder.path(), &op, &settings);
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let source = Source::sentinels(&urls, name, "redis://master").unwrap();
    let embedded = Embedded::start(impatient(), |checker| Follower::new(source, checker).run());
    embedded.is_fresh().await;
    log_out(&service, &embedded, &op, "a", 3).await;
    group.kill_master().await;
    group.await_failover().await;
    embedded.until("fresh again", |it| it.notes.count("Up") >= 2 && it.passes(&op, "b0")).await;
    log_out(&service, &embedded, &op, "b", 3).await;
    embedded.refuses(&op, "a0").await;
}

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use signout_checker::http::{ApiKey, Follower, Service as At};
use signout_checker::{Policy, StalePolicy, StateFile, Verdict};

use super::super::harness::proxy::{Direction, Proxy};
use super::super::harness::redis::RedisServer;
use super::super::harness::{API_KEY, Op, Service, tell, until};
use super::{Embedded, quantiles};

/// Two heartbeats and a bit.
fn policy() -> Policy {
    Policy { max_staleness: Duration::from_secs(12), when_stale: StalePolicy::Deny }
}

fn following_as(key: &str, policy: Policy, url: &str) -> Embedded {
    let at = At::at(url, ApiKey::parse(key).unwrap()).unwrap();
    Embedded::start(policy, |checker| Follower::new(&at, checker).unwrap().run())
}

fn following(url: &str) -> Embedded {
    following_as(API_KEY, policy(), url)
}

/// Behind a network that can be broken.
fn following_through(proxy: &Proxy) -> Embedded {
    following(&format!("http://{}", proxy.address()))
}

async fn log_out(service: &Service, op: &Op, sid: &str) {
    let answer = service.logout(&op.logout_token(&format!("l-{sid}"), sid)).await;
    assert_eq!(answer.status, 200, "{}", service.log());
}

fn home(folder: &Path) -> Op {
    Op::new("home", folder)
}

#[tokio::test]
async fn what_is_logged_out_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let op = home(folder.path());
    let service = Service::start(folder.path(), &op.settings());
    log_out(&service, &op, "before").await;
    let embedded = following(&service.url(""));
    embedded.refuses(&op, "before").await;
    embedded.is_fresh().await;
    let mut times = Vec::new();
    for n in 0..200 {
        let sid = format!("s{n}");
        assert!(embedded.passes(&op, &sid));
        let began = Instant::now();
        log_out(&service, &op, &sid).await;
        embedded.refuses(&op, &sid).await;
        times.push(began.elapsed());
    }
    let (p50, p99) = quantiles(times);
    tell(&format!("checker over the feed: 200 logouts, refused after p50 {p50:?} p99 {p99:?}"));
}

#[tokio::test]
async fn i13_a_half_open_connection_makes_nothing_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let op = home(folder.path());
    let service = Service::start(folder.path(), &op.settings());
    let proxy = Proxy::start(service.outer);
    let embedded = following_through(&proxy);
    embedded.is_fresh().await;

    // The network swallows everything, and nobody hears of it.
    proxy.black_hole();
    let began = Instant::now();
    log_out(&service, &op, "a").await;
    assert!(embedded.passes(&op, "a"), "nobody told it");
    embedded.until("stale", |it| it.is_stale(&op, "a")).await;
    let after = began.elapsed();
    assert!(after <= policy().max_staleness + Duration::from_millis(200), "{after:?}");
    embedded.until("given up", |it| it.notes.has("nothing was heard of the service")).await;
    proxy.cut();
    proxy.pass();
    embedded.refuses(&op, "a").await;
    embedded.until("fresh again", |it| it.passes(&op, "b")).await;
    assert_eq!(embedded.notes.count("loaded"), 1, "it goes on where it was");
}

/// Bytes vanish, and then the same connection works again: the next heartbeat tells.
#[tokio::test]
async fn i11_a_hole_in_the_stream_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let op = home(folder.path());
    let service = Service::start(folder.path(), &op.settings());
    let proxy = Proxy::start(service.outer);
    let embedded = following_through(&proxy);
    embedded.is_fresh().await;
    let arrived = proxy.arrived();
    proxy.black_hole();
    log_out(&service, &op, "a").await;
    // More than a heartbeat has, which may come just now: nobody misses one of those.
    until("swallowed", async || proxy.swallowed(Direction::ToClient) > 250).await;
    proxy.pass();
    embedded.refuses(&op, "a").await;
    assert!(proxy.arrived() > arrived, "it asked again");
}

#[tokio::test]
async fn a_service_that_was_killed_is_followed_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let op = home(folder.path());
    let mut service = Service::start(folder.path(), &op.settings());
    let proxy = Proxy::start(service.outer);
    let embedded = following_through(&proxy);
    embedded.is_fresh().await;
    log_out(&service, &op, "a").await;
    for round in 0..3 {
        service.kill();
        service = Service::start(folder.path(), &op.settings());
        proxy.aim(service.outer);
        let sid = format!("s{round}");
        log_out(&service, &op, &sid).await;
        embedded.refuses(&op, &sid).await;
    }
    embedded.refuses(&op, "a").await;
    embedded.until("fresh", |it| it.passes(&op, "b")).await;
    assert!(embedded.notes.has("Down"));
}

/// Each numbers for itself, so the position of one means nothing to the other.
#[tokio::test]
async fn i3_two_instances_behind_one_address() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let op = home(folders[0].path());
    let redis = RedisServer::start();
    let settings = format!("{}\n[redis]\nurls = [{:?}]\n", op.settings(), redis.url());
    let [a, b] = folders.each_ref().map(|folder| Service::start(folder.path(), &settings));
    let proxy = Proxy::start(a.outer);
    let embedded = following_through(&proxy);
    embedded.is_fresh().await;
    log_out(&a, &op, "at-a").await;
    embedded.refuses(&op, "at-a").await;
    // What the other one takes comes through Redis.
    log_out(&b, &op, "at-b").await;
    embedded.refuses(&op, "at-b").await;
    for (n, service) in [&b, &a, &b].into_iter().enumerate() {
        proxy.aim(service.outer);
        proxy.cut();
        let (loads, sid) = (n + 2, format!("s{n}"));
        embedded.until("loaded anew", |it| it.notes.count("loaded") == loads).await;
        log_out(service, &op, &sid).await;
        embedded.refuses(&op, &sid).await;
        for sid in ["at-a", "at-b"] {
            embedded.refuses(&op, sid).await;
        }
    }
    assert!(embedded.notes.has("does not go on from here (unknown_position)"));
    assert!(!embedded.notes.has("shrunk"));
    // Apart from Redis nobody knows what the other one takes, and the feed says so.
    drop(redis);
    embedded.until("stale", |it| it.is_stale(&op, "nobody")).await;
}

/// The API is restarted while the service is away: it refuses what it refused, and lets nobody in on
/// old knowledge.
#[tokio::test]
async fn i2_a_restarted_api_refuses_what_it_refused() {
    let folder = tempfile::tempdir().unwrap();
    let op = home(folder.path());
    let mut service = Service::start(folder.path(), &op.settings());
    let proxy = Proxy::start(service.outer);
    let state = folder.path().join("checker.state");
    let start = || {
        let key = ApiKey::parse(API_KEY).unwrap();
        let at = At::at(&format!("http://{}", proxy.address()), key).unwrap();
        Embedded::start(policy(), |checker| {
            let (file, restored) = StateFile::restore(&state, &checker).unwrap();
            Follower::new(&at, checker).unwrap().keeping(file, &restored).run()
        })
    };
    log_out(&service, &op, "in-the-snapshot").await;
    let embedded = start();
    embedded.is_fresh().await;
    log_out(&service, &op, "in-the-feed").await;
    embedded.refuses(&op, "in-the-feed").await;
    drop(embedded);

    service.kill();
    let embedded = start();
    for sid in ["in-the-snapshot", "in-the-feed"] {
        assert!(matches!(embedded.verdict(&op, sid), Verdict::Revoked(_)), "{sid}");
    }
    assert!(embedded.is_stale(&op, "nobody"));
    let service = Service::start(folder.path(), &op.settings());
    proxy.aim(service.outer);
    log_out(&service, &op, "later").await;
    embedded.refuses(&op, "later").await;
    embedded.until("fresh", |it| it.passes(&op, "nobody")).await;
    assert_eq!(embedded.notes.count("loaded"), 0, "it goes on where the file ends");
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let op = home(folder.path());
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let [cert_file, key_file] = [&cert, &key].map(|path| path.to_str().unwrap());
    let [cert_variable, key_variable] =
        ["SIGNOUT_SERVER__TLS_CERT_FILE", "SIGNOUT_SERVER__TLS_KEY_FILE"];
    let mut command = Service::command();
    command.env(cert_variable, cert_file).env(key_variable, key_file);
    let service = Service::start_with(folder.path(), &op.settings(), &mut command);
    let at = |trusted: &[u8]| {
        let url = format!("https://{}", service.outer);
        At::at(&url, ApiKey::parse(API_KEY).unwrap()).unwrap().trusting(trusted)
    };
    let start = |at: At| {
        Embedded::start(policy(), move |checker| Follower::new(&at, checker).unwrap().run())
    };
    let embedded = start(at(made.cert.pem().as_bytes()));
    embedded.is_fresh().await;
    let embedded = start(at(b""));
    embedded.until("told", |it| it.notes.has("invalid peer certificate")).await;
    assert!(embedded.is_stale(&op, "s"));
}

#[tokio::test]
async fn a_wrong_key_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let op = home(folder.path());
    let settings = format!(
        "{}\n[[api_key]]\nname = \"narrow\"\nkey = \"another-key-for-these-tests\"\nscopes = [\"check\"]\n",
        op.settings()
    );
    let service = Service::start(folder.path(), &settings);
    for (key, told) in [
        ("an-api-key-that-nobody-knows", "configure this key there"),
        ("another-key-for-these-tests", "give it the scope \"feed\""),
    ] {
        let embedded = following_as(key, policy(), &service.url(""));
        embedded.until(told, |it| it.notes.has(told)).await;
        assert!(embedded.is_stale(&op, "s"));
        assert!(!embedded.notes.has(key), "the key is told");
    }
    // Another program at the address.
    let elsewhere = format!("http://{}", service.operators);
    let embedded = following(&elsewhere);
    embedded.until("told", |it| it.notes.has("check the address")).await;
}

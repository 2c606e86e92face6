//! A provider, or other instances, that do not answer: never a pass, never a long wait.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use reqwest::Method;

use super::gate::{House, house};
use crate::harness::redis::RedisServer;
use crate::harness::{Answer, Op, Service, until};

/// What a proxy may be kept waiting, and a slow machine on top.
const SOON: Duration = Duration::from_secs(2);

/// A service whose provider publishes its keys at this address.
fn house_of(address: &str) -> House {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let settings: Vec<_> = op.settings().lines().map(str::to_owned).collect();
    let settings = settings.into_iter().filter(|line| !line.starts_with("jwks_file"));
    let settings = settings.collect::<Vec<_>>().join("\n");
    let settings = format!(
        "{settings}\njwks_uri = \"http://{address}/jwks\"\nallow_insecure_http = true\n\
         [forward_auth]\naudiences = [\"api\"]\n"
    );
    let service = Service::start(folder.path(), &settings);
    House { folder, op, service }
}

fn unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{answer:?}");
    assert!(!answer.headers.contains_key("x-auth-subject"));
}

#[tokio::test]
async fn a_provider_that_is_down_or_hangs_lets_nobody_pass() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [hanging.local_addr().unwrap(), closed] {
        let house = house_of(&address.to_string());
        let token = house.token("j", "s");
        for _ in 0..3 {
            let asked = Instant::now();
            unavailable(&house.bearer(&token).await);
            assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
        }
        House::refused(&house.ask(&[]).await, "");
        House::refused(&house.bearer("nonsense").await, "invalid_token");
        assert_eq!(house.refusals("keys_unavailable").await, 3);
    }
}

#[tokio::test]
async fn a_key_that_nobody_published_lets_nobody_pass() {
    let house = house("");
    assert_eq!(house.bearer(&house.token("j", "s")).await.status, 200);
    let folder = tempfile::tempdir().unwrap();
    let mut forger = Op::new("forger", folder.path());
    forger.issuer.clone_from(&house.op.issuer);
    let forged = forger.sign("at+jwt", &forger.access_claims("j", "s", "alice"));
    for _ in 0..20 {
        let answer = house.bearer(&forged).await;
        assert!([401, 503].contains(&answer.status), "{answer:?}");
    }
    assert_eq!(house.bearer(&house.token("j", "s")).await.status, 200);
}

#[tokio::test]
async fn i8_knowledge_that_is_too_old_lets_nobody_pass_unless_it_may() {
    let mut redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let settings = |when_stale: &str| {
        format!(
            "{}\n[redis]\nurls = [{:?}]\n[forward_auth]\naudiences = [\"api\"]\n\
             [checker]\nwhen_stale = {when_stale:?}\n",
            op.settings(),
            redis.url()
        )
    };
    let (deny, allow) = (settings("deny"), settings("allow"));
    let service = Service::start(folder.path(), &deny);
    let mut house = House { folder, op, service };
    let (token, ended) = (house.token("j", "s"), house.token("k", "ended"));
    until("fresh", async || house.bearer(&token).await.status == 200).await;
    assert_eq!(house.service.logout(&house.op.logout_token("l", "ended")).await.status, 200);

    // Started anew without Redis, it has never heard of the others.
    redis.kill();
    house.service.kill();
    house.service = Service::start(house.folder.path(), &deny);
    unavailable(&house.bearer(&token).await);
    House::refused(&house.bearer(&ended).await, "invalid_token");
    assert_eq!(house.refusals("stale").await, 1);

    house.service.kill();
    house.service = Service::start(house.folder.path(), &allow);
    assert_eq!(house.bearer(&token).await.status, 200, "by what is known");
    House::refused(&house.bearer(&ended).await, "invalid_token");
    let posted = house.ask_as(Method::POST, "/forward-auth", &[]).await;
    House::refused(&posted, "");
}

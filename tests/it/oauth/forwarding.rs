//! What a provider hears of the tokens that clients revoke here, and what that costs: nothing.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::harness::{ports, until};
use super::revocation_endpoint::{Reply, RevocationEndpoint};
use super::*;

const SECRET: &str = "100% of a+b";

/// A house whose provider is told at this address, by the client `app`.
fn forwarding(endpoint: &str, more: &str) -> House {
    let folder = tempfile::tempdir().unwrap();
    let (op, away) = (Op::new("home", folder.path()), Op::new("away", folder.path()));
    let settings = format!(
        "{}{}allow_insecure_http = true\n[provider.revocation]\nclient_id = \"app\"\n\
         endpoint = {endpoint:?}\n{more}\n{KEYS}",
        away.settings(),
        op.settings()
    );
    let service = Service::start(folder.path(), &settings);
    House { folder, op, service }
}

impl House {
    async fn forwarded(&self, outcome: &str) -> u64 {
        let provider = "provider=\"home\"";
        let outcome = format!("outcome=\"{outcome}\"");
        let sample = format!("signout_revocations_forwarded_total{{{outcome},{provider}}}");
        self.service.count(&sample).await
    }

    async fn until_forwarded(&self, outcome: &str, times: u64) {
        until(outcome, async || self.forwarded(outcome).await == times).await;
    }
}

fn with_secret() -> String {
    format!("client_secret = {SECRET:?}")
}

#[tokio::test]
async fn rev_7_the_provider_is_told_what_ended_here() {
    for (more, authorization, form) in [
        // RFC 6749, section 2.3.1: both parts are encoded like a form first.
        (with_secret(), "authorization: Basic YXBwOjEwMCUyNStvZithJTJCYg==\r\n", ""),
        (
            format!("{}\nclient_auth = \"client_secret_post\"", with_secret()),
            "",
            "&client_id=app&client_secret=100%25+of+a%2Bb",
        ),
        (String::new(), "", "&client_id=app"),
    ] {
        let provider = RevocationEndpoint::start(&[]).await;
        let house = forwarding(&provider.url("/revoke"), &more);
        house.register(json!({ "opaque_token": "r3fr3sh", "kind": "refresh" })).await;
        let token = house.token("t");
        for (number, token) in [&*token, "r3fr3sh"].into_iter().enumerate() {
            assert_eq!(house.revoke(APP, token).await.status, 200);
            house.until_forwarded("taken", number as u64 + 1).await;
            let requests = provider.requests();
            let request = requests.last().unwrap();
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            assert_eq!(body, format!("token={token}{form}"));
            assert!(head.starts_with("POST /revoke HTTP/1.1\r\n"), "{head}");
            let type_is = "content-type: application/x-www-form-urlencoded";
            assert!(head.contains(type_is), "{head}");
            assert_eq!(head.contains("authorization"), !authorization.is_empty(), "{head}");
            assert!(format!("{head}\r\n").contains(authorization), "{head}");
        }
        let log = house.service.log_when(|log| log.matches("revocation forwarded").count() == 2);
        for secret in [&*token, "r3fr3sh", SECRET, "YXBwOjEw"] {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

#[tokio::test]
async fn rev_7_the_endpoint_comes_from_discovery() {
    for (metadata, taken) in [("/revoke", true), ("http://op.example/", false), ("", false)] {
        let provider = RevocationEndpoint::start(&[]).await;
        let folder = tempfile::tempdir().unwrap();
        let mut op = Op::new("home", folder.path());
        op.issuer = provider.url("");
        let url = if taken { provider.url(metadata) } else { metadata.to_owned() };
        let metadata =
            if url.is_empty() { json!({}) } else { json!({ "revocation_endpoint": url }) };
        provider.speak_for(&op, &metadata);
        let settings = format!(
            "[[provider]]\nname = \"home\"\nissuer = {:?}\nclient_ids = [\"app\"]\n\
             algorithms = [\"ES256\"]\nallow_insecure_http = true\n\
             [provider.revocation]\nclient_id = \"app\"\n{}",
            op.issuer,
            KEYS.replace("issuers = [\"away\"]\n", "")
        );
        let service = Service::start(folder.path(), &settings);
        let house = House { folder, op, service };
        until("it has keys", async || {
            house.introspect(READER, &house.token("t")).await.status == 200
        })
        .await;
        assert_eq!(house.revoke(APP, &house.token("t")).await.status, 200);
        house.until_forwarded(if taken { "taken" } else { "refused" }, 1).await;
        assert_eq!(provider.requests().len(), usize::from(taken));
        if !taken {
            house.service.log_when(|log| log.contains("revocation_endpoint"));
        }
    }
}

#[tokio::test]
async fn a_provider_that_stumbles_is_asked_again() {
    for reply in [Reply::Status(503), Reply::Status(429), Reply::Later(1)] {
        let provider = RevocationEndpoint::start(&[reply, Reply::Status(500)]).await;
        let house = forwarding(&provider.url("/revoke"), &with_secret());
        let token = house.token("t");
        let started = Instant::now();
        assert_eq!(house.revoke(APP, &token).await.status, 200);
        house.until_forwarded("taken", 1).await;
        assert_eq!(provider.requests().len(), 3, "{reply:?}");
        let least = if matches!(reply, Reply::Later(_)) { 2_000 } else { 1_500 };
        assert!(started.elapsed() >= Duration::from_millis(least), "{reply:?}");
    }
}

#[tokio::test]
async fn a_provider_that_refuses_is_asked_once() {
    for status in [400, 401, 403, 404, 301] {
        let provider = RevocationEndpoint::start(&[Reply::Status(status)]).await;
        let house = forwarding(&provider.url("/revoke"), &with_secret());
        let token = house.token("t");
        assert_eq!(house.revoke(APP, &token).await.status, 200);
        house.until_forwarded("refused", 1).await;
        assert_eq!(provider.requests().len(), 1, "{status}");
        let log = house.service.log_when(|log| log.contains("a revocation is not forwarded"));
        assert!(log.contains(&status.to_string()) && !log.contains(&token), "{log}");
        assert!(!house.is_active(&token).await, "it ended here all the same");
    }
}

/// Nobody waits for the provider: not the client, not the next one, and not the end of the service.
#[tokio::test]
async fn a_provider_that_hangs_or_is_down_delays_nothing() {
    let provider = RevocationEndpoint::start(&[Reply::Silence; 2_000]).await;
    let nobody = format!("http://127.0.0.1:{}/revoke", ports::free());
    for endpoint in [provider.url("/revoke"), nobody] {
        let mut house = forwarding(&endpoint, &with_secret());
        // As many as may wait, as many as are asked about at a time, and some for which there is no room.
        let tokens: Vec<_> = (0..1_020).map(|number| house.token(&format!("t{number}"))).collect();
        let started = Instant::now();
        for token in &tokens {
            assert_eq!(house.revoke(APP, token).await.status, 200);
        }
        let took = started.elapsed() / 1_020;
        assert!(took < Duration::from_millis(500), "{took:?} for each");
        house.until_forwarded("dropped", 16).await;
        assert!(!house.is_active(tokens.last().unwrap()).await);
        let log = house.service.log_when(|log| log.contains("1000 wait already"));
        assert!(tokens.iter().all(|token| !log.contains(token)));
        let started = Instant::now();
        assert!(house.service.terminate().success());
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn rev_3_the_provider_hears_only_of_what_ended_and_is_its_clients() {
    let provider = RevocationEndpoint::start(&[]).await;
    let house = forwarding(&provider.url("/revoke"), &with_secret());
    let mut foreign = house.op.access_claims("foreign", "s", "alice");
    foreign["client_id"] = "other".into();
    let foreign = house.op.sign("at+jwt", &foreign);
    let mut over = house.op.access_claims("over", "s", "alice");
    (over["iat"], over["exp"]) = ((now() - 9_000).into(), (now() - 8_000).into());
    let over = house.op.sign("at+jwt", &over);
    house.register(json!({ "opaque_token": "nobodys", "client_id": null })).await;
    for (client, token) in [
        (APP, &*foreign),
        (APP, &*over),
        (APP, "unknown"),
        (APP, "nobodys"),
        (OTHER, &*house.token("t")),
        // It ends here, and the provider would not take it from the client `app`.
        (OTHER, &*foreign),
        // Nobody knows whose it is; the provider will.
        (ADMIN, "nobodys"),
    ] {
        assert_eq!(house.revoke(client, token).await.status, 200);
    }
    house.until_forwarded("taken", 1).await;
    assert_eq!(house.forwarded("other_client").await, 1);
    let [request] = &*provider.requests() else { panic!("{:?}", provider.requests()) };
    assert!(request.ends_with("token=nobodys"), "{request}");
}

/// A client that was told 503 asks again; until then the token lives, at the provider too.
#[tokio::test]
async fn rev_6_nothing_is_told_before_the_commit() {
    use super::super::disk::{Disk, LIMITED, limited};

    let (disk, provider) = (Disk::file_size(), RevocationEndpoint::start(&[]).await);
    let op = Op::new("home", disk.folder());
    let settings = format!(
        "{}allow_insecure_http = true\n[provider.revocation]\nclient_id = \"app\"\n\
         endpoint = {:?}\n{}",
        op.settings(),
        provider.url("/revoke"),
        KEYS.replace("issuers = [\"away\"]\n", "")
    );
    let service = Service::start_with(disk.folder(), &settings, &mut limited(LIMITED));
    let house = House { folder: tempfile::tempdir().unwrap(), op, service };
    disk.fill(&house.service);
    let mut taken = 0;
    let token = loop {
        let token = house.token(&format!("t{taken}"));
        if house.revoke(APP, &token).await.status == 503 {
            break token;
        }
        taken += 1;
        assert!(taken < 2_000, "the disk is not full");
    };
    house.until_forwarded("taken", taken).await;
    disk.free(&house.service);
    until("it is taken", async || house.revoke(APP, &token).await.status == 200).await;
    house.until_forwarded("taken", taken + 1).await;
    let refused = provider.requests().iter().filter(|request| request.contains(&token)).count();
    assert_eq!(refused, 1);
}

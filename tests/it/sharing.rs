//! Several instances that share a Redis: what one takes, all refuse.

use std::path::Path;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use signout::redis::{
    Address, Append, Config, DirectKeys, KeyPrefix, LinkId, Login, Redis, Topology,
};
use signout_checker::{Change, Digest, IssuedBefore, Reach, Reason, TargetKind, Timestamp};

use super::harness::redis::RedisServer;
use super::harness::{Op, Service, now, until};

/// An instance with its own journal in its own folder.
struct Instance {
    folder: tempfile::TempDir,
    settings: String,
    service: Service,
}

impl Instance {
    fn start(op: &Op, redis: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = format!("{}\n[redis]\n{redis}\n", op.settings());
        let service = Service::start(folder.path(), &settings);
        Self { folder, settings, service }
    }

    /// kill -9, and a start on the same journal.
    fn restart(&mut self) {
        self.service.kill();
        self.service = Service::start(self.folder.path(), &self.settings);
    }

    async fn register(&self, op: &Op, jti: &str, sid: &str, sub: &str) {
        let token = json!({
            "iss": op.issuer, "jti": jti, "sid": sid, "sub": sub, "iat": now() - 10,
            "exp": now() + 600,
        });
        let answer = self.service.post("/v1/tokens", &token).await;
        assert_eq!(answer["status"], "registered", "{answer}");
    }

    async fn logout(&self, token: &str) {
        let answer = self.service.logout(token).await;
        assert_eq!(answer.status, 200, "{answer:?} {}", self.service.log());
    }

    async fn verdict(&self, op: &Op, fact: &str, value: &str) -> Value {
        let question = json!({ "iss": op.issuer, fact: value });
        self.service.call(Method::POST, "/v1/check", &question).await.json()
    }

    async fn refuses(&self, op: &Op, fact: &str, value: &str) {
        until(&format!("{fact} {value} is refused: {}", self.service.log()), async || {
            let verdict = self.verdict(op, fact, value).await;
            verdict["revoked"] == true && verdict["reason"] != "stale"
        })
        .await;
    }

    /// Waits until it knows what the others know.
    async fn shares(&self, op: &Op) {
        until("knows what the others know", async || {
            self.verdict(op, "jti", "nobody's").await["revoked"] == false
        })
        .await;
    }
}

fn op(folder: &Path) -> Op {
    Op::new("home", folder)
}

fn single(redis: &RedisServer) -> String {
    format!("urls = [{:?}]", redis.url())
}

#[tokio::test]
async fn i2_what_one_takes_all_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let op = op(folder.path());
    let redis = RedisServer::start();
    let [a, b, c] = [(); 3].map(|()| Instance::start(&op, &single(&redis)));
    for instance in [&a, &b, &c] {
        instance.shares(&op).await;
    }
    a.register(&op, "j1", "s1", "alice").await;
    a.register(&op, "j2", "s2", "alice").await;
    b.logout(&op.logout_token("l1", "s1")).await;
    for instance in [&b, &a, &c] {
        instance.refuses(&op, "sid", "s1").await;
        instance.refuses(&op, "jti", "j1").await;
        for (fact, value) in [("sid", "s2"), ("jti", "j2"), ("sub", "alice")] {
            assert_eq!(instance.verdict(&op, fact, value).await["revoked"], false, "{fact}");
        }
    }
}

#[tokio::test]
async fn i2_a_new_instance_and_a_restarted_one_know_it_all() {
    let folder = tempfile::tempdir().unwrap();
    let op = op(folder.path());
    let redis = RedisServer::start();
    let acknowledged = single(&redis) + "\nacknowledge = \"redis\"";
    let mut a = Instance::start(&op, &acknowledged);
    a.shares(&op).await;
    for n in 0..20 {
        a.register(&op, &format!("j{n}"), &format!("s{n}"), "alice").await;
        a.logout(&op.logout_token(&format!("l{n}"), &format!("s{n}"))).await;
    }
    let entries = || redis.cli(&["HGET", "{signout}:head", "seq"]);
    let before = entries();
    let b = Instance::start(&op, &single(&redis));
    b.shares(&op).await;
    b.refuses(&op, "jti", "j19").await;
    b.refuses(&op, "jti", "j0").await;
    a.restart();
    a.shares(&op).await;
    a.refuses(&op, "jti", "j7").await;
    assert_eq!(entries(), before, "one of them put back what was there");
}

#[tokio::test]
async fn g4_logouts_are_taken_while_redis_is_away_and_shared_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let op = op(folder.path());
    let mut redis = RedisServer::start();
    let [mut a, b] = [(); 2].map(|()| Instance::start(&op, &single(&redis)));
    a.shares(&op).await;
    b.shares(&op).await;
    redis.kill();
    a.register(&op, "j1", "s1", "alice").await;
    b.logout(&op.logout_token("l1", "s1")).await;
    b.refuses(&op, "sid", "s1").await;
    a.restart();
    // It has not heard of the others since its start, and says so.
    assert_eq!(a.verdict(&op, "jti", "j1").await["reason"], "stale");
    redis.restart_empty();
    for instance in [&a, &b] {
        instance.refuses(&op, "sid", "s1").await;
        instance.refuses(&op, "jti", "j1").await;
    }
}

#[tokio::test]
async fn i11_a_flush_is_noticed_and_undone() {
    let folder = tempfile::tempdir().unwrap();
    let op = op(folder.path());
    let redis = RedisServer::start();
    let [a, b] = [(); 2].map(|()| Instance::start(&op, &single(&redis)));
    a.shares(&op).await;
    b.shares(&op).await;
    a.register(&op, "j1", "s1", "alice").await;
    b.logout(&op.logout_token("l1", "s1")).await;
    a.refuses(&op, "jti", "j1").await;
    let keys = || redis.cli(&["KEYS", "{signout}:deny:*"]).lines().count();
    until("session and token have denylist keys", async || keys() == 2).await;
    redis.flushall();
    until("the denylist keys are back", async || keys() == 2).await;
    let c = Instance::start(&op, &single(&redis));
    c.refuses(&op, "jti", "j1").await;
    c.refuses(&op, "sid", "s1").await;
}

/// What is long over leaves the log from its front; an entry that lives longer than a thousand
/// behind it goes to its end first.
#[tokio::test]
async fn i4_the_log_is_trimmed_and_nothing_live_with_it() {
    const LIVES: [u8; 16] = [0xaa; 16];
    let folder = tempfile::tempdir().unwrap();
    let op = op(folder.path());
    let server = RedisServer::start();
    let mut instance = Instance::start(&op, &single(&server));
    instance.shares(&op).await;

    // As another instance left it: one entry that lives on, and many that are over.
    let redis = Redis::new(&Config {
        topology: Topology::Single(Address::parse(&server.url()).unwrap()),
        login: Login::default(),
        ca_file: None,
        prefix: KeyPrefix::default(),
        direct_keys: DirectKeys::Omit,
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(5),
    });
    let mut link = redis.unwrap().connect().await.unwrap();
    let epoch = link.head().await.unwrap().unwrap().epoch;
    let change = |target, ends| {
        [Change {
            target: Digest::from_bytes(target),
            name: None,
            kind: TargetKind::Token,
            issued_before: IssuedBefore::EVERYTHING,
            reach: Reach::ALL,
            retain_until: Timestamp::from_secs(ends),
            reason: Reason::Admin,
            revoked_at: Timestamp::from_secs(now() - 9_000),
        }]
    };
    let (lives, over) = (change(LIVES, now() + 9_000), change([0xbb; 16], now() - 8_000));
    let entry = |n: u64, changes| Append { link: LinkId::from_bytes(n.to_le_bytes()), changes };
    let entries: Vec<_> =
        (1..=1_200).map(|n| entry(n, if n == 1 { &lives } else { &over })).collect();
    link.append(epoch, &entries).await.unwrap();

    instance.restart();
    until("the log is trimmed", async || {
        server.cli(&["XLEN", "{signout}:log"]).parse::<u64>().unwrap() < 10
    })
    .await;
    let left = link.range(1, 10).await.unwrap();
    let head = link.head().await.unwrap().unwrap();
    assert_eq!(left[0].seq, head.first, "{left:?}");
    let targets: Vec<_> = left.iter().flat_map(|e| &e.changes).map(|c| c.target).collect();
    assert!(targets.contains(&Digest::from_bytes(LIVES)), "{targets:?}");
    // Whoever reads what is left goes on from there.
    instance.logout(&op.logout_token("l1", "s1")).await;
    let other = Instance::start(&op, &single(&server));
    other.refuses(&op, "sid", "s1").await;
}

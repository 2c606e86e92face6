//! A few instances that share a Redis, and one thing that happens.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::harness::proxy::Proxy;
use super::super::harness::redis::RedisServer;
use super::super::harness::{Op, now, until};
use super::instance::{Door, Instance};
use super::ledger::refuses;
use super::verdict::BOUND;

/// Every test has a provider of its own and a way to Redis for each instance.
pub(super) struct Group {
    op: Op,
    /// What stands in `[redis]` beside the address.
    redis: String,
    target: SocketAddr,
    pub(super) network: Vec<Proxy>,
    pub(super) instances: Vec<Instance>,
    _folder: tempfile::TempDir,
}

pub(super) const HEAD: &str = "{signout}:head";
pub(super) const LOG: &str = "{signout}:log";

pub(super) fn address(server: &RedisServer) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, server.port()).into()
}

impl Group {
    /// So many instances, all of which share already. `redis` stands in their `[redis]`.
    pub(super) async fn start(count: usize, server: &RedisServer, redis: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let op = Op::new("home", folder.path());
        let (redis, target) = (redis.to_owned(), address(server));
        let (network, instances) = (Vec::new(), Vec::new());
        let mut group = Self { op, redis, target, network, instances, _folder: folder };
        for _ in 0..count {
            group.join();
        }
        group.all_share().await;
        group
    }

    /// One more instance, with an empty journal; gives its place.
    pub(super) fn join(&mut self) -> usize {
        let place = self.instances.len();
        self.network.push(Proxy::start(self.target));
        self.instances.push(Instance::started(place, self.settings(place)));
        place
    }

    /// What an instance in this place is told.
    pub(super) fn settings(&self, place: usize) -> String {
        let (providers, way) = (self.op.settings(), self.network[place].address());
        let redis = &self.redis;
        format!(
            "{providers}[redis]\nurls = [\"redis://{way}\"]\n{redis}\n\
             [checker]\nmax_staleness = \"10s\"\n"
        )
    }

    pub(super) fn door(&self, place: usize) -> Door {
        self.instances[place].door().unwrap()
    }

    /// Has to go well.
    pub(super) async fn register(&self, place: usize, jti: &str, sid: &str, sub: &str) {
        let told = self.try_register(place, jti, sid, sub).await;
        assert_eq!(told, (200, vec!["registered".to_owned()]), "{}", self.instances[place].log());
    }

    pub(super) async fn try_register(
        &self,
        place: usize,
        jti: &str,
        sid: &str,
        sub: &str,
    ) -> (u16, Vec<String>) {
        self.door(place).register(&[self.token(jti, sid, sub)]).await.unwrap()
    }

    /// What is posted to register a token.
    pub(super) fn token(&self, jti: &str, sid: &str, sub: &str) -> Value {
        json!({
            "iss": self.op.issuer, "jti": jti, "sid": sid, "sub": sub, "iat": now() - 10,
            "exp": now() + 600,
        })
    }

    pub(super) fn logout_token(&self, jti: &str, sid: &str) -> String {
        self.op.logout_token(jti, sid)
    }

    /// A logout token that names the user alone.
    pub(super) fn logout_token_of_user(&self, jti: &str, sub: &str) -> String {
        let mut claims = self.op.logout_claims(jti, "");
        claims.as_object_mut().unwrap().remove("sid");
        claims["sub"] = json!(sub);
        self.op.sign("logout+jwt", &claims)
    }

    /// Logs a session out, which has to go well, and tells how long the answer took.
    pub(super) async fn log_out(&self, place: usize, sid: &str) -> Duration {
        self.present(place, &self.logout_token(&format!("logout-{sid}"), sid)).await
    }

    /// Posts a logout token, which has to go well.
    pub(super) async fn present(&self, place: usize, token: &str) -> Duration {
        let asked = Instant::now();
        let status = self.door(place).logout(token).await;
        assert_eq!(status, Some(200), "{}", self.instances[place].log());
        asked.elapsed()
    }

    pub(super) async fn verdict(&self, place: usize, fact: &str, value: &str) -> Value {
        let question = json!({ "iss": self.op.issuer, fact: value });
        self.door(place).check(&[question]).await.unwrap().remove(0)
    }

    pub(super) async fn refuses(&self, place: usize, fact: &str, value: &str) -> bool {
        refuses(&self.verdict(place, fact, value).await)
    }

    /// Waits until one instance refuses it.
    pub(super) async fn comes_to_refuse(&self, place: usize, fact: &str, value: &str) {
        let what = || format!("{place} refuses {fact} {value}\n{}", self.instances[place].log());
        let waited = tokio::time::timeout(BOUND, async {
            while !self.refuses(place, fact, value).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("not within {:?}: {}", BOUND, what()));
    }

    /// Waits until all of them refuse it.
    pub(super) async fn all_refuse(&self, fact: &str, value: &str) {
        for place in 0..self.instances.len() {
            self.comes_to_refuse(place, fact, value).await;
        }
    }

    /// What `/readyz?verbose` says.
    pub(super) async fn health(&self, place: usize) -> String {
        self.door(place).operators("/readyz?verbose").await.unwrap()
    }

    pub(super) async fn shares(&self, place: usize) {
        until("it shares", async || self.health(place).await.contains("redis: sharing")).await;
    }

    pub(super) async fn all_share(&self) {
        for place in 0..self.instances.len() {
            self.shares(place).await;
        }
    }

    pub(super) async fn count(&self, place: usize, sample: &str) -> u64 {
        self.door(place).count(sample).await.unwrap()
    }

    /// How often all instances together noticed a loss of this kind.
    pub(super) async fn losses(&self, cause: &str) -> u64 {
        let mut losses = 0;
        for place in 0..self.instances.len() {
            let sample = format!("signout_redis_losses_total{{cause=\"{cause}\"}}");
            losses += self.count(place, &sample).await;
        }
        losses
    }

    /// How often they noticed any loss.
    pub(super) async fn all_losses(&self) -> u64 {
        let mut losses = 0;
        for place in 0..self.instances.len() {
            losses += self.count(place, "signout_redis_losses_total").await;
        }
        losses
    }

    /// Waits until somebody notices one more loss of this kind than before.
    pub(super) async fn notices(&self, cause: &str, before: u64) {
        let noticed = async || self.losses(cause).await > before;
        until(&format!("somebody notices {cause}\n{}", self.instances[0].log()), noticed).await;
    }

    /// Waits until everything that this instance has is confirmed in Redis, as it says twice a second:
    /// what came in the last half of one may be on its way.
    pub(super) async fn passed_on(&self, place: usize) {
        until("everything is passed on", async || self.pending(place).await == 0).await;
    }

    pub(super) async fn pending(&self, place: usize) -> u64 {
        self.count(place, "signout_replication_pending ").await
    }

    /// A new instance, that has nothing but what it is told, refuses all of this.
    pub(super) async fn a_newcomer_refuses(&mut self, facts: &[(&str, &str)]) {
        let newcomer = self.join();
        for (fact, value) in facts {
            self.comes_to_refuse(newcomer, fact, value).await;
        }
    }

    /// Leads all ways to another server, now or when they connect anew.
    pub(super) fn aim(&mut self, server: &RedisServer) {
        self.target = address(server);
        for way in &self.network {
            way.aim(self.target);
        }
    }
}

//! A service that shares a Redis, and what happens to it on a day.

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::redis::RedisServer;
use crate::harness::{API_KEY, Answer, Op, Service, now, until};

pub(super) struct Stage {
    _folder: TempDir,
    _redis: RedisServer,
    op: Op,
    pub(super) service: Service,
    lived: AtomicU64,
}

impl Stage {
    /// Returns when the instance shares.
    pub(super) async fn start() -> Self {
        let (folder, redis) = (tempfile::tempdir().unwrap(), RedisServer::start());
        let op = Op::new("home", folder.path());
        let provider = format!(
            "{}frontchannel_logout = true\n[provider.revocation]\nclient_id = \"app\"\n\
             endpoint = \"https://home.example/revoke\"\n",
            op.settings()
        );
        let settings = format!("{provider}[redis]\nurls = [{:?}]\n", redis.url());
        let service = Service::start(folder.path(), &settings);
        until("it shares", async || {
            let ready = service.operators("/readyz?verbose").await.body;
            ready.contains("redis: sharing")
        })
        .await;
        Self { _folder: folder, _redis: redis, op, service, lived: AtomicU64::new(0) }
    }

    /// One of each: registered, signed out, signed out again, forged, asked about, revoked by an
    /// administrator, asked for by a proxy, revoked and introspected by a client, signed out through a
    /// browser, followed.
    pub(super) async fn one_of_each(&self) {
        let (op, service) = (&self.op, &self.service);
        let name = self.lived.fetch_add(1, Ordering::Relaxed);
        let (jti, sid) = (format!("t-{name}"), format!("s-{name}"));
        let token = json!({
            "iss": op.issuer, "jti": jti, "sid": sid, "sub": "alice", "iat": now() - 10,
            "exp": now() + 600,
        });
        service.post("/v1/tokens", &token).await;
        let question = json!({ "iss": op.issuer, "jti": jti });
        assert_eq!(service.post("/v1/check", &question).await["revoked"], false);
        let logout = op.logout_token(&format!("l-{name}"), &sid);
        assert_eq!(service.logout(&logout).await.status, 200, "{}", service.log());
        assert_eq!(service.logout(&logout).await.status, 200, "{}", service.log());
        assert_eq!(service.logout(&logout[..logout.len() - 4]).await.status, 400);
        assert_eq!(service.post("/v1/check", &question).await["revoked"], true);
        let order = json!({ "target": { "iss": op.issuer, "jti": format!("o-{name}") }, "reason": "admin" });
        service.post("/v1/revocations", &order).await;
        let gate = service.request(Method::GET, "/forward-auth").bearer_auth("no token");
        assert_eq!(Answer::of(gate).await.status, 401);
        for route in ["/oauth2/revoke", "/oauth2/introspect"] {
            let form = format!("client_id=tests&client_secret={API_KEY}&token=none");
            assert_eq!(service.post_form(route, form).await.status, 200);
        }
        let ended = format!("/frontchannel-logout/home?iss={}&sid={sid}", op.issuer);
        assert_eq!(Answer::of(service.request(Method::GET, &ended)).await.status, 200);
        let snapshot = service.request(Method::GET, "/v1/snapshot").bearer_auth(API_KEY);
        assert_eq!(Answer::of(snapshot).await.status, 200);
    }

    pub(super) async fn metrics(&self) -> String {
        self.service.operators("/metrics").await.body
    }
}

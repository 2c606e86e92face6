//! Real reverse proxies, with the very configuration of `deploy/`, in front of an application that tells
//! what reached it.

mod application;
mod client;
mod proxy;

use std::time::Duration;

use serde_json::json;

use crate::harness::{Op, Service, now};
use application::Application;
use client::{Answer, Client};
use proxy::{Kind, Proxy};

/// A proxy that asks signout and protects an application.
struct Stage {
    folder: tempfile::TempDir,
    op: Op,
    service: Service,
    application: Application,
    proxy: Proxy,
}

impl Stage {
    fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let op = Op::new("home", folder.path());
        let settings = format!(
            "{}\n[forward_auth]\naudiences = [\"api\"]\ncookies = [\"at\"]\ngroups_claim = \"groups\"\n",
            op.settings()
        );
        let service = Service::start(folder.path(), &settings);
        let application = Application::start();
        let proxy = Proxy::start(kind, service.outer, application.address());
        Self { folder, op, service, application, proxy }
    }

    fn token(&self, sid: &str) -> String {
        self.op.sign("at+jwt", &self.op.access_claims(&format!("of-{sid}"), sid, "alice"))
    }

    fn client(&self) -> Client {
        Client::of(self.proxy.address())
    }

    /// With these lines in its head.
    fn get(&self, lines: &[&str]) -> Answer {
        self.client().get("/", lines).unwrap_or_else(|| panic!("no answer {}", self.proxy.log()))
    }

    fn get_with(&self, token: &str) -> Answer {
        self.get(&[&format!("Authorization: Bearer {token}")])
    }

    #[track_caller]
    fn refused(&self, answer: &Answer, error: &str) {
        assert_eq!(answer.status, 401, "{answer:?} {}", self.proxy.log());
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        let expected = match error {
            "" => "Bearer realm=\"signout\"".to_owned(),
            error => format!("Bearer realm=\"signout\", error=\"{error}\""),
        };
        assert_eq!(challenge, expected, "{answer:?}");
    }
}

/// What is signed, and the signature.
fn parts(token: &str) -> (&str, &str) {
    token.rsplit_once('.').unwrap()
}

/// Allowed, refused for every kind of reason, ended.
async fn lets_pass_whom_signout_lets_pass(kind: Kind) {
    let stage = Stage::start(kind);
    stage.refused(&stage.get(&[]), "");
    let good = stage.token("s");
    let answer = stage.get_with(&good);
    assert_eq!((answer.status, &*answer.body), (200, "the application"), "{}", stage.proxy.log());
    let reached = stage.application.last();
    assert_eq!(reached.identity(), ["subject: alice", "session: s", "client: app"], "{reached:?}");
    let cookie = stage.get(&[&format!("Cookie: x=1; at={good}")]);
    assert_eq!(cookie.status, 200, "{cookie:?}");
    let mut claims = stage.op.access_claims("g", "s", "bob");
    claims["groups"] = json!(["a", "b c"]);
    assert_eq!(stage.get_with(&stage.op.sign("JWT", &claims)).status, 200);
    let reached = stage.application.last();
    assert!(reached.identity().contains(&"groups: a,b c".to_owned()), "{reached:?}");
    let auth = format!("Authorization: Bearer {good}");
    let posted = stage.client().post("/orders?all=1", &[&auth], "data").unwrap();
    assert_eq!(posted.status, 200, "{posted:?} {}", stage.proxy.log());
    let reached = stage.application.last();
    assert!(
        reached.head.starts_with("POST /orders?all=1 ") && reached.body == "data",
        "{reached:?}"
    );

    let passed = stage.application.count();
    assert_eq!(passed, 4);
    let mut expired = stage.op.access_claims("e", "s", "alice");
    (expired["iat"], expired["exp"]) = (json!(now() - 600), json!(now() - 120));
    let mut foreign = stage.op.access_claims("f", "s", "alice");
    foreign["aud"] = json!("another-api");
    for token in [
        stage.op.sign("at+jwt", &expired),
        stage.op.sign("at+jwt", &foreign),
        stage.op.logout_token("l", "s"),
        good.replace('.', ""),
        format!("{}.{}", parts(&good).0, parts(&stage.token("other")).1),
        "x".repeat(6000),
    ] {
        stage.refused(&stage.get_with(&token), "invalid_token");
    }
    let two = [&*auth, &*format!("Cookie: at={}", stage.token("other"))];
    stage.refused(&stage.get(&two), "invalid_request");
    for path in ["/signout", "/forward-auth", "//", "/..%2f", "/%2e%2e/", "/a;/..", "/?x=/public"] {
        let answer = stage.client().get(path, &["X-Forwarded-Uri: /public"]).unwrap();
        assert!(answer.status >= 400, "{path} {answer:?}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"] {
        let answer = stage.client().send(method, "/", &["Content-Length: 0"], "").unwrap();
        assert!(answer.status >= 400, "{method} {answer:?}");
    }
    assert_eq!(stage.application.count(), passed, "nothing else reached it");

    // What was allowed a moment ago is not any more: no answer was kept.
    let ended = stage.service.logout(&stage.op.logout_token("l2", "s")).await;
    assert_eq!(ended.status, 200);
    for _ in 0..3 {
        stage.refused(&stage.get_with(&good), "invalid_token");
    }
    assert_eq!(stage.application.count(), passed);
    assert_eq!(stage.get_with(&stage.token("other")).status, 200, "another session");
}

/// Whatever a client calls itself, the application hears of the token alone, or nothing at all.
fn hands_on_no_identity_but_the_tokens(kind: Kind) {
    let stage = Stage::start(kind);
    let auth = format!("Authorization: Bearer {}", stage.token("s"));
    for forged in [
        &["X-Auth-Subject: admin"][..],
        &["x-auth-subject: admin"],
        &["X-AUTH-SUBJECT: admin"],
        &["X_Auth_Subject: admin"],
        &["x_auth_subject: admin"],
        &["X-Auth_Subject: admin"],
        &["x_auth-subject: admin"],
        &["X-Auth-Groups: admin"],
        &["X_AUTH_GROUPS: admin"],
        &["X-Auth-Issuer: admin", "X-Auth-Session: admin", "X-Auth-Client: admin"],
        &["X-Auth-Subject: admin", "X-Auth-Subject: admin"],
        &["X-Auth-Subject:", "X-Auth-Subject: admin"],
        &["X-Auth-Subject : admin"],
        &["X-Auth-Subject: alice", " admin"],
        &["Connection: X-Auth-Subject"],
        &["Connection: close, x-auth-subject, x-auth-groups", "X-Auth-Subject: admin"],
        &["Connection: keep-alive", "Connection: X-Auth-Subject"],
        &["Connection: close", "Proxy-Connection: X-Auth-Subject", "TE: X-Auth-Subject"],
    ] {
        let passed = stage.application.count();
        let without = stage.client().get("/", forged);
        assert!(without.is_none_or(|answer| answer.status >= 400), "{forged:?}");
        assert_eq!(stage.application.count(), passed, "{forged:?}");
        for order in [[&[&*auth][..], forged].concat(), [forged, &[&*auth]].concat()] {
            let passed = stage.application.count();
            let answer = stage.client().get("/", &order);
            let reached = stage.application.count() > passed;
            let status = answer.as_ref().map(|answer| answer.status);
            assert_eq!(reached, status == Some(200), "{forged:?} {answer:?}");
            if reached {
                let request = stage.application.last();
                let expected = ["subject: alice", "session: s", "client: app"];
                assert_eq!(request.identity(), expected, "{forged:?} {request:?}");
            }
        }
    }
    assert!(stage.application.count() > 10, "some of them are harmless and pass");
}

/// Without an answer nobody passes, and nobody waits for long where the proxy can be told so.
fn lets_nobody_pass_without_an_answer(kind: Kind) {
    let mut stage = Stage::start(kind);
    let auth = format!("Authorization: Bearer {}", stage.token("s"));
    assert_eq!(stage.get(&[&auth]).status, 200);
    let passed = stage.application.count();

    stage.service.signal("STOP");
    let answer = stage.client().patient(Duration::from_secs(6)).get("/", &[&auth]);
    assert!(answer.as_ref().is_none_or(|answer| answer.status >= 400), "{answer:?}");
    assert_eq!(answer.is_some(), kind.gives_up(), "{kind:?} {answer:?} {}", stage.proxy.log());
    assert_eq!(stage.application.count(), passed);

    let address = stage.service.outer;
    stage.service.kill();
    for _ in 0..5 {
        let answer = stage.get(&[&auth]);
        assert!(answer.status >= 400, "{answer:?}");
    }
    for broken in [
        "HTTP/1.1 500 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 404 -\r\nX-Auth-Subject: alice\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 302 -\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 20",
        "200 OK\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "",
    ] {
        let impostor = Application::answering(address, broken);
        let answer = stage.get(&[&auth]);
        assert!(answer.status >= 300, "{broken:?} {answer:?}");
        drop(impostor);
    }
    assert_eq!(stage.application.count(), passed);

    // And it comes back by itself.
    let config = stage.folder.path().join("signout.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replacen("listen = \"127.0.0.1:0\"", &format!("listen = \"{address}\""), 1);
    std::fs::write(&config, text).unwrap();
    stage.service = Service::spawn(Service::command().arg("serve").arg("--config").arg(config));
    stage.proxy.until("passes again", || stage.get(&[&auth]).status == 200);
}

macro_rules! proxies {
    ($($name:ident: $kind:expr,)+) => {$(
        mod $name {
            use super::{Kind, Kind::*};

            #[tokio::test]
            async fn lets_pass_whom_signout_lets_pass() {
                super::lets_pass_whom_signout_lets_pass($kind).await;
            }

            #[test]
            fn a41_hands_on_no_identity_but_the_tokens() {
                super::hands_on_no_identity_but_the_tokens($kind);
            }

            #[test]
            fn a10_lets_nobody_pass_without_an_answer() {
                let kind: Kind = $kind;
                super::lets_nobody_pass_without_an_answer(kind);
            }
        }
    )+};
}

proxies! {
    caddy: Caddy,
    envoy: Envoy,
    haproxy: Haproxy,
    nginx: Nginx,
    traefik: Traefik,
}

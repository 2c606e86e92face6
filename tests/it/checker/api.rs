use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::harness::{API_KEY, Answer, Op, Service, client, tell, until};
use super::quantiles;

/// One of the examples, as a process of its own.
struct Api {
    child: Child,
    address: SocketAddr,
    client: reqwest::Client,
}

impl Api {
    fn start(name: &str, service: &Service) -> Self {
        let mut child = Command::new(built().join(name))
            .env("SIGNOUT_URL", service.url(""))
            .env("SIGNOUT_API_KEY", API_KEY)
            .env("LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { child, address, client: client() }
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let request = self.client.get(format!("http://{}{path}", self.address));
        Answer::of(token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth)).await
    }

    async fn status(&self, token: &str) -> u16 {
        self.get("/orders", Some(token)).await.status
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds the examples beside the service under test, and gives their folder.
fn built() -> &'static Path {
    static BUILT: OnceLock<&'static Path> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_signout")).parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "-p", "signout-checker", "--example", "actix"]);
        build.args(["--example", "axum", "--features", "actix,tower,http"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Box::leak(folder.join("examples").into_boxed_path())
    })
}

/// An access token of this session.
fn token(op: &Op, sid: &str) -> String {
    op.sign("at+jwt", &op.access_claims(&format!("jti-{sid}"), sid, "alice"))
}

#[tokio::test]
async fn a_logout_at_the_provider_ends_in_a_401_at_the_api() {
    for (name, count) in [("actix", 100), ("axum", 100)] {
        let folder = tempfile::tempdir().unwrap();
        let op = Op::new("home", folder.path());
        let service = Service::start(folder.path(), &op.settings());
        let api = Api::start(name, &service);
        let other = token(&op, "other");
        until("it follows", async || api.status(&other).await == 200).await;

        let mut times = Vec::new();
        for n in 0..count {
            let sid = format!("s{n}");
            let access = token(&op, &sid);
            assert_eq!(api.status(&access).await, 200);
            let (logout, began) = (op.logout_token(&format!("l{n}"), &sid), Instant::now());
            assert_eq!(service.logout(&logout).await.status, 200);
            while api.status(&access).await != 401 {
                assert!(began.elapsed() < Duration::from_secs(30), "{sid} still passes {name}");
            }
            times.push(began.elapsed());
        }
        let (p50, p99) = quantiles(times);
        tell(&format!(
            "checker, API on {name}: {count} logouts at the provider's door, 401 after p50 {p50:?} p99 {p99:?}"
        ));

        assert_eq!(api.status(&other).await, 200, "it is another session");
        let refused = api.get("/orders", Some(&token(&op, "s0"))).await;
        let challenge =
            "Bearer error=\"invalid_token\", error_description=\"The token was revoked\"";
        assert_eq!(refused.header("www-authenticate"), challenge);
        assert_eq!(refused.header("cache-control"), "no-store");
        assert_eq!(refused.body, "");
        let nobody = api.get("/orders", None).await;
        assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, "Bearer"));
        assert_eq!(api.get("/health", None).await.status, 200);
        let unidentified = op.sign("at+jwt", &json!({ "iss": op.issuer }));
        let unidentified = api.get("/orders", Some(&unidentified)).await;
        assert!(unidentified.header("www-authenticate").contains("invalid_token"));
    }
}

#[tokio::test]
async fn i13_an_api_that_never_heard_of_the_service_answers_503() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let mut service = Service::start(folder.path(), &op.settings());
    service.kill();
    let api = Api::start("axum", &service);
    let answer = api.get("/orders", Some(&token(&op, "s"))).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    assert_eq!(answer.header("www-authenticate"), "");
    assert_eq!(api.get("/health", None).await.status, 200);
}

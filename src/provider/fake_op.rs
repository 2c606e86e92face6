//! A provider on loopback for tests: plain sockets, answers that a test sets, and a count.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::Endpoint;
use super::PlainHttp;

pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(super) const JWKS: &str = "/jwks";

/// Keys and tokens signed with them; made once, with another library.
pub(super) const FIRST_KEY: &str = include_str!("fixtures/first.jwk.json");
pub(super) const FIRST_TOKEN: &str = include_str!("fixtures/first.jws");
pub(super) const SECOND_KEY: &str = include_str!("fixtures/second.jwk.json");
pub(super) const SECOND_TOKEN: &str = include_str!("fixtures/second.jws");

/// What one path answers.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into() }
    }

    pub(super) fn status(status: u16) -> Self {
        Self { status, ..Self::ok("") }
    }

    pub(super) fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }

    fn text(&self) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} -\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let framed = ["content-length", "transfer-encoding"];
        if !self.headers.iter().any(|(name, _)| framed.contains(name)) {
            let _ = write!(text, "content-length: {}\r\n", self.body.len());
        }
        text += "\r\n";
        [text.into_bytes(), self.body.clone()].concat()
    }
}

/// A JWK set of these keys.
pub(super) fn jwks(keys: &[&str]) -> Reply {
    Reply::ok(format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
}

pub(super) struct FakeOp {
    address: String,
    state: Arc<State>,
}

struct State {
    replies: Mutex<HashMap<String, Reply>>,
    /// Everything that was sent, head and body.
    requests: watch::Sender<Vec<String>>,
    /// While it is false, requests are taken and not answered.
    answering: watch::Sender<bool>,
}

impl FakeOp {
    /// A provider with discovery, that publishes the first key.
    pub(super) async fn start() -> Self {
        Self::serve("http", None).await
    }

    pub(super) async fn start_tls(acceptor: TlsAcceptor) -> Self {
        Self::serve("https", Some(acceptor)).await
    }

    async fn serve(scheme: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("{scheme}://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            replies: Mutex::default(),
            requests: watch::Sender::default(),
            answering: watch::Sender::new(true),
        });
        let op = Self { address, state: Arc::clone(&state) };
        op.set(DISCOVERY, Reply::ok(op.document().to_string()));
        op.set(JWKS, jwks(&[FIRST_KEY]));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, tls) = (Arc::clone(&state), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => state.answer(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                state.answer(stream).await;
                            }
                        }
                    }
                });
            }
        });
        op
    }

    /// The discovery document.
    pub(super) fn document(&self) -> Value {
        json!({
            "issuer": self.address,
            "authorization_endpoint": self.url("/authorize"),
            "jwks_uri": self.url(JWKS),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "backchannel_logout_supported": true,
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.address
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub(super) fn endpoint(&self, path: &str) -> Endpoint {
        Endpoint::parse(&self.url(path), PlainHttp::AllowLoopback).unwrap()
    }

    pub(super) fn set(&self, path: &str, reply: Reply) {
        self.state.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// From now on requests are taken and not answered.
    pub(super) fn hang(&self) {
        self.state.answering.send_replace(false);
    }

    /// Answers again, those that wait included.
    pub(super) fn answer(&self) {
        self.state.answering.send_replace(true);
    }

    /// How often the keys were asked for.
    pub(super) fn fetches(&self) -> usize {
        count(&self.state.requests.borrow(), JWKS)
    }

    /// Waits until the keys have been asked for this often.
    pub(super) async fn asked(&self, fetches: usize) {
        let mut requests = self.state.requests.subscribe();
        requests.wait_for(|requests| count(requests, JWKS) >= fetches).await.unwrap();
    }

    /// The request that came last.
    pub(super) fn last_request(&self) -> String {
        self.state.requests.borrow().last().cloned().unwrap_or_default()
    }
}

fn count(requests: &[String], path: &str) -> usize {
    let line = format!("GET {path} ");
    requests.iter().filter(|request| request.starts_with(&line)).count()
}

impl State {
    async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut request = Vec::new();
        while !complete(&request) {
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let request = String::from_utf8(request).unwrap();
        let path = request.split(' ').nth(1).unwrap().to_owned();
        self.requests.send_modify(|requests| requests.push(request));
        let mut answering = self.answering.subscribe();
        answering.wait_for(|answering| *answering).await.unwrap();
        let reply = self.replies.lock().unwrap().get(&path).cloned();
        let reply = reply.unwrap_or_else(|| Reply::status(404));
        // The client hangs up on a body that is too large.
        let _ = stream.write_all(&reply.text()).await;
        let _ = stream.shutdown().await;
    }
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

/// Stops tokio's clock, which then moves only by [`tokio::time::advance`]. Pausing alone is not
/// enough: with nothing to do but wait for a socket, the runtime would jump to the next timeout.
/// It does not while a blocking task runs.
pub(super) struct Frozen(
    #[expect(dead_code, reason = "dropping it ends the task")] mpsc::Sender<()>,
);

impl Frozen {
    pub(super) fn time() -> Self {
        tokio::time::pause();
        let (hold, released) = mpsc::channel();
        // The limit turns a test that waits for nothing into one that fails.
        tokio::task::spawn_blocking(move || released.recv_timeout(Duration::from_secs(30)));
        Self(hold)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}

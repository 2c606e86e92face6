//! A provider's revocation endpoint, with its metadata and keys, that answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::harness::Op;

/// What it does with a request to revoke.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    Status(u16),
    /// 503 with `Retry-After`, in seconds.
    Later(u32),
    /// Says nothing, and keeps the connection open.
    Silence,
}

/// Ends when it goes away.
pub(super) struct RevocationEndpoint {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// For one request each; when they are used up, 200.
    replies: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<String>>,
    documents: Mutex<[String; 2]>,
}

impl RevocationEndpoint {
    pub(super) async fn start(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let replies = Mutex::new(replies.iter().copied().collect());
        let state = Arc::new(State { replies, ..State::default() });
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(Arc::clone(&shared).serve(stream));
            }
        });
        Self { address, state, serving }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Speaks for this provider: what discovery finds, beside what every document must have.
    pub(super) fn speak_for(&self, op: &Op, more: &serde_json::Value) {
        let mut metadata = json!({
            "issuer": op.issuer, "authorization_endpoint": self.url("/authorize"),
            "jwks_uri": self.url("/keys"), "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let keys = json!({ "keys": [op.key.public_jwk()] });
        *self.state.documents.lock().unwrap() = [metadata.to_string(), keys.to_string()];
    }

    /// Heads and bodies of what was asked to be revoked.
    pub(super) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }
}

impl Drop for RevocationEndpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let Some(request) = read(&mut stream).await else { return };
        let [metadata, keys] = self.documents.lock().unwrap().clone();
        let (status, header, body) = if request.starts_with("GET /.well-known/") {
            (200, String::new(), metadata)
        } else if request.starts_with("GET /keys ") {
            (200, String::new(), keys)
        } else {
            self.requests.lock().unwrap().push(request);
            let reply = self.replies.lock().unwrap().pop_front();
            match reply.unwrap_or(Reply::Status(200)) {
                Reply::Status(status) => (status, String::new(), String::new()),
                Reply::Later(seconds) => {
                    (503, format!("Retry-After: {seconds}\r\n"), String::new())
                }
                // Until the other side gives up.
                Reply::Silence => return drop(stream.read(&mut [0]).await),
            }
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} X\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n\
             {body}"
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase().lines().find_map(|line| {
                line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}

//! What is behind the proxy: takes every request, and remembers it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// Ends, with its socket, when it goes away.
pub(super) struct Application {
    address: SocketAddr,
    state: Arc<State>,
    serving: Option<JoinHandle<()>>,
}

struct State {
    answer: String,
    closing: AtomicBool,
    requests: Mutex<Vec<Request>>,
}

/// A request that reached it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: String,
}

impl Application {
    pub(super) fn start() -> Self {
        let body = "the application";
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        Self::answering("127.0.0.1:0".parse().unwrap(), &answer)
    }

    /// Something that answers every request with these bytes.
    pub(super) fn answering(address: SocketAddr, answer: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let state = Arc::new(State {
            answer: answer.to_owned(),
            closing: AtomicBool::new(false),
            requests: Mutex::default(),
        });
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&state);
        let serving = thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.closing.load(Ordering::Acquire) {
                    return;
                }
                let state = Arc::clone(&shared);
                // Proxies keep connections open that they do not use yet.
                thread::spawn(move || state.serve(&stream.unwrap()));
            }
        });
        Self { address, state, serving: Some(serving) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn count(&self) -> usize {
        self.state.requests.lock().unwrap().len()
    }

    pub(super) fn last(&self) -> Request {
        self.state.requests.lock().unwrap().last().cloned().unwrap()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.state.closing.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        let _ = self.serving.take().unwrap().join();
    }
}

impl State {
    fn serve(&self, mut stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            // The proxy went away.
            if !matches!(reader.read_line(&mut head), Ok(1..)) {
                return;
            }
        }
        let mut request = Request { head, body: String::new() };
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        request.body = String::from_utf8(body).unwrap();
        self.requests.lock().unwrap().push(request);
        let _ = stream.write_all(self.answer.as_bytes());
    }
}

impl Request {
    /// Names and values, as an application would read them that takes `_` for `-`.
    fn headers(&self) -> impl Iterator<Item = (String, &str)> {
        self.head.lines().skip(1).filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_ascii_lowercase().replace('_', "-"), value.trim()))
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// Who comes, as far as it is said: all identity headers but the issuer's own, and no blank ones.
    pub(super) fn identity(&self) -> Vec<String> {
        let order = ["subject", "session", "client", "groups"];
        let mut found = Vec::new();
        for name in order {
            let full = format!("x-auth-{name}");
            let values =
                self.headers().filter(|(found, value)| *found == full && !value.is_empty());
            found.extend(values.map(|(_, value)| format!("{name}: {value}")));
        }
        let issuers: Vec<_> = self.headers().filter(|(name, _)| name == "x-auth-issuer").collect();
        assert!(matches!(&*issuers, [(_, "https://home.example")]), "{self:?}");
        found
    }
}

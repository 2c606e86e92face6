//! HTTP/1.1 from one thread: pre-built requests over connections that stay open.

use std::cell::{Cell, RefCell};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::table::percentile;

/// No run may take longer; the longest takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(300);

/// What one run saw.
pub(crate) struct Run {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Sends every request once, and waits for the answer to each before the next on its connection.
pub(crate) fn drive(address: SocketAddr, requests: &[Vec<u8>], connections: usize) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let all: Rc<[Vec<u8>]> = requests.into();
    let state = Rc::new(State { all, next: Cell::new(0), took: RefCell::default() });
    let local = LocalSet::new();
    let started = Instant::now();
    for _ in 0..connections {
        local.spawn_local(Rc::clone(&state).connection(address));
    }
    let ended = async { tokio::time::timeout(PATIENCE, local).await };
    runtime.block_on(ended).expect("the run took too long");
    let elapsed = started.elapsed();
    let mut took = state.took.take();
    assert_eq!(took.len(), requests.len(), "a connection broke");
    took.sort_unstable();
    Run {
        per_second: requests.len() as f64 / elapsed.as_secs_f64(),
        p50_ms: percentile(&took, 50).as_secs_f64() * 1e3,
        p99_ms: percentile(&took, 99).as_secs_f64() * 1e3,
    }
}

/// One connection, for requests one by one.
pub(crate) struct Caller {
    stream: std::net::TcpStream,
    answer: Vec<u8>,
}

impl Caller {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, answer: Vec::new() }
    }

    /// Sends it, and returns when the answer is there.
    pub(crate) fn call(&mut self, request: &[u8]) {
        self.stream.write_all(request).unwrap();
        self.answer.clear();
        let mut piece = [0; 4 << 10];
        while length(&self.answer).is_none_or(|whole| self.answer.len() < whole) {
            let read = self.stream.read(&mut piece).unwrap();
            assert!(read > 0, "closed: {}", shown(&self.answer));
            self.answer.extend(piece.iter().take(read));
        }
        assert!(self.answer.starts_with(b"HTTP/1.1 20"), "{}", shown(&self.answer));
    }
}

struct State {
    all: Rc<[Vec<u8>]>,
    next: Cell<usize>,
    took: RefCell<Vec<Duration>>,
}

impl State {
    async fn connection(self: Rc<Self>, address: SocketAddr) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut answer = Vec::with_capacity(16 << 10);
        while let Some(request) = self.all.get(self.next.replace(self.next.get() + 1)) {
            let sent = Instant::now();
            stream.write_all(request).await.unwrap();
            read_answer(&mut stream, &mut answer).await;
            self.took.borrow_mut().push(sent.elapsed());
        }
    }
}

async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    answer.clear();
    let whole = loop {
        assert!(stream.read_buf(answer).await.unwrap() > 0, "closed: {}", shown(answer));
        if let Some(whole) = length(answer) {
            break whole;
        }
    };
    while answer.len() < whole {
        assert!(stream.read_buf(answer).await.unwrap() > 0, "closed: {}", shown(answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 20"), "{}", shown(answer));
}

/// Bytes of an answer whose head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(answer.get(..head)?).unwrap();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
    });
    Some(head + length.unwrap_or_default())
}

fn shown(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).into_owned()
}

/// A request as it goes over the wire.
pub(crate) fn post(path: &str, content_type: &str, api_key: Option<&str>, body: &str) -> Vec<u8> {
    let authorization =
        api_key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\n{authorization}content-type: {content_type}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

//! Many who follow, and slow ones.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::stream::{Stream, registered};
use super::{House, house_with, long_journal, resident_kib};
use crate::harness::{API_KEY, Op, PATIENCE, Service, until};

#[tokio::test]
async fn a_thousand_hear_of_it_at_once() {
    const MANY: usize = 1_000;
    let house = house_with("");
    let mut streams = Vec::new();
    for _ in 0..MANY {
        let mut stream = Stream::open(&house.service, None).await;
        stream.heartbeat().await;
        streams.push(stream);
    }
    assert_eq!(house.service.count("signout_feed_subscribers").await, MANY as u64);
    let began = Instant::now();
    let ended = house.end("s").await;
    for stream in &mut streams {
        assert_eq!(stream.changes().await.0, ended);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(streams);
    let gone = async || house.service.count("signout_feed_subscribers").await == 0;
    until("those who left are noticed with the next heartbeats", gone).await;
}

#[tokio::test]
async fn more_than_may_be_are_told_to_come_back() {
    let house = house_with("[feed]\nmax_subscribers = 2\n");
    let mut first = Stream::open(&house.service, None).await;
    let _second = Stream::open(&house.service, None).await;
    let refused = house.refused("/v1/feed").await;
    assert_eq!(refused.status, 503);
    assert!(!refused.header("retry-after").is_empty());
    assert!(refused.json()["detail"].as_str().unwrap().contains("max_subscribers"));
    first.heartbeat().await;
    drop(first);
    let free = async || house.refused_at_once("/v1/feed").await != 503;
    until("a place is free again", free).await;
}

impl House {
    /// The status of an answer whose body may have no end.
    async fn refused_at_once(&self, path: &str) -> u16 {
        let request = self.service.request(reqwest::Method::GET, path).bearer_auth(API_KEY);
        request.send().await.unwrap().status().as_u16()
    }
}

/// A client that reads when it is told to, from a small buffer.
struct Slow(TcpStream);

impl Slow {
    async fn ask(address: SocketAddr, path: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: signout\r\nauthorization: Bearer {API_KEY}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut slow = Self(stream);
        let mut begin = [0; 12];
        slow.0.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
        slow
    }

    /// Everything to the end.
    async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        read.unwrap().unwrap();
        rest
    }
}

/// Whoever does not read costs no memory but the ring's, holds nobody up, and is told.
#[tokio::test]
async fn a_slow_reader_is_reset_and_holds_nothing_up() {
    const SESSIONS: usize = 70;
    const TOKENS: usize = 900;
    let house = house_with("");
    for session in 0..SESSIONS {
        let sid = format!("s{session}");
        let tokens: Vec<_> = (0..TOKENS)
            .map(|n| registered(&house.op, &format!("j{session}.{n}"), &sid, "alice"))
            .collect();
        house.service.post("/v1/tokens", &json!(tokens)).await;
    }
    let slow = Slow::ask(house.service.outer, "/v1/feed").await;
    let mut quick = Stream::open(&house.service, None).await;
    quick.heartbeat().await;
    let before = resident_kib(house.service.pid());
    // Some 18 MiB of events, of which the ring keeps 8 and the socket a few.
    for session in 0..SESSIONS {
        let ended = house.end(&format!("s{session}")).await;
        let (at, changes) = quick.changes().await;
        assert_eq!((at, changes.len()), (ended, 1 + TOKENS));
    }
    let grown = resident_kib(house.service.pid()).saturating_sub(before);
    assert!(grown < 60 << 10, "{grown} KiB for a slow reader and what is refused");
    let rest = slow.rest().await;
    let rest = String::from_utf8_lossy(&rest);
    let end = "event: reset\ndata: {\"reason\":\"lagged\"}\n\n";
    assert!(rest.contains(end), "{}", &rest[rest.len().saturating_sub(300)..]);
    assert!(rest.matches("event: changes").count() > 4, "it was told nothing");
    let resets = "signout_feed_resets_total{reason=\"lagged\"}";
    assert_eq!(house.service.count(resets).await, 1);
}

#[tokio::test]
async fn few_snapshots_are_sent_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    long_journal(folder.path(), 300, 1_000);
    let op = Op::new("home", folder.path());
    let service = Service::start(folder.path(), &op.settings());
    let before = resident_kib(service.pid());
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(Slow::ask(service.outer, "/v1/snapshot").await);
    }
    let refused = service.call(reqwest::Method::GET, "/v1/snapshot", &json!(null)).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.header("retry-after").is_empty());
    // Each would be 6 MB as a whole.
    let grown = resident_kib(service.pid()).saturating_sub(before);
    assert!(grown < 20 << 10, "{grown} KiB");
    for slow in slow {
        // Chunks end with an empty one; the body with the count and the digest.
        assert!(slow.rest_of_body().await.ends_with(b"0\r\n\r\n"));
    }
    let again = service.call(reqwest::Method::GET, "/v1/livez", &json!(null)).await;
    assert_eq!(again.status, 404);
}

impl Slow {
    /// Everything to the end of a chunked body.
    async fn rest_of_body(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        while !rest.ends_with(b"\r\n0\r\n\r\n") {
            let read = tokio::time::timeout(PATIENCE, self.0.read_buf(&mut rest)).await;
            assert!(read.unwrap().unwrap() > 0, "the body was cut short");
        }
        rest
    }
}

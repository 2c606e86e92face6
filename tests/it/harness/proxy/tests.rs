//! Each fault shows at a real Redis.

use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::super::redis::RedisServer;
use super::super::{PATIENCE, until};
use super::*;

/// Nothing came for as long as everything else takes many times over.
const SILENCE: Duration = Duration::from_millis(50);
const PING: &[u8] = b"PING\r\n";
const PONG: &[u8] = b"+PONG\r\n";

struct Net {
    proxy: Proxy,
    _redis: RedisServer,
}

impl Net {
    fn new() -> Self {
        let redis = RedisServer::start();
        let proxy = Proxy::start((Ipv4Addr::LOCALHOST, redis.port()).into());
        Self { proxy, _redis: redis }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.proxy.address()).await.unwrap()
    }

    /// A connection that went through to the server.
    async fn connected(&self) -> TcpStream {
        let mut stream = self.connect().await;
        assert_eq!(ask(&mut stream).await, PONG);
        stream
    }

    async fn swallowed(&self, direction: Direction, bytes: usize) {
        let what = format!("{bytes} bytes vanish {direction:?}");
        until(&what, async || self.proxy.swallowed(direction) == bytes).await;
    }
}

async fn ask(stream: &mut TcpStream) -> Vec<u8> {
    stream.write_all(PING).await.unwrap();
    answer(stream, PONG.len()).await
}

async fn answer(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    timeout(PATIENCE, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    bytes
}

/// What comes until the connection ends, in whatever way.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(SILENCE, stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn without_faults_order_and_half_closes_are_kept() {
    let net = Net::new();
    let mut stream = net.connected().await;
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    for number in 0..50_000 {
        asked.extend(format!("ECHO {number:05}\r\n").into_bytes());
        answered.extend(format!("$5\r\n{number:05}\r\n").into_bytes());
    }
    let (mut from, mut to) = stream.split();
    let (sent, got) = tokio::join!(
        async {
            to.write_all(&asked).await.unwrap();
            // QUIT has its answer sent before the end comes.
            to.write_all(b"QUIT\r\n").await.unwrap();
            to.shutdown().await
        },
        async {
            let mut got = Vec::new();
            from.read_to_end(&mut got).await.unwrap();
            got
        }
    );
    sent.unwrap();
    answered.extend(b"+OK\r\n");
    assert!(got == answered, "{} bytes instead of {}", got.len(), answered.len());
    assert_eq!(net.proxy.bytes(Direction::ToClient), PONG.len() + got.len());
    assert_eq!(net.proxy.bytes(Direction::ToServer), PING.len() + asked.len() + b"QUIT\r\n".len());
    until("the connection is gone", async || net.proxy.open() == 0).await;
    assert_eq!(net.proxy.arrived(), 1);
}

/// One side may end its stream long before the other one does.
#[tokio::test]
async fn a_half_close_leaves_the_other_half_open() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap());
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut server).await, b"question");
    server.write_all(b"answer").await.unwrap();
    assert_eq!(answer(&mut client, 6).await, b"answer");
    drop(server);
    assert_eq!(rest(&mut client).await, b"");
}

#[tokio::test]
async fn cut_closes_what_is_open_and_nothing_after() {
    let net = Net::new();
    let (mut first, mut second) = (net.connected().await, net.connected().await);
    assert_eq!(net.proxy.open(), 2);
    net.proxy.cut();
    assert_eq!(rest(&mut first).await, b"");
    assert_eq!(rest(&mut second).await, b"");
    net.connected().await;
}

#[tokio::test]
async fn cut_after_cuts_within_a_frame() {
    let net = Net::new();
    let mut stream = net.connected().await;
    net.proxy.set(Direction::ToClient, Fault::CutAfter(PONG.len() + 3));
    assert_eq!(ask(&mut stream).await, PONG);
    stream.write_all(PING).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"+PO");

    // Between two frames it does not wait for the next one.
    let mut stream = net.connected().await;
    net.proxy.set(Direction::ToClient, Fault::CutAfter(PONG.len()));
    assert_eq!(ask(&mut stream).await, PONG);
    assert_eq!(rest(&mut stream).await, b"");

    let mut stream = net.connected().await;
    let before = net.proxy.bytes(Direction::ToServer);
    net.proxy.set(Direction::ToServer, Fault::CutAfter(4));
    stream.write_all(PING).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"");
    assert_eq!(net.proxy.bytes(Direction::ToServer) - before, 4);
}

#[tokio::test]
async fn refuse_turns_away_new_ones_only() {
    let net = Net::new();
    let mut early = net.connected().await;
    net.proxy.refuse();
    assert_eq!(rest(&mut net.connect().await).await, b"");
    assert_eq!(ask(&mut early).await, PONG);
    assert_eq!((net.proxy.arrived(), net.proxy.open()), (2, 1));
    net.proxy.pass();
    net.connected().await;
}

#[tokio::test]
async fn a_black_hole_swallows_and_holds_the_line() {
    let net = Net::new();
    // The answer is lost, the question is not.
    let mut stream = net.connected().await;
    net.proxy.set(Direction::ToClient, Fault::BlackHole);
    stream.write_all(b"SET k v\r\n").await.unwrap();
    net.swallowed(Direction::ToClient, b"+OK\r\n".len()).await;
    net.proxy.pass();
    stream.write_all(b"GET k\r\n").await.unwrap();
    assert_eq!(answer(&mut stream, 7).await, b"$1\r\nv\r\n");

    // The question is lost, and so is the end of the connection.
    net.proxy.black_hole();
    stream.write_all(b"SET k w\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    net.swallowed(Direction::ToServer, b"SET k w\r\n".len()).await;
    assert!(is_silent(&mut stream).await);
    assert_eq!(net.proxy.open(), 1);
    // The server learns of the end afterwards.
    net.proxy.pass();
    assert_eq!(rest(&mut stream).await, b"");
    let mut stream = net.connect().await;
    stream.write_all(b"GET k\r\n").await.unwrap();
    assert_eq!(answer(&mut stream, 7).await, b"$1\r\nv\r\n");
}

#[tokio::test]
async fn slow_drips_and_can_be_ended_early() {
    let net = Net::new();
    let mut stream = net.connected().await;
    let delay = Duration::from_millis(10);
    net.proxy.set(Direction::ToClient, Fault::Slow { bytes: 2, delay });
    let started = Instant::now();
    assert_eq!(ask(&mut stream).await, PONG);
    // Seven bytes are four drips.
    assert!(started.elapsed() >= delay * 4, "{:?}", started.elapsed());

    net.proxy.set(Direction::ToClient, Fault::Slow { bytes: 1, delay: PATIENCE * 2 });
    stream.write_all(PING).await.unwrap();
    assert!(is_silent(&mut stream).await);
    net.proxy.pass();
    assert_eq!(answer(&mut stream, PONG.len()).await, PONG);
}

#[tokio::test]
async fn corrupt_flips_the_bytes_that_were_named() {
    let net = Net::new();
    let mut stream = net.connected().await;
    net.proxy.set(Direction::ToClient, Fault::CorruptAt(PONG.len() + 1));
    assert_eq!(ask(&mut stream).await, PONG);
    assert_eq!(ask(&mut stream).await, [b"+", &[!b'P'][..], b"ONG\r\n"].concat());
    assert_eq!(ask(&mut stream).await, PONG);

    net.proxy.set(Direction::ToClient, Fault::CorruptEvery(3));
    let twice = [ask(&mut stream).await, ask(&mut stream).await].concat();
    let mut expected = PONG.repeat(2);
    for at in [2, 5, 8, 11] {
        expected[at] = !expected[at];
    }
    assert_eq!(twice, expected);

    net.proxy.pass();
    net.proxy.set(Direction::ToServer, Fault::CorruptAt(0));
    stream.write_all(PING).await.unwrap();
    assert_eq!(answer(&mut stream, 4).await, b"-ERR");
}

#[tokio::test]
async fn dropping_it_ends_everything() {
    let net = Net::new();
    let mut stream = net.connected().await;
    let address = net.proxy.address();
    drop(net.proxy);
    assert_eq!(rest(&mut stream).await, b"");
    assert!(TcpStream::connect(address).await.is_err());
}

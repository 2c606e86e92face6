//! One change on its way to everybody who follows the feed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::LocalSet;

use crate::client::post;
use crate::op::{self, ISSUER, Op};
use crate::process;
use crate::service::{self, API_KEY, Service};
use crate::table::percentile;

const ROUNDS: usize = 100;
const CROWDS: [usize; 3] = [1, 100, 1_000];
/// The goal for a thousand.
const GOAL: Duration = Duration::from_millis(50);
/// Between two changes, so that each is told by itself.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) fn fanout() {
    println!(
        "| subscribers | p50 ms | p99 ms | worst ms | commit and answer, p50 ms | CPU us per event |"
    );
    println!("|---|---|---|---|---|---|");
    let mut p99 = Duration::ZERO;
    for crowd in CROWDS {
        let folder = service::folder();
        let service = Service::start(folder.path(), &Op::new().settings(folder.path()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut seen = LocalSet::new().block_on(&runtime, run(&service, crowd));
        seen.told.sort_unstable();
        seen.answered.sort_unstable();
        p99 = percentile(&seen.told, 99);
        println!(
            "| {crowd} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} |",
            ms(percentile(&seen.told, 50)),
            ms(p99),
            ms(*seen.told.last().unwrap()),
            ms(percentile(&seen.answered, 50)),
            seen.cpu.as_secs_f64() * 1e6 / seen.told.len() as f64,
        );
    }
    let met = if p99 <= GOAL { "met" } else { "missed" };
    println!("\nFrom the order's first byte to the event's last, at each of them.");
    println!("Goal, {GOAL:?} for the last line's p99: {met}.");
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// What one crowd saw.
struct Seen {
    told: Vec<Duration>,
    answered: Vec<Duration>,
    cpu: Duration,
}

async fn run(service: &Service, crowd: usize) -> Seen {
    let (tell, mut told) = mpsc::unbounded_channel();
    for _ in 0..crowd {
        let stream = subscribe(service.address).await;
        tokio::task::spawn_local(follow(stream, tell.clone()));
    }
    let mut orders = TcpStream::connect(service.address).await.unwrap();
    orders.set_nodelay(true).unwrap();
    let mut seen = Seen { told: Vec::new(), answered: Vec::new(), cpu: Duration::ZERO };
    let before = process::cpu(service.pid());
    for round in 0..ROUNDS {
        tokio::time::sleep(PAUSE).await;
        let order = json!({
            "target": { "iss": ISSUER, "sid": op::id('s', round) }, "reason": "admin",
        });
        let order = post("/v1/revocations", "application/json", Some(API_KEY), &order.to_string());
        let sent = Instant::now();
        orders.write_all(&order).await.unwrap();
        let answered = async {
            let mut answer = [0; 4 << 10];
            let length = orders.read(&mut answer).await.unwrap();
            assert!(answer.get(..length).unwrap().starts_with(b"HTTP/1.1 201"));
            sent.elapsed()
        };
        let (answered, mut round) = tokio::join!(answered, everybody(&mut told, crowd, sent));
        seen.answered.push(answered);
        seen.told.append(&mut round);
    }
    seen.cpu = process::cpu(service.pid()).saturating_sub(before);
    assert!((service.refused("session") - ROUNDS as f64).abs() < 0.5, "not all are refused");
    seen
}

async fn everybody(
    told: &mut UnboundedReceiver<Instant>,
    crowd: usize,
    sent: Instant,
) -> Vec<Duration> {
    let mut took = Vec::with_capacity(crowd);
    while took.len() < crowd {
        took.push(told.recv().await.unwrap().duration_since(sent));
    }
    took
}

/// A stream whose first heartbeat is there.
async fn subscribe(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /v1/feed HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {API_KEY}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    while !contains(&text, b"event: heartbeat") {
        assert!(stream.read_buf(&mut text).await.unwrap() > 0, "closed");
    }
    stream
}

async fn follow(mut stream: TcpStream, tell: UnboundedSender<Instant>) {
    let mut text = Vec::new();
    while stream.read_buf(&mut text).await.unwrap() > 0 {
        let arrived = Instant::now();
        // Changes are small here, and come in one piece each.
        if contains(&text, b"event: changes") && contains(&text, b"]}\n\n") {
            tell.send(arrived).unwrap();
            text.clear();
        } else if text.ends_with(b"}\n\n\r\n") {
            // A heartbeat and the end of its chunk.
            text.clear();
        }
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

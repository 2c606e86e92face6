//! From the 200 of one instance to the refusal at another, beside a bare `PUBLISH`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signout_checker::{Issuer, JwtId, TokenFacts, Verdict};

use super::instance::Instance;
use super::server::{Connection, RedisServer};
use super::{settings, settled, shares};
use crate::client::{Caller, drive};
use crate::op::{self, ISSUER, Op};
use crate::service::{self, Service};
use crate::table::{median, percentile};

const ROUNDS: usize = 5;
const LOGOUTS: usize = 600;
const TOKENS: usize = 10;
const PACE: Duration = Duration::from_millis(2);
const PREFIX: &str = "signout";

pub(crate) fn run() {
    let op = Op::new();
    let folder = service::folder();
    let redis = RedisServer::start(&[]);
    let provider = op.settings(folder.path()) + &settings(&redis, PREFIX, true);
    let service = Service::start(folder.path(), &provider);
    let other = Instance::start(&redis, PREFIX);
    shares(&service);
    other.shares();
    drive(service.address, &op::registrations(0..ROUNDS * LOGOUTS, TOKENS), 8);
    settled(&service);

    let tokens = op.logout_tokens(0..ROUNDS * LOGOUTS);
    let mut published = Took::default();
    let [mut answered, mut refused] = <[Took; 2]>::default();
    let mut subscriber = Subscriber::of(&redis);
    let mut caller = Caller::connect(service.address);
    for (round, tokens) in tokens.chunks(LOGOUTS).enumerate() {
        published.round(|| subscriber.publish());
        let mut callbacks = Vec::with_capacity(LOGOUTS);
        let mut number = round * LOGOUTS;
        let mut left = tokens.iter().map(op::logout);
        refused.round(|| {
            let request = left.next().unwrap();
            let sent = Instant::now();
            caller.call(&request);
            callbacks.push(sent.elapsed());
            let took = until_refused(&other, number);
            number += 1;
            took
        });
        answered.take(callbacks);
    }
    println!("| paced, one every {} ms and more | p50 us | p99 us |", PACE.as_millis());
    println!("|---|---|---|");
    published.print("PUBLISH, until a subscriber has it");
    refused.print("200, until another instance refuses the ten tokens");
    answered.print("the callback itself, until its 200");
    let ratio = refused.p50() / published.p50();
    println!("\n{ratio:.1} times a PUBLISH, at the median of {} logouts.", ROUNDS * LOGOUTS);
}

/// How long until the other instance refuses all tokens of the session. Nothing else of this
/// process runs meanwhile; what it waits for has the processor first.
fn until_refused(other: &Instance, session: usize) -> Duration {
    let since = Instant::now();
    let issuer = Issuer::parse(ISSUER).unwrap();
    for number in session * TOKENS..(session + 1) * TOKENS {
        let jwt_id = JwtId::parse(op::id('t', number)).unwrap();
        let facts = TokenFacts::new(&issuer).jwt_id(&jwt_id);
        while !matches!(other.index().check(&facts), Verdict::Revoked(_)) {
            assert!(since.elapsed() < Duration::from_secs(10), "it is not refused");
            thread::yield_now();
        }
    }
    since.elapsed()
}

/// A subscriber in its own thread, as plain as can be, and whoever publishes.
struct Subscriber {
    heard: Arc<AtomicU64>,
    sent: u64,
    publisher: Connection,
}

impl Subscriber {
    fn of(redis: &RedisServer) -> Self {
        let mut subscriber = redis.connect();
        subscriber.ask(&["SUBSCRIBE", "bench"]);
        let heard = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&heard);
        thread::spawn(move || {
            let mut message = Vec::new();
            loop {
                message.clear();
                subscriber.read(&mut message);
                if message.is_empty() {
                    return;
                }
                counted.fetch_add(1, Ordering::Release);
            }
        });
        Self { heard, sent: 0, publisher: redis.connect() }
    }

    fn publish(&mut self) -> Duration {
        self.sent += 1;
        let sent = Instant::now();
        self.publisher.send(&["PUBLISH", "bench", "a-message-of-some-length"]);
        while self.heard.load(Ordering::Acquire) < self.sent {
            thread::yield_now();
        }
        let took = sent.elapsed();
        self.publisher.read(&mut Vec::new());
        took
    }
}

/// Times of all rounds.
#[derive(Default)]
struct Took {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Took {
    fn round(&mut self, mut one: impl FnMut() -> Duration) {
        let mut took = Vec::with_capacity(LOGOUTS);
        for _ in 0..LOGOUTS {
            thread::sleep(PACE);
            took.push(one());
        }
        self.take(took);
    }

    fn take(&mut self, mut took: Vec<Duration>) {
        took.sort_unstable();
        self.p50.push(percentile(&took, 50).as_secs_f64() * 1e6);
        self.p99.push(percentile(&took, 99).as_secs_f64() * 1e6);
    }

    fn p50(&self) -> f64 {
        median(&self.p50)
    }

    fn print(&self, name: &str) {
        println!("| {name} | {:.0} | {:.0} |", self.p50(), median(&self.p99));
    }
}

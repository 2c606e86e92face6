//! A user with ten thousand tokens signs out everywhere.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::RedisServer;
use super::{settings, settled, shares};
use crate::client::{Caller, drive, post};
use crate::op::{self, ARRAY, ISSUER, Op};
use crate::service::{self, API_KEY, Service};
use crate::table::median;

const ROUNDS: usize = 5;
const TOKENS: usize = 10_000;
const SESSIONS: usize = 1_000;
/// Logouts of others, one after the other meanwhile; more than there is time for.
const OTHERS: usize = 5_000;

/// Where the user signs out, as seen from the instance that the tokens were registered at.
#[derive(Clone, Copy, PartialEq)]
enum Where {
    Alone,
    Here,
    Elsewhere,
}

pub(crate) fn run() {
    let op = Op::with_short_signatures();
    let others = op.logout_tokens(0..OTHERS);
    let redis = RedisServer::start(&[]);
    println!(
        "| a user with {TOKENS} tokens in {SESSIONS} sessions | callback ms | \
         longest other callback ms | all refused at both ms |"
    );
    println!("|---|---|---|---|");
    for (place, name) in [
        (Where::Alone, "alone, without [redis]"),
        (Where::Here, "at the instance of the tokens"),
        (Where::Elsewhere, "at another instance"),
    ] {
        let [mut callback, mut longest, mut all] = <[Vec<f64>; 3]>::default();
        for round in 0..ROUNDS {
            let prefix = format!("round-{round}-{}", place as u8);
            let seen = sign_out(&op, &others, &redis, &prefix, place);
            callback.push(seen.callback.as_secs_f64() * 1e3);
            longest.push(seen.longest_other.as_secs_f64() * 1e3);
            all.push(seen.all_refused.as_secs_f64() * 1e3);
        }
        let [callback, longest, all] = [callback, longest, all].map(|seen| median(&seen));
        println!("| {name} | {callback:.1} | {longest:.1} | {all:.0} |");
    }
}

struct Seen {
    callback: Duration,
    longest_other: Duration,
    all_refused: Duration,
}

fn sign_out(op: &Op, others: &[String], redis: &RedisServer, prefix: &str, place: Where) -> Seen {
    let start = || {
        let folder = service::folder();
        let mut provider = op.settings(folder.path());
        if place != Where::Alone {
            provider += &settings(redis, prefix, true);
        }
        let service = Service::start(folder.path(), &provider);
        if place != Where::Alone {
            shares(&service);
        }
        (service, folder)
    };
    let count = if place == Where::Alone { 1 } else { 2 };
    let instances: Vec<_> = std::iter::repeat_with(start).take(count).collect();
    let (first, _) = instances.first().unwrap();
    drive(first.address, &registrations(), 8);
    if place != Where::Alone {
        settled(first);
    }
    let (last, _) = instances.last().unwrap();
    let taker = if place == Where::Elsewhere { last.address } else { first.address };
    let logout = op::logout(&op.subject_logout_token(&op::id('u', 0)));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let meanwhile = scope.spawn(|| longest_of(taker, others, &ended));
        thread::sleep(Duration::from_millis(50));
        let began = Instant::now();
        let callback = scope.spawn(|| {
            let sent = Instant::now();
            Caller::connect(taker).call(&logout);
            sent.elapsed()
        });
        for (instance, _) in &instances {
            while instance.refused("token") < TOKENS as f64 {
                assert!(began.elapsed() < Duration::from_secs(60), "some are not refused");
                thread::sleep(Duration::from_millis(2));
            }
        }
        let all_refused = began.elapsed();
        let callback = callback.join().unwrap();
        ended.store(true, Ordering::Release);
        Seen { callback, longest_other: meanwhile.join().unwrap(), all_refused }
    })
}

/// Logouts of sessions that have no tokens, one by one on one connection.
fn longest_of(address: SocketAddr, tokens: &[String], ended: &AtomicBool) -> Duration {
    let mut caller = Caller::connect(address);
    let mut longest = Duration::ZERO;
    for token in tokens {
        if ended.load(Ordering::Acquire) {
            break;
        }
        let request = op::logout(token);
        let sent = Instant::now();
        caller.call(&request);
        longest = longest.max(sent.elapsed());
        thread::sleep(Duration::from_millis(1));
    }
    longest
}

/// Ten tokens in each session, all of one user.
fn registrations() -> Vec<Vec<u8>> {
    let now = op::now();
    let token = |number: usize| {
        json!({
            "iss": ISSUER, "jti": op::id('t', number),
            "sid": op::id('x', number / (TOKENS / SESSIONS)), "sub": op::id('u', 0),
            "client_id": "app", "iat": now - 60, "exp": now + 3_600,
        })
    };
    let all: Vec<_> = (0..TOKENS).collect();
    all.chunks(ARRAY)
        .map(|chunk| {
            let items = Value::Array(chunk.iter().copied().map(token).collect());
            post("/v1/tokens", "application/json", Some(API_KEY), &items.to_string())
        })
        .collect()
}

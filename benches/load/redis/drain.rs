//! What was taken while Redis was down, until it is in Redis.

use std::thread;
use std::time::{Duration, Instant};

use signout_checker::TargetKind;

use super::instance::Instance;
use super::server::RedisServer;
use super::{settings, settled, shares};
use crate::client::drive;
use crate::op::{self, Op};
use crate::service::{self, Service};

const LOGOUTS: usize = 100_000;
const TOKENS: usize = 10;
const CONNECTIONS: usize = 32;
const PREFIX: &str = "signout";

pub(crate) fn run() {
    // Signed in a tenth of the time that RSA takes; what waits for Redis is the same.
    let op = Op::with_short_signatures();
    let tokens = op.logout_tokens(0..LOGOUTS);
    println!("| {LOGOUTS} logouts of {TOKENS} tokens taken while Redis was down | seconds |");
    println!("|---|---|");
    drain(&op, &tokens, "with its data (AOF)", &["--appendonly", "yes"]);
    drain(&op, &tokens, "empty", &[]);
}

fn drain(op: &Op, tokens: &[String], name: &str, directives: &'static [&'static str]) {
    let folder = service::folder();
    let mut redis = RedisServer::start(directives);
    let provider = op.settings(folder.path()) + &settings(&redis, PREFIX, false);
    let service = Service::start(folder.path(), &provider);
    shares(&service);
    drive(service.address, &op::registrations(0..LOGOUTS, TOKENS), CONNECTIONS);
    settled(&service);
    redis.kill();
    let logouts: Vec<_> = tokens.iter().map(op::logout).collect();
    let taken = drive(service.address, &logouts, CONNECTIONS);
    assert_eq!(service.refused("token").to_string(), (LOGOUTS * TOKENS).to_string());
    redis.restart();
    let back = Instant::now();
    // It is noticed within a second, and the gauge is set twice in one.
    thread::sleep(Duration::from_millis(600));
    while service.metric("signout_replication_pending") > 0.0 {
        thread::sleep(Duration::from_millis(20));
    }
    println!("| back {name} | {:.1} |", back.elapsed().as_secs_f64());
    let other = Instance::start(&redis, PREFIX);
    other.shares();
    assert_eq!(other.index().len(TargetKind::Token), LOGOUTS * TOKENS, "some are not in Redis");
    println!("\nMeanwhile {:.0} logouts/s, p99 {:.2} ms.\n", taken.per_second, taken.p99_ms);
}

//! What a revoked token takes of Redis' memory, without the tables of what is registered.

use signout::redis::DirectKeys;

use super::entries::{TOKENS, Writer};
use super::server::RedisServer;
use crate::op;

const LOGOUTS: usize = 100_000;
const UNDER_LOAD: usize = 45;
const PREFIX: &str = "signout";

pub(crate) fn run() {
    println!("| {LOGOUTS} logouts of {TOKENS} tokens | bytes of Redis per token |");
    println!("|---|---|");
    for (direct_keys, name) in
        [(DirectKeys::Omit, "direct_keys = false"), (DirectKeys::Write, "direct_keys = true")]
    {
        for (in_entry, how) in [(1, "one by one"), (UNDER_LOAD, "under load")] {
            let redis = RedisServer::start(&[]);
            let mut writer = Writer::start(&redis, PREFIX, direct_keys);
            let before = redis.used_memory();
            writer.append(0..LOGOUTS, in_entry);
            row(&format!("{name}, {how}"), redis.used_memory() - before);
        }
    }
    let redis = RedisServer::start(&[]);
    let before = redis.used_memory();
    keys(&redis);
    row("a plain key with an expiry for each token", redis.used_memory() - before);
}

fn row(name: &str, bytes: f64) {
    println!("| {name} | {:.1} |", bytes / (LOGOUTS * TOKENS) as f64);
}

/// What one would do without a log.
fn keys(redis: &RedisServer) {
    let mut connection = redis.connect();
    let all: Vec<_> = (0..LOGOUTS * TOKENS).collect();
    for some in all.chunks(1_000) {
        for &number in some {
            connection.send(&["SET", &format!("jti:{}", op::id('t', number)), "1", "EX", "86400"]);
        }
        for _ in some {
            connection.read(&mut Vec::new());
        }
    }
}

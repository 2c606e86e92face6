//! A new instance, until it knows everything that is in Redis.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use signout::redis::{DirectKeys, Entry};
use signout_checker::{DigestKey, Index, TargetKind};

use super::entries::{TARGETS, TOKENS, Writer};
use super::instance::{self, Instance};
use super::server::RedisServer;
use super::{settings, shares};
use crate::op::Op;
use crate::process;
use crate::service::{self, Service};
use crate::table::median;

const PREFIX: &str = "signout";
/// As many entries as the library reads together.
const CHUNK: usize = 1_000;

pub(crate) fn run() {
    for (targets, rounds) in [(1_000_000, 5), (10_000_000, 3)] {
        let redis = RedisServer::start(&[]);
        let logouts = usize::div_ceil(targets, TARGETS);
        Writer::start(&redis, PREFIX, DirectKeys::Omit).append(0..logouts, 1);
        println!("| {targets} targets in {logouts} entries | seconds |\n|---|---|");
        let mut columns = [const { Vec::new() }; 5];
        let mut peaks = Vec::new();
        for _ in 0..rounds {
            let (process, peak) = process(&redis, logouts);
            peaks.push(peak);
            let seen = [
                bare(&redis),
                taken_apart(&redis, logouts),
                applied(&redis),
                whole(&redis, logouts),
                process,
            ];
            for (column, seen) in columns.iter_mut().zip(seen) {
                column.push(seen.as_secs_f64());
            }
        }
        let names = [
            "XRANGE over a socket, and nothing else",
            "Link::range, which takes the entries apart",
            "Index::apply_change, from memory",
            "from the connection until the index has everything",
            "from the start of a process until it says that it shares",
        ];
        for (name, column) in names.iter().zip(&columns) {
            println!("| {name} | {:.3} |", median(column));
        }
        println!("\nThe process took {:.0} MiB at its highest.\n", median(&peaks));
    }
}

/// The bytes, unread.
fn bare(redis: &RedisServer) -> Duration {
    let began = Instant::now();
    let (mut connection, log) = (redis.connect(), format!("{{{PREFIX}}}:log"));
    let (mut next, mut answer) = (1, Vec::new());
    loop {
        answer.clear();
        let from = format!("{next}-0");
        connection.send(&["XRANGE", &log, &from, "+", "COUNT", &CHUNK.to_string()]);
        connection.read(&mut answer);
        if answer.is_empty() {
            return began.elapsed();
        }
        next += CHUNK;
    }
}

fn taken_apart(redis: &RedisServer, logouts: usize) -> Duration {
    let began = Instant::now();
    let mut read = 0;
    ranges(redis, |entries| read += black_box(entries).len());
    assert_eq!(read, logouts);
    began.elapsed()
}

fn applied(redis: &RedisServer) -> Duration {
    let mut changes = Vec::new();
    ranges(redis, |entries| changes.extend(entries.into_iter().flat_map(|entry| entry.changes)));
    let began = Instant::now();
    let index = Index::new(DigestKey::from_bytes([0; 16]));
    for change in &changes {
        index.apply_change(change);
    }
    began.elapsed()
}

fn ranges(redis: &RedisServer, mut take: impl FnMut(Vec<Entry>)) {
    instance::runtime().block_on(async {
        let redis = instance::redis(redis, PREFIX, DirectKeys::Omit);
        let mut link = redis.connect().await.unwrap();
        let mut next = 1;
        loop {
            let entries = link.range(next, CHUNK).await.unwrap();
            let Some(last) = entries.last() else { return };
            next = last.seq + 1;
            take(entries);
        }
    });
}

fn whole(redis: &RedisServer, logouts: usize) -> Duration {
    let instance = Instance::start(redis, PREFIX);
    while instance.index().len(TargetKind::Token) < logouts * TOKENS {
        thread::sleep(Duration::from_millis(1));
    }
    instance.began.elapsed()
}

fn process(redis: &RedisServer, logouts: usize) -> (Duration, f64) {
    let folder = service::folder();
    let provider = Op::new().settings(folder.path()) + &settings(redis, PREFIX, false);
    let began = Instant::now();
    let service = Service::start(folder.path(), &provider);
    shares(&service);
    let took = began.elapsed();
    // What it knows is in its journal a moment later.
    let all = (logouts * TOKENS) as f64;
    while service.refused("token") < all {
        thread::sleep(Duration::from_millis(50));
    }
    (took, process::peak_mib(service.pid()))
}

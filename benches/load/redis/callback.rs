//! The callback of an instance that shares a Redis, beside one that is alone. `BENCH_BEFORE` names
//! another build of the service to compare with.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::server::{Connection, RedisServer};
use super::{settings, settled, shares};
use crate::client::drive;
use crate::op::{self, Op};
use crate::process;
use crate::service::{self, Service};
use crate::table::{Column, median};

const ROUNDS: usize = 5;
const LOGOUTS: usize = 8_000;
const TOKENS: usize = 10;
const CONNECTIONS: usize = 32;

pub(crate) fn run() {
    let op = Op::new();
    let tokens = op.logout_tokens(0..ROUNDS * LOGOUTS);
    let redis = RedisServer::start(&[]);
    let ours = Path::new(env!("CARGO_BIN_EXE_signout"));
    let before = std::env::var_os("BENCH_BEFORE");
    let before = before.as_deref().map(Path::new);
    let alone = [("alone, without [redis]", "", false)];
    let shared = [("direct_keys = false", "packed", false), ("direct_keys = true", "keys", true)];
    let variants = alone.iter().chain(&shared).flat_map(|&(name, prefix, direct_keys)| {
        let earlier = before.map(|build| Variant {
            name: format!("{name}, BENCH_BEFORE"),
            ..Variant::start(build, &op, &redis, &before_prefix(prefix), direct_keys)
        });
        let now = Variant {
            name: name.to_owned(),
            ..Variant::start(ours, &op, &redis, prefix, direct_keys)
        };
        earlier.into_iter().chain([now])
    });
    let mut variants: Vec<_> = variants.collect();
    for (round, tokens) in tokens.chunks(LOGOUTS).enumerate() {
        let sessions = round * LOGOUTS..(round + 1) * LOGOUTS;
        let registrations = op::registrations(sessions, TOKENS);
        let logouts: Vec<_> = tokens.iter().map(op::logout).collect();
        for variant in &mut variants {
            variant.round(&redis, &registrations, &logouts);
        }
    }
    println!(
        "| {CONNECTIONS} connections | requests/s | p50 ms | p99 ms | CPU us per request | \
         of it journal | of it sharing | Redis CPU us | all in Redis after ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    variants.iter().for_each(Variant::print);
}

fn before_prefix(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("{prefix}-before") }
}

/// One service, and what it did over all rounds.
struct Variant {
    name: String,
    /// Of its keys in Redis; empty if it is alone.
    prefix: String,
    service: Service,
    column: Column,
    journal_us: Vec<f64>,
    sharing_us: Vec<f64>,
    redis_us: Vec<f64>,
    behind_ms: Vec<f64>,
    _folder: tempfile::TempDir,
}

impl Variant {
    fn start(build: &Path, op: &Op, redis: &RedisServer, prefix: &str, direct_keys: bool) -> Self {
        let folder = service::folder();
        let mut provider = op.settings(folder.path());
        if !prefix.is_empty() {
            provider += &settings(redis, prefix, direct_keys);
        }
        let service = Service::start_build(build, folder.path(), &provider);
        if !prefix.is_empty() {
            shares(&service);
        }
        Self {
            name: String::new(),
            prefix: prefix.to_owned(),
            service,
            column: Column::default(),
            journal_us: Vec::new(),
            sharing_us: Vec::new(),
            redis_us: Vec::new(),
            behind_ms: Vec::new(),
            _folder: folder,
        }
    }

    /// Sessions with tokens, then their logouts. What they cost counts until all is in Redis.
    fn round(&mut self, redis: &RedisServer, registrations: &[Vec<u8>], logouts: &[Vec<u8>]) {
        let (pid, address) = (self.service.pid(), self.service.address);
        drive(address, registrations, CONNECTIONS);
        if !self.prefix.is_empty() {
            settled(&self.service);
        }
        let (redis_before, before) = (redis.cpu(), self.threads());
        let mut behind = None;
        self.column.round_until(pid, address, logouts, CONNECTIONS, || {
            if !self.prefix.is_empty() {
                behind = Some(last_append(&mut redis.connect(), &self.prefix));
                settled(&self.service);
            }
        });
        let each = |spent: Duration| spent.as_secs_f64() * 1e6 / logouts.len() as f64;
        let [journal, sharing] = self.threads();
        let [journal_before, sharing_before] = before;
        self.journal_us.push(each(journal.saturating_sub(journal_before)));
        if let Some(behind) = behind {
            self.sharing_us.push(each(sharing.saturating_sub(sharing_before)));
            self.redis_us.push(each(redis.cpu().saturating_sub(redis_before)));
            self.behind_ms.push(behind.as_secs_f64() * 1e3);
        }
    }

    /// Processor time of the threads that commit and share.
    fn threads(&self) -> [Duration; 2] {
        ["journal", "signout"].map(|name| process::thread_cpu(self.service.pid(), name))
    }

    fn print(&self) {
        let (name, column, journal) = (&self.name, self.column.line(), median(&self.journal_us));
        if self.prefix.is_empty() {
            println!("| {name} | {column} | {journal:.1} | | | |");
        } else {
            let (sharing, redis) = (median(&self.sharing_us), median(&self.redis_us));
            let behind = median(&self.behind_ms);
            println!(
                "| {name} | {column} | {journal:.1} | {sharing:.1} | {redis:.1} | {behind:.0} |"
            );
        }
    }
}

/// How long from now on the log still grew.
fn last_append(redis: &mut Connection, prefix: &str) -> Duration {
    let began = Instant::now();
    let (mut last, mut grew) = (String::new(), Duration::ZERO);
    while began.elapsed() < grew + Duration::from_millis(300) {
        let seq = redis.ask(&["HGET", &format!("{{{prefix}}}:head"), "seq"]);
        if seq != last {
            if !last.is_empty() {
                grew = began.elapsed();
            }
            last = seq;
        }
        thread::sleep(Duration::from_millis(2));
    }
    grew
}

//! A new instance, until it knows everything that is in Redis. `BENCH_BEFORE` names another build of
//! the service to compare with.

use std::hint::black_box;
use std::path::Path;
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
/// Entries of one `XRANGE`, as signout asks for them.
const CHUNK: usize = 500;
/// A thread that does less in a fifth of a second has nothing to do.
const RESTS: Duration = Duration::from_millis(2);

pub(crate) fn run() {
    let before = std::env::var_os("BENCH_BEFORE");
    for (targets, rounds) in [(1_000_000, 5), (10_000_000, 3)] {
        let redis = RedisServer::start(&[]);
        let logouts = usize::div_ceil(targets, TARGETS);
        Writer::start(&redis, PREFIX, DirectKeys::Omit).append(0..logouts, 1);
        let [mut bare, mut apart, mut applied, mut whole] = <[Vec<f64>; 4]>::default();
        let [mut now, mut earlier] = <[Processes; 2]>::default();
        for _ in 0..rounds {
            bare.push(seconds(|| read_bytes(&redis)));
            apart.push(seconds(|| take_apart(&redis, logouts)));
            applied.push(apply(&redis));
            whole.push(load(&redis, logouts));
            now.run(Path::new(env!("CARGO_BIN_EXE_signout")), &redis, logouts);
            if let Some(before) = &before {
                earlier.run(Path::new(before), &redis, logouts);
            }
        }
        println!("| {targets} targets in {logouts} entries | seconds |\n|---|---|");
        for (name, seconds) in [
            ("XRANGE over a socket, and nothing else", &bare),
            ("Link::chunks, which takes the entries apart", &apart),
            ("Index::apply_change, from memory", &applied),
            ("from the connection until the index has everything", &whole),
        ] {
            println!("| {name} | {:.3} |", median(seconds));
        }
        println!(
            "\n| a new process | shares after s | CPU of sharing s | of the journal s | MiB |"
        );
        println!("|---|---|---|---|---|");
        now.print("of this build");
        if before.is_some() {
            earlier.print("of BENCH_BEFORE");
        }
        println!();
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64()
}

/// The bytes, unread.
fn read_bytes(redis: &RedisServer) {
    let (mut connection, log) = (redis.connect(), format!("{{{PREFIX}}}:log"));
    let (mut next, mut answer) = (1, Vec::new());
    loop {
        answer.clear();
        let from = format!("{next}-0");
        connection.send(&["XRANGE", &log, &from, "+", "COUNT", &CHUNK.to_string()]);
        connection.read(&mut answer);
        if answer.is_empty() {
            return;
        }
        next += CHUNK;
    }
}

fn take_apart(redis: &RedisServer, logouts: usize) {
    let mut read = 0;
    chunks(redis, |entries| read += black_box(entries).len());
    assert_eq!(read, logouts);
}

fn apply(redis: &RedisServer) -> f64 {
    let mut changes = Vec::new();
    chunks(redis, |entries| changes.extend(entries.into_iter().flat_map(|entry| entry.changes)));
    let index = Index::new(DigestKey::from_bytes([0; 16]));
    seconds(|| {
        for change in &changes {
            index.apply_change(change);
        }
    })
}

fn chunks(redis: &RedisServer, mut take: impl FnMut(Vec<Entry>)) {
    instance::runtime().block_on(async {
        let redis = instance::redis(redis, PREFIX, DirectKeys::Omit);
        let mut link = redis.connect().await.unwrap();
        let mut chunks = link.chunks(1, usize::MAX);
        while let Some(entries) = chunks.next().await.unwrap() {
            take(entries);
        }
    });
}

fn load(redis: &RedisServer, logouts: usize) -> f64 {
    let instance = Instance::start(redis, PREFIX);
    while instance.index().len(TargetKind::Token) < logouts * TOKENS {
        thread::sleep(Duration::from_millis(1));
    }
    instance.began.elapsed().as_secs_f64()
}

/// What new processes did.
#[derive(Default)]
struct Processes {
    shared_in: Vec<f64>,
    sharing_cpu: Vec<f64>,
    journal_cpu: Vec<f64>,
    peak_mib: Vec<f64>,
}

impl Processes {
    /// From the start of one until it says that it shares, and what it takes until it has written
    /// down what it knows.
    fn run(&mut self, build: &Path, redis: &RedisServer, logouts: usize) {
        let folder = service::folder();
        let op = Op::with_short_signatures();
        let provider = op.settings(folder.path()) + &settings(redis, PREFIX, false);
        let began = Instant::now();
        let service = Service::start_build(build, folder.path(), &provider);
        shares(&service);
        self.shared_in.push(began.elapsed().as_secs_f64());
        let pid = service.pid();
        self.sharing_cpu.push(process::thread_cpu(pid, "signout").as_secs_f64());
        let (mut journal, mut before) = (Duration::ZERO, Duration::MAX);
        while before.abs_diff(journal) > RESTS {
            thread::sleep(Duration::from_millis(200));
            (before, journal) = (journal, process::thread_cpu(pid, "journal"));
        }
        assert!(service.refused("token") >= (logouts * TOKENS) as f64, "it does not know them all");
        self.journal_cpu.push(journal.as_secs_f64());
        self.peak_mib.push(process::peak_mib(pid));
    }

    fn print(&self, name: &str) {
        let Self { shared_in, sharing_cpu, journal_cpu, peak_mib } = self;
        let [shared, sharing, journal] = [shared_in, sharing_cpu, journal_cpu].map(|s| median(s));
        println!(
            "| {name} | {shared:.3} | {sharing:.3} | {journal:.3} | {:.0} |",
            median(peak_mib)
        );
    }
}

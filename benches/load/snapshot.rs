//! A checker that starts with nothing and loads everything over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use signout_checker::http::{ApiKey, Follower, Service as Source};
use signout_checker::{
    Change, Checker, DigestKey, Issuer, JwtId, Loading, Observer, Policy, Position, Reason,
    Revocation, SnapshotWriter, Target, Timestamp,
};

use crate::op::{self, ISSUER, Op};
use crate::restart;
use crate::service::{self, API_KEY, Service};
use crate::table::median;

/// Entries of the journal, targets of each, and the goal in seconds.
const SIZES: [(u64, u64, f64); 2] = [(100_000, 10, 0.25), (1_000_000, 10, 3.5)];
const ROUNDS: usize = 3;

pub(crate) fn run() {
    println!("| targets | bytes over HTTP, s | from memory, s | a checker over HTTP, s | goal |");
    println!("|---|---|---|---|---|");
    for (entries, each, goal) in SIZES {
        let folder = service::folder();
        restart::fill_tokens(folder.path(), entries, each);
        let service = Service::start(folder.path(), &Op::new().settings(folder.path()));
        let bytes = snapshot(entries * each);
        let mut columns = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            let turn =
                [transfer(&service), from_memory(&bytes), over_http(&service, entries * each)];
            for (column, took) in columns.iter_mut().zip(turn) {
                column.push(took.as_secs_f64());
            }
        }
        let [transfer, memory, http] = columns.map(|column| median(&column));
        let targets = entries * each;
        println!("| {targets} | {transfer:.2} | {memory:.2} | {http:.2} | {goal} |");
    }
}

/// Nothing is made of the bytes.
fn transfer(service: &Service) -> Duration {
    let began = Instant::now();
    let mut stream = TcpStream::connect(service.address).unwrap();
    let head = format!(
        "GET /v1/snapshot HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {API_KEY}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert!(bytes.starts_with(b"HTTP/1.1 200"));
    began.elapsed()
}

fn from_memory(mut bytes: &[u8]) -> Duration {
    let checker = Checker::new(Policy::default());
    let began = Instant::now();
    let mut loading = Loading::into_checker(&checker);
    while loading.read(&mut bytes).unwrap().is_some() {}
    loading.finish().unwrap();
    began.elapsed()
}

/// From nothing, the connection included.
fn over_http(service: &Service, targets: u64) -> Duration {
    struct Done(Sender<Duration>, Instant);
    impl Observer for Done {
        fn loaded(&self, _: u64, _: Duration) {
            let _ = self.0.send(self.1.elapsed());
        }
    }
    let (sender, done) = channel();
    let key = ApiKey::parse(API_KEY).unwrap();
    let source = Source::at(&format!("http://{}", service.address), key).unwrap();
    let checker = Checker::with_observer(Policy::default(), Arc::new(Done(sender, Instant::now())));
    let follower = Follower::new(&source, checker.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let took = runtime.block_on(async {
        tokio::select! {
            never = follower.run() => match never {},
            took = async {
                loop {
                    if let Ok(took) = done.try_recv() {
                        break took;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            } => took,
        }
    });
    assert_eq!(checker.index().unwrap().total() as u64, targets);
    took
}

/// As the service sends it.
fn snapshot(targets: u64) -> Vec<u8> {
    let key = DigestKey::from_bytes([7; 16]);
    let issuer = Issuer::parse(ISSUER).unwrap();
    let now = Timestamp::from_secs(op::now());
    let until = now.plus(Duration::from_secs(86_400));
    let change = |number: u64| {
        let jwt_id = JwtId::parse(op::id('t', usize::try_from(number).unwrap())).unwrap();
        let target = Target::Token(issuer.clone(), jwt_id);
        Change::of(&Revocation::of(target, Reason::BackchannelLogout, now, until), &key)
    };
    let mut bytes = Vec::new();
    let about = usize::try_from(targets).unwrap();
    let mut writer = SnapshotWriter::begin(&key, Position { epoch: 1, seq: 1 }, about, &mut bytes);
    writer.add((0..targets).map(change), &mut bytes);
    writer.finish(&mut bytes);
    bytes
}

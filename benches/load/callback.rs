//! The callback, with ten registered tokens in each session, beside what it cannot do without:
//! an empty handler that reads the form, and the verification of the signature. `BENCH_BEFORE`
//! names another build of the service to compare with.

use std::path::Path;
use std::time::Instant;

use josekit::jwk::Jwk;
use josekit::jws::RS256;
use josekit::jwt;

use crate::client::drive;
use crate::empty::Empty;
use crate::op::{self, ARRAY, Op};
use crate::process;
use crate::service::{self, Service};
use crate::table::{self, Column, median};

const ROUNDS: usize = 5;
const LOGOUTS: usize = 8_000;
const TOKENS: usize = 10;
const CONNECTIONS: usize = 32;

pub(crate) fn run() {
    let folder = service::folder();
    let op = Op::new();
    let tokens = op.logout_tokens(0..ROUNDS * LOGOUTS);
    let service = Service::start(folder.path(), &op.settings(folder.path()));
    let empty = Empty::start();
    let before = std::env::var_os("BENCH_BEFORE").map(|binary| {
        let folder = service::folder();
        let service =
            Service::start_build(Path::new(&binary), folder.path(), &op.settings(folder.path()));
        (service, folder)
    });
    let [mut callback, mut compared, mut nothing, mut registered] = <[Column; 4]>::default();
    let [mut decode, mut together, mut commit, mut journal] = <[Vec<f64>; 4]>::default();
    for (round, tokens) in tokens.chunks(LOGOUTS).enumerate() {
        let sessions = round * LOGOUTS..(round + 1) * LOGOUTS;
        let registrations = op::registrations(sessions, TOKENS);
        registered.round(service.pid(), service.address, &registrations, CONNECTIONS);
        let logouts: Vec<_> = tokens.iter().map(op::logout).collect();
        nothing.round(empty.pid(), empty.address, &logouts, CONNECTIONS);
        let commits = Commits::so_far(&service);
        callback.round(service.pid(), service.address, &logouts, CONNECTIONS);
        let commits = Commits::so_far(&service).since(&commits);
        together.push(LOGOUTS as f64 / commits.number);
        commit.push(commits.seconds * 1e3 / commits.number);
        journal.push(commits.cpu * 1e6 / LOGOUTS as f64);
        if let Some((before, _)) = &before {
            drive(before.address, &registrations, CONNECTIONS);
            compared.round(before.pid(), before.address, &logouts, CONNECTIONS);
        }
        decode.push(bare_decode(&op, tokens));
    }
    let ended = (ROUNDS * LOGOUTS * TOKENS).to_string();
    assert_eq!(service.refused("token").to_string(), ended);
    table::head(CONNECTIONS);
    callback.print("callback, RS256, 10 tokens in the session");
    if before.is_some() {
        compared.print("the same of BENCH_BEFORE");
    }
    nothing.print("empty handler, same form");
    println!("| bare josekit decode, one thread | | | | {:.1} |", median(&decode));
    registered.print("registration, 100 tokens each, meanwhile");
    let per_second = registered.per_second() * ARRAY as f64;
    println!("\nRegistered {per_second:.0} tokens/s.");
    let (together, commit) = (median(&together), median(&commit));
    println!("\n{together:.1} logouts shared a commit, which took {commit:.2} ms, fsync included.");
    println!("\nThe journal's thread took {:.1} us of CPU per logout.", median(&journal));
}

/// What the journal did.
struct Commits {
    number: f64,
    seconds: f64,
    cpu: f64,
}

impl Commits {
    fn so_far(service: &Service) -> Self {
        let of = |part| service.metric(&format!("signout_journal_commit_seconds_{part}"));
        let cpu = process::thread_cpu(service.pid(), "journal").as_secs_f64();
        Self { number: of("count"), seconds: of("sum"), cpu }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            number: self.number - before.number,
            seconds: self.seconds - before.seconds,
            cpu: self.cpu - before.cpu,
        }
    }
}

/// Microseconds to verify and read one token, without the service.
fn bare_decode(op: &Op, tokens: &[String]) -> f64 {
    let jwk = op.public_jwk();
    let jwk = Jwk::from_map(jwk.as_object().unwrap().clone()).unwrap();
    let verifier = RS256.verifier_from_jwk(&jwk).unwrap();
    let started = Instant::now();
    for token in tokens {
        jwt::decode_with_verifier(token, &verifier).unwrap();
    }
    started.elapsed().as_secs_f64() * 1e6 / tokens.len() as f64
}

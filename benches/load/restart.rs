//! Starting with a million entries, and the memory that a million revocations take.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use signout::journal::{Journal, Record};
use signout::replay::Seen;
use signout_checker::{Issuer, JwtId, Reason, Revocation, SessionId, Target, Timestamp};

use crate::client::{drive, post};
use crate::op::{self, ISSUER, Op};
use crate::process::{peak_mib, resident_mib};
use crate::service::{self, API_KEY, Service};
use crate::table::median;

const ENTRIES: u64 = 1_000_000;
const ROUNDS: usize = 3;
const DAY: u64 = 86_400;

/// From the start of the process to its line that it is ready.
pub(crate) fn start() {
    let folder = service::folder();
    fill(folder.path());
    let settings = Op::new().settings(folder.path());
    // What the first start reads was not in the page cache of a reader, but of the writer.
    Service::start(folder.path(), &settings).terminate();
    let (mut stopped, mut killed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        assert!(!needs_repair(folder.path()), "SIGTERM left the journal open");
        let service = Service::start(folder.path(), &settings);
        stopped.push(service.started_in.as_secs_f64());
        drop(service);
        assert!(needs_repair(folder.path()), "kill -9 left the journal as if closed");
        let service = Service::start(folder.path(), &settings);
        killed.push(service.started_in.as_secs_f64());
        service.terminate();
    }
    println!("| start with {ENTRIES} entries | seconds |\n|---|---|");
    println!("| after SIGTERM | {:.2} |", median(&stopped));
    println!("| after kill -9 | {:.2} |", median(&killed));
}

/// Whether redb will look at the whole file: a flag in the byte behind its magic number.
fn needs_repair(folder: &Path) -> bool {
    const FLAG: u8 = 2;
    let mut head = [0; 10];
    File::open(service::journal(folder)).unwrap().read_exact(&mut head).unwrap();
    head.last().unwrap() & FLAG != 0
}

/// Resident memory after a million revocations, come from the journal and over the wire.
pub(crate) fn memory() {
    println!("| a million revocations | MiB resident | at most |\n|---|---|---|");
    let folder = service::folder();
    fill(folder.path());
    let op = Op::new();
    let settings = op.settings(folder.path());
    let service = Service::start(folder.path(), &settings);
    row("sessions, from the journal", &service);
    drop(service);
    let folder = service::folder();
    let settings = op.settings(folder.path());
    let service = Service::start(folder.path(), &settings);
    row("none: just started", &service);
    grow(&service);
    assert_eq!(service.refused("token").to_string(), "1000000");
    row("registered tokens, 100 to a session, while running", &service);
    service.terminate();
    row("the same, started again", &Service::start(folder.path(), &settings));
}

fn row(name: &str, service: &Service) {
    // A second or so later it has tidied up for the first time.
    std::thread::sleep(Duration::from_millis(1_500));
    let pid = service.pid();
    println!("| {name} | {:.0} | {:.0} |", resident_mib(pid), peak_mib(pid));
}

/// A day of logouts of sessions that nobody registered tokens for.
fn fill(folder: &Path) {
    let issuer = Issuer::parse(ISSUER).unwrap();
    let begin = op::now() - DAY;
    let record = |number: u64| {
        let at = begin + number * DAY / ENTRIES;
        let id = usize::try_from(number).unwrap();
        let session = SessionId::parse(op::id('s', id)).unwrap();
        let target = Target::Session(issuer.clone(), session);
        let until = Timestamp::from_secs(at + DAY + 3_600);
        let at = Timestamp::from_secs(at);
        let mut identity = [0; 32];
        identity.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
        Record::Revoked {
            revocations: vec![Revocation::of(target, Reason::BackchannelLogout, at, until)],
            seen: Some(Seen {
                issuer: issuer.clone(),
                jwt_id: JwtId::parse(op::id('l', id)).unwrap(),
                identity,
                retain_until: at.plus(Duration::from_secs(360)),
            }),
        }
    };
    let mut journal = Journal::open(&service::journal(folder)).unwrap();
    let all: Vec<_> = (0..ENTRIES).collect();
    for chunk in all.chunks(10_000) {
        let records: Vec<_> = chunk.iter().copied().map(record).collect();
        journal.commit(&records).unwrap();
    }
}

/// As many tokens in each entry, all of them revoked today.
pub(crate) fn fill_tokens(folder: &Path, entries: u64, each: u64) {
    let issuer = Issuer::parse(ISSUER).unwrap();
    let now = Timestamp::from_secs(op::now());
    let until = now.plus(Duration::from_secs(DAY));
    let token = |number: u64| {
        let jwt_id = JwtId::parse(op::id('t', usize::try_from(number).unwrap())).unwrap();
        let target = Target::Token(issuer.clone(), jwt_id);
        Revocation::of(target, Reason::BackchannelLogout, now, until)
    };
    let mut journal = Journal::open(&service::journal(folder)).unwrap();
    let all: Vec<_> = (0..entries).collect();
    // About what a busy service commits together.
    for chunk in all.chunks(100) {
        let record = |&entry: &u64| Record::Revoked {
            revocations: (entry * each..(entry + 1) * each).map(token).collect(),
            seen: None,
        };
        journal.commit(&chunk.iter().map(record).collect::<Vec<_>>()).unwrap();
    }
}

/// Registers tokens and ends their sessions.
fn grow(service: &Service) {
    const SESSIONS: usize = 10_000;
    for first in (0..SESSIONS).step_by(1_000) {
        let sessions = first..first + 1_000;
        drive(service.address, &op::registrations(sessions.clone(), 100), 8);
        let orders: Vec<_> = sessions
            .map(|session| {
                let target = json!({ "iss": ISSUER, "sid": op::id('s', session) });
                let order = json!({ "target": target, "reason": "admin" }).to_string();
                post("/v1/revocations", "application/json", Some(API_KEY), &order)
            })
            .collect();
        drive(service.address, &orders, 8);
    }
}

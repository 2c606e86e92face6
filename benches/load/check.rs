//! `POST /v1/check` beside an empty handler that gives the same answer.

use serde_json::json;

use crate::client::{drive, post};
use crate::empty::Empty;
use crate::op::{self, ISSUER, Op};
use crate::service::{self, API_KEY, Service};
use crate::table::{self, Column};

const ROUNDS: usize = 7;
const CHECKS: usize = 30_000;
const SESSIONS: usize = 10_000;
const TOKENS: usize = 10;
const CONNECTIONS: usize = 32;

pub(crate) fn run() {
    let folder = service::folder();
    let op = Op::new();
    let service = Service::start(folder.path(), &op.settings(folder.path()));
    let empty = Empty::start();
    drive(service.address, &op::registrations(0..SESSIONS, TOKENS), CONNECTIONS);
    // One session in ten is over, so that no kind of target is empty and skipped.
    let over: Vec<_> = op.logout_tokens(0..SESSIONS / 10).iter().map(op::logout).collect();
    drive(service.address, &over, CONNECTIONS);
    let cases = [("a registered token", 't'), ("a token not registered", 'x')]
        .map(|(name, kind)| (name, questions(kind)));
    let mut columns = <[Column; 2]>::default();
    let mut nothing = Column::default();
    for _ in 0..ROUNDS {
        for ((_, questions), column) in cases.iter().zip(&mut columns) {
            column.round(service.pid(), service.address, questions, CONNECTIONS);
        }
        let (_, questions) = cases.first().unwrap();
        nothing.round(empty.pid(), empty.address, questions, CONNECTIONS);
    }
    table::head(CONNECTIONS);
    for ((name, _), column) in cases.iter().zip(&columns) {
        column.print(&format!("check, {name}"));
    }
    nothing.print("empty handler, same question and answer");
    for ((name, _), column) in cases.iter().zip(&columns) {
        let share = 100.0 * column.per_second() / nothing.per_second();
        println!("\nOf the empty handler's rate, {name}: {share:.0} %.");
    }
}

/// Questions about tokens of sessions that go on, by all of their facts.
fn questions(kind: char) -> Vec<Vec<u8>> {
    let question = |number: usize| {
        let number = SESSIONS / 10 * TOKENS + number % (SESSIONS / 10 * 9 * TOKENS);
        let session = number / TOKENS;
        json!({
            "iss": ISSUER, "jti": op::id(kind, number), "sid": op::id('s', session),
            "sub": op::id('u', session), "client_id": "app", "iat": op::now(),
        })
    };
    (0..CHECKS)
        .map(|number| {
            let question = question(number).to_string();
            post("/v1/check", "application/json", Some(API_KEY), &question)
        })
        .collect()
}

//! Registration in arrays of a hundred, each array durable before it is answered.

use crate::op::{self, ARRAY, Op};
use crate::service::{self, Service};
use crate::table::{self, Column};

const ROUNDS: usize = 5;
const SESSIONS: usize = 10_000;
const TOKENS: usize = 10;

pub(crate) fn run() {
    for connections in [1, 8, 32] {
        let folder = service::folder();
        let service = Service::start(folder.path(), &Op::new().settings(folder.path()));
        let mut column = Column::default();
        for round in 0..ROUNDS {
            let sessions = round * SESSIONS..(round + 1) * SESSIONS;
            let requests = op::registrations(sessions, TOKENS);
            column.round(service.pid(), service.address, &requests, connections);
        }
        table::head(connections);
        column.print("registration, 100 tokens each");
        println!("\n{:.0} tokens/s.\n", column.per_second() * ARRAY as f64);
    }
}

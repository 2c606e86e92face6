//! Ports for servers that come back to the port that they had.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that systems hand out by themselves (Linux: 32,768 and up; others: 49,152 and up), so
/// that no outgoing connection takes the port of a server that is down for a moment.
const PORTS: Range<u16> = 16_384..32_000;

/// How many were given out by this process.
static GIVEN: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listens on just now. Another process may take it before a server does: whoever
/// starts one tries again then.
pub(crate) fn free() -> u16 {
    for _ in PORTS {
        let port = next();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("every port of {PORTS:?} is taken");
}

/// Never one twice in a row of 15,616, and far from those of a test run beside this one.
fn next() -> u16 {
    let size = u32::from(PORTS.end - PORTS.start);
    let start = process::id().wrapping_mul(2_654_435_761) % size;
    let given = GIVEN.fetch_add(1, Ordering::Relaxed);
    PORTS.start + u16::try_from((start + given) % size).unwrap()
}

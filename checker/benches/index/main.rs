//! The index beside what else it could be: `cargo bench -p signout-checker --bench index -- PART...`
//!
//! Parts: lookup facts deep readers growth load churn misses memory; none means all of them. `lookup`
//! draws docs/benchmarks/check.svg. What is compared takes turns; medians and ratios count, the
//! nanoseconds are those of one machine. `SIGNOUT_BENCH_ENTRIES` sets the size of the set
//! (1000000), `SIGNOUT_BENCH_DEEP` that of the large one (10000000), `SIGNOUT_BENCH_MISSES` how many
//! random misses are tried (1000000000).

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench that cannot go on has nothing better to do, and its figures are rough"
)]

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

mod designs;
mod lasting;
mod lookup;
mod plot;
mod questions;
mod redis;
mod rounds;
mod threads;

#[global_allocator]
static ALLOCATED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PARTS: [(&str, fn()); 9] = [
    ("lookup", lookup::lookup),
    ("facts", lookup::facts),
    ("deep", lookup::deep),
    ("readers", threads::readers),
    ("growth", threads::growth),
    ("load", lasting::load),
    ("churn", lasting::churn),
    ("misses", lasting::misses),
    ("memory", lasting::memory),
];

fn main() {
    let named: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (name, part) in PARTS {
        if named.is_empty() || named.iter().any(|named| named == name) {
            println!("\n## {name}");
            busy();
            part();
            busy();
        }
    }
}

/// How much else the machine has to do: figures of a busy one say little.
fn busy() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("\n(load {})", load.split(' ').take(2).collect::<Vec<_>>().join(", "));
}

fn entries() -> u64 {
    number("SIGNOUT_BENCH_ENTRIES", 1_000_000)
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

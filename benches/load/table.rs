//! Medians, and a table to paste.

use crate::client::{Run, drive};
use crate::process;
use std::net::SocketAddr;

/// What one compared thing did over all rounds.
#[derive(Default)]
pub(crate) struct Column {
    per_second: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    cpu_us: Vec<f64>,
}

impl Column {
    /// One more round.
    pub(crate) fn round(
        &mut self,
        pid: u32,
        address: SocketAddr,
        requests: &[Vec<u8>],
        conns: usize,
    ) {
        self.round_until(pid, address, requests, conns, || ());
    }

    /// The same, when the work goes on after the last answer: the processor's time is counted until
    /// `settled` returns.
    pub(crate) fn round_until(
        &mut self,
        pid: u32,
        address: SocketAddr,
        requests: &[Vec<u8>],
        conns: usize,
        settled: impl FnOnce(),
    ) {
        let before = process::cpu(pid);
        let Run { per_second, p50_ms, p99_ms } = drive(address, requests, conns);
        settled();
        let spent = process::cpu(pid).saturating_sub(before);
        self.per_second.push(per_second);
        self.p50_ms.push(p50_ms);
        self.p99_ms.push(p99_ms);
        self.cpu_us.push(spent.as_secs_f64() * 1e6 / requests.len() as f64);
    }

    pub(crate) fn per_second(&self) -> f64 {
        median(&self.per_second)
    }

    /// Its line of the table.
    pub(crate) fn print(&self, name: &str) {
        println!("| {name} | {} |", self.line());
    }

    /// The same without a name.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:.0} | {:.2} | {:.2} | {:.1}",
            self.per_second(),
            median(&self.p50_ms),
            median(&self.p99_ms),
            median(&self.cpu_us),
        )
    }
}

/// The head of a table of columns.
pub(crate) fn head(connections: usize) {
    println!("| {connections} connections | requests/s | p50 ms | p99 ms | CPU us per request |");
    println!("|---|---|---|---|---|");
}

/// Of sorted values.
pub(crate) fn percentile<T: Copy>(sorted: &[T], percent: usize) -> T {
    sorted.get(sorted.len() * percent / 100).copied().unwrap()
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

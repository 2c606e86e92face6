//! Several threads at once.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::designs::{ALL, Design};
use super::entries;
use super::questions::{asked, id, issuer};
use super::rounds::{best, each, median};

/// Two threads that ask, against one.
pub(crate) fn readers() {
    let (entries, issuer) = (entries(), issuer());
    let asked = asked(entries);
    println!("\n| design | one | each of two | ratio (goal 1.6) |\n|---|---|---|---|");
    for make in ALL {
        let design = loaded(make, entries);
        let ask =
            || (0..4).map(|_| each(&asked, |id| design.revoked(&issuer, id))).sum::<f64>() / 4.0;
        ask();
        let turns = (0..41).map(|_| {
            let one = ask();
            let both = thread::scope(|scope| {
                let other = scope.spawn(ask);
                let this = ask();
                f64::midpoint(this, other.join().unwrap())
            });
            (one, both)
        });
        let turns: Vec<_> = turns.collect();
        let of = |part: fn(&(f64, f64)) -> f64| median(turns.iter().map(part).collect());
        println!(
            "| {} | {:.1} ns | {:.1} ns | {:.2} |",
            design.name(),
            of(|turn| turn.0),
            of(|turn| turn.1),
            of(|turn| turn.1 / turn.0)
        );
    }
}

/// The slowest single question while the set doubles. What the scheduler gave to others is not
/// counted, waiting for a lock is; a run without a writer shows what is left of the machine.
pub(crate) fn growth() {
    let (entries, issuer) = (entries(), issuer());
    let asked = asked(entries);
    println!(
        "\n| design | slowest read, median of runs | best run | nobody writing | to add one |"
    );
    println!("|---|---|---|---|---|");
    for make in ALL {
        let (mut worst, mut floor, mut adding) = (Vec::new(), Vec::new(), Vec::new());
        let mut name = "";
        for _ in 0..5 {
            let design = loaded(make, entries);
            name = design.name();
            let slowest = |over: &dyn Fn() -> bool| {
                slowest(&mut asked.iter().cycle().map(|id| design.revoked(&issuer, id)), over)
            };
            let start = Instant::now();
            floor.push(slowest(&|| start.elapsed() > Duration::from_millis(500)));
            let (over, mut added) = (AtomicBool::new(false), 0);
            thread::scope(|scope| {
                let reading = scope.spawn(|| slowest(&|| over.load(Ordering::Relaxed)));
                let start = Instant::now();
                for n in 0..entries {
                    design.add(&issuer, &id(10 * entries + n));
                    added += 1;
                    if start.elapsed() > Duration::from_secs(8) {
                        break;
                    }
                }
                adding.push(start.elapsed().as_nanos() as f64 / f64::from(added));
                over.store(true, Ordering::Relaxed);
                worst.push(reading.join().unwrap());
            });
        }
        println!(
            "| {name} | {:.0} µs | {:.0} µs | {:.0} µs | {:.0} ns |",
            median(worst.clone()),
            best(&worst),
            median(floor),
            median(adding)
        );
    }
}

fn loaded(make: fn() -> Box<dyn Design>, entries: u64) -> Box<dyn Design> {
    let (design, issuer) = (make(), issuer());
    (0..entries).for_each(|n| design.add(&issuer, &id(n)));
    design
}

/// Microseconds that the slowest of these took.
fn slowest(asking: &mut dyn Iterator<Item = bool>, over: &dyn Fn() -> bool) -> f64 {
    const ODD: Duration = Duration::from_micros(50);
    let (mut slowest, mut waited, mut last) = (Duration::ZERO, runnable(), Instant::now());
    while !over() {
        let start = Instant::now();
        if start - last > ODD {
            waited = runnable();
        }
        let start = Instant::now();
        black_box(asking.next());
        last = Instant::now();
        let taken = last - start;
        if taken > ODD {
            let until_now = runnable();
            slowest = slowest.max(taken.saturating_sub(until_now.saturating_sub(waited)));
            (waited, last) = (until_now, Instant::now());
        } else {
            slowest = slowest.max(taken);
        }
    }
    slowest.as_nanos() as f64 / 1e3
}

/// How long this thread could have run and another one did. Nothing where Linux does not tell.
fn runnable() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').nth(1).and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

//! Filling, emptying, and what stays.

use std::time::{Duration, Instant};

use signout_checker::{
    Applied, Change, Digest, Index, IssuedBefore, Reach, Reason, Revocation, TargetKind, Timestamp,
};
use stats_alloc::Region;

use super::designs::{ALL, Design, Ours, Sharded, index, key, token};
use super::questions::{asked_beyond, id, issuer, mixed};
use super::rounds::{Times, each, median, once, variant};
use super::{ALLOCATED, entries, number};

/// Applying changes that are in memory, as those of a snapshot are.
pub(crate) fn load() {
    let large = number("SIGNOUT_BENCH_DEEP", 10_000_000);
    for entries in [10_000, 100_000, entries(), large] {
        let at = Timestamp::from_secs;
        let change = |n: u64| Change {
            target: digest(n),
            name: None,
            kind: TargetKind::Token,
            issued_before: IssuedBefore::EVERYTHING,
            reach: Reach::ALL,
            retain_until: at(1_800_086_400 + n % 86_400),
            reason: Reason::BackchannelLogout,
            revoked_at: at(1_800_000_000 + n % 86_400),
        };
        let changes: Vec<_> = (0..entries).map(change).collect();
        let timed = |apply: &mut dyn FnMut(&Change) -> bool| once(&changes, |change| apply(change));
        let added = |index: &Index, change: &Change| index.apply_change(change) == Applied::Added;
        let with_room = || {
            let (index, start) = (index(), Instant::now());
            index.reserve(changes.len());
            let reserved = start.elapsed().as_nanos() as f64 / changes.len() as f64;
            reserved + timed(&mut |change| added(&index, change))
        };
        let expected = || {
            let index = index();
            index.expect(changes.len());
            timed(&mut |change| added(&index, change))
        };
        let without = || {
            let index = index();
            timed(&mut |change| added(&index, change))
        };
        let sharded = || {
            let sharded = Sharded::default();
            timed(&mut |change| sharded.apply_change(change))
        };
        let variants = || {
            [
                ("Index, reserved", with_room()),
                ("Index, expected", expected()),
                ("Index", without()),
                ("64 RwLock<HashMap>", sharded()),
            ]
        };
        let turns: Vec<_> = (0..5).map(|_| variants()).collect();
        println!("\n| {entries} changes | to apply one (goal 80 ns) |\n|---|---|");
        for (at, (name, _)) in variants().iter().enumerate() {
            let all = turns.iter().map(|turn| turn[at].1).collect();
            println!("| {name} | {:.0} ns |", median(all));
        }
    }
}

/// Ten million entries come and go; then the same set in an index that knew no others.
pub(crate) fn churn() {
    let (entries, issuer) = (entries() / 10, issuer());
    let (churned, fresh) = (index(), index());
    let until = |round: u64| Timestamp::from_secs(1_800_000_000 + 3_600 * round);
    let add = |index: &Index, round: u64| {
        for n in 0..entries {
            let retain_until = until(round);
            index.apply(&Revocation { retain_until, ..token(&issuer, &id(round * entries + n)) });
        }
    };
    let rounds = 10_000_000 / entries;
    let (mut added, mut expired) = (Duration::ZERO, Duration::ZERO);
    for round in 1..=rounds {
        let start = Instant::now();
        add(&churned, round);
        added += start.elapsed();
        let start = Instant::now();
        churned.expire(until(round - 1).plus(Duration::from_secs(1)));
        expired += start.elapsed();
    }
    add(&fresh, rounds);
    assert_eq!(churned.len(TargetKind::Token), fresh.len(TargetKind::Token));
    let asked = asked_beyond(rounds * entries, (rounds + 1) * entries);
    let [churned, fresh] = [Ours(churned), Ours(fresh)];
    let times = Times::of(vec![
        variant("fresh", || each(&asked, |id| fresh.revoked(&issuer, id))),
        variant("churned", || each(&asked, |id| churned.revoked(&issuer, id))),
    ]);
    let count = rounds * entries;
    times.print(&format!("{count} came and went, {entries} at a time"), "fresh");
    let ratio = times.paired("churned", "fresh", |churned, fresh| churned / fresh);
    println!("\nchurned / fresh: **{ratio:.2}** (goal 1.1)");
    let per = |time: Duration| time.as_nanos() as f64 / count as f64;
    println!("\n{:.0} ns to make and apply one, {:.0} ns to expire one", per(added), per(expired));
}

/// Random digests, none of which was revoked.
pub(crate) fn misses() {
    let count = number("SIGNOUT_BENCH_MISSES", 1_000_000_000);
    let (entries, issuer, ours) = (entries(), issuer(), Ours(index()));
    (0..entries).for_each(|n| ours.add(&issuer, &id(n)));
    let change = Change {
        target: Digest::from_bytes([0; 16]),
        name: None,
        kind: TargetKind::Token,
        // What every mark covers, so that any entry found is seen.
        issued_before: IssuedBefore::NOTHING,
        reach: Reach::LOGIN,
        retain_until: Timestamp::from_secs(0),
        reason: Reason::SecurityEvent,
        revoked_at: Timestamp::MAX,
    };
    let known = Change { target: key().token(&issuer, &id(0)), ..change };
    assert!(ours.0.covers(&known), "a hit would be seen");
    let start = Instant::now();
    let found = (0..count).filter(|&n| {
        let target = digest(n ^ 0x5555_0000_0000_0000);
        ours.0.covers(&Change { target, ..change })
    });
    let (found, each) = (found.count(), start.elapsed().as_nanos() as f64 / count as f64);
    println!("\n{count} random misses at {entries} entries: **{found} found**, {each:.1} ns each");
}

/// What the allocator gave, for each entry.
pub(crate) fn memory() {
    let held = |fill: &dyn Fn() -> Box<dyn Design>| {
        let region = Region::new(ALLOCATED);
        let design = fill();
        let change = region.change();
        drop(design);
        (change.bytes_allocated - change.bytes_deallocated) as f64
    };
    println!("\nempty: {} bytes", held(&|| Box::new(Ours(index()))));
    let (most, issuer) = (entries(), issuer());
    let sizes =
        [most / 1_000, most / 100, most / 10, most, most * 11 / 10, most * 13 / 10, most * 3];
    println!("\n| bytes for each of | {} |", sizes.map(|size| size.to_string()).join(" | "));
    println!("|---{}|", "|---".repeat(sizes.len()));
    let fill = |design: Box<dyn Design>, entries: u64| {
        (0..entries).for_each(|n| design.add(&issuer, &id(n)));
        design
    };
    let row = |name: &str, make: &dyn Fn(u64) -> Box<dyn Design>| {
        let each = sizes.map(|size| format!("{:.1}", held(&|| make(size)) / size as f64));
        println!("| {name} | {} |", each.join(" | "));
    };
    row("Index, reserved", &|size| {
        let ours = Ours(index());
        ours.0.reserve(usize::try_from(size).unwrap());
        fill(Box::new(ours), size)
    });
    for make in ALL {
        row(make().name(), &|size| fill(make(), size));
    }
}

fn digest(n: u64) -> Digest {
    Digest::from_bytes(u128::from(mixed(n)).to_le_bytes())
}

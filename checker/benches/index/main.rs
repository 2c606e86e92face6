//! The index beside what else it could be: `cargo bench -p signout-checker -- PART...`
//!
//! Parts: lookup facts hash readers growth churn misses memory; none means all of them. Variants are
//! taken in turns and compared by the median of the ratios of a turn, because machines are noisy.
//! `SIGNOUT_BENCH_MISSES` sets how many random misses are tried, `SIGNOUT_BENCH_ENTRIES` the
//! largest set (1000000).

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench that cannot go on has nothing better to do, and its figures are rough"
)]

use std::alloc::System;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signout_checker::{
    Change, ClientId, Digest, IssuedBefore, Issuer, JwtId, Reach, Reason, Revocation, SessionId,
    Subject, Target, TargetKind, Timestamp, TokenFacts, Verdict,
};
use siphasher::sip::SipHasher13;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

mod designs;
use designs::{ALL, Design, Ours, index, key, token};

#[global_allocator]
static ALLOCATED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ISSUER: &str = "https://op.example/application/o/bench/";
/// Distinct questions; one in a thousand is about something revoked.
const ASKED: u64 = 1 << 16;
const TURNS: usize = 61;

const PARTS: [(&str, fn()); 8] = [
    ("lookup", lookup),
    ("facts", facts),
    ("hash", hash),
    ("readers", readers),
    ("growth", growth),
    ("churn", churn),
    ("misses", misses),
    ("memory", memory),
];

fn main() {
    let named: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (name, part) in PARTS {
        if named.is_empty() || named.iter().any(|named| named == name) {
            println!("\n== {name}");
            part();
        }
    }
}

/// From the text of a `jti` to the answer.
fn lookup() {
    for entries in [1_000, 100_000, largest()] {
        let (issuer, asked) = (issuer(), asked(entries));
        let designs = ALL.map(|design| loaded(design(), entries));
        let digests = key();
        // As large as the tags of an index.
        let places = entries / 7 + 1;
        let memory: Vec<u64> = (0..places).collect();
        let roomy = Ours(index());
        roomy.0.reserve(usize::try_from(4 * entries).unwrap());
        roomy.load(&issuer, &mut (0..entries).map(id));
        let mut variants: Vec<Variant<'_>> = vec![(
            "hash alone",
            Box::new(|| each(&asked, |id| digests.token(&issuer, id).fingerprint() == 1)),
        )];
        variants.push((
            "hash and one access",
            Box::new(|| {
                each(&asked, |id| {
                    let fingerprint = digests.token(&issuer, id).fingerprint();
                    memory[(fingerprint % places) as usize] == fingerprint
                })
            }),
        ));
        for design in &designs {
            let (issuer, asked) = (&issuer, &asked);
            variants.push((
                design.name(),
                Box::new(move || each(asked, |id| design.revoked(issuer, id))),
            ));
        }
        variants.push((
            "Index, a quarter full",
            Box::new(|| each(&asked, |id| roomy.revoked(&issuer, id))),
        ));
        let times = in_turns(&mut variants);
        println!("{entries} entries");
        print(&variants, &times);
        let ratio = |of: usize, to: &dyn Fn(usize) -> f64| {
            median((0..TURNS).map(|turn| times[of][turn] / to(turn)).collect())
        };
        let hash = ratio(2, &|turn| times[0][turn] + 10.0);
        let best = best(&times[2]) / (best(&times[0]) + 10.0);
        println!("  Index / (hash + 10 ns)         median {hash:>6.2}, of the best {best:>6.2}");
        for other in [1, 3, 4, 5, 6] {
            let ratio = ratio(2, &|turn| times[other][turn]);
            println!("  Index / {:<22} median {ratio:>6.2}", variants[other].0);
        }
    }
}

/// All facts of a token: where no client and no issuer is revoked, which is the rule, and where
/// some are.
fn facts() {
    let (entries, issuer) = (largest(), issuer());
    let [index, all_kinds] = [index(), index()];
    for index in [&index, &all_kinds] {
        load_three_kinds(index, &issuer, entries);
    }
    let other = Issuer::parse("https://other.example").unwrap();
    let old = Target::Client(other.clone(), ClientId::parse("old").unwrap());
    for target in [old, Target::Issuer(other)] {
        all_kinds.apply(&Revocation { target, ..token(&issuer, &id(0)) });
    }
    let tokens: Vec<_> = (0..ASKED).map(|n| Token::new(entries + n)).collect();
    let client = ClientId::parse("web-frontend").unwrap();
    let digests = key();
    let mut variants: Vec<Variant<'_>> = vec![
        (
            "3 hashes",
            Box::new(|| {
                each(&tokens, |token| {
                    let Token { id, session, subject } = token;
                    let all = digests.token(&issuer, id).fingerprint()
                        ^ digests.session(&issuer, session).fingerprint()
                        ^ digests.subject(&issuer, subject).fingerprint();
                    all == 1
                })
            }),
        ),
        (
            "five facts, three kinds",
            Box::new(|| {
                each(&tokens, |token| revoked(&index, token.facts(&issuer).client(&client)))
            }),
        ),
        (
            "five facts, five kinds",
            Box::new(|| {
                each(&tokens, |token| revoked(&all_kinds, token.facts(&issuer).client(&client)))
            }),
        ),
    ];
    let times = in_turns(&mut variants);
    print(&variants, &times);
    for of in [1, 2] {
        let beyond = (0..TURNS).map(|turn| times[of][turn] - times[0][turn]).collect();
        let best = best(&times[of]) - best(&times[0]);
        let name = variants[of].0;
        println!(
            "  {name:<30} median {:>6.1} ns, of the best {best:>6.1} ns, beyond 3 hashes",
            median(beyond)
        );
    }
}

/// Whether a hash of 64 bits for memory beside the digest of 128 for the wire would pay.
fn hash() {
    let (issuer, asked, digests) = (issuer(), asked(0), key());
    let whole: Vec<Vec<u8>> =
        asked.iter().map(|id| format!("{ISSUER}{}", id.as_str()).into()).collect();
    let narrow = SipHasher13::new_with_key(&[7; 16]);
    let wide = siphasher::sip128::SipHasher13::new_with_key(&[7; 16]);
    let mut variants: Vec<Variant<'_>> = vec![
        ("digest", Box::new(|| each(&asked, |id| digests.token(&issuer, id).fingerprint() == 1))),
        ("128 bits of one piece", Box::new(|| each(&whole, |piece| wide.hash(piece).h1 == 1))),
        ("64 bits of one piece", Box::new(|| each(&whole, |piece| narrow.hash(piece) == 1))),
    ];
    let times = in_turns(&mut variants);
    print(&variants, &times);
}

/// Two threads that ask, against one.
fn readers() {
    let (entries, issuer) = (largest(), issuer());
    let asked = asked(entries);
    for design in ALL.map(|design| loaded(design(), entries)) {
        let ask = || each(&asked, |id| design.revoked(&issuer, id));
        ask();
        let ratios = (0..TURNS).map(|_| {
            let one = ask();
            let both = thread::scope(|scope| {
                let other = scope.spawn(ask);
                let this = ask();
                f64::midpoint(this, other.join().unwrap())
            });
            (both / one, one, both)
        });
        let ratios: Vec<_> = ratios.collect();
        let of = |part: fn(&(f64, f64, f64)) -> f64| median(ratios.iter().map(part).collect());
        println!(
            "  {:<26} one {:>6.1} ns, each of two {:>6.1} ns, ratio {:.2}",
            design.name(),
            of(|r| r.1),
            of(|r| r.2),
            of(|r| r.0)
        );
    }
}

/// The slowest single question while the set doubles. What the scheduler gave to others is not
/// counted, waiting for a lock is; a run without a writer shows what is left of the machine.
fn growth() {
    let (entries, issuer) = (largest(), issuer());
    let asked = asked(entries);
    for make in ALL {
        let (mut worst, mut floor) = (Vec::new(), Vec::new());
        let (mut name, mut added) = ("", 0);
        for _ in 0..5 {
            let design = loaded(make(), entries);
            name = design.name();
            let slowest = |over: &dyn Fn() -> bool| {
                slowest(&mut asked.iter().cycle().map(|id| design.revoked(&issuer, id)), over)
            };
            let start = Instant::now();
            floor.push(slowest(&|| start.elapsed() > Duration::from_millis(500)));
            let over = AtomicBool::new(false);
            thread::scope(|scope| {
                let reading = scope.spawn(|| slowest(&|| over.load(Ordering::Relaxed)));
                let start = Instant::now();
                added = 0;
                for n in 0..entries {
                    design.add(&issuer, &id(10 * entries + n));
                    added += 1;
                    if start.elapsed() > Duration::from_secs(8) {
                        break;
                    }
                }
                over.store(true, Ordering::Relaxed);
                worst.push(reading.join().unwrap());
            });
        }
        println!(
            "  {name:<26} slowest read: median run {:>9.1} µs, best run {:>9.1} µs; nobody writing {:>7.1} µs; {added} added",
            median(worst.clone()),
            best(&worst),
            median(floor)
        );
    }
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

/// Ten million entries come and go; then the same set in an index that knew no others.
fn churn() {
    let (entries, issuer) = (largest() / 10, issuer());
    let (churned, fresh) = (index(), index());
    let until = |round: u64| Timestamp::from_secs(1_800_000_000 + 3_600 * round);
    let add = |index: &signout_checker::Index, round: u64| {
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
    let mut variants: Vec<Variant<'_>> = vec![
        ("fresh", Box::new(|| each(&asked, |id| fresh.revoked(&issuer, id)))),
        ("churned", Box::new(|| each(&asked, |id| churned.revoked(&issuer, id)))),
    ];
    let times = in_turns(&mut variants);
    let ratio = median((0..TURNS).map(|turn| times[1][turn] / times[0][turn]).collect());
    println!(
        "  {} came and went ({} at a time): fresh {:.1} ns, churned {:.1} ns, ratio {ratio:.2}",
        rounds * entries,
        entries,
        median(times[0].clone()),
        median(times[1].clone())
    );
    let per = |time: Duration| time.as_nanos() as f64 / (rounds * entries) as f64;
    println!("  {:.0} ns to apply one, {:.0} ns to expire one", per(added), per(expired));
}

/// Random digests, none of which was revoked.
fn misses() {
    let count = number("SIGNOUT_BENCH_MISSES", 100_000_000);
    let (entries, issuer) = (largest(), issuer());
    let Ours(index) = {
        let ours = Ours(index());
        ours.load(&issuer, &mut (0..entries).map(id));
        ours
    };
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
    assert!(index.covers(&known), "a hit would be seen");
    let start = Instant::now();
    let found = (0..count).filter(|&n| {
        let target = Digest::from_bytes(u128::from(mixed(n ^ 0x5555_0000_0000_0000)).to_le_bytes());
        index.covers(&Change { target, ..change })
    });
    let found = found.count();
    let each = start.elapsed().as_nanos() as f64 / count as f64;
    println!("  {count} random misses at {entries} entries: {found} found, {each:.1} ns each");
}

/// What the allocator gave, for each entry.
fn memory() {
    let held = |fill: &dyn Fn() -> Box<dyn Design>| {
        let region = Region::new(ALLOCATED);
        let design = fill();
        let change = region.change();
        drop(design);
        (change.bytes_allocated - change.bytes_deallocated) as f64
    };
    println!("  empty: {} bytes", held(&|| Box::new(Ours(index()))));
    for entries in [1_000, 10_000, 100_000, 300_000, 1_000_000, 1_100_000, 3_000_000] {
        if entries > 3 * largest() {
            continue;
        }
        println!("  {entries} entries, bytes for each");
        let reserved = || -> Box<dyn Design> {
            let ours = Ours(index());
            ours.0.reserve(usize::try_from(entries).unwrap());
            loaded(Box::new(ours), entries)
        };
        println!("    {:<26} {:>6.1}", "Index, reserved", held(&reserved) / entries as f64);
        for design in ALL {
            let held = held(&|| loaded(design(), entries)) / entries as f64;
            println!("    {:<26} {held:>6.1}", design().name());
        }
    }
}

type Variant<'a> = (&'static str, Box<dyn FnMut() -> f64 + 'a>);

/// Runs the variants in turns and gives the times of each.
fn in_turns(variants: &mut [Variant<'_>]) -> Vec<Vec<f64>> {
    let mut times = vec![Vec::new(); variants.len()];
    for turn in 0..=TURNS {
        for ((_, run), times) in variants.iter_mut().zip(&mut times) {
            let time = run();
            // The first turn warms up.
            if turn > 0 {
                times.push(time);
            }
        }
    }
    times
}

fn print(variants: &[Variant<'_>], times: &[Vec<f64>]) {
    for ((name, _), times) in variants.iter().zip(times) {
        println!(
            "  {name:<30} median {:>6.1} ns, best {:>6.1} ns",
            median(times.clone()),
            best(times)
        );
    }
}

/// Nanoseconds for each of these.
fn each<T>(all: &[T], mut ask: impl FnMut(&T) -> bool) -> f64 {
    let start = Instant::now();
    for one in all {
        black_box(ask(one));
    }
    start.elapsed().as_nanos() as f64 / all.len() as f64
}

fn best(all: &[f64]) -> f64 {
    all.iter().copied().fold(f64::INFINITY, f64::min)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn loaded(design: Box<dyn Design>, entries: u64) -> Box<dyn Design> {
    design.load(&issuer(), &mut (0..entries).map(id));
    design
}

fn load_three_kinds(index: &signout_checker::Index, issuer: &Issuer, entries: u64) {
    for n in 0..entries / 3 {
        let Token { id, session, subject } = Token::new(n);
        let op = || issuer.clone();
        for target in [
            Target::Token(op(), id.clone()),
            Target::Session(op(), session),
            Target::Subject(op(), subject),
        ] {
            index.apply(&Revocation { target, ..token(issuer, &id) });
        }
    }
}

struct Token {
    id: JwtId,
    session: SessionId,
    subject: Subject,
}

impl Token {
    fn new(n: u64) -> Self {
        let [a, b, c] = [3 * n, 3 * n + 1, 3 * n + 2].map(text);
        Self {
            id: JwtId::parse(a).unwrap(),
            session: SessionId::parse(b).unwrap(),
            subject: Subject::parse(c).unwrap(),
        }
    }

    fn facts<'a>(&'a self, issuer: &'a Issuer) -> TokenFacts<'a> {
        TokenFacts::new(issuer).jwt_id(&self.id).session(&self.session).subject(&self.subject)
    }
}

fn revoked(index: &signout_checker::Index, facts: TokenFacts<'_>) -> bool {
    matches!(index.check(&facts), Verdict::Revoked(_))
}

fn issuer() -> Issuer {
    Issuer::parse(ISSUER).unwrap()
}

fn asked(entries: u64) -> Vec<JwtId> {
    asked_beyond(0, entries)
}

/// Mostly strangers, numbered from `behind`; one in a thousand from `known`, in no order.
fn asked_beyond(known: u64, behind: u64) -> Vec<JwtId> {
    (0..ASKED)
        .map(|n| {
            let hit = n % 1_000 == 999 && behind > known;
            id(if hit { known + mixed(n) % (behind - known) } else { behind + n })
        })
        .collect()
}

fn id(n: u64) -> JwtId {
    JwtId::parse(text(n)).unwrap()
}

/// 22 to 36 characters; nobody can tell how many.
fn text(n: u64) -> String {
    let (a, b) = (mixed(n), mixed(n ^ 0xdead_beef_0000_0000));
    let mut text = format!("{a:016x}{b:020x}");
    text.truncate(22 + (a >> 60) as usize % 15);
    text
}

fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn largest() -> u64 {
    number("SIGNOUT_BENCH_ENTRIES", 1_000_000)
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

//! What one thread waits for an answer.

use signout_checker::{ClientId, Issuer, Revocation, Target, TokenFacts, Verdict};
use siphasher::sip::SipHasher13;

use super::designs::{ALL, Design as _, Ours, index, key, token};
use super::plot::{Bar, draw};
use super::questions::{ASKED, Token, asked, id, issuer, load_three_kinds, mixed};
use super::redis::Redis;
use super::rounds::{Times, each, each_apart, variant};
use super::{entries, number};

const HASH: &str = "hash alone";
const INDEX: &str = "Index";
const REDIS: &str = "Redis EXISTS over TCP";
/// Questions to Redis in one turn.
const SLOW: usize = 1 << 10;

/// From the text of a `jti` to the answer.
pub(crate) fn lookup() {
    for entries in [1_000, 100_000, entries()] {
        let times = compare(entries);
        times.print(&format!("{entries} entries"), INDEX);
        let ratio = times.paired(INDEX, HASH, |index, hash| index / (hash + 10.0));
        println!("\nIndex / (hash alone + 10 ns): **{ratio:.2}** (goal 1.3)");
        if entries == super::entries() {
            let bar =
                |(name, _): &(String, _)| Bar { name: name.clone(), nanos: times.median(name) };
            draw(entries, &times.0.iter().map(bar).collect::<Vec<_>>());
        }
    }
}

fn compare(entries: u64) -> Times {
    let (issuer, asked, hasher) = (issuer(), asked(entries), SipHasher13::new_with_key(&[7; 16]));
    let designs: Vec<_> = ALL.iter().map(|make| make()).collect();
    for n in 0..entries {
        let id = id(n);
        for design in &designs {
            design.add(&issuer, &id);
        }
    }
    let mut redis = Redis::start();
    if let Some(redis) = &mut redis {
        redis.load((0..entries).map(id));
    }
    let (asked, issuer) = (&asked, &issuer);
    let hash = move || each(asked, |id| hasher.hash(id.as_str().as_bytes()) == 1);
    let mut variants = vec![variant(HASH, hash)];
    for design in &designs {
        let run = move || each(asked, |id| design.revoked(issuer, id));
        variants.push(variant(design.name(), run));
    }
    if let Some(redis) = &mut redis {
        variants.push(variant(REDIS, move || each(&asked[..SLOW], |id| redis.exists(id))));
    }
    Times::of(variants)
}

/// All facts of a token: where no client and no issuer is revoked, which is the rule, and where
/// some are.
pub(crate) fn facts() {
    several(entries());
}

/// A set that is larger than the caches.
pub(crate) fn deep() {
    let entries = number("SIGNOUT_BENCH_DEEP", 10_000_000);
    let (issuer, asked, hasher) = (issuer(), asked(entries), SipHasher13::new_with_key(&[7; 16]));
    let ours = Ours(index());
    ours.0.reserve(usize::try_from(entries).unwrap());
    (0..entries).for_each(|n| ours.add(&issuer, &id(n)));
    // A chase through as much memory as the entries take: each place names the next.
    let places = usize::try_from(entries * 16 / 64).unwrap();
    let chase = chase(places);
    let mut at = 0;
    let hash = |id: &signout_checker::JwtId| hasher.hash(id.as_str().as_bytes()) == 1;
    let times = Times::of(vec![
        variant(HASH, || each(&asked, hash)),
        variant(INDEX, || each(&asked, |id| ours.revoked(&issuer, id))),
        variant("hash alone, apart", || each_apart(&asked, hash)),
        variant("Index, apart", || each_apart(&asked, |id| ours.revoked(&issuer, id))),
        variant("dependent access to memory", || {
            each(&asked, |_| {
                at = chase[at][0] as usize;
                at == 0
            })
        }),
    ]);
    times.print(&format!("{entries} entries"), "dependent access to memory");
    let beyond = times.paired("Index, apart", "hash alone, apart", |index, hash| index - hash);
    let access = times.median("dependent access to memory");
    println!("\nBeyond the hash: **{beyond:.0} ns**, one access {access:.0} ns (goal: no more)");
    drop((ours, chase));
    several(entries);
}

/// One cycle through all lines, in no order.
fn chase(places: usize) -> Vec<[u32; 16]> {
    let mut order: Vec<u32> = (0..u32::try_from(places).unwrap()).collect();
    for n in (1..places).rev() {
        order.swap(n, mixed(n as u64) as usize % (n + 1));
    }
    let mut lines = vec![[0; 16]; places];
    for (n, &place) in order.iter().enumerate() {
        lines[place as usize][0] = order[(n + 1) % places];
    }
    lines
}

fn several(entries: u64) {
    let (issuer, [index, all_kinds]) = (issuer(), [index(), index()]);
    for index in [&index, &all_kinds] {
        load_three_kinds(index, &issuer, entries);
    }
    let other = Issuer::parse("https://other.example").unwrap();
    let old = Target::Client(other.clone(), ClientId::parse("old").unwrap());
    for target in [old, Target::Issuer(other)] {
        all_kinds.apply(&Revocation { target, ..token(&issuer, &id(0)) });
    }
    let tokens: Vec<_> = (0..ASKED).map(|n| Token::new(entries + n)).collect();
    let (client, hasher, digests) =
        (ClientId::parse("web-frontend").unwrap(), SipHasher13::new_with_key(&[7; 16]), key());
    let hashes = |token: &Token| {
        let Token { id, session, subject } = token;
        let texts = [id.as_str(), session.as_str(), subject.as_str()];
        texts.iter().fold(0, |sum, text| sum ^ hasher.hash(text.as_bytes())) == 1
    };
    let ask = |index: &signout_checker::Index, token: &Token| {
        let facts: TokenFacts<'_> = token.facts(&issuer).client(&client);
        matches!(index.check(&facts), Verdict::Revoked(_))
    };
    let whole = |token: &Token| digests.token(&issuer, &token.id).fingerprint() == 1;
    let times = Times::of(vec![
        variant("3 hashes", || each(&tokens, hashes)),
        variant("five facts, three kinds", || each(&tokens, |token| ask(&index, token))),
        variant("five facts, five kinds", || each(&tokens, |token| ask(&all_kinds, token))),
        variant("3 hashes, apart", || each_apart(&tokens, hashes)),
        variant("five facts, three kinds, apart", || {
            each_apart(&tokens, |token| ask(&index, token))
        }),
        variant("a digest with its issuer", || each(&tokens, whole)),
    ]);
    times.print(&format!("{entries} entries"), "3 hashes");
    for (of, to) in [
        ("five facts, three kinds", "3 hashes"),
        ("five facts, five kinds", "3 hashes"),
        ("five facts, three kinds, apart", "3 hashes, apart"),
    ] {
        let beyond = times.paired(of, to, |of, to| of - to);
        println!("\n{of}: **{beyond:.0} ns** beyond 3 hashes (goal 60 at 1e6)");
    }
}

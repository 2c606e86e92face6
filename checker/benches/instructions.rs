//! Instructions of a check: `cargo bench -p signout-checker --bench instructions`. They are the same
//! on every run, however busy the machine is. Needs valgrind, and `gungraun-runner` of the same
//! version as the `gungraun` of this crate.

#![expect(
    clippy::unwrap_used,
    missing_docs,
    unused_qualifications,
    reason = "a bench that cannot go on has nothing better to do; the macros write the rest"
)]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use signout_checker::{
    Change, DigestKey, Index, Issuer, JwtId, Reason, Revocation, SessionId, Subject, Target,
    Timestamp, TokenFacts, Verdict,
};
use siphasher::sip::SipHasher13;

const ENTRIES: u32 = 10_000;

struct Set {
    index: Index,
    issuer: Issuer,
    id: JwtId,
    session: SessionId,
    subject: Subject,
}

fn act(target: Target) -> Revocation {
    let at = Timestamp::from_secs;
    Revocation::of(target, Reason::BackchannelLogout, at(1_800_000_000), at(1_800_086_400))
}

// Whatever a bench takes it gives back, so that dropping it is not counted.

/// A set of tokens, sessions and users, and a token that is not in it.
fn set() -> Set {
    let issuer = Issuer::parse("https://op.example/application/o/bench/").unwrap();
    let index = Index::new(DigestKey::from_bytes([7; 16]));
    for n in 0..ENTRIES / 3 {
        let text = format!("5e2f9bd6-61a4-4d31-8e26-{n:012}");
        let op = || issuer.clone();
        index.apply(&act(Target::Token(op(), JwtId::parse(text.as_str()).unwrap())));
        index.apply(&act(Target::Session(op(), SessionId::parse(text.as_str()).unwrap())));
        index.apply(&act(Target::Subject(op(), Subject::parse(text).unwrap())));
    }
    let text = "0be40a1c-8f4b-4f0e-9a57-1d2c3b4a5968";
    let set = Set {
        index,
        issuer,
        id: JwtId::parse(text).unwrap(),
        session: SessionId::parse(text).unwrap(),
        subject: Subject::parse(text).unwrap(),
    };
    // What is the same for every token of the issuer is done once.
    let _ = set.index.check(&TokenFacts::new(&set.issuer).jwt_id(&set.id));
    set
}

/// Changes as they come from a snapshot, and an index with room for them.
fn load() -> (Index, Vec<Change>) {
    let (Set { index, issuer, .. }, key) = (set(), DigestKey::from_bytes([7; 16]));
    let change = |n: u32| {
        let id = JwtId::parse(format!("another-{n}")).unwrap();
        Change::of(&act(Target::Token(issuer.clone(), id)), &key)
    };
    let changes: Vec<_> = (0..1_000).map(change).collect();
    index.reserve(changes.len());
    (index, changes)
}

#[library_benchmark]
#[bench::plain(set())]
fn hash_alone(set: Set) -> (u64, Set) {
    (SipHasher13::new_with_key(&[7; 16]).hash(black_box(set.id.as_str()).as_bytes()), set)
}

#[library_benchmark]
#[bench::plain(set())]
fn check_jti(set: Set) -> (Verdict, Set) {
    (set.index.check(black_box(&TokenFacts::new(&set.issuer).jwt_id(&set.id))), set)
}

#[library_benchmark]
#[bench::plain(set())]
fn check_jti_sid_sub(set: Set) -> (Verdict, Set) {
    let facts = TokenFacts::new(&set.issuer).jwt_id(&set.id).session(&set.session);
    (set.index.check(black_box(&facts.subject(&set.subject))), set)
}

#[library_benchmark]
#[bench::thousand(load())]
fn apply_change((index, changes): (Index, Vec<Change>)) -> (Index, Vec<Change>) {
    for change in &changes {
        index.apply_change(black_box(change));
    }
    (index, changes)
}

library_benchmark_group!(
    name = checks;
    benchmarks = hash_alone, check_jti, check_jti_sid_sub, apply_change
);
main!(library_benchmark_groups = checks);

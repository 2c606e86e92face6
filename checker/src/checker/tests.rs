use std::sync::Mutex;

use super::*;
use crate::{Issuer, JwtId, Reason, Revocation, Target, Timestamp};

const KEY: DigestKey = DigestKey::from_bytes([3; 16]);

fn issuer() -> Issuer {
    Issuer::parse("https://op.example").unwrap()
}

fn jwt_id(text: &str) -> JwtId {
    JwtId::parse(text).unwrap()
}

fn policy(when_stale: StalePolicy) -> Policy {
    Policy { when_stale, ..Policy::default() }
}

/// Knows that `gone` is revoked, as of `as_of`.
fn knowing(checker: &Checker, as_of: Instant) {
    let target = Target::Token(issuer(), jwt_id("gone"));
    let (at, until) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
    let index = checker.open(&KEY).unwrap();
    index.apply(&Revocation::of(target, Reason::Admin, at, until));
    checker.vouch(as_of);
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Revoked(_) => "revoked",
        Verdict::NotRevoked(_) => "passes",
        Verdict::Unknown(Unknown::Stale) => "stale",
        Verdict::Unknown(Unknown::Unidentified) => "unidentified",
    }
}

#[test]
fn i13_stale_knowledge_refuses_or_goes_by_what_is_known() {
    let (start, limit) = (Instant::now(), Policy::default().max_staleness);
    let (issuer, gone, other) = (issuer(), jwt_id("gone"), jwt_id("other"));
    let facts = [
        TokenFacts::new(&issuer).jwt_id(&gone),
        TokenFacts::new(&issuer).jwt_id(&other),
        TokenFacts::new(&issuer),
    ];
    let none = start;
    let (fresh, stale) = (start + limit, start + limit + Duration::from_nanos(1));
    for (when_stale, known, now, expected) in [
        (StalePolicy::Deny, false, none, ["stale", "stale", "unidentified"]),
        (StalePolicy::Allow, false, none, ["passes", "passes", "unidentified"]),
        (StalePolicy::Deny, true, fresh, ["revoked", "passes", "unidentified"]),
        (StalePolicy::Deny, true, stale, ["revoked", "stale", "unidentified"]),
        (StalePolicy::Allow, true, stale, ["revoked", "passes", "unidentified"]),
    ] {
        let checker = Checker::new(policy(when_stale));
        if known {
            knowing(&checker, start);
        }
        let together = checker.check_many(&facts, now);
        let alone = facts.map(|facts| checker.check(&facts, now));
        assert_eq!(alone.map(word), expected, "{when_stale} {known}");
        assert_eq!(together, alone);
    }
}

#[test]
fn an_index_alone_is_no_fresh_knowledge() {
    let checker = Checker::new(Policy::default());
    checker.open(&KEY).unwrap();
    let (issuer, other) = (issuer(), jwt_id("other"));
    let facts = TokenFacts::new(&issuer).jwt_id(&other);
    assert_eq!(word(checker.check(&facts, Instant::now())), "stale");
    assert_eq!(checker.staleness(Instant::now()), Duration::MAX);
}

#[test]
fn clones_are_one() {
    let checker = Checker::new(Policy::default());
    let (clone, now) = (checker.clone(), Instant::now());
    knowing(&clone, now);
    assert_eq!(checker.staleness(now), Duration::ZERO);
    assert!(std::ptr::eq(checker.index().unwrap(), clone.index().unwrap()));
}

#[test]
fn another_key_is_refused() {
    let checker = Checker::new(Policy::default());
    assert!(checker.index().is_none());
    let first: *const Index = checker.open(&KEY).unwrap();
    assert!(std::ptr::eq(first, checker.open(&KEY).unwrap()));
    let other = DigestKey::from_bytes([4; 16]);
    assert_eq!(checker.open(&other).unwrap_err(), OtherKey);
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn checked(&self, verdict: &Verdict) {
        self.0.lock().unwrap().push(word(*verdict).to_owned());
    }

    fn stale_answer(&self, policy: StalePolicy) {
        self.0.lock().unwrap().push(format!("stale answer: {policy}"));
    }
}

#[test]
fn observers_are_told_of_answers_and_of_stale_ones() {
    let (issuer, gone, other) = (issuer(), jwt_id("gone"), jwt_id("other"));
    let facts = [&gone, &other].map(|id| TokenFacts::new(&issuer).jwt_id(id));
    for (when_stale, expected) in [
        (StalePolicy::Deny, ["revoked", "passes", "revoked", "stale answer: deny", "stale"]),
        (StalePolicy::Allow, ["revoked", "passes", "revoked", "stale answer: allow", "passes"]),
    ] {
        let told = Arc::new(Told::default());
        let checker = Checker::with_observer(policy(when_stale), told.clone());
        let now = Instant::now();
        knowing(&checker, now);
        let _ = checker.check_many(&facts, now);
        let _ = checker.check_many(&facts, now + Duration::from_secs(60));
        assert_eq!(*told.0.lock().unwrap(), expected);
    }
}

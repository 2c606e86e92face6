use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use signout_checker::{
    Change, Digest, DigestKey, Index, IssuedBefore, Issuer, JwtId, Reach, Reason, Revocation,
    Subject, Target, TargetKind, Timestamp, TokenFacts, Verdict,
};

const WRITERS: u64 = 2;
const EACH: u64 = 5_000;
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// When what is kept until `NOW` is over, and what is kept until `LATER` is not.
const AFTER_NOW: Timestamp = Timestamp::from_secs(1_800_000_060);
const LATER: Timestamp = Timestamp::from_secs(1_800_086_400);

fn index() -> Index {
    Index::new(DigestKey::from_bytes([3; 16]))
}

fn op() -> Issuer {
    Issuer::parse("https://op.example").unwrap()
}

/// Tells when the last of the others is done, also when one of them panics.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn id(number: u64) -> JwtId {
    JwtId::parse(number.to_string()).unwrap()
}

fn token(number: u64, retain_until: Timestamp) -> Revocation {
    let target = Target::Token(op(), id(number));
    Revocation::of(target, Reason::BackchannelLogout, NOW, retain_until)
}

/// Whatever was applied is refused from then on, while tables grow and others leave.
#[test]
fn i1_what_was_applied_stays_refused() {
    let index = index();
    let applied: [AtomicU64; 2] = Default::default();
    let over = AtomicBool::new(false);
    let refused = |number| {
        let (issuer, id) = (op(), id(number));
        matches!(index.check(&TokenFacts::new(&issuer).jwt_id(&id)), Verdict::Revoked(_))
    };
    thread::scope(|scope| {
        for (writer, applied) in (0..).zip(&applied) {
            let index = &index;
            scope.spawn(move || {
                for n in 0..EACH {
                    index.apply(&token(WRITERS * n + writer, LATER));
                    // These come and go.
                    index.apply(&token(1_000_000_000 + WRITERS * n + writer, NOW));
                    applied.store(n + 1, Ordering::Release);
                }
            });
        }
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                index.expire(AFTER_NOW);
            }
        });
        let done = Done(&over);
        let mut asked = 0u64;
        loop {
            let counts = [0, 1].map(|writer: usize| applied[writer].load(Ordering::Acquire));
            for (writer, count) in (0..).zip(counts).filter(|&(_, count)| count > 0) {
                asked =
                    asked.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
                for n in [count - 1, (asked >> 33) % count] {
                    assert!(refused(WRITERS * n + writer), "{n} of {count}");
                }
            }
            assert!(!refused(2_000_000_000 + asked % 1_000_000));
            if counts == [EACH; 2] {
                break;
            }
        }
        drop(done);
    });
    index.expire(AFTER_NOW);
    assert_eq!(index.len(TargetKind::Token) as u64, WRITERS * EACH);
    assert!((0..WRITERS * EACH).all(refused));
}

/// A reader meets whole marks only, and never one that is less than it met before.
#[test]
fn i12_marks_only_rise() {
    let (index, issuer, alice) = (index(), op(), Subject::parse("alice").unwrap());
    let start = NOW.as_secs();
    let target = index.key().subject(&issuer, &alice);
    let act = |secs: u64| Change {
        target,
        name: None,
        kind: TargetKind::Subject,
        issued_before: IssuedBefore::at(Timestamp::from_secs(start + secs)),
        reach: Reach::ALL,
        retain_until: LATER,
        reason: Reason::Admin,
        // The first act stays the first.
        revoked_at: Timestamp::from_secs(start - secs),
    };
    index.apply_change(&act(1));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let index = &index;
            scope.spawn(move || {
                for n in 1..EACH {
                    index.apply_change(&act(WRITERS * n + writer));
                }
            });
        }
        // Strangers in the same tables, so that these are built anew all the time.
        scope.spawn(|| {
            let mut stranger = 0u128;
            while !over.load(Ordering::Acquire) {
                stranger = stranger.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let target = Digest::from_bytes(stranger.to_le_bytes());
                index.apply_change(&Change { target, retain_until: NOW, ..act(1) });
                if stranger % 4_096 == 0 {
                    index.expire(AFTER_NOW);
                }
            }
        });
        let done = Done(&over);
        let mut seen = 0;
        while seen < WRITERS * EACH - 1 {
            let facts = TokenFacts::new(&issuer).subject(&alice);
            let Verdict::Revoked(revoked) = index.check(&facts) else { panic!("forgotten") };
            let cut_off = revoked.issued_before.time().unwrap().as_secs() - start;
            assert!(cut_off >= seen, "{cut_off} after {seen}");
            // Both come from the same act, so a mark put together of two would show.
            assert_eq!(start - revoked.revoked_at.as_secs(), cut_off);
            seen = cut_off;
        }
        drop(done);
    });
}

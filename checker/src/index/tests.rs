use super::*;
use crate::{IssuedBefore, Issuer, JwtId, Reach, Reason, SessionId, Subject, Target, TokenKind};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const LATER: Timestamp = Timestamp::from_secs(1_086_420);

fn index() -> Index {
    Index::new(DigestKey::from_bytes([3; 16]))
}

fn op() -> Issuer {
    Issuer::parse("https://op.example").unwrap()
}

fn session(issuer: &Issuer, sid: &str) -> Revocation {
    let target = Target::Session(issuer.clone(), SessionId::parse(sid).unwrap());
    Revocation::of(target, Reason::BackchannelLogout, NOW, LATER)
}

fn subject(issuer: &Issuer, sub: &str, cut_off: u64) -> Revocation {
    let target = Target::Subject(issuer.clone(), Subject::parse(sub).unwrap());
    Revocation::of(target, Reason::BackchannelLogout, NOW, LATER)
        .issued_before(IssuedBefore::at(Timestamp::from_secs(cut_off)))
}

fn revoked(index: &Index, facts: TokenFacts<'_>) -> Option<TargetKind> {
    match index.check(&facts) {
        Verdict::Revoked(revoked) => Some(revoked.target),
        Verdict::NotRevoked(_) => None,
        Verdict::Unknown(unknown) => panic!("{unknown:?}"),
    }
}

#[test]
fn i8_no_collateral() {
    let index = index();
    index.apply(&session(&op(), "a"));
    let (op, twin) = (op(), Issuer::parse("https://op.example/").unwrap());
    let [a, b] = ["a", "b"].map(|sid| SessionId::parse(sid).unwrap());
    let same_text = JwtId::parse("a").unwrap();

    assert_eq!(revoked(&index, TokenFacts::new(&op).session(&a)), Some(TargetKind::Session));
    assert_eq!(revoked(&index, TokenFacts::new(&op).session(&b)), None);
    assert_eq!(revoked(&index, TokenFacts::new(&twin).session(&a)), None);
    assert_eq!(revoked(&index, TokenFacts::new(&op).jwt_id(&same_text)), None);
}

#[test]
fn i7_later_login_passes() {
    let index = index();
    index.apply(&subject(&op(), "alice", 500));
    let (op, alice) = (op(), Subject::parse("alice").unwrap());
    let facts = TokenFacts::new(&op).subject(&alice);
    assert_eq!(
        revoked(&index, facts.issued_at(Timestamp::from_secs(500))),
        Some(TargetKind::Subject)
    );
    assert_eq!(revoked(&index, facts.issued_at(Timestamp::from_secs(501))), None);
    assert_eq!(revoked(&index, facts), Some(TargetKind::Subject));
}

#[test]
fn bcl_24_offline_tokens_have_their_own_cut_off() {
    let index = index();
    let (op, sid) = (op(), SessionId::parse("a").unwrap());
    let facts = TokenFacts::new(&op).session(&sid);
    let kinds =
        [TokenKind::Access, TokenKind::Refresh, TokenKind::OfflineRefresh, TokenKind::LongLived];
    let hit = |index: &Index| kinds.map(|kind| revoked(index, facts.kind(kind)).is_some());

    index.apply(&session(&op, "a").reaching(Reach::LOGIN));
    assert_eq!(hit(&index), [true, true, false, false]);
    index.apply(&session(&op, "a").reaching(Reach { offline: true, long_lived: false }));
    assert_eq!(hit(&index), [true, true, true, false]);
    assert_eq!(index.apply(&session(&op, "a").reaching(Reach::LOGIN)), Applied::Unchanged);
    assert_eq!(hit(&index), [true, true, true, false]);
}

#[test]
fn a_token_that_tells_nothing_is_unknown() {
    let op = op();
    let client = ClientId::parse("web").unwrap();
    assert_eq!(
        index().check(&TokenFacts::new(&op).client(&client)),
        Verdict::Unknown(Unknown::Unidentified)
    );
}

#[test]
fn i12_order_does_not_show() {
    let all = [
        subject(&op(), "alice", 100),
        subject(&op(), "alice", 300).reaching(Reach::LOGIN),
        Revocation {
            reason: Reason::Admin,
            revoked_at: Timestamp::from_secs(5),
            ..subject(&op(), "alice", 200)
        },
        Revocation { retain_until: Timestamp::from_secs(2_000_000), ..subject(&op(), "alice", 0) },
    ];
    let merged = |order: &[usize]| {
        let index = index();
        for &i in order {
            index.apply(&all[i]);
        }
        let target = index.key.target(&all[0].target);
        index.shards.mark(Fingerprint::of(target)).unwrap()
    };
    let expected = merged(&[0, 1, 2, 3]);
    for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        assert_eq!(merged(&order), expected);
        assert_eq!(merged(&[order.as_slice(), &order].concat()), expected);
    }
    let op = op();
    let facts = TokenFacts::new(&op).issued_at(Timestamp::from_secs(300));
    assert_eq!(expected.against(&facts).unwrap().reason, Reason::Admin);
    assert!(expected.against(&facts.kind(TokenKind::OfflineRefresh)).is_none());
}

#[test]
fn i4_nothing_leaves_before_its_time() {
    let index = index();
    index.apply(&session(&op(), "a"));
    index.apply(&Revocation { retain_until: Timestamp::MAX, ..session(&op(), "b") });
    assert_eq!(index.expire(LATER), 0);
    assert_eq!(index.len(TargetKind::Session), 2);
    assert_eq!(index.expire(Timestamp::from_secs(LATER.as_secs() + 1)), 1);
    assert_eq!(index.expire(Timestamp::MAX), 0);
    assert_eq!(index.len(TargetKind::Session), 1);
}

#[test]
fn apply_tells_what_changed() {
    let index = index();
    assert_eq!(index.apply(&subject(&op(), "alice", 5)), Applied::Added);
    assert_eq!(index.apply(&subject(&op(), "alice", 4)), Applied::Unchanged);
    assert_eq!(index.apply(&subject(&op(), "alice", 6)), Applied::Raised);
    assert!(!index.is_empty());
}

#[test]
fn what_is_expected_shows_in_nothing_but_memory() {
    let (unexpected, expected) = (index(), index());
    let change = |n: u64| {
        let by_sub = subject(&op(), &format!("u{}", n % 700), n % 13);
        if n.is_multiple_of(3) { session(&op(), &format!("s{n}")) } else { by_sub }
    };
    let changes: Vec<_> = (0..5_000).map(change).collect();
    for (some, entries) in changes.chunks(1_000).zip([0, 4_000, 1, usize::MAX, 0]) {
        expected.expect(entries);
        for change in some {
            assert_eq!(expected.apply(change), unexpected.apply(change));
        }
    }
    assert_eq!(expected.total(), unexpected.total());
    let known = |change| expected.covers(&Change::of(change, expected.key()));
    assert!(changes.iter().all(known));
}

#[test]
fn i4_in_parts_all_that_is_over_leaves_and_nothing_else() {
    for parts in [1, 3, 12, 256, 300] {
        let index = index();
        for n in 0..2_000 {
            let retain_until = if n % 2 == 0 { NOW } else { LATER };
            index.apply(&Revocation { retain_until, ..session(&op(), &n.to_string()) });
        }
        let now = Timestamp::from_secs(LATER.as_secs() - 1);
        let dropped: Vec<_> = (0..parts).map(|part| index.expire_part(now, part, parts)).collect();
        assert_eq!(dropped.iter().sum::<usize>(), 1_000, "{parts}");
        assert!(dropped.iter().all(|&some| some <= 2_000 / parts + 15), "{dropped:?}");
        assert_eq!(index.total(), 1_000);
    }
}

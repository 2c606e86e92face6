//! The semantics of a logout, each through the running thread and its journal, and again after a
//! restart.

mod broken_disk;
mod followed;
mod histories;
mod requests;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use prometheus::Registry;
use signout_checker::{
    ClientId, SessionId, Subject, Target, TargetKind, TokenFacts, TokenKind, Verdict,
};

use super::*;
use crate::jose::{Algorithm, Compact, KeySet, SigningKey};
use crate::logout_token::{self, EncryptionPolicy, Expected, MissingExp, OfflineAccess, TypPolicy};
use crate::settings::{RevokeOffline, SessionReuse, SidScope};

const NOW: u64 = 1_700_000_000;

#[derive(Debug)]
struct FixedClock(Mutex<u64>);

impl Clock for FixedClock {
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(*self.0.lock().unwrap())
    }

    fn settled(&self) -> Timestamp {
        self.now()
    }
}

const POLICY: Policy = Policy {
    sid_scope: SidScope::Session,
    revoke_offline: RevokeOffline::AsTold,
    session_reuse: SessionReuse::Deny,
    max_token_lifetime: Duration::from_secs(86_400),
    leeway: Duration::from_secs(60),
    max_logout_token_age: Duration::from_secs(300),
};

fn at(offset: i64) -> Timestamp {
    Timestamp::from_secs(NOW.saturating_add_signed(offset))
}

fn op() -> Issuer {
    Issuer::parse("https://op.example").unwrap()
}

struct House {
    dir: tempfile::TempDir,
    clock: Arc<FixedClock>,
    revoker: Revoker,
    running: Running,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock(Mutex::new(NOW)));
        let (revoker, running) = start(&dir.path().join("j"), &clock);
        Self { dir, clock, revoker, running }
    }

    /// As after a kill: only the journal's file goes on.
    fn restart(self) -> Self {
        let Self { dir, clock, revoker, running } = self;
        drop(revoker);
        running.join();
        let (revoker, running) = start(&dir.path().join("j"), &clock);
        Self { dir, clock, revoker, running }
    }

    fn register(&self, tokens: &[IssuedToken]) -> Vec<Registered> {
        let tokens = tokens.iter().map(|token| (token.clone(), POLICY)).collect();
        block_on(self.revoker.register(tokens, at(0))).unwrap()
    }

    fn logout(&self, token: LogoutToken) -> Result<LoggedOut, RevokerError> {
        self.logout_by(token, POLICY)
    }

    fn logout_by(&self, token: LogoutToken, policy: Policy) -> Result<LoggedOut, RevokerError> {
        block_on(self.revoker.logout(token, policy, at(0)))
    }

    /// The refused ones among these tokens, asked by all their facts and by their `jti` alone.
    fn refused<'a>(&self, tokens: &[&'a IssuedToken]) -> Vec<&'a str> {
        let refused = |facts: TokenFacts<'_>| {
            matches!(self.revoker.index().check(&facts), Verdict::Revoked(_))
        };
        tokens
            .iter()
            .filter(|token| {
                let whole = refused(token.facts());
                let by_jti =
                    refused(TokenFacts::new(&token.issuer).jwt_id(&token.jwt_id).kind(token.kind));
                assert_eq!(whole, by_jti, "{}", token.jwt_id.as_str());
                whole
            })
            .map(|token| token.jwt_id.as_str())
            .collect()
    }
}

/// A service without its thread, to be driven step by step.
struct Bench {
    writer: Writer,
    index: Arc<Index>,
    sessions: Arc<Sessions>,
    fault: Arc<ArcSwapOption<String>>,
}

impl Bench {
    fn on(journal: Journal) -> Self {
        let key = journal.digest_key().clone();
        let index = Arc::new(Index::new(key.clone()));
        let fault = Arc::new(ArcSwapOption::empty());
        let sessions = Arc::new(Sessions::new(key));
        let state = State {
            index: Arc::clone(&index),
            sessions: Arc::clone(&sessions),
            fault: Arc::clone(&fault),
            reached: watch::Sender::new(journal.position()),
            outbox: Outbox::default(),
        };
        let clock = Arc::new(FixedClock(Mutex::new(NOW)));
        let metrics = Metrics::register(&Registry::new()).unwrap();
        // Whatever would open the journal again finds none here.
        let path = PathBuf::from("/nonexistent/journal");
        let policies = Policies::from_iter([(op(), POLICY)]);
        let parts = Parts { path, journal, policies, clock, metrics };
        let (writer, _) = Writer::restore(parts, state).unwrap();
        Self { writer, index, sessions, fault }
    }
}

fn start(path: &Path, clock: &Arc<FixedClock>) -> (Revoker, Running) {
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let (revoker, running, replayed) = Revoker::start(Parts {
        path: path.to_owned(),
        journal: Journal::open(path).unwrap(),
        policies: Policies::from_iter([(op(), POLICY)]),
        clock: Arc::<FixedClock>::clone(clock),
        metrics,
    })
    .unwrap();
    assert_eq!(replayed.damaged, 0);
    (revoker, running)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A token issued an hour ago that lives for two.
fn token(jti: &str, sid: &str, sub: &str) -> IssuedToken {
    IssuedToken {
        issuer: op(),
        jwt_id: JwtId::parse(jti).unwrap(),
        session: (!sid.is_empty()).then(|| SessionId::parse(sid).unwrap()),
        subject: (!sub.is_empty()).then(|| Subject::parse(sub).unwrap()),
        client: Some(ClientId::parse("web").unwrap()),
        kind: TokenKind::Access,
        issued_at: at(-3_600),
        expires_at: at(3_600),
    }
}

fn logout_token(jti: &str, sid: &str, sub: &str) -> LogoutToken {
    logout_token_of(jti, sid, sub, at(0), OfflineAccess::Keep)
}

/// A token of the provider, signed and validated: there is no other way to have one.
fn logout_token_of(
    jti: &str,
    sid: &str,
    sub: &str,
    issued_at: Timestamp,
    offline: OfflineAccess,
) -> LogoutToken {
    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    let mut claims = serde_json::json!({
        "iss": "https://op.example", "aud": "web", "jti": jti, "iat": issued_at.as_secs(),
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    for (claim, value) in [("sid", sid), ("sub", sub)] {
        if !value.is_empty() {
            claims[claim] = value.into();
        }
    }
    if offline == OfflineAccess::Revoke {
        claims["events"]["revoke_offline_access"] = true.into();
    }
    let key = SigningKey::from_secret(SECRET, Algorithm::Hs256).unwrap();
    let text = key.sign(&serde_json::Map::new(), claims.as_object().unwrap()).unwrap();
    let keys = KeySet::from_secret(op(), SECRET, &[Algorithm::Hs256]).unwrap();
    let verified = keys.verify(&Compact::parse(&text).unwrap()).unwrap();
    let expected = Expected {
        issuer: &op(),
        client_ids: &[ClientId::parse("web").unwrap()],
        encryption: EncryptionPolicy::Allow,
        typ: TypPolicy::Allow,
        missing_exp: MissingExp::Allow,
        max_age: POLICY.max_logout_token_age,
        leeway: POLICY.leeway,
    };
    logout_token::validate(&verified, &expected, at(0)).unwrap()
}

/// Two users with two sessions each and two tokens in each session.
fn two_by_two() -> Vec<IssuedToken> {
    let mut tokens = Vec::new();
    for (sub, sids) in [("alice", ["a1", "a2"]), ("bob", ["b1", "b2"])] {
        for sid in sids {
            tokens.extend(["x", "y"].map(|n| token(&format!("{sid}{n}"), sid, sub)));
        }
    }
    tokens
}

#[test]
fn bcl_21_each_shape_ends_exactly_what_it_names() {
    let subject_wide = Policy { sid_scope: SidScope::Subject, ..POLICY };
    for (sid, sub, policy, expected) in [
        ("a1", "", POLICY, vec!["a1x", "a1y"]),
        ("", "alice", POLICY, vec!["a1x", "a1y", "a2x", "a2y"]),
        ("a1", "alice", POLICY, vec!["a1x", "a1y"]),
        ("a1", "alice", subject_wide, vec!["a1x", "a1y", "a2x", "a2y"]),
        ("b2", "bob", POLICY, vec!["b2x", "b2y"]),
    ] {
        let house = House::new();
        let tokens = two_by_two();
        assert!(house.register(&tokens).iter().all(|r| *r == Registered::New));
        let done = house.logout_by(logout_token("l", sid, sub), policy).unwrap();
        assert_eq!(done.tokens_hit, expected.len());
        let all: Vec<_> = tokens.iter().collect();
        assert_eq!(house.refused(&all), expected, "{sid}/{sub}");
        let house = house.restart();
        assert_eq!(house.refused(&all), expected, "{sid}/{sub} after a restart");
        assert_eq!(house.revoker.sessions().len(), tokens.len() - expected.len());
    }
}

#[test]
fn bcl_22_unknown_session_is_marked() {
    let house = House::new();
    let done = house.logout(logout_token("l", "never-seen", "")).unwrap();
    assert_eq!((done.tokens_hit, done.repeated), (0, Repeated::No));
    assert_eq!(house.revoker.index().len(TargetKind::Session), 1);
}

#[test]
fn i6_born_revoked_in_either_order() {
    for (sid, sub) in [("s", ""), ("", "alice"), ("s", "alice")] {
        let late = token("late", "s", "alice");
        let first = House::new();
        first.register(std::slice::from_ref(&late));
        first.logout(logout_token("l", sid, sub)).unwrap();

        let second = House::new();
        second.logout(logout_token("l", sid, sub)).unwrap();
        let registered = second.register(std::slice::from_ref(&late));
        assert_eq!(registered, [Registered::BornRevoked(Reason::BackchannelLogout)]);
        // Again: the same answer, and no second entry.
        let position = *second.revoker.position.borrow();
        assert_eq!(second.register(std::slice::from_ref(&late)), registered);
        assert_eq!(*second.revoker.position.borrow(), position);

        for house in [first, second] {
            assert_eq!(house.refused(&[&late]), ["late"], "{sid}/{sub}");
            assert!(house.revoker.sessions().is_empty());
            let house = house.restart();
            assert_eq!(house.refused(&[&late]), ["late"], "{sid}/{sub} after a restart");
            assert!(house.revoker.sessions().is_empty());
        }
    }
}

#[test]
fn i6_born_revoked_at_once() {
    // A logout and a registration race; whichever is first, the token is refused.
    let house = House::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        for round in 0..300 {
            let sid = format!("s{round}");
            let late = token(&format!("t{round}"), &sid, "alice");
            let (a, b) = (house.revoker.clone(), house.revoker.clone());
            let registration = vec![(late.clone(), POLICY)];
            let logout = logout_token(&format!("l{round}"), &sid, "");
            let register = tokio::spawn(async move { a.register(registration, at(0)).await });
            let logout = tokio::spawn(async move { b.logout(logout, POLICY, at(0)).await });
            register.await.unwrap().unwrap();
            logout.await.unwrap().unwrap();
            assert_eq!(house.refused(&[&late]).len(), 1, "round {round}");
        }
    });
}

#[test]
fn bcl_25_a_later_login_passes() {
    let house = House::new();
    house.logout(logout_token("l", "", "alice")).unwrap();
    let later = IssuedToken { issued_at: at(1), ..token("later", "new", "alice") };
    assert_eq!(house.register(std::slice::from_ref(&later)), [Registered::New]);
    assert!(house.refused(&[&later]).is_empty());
}

#[test]
fn a_late_delivery_ends_no_later_login() {
    // The provider stamped the token two minutes ago; the user is back since one minute.
    for (sid, sub) in [("", "alice"), ("old", "alice")] {
        let house = House::new();
        let old = token("old", "old", "alice");
        let new = IssuedToken { issued_at: at(-60), ..token("new", "new", "alice") };
        house.register(&[old.clone(), new.clone()]);
        let delivered = logout_token_of("l", sid, sub, at(-120), OfflineAccess::Keep);
        let policy = Policy { sid_scope: SidScope::Subject, ..POLICY };
        house.logout_by(delivered, policy).unwrap();
        assert_eq!(house.refused(&[&old, &new]), ["old"], "{sid}/{sub}");
    }
}

#[test]
fn a_refresh_that_raced_the_logout_belongs_to_the_ended_session() {
    let house = House::new();
    house.register(&[token("first", "s", "alice")]);
    house.logout(logout_token("l", "s", "alice")).unwrap();
    let raced = IssuedToken { issued_at: at(5), ..token("raced", "s", "alice") };
    house.register(std::slice::from_ref(&raced));
    assert_eq!(house.refused(&[&raced]), ["raced"]);
}

#[test]
fn a7_session_reuse_allow_later() {
    let policy = Policy { session_reuse: SessionReuse::AllowLater, ..POLICY };
    let house = House::new();
    let old = token("old", "s", "alice");
    house.register(std::slice::from_ref(&old));
    house.logout_by(logout_token("l", "s", ""), policy).unwrap();
    let recycled = IssuedToken { issued_at: at(10), ..token("new", "s", "bob") };
    assert_eq!(house.register(std::slice::from_ref(&recycled)), [Registered::New]);
    assert_eq!(house.refused(&[&old, &recycled]), ["old"]);
}

#[test]
fn bcl_18_identical_is_repeated_and_another_under_the_jti_is_refused() {
    let mut house = House::new();
    let first = house.logout(logout_token("l", "s", "")).unwrap();
    assert_eq!(first.repeated, Repeated::No);
    for _ in 0..2 {
        let again = house.logout(logout_token("l", "s", "")).unwrap();
        assert_eq!((again.repeated, again.position), (Repeated::Yes, first.position));
        let other = house.logout(logout_token("l", "t", ""));
        assert_eq!(other, Err(RevokerError::ReusedJwtId));
        assert_eq!(house.revoker.index().len(TargetKind::Session), 1);
        house = house.restart();
    }
}

#[test]
fn bcl_19_session_of_another_subject() {
    let house = House::new();
    let mine = token("mine", "s", "alice");
    house.register(std::slice::from_ref(&mine));
    let refused = house.logout(logout_token("l", "s", "mallory"));
    assert_eq!(refused, Err(RevokerError::SubjectMismatch));
    assert!(house.refused(&[&mine]).is_empty());
    // The refused attempt has not burnt the jti.
    assert!(house.logout(logout_token("l", "s", "alice")).is_ok());
}

#[test]
fn bcl_23_same_sid_at_two_issuers() {
    let house = House::new();
    let here = token("t", "s", "alice");
    let other = Issuer::parse("https://other.example").unwrap();
    let there = IssuedToken { issuer: other, ..here.clone() };
    house.register(&[here.clone(), there.clone()]);
    house.logout(logout_token("l", "s", "alice")).unwrap();
    assert_eq!(house.refused(&[&here]), ["t"]);
    assert!(house.refused(&[&there]).is_empty());
}

#[test]
fn bcl_24_offline_refresh_tokens_by_policy() {
    let told = [OfflineAccess::Keep, OfflineAccess::Revoke];
    for (policy, expected) in [
        (RevokeOffline::Never, [false, false]),
        (RevokeOffline::AsTold, [false, true]),
        (RevokeOffline::Always, [true, true]),
    ] {
        for ((sid, sub), (told, hit)) in [("s", ""), ("", "alice"), ("s", "alice")]
            .into_iter()
            .flat_map(|who| told.into_iter().zip(expected).map(move |told| (who, told)))
        {
            let house = House::new();
            let kind = |jti, kind| IssuedToken { kind, ..token(jti, "s", "alice") };
            let offline = kind("offline", TokenKind::OfflineRefresh);
            let refresh = kind("refresh", TokenKind::Refresh);
            house.register(&[offline.clone(), refresh.clone()]);
            let policy = Policy { revoke_offline: policy, ..POLICY };
            let logout = logout_token_of("l", sid, sub, at(0), told);
            house.logout_by(logout, policy).unwrap();
            let expected: &[_] = if hit { &["offline", "refresh"] } else { &["refresh"] };
            assert_eq!(house.refused(&[&offline, &refresh]), expected, "{policy:?} {told:?}");
        }
    }
}

#[test]
fn long_lived_tokens_end_with_the_user_not_with_a_session() {
    for (sid, sub, expected) in [("s", "alice", &[][..]), ("", "alice", &["pat"])] {
        let house = House::new();
        let pat = IssuedToken { kind: TokenKind::LongLived, ..token("pat", "s", "alice") };
        house.register(std::slice::from_ref(&pat));
        house.logout(logout_token("l", sid, sub)).unwrap();
        assert_eq!(house.refused(&[&pat]), expected, "{sid}/{sub}");
    }
}

#[test]
fn tokens_without_a_jti_are_refused_by_their_session_and_subject() {
    let house = House::new();
    house.logout(logout_token("l", "s", "alice")).unwrap();
    house.logout(logout_token("m", "", "bob")).unwrap();
    let (op, s) = (op(), SessionId::parse("s").unwrap());
    let bob = Subject::parse("bob").unwrap();
    let check = |facts: TokenFacts<'_>| match house.revoker.index().check(&facts) {
        Verdict::Revoked(revoked) => Some(revoked.target),
        Verdict::NotRevoked(_) | Verdict::Unknown(_) => None,
    };
    let fresh = TokenFacts::new(&op).issued_at(at(100));
    assert_eq!(check(fresh.session(&s)), Some(TargetKind::Session));
    assert_eq!(check(fresh.subject(&bob)), None);
    assert_eq!(check(fresh.subject(&bob).issued_at(at(0))), Some(TargetKind::Subject));
}

#[test]
fn a11_sub_only_ends_sessions_whose_tokens_tell_no_sub() {
    let house = House::new();
    house.register(&[token("t", "s", "alice")]);
    house.logout(logout_token("l", "", "alice")).unwrap();
    let (op, s) = (op(), SessionId::parse("s").unwrap());
    let unregistered = TokenFacts::new(&op).session(&s).issued_at(at(3));
    assert!(matches!(house.revoker.index().check(&unregistered), Verdict::Revoked(_)));
}

#[test]
fn jwt_12_retained_past_expiry_by_the_largest_leeway() {
    let house = House::new();
    let short = IssuedToken { expires_at: at(5), ..token("t", "", "") };
    house.register(std::slice::from_ref(&short));
    let order = Order {
        target: Target::Token(op(), short.jwt_id.clone()),
        issued_before: None,
        reason: Reason::Admin,
        policy: POLICY,
    };
    assert_eq!(house.revoker.would_hit(&order, at(0)), 1);
    let carried = block_on(house.revoker.revoke(order, at(0))).unwrap();
    assert_eq!(carried.tokens_hit, 1);
    // Five minutes is the largest leeway; within it, also across a restart, the token is refused.
    *house.clock.0.lock().unwrap() = NOW + 5 + 300;
    let house = house.restart();
    assert_eq!(house.refused(&[&short]), ["t"]);
    // The index counts in minutes, and rounds up.
    *house.clock.0.lock().unwrap() = NOW + 5 + 300 + 60;
    let house = house.restart();
    assert!(house.refused(&[&short]).is_empty());
}

#[test]
fn orders_hit_what_they_name() {
    let op = op();
    for (target, expected) in [
        (Target::Token(op.clone(), JwtId::parse("a1x").unwrap()), 1),
        (Target::Session(op.clone(), SessionId::parse("a1").unwrap()), 2),
        (Target::Subject(op.clone(), Subject::parse("bob").unwrap()), 4),
        (Target::Client(op.clone(), ClientId::parse("web").unwrap()), 8),
        (Target::Client(op.clone(), ClientId::parse("other").unwrap()), 0),
        (Target::Issuer(op), 8),
    ] {
        let house = House::new();
        let tokens = two_by_two();
        house.register(&tokens);
        let order = Order {
            target: target.clone(),
            issued_before: None,
            reason: Reason::Admin,
            policy: POLICY,
        };
        assert_eq!(house.revoker.would_hit(&order, at(0)), expected, "{target:?}");
        assert!(house.refused(&tokens.iter().collect::<Vec<_>>()).is_empty(), "a dry run is dry");
        block_on(house.revoker.revoke(order, at(0))).unwrap();
        let house = house.restart();
        assert_eq!(house.refused(&tokens.iter().collect::<Vec<_>>()).len(), expected);
    }
}

#[test]
fn registrations_that_cannot_be_kept_are_refused() {
    let house = House::new();
    let good = token("t", "s", "alice");
    let bad = [
        IssuedToken { expires_at: good.issued_at, ..good.clone() },
        IssuedToken { issued_at: at(61), expires_at: at(90), ..good.clone() },
        IssuedToken { expires_at: at(-301), ..good.clone() },
        IssuedToken { expires_at: at(86_400), ..good.clone() },
        IssuedToken { kind: TokenKind::LongLived, expires_at: Timestamp::MAX, ..good.clone() },
    ];
    for (bad, refused) in bad.iter().zip(house.register(&bad)) {
        assert!(matches!(refused, Registered::Refused(_)), "{bad:?}: {refused:?}");
    }
    assert!(house.revoker.sessions().is_empty());
    let long =
        IssuedToken { kind: TokenKind::Refresh, expires_at: at(30 * 86_400), ..good.clone() };
    assert_eq!(house.register(std::slice::from_ref(&good)), [Registered::New]);
    assert_eq!(house.register(&[good]), [Registered::Already]);
    assert_eq!(house.register(&[long]), [Registered::Refused(RegisterError::Conflict)]);
}

#[test]
fn forgetting_revokes_nothing_and_un_revokes_nothing() {
    let house = House::new();
    let (gone, dead) = (token("gone", "s", "alice"), token("dead", "t", "bob"));
    house.register(&[gone.clone(), dead.clone()]);
    house.logout(logout_token("l", "t", "bob")).unwrap();
    let ids = vec![gone.jwt_id.clone(), dead.jwt_id.clone(), JwtId::parse("unknown").unwrap()];
    assert_eq!(block_on(house.revoker.forget(op(), ids)), Ok(1));
    let house = house.restart();
    assert!(house.revoker.sessions().is_empty());
    assert_eq!(house.refused(&[&gone, &dead]), ["dead"]);
}

//! What another instance took, seen by the one that registered the tokens.

use signout_checker::{
    Change, DigestKey, IssuedBefore, Reach, Reason, Revocation, Target, Timestamp, TokenKind,
    Verdict,
};

use super::{Bench, Job, POLICY, at, op, token};
use crate::journal::Journal;
use crate::sessions::IssuedToken;
use signout_checker::{SessionId, Subject, TokenFacts};

struct House(Bench);

impl House {
    /// Registers tokens here.
    fn with(tokens: &[IssuedToken]) -> Self {
        let journal = Journal::open_on(redb::backends::InMemoryBackend::new()).unwrap();
        let mut house = Self(Bench::on(journal));
        let tokens = tokens.iter().map(|token| (token.clone(), POLICY)).collect();
        let (answer, _) = tokio::sync::oneshot::channel();
        house.0.writer.take_together([Job::Register { tokens, now: at(0), answer }].into_iter());
        house
    }

    /// What the follower does with what it reads.
    fn follow(&mut self, changes: &[Change]) {
        for change in changes {
            self.0.index.apply_change(change);
        }
        self.0.writer.take_together([Job::Follow { changes: changes.to_vec() }].into_iter());
    }

    fn restarted(self) -> Self {
        Self(Bench::on(self.0.writer.into_journal().unwrap()))
    }

    /// Those of these tokens that are refused by their `jti` alone.
    fn refused<'a>(&self, tokens: &'a [IssuedToken]) -> Vec<&'a str> {
        let refused = |token: &&IssuedToken| {
            let facts = TokenFacts::new(&token.issuer).jwt_id(&token.jwt_id).kind(token.kind);
            matches!(self.0.index.check(&facts), Verdict::Revoked(_))
        };
        tokens.iter().filter(refused).map(|token| token.jwt_id.as_str()).collect()
    }

    fn mark(&self, target: Target, cut_off: IssuedBefore, reach: Reach) -> Change {
        mark(self.0.index.key(), target, cut_off, reach)
    }
}

fn mark(key: &DigestKey, target: Target, cut_off: IssuedBefore, reach: Reach) -> Change {
    let revocation = Revocation::of(target, Reason::BackchannelLogout, at(0), at(90_000));
    Change::of(&revocation.issued_before(cut_off).reaching(reach), key)
}

fn session(sid: &str) -> Target {
    Target::Session(op(), SessionId::parse(sid).unwrap())
}

fn subject(sub: &str) -> Target {
    Target::Subject(op(), Subject::parse(sub).unwrap())
}

#[test]
fn i6_a_mark_from_elsewhere_ends_what_only_this_instance_knows() {
    let offline = IssuedToken { kind: TokenKind::OfflineRefresh, ..token("offline", "s", "alice") };
    let tokens =
        [token("1", "s", "alice"), token("2", "s", ""), offline, token("4", "other", "alice")];
    for restart in [false, true] {
        let mut house = House::with(&tokens);
        let mark = house.mark(session("s"), IssuedBefore::EVERYTHING, Reach::LOGIN);
        house.follow(&[mark]);
        // Whoever took the logout may still be about to tell.
        assert!(house.refused(&tokens).is_empty());
        if restart {
            house = house.restarted();
        }
        house.0.writer.carry_now();
        assert_eq!(house.refused(&tokens), ["1", "2"], "restart: {restart}");
        let house = house.restarted();
        assert_eq!(house.refused(&tokens), ["1", "2"]);
    }
}

#[test]
fn i7_a_cut_off_from_elsewhere_ends_the_sessions_that_had_begun() {
    let later = IssuedToken { issued_at: at(10), ..token("later", "new", "alice") };
    let nameless = token("nameless", "s", "");
    let tokens = [token("1", "s", "alice"), nameless, later, token("bob", "b", "bob")];
    let mut house = House::with(&tokens);
    let mark = house.mark(subject("alice"), IssuedBefore::at(at(0)), Reach::LOGIN);
    house.follow(&[mark]);
    house.0.writer.carry_now();
    assert_eq!(house.refused(&tokens), ["1", "nameless"]);
    // The session is marked as a whole: it comes back for nobody.
    let facts = TokenFacts::new(&tokens[0].issuer);
    let sid = SessionId::parse("s").unwrap();
    assert!(matches!(house.0.index.check(&facts.session(&sid)), Verdict::Revoked(_)));
}

#[test]
fn what_whoever_took_the_logout_ended_is_not_ended_again() {
    let tokens = [token("1", "s", "alice")];
    let mut house = House::with(&tokens);
    let key = house.0.index.key().clone();
    let mark = house.mark(session("s"), IssuedBefore::EVERYTHING, Reach::LOGIN);
    let found = Target::Token(op(), tokens[0].jwt_id.clone());
    let until = Timestamp::from_secs(at(4_000).as_secs());
    let found = Change::of(&Revocation::of(found, Reason::BackchannelLogout, at(0), until), &key);
    house.follow(&[mark, found]);
    let before = house.0.writer.position();
    house.0.writer.carry_now();
    assert_eq!(house.0.writer.position(), before, "nothing was left to write");
    assert_eq!(house.restarted().refused(&tokens), ["1"]);
}

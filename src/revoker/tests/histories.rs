//! Random histories of registrations and logouts: whatever the order, the same tokens are refused
//! (I6, I12), exactly those that a model in thirty lines refuses (I7, I8), also after a restart.

use std::sync::Arc;

use proptest::prelude::*;
use signout_checker::{Index, TokenFacts, TokenKind, Verdict};

use super::{Bench, POLICY, at, logout_token_of, token};
use crate::logout_token::OfflineAccess;
use crate::revoker::writer::{Job, Writer};
use crate::revoker::*;
use crate::settings::{RevokeOffline, SessionReuse, SidScope};

/// Sessions of alice and bob.
const SESSIONS: [(&str, &str); 4] =
    [("a1", "alice"), ("a2", "alice"), ("b1", "bob"), ("b2", "bob")];
const KINDS: [TokenKind; 3] = [TokenKind::Access, TokenKind::Refresh, TokenKind::OfflineRefresh];

#[derive(Clone, Debug)]
enum Event {
    Registered { session: usize, kind: usize, issued_at: i64 },
    LoggedOut { session: usize, shape: Shape, issued_at: i64 },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Session,
    Subject,
    Both,
}

fn event() -> impl Strategy<Value = Event> {
    let shape = prop_oneof![Just(Shape::Session), Just(Shape::Subject), Just(Shape::Both)];
    prop_oneof![
        (0..SESSIONS.len(), 0..KINDS.len(), -20..20_i64)
            .prop_map(|(session, kind, issued_at)| Event::Registered { session, kind, issued_at }),
        (0..SESSIONS.len(), shape, -20..20_i64)
            .prop_map(|(session, shape, issued_at)| Event::LoggedOut { session, shape, issued_at }),
    ]
}

type History = Vec<(usize, Event)>;

/// Events, each with a number that names its token, and another order of them.
fn history() -> impl Strategy<Value = (History, History)> {
    prop::collection::vec(event(), 1..9).prop_flat_map(|events| {
        let events: Vec<_> = events.into_iter().enumerate().collect();
        (Just(events.clone()), Just(events).prop_shuffle())
    })
}

fn issued(number: usize, session: usize, kind: usize, issued_at: i64) -> IssuedToken {
    let (sid, sub) = SESSIONS[session];
    IssuedToken {
        kind: KINDS[kind],
        issued_at: at(issued_at),
        ..token(&format!("t{number}"), sid, sub)
    }
}

/// A service without its thread, on a journal in memory.
struct House {
    writer: Writer,
    index: Arc<Index>,
}

impl House {
    fn new() -> Self {
        Self::on(Journal::open_on(redb::backends::InMemoryBackend::new()).unwrap())
    }

    fn on(journal: Journal) -> Self {
        let Bench { writer, index, .. } = Bench::on(journal);
        Self { writer, index }
    }

    /// Takes the events in this order, `at_once` of them in each batch.
    fn live(policy: Policy, history: &[(usize, Event)], at_once: usize) -> Self {
        let mut house = Self::new();
        for events in history.chunks(at_once) {
            house
                .writer
                .take_together(events.iter().map(|(number, event)| job(*number, event, policy)));
        }
        house
    }

    /// The same service after a restart.
    fn restarted(self) -> Self {
        Self::on(self.writer.into_journal().unwrap())
    }

    fn refused(&self, history: &[(usize, Event)]) -> Vec<usize> {
        let mut refused: Vec<_> = history
            .iter()
            .filter_map(|(number, event)| match event {
                Event::Registered { session, kind, issued_at } => {
                    let token = issued(*number, *session, *kind, *issued_at);
                    let whole = self.is_refused(&token.facts());
                    let jti = TokenFacts::new(&token.issuer).jwt_id(&token.jwt_id).kind(token.kind);
                    assert_eq!(whole, self.is_refused(&jti), "t{number} by its jti alone");
                    whole.then_some(*number)
                }
                Event::LoggedOut { .. } => None,
            })
            .collect();
        refused.sort_unstable();
        refused
    }

    fn is_refused(&self, facts: &TokenFacts<'_>) -> bool {
        matches!(self.index.check(facts), Verdict::Revoked(_))
    }
}

fn job(number: usize, event: &Event, policy: Policy) -> Job {
    // Nobody waits for these answers.
    let now = at(0);
    match *event {
        Event::Registered { session, kind, issued_at } => {
            let tokens = vec![(issued(number, session, kind, issued_at), policy)];
            Job::Register { tokens, now, answer: oneshot::channel().0 }
        }
        Event::LoggedOut { session, shape, issued_at } => {
            let (sid, sub) = SESSIONS[session];
            let (sid, sub) = match shape {
                Shape::Session => (sid, ""),
                Shape::Subject => ("", sub),
                Shape::Both => (sid, sub),
            };
            let keep = OfflineAccess::Keep;
            let token = logout_token_of(&format!("l{number}"), sid, sub, at(issued_at), keep);
            Job::Logout { token, policy, now, answer: oneshot::channel().0 }
        }
    }
}

/// What the norm and the settings say, in the simplest words.
fn model(policy: Policy, history: &[(usize, Event)]) -> Vec<usize> {
    let tokens: Vec<_> = history
        .iter()
        .filter_map(|(number, event)| match event {
            Event::Registered { session, kind, issued_at } => {
                Some((*number, *session, KINDS[*kind], *issued_at))
            }
            Event::LoggedOut { .. } => None,
        })
        .collect();
    let began = |session| {
        tokens.iter().filter(|(_, of, ..)| *of == session).map(|(.., issued_at)| *issued_at).min()
    };
    // A session begins with a token that this very logout may hit.
    let began_with_hit =
        |session, cut_off: i64| began(session).is_some_and(|began| began <= cut_off);
    let ended = |session: usize, kind: TokenKind, iat: i64| {
        history.iter().any(|(_, event)| match *event {
            Event::LoggedOut { session: named, shape, issued_at } => {
                let same_user = SESSIONS[named].1 == SESSIONS[session].1;
                let user_wide = shape == Shape::Subject
                    || (shape == Shape::Both && policy.sid_scope == SidScope::Subject);
                let whole = policy.session_reuse == SessionReuse::Deny;
                let always = policy.revoke_offline == RevokeOffline::Always;
                let reached = kind != TokenKind::OfflineRefresh || always;
                let by_session =
                    shape != Shape::Subject && named == session && (whole || iat <= issued_at);
                let by_user = user_wide
                    && same_user
                    && (iat <= issued_at || (whole && began_with_hit(session, issued_at)));
                reached && (by_session || by_user)
            }
            Event::Registered { .. } => false,
        })
    };
    let mut refused: Vec<_> = tokens
        .iter()
        .filter(|(_, session, kind, issued_at)| ended(*session, *kind, *issued_at))
        .map(|(number, ..)| *number)
        .collect();
    refused.sort_unstable();
    refused
}

/// One answer about offline tokens for a whole history. If single logouts differ in it, the later of
/// two may not know when a session began whose tokens the earlier one took away.
fn policies() -> impl Strategy<Value = Policy> {
    let scope = prop_oneof![Just(SidScope::Session), Just(SidScope::Subject)];
    let reuse = prop_oneof![Just(SessionReuse::Deny), Just(SessionReuse::AllowLater)];
    let offline = prop_oneof![Just(RevokeOffline::Never), Just(RevokeOffline::Always)];
    (scope, reuse, offline).prop_map(|(sid_scope, session_reuse, revoke_offline)| Policy {
        sid_scope,
        revoke_offline,
        session_reuse,
        ..POLICY
    })
}

/// `PROPTEST_CASES` asks for more than the usual number.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    let cases = usual.cases.max(400);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 400, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn i6_whatever_the_order_the_same_tokens_are_refused(
        policy in policies(),
        (history, shuffled) in history(),
        at_once in 1..5_usize,
    ) {
        let expected = model(policy, &history);
        let house = House::live(policy, &history, 1);
        prop_assert_eq!(house.refused(&history), expected.clone());
        let other = House::live(policy, &shuffled, at_once);
        prop_assert_eq!(other.refused(&history), expected.clone(), "in the other order");
        prop_assert_eq!(other.restarted().refused(&history), expected, "after a restart");
    }
}

//! Whom the benches ask about.

use signout_checker::{Index, Issuer, JwtId, Revocation, SessionId, Subject, Target, TokenFacts};

use super::designs::token;

/// Distinct questions; one in a thousand is about something revoked.
pub(crate) const ASKED: u64 = 1 << 16;

pub(crate) struct Token {
    pub(crate) id: JwtId,
    pub(crate) session: SessionId,
    pub(crate) subject: Subject,
}

impl Token {
    pub(crate) fn new(n: u64) -> Self {
        let [a, b, c] = [3 * n, 3 * n + 1, 3 * n + 2].map(text);
        Self {
            id: JwtId::parse(a).unwrap(),
            session: SessionId::parse(b).unwrap(),
            subject: Subject::parse(c).unwrap(),
        }
    }

    pub(crate) fn facts<'a>(&'a self, issuer: &'a Issuer) -> TokenFacts<'a> {
        TokenFacts::new(issuer).jwt_id(&self.id).session(&self.session).subject(&self.subject)
    }
}

/// A third of each: tokens, sessions, users.
pub(crate) fn load_three_kinds(index: &Index, issuer: &Issuer, entries: u64) {
    index.reserve(usize::try_from(entries).unwrap());
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

pub(crate) fn issuer() -> Issuer {
    Issuer::parse("https://op.example/application/o/bench/").unwrap()
}

/// Mostly strangers, one in a thousand of the first `entries`.
pub(crate) fn asked(entries: u64) -> Vec<JwtId> {
    asked_beyond(0, entries)
}

/// Mostly strangers, numbered from `behind`; one in a thousand from `known`, in no order.
pub(crate) fn asked_beyond(known: u64, behind: u64) -> Vec<JwtId> {
    (0..ASKED)
        .map(|n| {
            let hit = n % 1_000 == 999 && behind > known;
            id(if hit { known + mixed(n) % (behind - known) } else { behind + n })
        })
        .collect()
}

pub(crate) fn id(n: u64) -> JwtId {
    JwtId::parse(text(n)).unwrap()
}

/// 22 to 36 characters; nobody can tell how many.
fn text(n: u64) -> String {
    let (a, b) = (mixed(n), mixed(n ^ 0xdead_beef_0000_0000));
    let mut text = format!("{a:016x}{b:020x}");
    text.truncate(22 + (a >> 60) as usize % 15);
    text
}

pub(crate) fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

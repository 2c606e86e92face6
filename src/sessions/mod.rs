//! Which tokens were issued in which session, to whom.
//!
//! Holds what may still be live: a token leaves when it is revoked (the index knows it from then
//! on), forgotten by its owner, or expired. In memory; the journal brings it back after a restart.
//! One thread writes, the revoker's; anyone may look.

mod shared;
mod table;
mod token;

pub use shared::{MalformedToken, SharedToken};
pub use token::IssuedToken;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use signout_checker::{
    ClientId, Digest, DigestKey, Issuer, JwtId, SessionId, Subject, Target, TargetKind, Timestamp,
};

use table::Table;

/// What registering a token met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It was not known and is now.
    New,
    /// The same facts were registered before.
    Known,
    /// Other facts were registered under this `jti`. Nothing is changed.
    Conflict,
}

/// The registered tokens that may still be live.
#[derive(Debug)]
pub struct Sessions {
    key: DigestKey,
    table: RwLock<Table>,
}

impl Sessions {
    /// No token yet.
    #[must_use]
    pub fn new(key: DigestKey) -> Self {
        Self { key, table: RwLock::default() }
    }

    /// Adds a token.
    pub fn insert(&self, token: Arc<IssuedToken>) -> Registration {
        let digests = Digests::of(&self.key, &token);
        self.write().insert(&digests, token)
    }

    /// Adds what another one holds in place of what this one holds.
    pub fn replace(&self, other: Self) {
        *self.write() = other.table.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// Removes tokens, whatever the reason.
    pub fn remove<'a>(&self, tokens: impl IntoIterator<Item = (&'a Issuer, &'a JwtId)>) {
        let tokens = tokens.into_iter().map(|(issuer, jwt_id)| self.key.token(issuer, jwt_id));
        let tokens: Vec<_> = tokens.collect();
        let mut table = self.write();
        table.remove(&self.key, &tokens);
    }

    /// The same by digest.
    pub fn remove_digests(&self, tokens: &[Digest]) {
        self.write().remove(&self.key, tokens);
    }

    /// Removes tokens that ended before `now`.
    pub fn expire(&self, now: Timestamp) {
        let mut table = self.write();
        let ended = table.ended_before(now);
        table.remove(&self.key, &ended);
        table.compact();
    }

    /// One token.
    #[must_use]
    pub fn token(&self, issuer: &Issuer, jwt_id: &JwtId) -> Option<Arc<IssuedToken>> {
        self.read().get(self.key.token(issuer, jwt_id))
    }

    /// The tokens of one session.
    #[must_use]
    pub fn of_session(&self, issuer: &Issuer, session: &SessionId) -> Vec<Arc<IssuedToken>> {
        self.read().of_session(self.key.session(issuer, session))
    }

    /// The tokens of one user.
    #[must_use]
    pub fn of_subject(&self, issuer: &Issuer, subject: &Subject) -> Vec<Arc<IssuedToken>> {
        self.read().of_subject(self.key.subject(issuer, subject))
    }

    /// The tokens of one target. For a client or an issuer every token is looked at.
    #[must_use]
    pub fn of_target(&self, target: &Target) -> Vec<Arc<IssuedToken>> {
        match target {
            Target::Token(issuer, jwt_id) => self.token(issuer, jwt_id).into_iter().collect(),
            Target::Session(issuer, session) => self.of_session(issuer, session),
            Target::Subject(issuer, subject) => self.of_subject(issuer, subject),
            Target::Client(issuer, client) => self.of_client(issuer, client),
            Target::Issuer(issuer) => self.read().filter(|token| token.issuer == *issuer),
        }
    }

    /// The tokens of one target, of which only the digest is known. For a client or an issuer every
    /// token is looked at.
    #[must_use]
    pub fn of_digest(&self, kind: TargetKind, target: Digest) -> Vec<Arc<IssuedToken>> {
        let is_client = |token: &IssuedToken| {
            let client = token.client.as_ref();
            client.is_some_and(|client| self.key.client(&token.issuer, client) == target)
        };
        match kind {
            TargetKind::Token => self.read().get(target).into_iter().collect(),
            TargetKind::Session => self.read().of_session(target),
            TargetKind::Subject => self.read().of_subject(target),
            TargetKind::Client => self.read().filter(is_client),
            TargetKind::Issuer => self.read().filter(|t| self.key.issuer(&t.issuer) == target),
        }
    }

    /// All of them, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<IssuedToken>> {
        self.read().filter(|_| true)
    }

    fn of_client(&self, issuer: &Issuer, client: &ClientId) -> Vec<Arc<IssuedToken>> {
        self.read().filter(|token| token.issuer == *issuer && token.client.as_ref() == Some(client))
    }

    /// How many tokens are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether no token is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // A writer that panicked left whole entries behind at worst one short: keep what is there.
    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a token stands in the tables.
#[derive(Debug)]
struct Digests {
    token: Digest,
    session: Option<Digest>,
    subject: Option<Digest>,
}

impl Digests {
    fn of(key: &DigestKey, token: &IssuedToken) -> Self {
        let issuer = &token.issuer;
        Self {
            token: key.token(issuer, &token.jwt_id),
            session: token.session.as_ref().map(|session| key.session(issuer, session)),
            subject: token.subject.as_ref().map(|subject| key.subject(issuer, subject)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signout_checker::TokenKind;

    fn token(issuer: &str, jti: &str, sid: Option<&str>, sub: Option<&str>) -> Arc<IssuedToken> {
        Arc::new(IssuedToken {
            issuer: Issuer::parse(issuer).unwrap(),
            jwt_id: JwtId::parse(jti).unwrap(),
            session: sid.map(|sid| SessionId::parse(sid).unwrap()),
            subject: sub.map(|sub| Subject::parse(sub).unwrap()),
            client: Some(ClientId::parse("web").unwrap()),
            kind: TokenKind::Access,
            issued_at: Timestamp::from_secs(100),
            expires_at: Timestamp::from_secs(200),
        })
    }

    fn jtis(tokens: &[Arc<IssuedToken>]) -> Vec<&str> {
        let mut jtis: Vec<_> = tokens.iter().map(|token| token.jwt_id.as_str()).collect();
        jtis.sort_unstable();
        jtis
    }

    fn filled() -> Sessions {
        let sessions = Sessions::new(DigestKey::from_bytes([5; 16]));
        for token in [
            token("https://a", "1", Some("s1"), Some("alice")),
            token("https://a", "2", Some("s1"), Some("alice")),
            token("https://a", "3", Some("s2"), Some("alice")),
            token("https://a", "4", None, Some("bob")),
            token("https://b", "1", Some("s1"), Some("alice")),
        ] {
            assert_eq!(sessions.insert(token), Registration::New);
        }
        sessions
    }

    #[test]
    fn bcl_23_same_sid_at_two_issuers() {
        let sessions = filled();
        let (a, b) = (Issuer::parse("https://a").unwrap(), Issuer::parse("https://b").unwrap());
        let s1 = SessionId::parse("s1").unwrap();
        let alice = Subject::parse("alice").unwrap();
        assert_eq!(jtis(&sessions.of_session(&a, &s1)), ["1", "2"]);
        assert_eq!(jtis(&sessions.of_session(&b, &s1)), ["1"]);
        assert_eq!(jtis(&sessions.of_subject(&a, &alice)), ["1", "2", "3"]);
        assert_eq!(jtis(&sessions.of_target(&Target::Issuer(a.clone()))), ["1", "2", "3", "4"]);
        let web = Target::Client(b.clone(), ClientId::parse("web").unwrap());
        assert_eq!(jtis(&sessions.of_target(&web)), ["1"]);

        let held = [a, b].map(|issuer| sessions.of_target(&Target::Issuer(issuer))).concat();
        sessions.remove(held.iter().map(|token| (&token.issuer, &token.jwt_id)));
        assert!(sessions.read().is_clean());
    }

    #[test]
    fn conflicting_registration_changes_nothing() {
        let sessions = filled();
        let same = token("https://a", "1", Some("s1"), Some("alice"));
        assert_eq!(sessions.insert(same), Registration::Known);
        let stolen = token("https://a", "1", Some("mallory"), Some("mallory"));
        assert_eq!(sessions.insert(stolen), Registration::Conflict);
        let a = Issuer::parse("https://a").unwrap();
        assert!(sessions.of_session(&a, &SessionId::parse("mallory").unwrap()).is_empty());
    }

    #[test]
    fn room_is_given_back() {
        let sessions = Sessions::new(DigestKey::from_bytes([5; 16]));
        let jtis: Vec<_> = (0..20_000).map(|n| n.to_string()).collect();
        for jti in &jtis {
            sessions.insert(token("https://a", jti, Some("s"), Some("alice")));
        }
        let a = Issuer::parse("https://a").unwrap();
        let gone: Vec<_> =
            jtis.iter().skip(1).map(|jti| JwtId::parse(jti.as_str()).unwrap()).collect();
        sessions.remove(gone.iter().map(|jti| (&a, jti)));
        sessions.expire(Timestamp::from_secs(100));
        assert!(sessions.read().room() < 10_000, "{}", sessions.read().room());
        assert_eq!(jtis_of(&sessions, &a), ["0"]);
        sessions.expire(Timestamp::from_secs(260));
        assert!(sessions.read().is_clean());
    }

    fn jtis_of(sessions: &Sessions, issuer: &Issuer) -> Vec<String> {
        let held = sessions.of_session(issuer, &SessionId::parse("s").unwrap());
        held.iter().map(|token| token.jwt_id.as_str().to_owned()).collect()
    }

    #[test]
    fn removal_and_expiry_leave_no_trace() {
        let sessions = filled();
        let a = Issuer::parse("https://a").unwrap();
        let one = JwtId::parse("1").unwrap();
        sessions.remove([(&a, &one), (&a, &one)]);
        assert_eq!(jtis(&sessions.of_session(&a, &SessionId::parse("s1").unwrap())), ["2"]);
        sessions.expire(Timestamp::from_secs(200));
        assert_eq!(sessions.len(), 4);
        sessions.expire(Timestamp::from_secs(260));
        assert!(sessions.is_empty());
        assert!(sessions.read().is_clean());
    }
}

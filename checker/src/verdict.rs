//! The question and its answer.

use crate::{
    ClientId, IssuedBefore, Issuer, JwtId, Reason, SessionId, Subject, TargetKind, Timestamp,
    TokenKind,
};

/// What a verified token says of itself. Borrowed: asking allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct TokenFacts<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) jwt_id: Option<&'a JwtId>,
    pub(crate) session: Option<&'a SessionId>,
    pub(crate) subject: Option<&'a Subject>,
    pub(crate) client: Option<&'a ClientId>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) kind: TokenKind,
}

impl<'a> TokenFacts<'a> {
    /// Facts of an access token of this issuer, with no more known yet.
    #[must_use]
    pub const fn new(issuer: &'a Issuer) -> Self {
        Self {
            issuer,
            jwt_id: None,
            session: None,
            subject: None,
            client: None,
            issued_at: None,
            kind: TokenKind::Access,
        }
    }

    /// Its `jti`.
    #[must_use]
    pub fn jwt_id(self, jwt_id: impl Into<Option<&'a JwtId>>) -> Self {
        Self { jwt_id: jwt_id.into(), ..self }
    }

    /// Its `sid`.
    #[must_use]
    pub fn session(self, session: impl Into<Option<&'a SessionId>>) -> Self {
        Self { session: session.into(), ..self }
    }

    /// Its `sub`.
    #[must_use]
    pub fn subject(self, subject: impl Into<Option<&'a Subject>>) -> Self {
        Self { subject: subject.into(), ..self }
    }

    /// Its `client_id` (or `azp`).
    #[must_use]
    pub fn client(self, client: impl Into<Option<&'a ClientId>>) -> Self {
        Self { client: client.into(), ..self }
    }

    /// Its `iat`. Without it every cut-off of its session, subject, client or issuer refuses it.
    #[must_use]
    pub fn issued_at(self, issued_at: impl Into<Option<Timestamp>>) -> Self {
        Self { issued_at: issued_at.into(), ..self }
    }

    /// Its kind, if it is no access token.
    #[must_use]
    pub const fn kind(self, kind: TokenKind) -> Self {
        Self { kind, ..self }
    }

    /// Whether it names nothing that could be revoked alone.
    pub(crate) const fn is_unidentified(&self) -> bool {
        self.jwt_id.is_none() && self.session.is_none() && self.subject.is_none()
    }
}

/// The answer. Never a bare `bool`: not knowing is an answer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a verdict that nobody looks at protects nothing"]
pub enum Verdict {
    /// Nothing known speaks against the token.
    NotRevoked(NotRevoked),
    /// The token is refused.
    Revoked(Revoked),
    /// No answer can be given; the caller's policy decides.
    Unknown(Unknown),
}

/// Proof that nothing is held against a token as far as is known. Only a check makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotRevoked(pub(crate) ());

/// What speaks against a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Which of the token's facts was hit, the narrowest first.
    pub target: TargetKind,
    /// Why.
    pub reason: Reason,
    /// When it was decided.
    pub revoked_at: Timestamp,
    /// Which tokens of the target are refused, of the kind that was asked about.
    pub issued_before: IssuedBefore,
}

/// Why no answer can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unknown {
    /// What is known is older than [`Policy::max_staleness`](crate::Policy::max_staleness), or
    /// nothing is known, and the policy is [`StalePolicy::Deny`](crate::StalePolicy::Deny). An
    /// [`Index`](crate::Index) alone never says so.
    Stale,
    /// The token tells no `jti`, no `sid` and no `sub`: nothing could ever revoke it alone.
    Unidentified,
}

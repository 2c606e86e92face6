//! What a verified token says of itself, kept.

#[cfg(feature = "json")]
mod json;

#[cfg(feature = "json")]
pub use json::ClaimsError;

use crate::{
    ClientId, IdError, Issuer, JwtId, SessionId, Subject, Timestamp, TokenFacts, TokenKind,
};

/// The claims of a token that matter here, parsed and owned: what [`TokenFacts`] borrows from.
///
/// Of a token that somebody verified. Nothing here looks at signatures, `exp` or `aud`.
///
/// ```
/// use signout_checker::{Claims, RawClaims, Timestamp};
///
/// # fn main() -> Result<(), signout_checker::IdError> {
/// let claims = Claims::of(&RawClaims {
///     iss: "https://op.example",
///     sid: Some("08a5019c"),
///     iat: Some(Timestamp::from_secs(1_700_000_000)),
///     ..RawClaims::default()
/// })?;
/// let facts = claims.facts(); // for `Checker::check`
/// # let _ = facts;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    issuer: Issuer,
    jwt_id: Option<JwtId>,
    session: Option<SessionId>,
    subject: Option<Subject>,
    client: Option<ClientId>,
    issued_at: Option<Timestamp>,
    kind: TokenKind,
}

/// Claims as a library that verifies tokens hands them out. `None` is a claim that the token does not
/// have; one that is there but of another type must not become `None`.
#[derive(Clone, Copy, Default)]
pub struct RawClaims<'a> {
    /// `iss`.
    pub iss: &'a str,
    /// `jti`.
    pub jti: Option<&'a str>,
    /// `sid`.
    pub sid: Option<&'a str>,
    /// `sub`.
    pub sub: Option<&'a str>,
    /// `client_id` (RFC 9068, section 2.2), else `azp`.
    pub client_id: Option<&'a str>,
    /// `iat`, rounded down to whole seconds.
    pub iat: Option<Timestamp>,
}

impl Claims {
    /// Of an access token of this issuer, with no more known yet.
    #[must_use]
    pub const fn new(issuer: Issuer) -> Self {
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

    /// Parses raw claims of an access token. Takes one allocation for each that is there.
    pub fn of(raw: &RawClaims<'_>) -> Result<Self, IdError> {
        let RawClaims { iss, jti, sid, sub, client_id, iat } = *raw;
        Ok(Self {
            issuer: Issuer::parse(iss)?,
            jwt_id: jti.map(JwtId::parse).transpose()?,
            session: sid.map(SessionId::parse).transpose()?,
            subject: sub.map(Subject::parse).transpose()?,
            client: client_id.map(ClientId::parse).transpose()?,
            issued_at: iat,
            kind: TokenKind::Access,
        })
    }

    /// Its `jti`.
    #[must_use]
    pub fn jwt_id(self, jwt_id: impl Into<Option<JwtId>>) -> Self {
        Self { jwt_id: jwt_id.into(), ..self }
    }

    /// Its `sid`.
    #[must_use]
    pub fn session(self, session: impl Into<Option<SessionId>>) -> Self {
        Self { session: session.into(), ..self }
    }

    /// Its `sub`.
    #[must_use]
    pub fn subject(self, subject: impl Into<Option<Subject>>) -> Self {
        Self { subject: subject.into(), ..self }
    }

    /// Its `client_id` (or `azp`).
    #[must_use]
    pub fn client(self, client: impl Into<Option<ClientId>>) -> Self {
        Self { client: client.into(), ..self }
    }

    /// Its `iat`. Without it every cut-off of its session, subject, client or issuer refuses it.
    #[must_use]
    pub fn issued_at(self, issued_at: impl Into<Option<Timestamp>>) -> Self {
        Self { issued_at: issued_at.into(), ..self }
    }

    /// Its kind, if it is no access token.
    #[must_use]
    pub fn kind(self, kind: TokenKind) -> Self {
        Self { kind, ..self }
    }

    /// What is asked with. Borrows, and costs nothing.
    #[must_use]
    pub fn facts(&self) -> TokenFacts<'_> {
        TokenFacts::new(&self.issuer)
            .jwt_id(&self.jwt_id)
            .session(&self.session)
            .subject(&self.subject)
            .client(&self.client)
            .issued_at(self.issued_at)
            .kind(self.kind)
    }
}

/// Shows which claims are there, and of whom none.
impl std::fmt::Debug for RawClaims<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { iss, jti, sid, sub, client_id, iat } = self;
        f.debug_struct("RawClaims")
            .field("iss", iss)
            .field("jti", &jti.map(str::len))
            .field("sid", &sid.map(str::len))
            .field("sub", &sub.map(str::len))
            .field("client_id", client_id)
            .field("iat", iat)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_what_was_parsed() {
        let raw = RawClaims {
            iss: "https://op.example",
            jti: Some("j"),
            sid: Some("s"),
            sub: Some("u"),
            client_id: Some("c"),
            iat: Some(Timestamp::from_secs(7)),
        };
        let claims = Claims::of(&raw).unwrap();
        let built = Claims::new(Issuer::parse("https://op.example").unwrap())
            .jwt_id(JwtId::parse("j").unwrap())
            .session(SessionId::parse("s").unwrap())
            .subject(Subject::parse("u").unwrap())
            .client(ClientId::parse("c").unwrap())
            .issued_at(Timestamp::from_secs(7));
        assert_eq!(claims, built);
        let claims = claims.kind(TokenKind::LongLived);
        let facts = claims.facts();
        assert_eq!(facts.issuer.as_str(), "https://op.example");
        assert_eq!(facts.jwt_id.unwrap().as_str(), "j");
        assert_eq!(facts.session.unwrap().as_str(), "s");
        assert_eq!(facts.subject.unwrap().as_str(), "u");
        assert_eq!(facts.client.unwrap().as_str(), "c");
        assert_eq!(facts.issued_at, Some(Timestamp::from_secs(7)));
        assert_eq!(facts.kind, TokenKind::LongLived);
    }

    #[test]
    fn an_empty_claim_is_not_an_absent_one() {
        let raw = RawClaims { iss: "https://op.example", ..RawClaims::default() };
        assert!(Claims::of(&raw).unwrap().facts().is_unidentified());
        let sid = Claims::of(&RawClaims { sid: Some(""), ..raw });
        assert_eq!(sid, Err(IdError::Empty { name: "sid" }));
        assert_eq!(Claims::of(&RawClaims::default()), Err(IdError::Empty { name: "iss" }));
    }

    #[test]
    fn i17_debug_tells_no_identifier() {
        let raw =
            RawClaims { iss: "op", sub: Some("ann"), sid: Some("s3cret"), ..RawClaims::default() };
        let shown = format!("{raw:?} {:?}", Claims::of(&raw).unwrap());
        assert!(!shown.contains("ann") && !shown.contains("s3cret"), "{shown}");
    }
}

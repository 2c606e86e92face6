//! A registered token.

use signout_checker::{
    ClientId, Issuer, JwtId, SessionId, Subject, Timestamp, TokenFacts, TokenKind,
};

/// A token that its issuer, or whoever received it, told signout about. Not the token: its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    /// `iss`.
    pub issuer: Issuer,
    /// `jti`.
    pub jwt_id: JwtId,
    /// `sid`, if the login has one.
    pub session: Option<SessionId>,
    /// `sub`.
    pub subject: Option<Subject>,
    /// `client_id`.
    pub client: Option<ClientId>,
    /// What kind of token it is.
    pub kind: TokenKind,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
}

impl IssuedToken {
    /// What an index is asked about it.
    #[must_use]
    pub fn facts(&self) -> TokenFacts<'_> {
        TokenFacts::new(&self.issuer)
            .jwt_id(&self.jwt_id)
            .session(self.session.as_ref())
            .subject(self.subject.as_ref())
            .client(self.client.as_ref())
            .issued_at(self.issued_at)
            .kind(self.kind)
    }
}

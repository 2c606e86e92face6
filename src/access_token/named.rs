//! What a token is called, and whom it names.

use signout_checker::{
    ClientId, IdError, Issuer, JwtId, SessionId, Subject, Timestamp, TokenFacts,
};

use super::error::AccessTokenError;
use crate::jose::{SigningInputDigest, VerifiedJws};

/// Who a token is about: owned, so that facts can be borrowed from it. Says nothing about what the
/// token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `iss`: nothing below means anything without.
    pub issuer: Issuer,
    /// `jti`; of a token without one, the digest of what is signed.
    pub jwt_id: Option<JwtId>,
    /// `sid`.
    pub session: Option<SessionId>,
    /// `sub`.
    pub subject: Option<Subject>,
    /// `client_id` (RFC 9068, section 2.2), else `azp`.
    pub client: Option<ClientId>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `exp`.
    pub expires_at: Option<Timestamp>,
}

impl Named {
    /// Reads them from a token whose signature holds. Its issuer is the one whose keys verified it;
    /// whether `iss` says the same is for [`super::validate()`], or for the caller.
    pub fn of(jws: &VerifiedJws) -> Result<Self, AccessTokenError> {
        let claims = jws.claims();
        let jwt_id = match claims.string("jti")? {
            Some(jti) => JwtId::parse(jti).map_err(malformed("jti"))?,
            None => digest_name(jws.identity())?,
        };
        let client = match claims.string("client_id")? {
            Some(client) => Some(("client_id", client)),
            None => claims.string("azp")?.map(|client| ("azp", client)),
        };
        let client = client
            .map(|(claim, client)| ClientId::parse(client).map_err(malformed(claim)))
            .transpose()?;
        Ok(Self {
            issuer: jws.issuer().clone(),
            jwt_id: Some(jwt_id),
            session: optional(claims.string("sid")?, "sid", SessionId::parse)?,
            subject: optional(claims.string("sub")?, "sub", Subject::parse)?,
            client,
            issued_at: claims.date("iat")?,
            expires_at: claims.date("exp")?,
        })
    }

    /// To ask the index with.
    #[must_use]
    pub fn facts(&self) -> TokenFacts<'_> {
        TokenFacts::new(&self.issuer)
            .jwt_id(self.jwt_id.as_ref())
            .session(self.session.as_ref())
            .subject(self.subject.as_ref())
            .client(self.client.as_ref())
            .issued_at(self.issued_at)
    }
}

/// `jwt_11`: of what is signed, not of the text, which has more than one valid spelling.
fn digest_name(identity: SigningInputDigest) -> Result<JwtId, AccessTokenError> {
    let hex =
        identity.as_bytes().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    JwtId::parse(format!("sha-256:{hex}")).map_err(malformed("jti"))
}

fn optional<'t, T>(
    text: Option<&'t str>,
    claim: &'static str,
    parse: impl FnOnce(&'t str) -> Result<T, IdError>,
) -> Result<Option<T>, AccessTokenError> {
    text.map(parse).transpose().map_err(malformed(claim))
}

fn malformed(claim: &'static str) -> impl Fn(IdError) -> AccessTokenError {
    move |fault| AccessTokenError::Malformed { claim, fault }
}

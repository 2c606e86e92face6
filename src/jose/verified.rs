//! The proof that a signature holds.

use std::sync::Arc;

use signout_checker::Issuer;

use super::claims::Claims;
use super::compact::{Compact, Envelope, SigningInputDigest};
use super::error::JoseError;
use super::header::Header;

/// A token whose signature was verified with a key of [`VerifiedJws::issuer`].
///
/// Only [`super::KeySet::verify`] makes one. The signature says who signed, not what for: the
/// claims still have to be validated, `iss` first.
#[derive(Clone, Debug)]
pub struct VerifiedJws {
    issuer: Issuer,
    header: Header,
    claims: Arc<Claims>,
    envelope: Envelope,
    identity: SigningInputDigest,
}

impl VerifiedJws {
    /// To be called once the signature holds, and not before.
    pub(super) fn new(issuer: &Issuer, token: &Compact<'_>) -> Result<Self, JoseError> {
        Ok(Self {
            issuer: issuer.clone(),
            header: token.header().clone(),
            claims: Arc::clone(token.unverified_claims()?),
            envelope: token.envelope().clone(),
            identity: token.identity(),
        })
    }

    /// Whose keys verified it. What the token itself says is in its claims.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Whether it arrived encrypted.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// What this token is the same as.
    #[must_use]
    pub fn identity(&self) -> SigningInputDigest {
        self.identity
    }
}

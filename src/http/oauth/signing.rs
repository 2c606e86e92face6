//! Signed answers (RFC 9701).

use serde_json::{Map, Value as Json};
use signout_checker::Timestamp;

use super::introspection::Introspection;
use crate::jose::{Signer, SigningKeyError};
use crate::settings::ServiceUrl;

/// Says that the token is an answer about another one (RFC 9701, section 5). It passes nowhere as an
/// access token: besides, `sub`, `exp` and the rest are not where one has them.
const TYP: &str = "token-introspection+jwt";

/// Who the service is, and the key that it signs with.
#[derive(Debug)]
pub struct Signing {
    /// `[introspection] issuer`.
    pub issuer: ServiceUrl,
    /// The key.
    pub signer: Signer,
}

impl Signing {
    /// For one resource server. `token_introspection` holds all that JSON would.
    pub(super) fn sign(
        &self,
        introspection: &Introspection,
        audience: &str,
        now: Timestamp,
    ) -> Result<String, SigningKeyError> {
        let content = serde_json::to_value(introspection).map_err(|_| SigningKeyError::Library)?;
        let claims = [
            ("iss", Json::from(self.issuer.as_str())),
            ("aud", audience.into()),
            ("iat", now.as_secs().into()),
            ("token_introspection", content),
        ];
        let claims = claims.map(|(claim, value)| (claim.to_owned(), value));
        self.signer.sign(TYP, &Map::from_iter(claims))
    }
}

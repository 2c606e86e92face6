//! What is asked of a provider's access tokens.

use std::fmt;
use std::time::Duration;

use signout_checker::{ClientId, Issuer};
use thiserror::Error;

/// The rules for one provider. Times are tolerances and spans, not points in time.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The provider. `iss` must be these bytes.
    pub issuer: &'a Issuer,
    /// `aud` must name one of them. If there are none, the `client_ids` stand in.
    pub audiences: &'a [AcceptedAudience],
    /// Who we are at this provider. An ID token is for one of them.
    pub client_ids: &'a [ClientId],
    /// How strict to be.
    pub profile: Profile,
    /// How this provider marks its access tokens.
    pub dialect: Dialect,
    /// How far the provider's clock and ours may differ: for `iat` and `nbf` ahead of us, and for
    /// `exp` behind.
    pub leeway: Duration,
    /// From `iat` to `exp`: a revocation of tokens that were never registered is remembered this
    /// long, so one that lives longer would come back to life (`jwt_12`).
    pub max_lifetime: Duration,
}

/// How strict to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Profile {
    /// RFC 9068 to the letter: `typ` is `at+jwt`, and every required claim is there.
    AtJwt,
    /// What deployed providers send: `typ` may be `JWT` or absent, `jti`, `iat`, `sub` and
    /// `client_id` may be missing. Other kinds of tokens are refused all the same.
    #[default]
    Compat,
}

/// How a provider marks its access tokens beyond the norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Dialect {
    /// As authentik does: its access token is its ID token with `azp` and a unique `uid` added, the
    /// client's `nonce` included.
    Authentik,
    /// Not at all.
    #[default]
    Norm,
}

/// A value of `aud` that means us. Compared byte for byte; it may be a URL or any other name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AcceptedAudience(Box<str>);

/// It is empty, longer than 512 bytes, or holds a control character.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("an audience has 1 to {} bytes and no control character", AcceptedAudience::MAX_BYTES)]
pub struct AudienceError;

impl AcceptedAudience {
    /// The most bytes it may have.
    pub const MAX_BYTES: usize = 512;

    /// Takes the text as it is.
    pub fn parse(text: &str) -> Result<Self, AudienceError> {
        let fits = !text.is_empty()
            && text.len() <= Self::MAX_BYTES
            && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(AudienceError) }
    }

    /// The exact bytes that were parsed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AcceptedAudience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

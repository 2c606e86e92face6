//! What a provider's configuration asks of its logout tokens.

use std::time::Duration;

use signout_checker::{ClientId, Issuer};

/// One provider's rules. Times are tolerances and ages, not points in time.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The provider. `iss` must be these bytes.
    pub issuer: &'a Issuer,
    /// Who we are at this provider. `aud` must name one of them, and nobody else.
    pub client_ids: &'a [ClientId],
    /// Whether an unencrypted token may pass.
    pub encryption: EncryptionPolicy,
    /// Whether `typ` must say `logout+jwt`.
    pub typ: TypPolicy,
    /// Whether `exp` may be absent.
    pub missing_exp: MissingExp,
    /// The greatest age since `iat`, measured without leeway. Bounds tokens without `exp`, and
    /// those whose `exp` is far.
    pub max_age: Duration,
    /// How far the provider's clock and ours may differ: for `iat` and `nbf` ahead of us, and for
    /// `exp` behind.
    pub leeway: Duration,
}

/// What to do with a token that is not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EncryptionPolicy {
    /// Accept it: encryption was not negotiated, or is optional.
    #[default]
    Allow,
    /// Refuse it: the client was registered with `id_token_encrypted_response_alg`.
    Require,
}

/// What to do with a token whose header does not say `typ: logout+jwt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TypPolicy {
    /// Accept it if `typ` is absent or `JWT`. Most deployed providers send that.
    #[default]
    Allow,
    /// Refuse it (OWASP ASVS 5, 10.5.5).
    Require,
}

/// What to do with a token without `exp`, which the norm requires only since its errata set 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MissingExp {
    /// Accept it: `max_age` alone bounds it.
    Allow,
    /// Refuse it.
    #[default]
    Deny,
}

//! What callers say about tokens, parsed at the door.

use actix_web::web::Data;
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};
use signout_checker::{IdError, JwtId, Timestamp, TokenKind};
use utoipa::ToSchema;

use super::answer::Failure;
use super::api_key::Caller;
use super::configured::{Configured, Issuers};
use crate::access_token::Named;
use crate::jose::Compact;
use crate::provider::VerifyError;

/// `NumericDate` (RFC 7519, section 2): seconds since 1970-01-01T00:00:00Z. A fraction is dropped.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(value_type = f64, minimum = 0, maximum = 253_402_300_799_u64, examples(1_763_700_000))]
pub(super) struct NumericDate(pub(super) Timestamp);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Number {
            Whole(u64),
            Fraction(f64),
        }
        let whole = match Number::deserialize(deserializer)? {
            Number::Whole(whole) => Some(whole),
            Number::Fraction(number) => whole_seconds(number),
        };
        whole
            .filter(|&secs| secs <= Timestamp::MAX.as_secs())
            .map(|secs| Self(Timestamp::from_secs(secs)))
            .ok_or_else(|| serde::de::Error::custom("no date between 1970 and 9999"))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range was checked, and dropping the fraction is the point"
)]
#[expect(clippy::cast_precision_loss, reason = "the limit has 38 bits")]
fn whole_seconds(number: f64) -> Option<u64> {
    (0.0..=Timestamp::MAX.as_secs() as f64).contains(&number).then_some(number as u64)
}

/// The kind of a token.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// An access token.
    #[default]
    Access,
    /// A refresh token that ends with the login.
    Refresh,
    /// A refresh token granted with the scope `offline_access`.
    OfflineRefresh,
    /// A token made to outlive logins.
    LongLived,
}

impl From<Kind> for TokenKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Access => Self::Access,
            Kind::Refresh => Self::Refresh,
            Kind::OfflineRefresh => Self::OfflineRefresh,
            Kind::LongLived => Self::LongLived,
        }
    }
}

/// Reads an identifier that may be absent.
pub(super) fn optional<T>(
    text: Option<Box<str>>,
    parse: impl FnOnce(Box<str>) -> Result<T, IdError>,
) -> Result<Option<T>, Failure> {
    text.map(parse).transpose().map_err(invalid)
}

/// An identifier that breaks the rules. The error names the claim, not the value.
pub(super) fn invalid(error: IdError) -> Failure {
    Failure::bad_request(error.to_string())
}

/// What a token that nobody signed is known by: `sha-256:` and the SHA-256 of its text, in hex.
pub(super) fn of_opaque(text: &str) -> Result<JwtId, IdError> {
    const KIND: &str = "sha-256:";
    let digest = Sha256::digest(text);
    let mut name = String::with_capacity(KIND.len() + 2 * digest.len());
    name.push_str(KIND);
    // Every question about a token comes here.
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    name.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
    JwtId::parse(name)
}

/// Verifies a signed token with the keys of its issuer, and reads what it says of itself.
///
/// What it is good for is not asked here: no audience, no lifetime. A logout token is refused,
/// because it is no token that anybody could present.
pub(super) async fn of_signed_token(
    text: &str,
    issuers: &Data<Issuers>,
    caller: &Caller<'_>,
) -> Result<Named, Failure> {
    let refused = |reason: &str| Failure::bad_request(format!("the token is refused: {reason}"));
    let token = Compact::parse(text).map_err(|error| refused(error.label()))?;
    let issuer = token.unverified_issuer().map_err(|error| refused(error.label()))?;
    let issuer = issuer.ok_or_else(|| refused("no iss"))?;
    caller.act_for(&issuer)?;
    let configured: &Configured = issuers.require(&issuer)?;
    let verified = configured.provider.verify(&token).await.map_err(|error| match error {
        VerifyError::Refused(error) => refused(error.label()),
        VerifyError::KeysUnavailable { .. } => Failure::unavailable(error.to_string()),
    })?;
    if verified.claims().is_present("events") {
        return Err(refused("it is a logout token or a security event"));
    }
    Named::of(&verified).map_err(|error| refused(&error.to_string()))
}

//! What an access token must say before anybody acts on it: RFC 9068, section 4, and, for the many
//! providers that do not follow it, the rules that keep every other kind of token out.
//!
//! Pure: a verified token, what is expected of it and the time go in, an [`AccessToken`] or the
//! reason for its refusal comes out. One small function for each rule.
//!
//! Deliberately absent: signatures ([`crate::jose`] has verified them), whether the token was
//! revoked (that is asked of the index, each time anew), and what its scopes permit, which only the
//! API behind can know.

mod error;
mod expected;
mod named;
mod token;
mod validate;

pub use error::AccessTokenError;
pub use expected::{AcceptedAudience, AudienceError, Dialect, Expected, Profile};
pub use named::Named;
pub use token::AccessToken;
pub use validate::validate;

#[cfg(test)]
mod tests;

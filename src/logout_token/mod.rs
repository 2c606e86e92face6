//! What a logout token must say: OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6.
//!
//! Pure: a verified token, what is expected of it and the time go in, a [`LogoutToken`] or the
//! reason for its refusal comes out. One small function for each numbered point of the norm.
//!
//! Deliberately absent: signatures ([`crate::jose`] has verified them), the memory of tokens seen
//! before (`bcl_18`) and the comparison with known sessions (`bcl_19`). Both need state, and both
//! come after this. Unknown claims are ignored (`bcl_20`), a `typ` *claim* among them: two
//! providers send one.

mod error;
mod expected;
mod token;
mod validate;

pub use error::{Claim, LogoutTokenError};
pub use expected::{EncryptionPolicy, Expected, MissingExp, TypPolicy};
pub use token::{LogoutToken, OfflineAccess, Who};
pub use validate::validate;

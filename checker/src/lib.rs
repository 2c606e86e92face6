//! Answers "is this token revoked?" from memory, on every request.
//!
//! This is the pure core of signout, the part that APIs embed: identifiers, time, revocations, the
//! index and its verdict. Nothing here performs I/O, reads a clock, spawns, locks for the caller or
//! is async; `now` is always an argument.
//!
//! ```
//! use signout_checker::{
//!     Index, DigestKey, Issuer, Reason, Revocation, SessionId, Target, Timestamp, TokenFacts, Verdict,
//! };
//!
//! # fn main() -> Result<(), signout_checker::IdError> {
//! let index = Index::new(DigestKey::from_bytes([7; 16]));
//! let issuer = Issuer::parse("https://op.example")?;
//! let session = SessionId::parse("08a5019c")?;
//! index.apply(&Revocation::of(
//!     Target::Session(issuer.clone(), session.clone()),
//!     Reason::BackchannelLogout,
//!     Timestamp::from_secs(1_000),
//!     Timestamp::from_secs(90_000),
//! ));
//!
//! let facts = TokenFacts::new(&issuer).session(&session);
//! assert!(matches!(index.check(&facts), Verdict::Revoked(_)));
//! # Ok(())
//! # }
//! ```

mod id;
pub use id::{ClientId, IdError, Issuer, JwtId, SessionId, Subject};

mod time;
pub use time::Timestamp;

mod digest;
mod siphash;
pub use digest::{Digest, DigestKey, DigestMap, Prehashed};

mod revocation;
pub use revocation::{IssuedBefore, Reach, Reason, Revocation, Target, TargetKind, TokenKind};

mod verdict;
pub use verdict::{NotRevoked, Revoked, TokenFacts, Unknown, Verdict};

mod change;
pub use change::{Change, KeyName, PackError};

mod index;
pub use index::{Applied, Index};

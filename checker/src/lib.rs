//! Answers "is this token revoked?" from memory, on every request.
//!
//! This is the pure core of signout, the part that APIs embed: identifiers, time, revocations, the
//! index and its verdict, and the bytes by which a service tells of them. Nothing here performs I/O,
//! reads a clock, spawns, locks for the caller or is async; `now` is always an argument. What does is
//! behind a feature of its own.
//!
//! | feature | what it adds | needs |
//! |---|---|---|
//! | `json` | [`Claims`] from JSON, events of the feed | base64, serde, serde_json |
//! | `file` | the last known state in a file | nothing |
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

#[cfg(feature = "json")]
mod object;

mod claims;
#[cfg(feature = "json")]
pub use claims::ClaimsError;
pub use claims::{Claims, RawClaims};

mod change;
pub use change::{Change, KeyName, PackError};

#[cfg(feature = "log")]
pub mod log;

mod index;
pub use index::{Applied, Index};

mod policy;
pub use policy::{Policy, StalePolicy};

mod observer;
pub use observer::{Connection, Observer};

mod freshness;

mod checker;
pub use checker::{Checker, OtherKey};

mod position;
pub use position::{NoPosition, Position};

mod snapshot;
pub use snapshot::{Snapshot, SnapshotError, SnapshotPart, SnapshotReader, SnapshotWriter};

mod loading;
pub use loading::Loading;

#[cfg(feature = "json")]
mod event;
#[cfg(feature = "json")]
pub use event::{EventError, FeedChange, FeedEvent, Heartbeat, Part, ResetReason};

#[cfg(feature = "json")]
mod cursor;
#[cfg(feature = "json")]
pub use cursor::{Cursor, Step};

#[cfg(feature = "json")]
mod subscription;
#[cfg(feature = "json")]
pub use subscription::{Shortfall, Subscription, Taken};

#[cfg(any(feature = "actix", feature = "tower"))]
mod gate;
#[cfg(any(feature = "actix", feature = "tower"))]
pub use gate::Rule;

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "tower")]
pub mod tower;

#[cfg(any(feature = "http", feature = "redis"))]
mod backoff;
#[cfg(any(feature = "http", feature = "redis"))]
mod cryptography;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(feature = "json", feature = "redis"))]
mod sweep;

#[cfg(feature = "file")]
mod state;
#[cfg(feature = "file")]
pub use state::{Restored, StateError, StateFile};

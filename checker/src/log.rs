//! The change log that instances share, as it stands in Redis, and what it tells of itself.
//!
//! Pure: bytes in, answers out. Whoever reads the log, the service or a checker, holds it against
//! the same rules. The form is a contract: `docs/redis.md`.
//!
//! Redis does not say when a reader has missed something: after a trim a read goes on with what is
//! left, and after a failover other entries may stand under the same numbers. So entries are
//! numbered without gaps, each names the one before it, and the [`Head`] names the last; a
//! [`Reading`] tells from these whether a log goes on from what was read of it.

mod entry;
mod epoch;
mod foreign;
mod head;
mod link_id;
mod loss;
mod reading;
mod shape;

pub use entry::{Append, Entry};
pub use epoch::Epoch;
pub use foreign::Foreign;
pub use head::{FORMAT, Head};
pub use link_id::LinkId;
pub use loss::Loss;
pub use reading::{Reading, Standing};
pub use shape::LogShape;

//! Follows the change log in Redis, without asking the service.
//!
//! For APIs that stand beside the deployment's Redis. The feed (feature `http`) is the better choice
//! wherever the service can be reached: it needs no access to Redis, says more, and is fresh sooner.
//!
//! ```no_run
//! use signout_checker::redis::{Follower, Source};
//! use signout_checker::{Checker, Policy};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let checker = Checker::new(Policy::default());
//! let source = Source::single("rediss://user:password@redis.example:6379")?;
//! let follower = Follower::new(source, checker.clone());
//! // tokio::spawn(follower.run());
//! # let _ = follower.run();
//! # Ok(())
//! # }
//! ```
//!
//! **How fresh.** That a read found nothing new says little: a log that was just deleted has nothing
//! new either. So nothing is fresh before a later look, twice a second, has seen that the log is
//! whole and goes on from what was read; that the server is a master, and the one that most
//! sentinels name; and that no living instance has anything left to put back into it. For
//! two seconds behind each connect nothing is called fresh either: that long the instances may need
//! to notice what Redis has just lost.
//!
//! **What it cannot see.** It writes nothing, so no instance knows of it, and it begins no new epoch
//! when it is the first to notice a loss; an instance does. A logout that an instance took while
//! apart from Redis is unknown here until that instance is back, as it is to every other
//! instance. Where the user may not run `INFO`, nothing is ever fresh.
//!
//! The user needs `~{signout}:*` and `+hmget +hgetall +xread +xrange +xrevrange +xlen +info +time`.
//! A Redis Cluster is followed through the feed only.

mod connection;
mod follower;
mod instances;
mod reply;
mod sentinels;
mod settled;
mod source;
mod trouble;
mod watch;

pub use follower::Follower;
pub use source::{Source, SourceError};
pub use trouble::Trouble;

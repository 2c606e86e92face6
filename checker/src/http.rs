//! Follows the feed of a signout service.
//!
//! ```no_run
//! use signout_checker::http::{ApiKey, Follower, Service};
//! use signout_checker::{Checker, Policy};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let checker = Checker::new(Policy::default());
//! let key = ApiKey::parse(std::env::var("SIGNOUT_API_KEY")?)?;
//! let service = Service::at("https://signout.example", key)?;
//! let follower = Follower::new(&service, checker.clone())?;
//! // tokio::spawn(follower.run());
//! # let _ = follower.run();
//! # Ok(())
//! # }
//! ```
//!
//! A follower loads a snapshot and then reads the feed behind it. Whatever is odd ends the
//! connection, and the next one goes on where the last one was: nothing known is dropped, whatever
//! the service says. While there is no connection the checker's staleness grows, and its
//! [`Policy`](crate::Policy) decides.
//!
//! **How fresh.** A heartbeat says how long the service had been answering this request, by its own
//! steady clock, and how much it may have missed itself. So everything that was decided up to
//! *when the request was sent + how long it was being answered − what the service may have missed* is
//! known here, however long the heartbeat was on its way. No wall clock takes part, and a
//! connection that is only half open makes nothing fresh.
//!
//! **Several instances behind one address** are fine. Each numbers its changes for itself; one that
//! does not know a position says so, and the follower asks a few times more before it loads a whole
//! snapshot from another.

mod client;
mod ended;
mod follower;
#[cfg(feature = "file")]
mod keeper;
#[cfg(not(feature = "file"))]
#[path = "http/no_keeper.rs"]
mod keeper;
mod service;
mod snapshot;
mod sse;
mod stream;

pub use client::SetupError;
pub use ended::Trouble;
pub use follower::Follower;
pub use service::{ApiKey, ApiKeyError, PlainHttp, Service, ServiceError};

#[cfg(test)]
mod tests;

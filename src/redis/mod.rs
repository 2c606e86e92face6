//! The shared denylist: typed acts on one connection to Redis.
//!
//! This room decides nothing. Whoever drives it connects, compares, catches up and offers, and
//! drops everything after an error to start over.

mod address;
mod config;
mod entry;
mod error;
mod head;
mod keys;
mod link;
mod naming;
mod probe;

use std::sync::Arc;

pub use address::{Address, AddressError, Transport};
pub use config::{Config, ConfigError, DirectKeys, Login, Password, Topology};
pub use entry::{Append, Entry};
pub use error::{Act, Fault, Foreign, Permission, RedisError};
pub use head::{Epoch, FORMAT, Founding, Head, LinkId, Log};
pub use keys::{InstanceId, KeyPrefix, Keys, MalformedPrefix, Table};
pub use link::Link;
pub use naming::Naming;
pub use probe::{Aof, Canary, LogShape, Probe, Server};

/// The way to Redis. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Redis {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    keys: Keys,
}

/// What the sentinels say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masters {
    /// Which master each one names, in the order of `urls`; none if it does not answer or knows none.
    pub named: Vec<Option<Box<str>>>,
}

#[expect(clippy::unused_async, clippy::todo, reason = "signatures first")]
impl Redis {
    /// Reads `ca_file`; connects to nothing yet.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self { shared: Arc::new(Shared { keys: Keys::new(config.prefix.clone()) }) })
    }

    /// A connection to the master that holds the log.
    pub async fn connect(&self) -> Result<Link, RedisError> {
        todo!()
    }

    /// Asks every sentinel which server is the master; none without sentinels.
    pub async fn masters(&self) -> Result<Option<Masters>, RedisError> {
        todo!()
    }

    /// The names of the keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.shared.keys
    }
}

impl Masters {
    /// The master that more than half of all sentinels name.
    #[must_use]
    pub fn majority(&self) -> Option<&str> {
        let mut named: Vec<_> = self.named.iter().flatten().collect();
        named.sort_unstable();
        let most = named.chunk_by(|a, b| a == b).max_by_key(|alike| alike.len())?;
        let majority = most.len() * 2 > self.named.len();
        most.first().filter(|_| majority).map(|name| &***name)
    }
}

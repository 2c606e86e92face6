//! The shared denylist: typed acts on one connection to Redis.
//!
//! This room decides nothing. Whoever drives it connects, compares, catches up and offers, and
//! drops everything after an error to start over.
//!
//! | key | what |
//! |---|---|
//! | `{P}:head` | hash: which log this is and how far it goes ([`Head`]) |
//! | `{P}:log` | stream: the changes, numbered without gaps and chained ([`Entry`]) |
//! | `{P}:deny:<name>` | string: one revoked target, for those who ask Redis directly |
//! | `{P}:canary:<instance>` | string: whether keys stay ([`Canary`]) |
//! | `P:s:{<digest>}`, `P:u:{<digest>}` | hash: the registered tokens of a session, of a user |

mod address;
mod batch;
mod chunks;
mod cluster;
mod config;
mod deny;
mod dial;
mod entry;
mod error;
mod fault;
mod head;
mod keys;
mod link;
mod log;
mod naming;
mod peers;
mod pools;
mod probe;
mod reply;
mod scripts;
mod sentinels;
mod server;
mod tables;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use address::{Address, AddressError, Transport};
pub use chunks::Chunks;
pub use config::{Config, ConfigError, DirectKeys, Login, Password, Topology};
pub use error::{Act, Fault, Permission, RedisError};
pub use head::{Founding, Log};
pub use keys::{InstanceId, KeyPrefix, Keys, MalformedPrefix, Table};
pub use link::Link;
pub use naming::Naming;
pub use peers::Peer;
pub use probe::{Canary, Probe};
pub use sentinels::Masters;
pub use server::{Aof, Role, Server};
pub use signout_checker::log::{Append, Entry, Epoch, FORMAT, Foreign, Head, LinkId, LogShape};

use pools::Pools;

/// The way to Redis. Clones share their connections.
#[derive(Clone)]
pub struct Redis {
    pools: Arc<Pools>,
    shared: Arc<Shared>,
}

/// What every link knows.
struct Shared {
    keys: Keys,
    direct_keys: DirectKeys,
    response_timeout: Duration,
    malformed_tokens: AtomicU64,
}

impl Redis {
    /// Reads `ca_file`; connects to nothing yet.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let shared = Shared {
            keys: Keys::new(config.prefix.clone()),
            direct_keys: config.direct_keys,
            response_timeout: config.response_timeout,
            malformed_tokens: AtomicU64::new(0),
        };
        let pools = Pools::new(config, &shared.keys)?;
        Ok(Self { pools: Arc::new(pools), shared: Arc::new(shared) })
    }

    /// A connection to the server that holds the log: the one there is, the master that most
    /// sentinels name, or the master of our slot. Whether it is what it was last time is for the
    /// caller to see.
    pub async fn connect(&self) -> Result<Link, RedisError> {
        match self.pools.get().await {
            Ok(held) => Ok(Link::new(held, Arc::clone(&self.shared))),
            Err(fault) => Err(RedisError { act: Act::Connect, fault }),
        }
    }

    /// Asks every sentinel which server is the master, all at once and within the timeouts; none
    /// without sentinels. An error if no sentinel names one.
    pub async fn masters(&self) -> Result<Option<Masters>, RedisError> {
        let Some(sentinels) = self.pools.sentinels() else { return Ok(None) };
        let masters = sentinels.masters().await;
        masters.map(Some).map_err(|fault| RedisError { act: Act::Masters, fault })
    }

    /// The names of the keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// How many registered tokens could not be read, and were left out, since the start.
    #[must_use]
    pub fn malformed_tokens(&self) -> u64 {
        self.shared.malformed_tokens.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("keys", &self.shared.keys).finish_non_exhaustive()
    }
}

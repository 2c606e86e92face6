//! The pools, one kind for each topology.
//!
//! A single server has the pool of deadpool-redis. Its managers for sentinels and clusters take
//! neither certificates nor timeouts, so those two are ours, for the same kind of pool.

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use deadpool_redis::redis::aio::{ConnectionLike as _, MultiplexedConnection};
use deadpool_redis::redis::{self, RedisConnectionInfo};
use deadpool_redis::{PoolConfig, Runtime, Timeouts};

use super::address::Address;
use super::cluster::{Cluster, Nodes};
use super::config::{Config, ConfigError, Topology};
use super::dial::{Dial, credentials};
use super::error::Fault;
use super::keys::Keys;
use super::reply::Reply;
use super::sentinels::Sentinels;

const PORT: u16 = 6_379;

/// More than anybody needs: one instance holds a handful of links.
const MOST: usize = 32;

/// Connections to the one place where writes are taken.
pub(super) enum Pools {
    Single { pool: deadpool_redis::Pool, address: Address },
    Sentinel(Pool<Master>),
    Cluster(Pool<Cluster>),
}

/// A connection, and the place in the pool that it goes back to.
pub(super) enum Held {
    Single(deadpool_redis::Connection),
    Sentinel(Object<Master>),
    Cluster(Object<Cluster>),
}

impl Pools {
    pub(super) fn new(config: &Config, keys: &Keys) -> Result<Self, ConfigError> {
        let dial = Dial::new(config)?;
        let login = credentials(&config.login)?;
        let settings = PoolConfig {
            max_size: MOST,
            timeouts: Timeouts {
                wait: Some(dial.connect_timeout),
                // Bounded where they are opened.
                create: None,
                recycle: Some(dial.connect_timeout),
            },
            ..PoolConfig::default()
        };
        Ok(match &config.topology {
            Topology::Single(address) => {
                let info = dial.info(address, PORT, &login)?;
                let manager = deadpool_redis::Manager::new_with_config(info, dial.timeouts())?;
                let pool = deadpool_redis::Pool::builder(manager);
                let pool = pool.config(settings).runtime(Runtime::Tokio1).build()?;
                Self::Single { pool, address: address.clone() }
            }
            Topology::Sentinel { sentinels, service, login: sentinel_login } => {
                let manager = Master {
                    sentinels: Sentinels {
                        dial,
                        addresses: sentinels.clone(),
                        service: service.clone(),
                        login: credentials(sentinel_login)?,
                    },
                    login,
                };
                let pool = Pool::builder(manager).config(settings).runtime(Runtime::Tokio1);
                Self::Sentinel(pool.build()?)
            }
            Topology::Cluster(nodes) => {
                let manager = Cluster::new(dial, nodes.clone(), login, keys)?;
                let pool = Pool::builder(manager).config(settings).runtime(Runtime::Tokio1);
                Self::Cluster(pool.build()?)
            }
        })
    }

    pub(super) async fn get(&self) -> Result<Held, Fault> {
        match self {
            Self::Single { pool, address } => {
                let taken = pool.get().await;
                let connecting = |error: redis::RedisError| Fault::connecting(&error, address);
                taken.map(Held::Single).map_err(|error| of_pool(error, connecting))
            }
            Self::Sentinel(pool) => {
                pool.get().await.map(Held::Sentinel).map_err(|error| of_pool(error, |fault| fault))
            }
            Self::Cluster(pool) => {
                pool.get().await.map(Held::Cluster).map_err(|error| of_pool(error, |fault| fault))
            }
        }
    }

    /// The sentinels, if there are any.
    pub(super) fn sentinels(&self) -> Option<&Sentinels> {
        match self {
            Self::Sentinel(pool) => Some(&pool.manager().sentinels),
            Self::Single { .. } | Self::Cluster(_) => None,
        }
    }
}

impl Held {
    /// The socket to the place where head, log and denylist are. It never connects anew by itself.
    pub(super) fn home(&self) -> MultiplexedConnection {
        match self {
            Self::Single(connection) => connection.as_ref().clone(),
            Self::Sentinel(object) => object.connection.clone(),
            Self::Cluster(object) => object.home().clone(),
        }
    }

    /// The other nodes, if there are any.
    pub(super) fn nodes(&self) -> Option<Nodes> {
        match self {
            Self::Cluster(object) => Some(object.nodes().clone()),
            Self::Single(_) | Self::Sentinel(_) => None,
        }
    }

    /// Takes it out of the pool for good.
    pub(super) fn discard(self) {
        match self {
            Self::Single(connection) => drop(deadpool_redis::Connection::take(connection)),
            Self::Sentinel(object) => drop(Object::take(object)),
            Self::Cluster(object) => drop(Object::take(object)),
        }
    }
}

fn of_pool<E>(error: PoolError<E>, backend: impl FnOnce(E) -> Fault) -> Fault {
    match error {
        PoolError::Backend(error) => backend(error),
        PoolError::Timeout(_) => Fault::TimedOut,
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            Fault::Protocol { code: "nothing, since the pool is closed".into() }
        }
    }
}

/// Connects to the master that the sentinels name.
pub(super) struct Master {
    sentinels: Sentinels,
    login: RedisConnectionInfo,
}

/// A connection to what was the master when it was opened.
pub(super) struct MasterConnection {
    address: Address,
    connection: MultiplexedConnection,
}

impl Manager for Master {
    type Type = MasterConnection;
    type Error = Fault;

    async fn create(&self) -> Result<MasterConnection, Fault> {
        let address = self.sentinels.master().await?;
        let connection = self.sentinels.dial.open(&address, PORT, &self.login).await?;
        Ok(MasterConnection { address, connection })
    }

    /// An old master that is cut off does not know that it is one: the sentinels are asked.
    async fn recycle(&self, held: &mut MasterConnection, _: &Metrics) -> RecycleResult<Fault> {
        if self.sentinels.master().await? != held.address {
            return Err(RecycleError::message("the master changed"));
        }
        ping(&mut held.connection).await.map_err(RecycleError::Backend)
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> Result<(), Fault> {
    let pong = connection.req_packed_command(&redis::cmd("PING")).await;
    Reply::new(pong.map_err(|error| Fault::of(&error))?).map(drop)
}

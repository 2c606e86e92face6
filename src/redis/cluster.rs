//! A cluster: the node of our slot, and all the others.
//!
//! What redis-rs calls a cluster connection opens sockets to nodes anew whenever it likes, and
//! sends again what it got no answer to. That is fine for tables, whose acts may be repeated. An
//! append must not be repeated unasked, a `WAIT` on another socket than the write's tells of
//! nothing, and a blocked `XREAD` holds up everybody who shares its socket. So head, log and
//! denylist have a socket of their own, to the node that holds their slot; if the slot moves, the
//! server says so, and the caller connects anew.

use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_redis::cluster::{ClusterClient, ClusterClientBuilder, ClusterConnection};
use deadpool_redis::redis::aio::{ConnectionLike as _, MultiplexedConnection};
use deadpool_redis::redis::cluster_routing::{
    Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr,
};
use deadpool_redis::redis::{self, ProtocolVersion, RedisConnectionInfo};

use super::address::Address;
use super::config::ConfigError;
use super::dial::{Dial, tcp_settings};
use super::error::Fault;
use super::keys::Keys;
use super::reply::Reply;

const PORT: u16 = 6_379;

/// A node that moves a slot says where to in the same moment; more than a few times means trouble.
const RETRIES: u32 = 4;
const RETRY_AT_LEAST: Duration = Duration::from_millis(10);
const RETRY_AT_MOST: Duration = Duration::from_millis(100);

/// Connections to all nodes.
pub(super) type Nodes = ClusterConnection;

/// Connects to the cluster.
pub(super) struct Cluster {
    client: ClusterClient,
    dial: Dial,
    seeds: Vec<Address>,
    login: RedisConnectionInfo,
    head: Box<str>,
}

/// One set of connections.
pub(super) struct ClusterConnections {
    home: MultiplexedConnection,
    nodes: Nodes,
}

impl ClusterConnections {
    pub(super) const fn home(&self) -> &MultiplexedConnection {
        &self.home
    }

    pub(super) const fn nodes(&self) -> &Nodes {
        &self.nodes
    }
}

impl Cluster {
    pub(super) fn new(
        dial: Dial,
        seeds: Vec<Address>,
        login: RedisConnectionInfo,
        keys: &Keys,
    ) -> Result<Self, ConfigError> {
        let infos = seeds.iter().map(|seed| dial.info(seed, PORT, &login));
        let infos: Vec<_> = infos.collect::<Result<_, _>>()?;
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let mut builder = ClusterClientBuilder::new(infos)
            .use_protocol(ProtocolVersion::RESP2)
            .connection_timeout(dial.connect_timeout)
            .response_timeout(dial.response_timeout)
            .overall_response_timeout(Some(dial.connect_timeout + dial.response_timeout))
            .retries(RETRIES)
            .min_retry_wait(millis(RETRY_AT_LEAST))
            .max_retry_wait(millis(RETRY_AT_MOST))
            .tcp_settings(tcp_settings());
        if let Some(certificates) = &dial.certificates {
            builder = builder.certs(certificates.clone());
        }
        Ok(Self { client: builder.build()?, dial, seeds, login, head: keys.head().into() })
    }

    fn route(&self) -> SingleNodeRoutingInfo {
        SingleNodeRoutingInfo::SpecificNode(Route::with_key(&*self.head, SlotAddr::Master))
    }

    /// The address of the node that holds our slot, as that node itself knows it.
    async fn owner(&self, nodes: &mut Nodes) -> Result<Address, Fault> {
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("SLOTS");
        let answer = nodes.route_command(slots, RoutingInfo::SingleNode(self.route())).await;
        let ranges = Reply::new(answer.map_err(|error| Fault::of(&error))?)?.list()?;
        let ours = Slot::for_key(&*self.head);
        for range in ranges {
            let mut range = range.list()?.into_iter();
            let (Some(from), Some(to), Some(master)) = (range.next(), range.next(), range.next())
            else {
                return Err(Fault::odd_answer());
            };
            // The library does not tell the number of a slot, but knows two of them apart.
            let mut slots = from.number()?..=to.number()?;
            if !slots.any(|slot| u16::try_from(slot).ok().and_then(Slot::new) == Some(ours)) {
                continue;
            }
            let mut master = master.list()?.into_iter();
            let (Some(host), Some(port)) = (master.next(), master.next()) else {
                return Err(Fault::odd_answer());
            };
            let seed = self.seeds.first().ok_or(Fault::ClusterDown)?;
            let host = host.optional_bytes()?.unwrap_or_default();
            let host = String::from_utf8(host).map_err(|_| Fault::odd_answer())?;
            // A cluster that does not know its outer name leaves it to the client to know.
            let host = if matches!(&*host, "" | "?") { seed.host() } else { &host };
            let port = u16::try_from(port.number()?).map_err(|_| Fault::odd_answer())?;
            return Ok(seed.with_host(host, port));
        }
        Err(Fault::ClusterDown)
    }
}

impl Manager for Cluster {
    type Type = ClusterConnections;
    type Error = Fault;

    async fn create(&self) -> Result<ClusterConnections, Fault> {
        let seed = self.seeds.first().ok_or(Fault::ClusterDown)?;
        let connected = self.client.get_async_connection().await;
        let mut nodes = connected.map_err(|error| Fault::connecting(&error, seed))?;
        let owner = self.owner(&mut nodes).await?;
        let home = self.dial.open(&owner, PORT, &self.login).await?;
        Ok(ClusterConnections { home, nodes })
    }

    /// A node that no longer holds the slot says `MOVED`.
    async fn recycle(&self, held: &mut ClusterConnections, _: &Metrics) -> RecycleResult<Fault> {
        let mut exists = redis::cmd("EXISTS");
        exists.arg(&*self.head);
        let answer = held.home.req_packed_command(&exists).await;
        let answer = answer.map_err(|error| RecycleError::Backend(Fault::of(&error)))?;
        Reply::new(answer).map(drop).map_err(RecycleError::Backend)
    }
}

//! Three masters with a replica each.

use std::collections::BTreeMap;

use super::super::until;
use super::RedisServer;
use super::replication::follows;
use super::server::Role;

const MASTERS: usize = 3;
const NODES: usize = 2 * MASTERS;

const DIRECTIVES: &[(&str, &str)] = &[
    ("cluster-enabled", "yes"),
    // Milliseconds until a silent node is suspected; a failover takes about twice as long.
    ("cluster-node-timeout", "1000"),
    // A replica takes over however long it had no link: tests are slow in odd places.
    ("cluster-replica-validity-factor", "0"),
];

/// What CLUSTER NODES calls a node: 40 hex digits.
type NodeId = String;

/// A Redis Cluster on one machine.
pub(crate) struct Cluster {
    /// In no order: who is a master changes.
    pub(crate) nodes: Vec<RedisServer>,
}

/// A line of CLUSTER NODES.
struct Member {
    id: NodeId,
    port: u16,
    /// None for a master.
    master: Option<NodeId>,
    slots: Vec<(u16, u16)>,
}

impl Cluster {
    /// Starts six nodes, shares the slots out, and waits until every node says that all is well.
    pub(crate) async fn start() -> Self {
        let start = || RedisServer::start_as(Role::ClusterNode, DIRECTIVES, |_| ());
        let cluster = Self { nodes: (0..NODES).map(|_| start()).collect() };
        let (masters, replicas) = cluster.nodes.split_at(MASTERS);
        let ranges = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
        for (epoch, (master, (first, last))) in (1_u64..).zip(masters.iter().zip(ranges)) {
            // Different ones from the start, so that nobody has to settle a conflict.
            master.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch.to_string()]);
            master.cli(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
        }
        // Everybody meets everybody, which is quicker than waiting for gossip.
        for (at, node) in cluster.nodes.iter().enumerate() {
            for other in cluster.nodes.iter().skip(at + 1) {
                let (port, bus) = (other.port().to_string(), other.config("cluster-port"));
                node.cli(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
            }
        }
        for (replica, master) in replicas.iter().zip(masters) {
            let id = master.cli(&["CLUSTER", "MYID"]);
            until("the nodes have met", async || {
                replica.try_cli(&["CLUSTER", "REPLICATE", &id]).is_ok()
            })
            .await;
        }
        until("every master has a replica", async || {
            cluster.nodes.iter().all(|node| {
                let members = members(node);
                members.len() == NODES
                    && members.iter().filter(|m| m.master.is_none()).count() == MASTERS
            })
        })
        .await;
        cluster.await_ok().await;
        cluster
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// Which of `nodes` serves this key, dead or alive.
    pub(crate) fn master_of(&self, key: &str) -> usize {
        let node = self.up().next().unwrap();
        let slot = node.cli(&["CLUSTER", "KEYSLOT", key]).parse().unwrap();
        let serves = |member: &Member| {
            member.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
        };
        let port = members(node).into_iter().find(serves).unwrap().port;
        self.nodes.iter().position(|node| node.port() == port).unwrap()
    }

    /// Which of `nodes` follows the master with this id.
    pub(crate) fn replica_of(&self, id: &str) -> Option<usize> {
        let members = members(self.up().next()?);
        let replica = members.iter().find(|member| member.master.as_deref() == Some(id))?;
        self.nodes.iter().position(|node| node.port() == replica.port)
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, which: usize) {
        self.nodes[which].kill();
    }

    /// Waits until every node that runs says that all is well, that the same running nodes serve all
    /// slots, and every running replica holds what its master holds.
    pub(crate) async fn await_ok(&self) {
        until("the cluster is well", async || self.is_ok()).await;
    }

    fn up(&self) -> impl Iterator<Item = &RedisServer> {
        self.nodes.iter().filter(|node| node.is_up())
    }

    fn is_ok(&self) -> bool {
        let by_port: BTreeMap<_, _> = self.up().map(|node| (node.port(), node)).collect();
        let mut views = Vec::new();
        for node in self.up() {
            if !node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
                return false;
            }
            let members = members(node);
            let masters: BTreeMap<_, _> =
                members.iter().filter_map(|m| Some((&m.id, *by_port.get(&m.port)?))).collect();
            for Member { port, master, slots, .. } in &members {
                let Some(node) = by_port.get(port) else {
                    if slots.is_empty() {
                        continue;
                    }
                    return false;
                };
                if let Some(master) = master
                    && !masters.get(master).is_some_and(|master| follows(node, master))
                {
                    return false;
                }
            }
            let mut view: Vec<_> = members.into_iter().map(|m| (m.port, m.slots)).collect();
            view.retain(|(_, slots)| !slots.is_empty());
            view.sort();
            views.push(view);
        }
        views.windows(2).all(|pair| pair[0] == pair[1])
    }
}

/// Who is in the cluster, as this node sees it.
fn members(node: &RedisServer) -> Vec<Member> {
    // id ip:port@bus[,hostname] flags master ping pong epoch link [slots...]
    let member = |line: &str| {
        let fields: Vec<_> = line.split(' ').collect();
        let port = fields[1].split([':', '@']).nth(1).unwrap().parse().unwrap();
        let master = Some(fields[3]).filter(|id| *id != "-").map(str::to_owned);
        let slots = fields[8..].iter().filter(|slots| !slots.starts_with('['));
        let slots = slots.map(|slots| {
            let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
            (first.parse().unwrap(), last.parse().unwrap())
        });
        Member { id: fields[0].to_owned(), port, master, slots: slots.collect() }
    };
    node.cli(&["CLUSTER", "NODES"]).lines().map(member).collect()
}

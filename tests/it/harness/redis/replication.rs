//! A master and its replicas.

use std::mem;

use super::super::until;
use super::RedisServer;

/// A master with replicas, on its own: nobody promotes a replica but the test.
pub(crate) struct Replicated {
    pub(crate) master: RedisServer,
    pub(crate) replicas: Vec<RedisServer>,
}

impl Replicated {
    /// Starts a master and this many replicas, and waits until they hold what it holds.
    pub(crate) async fn start(replicas: usize) -> Self {
        let master = RedisServer::start();
        let replicas = (0..replicas).map(|_| RedisServer::start()).collect();
        let group = Self { master, replicas };
        group.rejoin().await;
        group
    }

    /// Makes `replicas[which]` the master. The old one, dead or alive, takes its place in `replicas`,
    /// and like the other replicas it learns nothing of this before `rejoin`.
    pub(crate) fn promote(&mut self, which: usize) {
        mem::swap(&mut self.master, &mut self.replicas[which]);
        self.master.cli(&["REPLICAOF", "NO", "ONE"]);
    }

    /// Has everybody else follow the master, and waits until they hold what it holds. Whatever only
    /// they had is lost. All have to run.
    pub(crate) async fn rejoin(&self) {
        let port = self.master.port().to_string();
        for replica in &self.replicas {
            replica.cli(&["REPLICAOF", "127.0.0.1", &port]);
        }
        self.in_sync().await;
    }

    /// Waits until all replicas hold what the master holds.
    pub(crate) async fn in_sync(&self) {
        until("the replicas follow", async || {
            self.replicas.iter().all(|replica| follows(replica, &self.master))
        })
        .await;
    }
}

/// Whether the replica has received everything from this master.
pub(super) fn follows(replica: &RedisServer, master: &RedisServer) -> bool {
    replica.info("master_port") == master.port().to_string()
        && replica.info("master_link_status") == "up"
        && replica.info("slave_repl_offset") == master.info("master_repl_offset")
}

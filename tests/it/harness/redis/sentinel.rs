//! A master, two replicas, and three sentinels that agree on who is the master.

use std::sync::Mutex;

use super::super::until;
use super::RedisServer;
use super::replication::{Replicated, follows};
use super::server::Role;

/// A master is down after this many milliseconds without an answer.
const DOWN_AFTER: &str = "500";
/// Two of three.
const QUORUM: &str = "2";
/// Milliseconds; twice this passes before a second attempt at a failover.
const FAILOVER_TIMEOUT: &str = "1000";

/// Sentinels find each other and the replicas in seconds, and see a stall of two seconds as a reason
/// to do nothing for thirty. Milliseconds, for a busy machine and an impatient test.
const HASTE: &[(&str, &str)] = &[
    ("info-period", "200"),
    ("publish-period", "100"),
    ("ask-period", "100"),
    // They ask replicas for INFO once a second while the master is down, whatever the period above,
    // and promote none whose INFO is older than five of these: not below 200.
    ("ping-period", "300"),
    ("tilt-trigger", "20000"),
];

/// A Redis that fails over by itself.
pub(crate) struct Sentinels {
    /// In no order: who is the master changes.
    pub(crate) servers: Vec<RedisServer>,
    /// The sentinels themselves.
    pub(crate) watchers: Vec<RedisServer>,
    /// Where the master was when the test last asked.
    known: u16,
}

impl Sentinels {
    /// What the sentinels call the master.
    pub(crate) const SERVICE: &str = "primary";

    /// Waits until the sentinels know the replicas and each other.
    pub(crate) async fn start() -> Self {
        let Replicated { master, replicas } = Replicated::start(2).await;
        let known = master.port();
        let port = known.to_string();
        let service = Self::SERVICE;
        let monitor = [service, "127.0.0.1", &port, QUORUM].join(" ");
        let start = || {
            let directives = [
                ("sentinel monitor", monitor.as_str()),
                ("sentinel down-after-milliseconds", &format!("{service} {DOWN_AFTER}")),
                ("sentinel failover-timeout", &format!("{service} {FAILOVER_TIMEOUT}")),
            ];
            let sentinel = RedisServer::start_as(Role::Sentinel, &directives, |_| ());
            for (setting, milliseconds) in HASTE {
                sentinel.cli(&["SENTINEL", "DEBUG", setting, milliseconds]);
            }
            sentinel
        };
        let watchers = (0..3).map(|_| start()).collect();
        let servers = [master].into_iter().chain(replicas).collect();
        let group = Self { servers, watchers, known };
        until("the sentinels know each other", async || group.is_complete()).await;
        group
    }

    fn is_complete(&self) -> bool {
        self.watchers.iter().all(|sentinel| {
            let master = sentinel.cli(&["SENTINEL", "MASTER", Self::SERVICE]);
            let field = |name: &str| master.lines().skip_while(|line| *line != name).nth(1);
            field("num-slaves") == Some("2") && field("num-other-sentinels") == Some("2")
        })
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.watchers.iter().map(RedisServer::url).collect()
    }

    /// The master, if all sentinels that run name the same one.
    fn agreed(&self) -> Option<u16> {
        let mut named = self.watchers.iter().filter(|sentinel| sentinel.is_up()).map(|sentinel| {
            let address = sentinel.cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::SERVICE]);
            address.lines().nth(1).unwrap().parse().unwrap()
        });
        let first = named.next()?;
        named.all(|other: u16| other == first).then_some(first)
    }

    /// Asks the sentinels, and waits until they agree.
    pub(crate) async fn master(&mut self) -> &mut RedisServer {
        let port = self.port_when("the sentinels agree", |_| true).await;
        self.server(port)
    }

    /// kill -9 of the master.
    pub(crate) async fn kill_master(&mut self) {
        self.master().await.kill();
    }

    /// Waits until the sentinels have made another server the master than the one that they named
    /// when `master` or `kill_master` was last called, and those that run follow it.
    pub(crate) async fn await_failover(&mut self) -> &mut RedisServer {
        let replaced = |port| port != self.known && self.is_followed(port);
        let port = self.port_when("the sentinels replace the master", replaced).await;
        self.server(port)
    }

    /// Whether all servers run, and follow the master that the sentinels agree on.
    pub(crate) fn is_whole(&self) -> bool {
        self.servers.iter().all(RedisServer::is_up)
            && self.agreed().is_some_and(|port| self.is_followed(port))
    }

    /// Waits until the sentinels agree on a port that is as it should be.
    async fn port_when(&self, what: &str, as_it_should_be: impl Fn(u16) -> bool) -> u16 {
        let agreed = Mutex::new(None);
        until(what, async || {
            let port = self.agreed().filter(|port| as_it_should_be(*port));
            *agreed.lock().unwrap() = port;
            port.is_some()
        })
        .await;
        agreed.into_inner().unwrap().unwrap()
    }

    fn server(&mut self, port: u16) -> &mut RedisServer {
        self.known = port;
        self.servers.iter_mut().find(|server| server.port() == port).unwrap()
    }

    fn is_followed(&self, port: u16) -> bool {
        let (master, others): (Vec<_>, Vec<_>) =
            self.servers.iter().filter(|server| server.is_up()).partition(|s| s.port() == port);
        let [master] = master[..] else { return false };
        master.info("role") == "master" && others.iter().all(|replica| follows(replica, master))
    }
}

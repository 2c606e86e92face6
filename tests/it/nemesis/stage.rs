//! The Redis of a round, and what is done to it.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::super::harness::dice::Dice;
use super::super::harness::proxy::Proxy;
use super::super::harness::redis::{Cluster, Dump, RedisServer, Replicated, Sentinels};
use super::super::harness::{tell, until};
use super::namespace::Namespace;
use super::nemesis::pause;
use super::trace::Trace;

/// The user of a round whose Redis forbids `CONFIG` and `INFO`.
const LIMITED: &str = "limited";
const PASSWORD: &str = "a-password-for-tests-only";
const LIMITED_RULES: &str = "limited on >a-password-for-tests-only ~{signout}:* ~signout:* &* +@all \
                             -@admin -@dangerous -config -info";

/// Sentinels that agree need a second or two; those that do not try again later.
const FAILOVER_WITHIN: Duration = Duration::from_secs(8);

/// What a server keeps over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Nothing.
    Nothing,
    /// All but what the last second brought, if the machine goes down.
    EverySecond,
    /// Everything that it acknowledged.
    Always,
}

/// What to set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// One server; each instance has its own way to it.
    Single(Keeping),
    /// The same, with a user who may run neither `CONFIG` nor `INFO`.
    Limited,
    /// The same server, and the first instance on a host of its own.
    Namespace,
    /// A master with two replicas behind an address that is moved by hand.
    Moving,
    /// A master with two replicas and three sentinels.
    Sentinels,
    /// Three masters with a replica each.
    Cluster,
}

pub(super) struct Stage {
    redis: Servers,
    setting: Setting,
    /// A way to Redis for each instance; none where Redis tells its addresses itself.
    pub(super) network: Arc<Vec<Proxy>>,
    /// Where the first instance lives, if not among the others.
    pub(super) namespace: Option<Arc<Namespace>>,
    dump: Option<Dump>,
}

enum Servers {
    Single(RedisServer),
    Moving(Replicated),
    Sentinels(Sentinels),
    Cluster(Cluster),
}

/// What is done to Redis.
#[derive(Clone, Copy, Debug)]
enum Strike {
    Kill,
    Freeze,
    Flush,
    Empty,
    Save,
    Restore,
    Evict,
    Fill,
    DeleteLog,
    DeleteHead,
    DeleteSome,
    Foreign,
    DeleteEntries,
    ForgetScripts,
    Kick,
    /// A replica that lagged becomes the master.
    PromoteStale,
    /// The same, while one instance still writes to the old master.
    Split,
    /// The master is killed, and a replica takes its place.
    Succeed,
    Failover,
    FreezeSentinel,
}

use Strike::{
    DeleteEntries, DeleteHead, DeleteLog, DeleteSome, Empty, Evict, Failover, Fill, Flush, Foreign,
    ForgetScripts, Freeze, FreezeSentinel, Kick, Kill, PromoteStale, Restore, Save, Split, Succeed,
};

impl Setting {
    const fn strikes(self) -> &'static [Strike] {
        match self {
            Self::Single(Keeping::Nothing) => &[
                Kill,
                Freeze,
                Flush,
                Empty,
                Save,
                Restore,
                Save,
                Restore,
                Evict,
                Fill,
                DeleteLog,
                DeleteHead,
                DeleteSome,
                Foreign,
                DeleteEntries,
                ForgetScripts,
                Kick,
            ],
            Self::Single(Keeping::EverySecond) | Self::Limited | Self::Namespace => &[
                Kill,
                Freeze,
                Flush,
                Empty,
                Evict,
                Fill,
                DeleteLog,
                DeleteHead,
                DeleteSome,
                Foreign,
                DeleteEntries,
                ForgetScripts,
                Kick,
            ],
            Self::Single(Keeping::Always) => &[Kill, Freeze, Fill, ForgetScripts, Kick],
            Self::Moving => {
                &[PromoteStale, PromoteStale, Split, Split, Succeed, Flush, Freeze, Kick, Evict]
            }
            Self::Sentinels => &[Kill, Kill, Failover, Freeze, Empty, Flush, FreezeSentinel],
            Self::Cluster => &[Kill, Kill, Failover, Failover, Freeze, Flush],
        }
    }
}

impl Stage {
    /// Sets it up, with a way for so many instances.
    pub(super) async fn set(setting: Setting, instances: usize) -> Self {
        let namespace = match setting {
            Setting::Namespace => {
                Namespace::make().map_err(|why| tell_loudly(&why)).ok().map(Arc::new)
            }
            _ => None,
        };
        let (redis, reached) = match setting {
            Setting::Single(keeping) => {
                let directives: &[_] = match keeping {
                    Keeping::Nothing => &[],
                    Keeping::EverySecond => &[("appendonly", "yes"), ("appendfsync", "everysec")],
                    Keeping::Always => &[("appendonly", "yes"), ("appendfsync", "always")],
                };
                let server = RedisServer::start_with(directives);
                let address = address(&server);
                (Servers::Single(server), Some(address))
            }
            Setting::Limited => {
                let directives = [("appendonly", "yes"), ("user", LIMITED_RULES)];
                let server = RedisServer::start_with(&directives);
                let address = address(&server);
                (Servers::Single(server), Some(address))
            }
            Setting::Namespace => {
                let other = namespace.as_ref().map(|namespace| namespace.redis().to_string());
                let bind = format!("127.0.0.1 {}", other.unwrap_or_default());
                let directives = [("appendonly", "yes"), ("bind", &bind), ("protected-mode", "no")];
                let server = RedisServer::start_with(&directives);
                let address = address(&server);
                (Servers::Single(server), Some(address))
            }
            Setting::Moving => {
                let group = Replicated::start(2).await;
                let address = address(&group.master);
                (Servers::Moving(group), Some(address))
            }
            Setting::Sentinels => (Servers::Sentinels(Sentinels::start().await), None),
            Setting::Cluster => (Servers::Cluster(Cluster::start().await), None),
        };
        let ways = reached.into_iter().flat_map(|address| (0..instances).map(move |_| address));
        let network = Arc::new(ways.map(Proxy::start).collect());
        Self { redis, setting, network, namespace, dump: None }
    }

    /// `[redis]` of one instance.
    pub(super) fn settings(&self, instance: usize, acknowledge: &str) -> String {
        let (mode, urls) = match &self.redis {
            Servers::Single(server) if instance == 0 && self.namespace.is_some() => {
                let host = self.namespace.as_ref().unwrap().redis();
                ("single", vec![format!("redis://{host}:{}", server.port())])
            }
            Servers::Single(_) | Servers::Moving(_) => {
                let way = self.network[instance].address();
                ("single", vec![format!("redis://{way}")])
            }
            Servers::Sentinels(group) => ("sentinel", group.urls()),
            Servers::Cluster(cluster) => ("cluster", cluster.urls()),
        };
        let mut settings = format!(
            "[redis]\nmode = {mode:?}\nurls = {urls:?}\nkey_prefix = \"signout\"\n\
             accept_volatile_redis = true\nacknowledge = {acknowledge:?}\n"
        );
        if mode == "sentinel" {
            writeln!(settings, "service_name = {:?}", Sentinels::SERVICE).unwrap();
        }
        if self.setting == Setting::Limited {
            writeln!(settings, "username = {LIMITED:?}\npassword = {PASSWORD:?}").unwrap();
        }
        settings
    }

    /// Strikes until it is told to stop, and leaves Redis whole; tells how often.
    pub(super) async fn strike_on(
        &mut self,
        trace: &Trace,
        mut dice: Dice,
        stopped: impl Fn() -> bool,
    ) -> usize {
        let mut strikes = 0;
        loop {
            pause(&mut dice).await;
            if stopped() {
                break;
            }
            strikes += 1;
            let all = self.setting.strikes();
            let strike = all[dice.place(all.len())];
            trace.say(&format!("redis: {strike:?}"));
            self.strike(strike, &mut dice).await;
            trace.say("redis: done");
        }
        self.heal().await;
        strikes
    }

    async fn strike(&mut self, strike: Strike, dice: &mut Dice) {
        match &mut self.redis {
            Servers::Single(server) => {
                strike_server(server, &mut self.dump, strike, dice).await;
            }
            Servers::Moving(group) => match strike {
                PromoteStale | Split | Succeed => {
                    succeed(group, &self.network, strike, dice).await;
                }
                other => strike_server(&mut group.master, &mut self.dump, other, dice).await,
            },
            Servers::Sentinels(group) => strike_sentinels(group, strike, dice).await,
            Servers::Cluster(cluster) => strike_cluster(cluster, strike, dice).await,
        }
    }

    /// Everything runs, keeps what it is given, and has its replicas.
    async fn heal(&mut self) {
        match &mut self.redis {
            Servers::Single(_) => {}
            Servers::Moving(group) => group.rejoin().await,
            Servers::Sentinels(group) => {
                group.master().await;
            }
            Servers::Cluster(cluster) => cluster.await_ok().await,
        }
    }
}

/// Not a skip: the round is played, with a proxy in place of the cable.
fn tell_loudly(why: &str) {
    tell(&format!("nemesis: NO NETWORK NAMESPACES HERE, proxies have to do: {why}"));
}

async fn hold(dice: &mut Dice, least: u64, more: u64) {
    tokio::time::sleep(Duration::from_millis(least + dice.below(more))).await;
}

fn address(server: &RedisServer) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, server.port()).into()
}

/// What can be done to any one server.
async fn strike_server(
    server: &mut RedisServer,
    dump: &mut Option<Dump>,
    strike: Strike,
    dice: &mut Dice,
) {
    // Scripts are not run by a server that is full; everything else here has to go well.
    let key = |name: &str| format!("{{signout}}:{name}");
    match strike {
        Kill => {
            server.kill();
            hold(dice, 0, 2_000).await;
            server.restart();
        }
        Freeze => {
            server.stop();
            hold(dice, 500, 3_000).await;
            server.cont();
        }
        Flush => server.flushall(),
        Empty => {
            server.kill();
            hold(dice, 0, 1_000).await;
            server.restart_empty();
        }
        Save => *dump = Some(server.copy_dump()),
        Restore => {
            if let Some(dump) = dump {
                server.restore_dump(dump);
            }
        }
        Evict => {
            server.config_set("maxmemory-policy", "allkeys-lru");
            let used: u64 = server.info("used_memory").parse().unwrap();
            server.config_set("maxmemory", &(used - used / 10).to_string());
            hold(dice, 500, 1_500).await;
            server.config_set("maxmemory", "0");
            server.config_set("maxmemory-policy", "noeviction");
        }
        Fill => {
            server.config_set("maxmemory", "1");
            hold(dice, 300, 1_700).await;
            server.config_set("maxmemory", "0");
        }
        DeleteLog => drop(server.cli(&["DEL", &key("log")])),
        DeleteHead => drop(server.cli(&["DEL", &key("head")])),
        DeleteSome => {
            for _ in 0..20 {
                let some = server.cli(&["RANDOMKEY"]);
                server.cli(&["DEL", &some]);
            }
        }
        Foreign => {
            // Whoever types it in the wrong place sees an error if the key is of another type.
            let _ = server.try_cli(&["XADD", &key("log"), "*", "x", "y"]);
        }
        DeleteEntries => {
            let last = server.cli(&["HGET", &key("head"), "seq"]);
            if let Ok(last @ 2..) = last.parse::<u64>() {
                let some = 1 + dice.below(last - 1);
                server.cli(&["XDEL", &key("log"), &format!("{some}-0")]);
            }
        }
        ForgetScripts => drop(server.cli(&["SCRIPT", "FLUSH"])),
        Kick => drop(server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])),
        PromoteStale | Split | Succeed | Failover | FreezeSentinel => {
            panic!("{strike:?} takes more than one server")
        }
    }
}

/// A replica takes the place of the master, and the old one follows it then.
async fn succeed(group: &mut Replicated, network: &[Proxy], strike: Strike, dice: &mut Dice) {
    let which = dice.place(group.replicas.len());
    if let Succeed = strike {
        group.master.kill();
        hold(dice, 0, 1_000).await;
    } else {
        // From here on it falls behind.
        group.replicas[which].cli(&["REPLICAOF", "NO", "ONE"]);
        hold(dice, 300, 1_500).await;
    }
    group.promote(which);
    let new = address(&group.master);
    let left_behind = if let Split = strike { dice.place(network.len()) } else { network.len() };
    for (place, way) in network.iter().enumerate() {
        way.aim(new);
        if place != left_behind {
            way.cut();
        }
    }
    if let Split = strike {
        hold(dice, 300, 2_000).await;
        network[left_behind].cut();
    }
    if let Succeed = strike {
        group.replicas[which].restart();
    }
    group.rejoin().await;
}

async fn strike_sentinels(group: &mut Sentinels, strike: Strike, dice: &mut Dice) {
    match strike {
        Kill => {
            let old = group.master().await.port();
            group.kill_master().await;
            is_replaced(group).await;
            hold(dice, 0, 500).await;
            let old = group.servers.iter_mut().find(|server| server.port() == old).unwrap();
            old.restart();
        }
        Failover => {
            group.master().await;
            // Refused while another failover is under way, or no replica is good enough.
            let begun = group.watchers[0].try_cli(&["SENTINEL", "FAILOVER", Sentinels::SERVICE]);
            if begun.is_ok() {
                is_replaced(group).await;
            }
        }
        Freeze => {
            // Long enough for the sentinels to replace it, and then it comes back.
            let old = group.master().await.port();
            let master = group.servers.iter_mut().find(|server| server.port() == old).unwrap();
            master.stop();
            is_replaced(group).await;
            hold(dice, 0, 1_000).await;
            let old = group.servers.iter_mut().find(|server| server.port() == old).unwrap();
            old.cont();
        }
        Empty => {
            // Quicker than the sentinels: its replicas forget everything with it.
            let master = group.master().await;
            master.restart_empty();
        }
        Flush => group.master().await.flushall(),
        FreezeSentinel => {
            let which = dice.place(group.watchers.len());
            group.watchers[which].stop();
            hold(dice, 500, 2_500).await;
            group.watchers[which].cont();
        }
        other => panic!("{other:?} is not for sentinels"),
    }
    // Whoever comes back follows the new master before the next strike.
    until("the replicas follow the master", async || group.is_whole()).await;
}

/// Waits for a failover, but not for one that the sentinels gave up.
async fn is_replaced(group: &mut Sentinels) {
    let _ = tokio::time::timeout(FAILOVER_WITHIN, group.await_failover()).await;
}

async fn strike_cluster(cluster: &mut Cluster, strike: Strike, dice: &mut Dice) {
    // Two of three times it is the node that holds the log.
    let key = if dice.below(3) < 2 { "{signout}:log".to_owned() } else { dice.next().to_string() };
    let master = cluster.master_of(&key);
    match strike {
        Kill => {
            cluster.kill(master);
            cluster.await_ok().await;
            hold(dice, 0, 500).await;
            cluster.nodes[master].restart();
        }
        Freeze => {
            cluster.nodes[master].stop();
            // Longer than it takes the others to replace it, or shorter.
            hold(dice, 500, 3_500).await;
            cluster.nodes[master].cont();
        }
        Failover => {
            let id = cluster.nodes[master].cli(&["CLUSTER", "MYID"]);
            let replica = cluster.replica_of(&id);
            let how = ["FORCE", "TAKEOVER"][dice.place(2)];
            if let Some(replica) = replica {
                cluster.nodes[replica].cli(&["CLUSTER", "FAILOVER", how]);
            }
        }
        Flush => cluster.nodes[master].flushall(),
        other => panic!("{other:?} is not for a cluster"),
    }
    cluster.await_ok().await;
}

//! What is done to Redis.

use std::time::Duration;

use super::super::harness::dice::Dice;
use super::super::harness::proxy::Proxy;
use super::super::harness::redis::{Cluster, Dump, RedisServer, Replicated, Sentinels};
use super::super::harness::until;
use super::group::address;
use super::nemesis::hold;

/// Sentinels that agree need a second or two; those that do not try again later.
const FAILOVER_WITHIN: Duration = Duration::from_secs(8);

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Strike {
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

/// What can be done to any one server.
pub(super) async fn strike_server(
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
pub(super) async fn succeed(
    group: &mut Replicated,
    network: &[Proxy],
    strike: Strike,
    dice: &mut Dice,
) {
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

pub(super) async fn strike_sentinels(group: &mut Sentinels, strike: Strike, dice: &mut Dice) {
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

pub(super) async fn strike_cluster(cluster: &mut Cluster, strike: Strike, dice: &mut Dice) {
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

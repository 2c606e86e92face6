//! The Redis of a round, and what is done to it.

use std::fmt::Write as _;
use std::sync::Arc;

use super::super::harness::dice::Dice;
use super::super::harness::proxy::Proxy;
use super::super::harness::redis::{Cluster, Dump, RedisServer, Replicated, Sentinels};
use super::super::harness::tell;
use super::group::address;
use super::namespace::Namespace;
use super::nemesis::pause;
use super::strikes::Strike::{
    self, DeleteEntries, DeleteHead, DeleteLog, DeleteSome, Empty, Evict, Failover, Fill, Flush,
    Foreign, ForgetScripts, Freeze, FreezeSentinel, Kick, Kill, PromoteStale, Restore, Save, Split,
    Succeed,
};
use super::strikes::{strike_cluster, strike_sentinels, strike_server, succeed};
use super::trace::Trace;

/// The user of a round whose Redis forbids `CONFIG` and `INFO`.
const LIMITED: &str = "limited";
const PASSWORD: &str = "a-password-for-tests-only";
const LIMITED_RULES: &str = "limited on >a-password-for-tests-only ~{signout}:* ~signout:* &* +@all \
                             -@admin -@dangerous -config -info";

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

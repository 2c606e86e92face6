//! An instance within this process, so that its index can be looked at without a request.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use prometheus::Registry;
use signout::clock::{Clock, SystemClock};
use signout::journal::Journal;
use signout::redis::{Address, Config, DirectKeys, KeyPrefix, Login, Redis, Topology};
use signout::replicator::{self, Replicator, Sharing, State, Volatile};
use signout::revoker::{self, Policies, Revoker, Running};
use signout::settings::Acknowledge;
use signout_checker::Index;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::server::RedisServer;
use crate::service;

/// As the application wires it, without HTTP: the revoker's thread, and one thread that shares.
pub(crate) struct Instance {
    pub(crate) revoker: Option<Revoker>,
    /// When it began to connect.
    pub(crate) began: Instant,
    sharing: Sharing,
    stop: Option<oneshot::Sender<()>>,
    shares: Option<thread::JoinHandle<()>>,
    running: Option<Running>,
    _folder: tempfile::TempDir,
}

/// The way to the Redis, for a prefix.
pub(crate) fn redis(server: &RedisServer, prefix: &str, direct_keys: DirectKeys) -> Redis {
    let config = Config {
        topology: Topology::Single(Address::parse(&server.url()).unwrap()),
        login: Login::default(),
        ca_file: None,
        prefix: KeyPrefix::parse(prefix).unwrap(),
        direct_keys,
        connect_timeout: Duration::from_secs(1),
        response_timeout: Duration::from_millis(500),
    };
    Redis::new(&config).unwrap()
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

impl Instance {
    /// With an empty journal.
    pub(crate) fn start(server: &RedisServer, prefix: &str) -> Self {
        let folder = service::folder();
        let path = service::journal(folder.path());
        let registry = Registry::new();
        let redis = redis(server, prefix, DirectKeys::Omit);
        let mut journal = Journal::open(&path).unwrap();
        let runtime = runtime();
        runtime.block_on(replicator::join(&redis, &mut journal, &path, Volatile::Refuse)).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let (revoker, running, _) = Revoker::start(revoker::Parts {
            path,
            journal,
            policies: Policies::default(),
            clock: Arc::clone(&clock),
            metrics: revoker::Metrics::register(&registry).unwrap(),
        })
        .unwrap();
        let replicator = Replicator::new(replicator::Parts {
            redis,
            direct_keys: DirectKeys::Omit,
            acknowledge: Acknowledge::Journal,
            revoker: revoker.clone(),
            policies: Policies::default(),
            clock,
            metrics: replicator::Metrics::register(&registry).unwrap(),
        });
        let sharing = replicator.sharing();
        let (stop, stopped) = oneshot::channel();
        let began = Instant::now();
        let shares = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = replicator.run() => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            revoker: Some(revoker),
            began,
            sharing,
            stop: Some(stop),
            shares: Some(shares),
            running: Some(running),
            _folder: folder,
        }
    }

    pub(crate) fn index(&self) -> &Index {
        self.revoker.as_ref().unwrap().index()
    }

    /// Waits until it shares what it takes, and follows what others take.
    pub(crate) fn shares(&self) {
        while !matches!(self.sharing.state().as_deref(), Some(State::Sharing(_))) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.shares.take().unwrap().join();
        // The thread behind the journal ends with the last revoker.
        drop(self.revoker.take());
        self.running.take().unwrap().join();
    }
}

//! Wiring: from settings to a service that runs. Nothing is decided here.

mod forwarding;
mod introspection;
mod providers;
mod sharing;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGaugeVec, Opts, Registry};
use thiserror::Error;
use tokio::task::JoinSet;

use forwarding::Deliveries;
use providers::{bearer_rules, configured, policy, provider_config};
use sharing::Shared;

use crate::bearer::Bearers;
use crate::clock::Clock;
use crate::feed::{self, Feed, Hub};
use crate::forwarder;
use crate::http::{
    self, ApiKeys, ForwardAuthRules, Issuers, Knowledge, Listeners, MaxBodyBytes, ServeError,
    Server, Stopping, Tls,
};
use crate::jose::DecrypterError;
use crate::journal::{Journal, OpenError, Replayed};
use crate::provider::{self, EndpointError, ProviderConfigError, Providers};
use crate::redis::ConfigError;
use crate::replicator::{self, JoinError, Replicator, Sharing};
use crate::revoker::{self, Parts, Policies, Revoker, Running};
use crate::settings::{ProviderName, Settings};

/// How often the revoker forgets what is over, and tries to resume after a full disk.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// For Redis, and then for providers, to take what was committed last, when the service stops.
const DRAIN: Duration = Duration::from_secs(2);

/// A service that is bound and has its state back, but does not answer yet.
pub struct Application {
    address: SocketAddr,
    operators_address: SocketAddr,
    replayed: Replayed,
    listeners: Listeners,
    tls: Option<Tls>,
    server: Server,
    running: Running,
    providers: Providers,
    replicator: Option<Replicator>,
    hub: Hub,
    deliveries: Deliveries,
}

/// Why the service does not start, or why it stopped.
#[derive(Debug, Error)]
pub enum ApplicationError {
    /// A key for encrypted logout tokens is no good.
    #[error("provider {provider}: encryption_keys: {source}")]
    Decrypter {
        /// The provider's name.
        provider: ProviderName,
        /// What is wrong.
        source: DecrypterError,
    },
    /// A key for encrypted logout tokens cannot be read.
    #[error("encryption_keys: {path}: {source}", path = .path.display())]
    EncryptionKey {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An address that was bound cannot be told.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A `jwks_uri` may not be asked.
    #[error("provider {provider}: jwks_uri: {source}")]
    JwksUri {
        /// The provider's name.
        provider: ProviderName,
        /// What is wrong.
        source: EndpointError,
    },
    /// The journal does not open.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The way to Redis cannot be made.
    #[error(transparent)]
    Redis(#[from] ConfigError),
    /// The journal and Redis do not go together.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Two metrics have one name: a mistake of ours.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// A provider's settings do not fit together.
    #[error(transparent)]
    Provider(#[from] ProviderConfigError),
    /// The system has no randomness to give.
    #[error("the system gives no random bytes: {0}")]
    Randomness(getrandom::Error),
    /// The key that answers are signed with cannot be had.
    #[error("the signing key of [introspection], {path}: {reason}", path = .path.display())]
    SigningKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// What `[provider.revocation]` says cannot be used.
    #[error("provider {provider}: revocation: {reason}")]
    Revocation {
        /// The provider's name.
        provider: ProviderName,
        /// What is wrong.
        reason: String,
    },
    /// The service cannot listen.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl Application {
    /// Opens the journal, brings the state back and binds. No provider is asked yet; Redis is asked
    /// for the deployment's key, if this journal does not know it.
    pub async fn prepare(
        settings: &Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ApplicationError> {
        let registry = Registry::new();
        build_info(&registry)?;
        process_metrics(&registry)?;
        let providers = Providers::new(
            settings.providers.iter().map(provider_config).collect::<Result<Vec<_>, _>>()?,
            &provider::Metrics::register(&registry)?,
        )?;
        let forwarded = forwarder::Metrics::register(&registry)?;
        let (configured, deliveries) = configured(settings, &providers, &forwarded)?;
        let audiences = settings.forward_auth.audiences.as_slice().into();
        let rules = settings.providers.iter().zip(providers.iter());
        let rules = rules.map(|(provider_settings, provider)| {
            bearer_rules(provider_settings, &settings.forward_auth, &audiences, provider)
        });
        let bearers = Bearers::new(rules.collect()).map_err(ApplicationError::Randomness)?;
        let bearers = Arc::new(bearers);
        let server = &settings.server;
        let listeners = Listeners::bind(server.listen, server.metrics_listen)?;
        let path = settings.journal.path.clone();
        let mut journal = Journal::open(&path)?;
        let introspection = introspection::rules(settings, &providers, &bearers)?;
        let policies: Policies = configured.iter().map(policy).collect();
        let sharing = match &settings.redis {
            None => None,
            Some(redis) => Some(Shared::prepare(redis, &mut journal, &path, &registry).await?),
        };
        let (revoker, running, replayed) = Revoker::start(Parts {
            journal,
            path,
            policies: policies.clone(),
            clock: Arc::clone(&clock),
            metrics: revoker::Metrics::register(&registry)?,
        })?;
        let replicator = sharing.map(|shared| {
            Replicator::new(replicator::Parts {
                redis: shared.redis,
                direct_keys: shared.direct_keys,
                acknowledge: shared.acknowledge,
                revoker: revoker.clone(),
                policies,
                clock: Arc::clone(&clock),
                metrics: shared.metrics,
            })
        });
        let sharing = replicator.as_ref().map_or_else(Sharing::alone, Replicator::sharing);
        let (feed, hub) = Feed::new(feed::Parts {
            revoker: revoker.clone(),
            sharing: sharing.clone(),
            clock: Arc::clone(&clock),
            max_subscribers: settings.feed.max_subscribers,
            metrics: feed::Metrics::register(&registry)?,
        });
        let tls = server
            .tls
            .as_ref()
            .map(|tls| Tls { cert_file: tls.cert_file.clone(), key_file: tls.key_file.clone() });
        Ok(Self {
            address: listeners.address()?,
            operators_address: listeners.operators_address()?,
            replayed,
            listeners,
            tls,
            server: Server {
                issuers: Arc::new(Issuers::new(configured)),
                revoker,
                feed,
                knowledge: Knowledge {
                    sharing,
                    max_staleness: settings.checker.max_staleness,
                    when_stale: settings.checker.when_stale,
                },
                bearers,
                forward_auth: ForwardAuthRules::new(&settings.forward_auth),
                introspection: Arc::new(introspection),
                clock,
                api_keys: Arc::new(ApiKeys::new(settings.api_keys.clone())),
                metrics: http::Metrics::register(&registry, providers.iter().map(|p| p.name()))?,
                oauth_metrics: http::OAuthMetrics::register(&registry)?,
                frontchannel_metrics: http::FrontchannelMetrics::register(&registry)?,
                registry,
                max_body: MaxBodyBytes(server.max_body_bytes),
                stopping: Stopping::default(),
            },
            running,
            providers,
            replicator,
            hub,
            deliveries,
        })
    }

    /// Where logouts are taken.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where operators ask.
    #[must_use]
    pub const fn operators_address(&self) -> SocketAddr {
        self.operators_address
    }

    /// What the journal brought back.
    #[must_use]
    pub const fn replayed(&self) -> Replayed {
        self.replayed
    }

    /// The state behind the routes, for whoever runs the service within its own process.
    #[must_use]
    pub const fn revoker(&self) -> &Revoker {
        &self.server.revoker
    }

    /// Serves until `shutdown` is ready; then readiness fails, requests under way are ended, and
    /// the journal is closed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ApplicationError> {
        let Self {
            listeners, tls, server, running, providers, replicator, hub, deliveries, ..
        } = self;
        let delivering = deliveries.start();
        let mut tasks = JoinSet::new();
        for provider in providers.iter() {
            tasks.spawn(Arc::clone(provider).keep_keys(std::future::pending()));
        }
        if let Some(replicator) = replicator {
            tasks.spawn(replicator.run());
        }
        tasks.spawn(hub.run());
        let revoker = server.revoker.clone();
        let sharing = server.knowledge.sharing.clone();
        let last = server.revoker.clone();
        tasks.spawn(async move {
            let mut ticks = tokio::time::interval(TIDY_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                revoker.tidy();
            }
        });
        let served = server.run(listeners, tls, shutdown).await;
        let drained = tokio::time::timeout(DRAIN, sharing.drained(last.position().seq)).await;
        if !matches!(drained, Ok(Ok(()))) {
            tracing::warn!("not everything is in Redis yet; the next start puts it there");
        }
        drop(last);
        delivering.end(DRAIN).await;
        tasks.shutdown().await;
        // Every revoker is gone with the server and the tasks, so the thread comes to its end.
        let joined = tokio::task::spawn_blocking(move || running.join()).await;
        if let Err(error) = joined {
            tracing::error!(%error, "the journal was not closed in order; it is intact all the same");
        }
        Ok(served?)
    }
}

fn build_info(registry: &Registry) -> Result<(), prometheus::Error> {
    let opts = Opts::new("signout_build_info", "The version that runs. Always 1.");
    let info = IntGaugeVec::new(opts, &["version"])?;
    info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    registry.register(Box::new(info))
}

fn process_metrics(registry: &Registry) -> Result<(), prometheus::Error> {
    registry.register(Box::new(ProcessCollector::for_self()))
}

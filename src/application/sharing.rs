//! From `[redis]` to what sharing needs.

use std::path::Path;

use prometheus::Registry;

use super::ApplicationError;
use crate::journal::Journal;
use crate::redis::{self, DirectKeys, Redis};
use crate::replicator::{self, Volatile};
use crate::settings::{Acknowledge, RedisLogin, RedisServers, RedisSettings};

/// What sharing needs before there is a revoker.
pub(super) struct Shared {
    pub(super) redis: Redis,
    pub(super) direct_keys: DirectKeys,
    pub(super) acknowledge: Acknowledge,
    pub(super) metrics: replicator::Metrics,
}

impl Shared {
    pub(super) async fn prepare(
        settings: &RedisSettings,
        journal: &mut Journal,
        path: &Path,
        registry: &Registry,
    ) -> Result<Self, ApplicationError> {
        let config = redis_config(settings);
        let redis = Redis::new(&config)?;
        let metrics = replicator::Metrics::register(registry)?;
        let accepted = settings.accept_volatile_redis;
        let volatile = if accepted { Volatile::Accept } else { Volatile::Refuse };
        replicator::join(&redis, journal, path, volatile).await?;
        let (direct_keys, acknowledge) = (config.direct_keys, settings.acknowledge);
        Ok(Self { redis, direct_keys, acknowledge, metrics })
    }
}

fn redis_config(settings: &RedisSettings) -> redis::Config {
    let login = |login: &RedisLogin| redis::Login {
        username: login.username.clone(),
        password: login.password.as_ref().map(|secret| redis::Password::new(secret.expose())),
    };
    redis::Config {
        topology: match &settings.servers {
            RedisServers::Single(address) => redis::Topology::Single(address.clone()),
            RedisServers::Sentinel { sentinels, service_name, login: sentinel } => {
                redis::Topology::Sentinel {
                    sentinels: sentinels.clone(),
                    service: service_name.clone(),
                    login: login(sentinel),
                }
            }
            RedisServers::Cluster(nodes) => redis::Topology::Cluster(nodes.clone()),
        },
        login: login(&settings.login),
        ca_file: settings.ca_file.clone(),
        prefix: settings.key_prefix.clone(),
        direct_keys: if settings.direct_keys { DirectKeys::Write } else { DirectKeys::Omit },
        connect_timeout: settings.connect_timeout,
        response_timeout: settings.response_timeout,
    }
}

//! `[redis]`: the shared denylist of several instances. Left out for a single one.

use std::path::PathBuf;
use std::time::Duration;

use super::choice::choice;
use super::mistake::Mistake;
use super::report::Reported;
use super::section::Section;
use super::shape::{Flag, Integer, Lasting, Refusal, Word, millis, some, text};
use super::{Secret, Warning};
use crate::redis::{Address, AddressError, KeyPrefix, Transport};

/// The way to Redis, and what is asked of it.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Where it is. `SIGNOUT_REDIS__MODE`, default `single`; `SIGNOUT_REDIS__URLS`, required.
    pub servers: RedisServers,
    /// `SIGNOUT_REDIS__USERNAME`, default the user `default`; `SIGNOUT_REDIS__PASSWORD_FILE`.
    pub login: RedisLogin,
    /// PEM file with the authorities to trust. `SIGNOUT_REDIS__CA_FILE`, default the system's.
    pub ca_file: Option<PathBuf>,
    /// What all keys begin with. `SIGNOUT_REDIS__KEY_PREFIX`, default `signout`.
    pub key_prefix: KeyPrefix,
    /// When a logout is answered. `SIGNOUT_REDIS__ACKNOWLEDGE`, default `journal`; and
    /// `SIGNOUT_REDIS__MIN_REPLICAS`, default 1, with `replicas` only.
    pub acknowledge: Acknowledge,
    /// Whether each target has a key that any language can ask for. `SIGNOUT_REDIS__DIRECT_KEYS`,
    /// default `true`.
    pub direct_keys: bool,
    /// Whether to start beside a Redis that may drop keys.
    /// `SIGNOUT_REDIS__ACCEPT_VOLATILE_REDIS`, default `false`.
    pub accept_volatile_redis: bool,
    /// For a connection with TLS and `AUTH`. `SIGNOUT_REDIS__CONNECT_TIMEOUT`, default `1s`.
    pub connect_timeout: Duration,
    /// For an answer. `SIGNOUT_REDIS__RESPONSE_TIMEOUT`, default `500ms`.
    pub response_timeout: Duration,
}

/// Which servers there are.
#[derive(Clone, Debug)]
pub enum RedisServers {
    /// One.
    Single(Address),
    /// Sentinels, which know the master.
    Sentinel {
        /// All of them: what most of them say holds.
        sentinels: Vec<Address>,
        /// What they call the master. `SIGNOUT_REDIS__SERVICE_NAME`, required.
        service_name: Box<str>,
        /// `SIGNOUT_REDIS__SENTINEL_USERNAME`, `SIGNOUT_REDIS__SENTINEL_PASSWORD_FILE`.
        login: RedisLogin,
    },
    /// Some nodes of a cluster.
    Cluster(Vec<Address>),
}

/// A user and a password.
#[derive(Clone, Debug)]
pub struct RedisLogin {
    /// The user.
    pub username: Option<Box<str>>,
    /// The password.
    pub password: Option<Secret>,
}

/// When a logout is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// When it is on this host's disk.
    Journal,
    /// When it is in Redis, too.
    Redis,
    /// When so many replicas have it, too.
    Replicas(u32),
}

choice! {
    /// `redis.mode`.
    pub(super) enum Mode {
        /// One server.
        Single = "single",
        /// Sentinels.
        Sentinel = "sentinel",
        /// A cluster.
        Cluster = "cluster",
    }
}

choice! {
    /// `redis.acknowledge`.
    pub(super) enum AcknowledgeBy {
        /// The journal.
        Journal = "journal",
        /// Redis.
        Redis = "redis",
        /// Replicas.
        Replicas = "replicas",
    }
}

/// Less than this is lost to a busy machine, and a link that is lost has everything read anew.
const CONNECT: Lasting = millis(50, 30_000);
const RESPONSE: Lasting = millis(50, 10_000);

impl RedisSettings {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let servers = RedisServers::read(section);
        let login = RedisLogin::read(section, "username", "password", "password_file");
        let ca_file = section.optional("ca_file", &text::<PathBuf>());
        let key_prefix = section.or("key_prefix", "signout", &text::<KeyPrefix>());
        let acknowledge = Acknowledge::read(section);
        let direct_keys = section.or("direct_keys", true, &Flag);
        let accept_volatile_redis = section.or("accept_volatile_redis", false, &Flag);
        let connect_timeout = section.or("connect_timeout", "1s", &CONNECT);
        let response_timeout = section.or("response_timeout", "500ms", &RESPONSE);
        let (servers, ca_file) = (servers?, ca_file?);
        if ca_file.is_some() && !servers.has_tls() {
            return Err(section.refuse("ca_file", Mistake::RedisCaFileUnused));
        }
        Ok(Self {
            servers,
            login: login?,
            ca_file,
            key_prefix: key_prefix?,
            acknowledge: acknowledge?,
            direct_keys: direct_keys?,
            accept_volatile_redis: accept_volatile_redis?,
            connect_timeout: connect_timeout?,
            response_timeout: response_timeout?,
        })
    }
}

impl RedisServers {
    fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let mode = section.or("mode", "single", &text::<Mode>());
        let urls = section.required("urls", &some::<Address>());
        let service_name = section.optional("service_name", &text::<ServiceName>());
        let login = RedisLogin::read(
            section,
            "sentinel_username",
            "sentinel_password",
            "sentinel_password_file",
        );
        let (mode, urls, service_name, login) = (mode?, urls?, service_name?, login?);
        for address in &urls {
            if address.transport() == Transport::Plain && !address.is_loopback() {
                section.warn(Warning::PlainRedis { address: address.to_string().into() });
            }
        }
        let refused = match mode {
            Mode::Single => None,
            Mode::Sentinel | Mode::Cluster => unlike(&urls),
        };
        if let Some(mistake) = refused {
            return Err(section.refuse("urls", mistake));
        }
        if mode != Mode::Sentinel && login.password.is_some() {
            let mistake = Mistake::RedisSentinelLoginUnused;
            return Err(section.refuse("sentinel_password", mistake));
        }
        match (mode, service_name) {
            (Mode::Sentinel, Some(ServiceName(service_name))) => {
                Ok(Self::Sentinel { sentinels: urls, service_name, login })
            }
            (Mode::Sentinel, None) => {
                Err(section.refuse("service_name", Mistake::RedisServiceNameMissing))
            }
            (Mode::Single | Mode::Cluster, Some(_)) => {
                Err(section.refuse("service_name", Mistake::RedisServiceNameUnused))
            }
            (Mode::Cluster, None) => Ok(Self::Cluster(urls)),
            (Mode::Single, None) => match <[Address; 1]>::try_from(urls) {
                Ok([address]) => Ok(Self::Single(address)),
                Err(_) => Err(section.refuse("urls", Mistake::RedisSeveralServers)),
            },
        }
    }

    fn has_tls(&self) -> bool {
        let urls = match self {
            Self::Single(address) => std::slice::from_ref(address),
            Self::Sentinel { sentinels: urls, .. } | Self::Cluster(urls) => urls,
        };
        urls.iter().any(|address| address.transport() == Transport::Tls)
    }
}

/// What is wrong with several addresses of one Redis. Servers that are only found on the way, the
/// master or other nodes, are reached as the first one is.
fn unlike(urls: &[Address]) -> Option<Mistake> {
    let first = urls.first()?.transport();
    urls.iter().find_map(|address| {
        let url = || address.to_string();
        if address.database() != 0 {
            Some(Mistake::RedisDatabase { url: url() })
        } else if address.transport() != first {
            Some(Mistake::RedisMixed { url: url() })
        } else {
            None
        }
    })
}

impl RedisLogin {
    fn read(
        section: &mut Section<'_, '_>,
        username: &'static str,
        password: &'static str,
        password_file: &'static str,
    ) -> Result<Self, Reported> {
        let user = section.optional(username, &text::<UserName>());
        let secret = section.secret(password, password_file);
        let (user, secret) = (user?, secret?);
        if user.is_some() && secret.is_none() {
            return Err(section.refuse(username, Mistake::MissingPartner { needed: password_file }));
        }
        Ok(Self { username: user.map(|UserName(name)| name), password: secret })
    }
}

impl Acknowledge {
    fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let by = section.or("acknowledge", "journal", &text::<AcknowledgeBy>());
        let replicas = section.optional("min_replicas", &Integer(1..=10));
        match (by?, replicas?) {
            (AcknowledgeBy::Journal, None) => Ok(Self::Journal),
            (AcknowledgeBy::Redis, None) => Ok(Self::Redis),
            (AcknowledgeBy::Replicas, replicas) => Ok(Self::Replicas(replicas.unwrap_or(1))),
            (AcknowledgeBy::Journal | AcknowledgeBy::Redis, Some(_)) => {
                Err(section.refuse("min_replicas", Mistake::RedisReplicasUnused))
            }
        }
    }
}

/// `service_name`.
struct ServiceName(Box<str>);

/// `username`.
struct UserName(Box<str>);

impl Word for ServiceName {
    fn expected() -> String {
        "the name that the sentinels know the master by, such as \"mymaster\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() { Err(Refusal::Unfit) } else { Ok(Self(text.into())) }
    }
}

impl Word for UserName {
    fn expected() -> String {
        "the name of a user of Redis".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let fits = !text.is_empty() && !text.contains(char::is_whitespace);
        if fits { Ok(Self(text.into())) } else { Err(Refusal::Unfit) }
    }
}

impl Word for KeyPrefix {
    fn expected() -> String {
        "1 to 64 of a-z, A-Z, 0-9, '_', '.', ':' and '-'".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        Self::parse(text).map_err(|_| Refusal::Unfit)
    }
}

impl Word for Address {
    fn expected() -> String {
        "an address such as \"redis://127.0.0.1:6379\", or rediss:// for TLS".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        Self::parse(text).map_err(|error| match error {
            AddressError::Credentials => Refusal::For(Mistake::RedisCredentials),
            AddressError::Malformed => Refusal::Unfit,
        })
    }
}

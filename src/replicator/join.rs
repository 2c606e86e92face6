//! Making a journal part of the deployment, before the service starts.

use std::path::Path;
use std::time::{Duration, Instant};

use signout_checker::DigestKey;

use crate::journal::{Journal, OpenError};
use crate::redis::{Epoch, Founding, InstanceId, Redis, RedisError};

/// A Redis that starts beside the service is there within this time.
const FIRST_CONTACT_WITHIN: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(500);
/// An empty Redis may be one that lost everything. Instances that shared through it put their key
/// back within this time; one that has never shared and came before them would lock them out with
/// a key of its own.
const FOUNDS_AFTER: Duration = Duration::from_secs(3);
const LOOKS_EVERY: Duration = Duration::from_millis(100);
/// The only policy under which keys stay until they expire.
pub(super) const NOEVICTION: &str = "noeviction";

/// Whether a Redis that may drop keys will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatile {
    /// It will not: the service does not start.
    Refuse,
    /// It will; the operator has said so.
    Accept,
}

/// Why the service does not start beside this Redis.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// It would drop revocations.
    #[error(
        "Redis has maxmemory-policy {policy} and may drop revocations: CONFIG SET maxmemory-policy noeviction, or set redis.accept_volatile_redis = true (signout puts back what it loses, lookups without a checker may miss some meanwhile)"
    )]
    Volatile {
        /// What it says.
        policy: Box<str>,
    },
    /// The deployment's key is not known here yet, and only Redis has it.
    #[error(
        "{0}; the first start of an instance needs Redis, to learn the deployment's key (later ones do not)"
    )]
    FirstContact(RedisError),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    NoRandom,
    /// The journal cannot be made part of it.
    #[error(transparent)]
    Journal(#[from] OpenError),
}

/// Makes the journal part of the deployment that this Redis is shared by, or begins one.
///
/// A journal that is part of one already needs no Redis for its start. One that is not waits for a
/// moment before it begins one.
pub async fn join(
    redis: &Redis,
    journal: &mut Journal,
    path: &Path,
    volatile: Volatile,
) -> Result<(), JoinError> {
    let began = Instant::now();
    let random = getrandom::u64().map_err(|_| JoinError::NoRandom)?;
    let mut found_empty = None;
    loop {
        let has_waited = found_empty.is_some_and(|at: Instant| at.elapsed() >= FOUNDS_AFTER);
        let founds = journal.has_joined() || has_waited;
        let error = match contact(redis, journal.digest_key(), random, founds).await {
            Ok(Contact { policy: Some(policy), .. })
                if *policy != *NOEVICTION && volatile == Volatile::Refuse =>
            {
                return Err(JoinError::Volatile { policy });
            }
            Ok(Contact { key: Some(key), .. }) => return Ok(journal.join(path, &key)?),
            Ok(Contact { key: None, .. }) => {
                found_empty.get_or_insert_with(Instant::now);
                tokio::time::sleep(LOOKS_EVERY).await;
                continue;
            }
            Err(error) => error,
        };
        if journal.has_joined() {
            tracing::warn!(%error, "starting without Redis: logouts are taken, and shared later");
            return Ok(());
        }
        if began.elapsed() > FIRST_CONTACT_WITHIN {
            return Err(JoinError::FirstContact(error));
        }
        tracing::warn!(%error, "waiting for Redis, as the first start of an instance has to");
        tokio::time::sleep(AGAIN).await;
    }
}

/// What is to be known of Redis at the start.
struct Contact {
    /// None if there is no deployment yet.
    key: Option<DigestKey>,
    policy: Option<Box<str>>,
}

/// The deployment's key; this journal's own if there is none yet and this instance founds it.
async fn contact(
    redis: &Redis,
    own: &DigestKey,
    random: u64,
    founds: bool,
) -> Result<Contact, RedisError> {
    let mut link = redis.connect().await?;
    let probe = link.probe(InstanceId::from_bits(random)).await?;
    let policy = probe.server.and_then(|server| server.policy);
    let head = if founds {
        let founding = Founding { key: own.clone(), epoch: Epoch::from_bits(random) };
        Some(link.found(&founding).await?)
    } else {
        probe.head
    };
    Ok(Contact { key: head.map(|head| head.key), policy })
}

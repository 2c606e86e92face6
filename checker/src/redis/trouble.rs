//! Why a connection to Redis is given up, to be begun anew.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::OtherKey;
use crate::log::{Foreign, Loss};

/// What ended a connection. Nothing known is dropped for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// `AUTH` failed.
    #[error("Redis refuses the user name or the password: check the address of the source")]
    Authentication,
    /// The connection could not be made, or broke off.
    #[error("Redis cannot be reached, or broke off ({reason})")]
    Disconnected {
        /// What the client library said. Holds no password and no value.
        reason: Box<str>,
    },
    /// Something that signout did not write.
    #[error("{0}: something else writes under the prefix, or the log was replaced")]
    Foreign(#[from] Foreign),
    /// Redis lost something. The instances put it back.
    #[error("Redis lost data: {0}")]
    Lost(#[from] Loss),
    /// There is no log.
    #[error("there is no log under the prefix: check it; or no instance of signout has begun one")]
    NoLog,
    /// The user may not do what is needed.
    #[error(
        "the Redis user has no permission: allow \
         +hmget +hgetall +xread +xrange +xrevrange +xlen +info +time on the keys under the prefix"
    )]
    NoPermission,
    /// Sentinels name no master.
    #[error("no sentinel names a master: check the service name, and that they run")]
    NoMaster,
    /// An answer that makes no sense.
    #[error("Redis answered something that this version does not understand")]
    Odd,
    /// Another deployment's log.
    #[error(transparent)]
    OtherKey(#[from] OtherKey),
    /// The server is another process than before, or no master.
    #[error("the Redis server was restarted, or is no master any more")]
    OtherServer,
    /// Instances begin a new epoch after a loss.
    #[error("the instances began a new epoch: the log is read anew")]
    Renewed,
    /// No answer in time.
    #[error("Redis did not answer in time")]
    TimedOut,
    /// The log was trimmed while it was read.
    #[error("the log was trimmed while it was read")]
    Trimmed,
}

impl Trouble {
    /// Whether the next attempt will most likely meet the same, until somebody mends it.
    pub(super) const fn is_hopeless(&self) -> bool {
        matches!(self, Self::Authentication | Self::NoPermission | Self::OtherKey(_))
    }
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Authentication,
            ErrorKind::Server(ServerErrorKind::NoPerm) => Self::NoPermission,
            ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => {
                Self::OtherServer
            }
            _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => Self::Authentication,
            _ if matches!(error.code(), Some("UNBLOCKED")) => Self::OtherServer,
            _ if error.is_timeout() => Self::TimedOut,
            ErrorKind::Io | ErrorKind::Client => {
                Self::Disconnected { reason: error.to_string().into() }
            }
            // What a server says may hold anything.
            kind => Self::Disconnected { reason: format!("{kind:?}").into() },
        }
    }
}

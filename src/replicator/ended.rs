//! Why a connection to Redis is given up, to be begun anew.

use signout_checker::log::Loss;

use crate::redis::{Fault, Foreign, RedisError};

/// What ended it. Everything is compared anew after any of these, so none needs a cure of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ended {
    /// An act failed.
    #[error("{0}")]
    Failed(RedisError),
    /// Redis lost something.
    #[error("Redis lost data: {0}")]
    Lost(Loss),
    /// Another instance began a new epoch.
    #[error("another instance began a new epoch")]
    Renewed,
    /// What was written did not come back.
    #[error("what was written to Redis cannot be read back")]
    NotReadBack,
    /// The server is another process than before, or no master any more.
    #[error("the Redis server was restarted, or is no master any more")]
    OtherServer,
    /// A mistake of ours.
    #[error("sharing panicked; the message is above: please report it")]
    Panicked,
    /// The log was trimmed while it was loaded.
    #[error("the log was trimmed while it was read")]
    Trimmed,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    NoRandom,
    /// Digests would not fit together.
    #[error(
        "Redis holds another deployment's key than this journal; point [redis] at this deployment's Redis (or, if it was set up anew by an empty instance, delete its head key)"
    )]
    OtherDeployment,
}

impl From<RedisError> for Ended {
    fn from(error: RedisError) -> Self {
        match error.fault {
            Fault::Foreign(
                Foreign::Entry { .. } | Foreign::EntryId { .. } | Foreign::LogBeyondHead,
            ) => Self::Lost(Loss::Foreign),
            Fault::EpochChanged { .. } => Self::Renewed,
            _ => Self::Failed(error),
        }
    }
}

impl From<Loss> for Ended {
    fn from(loss: Loss) -> Self {
        Self::Lost(loss)
    }
}

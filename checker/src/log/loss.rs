//! What Redis may lose.

/// Redis lost something that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The head is gone.
    #[error("everything was deleted (FLUSHALL, or a restart without data)")]
    Emptied,
    /// Entries that were read are gone.
    #[error(
        "it went back from entry {read} to entry {found} (an older state was restored, or a replica that lagged was promoted)"
    )]
    RolledBack {
        /// The last that was read.
        read: u64,
        /// The last that is there.
        found: u64,
    },
    /// Other entries stand where those stood that were read.
    #[error(
        "its log was continued apart from what was read up to entry {read} (two masters after a failover)"
    )]
    Forked {
        /// The last that was read.
        read: u64,
    },
    /// Entries are missing within the log.
    #[error("entry {missing} of its log is missing (a foreign writer, or a key was evicted)")]
    Gap {
        /// The first that is not there.
        missing: u64,
    },
    /// Something in the log is not signout's.
    #[error("its log has an entry that signout did not write")]
    Foreign,
    /// Keys are gone, and there is no telling which.
    #[error(
        "keys vanished before their time: set maxmemory-policy to noeviction, and let nobody delete keys under key_prefix"
    )]
    Evicted,
}

impl Loss {
    /// Every cause, as metrics call them.
    pub const CAUSES: &'static [&'static str] =
        &["emptied", "rolled_back", "forked", "gap", "foreign", "evicted"];

    /// The cause, as metrics call it.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Emptied => "emptied",
            Self::RolledBack { .. } => "rolled_back",
            Self::Forked { .. } => "forked",
            Self::Gap { .. } => "gap",
            Self::Foreign => "foreign",
            Self::Evicted => "evicted",
        }
    }
}

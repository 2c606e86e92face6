//! What to answer when knowledge is too old.

use std::fmt;
use std::time::Duration;

/// What to answer about a token when knowledge is older than [`Policy::max_staleness`] and nothing
/// known speaks against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StalePolicy {
    /// Give no answer: [`Unknown::Stale`](crate::Unknown::Stale), which refuses wherever only
    /// [`NotRevoked`](crate::NotRevoked) lets through. Written `deny`.
    #[default]
    Deny,
    /// Go by what is known. Written `allow`.
    Allow,
}

impl StalePolicy {
    /// The word for it in settings and as a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

impl fmt::Display for StalePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How old knowledge may be, and what to answer beyond that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Knowledge older than this is stale. The feed has a heartbeat every 5 s, so less than 10 s
    /// would call a living feed stale now and then.
    pub max_staleness: Duration,
    /// What to answer then.
    pub when_stale: StalePolicy,
}

/// 30 s, and no answer beyond that.
impl Default for Policy {
    fn default() -> Self {
        Self { max_staleness: Duration::from_secs(30), when_stale: StalePolicy::Deny }
    }
}

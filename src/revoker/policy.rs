//! How one provider's logouts are applied.

use std::collections::HashMap;
use std::time::Duration;

use signout_checker::{IssuedBefore, Issuer, Reach, Revocation, Timestamp};

use crate::logout_token::OfflineAccess;
use crate::sessions::IssuedToken;
use crate::settings::{RevokeOffline, SessionReuse, SidScope};

/// The policies of all providers.
#[derive(Clone, Debug, Default)]
pub struct Policies(HashMap<Issuer, Policy>);

impl FromIterator<(Issuer, Policy)> for Policies {
    fn from_iter<I: IntoIterator<Item = (Issuer, Policy)>>(policies: I) -> Self {
        Self(policies.into_iter().collect())
    }
}

impl Policies {
    /// How long a revoked token must be remembered, also of a provider that is configured no more.
    #[must_use]
    pub fn outlives(&self, token: &IssuedToken) -> Timestamp {
        let policy = self.0.get(&token.issuer);
        let otherwise = || token.expires_at.plus(Revocation::LARGEST_LEEWAY);
        policy.map_or_else(otherwise, |policy| policy.outlives(token.expires_at))
    }

    /// Which tokens of an ended session are refused, given the cut-off of what ended it.
    #[must_use]
    pub fn session_cut_off(&self, issuer: &Issuer, cut_off: IssuedBefore) -> IssuedBefore {
        match self.0.get(issuer).map(|policy| policy.session_reuse) {
            Some(SessionReuse::AllowLater) => cut_off,
            Some(SessionReuse::Deny) | None => IssuedBefore::EVERYTHING,
        }
    }
}

/// What a provider's settings say about the effect of a logout.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// What a token that names both a session and its user ends.
    pub sid_scope: SidScope,
    /// Whether refresh tokens granted for offline access end too.
    pub revoke_offline: RevokeOffline,
    /// Whether the provider uses a `sid` again for a later session.
    pub session_reuse: SessionReuse,
    /// No access token of this provider lives longer.
    pub max_token_lifetime: Duration,
    /// Clock tolerance of this provider's tokens.
    pub leeway: Duration,
    /// Logout tokens older than this are refused, so none need be remembered longer.
    pub max_logout_token_age: Duration,
}

impl Policy {
    /// Which tokens issued in an ended session are refused.
    pub(super) fn session_cut_off(&self, ended_at: Timestamp) -> IssuedBefore {
        match self.session_reuse {
            // A session that ended does not come back; a refresh that raced the logout mints
            // tokens with a later `iat`, and they belong to the ended session all the same.
            SessionReuse::Deny => IssuedBefore::EVERYTHING,
            SessionReuse::AllowLater => IssuedBefore::at(ended_at),
        }
    }

    /// Back-Channel Logout 1.0, section 2.7 (`bcl_24`).
    pub(super) fn revokes_offline(&self, told: OfflineAccess) -> bool {
        match self.revoke_offline {
            RevokeOffline::Never => false,
            RevokeOffline::AsTold => told == OfflineAccess::Revoke,
            RevokeOffline::Always => true,
        }
    }

    /// How long a mark must stay whose tokens are not all known: until the last token that could
    /// have been issued by `now` is refused by every verifier for its age.
    pub(super) fn horizon(&self, now: Timestamp) -> Timestamp {
        now.plus(self.max_token_lifetime).plus(self.largest_leeway())
    }

    /// How long a revoked token must be remembered.
    #[must_use]
    pub fn outlives(&self, expires_at: Timestamp) -> Timestamp {
        expires_at.plus(self.largest_leeway())
    }

    /// How long a logout token must be remembered: until its age refuses it.
    pub(super) fn replay_until(&self, issued_at: Timestamp) -> Timestamp {
        issued_at.plus(self.max_logout_token_age).plus(self.leeway)
    }

    fn largest_leeway(&self) -> Duration {
        self.leeway.max(Revocation::LARGEST_LEEWAY)
    }
}

/// What a session-wide logout reaches, given whether it reaches offline refresh tokens.
pub(super) const fn session_reach(offline: bool) -> Reach {
    Reach { offline, long_lived: false }
}

/// What a user-wide logout reaches: also tokens that the user made to outlive single logins.
pub(super) const fn subject_reach(offline: bool) -> Reach {
    Reach { offline, long_lived: true }
}

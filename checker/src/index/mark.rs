//! What is remembered of one target.

use crate::{
    IssuedBefore, Reason, Revocation, Revoked, TargetKind, Timestamp, TokenFacts, TokenKind,
};

/// The merge of every revocation of one target: a lattice, so the order in which they came does
/// not show. Times are kept in 32 bits and rounded to the safe side: a `retain_until` beyond the
/// year 2106 is kept for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Cut-off for access and ordinary refresh tokens.
    login: IssuedBefore,
    /// Cut-off for refresh tokens granted for offline access.
    offline: IssuedBefore,
    /// Cut-off for tokens made to outlive logins.
    long_lived: IssuedBefore,
    retain_until: u32,
    /// The first act on this target, for whoever asks why.
    first: (u32, Reason),
    kind: TargetKind,
}

impl Mark {
    pub(super) fn of(revocation: &Revocation) -> Self {
        let Revocation { target, issued_before, reach, retain_until, reason, revoked_at } =
            revocation;
        let cut_off =
            |kind| if reach.includes(kind) { *issued_before } else { IssuedBefore::NOTHING };
        Self {
            login: cut_off(TokenKind::Access),
            offline: cut_off(TokenKind::OfflineRefresh),
            long_lived: cut_off(TokenKind::LongLived),
            retain_until: narrow(*retain_until),
            first: (narrow(*revoked_at), *reason),
            kind: target.kind(),
        }
    }

    pub(super) fn merge(self, other: Self) -> Self {
        Self {
            login: self.login.merge(other.login),
            offline: self.offline.merge(other.offline),
            long_lived: self.long_lived.merge(other.long_lived),
            retain_until: self.retain_until.max(other.retain_until),
            first: self.first.min(other.first),
            kind: self.kind,
        }
    }

    /// What this mark says about a token of its target.
    pub(super) fn against(self, facts: &TokenFacts<'_>) -> Option<Revoked> {
        let issued_before = match facts.kind {
            TokenKind::Access | TokenKind::Refresh => self.login,
            TokenKind::OfflineRefresh => self.offline,
            TokenKind::LongLived => self.long_lived,
        };
        let (revoked_at, reason) = self.first;
        let revoked_at = Timestamp::from_secs(revoked_at.into());
        issued_before.hits(facts.issued_at).then_some(Revoked {
            target: self.kind,
            reason,
            revoked_at,
            issued_before,
        })
    }

    pub(super) fn is_over(self, now: Timestamp) -> bool {
        self.retain_until != u32::MAX && u64::from(self.retain_until) < now.as_secs()
    }

    pub(super) const fn kind(self) -> TargetKind {
        self.kind
    }
}

fn narrow(time: Timestamp) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

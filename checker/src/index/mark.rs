//! What is remembered of one target.

use crate::{
    Change, IssuedBefore, Reach, Reason, Revocation, Revoked, TargetKind, Timestamp, TokenFacts,
    TokenKind,
};

/// The merge of every revocation of one target: a lattice, so the order in which they came does
/// not show. Times are kept in 32 bits and rounded to the safe side: `retain_until` up to a whole
/// minute, and for good if that is beyond the year 2106. The rounding is done before any merge, so
/// it does not show either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Cut-off for access and ordinary refresh tokens.
    pub(super) login: IssuedBefore,
    /// Cut-off for refresh tokens granted for offline access.
    pub(super) offline: IssuedBefore,
    /// Cut-off for tokens made to outlive logins.
    pub(super) long_lived: IssuedBefore,
    /// A multiple of 60, or `u32::MAX` for good.
    pub(super) retain_until: u32,
    /// When the first act on this target was decided, and why, for whoever asks.
    pub(super) first_at: u32,
    pub(super) reason: Reason,
    pub(super) kind: TargetKind,
}

impl Mark {
    pub(super) fn of(revocation: &Revocation) -> Self {
        let Revocation { target, issued_before, reach, retain_until, reason, revoked_at } =
            revocation;
        Self::new(target.kind(), *issued_before, *reach, *retain_until, *reason, *revoked_at)
    }

    pub(super) fn of_change(change: &Change) -> Self {
        let Change { kind, issued_before, reach, retain_until, reason, revoked_at, .. } = *change;
        Self::new(kind, issued_before, reach, retain_until, reason, revoked_at)
    }

    fn new(
        kind: TargetKind,
        issued_before: IssuedBefore,
        reach: Reach,
        retain_until: Timestamp,
        reason: Reason,
        revoked_at: Timestamp,
    ) -> Self {
        let cut_off =
            |kind| if reach.includes(kind) { issued_before } else { IssuedBefore::NOTHING };
        Self {
            login: cut_off(TokenKind::Access),
            offline: cut_off(TokenKind::OfflineRefresh),
            long_lived: cut_off(TokenKind::LongLived),
            retain_until: whole_minutes(narrow(retain_until)),
            first_at: narrow(revoked_at),
            reason,
            kind,
        }
    }

    pub(super) fn merge(self, other: Self) -> Self {
        let first = |mark: Self| (mark.first_at, mark.reason);
        let (first_at, reason) = first(self).min(first(other));
        Self {
            login: self.login.merge(other.login),
            offline: self.offline.merge(other.offline),
            long_lived: self.long_lived.merge(other.long_lived),
            retain_until: self.retain_until.max(other.retain_until),
            first_at,
            reason,
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
        issued_before.hits(facts.issued_at).then(|| Revoked {
            target: self.kind,
            reason: self.reason,
            revoked_at: Timestamp::from_secs(self.first_at.into()),
            issued_before,
        })
    }

    pub(super) fn is_over(self, now: Timestamp) -> bool {
        self.retain_until != u32::MAX && u64::from(self.retain_until) < now.as_secs()
    }
}

fn narrow(time: Timestamp) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

fn whole_minutes(secs: u32) -> u32 {
    secs.div_ceil(60).saturating_mul(60)
}

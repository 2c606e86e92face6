//! Every revocation in force, in memory.

mod fingerprint;
mod group;
mod mark;
mod shards;
mod sync;
mod table;
mod word;

use crate::{
    Change, Digest, DigestKey, NotRevoked, Revocation, Revoked, TargetKind, Timestamp, TokenFacts,
    Unknown, Verdict,
};
use fingerprint::Fingerprint;
use mark::Mark;
use shards::{Shards, View};

/// What applying a revocation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The target was not known.
    Added,
    /// The target was known; something about it became stricter or longer.
    Raised,
    /// Nothing new.
    Unchanged,
}

/// Every revocation in force, shared between threads.
#[derive(Debug)]
pub struct Index {
    key: DigestKey,
    shards: Shards,
}

impl Index {
    /// An empty index whose digests are made with this key.
    #[must_use]
    pub fn new(key: DigestKey) -> Self {
        Self { key, shards: Shards::new() }
    }

    /// The key of its digests.
    #[must_use]
    pub const fn key(&self) -> &DigestKey {
        &self.key
    }

    /// Merges a revocation in; it is refused by every check that starts afterwards.
    pub fn apply(&self, revocation: &Revocation) -> Applied {
        self.apply_digest(self.key.target(&revocation.target), revocation)
    }

    /// The same for a caller that has the target's digest at hand.
    pub fn apply_digest(&self, target: Digest, revocation: &Revocation) -> Applied {
        self.merge(target, Mark::of(revocation))
    }

    /// Merges in what came from elsewhere. Its digests must be of this index' key.
    pub fn apply_change(&self, change: &Change) -> Applied {
        self.merge(change.target, Mark::of_change(change))
    }

    /// Whether applying a change would alter nothing: it is refused already, to the same extent
    /// and for as long.
    #[must_use]
    pub fn covers(&self, change: &Change) -> bool {
        let known = self.shards.load().mark(Fingerprint::of(change.target));
        known.is_some_and(|known| known.merge(Mark::of_change(change)) == known)
    }

    /// Makes room for this many entries more, so that loading a snapshot grows nothing.
    pub fn reserve(&self, entries: usize) {
        self.shards.reserve(entries);
    }

    fn merge(&self, target: Digest, mark: Mark) -> Applied {
        self.shards.merge(Fingerprint::of(target), mark)
    }

    /// Answers for one token: every fact it tells is looked up, the narrowest first.
    ///
    /// Expiry plays no part here: an entry answers for as long as it is kept, so that no clock can
    /// make a refused token pass.
    pub fn check(&self, facts: &TokenFacts<'_>) -> Verdict {
        let TokenFacts { issuer, jwt_id, session, subject, client, .. } = *facts;
        if jwt_id.is_none() && session.is_none() && subject.is_none() {
            return Verdict::Unknown(Unknown::Unidentified);
        }
        let view = &self.shards.load();
        let hit = jwt_id
            .and_then(|id| self.hit(view, TargetKind::Token, || self.key.token(issuer, id), facts))
            .or_else(|| {
                let id = session?;
                self.hit(view, TargetKind::Session, || self.key.session(issuer, id), facts)
            })
            .or_else(|| {
                let id = subject?;
                self.hit(view, TargetKind::Subject, || self.key.subject(issuer, id), facts)
            })
            .or_else(|| {
                let id = client?;
                self.hit(view, TargetKind::Client, || self.key.client(issuer, id), facts)
            })
            .or_else(|| self.hit(view, TargetKind::Issuer, || self.key.issuer(issuer), facts));
        match hit {
            Some(revoked) => Verdict::Revoked(revoked),
            None => Verdict::NotRevoked(NotRevoked(())),
        }
    }

    /// Drops what no verifier could accept any more, and tells how many entries that were.
    ///
    /// `now` must not run ahead of any verifier's clock.
    pub fn expire(&self, now: Timestamp) -> usize {
        self.shards.expire(now)
    }

    /// How many targets of this kind are revoked.
    #[must_use]
    pub fn len(&self, kind: TargetKind) -> usize {
        self.shards.len(kind)
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        TargetKind::ALL.iter().all(|&kind| self.len(kind) == 0)
    }

    /// Looks one target up. The digest is only made if any target of that kind is revoked.
    fn hit(
        &self,
        view: &View,
        kind: TargetKind,
        digest: impl FnOnce() -> Digest,
        facts: &TokenFacts<'_>,
    ) -> Option<Revoked> {
        if self.len(kind) == 0 {
            return None;
        }
        view.mark(Fingerprint::of(digest()))?.against(facts)
    }
}

#[cfg(test)]
#[cfg(loom)]
mod models;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

//! Every revocation in force, in memory.
//!
//! A map from the digest of a target to its [`Mark`], in shards. Marks only grow: applying a
//! revocation twice, late or out of order gives the same index. There is no removal but
//! [`Index::expire`], and no eviction: memory is bounded by the lifetime of tokens.

mod mark;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::digest::Prehashed;
use crate::{
    Change, Digest, DigestKey, NotRevoked, Revocation, Revoked, TargetKind, Timestamp, TokenFacts,
    Unknown, Verdict,
};
use mark::Mark;

/// Enough that two readers rarely meet, few enough that an empty index is small.
const SHARDS: usize = 64;

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
    shards: Box<[RwLock<Shard>]>,
    /// Entries per kind, in the order of [`TargetKind::ALL`].
    entries: [AtomicUsize; TargetKind::ALL.len()],
}

type Shard = HashMap<u64, Mark, BuildHasherDefault<Prehashed>>;

impl Index {
    /// An empty index whose digests are made with this key.
    #[must_use]
    pub fn new(key: DigestKey) -> Self {
        let shards = std::iter::repeat_with(RwLock::default).take(SHARDS).collect();
        Self { key, shards, entries: Default::default() }
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
        let fingerprint = change.target.fingerprint();
        let known = self.read(fingerprint).get(&fingerprint).copied();
        known.is_some_and(|known| known.merge(Mark::of_change(change)) == known)
    }

    /// Makes room for this many entries more, so that loading a snapshot grows nothing.
    pub fn reserve(&self, entries: usize) {
        for shard in &*self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).reserve(entries / SHARDS);
        }
    }

    fn merge(&self, target: Digest, mark: Mark) -> Applied {
        let fingerprint = target.fingerprint();
        let mut shard = self.write(fingerprint);
        let Some(known) = shard.get_mut(&fingerprint) else {
            shard.insert(fingerprint, mark);
            self.count(mark.kind()).fetch_add(1, Ordering::Release);
            return Applied::Added;
        };
        let merged = known.merge(mark);
        if merged == *known {
            return Applied::Unchanged;
        }
        *known = merged;
        Applied::Raised
    }

    /// Answers for one token: every fact it tells is looked up, the narrowest first.
    ///
    /// Expiry plays no part here: an entry answers for as long as it is kept, so that no clock can
    /// make a refused token pass.
    pub fn check(&self, facts: &TokenFacts<'_>) -> Verdict {
        let TokenFacts { issuer, jwt_id, session, subject, client, .. } = *facts;
        if facts.is_unidentified() {
            return Verdict::Unknown(Unknown::Unidentified);
        }
        let hit = jwt_id
            .and_then(|id| self.hit(TargetKind::Token, || self.key.token(issuer, id), facts))
            .or_else(|| {
                let id = session?;
                self.hit(TargetKind::Session, || self.key.session(issuer, id), facts)
            })
            .or_else(|| {
                let id = subject?;
                self.hit(TargetKind::Subject, || self.key.subject(issuer, id), facts)
            })
            .or_else(|| {
                let id = client?;
                self.hit(TargetKind::Client, || self.key.client(issuer, id), facts)
            })
            .or_else(|| self.hit(TargetKind::Issuer, || self.key.issuer(issuer), facts));
        match hit {
            Some(revoked) => Verdict::Revoked(revoked),
            None => Verdict::NotRevoked(NotRevoked(())),
        }
    }

    /// Drops what no verifier could accept any more, and tells how many entries that were.
    ///
    /// `now` must not run ahead of any verifier's clock.
    pub fn expire(&self, now: Timestamp) -> usize {
        let mut dropped = 0;
        for shard in &*self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, mark| {
                let keep = !mark.is_over(now);
                if !keep {
                    dropped += 1;
                    self.count(mark.kind()).fetch_sub(1, Ordering::Release);
                }
                keep
            });
        }
        dropped
    }

    /// How many targets of this kind are revoked.
    #[must_use]
    pub fn len(&self, kind: TargetKind) -> usize {
        self.count(kind).load(Ordering::Acquire)
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        TargetKind::ALL.iter().all(|&kind| self.len(kind) == 0)
    }

    /// Looks one target up. The digest is only made if any target of that kind is revoked.
    fn hit(
        &self,
        kind: TargetKind,
        digest: impl FnOnce() -> Digest,
        facts: &TokenFacts<'_>,
    ) -> Option<Revoked> {
        if self.len(kind) == 0 {
            return None;
        }
        let fingerprint = digest().fingerprint();
        let mark = *self.read(fingerprint).get(&fingerprint)?;
        mark.against(facts)
    }

    fn count(&self, kind: TargetKind) -> &AtomicUsize {
        let [token, session, subject, client, issuer] = &self.entries;
        match kind {
            TargetKind::Token => token,
            TargetKind::Session => session,
            TargetKind::Subject => subject,
            TargetKind::Client => client,
            TargetKind::Issuer => issuer,
        }
    }

    // A poisoned lock means that a writer panicked between two whole entries: every entry that is
    // there is intact, and forgetting them would un-revoke.
    fn read(&self, fingerprint: u64) -> RwLockReadGuard<'_, Shard> {
        self.shard(fingerprint).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, fingerprint: u64) -> RwLockWriteGuard<'_, Shard> {
        self.shard(fingerprint).write().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::indexing_slicing, reason = "six bits index 64 shards")]
    fn shard(&self, fingerprint: u64) -> &RwLock<Shard> {
        // The map inside uses the low bits and the top seven, so the shard takes others.
        &self.shards[(fingerprint >> 48) as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests;

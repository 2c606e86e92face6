//! Every revocation in force, in memory.
//!
//! A map from the digest of a target to its mark. Marks only grow: applying a revocation twice, late
//! or out of order gives the same index. There is no removal but [`Index::expire`], and no eviction:
//! memory is bounded by the lifetime of tokens.
//!
//! Asking takes no lock, waits for nobody and writes nothing, so that readers do not get in each
//! other's way. There are 256 tables, chosen by the fingerprint (`shards`). A table only fills up
//! (`table`): 16 bytes tell of twelve slots which of them a target may have (`group`), a slot holds
//! the rest of its 64-bit fingerprint (`fingerprint`) and its mark in one word (`word`), so that no
//! mark is ever seen half written. Growth and expiry build a table anew on other ground (`ground`)
//! and send readers there; one who was still at the old place notices and looks again (`shard`).
//!
//! Why so:
//!
//! - Memory is never given back while the index lives, only used again. Whatever would let it go
//!   needs a sign from every reader, such as the two locked instructions of an `ArcSwap`. What those
//!   cost was reasoned about and not measured by itself.
//! - Twelve slots with 32 overflow bits, not fifteen with eight: in a simulation with 96 of 100
//!   slots taken, a miss needs a second look in 13 of 100 cases instead of 34, for 0.3 bytes more.
//!   Leaving second looks out altogether took a check from 61 to 43 ns at 1e6 entries before.
//! - What the tokens of an issuer have in common is hashed once (`issuers`).
//!
//! What is not here, on purpose:
//!
//! - Slots are not used again within a table. Otherwise a reader could match the fingerprint of
//!   one target and read the mark of the next.
//! - There is no thread-local cache of anything: it would keep the tables of the past alive in
//!   every idle thread.
//! - There is no filter in front. The tags are one already: one miss in twenty looks at a slot.
//! - The second group to look at is not the neighbour of the first, in the same line of the cache:
//!   full groups gather then, and a simulation showed no fewer second looks.

mod cells;
mod fingerprint;
mod ground;
mod group;
mod issuers;
mod mark;
mod shard;
mod shards;
mod sync;
mod table;
mod word;

use crate::{
    Change, ClientId, Digest, DigestKey, JwtId, NotRevoked, Revocation, SessionId, Subject,
    TargetKind, Timestamp, TokenFacts, Unknown, Verdict,
};
use fingerprint::Fingerprint;
use issuers::Issuers;
use mark::Mark;
use shards::Shards;

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
///
/// Checks never wait, neither for each other nor for whoever applies or expires. Those take turns,
/// and what one of them has done is seen by every check that starts after it returned.
///
/// Where there are many, an entry takes about 16 bytes, and some 26 more if it has the time of a
/// cut-off or is kept for more than 45 days but not for good. What entries leave behind is kept for
/// those that come; it is given back when the index is dropped.
#[derive(Debug)]
pub struct Index {
    key: DigestKey,
    issuers: Issuers,
    shards: Shards,
}

impl Index {
    /// An empty index whose digests are made with this key.
    #[must_use]
    pub fn new(key: DigestKey) -> Self {
        Self { key, issuers: Issuers::default(), shards: Shards::new() }
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
        let known = self.shards.mark(Fingerprint::of(change.target));
        known.is_some_and(|known| known.merge(Mark::of_change(change)) == known)
    }

    /// Makes room for this many entries more, so that loading a snapshot grows next to nothing.
    pub fn reserve(&self, entries: usize) {
        self.shards.reserve(entries);
    }

    /// About this many entries more are to come. Tables that fill up meanwhile are doubled, as far as
    /// these need it, where they would else grow by a twelfth at a time, for which each entry is moved
    /// twenty times. Takes no memory by itself, so the number may be anybody's guess; the last one
    /// told holds.
    pub fn expect(&self, entries: usize) {
        self.shards.expect(entries);
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
        if facts.is_unidentified() {
            return Verdict::Unknown(Unknown::Unidentified);
        }
        let learnt;
        let within = if let Some(within) = self.issuers.known(issuer) {
            within
        } else {
            learnt = self.issuers.learn(&self.key, issuer);
            &learnt
        };
        // The narrowest first, and only kinds of which any target is revoked.
        let kinds = self.shards.kinds();
        let told = [
            (TargetKind::Token, jwt_id.map(JwtId::as_str)),
            (TargetKind::Session, session.map(SessionId::as_str)),
            (TargetKind::Subject, subject.map(Subject::as_str)),
            (TargetKind::Client, client.map(ClientId::as_str)),
            (TargetKind::Issuer, Some("")),
        ];
        // All fingerprints before the first look: then the processor fetches the memory of all
        // looks at once.
        let mut prints = [None; 5];
        for (print, &(kind, value)) in prints.iter_mut().zip(&told) {
            let value = value.filter(|_| kinds.has(kind));
            *print = value.map(|value| Fingerprint::from_bits(within.fingerprint(kind, value)));
        }
        let mut marks = prints.iter().filter_map(|print| self.shards.mark((*print)?));
        let hit = marks.find_map(|mark| mark.against(facts));
        match hit {
            Some(revoked) => Verdict::Revoked(revoked),
            None => Verdict::NotRevoked(NotRevoked(())),
        }
    }

    /// Drops what no verifier could accept any more, and tells how many entries that were.
    ///
    /// An entry is kept up to the end of the minute of its `retain_until`, and for good if that is
    /// beyond the year 2106.
    ///
    /// `now` must not run ahead of any verifier's clock.
    pub fn expire(&self, now: Timestamp) -> usize {
        self.expire_part(now, 0, 1)
    }

    /// The same in so many parts of about one size, numbered from 0, for whoever must not be kept for
    /// long: going over ten million entries takes a tenth of a second.
    pub fn expire_part(&self, now: Timestamp, part: usize, parts: usize) -> usize {
        self.shards.expire(now, part, parts)
    }

    /// How many targets of this kind are revoked.
    #[must_use]
    pub fn len(&self, kind: TargetKind) -> usize {
        self.shards.len(kind)
    }

    /// How many targets are revoked, of all kinds.
    #[must_use]
    pub fn total(&self) -> usize {
        TargetKind::ALL.iter().map(|&kind| self.len(kind)).sum()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }
}

#[cfg(test)]
#[cfg(loom)]
mod models;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

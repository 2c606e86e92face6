//! Tokens that were verified, kept for a while.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use super::digest::TextDigest;
use crate::access_token::AccessToken;
use crate::provider::KeyEpoch;

/// So that threads seldom meet.
const SHARDS: usize = 16;
/// Entries of one half of a shard: 16,384 in all, about 50 MB of tokens with 1 kB.
const HALF: usize = 512;
/// Longer tokens are verified each time: the bound is on entries, and this makes it one on bytes.
const LONGEST: usize = 4 * 1024;

/// The cache. Only tokens that passed come here, so nobody can fill it without a provider's help; it
/// is bounded all the same.
#[derive(Debug)]
pub(super) struct VerifiedTokens([Mutex<Shard>; SHARDS]);

/// When the young half is full it becomes the old one, and the old one is forgotten. What is asked for
/// in the old half moves to the young one.
#[derive(Debug, Default)]
struct Shard {
    young: HashMap<TextDigest, Entry>,
    old: HashMap<TextDigest, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    token: Arc<AccessToken>,
    verified_under: KeyEpoch,
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl VerifiedTokens {
    /// The token of this text, and the keys that it was verified with. Whether those are still the
    /// provider's, and what the time is, is for the caller to compare.
    pub(super) fn get(&self, name: &TextDigest) -> Option<(Arc<AccessToken>, KeyEpoch)> {
        let (entry, _forgotten) = self.with_shard(name, |shard| shard.get(name))?;
        let Entry { token, verified_under } = entry?;
        Some((token, verified_under))
    }

    /// Keeps a token that `text_bytes` long text became.
    pub(super) fn keep(
        &self,
        name: TextDigest,
        text_bytes: usize,
        token: &Arc<AccessToken>,
        verified_under: KeyEpoch,
    ) {
        if text_bytes <= LONGEST {
            let entry = Entry { token: Arc::clone(token), verified_under };
            // Freed here, after the lock.
            let _forgotten = self.with_shard(&name, |shard| shard.keep(name, entry));
        }
    }

    /// A panic leaves whole entries behind, which are still good.
    fn with_shard<T>(&self, name: &TextDigest, act: impl FnOnce(&mut Shard) -> T) -> Option<T> {
        let shard = self.0.get(name.spread() % SHARDS)?;
        Some(act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap();
            shard.young.len() + shard.old.len()
        };
        self.0.iter().map(len).sum()
    }
}

impl Shard {
    /// Also gives what is forgotten for it.
    fn get(&mut self, name: &TextDigest) -> (Option<Entry>, HashMap<TextDigest, Entry>) {
        if let Some(entry) = self.young.get(name) {
            return (Some(entry.clone()), HashMap::new());
        }
        let Some(entry) = self.old.remove(name) else { return (None, HashMap::new()) };
        let forgotten = self.keep(*name, entry.clone());
        (Some(entry), forgotten)
    }

    fn keep(&mut self, name: TextDigest, entry: Entry) -> HashMap<TextDigest, Entry> {
        self.old.remove(&name);
        self.young.insert(name, entry);
        if self.young.len() < HALF {
            return HashMap::new();
        }
        let full = mem::take(&mut self.young);
        mem::replace(&mut self.old, full)
    }
}

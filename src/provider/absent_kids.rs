//! Key ids that the provider does not have.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// The most key ids of one round. Honest tokens bring one or two; a flood is told to come again.
const LIMIT: usize = 1024;

/// Follows a key id from "a token asked for it" over "a fetch that began later is running" to
/// "that fetch did not bring it". Key ids are chosen by whoever sends a token, so a keyed hash
/// stands for each: eight bytes, however long it is.
///
/// A token without a key id has no place here. It may fit a key that the provider publishes a
/// moment from now, and a forged one must not close the door on it.
#[derive(Debug, Default)]
pub(super) struct AbsentKids {
    hasher: RandomState,
    asked: HashSet<u64>,
    looked_for: HashSet<u64>,
    absent: HashSet<u64>,
}

impl AbsentKids {
    /// A token asks for it.
    pub(super) fn ask(&mut self, kid: &str) {
        if self.asked.len() < LIMIT {
            self.asked.insert(self.hasher.hash_one(kid));
        }
    }

    /// A fetch begins, on behalf of everything asked for until now.
    pub(super) fn begin(&mut self) {
        self.absent.clear();
        self.looked_for = std::mem::take(&mut self.asked);
    }

    /// It brought a set. Those that are in the set are never looked up here.
    pub(super) fn succeed(&mut self) {
        self.absent = std::mem::take(&mut self.looked_for);
    }

    /// It brought nothing, so nothing is known about them.
    pub(super) fn fail(&mut self) {
        self.looked_for.clear();
    }

    /// Whether the last fetch was made for it and did not bring it.
    pub(super) fn contains(&self, kid: &str) -> bool {
        !self.absent.is_empty() && self.absent.contains(&self.hasher.hash_one(kid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jwt_8_negative_cache_is_bounded() {
        let mut kids = AbsentKids::default();
        for number in 0..10 * LIMIT {
            kids.ask(&number.to_string());
        }
        kids.begin();
        kids.succeed();
        assert_eq!(kids.absent.len(), LIMIT);
        assert!(kids.contains("0"));
        assert!(!kids.contains(&(10 * LIMIT - 1).to_string()), "never claimed to be absent");
    }
}

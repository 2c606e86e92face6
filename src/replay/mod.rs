//! Which logout tokens were taken already.
//!
//! The same token again is a retransmission: success, no second effect. Another token under the
//! same `jti` is refused. An entry is made together with the effect, in the same entry of the
//! journal, so an attempt that failed never burns its `jti`.
//!
//! A wrong "new" here repeats a logout, which is harmless, because the cut-off is the token's own
//! `iat`; a wrong "reused" would lose one. So there is no filter in front and no eviction: the
//! memory is bounded by the age up to which a logout token is accepted.

use std::collections::{BTreeMap, HashMap};

use signout_checker::{Digest, DigestKey, Issuer, JwtId, Timestamp};

/// One logout token that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who sent it.
    pub issuer: Issuer,
    /// Its `jti`.
    pub jwt_id: JwtId,
    /// SHA-256 of the signed part: the token's identity, whichever way its signature is spelled.
    pub identity: [u8; 32],
    /// After this it is too old to be accepted anyway.
    pub retain_until: Timestamp,
}

/// What the replay memory knows about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Never seen.
    New,
    /// This very token took effect before.
    Repeated,
    /// Another token had this `jti`.
    Reused,
}

/// The logout tokens seen recently.
#[derive(Debug)]
pub struct ReplayLog {
    key: DigestKey,
    seen: HashMap<Digest, [u8; 32]>,
    ends: BTreeMap<Timestamp, Vec<Digest>>,
}

impl ReplayLog {
    /// An empty memory. The key guards the table against chosen collisions.
    #[must_use]
    pub fn new(key: DigestKey) -> Self {
        Self { key, seen: HashMap::new(), ends: BTreeMap::new() }
    }

    /// Looks a token up.
    #[must_use]
    pub fn sighting(&self, issuer: &Issuer, jwt_id: &JwtId, identity: &[u8; 32]) -> Sighting {
        match self.seen.get(&self.key.token(issuer, jwt_id)) {
            None => Sighting::New,
            Some(known) if known == identity => Sighting::Repeated,
            Some(_) => Sighting::Reused,
        }
    }

    /// Remembers a token. The first one under a `jti` stays.
    pub fn insert(&mut self, seen: &Seen) {
        let digest = self.key.token(&seen.issuer, &seen.jwt_id);
        if let std::collections::hash_map::Entry::Vacant(entry) = self.seen.entry(digest) {
            entry.insert(seen.identity);
            self.ends.entry(seen.retain_until).or_default().push(digest);
        }
    }

    /// Forgets what is too old to be accepted.
    pub fn expire(&mut self, now: Timestamp) {
        while let Some(first) = self.ends.first_entry() {
            if *first.key() >= now {
                return;
            }
            for digest in first.remove() {
                self.seen.remove(&digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(jti: &str, identity: u8, until: u64) -> Seen {
        Seen {
            issuer: Issuer::parse("https://op.example").unwrap(),
            jwt_id: JwtId::parse(jti).unwrap(),
            identity: [identity; 32],
            retain_until: Timestamp::from_secs(until),
        }
    }

    fn sighting(log: &ReplayLog, seen: &Seen) -> Sighting {
        log.sighting(&seen.issuer, &seen.jwt_id, &seen.identity)
    }

    #[test]
    fn bcl_18_repeated_and_reused() {
        let mut log = ReplayLog::new(DigestKey::from_bytes([0; 16]));
        let token = seen("a", 1, 100);
        assert_eq!(sighting(&log, &token), Sighting::New);
        log.insert(&token);
        assert_eq!(sighting(&log, &token), Sighting::Repeated);
        assert_eq!(sighting(&log, &seen("a", 2, 100)), Sighting::Reused);
        assert_eq!(sighting(&log, &seen("b", 1, 100)), Sighting::New);

        let elsewhere = Seen { issuer: Issuer::parse("https://other.example").unwrap(), ..token };
        assert_eq!(sighting(&log, &elsewhere), Sighting::New);
    }

    #[test]
    fn kept_until_the_token_is_too_old() {
        let mut log = ReplayLog::new(DigestKey::from_bytes([0; 16]));
        let token = seen("a", 1, 100);
        log.insert(&token);
        log.expire(Timestamp::from_secs(100));
        assert_eq!(sighting(&log, &token), Sighting::Repeated);
        log.expire(Timestamp::from_secs(101));
        assert_eq!(sighting(&log, &token), Sighting::New);
        assert!(log.ends.is_empty());
    }
}

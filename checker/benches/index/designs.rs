//! What is compared: each answers from the text of a `jti`.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::RwLock;
use std::time::Duration;

use dashmap::DashMap;
use moka::sync::Cache;
use signout_checker::{
    Change, DigestKey, Index, Issuer, JwtId, Prehashed, Reason, Revocation, Target, Timestamp,
    TokenFacts, Verdict,
};

/// As many bytes as a mark had when it was a plain struct.
type Mark = [u32; 6];
type Map = HashMap<u64, Mark, BuildHasherDefault<Prehashed>>;

const SHARDS: usize = 64;
const MARK: Mark = [u32::MAX, u32::MAX, u32::MAX, 90_000, 1_000, 1];

pub(crate) trait Design: Send + Sync {
    fn name(&self) -> &'static str;
    fn add(&self, issuer: &Issuer, id: &JwtId);
    fn revoked(&self, issuer: &Issuer, id: &JwtId) -> bool;
}

pub(crate) const ALL: [fn() -> Box<dyn Design>; 6] = [
    || Box::new(Ours(index())),
    || Box::new(Sharded::default()),
    || Box::new(Strings::default()),
    || Box::new(Dashed::default()),
    || Box::new(Papaya::default()),
    || Box::new(Moka::default()),
];

pub(crate) fn key() -> DigestKey {
    DigestKey::from_bytes([7; 16])
}

pub(crate) fn index() -> Index {
    Index::new(key())
}

pub(crate) fn token(issuer: &Issuer, id: &JwtId) -> Revocation {
    Revocation::of(
        Target::Token(issuer.clone(), id.clone()),
        Reason::BackchannelLogout,
        Timestamp::from_secs(1_800_000_000),
        Timestamp::from_secs(1_800_086_400),
    )
}

/// What this crate has.
pub(crate) struct Ours(pub(crate) Index);

impl Design for Ours {
    fn name(&self) -> &'static str {
        "Index"
    }

    fn add(&self, issuer: &Issuer, id: &JwtId) {
        self.0.apply(&token(issuer, id));
    }

    fn revoked(&self, issuer: &Issuer, id: &JwtId) -> bool {
        matches!(self.0.check(&TokenFacts::new(issuer).jwt_id(id)), Verdict::Revoked(_))
    }
}

/// Maps behind read-write locks, keyed by the digest: what this crate had before.
pub(crate) struct Sharded {
    key: DigestKey,
    shards: Box<[RwLock<Map>]>,
}

impl Default for Sharded {
    fn default() -> Self {
        Self { key: key(), shards: std::iter::repeat_with(RwLock::default).take(SHARDS).collect() }
    }
}

impl Sharded {
    pub(crate) fn apply_change(&self, change: &Change) -> bool {
        let fingerprint = change.target.fingerprint();
        self.shard(fingerprint).write().unwrap().insert(fingerprint, MARK).is_none()
    }

    fn shard(&self, fingerprint: u64) -> &RwLock<Map> {
        &self.shards[(fingerprint >> 48) as usize % SHARDS]
    }
}

impl Design for Sharded {
    fn name(&self) -> &'static str {
        "RwLock<HashMap> x 64"
    }

    fn add(&self, issuer: &Issuer, id: &JwtId) {
        self.apply_change(&Change::of(&token(issuer, id), &self.key));
    }

    fn revoked(&self, issuer: &Issuer, id: &JwtId) -> bool {
        let fingerprint = self.key.token(issuer, id).fingerprint();
        let mark = self.shard(fingerprint).read().unwrap().get(&fingerprint).copied();
        mark.is_some_and(|mark| mark[0] == u32::MAX)
    }
}

/// What one would write first.
#[derive(Default)]
pub(crate) struct Strings(RwLock<HashSet<String>>);

impl Design for Strings {
    fn name(&self) -> &'static str {
        "RwLock<HashSet<String>>"
    }

    fn add(&self, _: &Issuer, id: &JwtId) {
        self.0.write().unwrap().insert(id.as_str().to_owned());
    }

    fn revoked(&self, _: &Issuer, id: &JwtId) -> bool {
        self.0.read().unwrap().contains(id.as_str())
    }
}

/// With a time to expire at, which somebody would have to sweep.
#[derive(Default)]
pub(crate) struct Dashed(DashMap<String, u32>);

impl Design for Dashed {
    fn name(&self) -> &'static str {
        "DashMap<String, u32>"
    }

    fn add(&self, _: &Issuer, id: &JwtId) {
        self.0.insert(id.as_str().to_owned(), 90_000);
    }

    fn revoked(&self, _: &Issuer, id: &JwtId) -> bool {
        self.0.contains_key(id.as_str())
    }
}

#[derive(Default)]
pub(crate) struct Papaya(papaya::HashMap<String, u32>);

impl Design for Papaya {
    fn name(&self) -> &'static str {
        "papaya<String, u32>"
    }

    fn add(&self, _: &Issuer, id: &JwtId) {
        self.0.pin().insert(id.as_str().to_owned(), 90_000);
    }

    fn revoked(&self, _: &Issuer, id: &JwtId) -> bool {
        self.0.pin().contains_key(id.as_str())
    }
}

/// A cache whose entries leave by themselves. No limit: an eviction would un-revoke.
pub(crate) struct Moka(Cache<String, ()>);

impl Default for Moka {
    fn default() -> Self {
        Self(Cache::builder().time_to_live(Duration::from_secs(86_400)).build())
    }
}

impl Design for Moka {
    fn name(&self) -> &'static str {
        "moka<String>"
    }

    fn add(&self, _: &Issuer, id: &JwtId) {
        self.0.insert(id.as_str().to_owned(), ());
    }

    fn revoked(&self, _: &Issuer, id: &JwtId) -> bool {
        self.0.get(id.as_str()).is_some()
    }
}

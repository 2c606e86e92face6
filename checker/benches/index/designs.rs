//! What was compared: each answers from the text of a `jti`.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::{Arc, Mutex, RwLock};

use arc_swap::ArcSwap;
use signout_checker::{
    DigestKey, Index, Issuer, JwtId, Prehashed, Reason, Revocation, Target, Timestamp, TokenFacts,
    Verdict,
};

/// As many bytes as a mark had when it was a plain struct.
type Mark = [u32; 6];
type Map = HashMap<u64, Mark, BuildHasherDefault<Prehashed>>;

const SHARDS: usize = 64;
/// Entries of the delta before it is merged into the snapshot.
const DELTA: usize = 1_024;
const MARK: Mark = [u32::MAX, u32::MAX, u32::MAX, 90_000, 1_000, 1];

pub(crate) trait Design: Send + Sync {
    fn name(&self) -> &'static str;
    fn add(&self, issuer: &Issuer, id: &JwtId);
    /// Adds many at once, for designs where that is another thing.
    fn load(&self, issuer: &Issuer, ids: &mut dyn Iterator<Item = JwtId>) {
        ids.for_each(|id| self.add(issuer, &id));
    }
    fn revoked(&self, issuer: &Issuer, id: &JwtId) -> bool;
}

pub(crate) const ALL: [fn() -> Box<dyn Design>; 4] = [
    || Box::new(Ours(index())),
    || Box::new(Sharded::default()),
    || Box::new(Snapshot::default()),
    || Box::new(Strings::default()),
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

/// Maps behind read-write locks.
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
    fn shard(&self, fingerprint: u64) -> &RwLock<Map> {
        &self.shards[(fingerprint >> 48) as usize % SHARDS]
    }
}

impl Design for Sharded {
    fn name(&self) -> &'static str {
        "64 RwLock<HashMap>"
    }

    fn add(&self, issuer: &Issuer, id: &JwtId) {
        let fingerprint = self.key.token(issuer, id).fingerprint();
        self.shard(fingerprint).write().unwrap().insert(fingerprint, MARK);
    }

    fn revoked(&self, issuer: &Issuer, id: &JwtId) -> bool {
        let fingerprint = self.key.token(issuer, id).fingerprint();
        let mark = self.shard(fingerprint).read().unwrap().get(&fingerprint).copied();
        mark.is_some_and(|mark| mark[0] == u32::MAX)
    }
}

/// A snapshot that is replaced as a whole, and beside it what came since.
pub(crate) struct Snapshot {
    key: DigestKey,
    now: ArcSwap<(Arc<Map>, Map)>,
    writer: Mutex<()>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self { key: key(), now: ArcSwap::default(), writer: Mutex::default() }
    }
}

impl Design for Snapshot {
    fn name(&self) -> &'static str {
        "snapshot and delta"
    }

    fn add(&self, issuer: &Issuer, id: &JwtId) {
        let _turn = self.writer.lock().unwrap();
        let now = self.now.load_full();
        let (mut snapshot, mut delta) = (Arc::clone(&now.0), now.1.clone());
        delta.insert(self.key.token(issuer, id).fingerprint(), MARK);
        if delta.len() >= DELTA {
            let mut merged = Map::clone(&snapshot);
            merged.extend(delta.drain());
            snapshot = Arc::new(merged);
        }
        self.now.store(Arc::new((snapshot, delta)));
    }

    fn load(&self, issuer: &Issuer, ids: &mut dyn Iterator<Item = JwtId>) {
        let all = ids.map(|id| (self.key.token(issuer, &id).fingerprint(), MARK)).collect();
        // Half full, as it is on average.
        let delta = (0..DELTA as u64 / 2).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15), MARK));
        self.now.store(Arc::new((Arc::new(all), delta.collect())));
    }

    fn revoked(&self, issuer: &Issuer, id: &JwtId) -> bool {
        let fingerprint = self.key.token(issuer, id).fingerprint();
        let now = self.now.load();
        let mark = now.1.get(&fingerprint).or_else(|| now.0.get(&fingerprint));
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

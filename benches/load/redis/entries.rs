//! Entries in the log as logouts leave them, put there without any logout.

use std::ops::Range;
use std::time::Duration;

use signout::redis::{Append, DirectKeys, Epoch, Founding, Link, LinkId, Naming};
use signout_checker::{
    Change, Digest, DigestKey, IssuedBefore, Issuer, JwtId, Reach, Reason, TargetKind, Timestamp,
};
use tokio::runtime::Runtime;

use super::instance::{redis, runtime};
use super::server::RedisServer;
use crate::op::{self, ISSUER};

/// Registered tokens of a session.
pub(super) const TOKENS: usize = 10;
/// What a logout refuses: the tokens and the session.
pub(super) const TARGETS: usize = TOKENS + 1;

const KEY: [u8; 16] = [7; 16];
const LIFE: Duration = Duration::from_secs(86_400);
/// Logouts sent together.
const TOGETHER: usize = 500;

/// Appends to the log of one Redis.
pub(super) struct Writer {
    runtime: Runtime,
    link: Link,
    epoch: Epoch,
    drawn: u64,
    naming: Option<Naming>,
}

impl Writer {
    /// Begins a log.
    pub(super) fn start(server: &RedisServer, prefix: &str, direct_keys: DirectKeys) -> Self {
        let key = DigestKey::from_bytes(KEY);
        let naming = (direct_keys == DirectKeys::Write).then(|| Naming::new(&key));
        let founding = Founding { key, epoch: Epoch::from_bits(1) };
        let runtime = runtime();
        let (link, head) = runtime.block_on(async {
            let mut link = redis(server, prefix, direct_keys).connect().await.unwrap();
            let head = link.found(&founding).await.unwrap();
            (link, head)
        });
        Self { runtime, link, epoch: head.epoch, drawn: 0, naming }
    }

    /// So many logouts in each entry: one where they come one by one, some 45 under load.
    pub(super) fn append(&mut self, logouts: Range<usize>, in_entry: usize) {
        let all: Vec<_> = logouts.collect();
        for together in all.chunks(TOGETHER) {
            let entries: Vec<_> =
                together.chunks(in_entry).map(|entry| self.changes(entry)).collect();
            let append = |changes| {
                self.drawn += 1;
                Append { link: LinkId::from_bytes(self.drawn.to_le_bytes()), changes }
            };
            let appends: Vec<_> = entries.iter().map(Vec::as_slice).map(append).collect();
            self.runtime.block_on(self.link.append(self.epoch, &appends)).unwrap();
        }
    }

    fn changes(&self, logouts: &[usize]) -> Vec<Change> {
        let issuer = Issuer::parse(ISSUER).unwrap();
        let now = Timestamp::from_secs(op::now());
        let change = |target: usize| {
            // Any name will do that has the length of one, as long as each has its own.
            let named = |naming: &Naming| {
                naming.token(&issuer, &JwtId::parse(op::id('t', target)).unwrap())
            };
            let is_session = target.is_multiple_of(TARGETS);
            Change {
                target: digest(target),
                name: self.naming.as_ref().map(named),
                kind: if is_session { TargetKind::Session } else { TargetKind::Token },
                issued_before: IssuedBefore::EVERYTHING,
                reach: if is_session { Reach::LOGIN } else { Reach::ALL },
                retain_until: now.plus(LIFE),
                reason: Reason::BackchannelLogout,
                revoked_at: now,
            }
        };
        logouts.iter().flat_map(|at| at * TARGETS..(at + 1) * TARGETS).map(change).collect()
    }
}

/// As evenly spread as a keyed hash's, and made in a nanosecond.
fn digest(number: usize) -> Digest {
    let mixed = |number: u64| {
        let a = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (b ^ (b >> 31)).to_le_bytes()
    };
    let number = u64::try_from(number).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip([mixed(number), mixed(!number)].concat())
        .for_each(|(to, from)| *to = from);
    Digest::from_bytes(bytes)
}

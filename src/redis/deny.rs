//! The denylist: `{P}:deny:<name>`, one key for each target that has a name.
//!
//! Its value is `<login> <offline> <long_lived> <reason> <revoked_at>`: a cut-off for each kind of
//! token, in seconds since 1970, 0 for none and 4294967295 for all of them; then why and when.

use std::time::Duration;

use deadpool_redis::redis::{self, Cmd};
use signout_checker::{Change, IssuedBefore, KeyName, Timestamp};

use super::Shared;
use super::batch::Batch;
use super::config::DirectKeys;
use super::error::{Act, RedisError};
use super::link::Link;
use super::scripts::DENY;

/// How much longer Redis keeps a key than it must: its clock may run ahead of everybody else's.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// Keys of one script call. A call holds up the server for less than half a millisecond.
const AT_ONCE: usize = 200;

/// Denylist keys of some changes.
pub(super) struct Direct(Vec<(String, String, u64)>);

impl Direct {
    /// Of all that have a name, if there are such keys at all.
    pub(super) fn of(changes: &[Change], shared: &Shared) -> Self {
        match shared.direct_keys {
            DirectKeys::Omit => Self(Vec::new()),
            DirectKeys::Write => Self(changes.iter().filter_map(|c| entry(c, shared)).collect()),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add_keys(&self, call: &mut Cmd) {
        for (key, ..) in &self.0 {
            call.arg(key);
        }
    }

    pub(super) fn add_values(&self, call: &mut Cmd) {
        for (_, value, expiry) in &self.0 {
            call.arg(value).arg(expiry);
        }
    }
}

fn entry(change: &Change, shared: &Shared) -> Option<(String, String, u64)> {
    let key = shared.keys.deny(&change.name?);
    Some((key, value(change), expiry(change.retain_until)))
}

fn value(change: &Change) -> String {
    let all = change.issued_before;
    let cut_off = |reached: bool| if reached { all } else { IssuedBefore::NOTHING }.to_bits();
    format!(
        "{} {} {} {} {}",
        all.to_bits(),
        cut_off(change.reach.offline),
        cut_off(change.reach.long_lived),
        change.reason,
        change.revoked_at.as_secs(),
    )
}

/// In milliseconds since 1970.
pub(super) fn expiry(retain_until: Timestamp) -> u64 {
    retain_until.plus(MARGIN).as_secs() * 1_000
}

impl Link {
    /// Which of these have no denylist key. Nothing is missing if there are to be no such keys.
    pub async fn missing(&mut self, names: &[KeyName]) -> Result<Vec<KeyName>, RedisError> {
        if self.shared.direct_keys == DirectKeys::Omit {
            return Ok(Vec::new());
        }
        self.begin();
        let mut batch = Batch::default();
        for name in names {
            let mut exists = redis::cmd("EXISTS");
            exists.arg(self.keys().deny(name));
            batch.command(exists);
        }
        let done = self.ask(&batch).await.and_then(|replies| {
            let mut missing = Vec::new();
            for (name, reply) in names.iter().zip(replies) {
                if reply.number()? == 0 {
                    missing.push(*name);
                }
            }
            Ok(missing)
        });
        self.end(Act::Missing, done)
    }

    /// Writes the denylist keys of changes that have a name, without any entry. What stands there
    /// already is only ever made stricter.
    pub async fn deny(&mut self, changes: &[Change]) -> Result<(), RedisError> {
        self.begin();
        let mut batch = Batch::default();
        for changes in changes.chunks(AT_ONCE) {
            let direct = Direct::of(changes, &self.shared);
            if direct.len() == 0 {
                continue;
            }
            let mut call = DENY.call(direct.len(), 2 * direct.len(), 160 * direct.len());
            direct.add_keys(&mut call);
            direct.add_values(&mut call);
            batch.call(&DENY, call);
        }
        let done = self.ask(&batch).await.map(drop);
        self.end(Act::Deny, done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signout_checker::{Digest, Reach, Reason, TargetKind};

    #[test]
    fn values_are_a_contract() {
        let change = Change {
            target: Digest::from_bytes([1; 16]),
            name: None,
            kind: TargetKind::Subject,
            issued_before: IssuedBefore::at(Timestamp::from_secs(1_000)),
            reach: Reach { offline: true, long_lived: false },
            retain_until: Timestamp::from_secs(2_000),
            reason: Reason::BackchannelLogout,
            revoked_at: Timestamp::from_secs(1_001),
        };
        assert_eq!(value(&change), "1000 1000 0 backchannel_logout 1001");
        let all = Change { issued_before: IssuedBefore::EVERYTHING, reach: Reach::LOGIN, ..change };
        assert_eq!(value(&all), "4294967295 0 0 backchannel_logout 1001");
        assert_eq!(expiry(change.retain_until), 5_600_000);
        assert_eq!(expiry(Timestamp::MAX), 253_402_300_799_000);
    }
}

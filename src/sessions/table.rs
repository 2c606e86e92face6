//! The tables behind `Sessions`: by token, by session, by subject, by the minute of expiry.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use signout_checker::{Digest, DigestMap, Timestamp};

use super::{Digests, IssuedToken, Registration};

/// Expiry is looked at in steps of a minute.
const BUCKET_SECS: u64 = 60;

#[derive(Debug, Default)]
pub(super) struct Table {
    tokens: DigestMap<Arc<IssuedToken>>,
    by_session: DigestMap<Vec<Digest>>,
    by_subject: DigestMap<Vec<Digest>>,
    ends: BTreeMap<u64, Vec<Digest>>,
}

impl Table {
    pub(super) fn insert(&mut self, digests: &Digests, token: Arc<IssuedToken>) -> Registration {
        let entry = match self.tokens.entry(digests.token) {
            Entry::Occupied(known) if *known.get() == token => return Registration::Known,
            Entry::Occupied(_) => return Registration::Conflict,
            Entry::Vacant(entry) => entry,
        };
        let bucket = token.expires_at.as_secs() / BUCKET_SECS;
        entry.insert(token);
        self.ends.entry(bucket).or_default().push(digests.token);
        if let Some(session) = digests.session {
            self.by_session.entry(session).or_default().push(digests.token);
        }
        if let Some(subject) = digests.subject {
            self.by_subject.entry(subject).or_default().push(digests.token);
        }
        Registration::New
    }

    /// Removes tokens together, so that a list they share is walked once.
    pub(super) fn remove(&mut self, gone: &[Digests]) {
        for digests in gone {
            self.tokens.remove(&digests.token);
        }
        unlink(&mut self.by_session, gone.iter().filter_map(|d| d.session), &self.tokens);
        unlink(&mut self.by_subject, gone.iter().filter_map(|d| d.subject), &self.tokens);
        // `ends` may still name them: whoever follows it finds nothing.
    }

    pub(super) fn get(&self, token: Digest) -> Option<Arc<IssuedToken>> {
        self.tokens.get(&token).cloned()
    }

    pub(super) fn of_session(&self, session: Digest) -> Vec<Arc<IssuedToken>> {
        self.listed(self.by_session.get(&session))
    }

    pub(super) fn of_subject(&self, subject: Digest) -> Vec<Arc<IssuedToken>> {
        self.listed(self.by_subject.get(&subject))
    }

    pub(super) fn filter(&self, keep: impl Fn(&IssuedToken) -> bool) -> Vec<Arc<IssuedToken>> {
        self.tokens.values().filter(|token| keep(token)).cloned().collect()
    }

    /// Takes out the tokens whose minute of expiry is over.
    pub(super) fn ended_before(&mut self, now: Timestamp) -> Vec<Digest> {
        let running = self.ends.split_off(&(now.as_secs() / BUCKET_SECS));
        std::mem::replace(&mut self.ends, running).into_values().flatten().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    #[cfg(test)]
    pub(super) fn is_clean(&self) -> bool {
        self.tokens.is_empty() && self.by_session.is_empty() && self.by_subject.is_empty()
    }

    fn listed(&self, digests: Option<&Vec<Digest>>) -> Vec<Arc<IssuedToken>> {
        digests.into_iter().flatten().filter_map(|&token| self.get(token)).collect()
    }
}

/// Drops from the lists under `keys` what `tokens` no longer holds.
fn unlink(
    lists: &mut DigestMap<Vec<Digest>>,
    keys: impl Iterator<Item = Digest>,
    tokens: &DigestMap<Arc<IssuedToken>>,
) {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        if let Entry::Occupied(mut list) = lists.entry(key) {
            list.get_mut().retain(|token| tokens.contains_key(token));
            if list.get().is_empty() {
                list.remove();
            }
        }
    }
}

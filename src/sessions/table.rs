//! The tables behind `Sessions`: by token, by session, by subject, by the minute of expiry.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use signout_checker::{Digest, DigestKey, DigestMap, Timestamp};

use super::{Digests, IssuedToken, Registration};

/// Expiry is looked at in steps of a minute.
const BUCKET_SECS: u64 = 60;
/// Room that is not worth giving back.
const SLACK: usize = 4_096;

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

    /// Removes tokens together, so that a list they share is looked up and walked once.
    pub(super) fn remove(&mut self, key: &DigestKey, tokens: &[Digest]) {
        let gone: Vec<_> = tokens.iter().filter_map(|token| self.tokens.remove(token)).collect();
        // Those that leave together are mostly of one session of one user, next to each other.
        let session =
            |token: &IssuedToken| Some(key.session(&token.issuer, token.session.as_ref()?));
        let sessions = gone.chunk_by(|a, b| (&a.issuer, &a.session) == (&b.issuer, &b.session));
        let sessions = sessions.filter_map(|alike| session(alike.first()?));
        unlink(&mut self.by_session, sessions, &self.tokens);
        let subject =
            |token: &IssuedToken| Some(key.subject(&token.issuer, token.subject.as_ref()?));
        let subjects = gone.chunk_by(|a, b| (&a.issuer, &a.subject) == (&b.issuer, &b.subject));
        let subjects = subjects.filter_map(|alike| subject(alike.first()?));
        unlink(&mut self.by_subject, subjects, &self.tokens);
        // `ends` may still name them: whoever follows it finds nothing.
    }

    /// Gives back the room of tokens that left before their time.
    pub(super) fn compact(&mut self) {
        let roomy = |room: usize, used: usize| room > 4 * used + SLACK;
        if roomy(self.ends.values().map(Vec::len).sum(), self.tokens.len()) {
            self.ends.clear();
            for (digest, token) in &self.tokens {
                let bucket = token.expires_at.as_secs() / BUCKET_SECS;
                self.ends.entry(bucket).or_default().push(*digest);
            }
        }
        if roomy(self.tokens.capacity(), self.tokens.len()) {
            self.tokens.shrink_to(2 * self.tokens.len());
            self.by_session.shrink_to(2 * self.by_session.len());
            self.by_subject.shrink_to(2 * self.by_subject.len());
        }
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

    /// Tokens that there is room for, and names of tokens that are listed.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.tokens.capacity() + self.ends.values().map(Vec::len).sum::<usize>()
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

//! From entries of the journal to events of the feed, encoded once for all. Pure.

use bytes::{Bytes, BytesMut};
use signout_checker::{Change, DigestKey, FeedChange, FeedEvent, Issuer, Position, Revocation};

use super::Audience;
use super::item::{Item, What};
use crate::journal::{Record, Seq};
use crate::redis::Naming;

/// Whoever meets an entry with more targets loads a snapshot, which costs both sides less memory:
/// an order against an issuer has all of its registered tokens.
const MOST_TARGETS: usize = 10_000;

/// How this feed calls things.
#[derive(Debug)]
pub(super) struct Terms {
    key: DigestKey,
    naming: Naming,
    epoch: u64,
}

/// Events of one commit, or of one look into the journal.
#[derive(Debug)]
pub(super) struct Frames {
    events: Vec<Event>,
    plain: Bytes,
    /// The same with identifiers. Absent if nobody was there to see them.
    identified: Option<Bytes>,
}

#[derive(Debug)]
struct Event {
    seq: Seq,
    /// Whose identifiers it has, if it has any.
    issuer: Option<Issuer>,
    plain_ends: usize,
    identified_ends: usize,
}

impl Terms {
    pub(super) fn new(key: &DigestKey, epoch: u64) -> Self {
        Self { key: key.clone(), naming: Naming::new(key), epoch }
    }

    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) const fn position(&self, seq: Seq) -> Position {
        Position { epoch: self.epoch, seq }
    }

    /// What there is to tell of some entries; mostly one item or none.
    pub(super) fn items<'r>(
        &self,
        mut previous: Seq,
        entries: impl Iterator<Item = (Seq, &'r Record)>,
        with_identifiers: bool,
    ) -> Vec<Item> {
        let mut items = Vec::new();
        let mut encoding = Encoding::new(self, previous, with_identifiers);
        for (seq, record) in entries {
            match record.targets() {
                0 => continue,
                1..=MOST_TARGETS => encoding.push(seq, record),
                _ => {
                    items.extend(encoding.finish());
                    encoding = Encoding::new(self, seq, with_identifiers);
                    items.push(Item { previous, seq, what: What::TooLarge });
                }
            }
            previous = seq;
        }
        items.extend(encoding.finish());
        items
    }

    fn changes(&self, record: &Record) -> (Option<Issuer>, Vec<FeedChange>) {
        let told = |revocation: &Revocation| FeedChange {
            change: Change::of(revocation, &self.key).named(self.naming.name(&revocation.target)),
            target: Some(revocation.target.clone()),
        };
        match record {
            Record::Revoked { revocations, .. } => {
                let issuer = revocations.first().map(|first| first.target.issuer().clone());
                (issuer, revocations.iter().map(told).collect())
            }
            // What another instance took has no identifiers here.
            Record::Followed(changes) => (None, changes.iter().map(|&c| c.into()).collect()),
            Record::Registered(_) | Record::Forgotten { .. } => (None, Vec::new()),
        }
    }
}

/// Frames in the making.
struct Encoding<'t> {
    terms: &'t Terms,
    first: Seq,
    previous: Seq,
    events: Vec<Event>,
    plain: String,
    identified: Option<String>,
}

impl<'t> Encoding<'t> {
    fn new(terms: &'t Terms, previous: Seq, with_identifiers: bool) -> Self {
        let identified = with_identifiers.then(String::new);
        Self {
            terms,
            first: previous,
            previous,
            events: Vec::new(),
            plain: String::new(),
            identified,
        }
    }

    fn push(&mut self, seq: Seq, record: &Record) {
        let (issuer, mut changes) = self.terms.changes(record);
        let (at, previous) = (self.terms.position(seq), self.previous);
        if let Some(identified) = &mut self.identified {
            let event = FeedEvent::Changes { at, previous, changes };
            *identified += &event.to_frame();
            let FeedEvent::Changes { changes: again, .. } = event else { return };
            changes = again;
        }
        for change in &mut changes {
            change.target = None;
        }
        self.plain += &FeedEvent::Changes { at, previous, changes }.to_frame();
        let identified_ends = self.identified.as_ref().map_or(0, String::len);
        self.events.push(Event { seq, issuer, plain_ends: self.plain.len(), identified_ends });
        self.previous = seq;
    }

    fn finish(self) -> Option<Item> {
        let Self { first, previous, events, plain, identified, .. } = self;
        let frames =
            Frames { events, plain: plain.into(), identified: identified.map(Bytes::from) };
        let is_any = !frames.events.is_empty();
        is_any.then_some(Item { previous: first, seq: previous, what: What::Changes(frames) })
    }
}

impl Frames {
    /// Memory, about.
    pub(super) fn bytes(&self) -> usize {
        let identified = self.identified.as_ref().map_or(0, Bytes::len);
        self.plain.len() + identified + self.events.len() * size_of::<Event>()
    }

    pub(super) const fn have_identifiers(&self) -> bool {
        self.identified.is_some()
    }

    /// The events behind a position, if there are any, as this audience may see them.
    pub(super) fn behind(&self, position: Seq, audience: &Audience) -> Option<Bytes> {
        let known = self.events.partition_point(|event| event.seq <= position);
        let (known, news) = self.events.split_at_checked(known)?;
        if news.is_empty() {
            return None;
        }
        let sees =
            |event: &Event| event.issuer.as_ref().is_some_and(|issuer| audience.sees(issuer));
        let (plain_starts, identified_starts) =
            known.last().map_or((0, 0), |last| (last.plain_ends, last.identified_ends));
        let Some(identified) = self.identified.as_ref().filter(|_| news.iter().any(sees)) else {
            return Some(self.plain.slice(plain_starts..));
        };
        if news.iter().all(|event| event.issuer.is_none() || sees(event)) {
            return Some(identified.slice(identified_starts..));
        }
        let mut mixed = BytesMut::new();
        let (mut plain_starts, mut identified_starts) = (plain_starts, identified_starts);
        for event in news {
            mixed.extend(if sees(event) {
                identified.slice(identified_starts..event.identified_ends)
            } else {
                self.plain.slice(plain_starts..event.plain_ends)
            });
            (plain_starts, identified_starts) = (event.plain_ends, event.identified_ends);
        }
        Some(mixed.freeze())
    }
}

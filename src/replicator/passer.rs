//! Puts into Redis what this instance committed, and sees it come back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signout_checker::log::Loss;
use signout_checker::{Change, TargetKind, Timestamp, Verdict};

use super::ended::Ended;
use super::fold::Fold;
use super::follower::Log;
use super::metrics::Metrics;
use super::offer::{Offer, Terms};
use super::sharing::Shared;
use crate::clock::Clock;
use crate::journal::{Record, Seq};
use crate::redis::{Append, Epoch, Link, LinkId, Table};
use crate::revoker::{Committed, Inbox, Revoker};
use crate::sessions::{IssuedToken, SharedToken};
use crate::settings::Acknowledge;

/// Changes in one entry of the log.
const ENTRY: usize = 500;
/// Entries of one round trip. Each of its answers has to come within `response_timeout`, over a slow
/// network too.
const ROUND: usize = 4;
/// Changes that are put into Redis in one go, about. More would make the first of them wait.
const BATCH: usize = 2_000;
/// Tokens put into their tables in one go.
const TOKENS: usize = 1_000;
/// What was written comes back within a millisecond, if it does.
const READ_BACK_WITHIN: Duration = Duration::from_secs(2);
/// For replicas to follow, before it is asked again.
const REPLICAS_WITHIN: Duration = Duration::from_millis(200);
/// When too few of them had followed.
const REPLICAS_AGAIN: Duration = Duration::from_millis(500);
/// When the journal cannot be read: its disk is full or broken.
const JOURNAL_AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Passer<'a> {
    pub(super) revoker: &'a Revoker,
    pub(super) shared: &'a Shared,
    pub(super) terms: &'a Terms,
    pub(super) clock: &'a dyn Clock,
    pub(super) metrics: &'a Metrics,
    pub(super) inbox: &'a mut Inbox,
    pub(super) log: Arc<Log>,
    pub(super) epoch: Epoch,
    /// The first entry of the journal that was not passed on.
    pub(super) next: Seq,
    /// Nothing is confirmed before this entry was passed on, too.
    pub(super) held_until: Seq,
    /// Whether keys vanished: then those of entries that are in the log are written anew as well.
    pub(super) keys_vanished: bool,
    pub(super) links: Links,
}

/// Names for entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links(u64);

impl Links {
    /// Takes a random number. The names that follow count on from it.
    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) fn draw(&mut self) -> LinkId {
        // The one that means "none" is left out.
        self.0 = self.0.wrapping_add(1).max(1);
        LinkId::from_bytes(self.0.to_le_bytes())
    }
}

impl Passer<'_> {
    /// Puts everything into Redis that is not there, then whatever is committed.
    pub(super) async fn pass_on(mut self, link: &mut Link) -> Result<Infallible, Ended> {
        if let Some(fold) = self.log.fold.load_full() {
            self.compare(link, &fold).await?;
            self.log.fold.store(None);
        }
        self.catch_up(link).await?;
        loop {
            let Some(committed) = self.next_commit(link).await? else {
                // The revoker's thread has ended, and so will this task.
                return std::future::pending().await;
            };
            let mut offer = Offer::default();
            let mut taken = self.take(committed, &mut offer);
            while taken.is_ok() && offer.changes.len() < BATCH {
                let Some(more) = self.inbox.waiting() else { break };
                taken = self.take(more, &mut offer);
            }
            self.put(link, offer).await?;
            self.confirm(link).await?;
            if taken.is_err() {
                self.catch_up(link).await?;
            }
        }
    }

    /// Waits for a commit, and meanwhile for replicas that lag.
    async fn next_commit(&mut self, link: &mut Link) -> Result<Option<Committed>, Ended> {
        while self.shared.confirmed_seq() + 1 < self.next {
            if let Ok(committed) = tokio::time::timeout(REPLICAS_AGAIN, self.inbox.next()).await {
                return Ok(committed);
            }
            self.confirm(link).await?;
        }
        Ok(self.inbox.next().await)
    }

    /// After the log was read as a whole: what of this journal, and of what it holds from others, is
    /// not in it?
    async fn compare(&mut self, link: &mut Link, fold: &Fold) -> Result<(), Ended> {
        // Tokens that are registered from here on have an entry behind it.
        let fence = self.revoker.position().seq;
        let mut put_back = 0;
        for tokens in self.revoker.sessions().all().chunks(TOKENS) {
            let mut offer = Offer::default();
            offer.add_tokens(tokens, self.terms);
            self.put(link, offer).await?;
        }
        self.next = 1;
        while self.next <= fence {
            let (records, next) = self.read().await;
            if records.is_empty() {
                break;
            }
            let now = self.clock.settled();
            let mut offer = Offer::default();
            for record in &records {
                offer.add_missing(record, self.terms, now, |change| fold.lacks(change, record));
                if next > fence && matches!(record, Record::Registered(_)) {
                    offer.add(record, self.terms);
                }
            }
            put_back += offer.changes.len();
            self.put(link, offer).await?;
            if self.keys_vanished {
                link.deny(&self.named(&records, now)).await?;
            }
            self.next = next;
            self.confirm(link).await?;
        }
        if put_back > 0 {
            tracing::info!(changes = put_back, "put into Redis what it did not have");
        }
        Ok(())
    }

    /// What has a denylist key by name.
    fn named(&self, records: &[Record], now: Timestamp) -> Vec<Change> {
        let mut all = Offer::default();
        for record in records {
            all.add_missing(record, self.terms, now, |_| true);
        }
        all.changes.retain(|change| change.name.is_some());
        all.changes
    }

    /// Reads from the journal what the inbox had no room for.
    async fn catch_up(&mut self, link: &mut Link) -> Result<(), Ended> {
        loop {
            let (records, next) = self.read().await;
            if records.is_empty() {
                self.next = self.next.max(next);
                self.confirm(link).await?;
                return Ok(());
            }
            let mut offer = Offer::default();
            for record in &records {
                offer.add(record, self.terms);
            }
            self.put(link, offer).await?;
            self.next = next;
            self.confirm(link).await?;
        }
    }

    async fn read(&self) -> (Vec<Record>, Seq) {
        loop {
            match self.revoker.read(self.next).await {
                Ok(chunk) => return (chunk.records, chunk.next),
                Err(error) => {
                    tracing::warn!(%error, "the journal cannot be read for Redis");
                    tokio::time::sleep(JOURNAL_AGAIN).await;
                }
            }
        }
    }

    /// Adds a commit to the offer; fails, adding nothing, if one before it was missed.
    fn take(&mut self, committed: Committed, offer: &mut Offer) -> Result<(), Missed> {
        let Committed { first, records } = committed;
        if first > self.next {
            return Err(Missed);
        }
        // What was read from the journal meanwhile is not offered again.
        let known = usize::try_from(self.next - first).unwrap_or(usize::MAX);
        for record in records.iter().skip(known) {
            offer.add(record, self.terms);
        }
        self.next = self.next.max(first + records.len() as u64);
        Ok(())
    }

    /// Says that everything passed on is in Redis and, if that was asked for, on the replicas. The
    /// question for replicas goes through the connection that wrote: on another one, `WAIT` counts
    /// replicas that have nothing.
    async fn confirm(&self, link: &mut Link) -> Result<(), Ended> {
        if self.next <= self.held_until {
            return Ok(());
        }
        if let Acknowledge::Replicas(wanted) = self.shared.acknowledge()
            && link.wait(wanted, REPLICAS_WITHIN).await? < wanted
        {
            return Ok(());
        }
        self.shared.confirm(self.next - 1);
        Ok(())
    }

    /// Tokens first, then marks, then a look into the tables of what was marked: a registration and
    /// a logout that race see each other in either order. Returns when all of it has come back.
    async fn put(&mut self, link: &mut Link, offer: Offer) -> Result<(), Ended> {
        let Offer { tokens, registered, mut changes, mut searches } = offer;
        if tokens.is_empty() && changes.is_empty() {
            return Ok(());
        }
        let since = Instant::now();
        for tokens in tokens.chunks(TOKENS) {
            link.register(tokens).await?;
        }
        while !changes.is_empty() || !searches.is_empty() {
            let tables: Vec<_> = searches.iter().map(|search| search.table).collect();
            let (seq, listed) = self.append(link, &changes, &tables).await?;
            self.read_back(seq).await?;
            let mut found = Offer::default();
            for (search, tokens) in searches.iter().zip(&listed) {
                let is_new = |change: &Change| !self.revoker.index().covers(change);
                search.found(tokens, &self.terms.policies, is_new, &mut found);
            }
            (changes, searches) = (found.changes, found.searches);
        }
        if !tokens.is_empty() {
            // The marks that were there when the tokens came are known here from now on.
            let head = link.head().await?.ok_or(Loss::Emptied)?;
            self.read_back(head.seq).await?;
            self.end_late(&registered).await;
        }
        self.metrics.passed(since.elapsed());
        Ok(())
    }

    /// Has tokens ended that were registered behind a logout which is known here only now: whoever
    /// took it has looked for them, and not found them. What was registered counts as shared when
    /// that is.
    async fn end_late(&mut self, registered: &[Arc<IssuedToken>]) {
        let index = self.revoker.index();
        let is_late = |token: &Arc<IssuedToken>| match index.check(&token.facts()) {
            Verdict::Revoked(revoked) => revoked.target != TargetKind::Token,
            Verdict::NotRevoked(_) | Verdict::Unknown(_) => false,
        };
        if !registered.iter().any(is_late) {
            return;
        }
        loop {
            match self.revoker.carry().await {
                Ok(carried) => return self.held_until = carried.seq,
                Err(error) => {
                    tracing::warn!(%error, "tokens of ended sessions cannot be ended one by one");
                    tokio::time::sleep(JOURNAL_AGAIN).await;
                }
            }
        }
    }

    async fn append(
        &mut self,
        link: &mut Link,
        changes: &[Change],
        tables: &[Table],
    ) -> Result<(u64, Vec<Vec<SharedToken>>), Ended> {
        let links = &mut self.links;
        let entry = |changes| Append { link: links.draw(), changes };
        let entries: Vec<_> = changes.chunks(ENTRY).map(entry).collect();
        let (rest, last) = entries.split_at(entries.len().saturating_sub(ROUND));
        for round in rest.chunks(ROUND) {
            link.append(self.epoch, round).await?;
        }
        Ok(link.append_and_read(self.epoch, last, tables).await?)
    }

    async fn read_back(&self, seq: u64) -> Result<(), Ended> {
        let mut reading = self.log.reading.subscribe();
        let came = reading.wait_for(|reading| reading.seq >= seq);
        match tokio::time::timeout(READ_BACK_WITHIN, came).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended::NotReadBack),
        }
    }
}

/// A commit came that does not follow on what was passed on.
#[derive(Debug)]
struct Missed;

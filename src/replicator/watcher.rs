//! Looks at Redis twice a second: is what was read still there, is it still the master, will it
//! keep what it is given?

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use signout_checker::log::{Loss, Reading, Standing};
use signout_checker::{Change, Timestamp};

use super::ended::Ended;
use super::follower::Log;
use super::join::NOEVICTION;
use super::metrics::Metrics;
use super::offer::{Offer, Terms};
use super::passer::Links;
use super::sharing::Shared;
use crate::clock::Clock;
use crate::journal::Seq;
use crate::redis::{Append, Canary, Epoch, InstanceId, Link, Peer, Probe, Redis, Role, Server};
use crate::revoker::Revoker;

/// Two looks within the second in which a loss is to be noticed.
const EVERY: Duration = Duration::from_millis(500);
/// Until the first look that vouches for everything.
const SOON: Duration = Duration::from_millis(50);
/// What is in the log is read within a millisecond, if it is read at all.
const COMES_WITHIN: Duration = Duration::from_millis(200);
/// Looks between two trims of the log.
const TRIM_EVERY: u64 = 120;
/// Looks between two looks for denylist keys that are gone.
const SCRUB_EVERY: u64 = 60;
/// An instance that says nothing for this long is down, or apart from Redis.
const SILENT_AFTER: Duration = Duration::from_secs(3);
/// Writing every key anew takes seconds, if there are many.
const REWRITE_EVERY: Duration = Duration::from_secs(10);
/// Nothing is trimmed by a clock that is further than this from the server's.
const CLOCKS_APART: Duration = Duration::from_secs(300);
/// Of `maxmemory` in use, in hundredths; from then on it is said in the log.
const NEARLY_FULL: u64 = 80;

pub(super) struct Watcher<'a> {
    pub(super) redis: &'a Redis,
    pub(super) revoker: &'a Revoker,
    pub(super) shared: &'a Shared,
    pub(super) terms: &'a Terms,
    pub(super) clock: &'a dyn Clock,
    pub(super) metrics: &'a Metrics,
    pub(super) log: Arc<Log>,
    pub(super) instance: InstanceId,
    pub(super) epoch: Epoch,
    pub(super) links: Links,
    pub(super) watched: &'a mut Watched,
}

/// What outlives a connection.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Where the search for denylist keys that are gone goes on.
    scrubbed: Seq,
    /// How many keys which process had evicted at the last look.
    evicted: Option<(Option<Box<str>>, u64)>,
    /// Whether keys have vanished that were not written anew yet, and when that was done last.
    vanished: bool,
    rewritten: Option<Instant>,
    is_unsafe: bool,
    nearly_full: bool,
}

/// What the first look on this connection saw, and what the last one wondered about.
#[derive(Debug)]
struct Seen {
    since: Instant,
    server: Option<Server>,
    master: Option<Box<str>>,
    gap: Option<Loss>,
}

impl Watcher<'_> {
    pub(super) async fn watch(mut self, link: &mut Link) -> Result<Infallible, Ended> {
        let mut seen = Seen { since: Instant::now(), server: None, master: None, gap: None };
        for look in 1_u64.. {
            self.look_for_master(&mut seen).await?;
            let (vouched, before) = (self.shared.vouch(), *self.log.reading.borrow());
            let probe = link.probe(self.instance).await?;
            self.judge(before, &probe, &mut seen)?;
            let is_compared = self.log.fold.load().is_none();
            let mut peers = link.meet(self.instance, is_compared.then_some(self.epoch)).await?;
            // Who is silent is not waited for: what it knows and the log does not, it brings when it
            // comes back.
            peers.retain(|peer| peer.silence < SILENT_AFTER);
            let is_whole = seen.gap.is_none() && self.has_read(&probe).await;
            if is_compared && is_whole && self.all_compared(&peers, seen.since) {
                self.shared.fresh(vouched);
            }
            let is_keeper = peers.iter().all(|peer| peer.instance > self.instance);
            if look % TRIM_EVERY == 1 && is_keeper {
                self.trim(link, &probe).await?;
            }
            if look.is_multiple_of(SCRUB_EVERY) {
                self.scrub(link).await?;
            }
            let is_fresh = self.shared.staleness() < 2 * EVERY;
            tokio::time::sleep(if is_fresh { EVERY } else { SOON }).await;
        }
        std::future::pending().await
    }

    /// Whether what the head names as the last entry comes in. Reader and watcher have a socket each:
    /// after a failover between the two the reader may be at a server that nobody writes to, where
    /// nothing newer ever comes.
    async fn has_read(&self, probe: &Probe) -> bool {
        let Some(head) = &probe.head else { return false };
        let mut reading = self.log.reading.subscribe();
        let comes = reading.wait_for(|reading| reading.seq >= head.seq);
        matches!(tokio::time::timeout(COMES_WITHIN, comes).await, Ok(Ok(_)))
    }

    /// Whether nobody has anything to put back into the log after a loss. What somebody said before
    /// this connection began may have been said before the loss: a rollback brings it back.
    fn all_compared(&self, peers: &[Peer], since: Instant) -> bool {
        let heard = since.elapsed();
        peers.iter().all(|peer| peer.compared == Some(self.epoch) && peer.silence < heard)
    }

    /// With sentinels, a server counts as the master while most of them say that it is.
    async fn look_for_master(&self, seen: &mut Seen) -> Result<(), Ended> {
        let masters = match self.redis.masters().await {
            Ok(None) => return Ok(()),
            Ok(Some(masters)) => masters,
            Err(error) => {
                self.metrics.failed(&error);
                self.shared.believe(false);
                return Ok(());
            }
        };
        let majority = masters.majority();
        self.shared.believe(majority.is_some());
        match (majority, &seen.master) {
            (Some(named), Some(known)) if named != &**known => Err(Ended::OtherServer),
            (Some(named), None) => {
                seen.master = Some(named.into());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn judge(&mut self, before: Reading, probe: &Probe, seen: &mut Seen) -> Result<(), Ended> {
        let head = probe.head.as_ref().ok_or(Loss::Emptied)?;
        match before.against(head) {
            Standing::Continues => {}
            Standing::Renewed => return Err(Ended::Renewed),
            Standing::Lost(loss) => return Err(loss.into()),
        }
        // Head and log are not read at once, so only what is seen twice is believed.
        let gap = probe.log.and_then(|shape| shape.gap(head, before.seq));
        if let (Some(gap), true) = (gap, gap == seen.gap) {
            return Err(gap.into());
        }
        seen.gap = gap;
        match &probe.canary {
            Ok(Canary::Alive | Canary::First) => {}
            Ok(Canary::Dead) => self.watched.vanished = true,
            // Out of memory, for instance: nothing is lost, and writes say the same.
            Err(error) => self.metrics.failed(error),
        }
        if let Some(server) = &probe.server {
            self.judge_server(server, seen)?;
        }
        self.rewrite_vanished()
    }

    fn judge_server(&mut self, server: &Server, seen: &mut Seen) -> Result<(), Ended> {
        let first = seen.server.get_or_insert_with(|| server.clone());
        let is_other = |now: &Option<Box<str>>, first: &Option<Box<str>>| {
            now.as_ref().zip(first.as_ref()).is_some_and(|(now, first)| now != first)
        };
        if server.role == Some(Role::Replica) || is_other(&server.run_id, &first.run_id) {
            return Err(Ended::OtherServer);
        }
        if let Some(now) = server.evicted_keys {
            // Also what was evicted while nobody was connected.
            let known = self.watched.evicted.replace((server.run_id.clone(), now));
            let more = known.is_some_and(|(run, before)| run == server.run_id && now > before);
            self.watched.vanished |= more;
        }
        let policy = server.policy.as_deref();
        let is_unsafe = policy.is_some_and(|policy| policy != NOEVICTION);
        self.metrics.safe(!is_unsafe);
        if is_unsafe && !self.watched.is_unsafe {
            tracing::error!(
                policy,
                "Redis may evict keys: CONFIG SET maxmemory-policy noeviction; until then what it \
                 loses is put back, and lookups without a checker may miss some"
            );
        }
        self.watched.is_unsafe = is_unsafe;
        let used = server.used_memory.unwrap_or_default();
        let limit = server.maxmemory.unwrap_or_default();
        let full = limit > 0 && used.saturating_mul(100) >= limit.saturating_mul(NEARLY_FULL);
        if full && !self.watched.nearly_full {
            tracing::warn!(used, limit, "Redis is nearly full: raise maxmemory");
        }
        self.watched.nearly_full = full;
        Ok(())
    }

    /// If keys are gone, everything is written anew, but not over and over while a server evicts.
    fn rewrite_vanished(&mut self) -> Result<(), Ended> {
        let lately = self.watched.rewritten.is_some_and(|at| at.elapsed() < REWRITE_EVERY);
        if !self.watched.vanished || lately {
            return Ok(());
        }
        self.watched.vanished = false;
        self.watched.rewritten = Some(Instant::now());
        Err(Loss::Evicted.into())
    }

    /// Trims what is over, and carries forward what would keep too much of it.
    async fn trim(&mut self, link: &mut Link, probe: &Probe) -> Result<(), Ended> {
        let now = self.clock.settled();
        let apart = probe.time.map(|time| Timestamp::from_secs(time.as_secs()));
        let apart = apart.map(|server| server.since(now).max(now.since(server)));
        if apart.is_some_and(|apart| apart > CLOCKS_APART) {
            tracing::warn!(
                seconds = apart.unwrap_or_default().as_secs(),
                "the clocks of this host and of Redis are apart: the log is not trimmed"
            );
            return Ok(());
        }
        let to_carry = self.ends().to_carry(now);
        for &seq in &to_carry {
            let entries = link.range(seq, 1).await?;
            let lives = |change: &Change| change.retain_until >= now;
            let changes = entries.into_iter().filter(|entry| entry.seq == seq);
            let changes: Vec<_> = changes.flat_map(|entry| entry.changes).filter(lives).collect();
            if !changes.is_empty() {
                let append = Append { link: self.links.draw(), changes: &changes };
                link.append(self.epoch, &[append]).await?;
            }
        }
        self.ends().carried(&to_carry);
        let first_needed = self.ends().first_needed(now);
        if let Some(first) = first_needed {
            link.trim(self.epoch, first).await?;
        }
        Ok(())
    }

    fn ends(&self) -> std::sync::MutexGuard<'_, super::log_ends::LogEnds> {
        self.log.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks whether the next stretch of the journal has its denylist keys, and writes those that
    /// somebody deleted. The log needs none of this: its entries hang together.
    async fn scrub(&mut self, link: &mut Link) -> Result<(), Ended> {
        if self.terms.naming.is_none() {
            return Ok(());
        }
        // Not readable means that the disk fails, which others report.
        let Ok(chunk) = self.revoker.read(self.watched.scrubbed).await else { return Ok(()) };
        self.watched.scrubbed = if chunk.records.is_empty() { 1 } else { chunk.next };
        // What was committed a moment ago is perhaps not passed on yet.
        let passed_on = chunk.next <= self.shared.confirmed_seq() + 1;
        let now = self.clock.settled();
        let mut offer = Offer::default();
        for record in chunk.records.iter().filter(|_| passed_on) {
            offer.add_missing(record, self.terms, now, |_| true);
        }
        let names: Vec<_> = offer.changes.iter().filter_map(|change| change.name).collect();
        let missing = link.missing(&names).await?;
        if !missing.is_empty() {
            tracing::warn!(keys = missing.len(), "denylist keys were gone; they are written again");
            offer.changes.retain(|change| change.name.is_some_and(|name| missing.contains(&name)));
            link.deny(&offer.changes).await?;
        }
        Ok(())
    }
}

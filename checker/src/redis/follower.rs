//! Reads the log, and puts it into force here.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::connection::Connection;
use super::settled::Settled;
use super::source::Topology;
use super::watch::{Judged, Watch};
use super::{Source, Trouble, sentinels};
use crate::backoff::{Backoff, random};
use crate::log::{Entry, Head, LinkId, Loss, Reading, Standing};
use crate::sweep::Sweep;
use crate::{Checker, Connection as Link, Index};

/// How long the server holds a read open. Also how old the knowledge is when nothing happens.
const WAIT: Duration = Duration::from_millis(300);
/// Entries followed together: few, because they have to come within the response timeout.
const FOLLOW: usize = 100;
/// Two looks within the second in which a loss is to be noticed.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Until the first look that vouches for anything.
const LOOK_SOON: Duration = Duration::from_millis(100);
/// How often a part of what is over is forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Keeps a [`Checker`] up to date from the log in Redis.
#[derive(Debug)]
pub struct Follower {
    source: Source,
    checker: Checker,
    /// How far the log was read; absent until all of it was.
    reading: Option<Reading>,
    settled: Settled,
    sweep: Sweep,
    swept: Option<Instant>,
}

/// What the two tasks of a connection share.
struct Shared {
    reading: Reading,
    /// Nothing newer was there when it was asked for at this time.
    caught_up: Option<Instant>,
}

impl Follower {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(source: Source, checker: Checker) -> Self {
        let (settled, sweep) = (Settled::default(), Sweep::default());
        Self { source, checker, reading: None, settled, sweep, swept: None }
    }

    /// Follows for as long as it is polled. Needs a tokio runtime with time and I/O.
    pub async fn run(mut self) -> Infallible {
        let mut backoff = Backoff::default();
        loop {
            let mut up = None;
            let Err(trouble) = self.connection(&mut up).await;
            let observer = self.checker.observer();
            if let Some(since) = up {
                observer.connection(Link::Down);
                backoff.lasted(since.elapsed());
            }
            observer.trouble(&trouble);
            let pause = if trouble.is_hopeless() {
                backoff.hopeless(random())
            } else {
                backoff.pause(random())
            };
            sleep(pause).await;
        }
    }

    /// One connection, from the first look to whatever ends it.
    async fn connection(&mut self, up: &mut Option<Instant>) -> Result<Infallible, Trouble> {
        let source = self.source.clone();
        let (mut following, master) = Connection::open(&source).await?;
        let connected = Instant::now();
        let first = following.look().await?;
        let head = first.head.ok_or(Trouble::NoLog)?;
        let checker = self.checker.clone();
        let index = checker.open(&head.key)?;
        let continues = |reading: &Reading| {
            // What is trimmed is over; but what came behind it must not be skipped with it.
            reading.against(&head) == Standing::Continues
                && head.first <= reading.seq.saturating_add(1)
        };
        let reading = match self.reading.take().filter(continues) {
            Some(reading) => reading,
            None => self.load(&mut following, &head, index).await?,
        };
        self.reading = Some(reading);
        let (mut watching, _) = Connection::open(&source).await?;
        *up = Some(Instant::now());
        checker.observer().connection(Link::Up);
        let shared = Mutex::new(Shared { reading, caught_up: None });
        // Both connections must be of one process: else one could look at another log than is read.
        let watch = Watch::new(connected, first.server);
        let ended = {
            let mut follow = pin!(follow(&mut following, &shared, &checker, index));
            let mut watch =
                pin!(self.watch(&mut watching, &shared, index, watch, master.as_deref()));
            poll_fn(|context| {
                let ended = follow.as_mut().poll(context);
                if ended.is_ready() { ended } else { watch.as_mut().poll(context) }
            })
            .await
        };
        self.reading = Some(lock(&shared).reading);
        ended
    }

    /// Reads the whole log, from the entry that its head calls the first.
    async fn load(
        &self,
        link: &mut Connection<'_>,
        head: &Head,
        index: &Index,
    ) -> Result<Reading, Trouble> {
        let (began, mut told) = (Instant::now(), 0);
        let mut reading = Reading::beginning(head);
        loop {
            let entries = link.range(reading.seq.saturating_add(1)).await?;
            let Some(first) = entries.first() else { break };
            if reading.link == LinkId::NONE && first.seq > head.first {
                // Either it was trimmed since the head was read, or something is missing.
                let now = link.head().await?.ok_or(Loss::Emptied)?;
                let gap = Trouble::from(Loss::Gap { missing: head.first });
                return Err(if now.first > head.first { Trouble::Trimmed } else { gap });
            }
            reading = step_over(reading, &entries)?;
            told += apply(&self.checker, index, &entries);
            index.expect(head.outlook(&reading, told));
            // What is loaded may be long, and others wait for this thread.
            tokio::task::yield_now().await;
        }
        if reading.seq < head.seq {
            return Err(Loss::Gap { missing: reading.seq.saturating_add(1) }.into());
        }
        index.expect(0);
        let (told, known) = (told as u64, index.total() as u64);
        self.checker.observer().loaded(told, began.elapsed());
        if told < known {
            self.checker.observer().shrunk(known, told);
        }
        Ok(reading)
    }

    async fn watch(
        &mut self,
        link: &mut Connection<'_>,
        shared: &Mutex<Shared>,
        index: &Index,
        mut watch: Watch,
        master: Option<&str>,
    ) -> Result<Infallible, Trouble> {
        loop {
            let named = self.named(master).await?;
            let (read, caught_up) = {
                let shared = lock(shared);
                (shared.reading, shared.caught_up)
            };
            let look = link.look().await?;
            let judged = watch.judge(read, &look, Instant::now())?;
            if let (Named::AsBefore, Judged::Fresh, Some(caught_up)) = (named, judged, caught_up) {
                self.checker.vouch(caught_up);
            }
            self.expire(index, look.time);
            let is_fresh = self.checker.staleness(Instant::now()) < 2 * LOOK_EVERY;
            sleep(if is_fresh { LOOK_EVERY } else { LOOK_SOON }).await;
        }
    }

    /// Whether most sentinels still name the master that was connected to.
    async fn named(&self, master: Option<&str>) -> Result<Named, Trouble> {
        let (Topology::Sentinel { sentinels, service, .. }, Some(master)) =
            (&self.source.topology, master)
        else {
            return Ok(Named::AsBefore);
        };
        match sentinels::majority(&self.source, sentinels, service).await {
            None => Ok(Named::Nobody),
            Some(name) if *name == *master => Ok(Named::AsBefore),
            Some(_) => Err(Trouble::OtherServer),
        }
    }

    fn expire(&mut self, index: &Index, server_millis: u64) {
        let now = Instant::now();
        let over = self.settled.show(server_millis, now);
        if self.swept.is_none_or(|at| now.saturating_duration_since(at) >= SWEEP_EVERY) {
            self.swept = Some(now);
            self.sweep.step(index, over);
        }
    }
}

/// Which master the sentinels name.
#[derive(Clone, Copy, Debug)]
enum Named {
    AsBefore,
    Nobody,
}

/// Follows the log for as long as the connection lasts.
async fn follow(
    link: &mut Connection<'_>,
    shared: &Mutex<Shared>,
    checker: &Checker,
    index: &Index,
) -> Result<Infallible, Trouble> {
    loop {
        let (asked, before) = (Instant::now(), lock(shared).reading);
        let entries = link.read(before.seq, WAIT, FOLLOW).await?;
        let reading = step_over(before, &entries)?;
        if !entries.is_empty() {
            apply(checker, index, &entries);
        }
        let mut shared = lock(shared);
        shared.reading = reading;
        if entries.len() < FOLLOW {
            shared.caught_up = Some(asked);
        }
    }
}

/// Sees that the entries continue what was read.
fn step_over(mut reading: Reading, entries: &[Entry]) -> Result<Reading, Loss> {
    entries.iter().try_for_each(|entry| reading.step(entry))?;
    Ok(reading)
}

fn apply(checker: &Checker, index: &Index, entries: &[Entry]) -> usize {
    let changes = || entries.iter().flat_map(|entry| &entry.changes);
    for change in changes() {
        index.apply_change(change);
    }
    let count = changes().count();
    checker.observer().applied(count);
    count
}

// A panic in between leaves nothing half done.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

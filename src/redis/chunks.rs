//! Reading a long stretch of the log.

use std::collections::VecDeque;
use std::time::Duration;

use deadpool_redis::redis;
use deadpool_redis::redis::aio::ConnectionLike as _;
use signout_checker::log::Entry;
use tokio::task::JoinHandle;

use super::entry;
use super::error::{Act, Fault, RedisError};
use super::link::Link;
use super::reply::Reply;

/// Entries of one `XRANGE`. Few: under load an entry holds five hundred changes.
const CHUNK: usize = 500;
/// Chunks on their way at once: while one is taken apart here, the server collects the next.
const AHEAD: usize = 4;
/// Chunks come one behind the other, and nobody waits for the single one.
const UNHURRIED: Duration = Duration::from_secs(5);

/// Entries in their order, some hundred at a time. While some are looked at, the next are on their
/// way.
///
/// Whoever does not want them all leaves a link behind that nobody uses again.
#[derive(Debug)]
pub struct Chunks<'a> {
    link: &'a mut Link,
    next: u64,
    /// Entries that were not asked for yet.
    rest: usize,
    ahead: VecDeque<Chunk>,
}

/// Asked for, and perhaps there.
#[derive(Debug)]
struct Chunk {
    count: usize,
    entries: JoinHandle<Result<Vec<Entry>, Fault>>,
}

impl Link {
    /// Entries from `from` on, at most `at_most`, without waiting for more to be appended. What is
    /// appended meanwhile may be among them.
    pub fn chunks(&mut self, from: u64, at_most: usize) -> Chunks<'_> {
        Chunks { link: self, next: from.max(1), rest: at_most, ahead: VecDeque::new() }
    }

    /// The same, all together.
    pub async fn range(&mut self, from: u64, at_most: usize) -> Result<Vec<Entry>, RedisError> {
        let mut chunks = self.chunks(from, at_most);
        let mut all = Vec::new();
        while let Some(mut entries) = chunks.next().await? {
            all.append(&mut entries);
        }
        Ok(all)
    }
}

impl Chunks<'_> {
    /// The next entries, at least one; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, RedisError> {
        self.link.begin();
        match self.fetch().await {
            // Others are on their way.
            Ok(entries) if !self.ahead.is_empty() => Ok(Some(entries)),
            done => {
                let entries = self.link.end(Act::Range, done)?;
                Ok(Some(entries).filter(|entries| !entries.is_empty()))
            }
        }
    }

    async fn fetch(&mut self) -> Result<Vec<Entry>, Fault> {
        // What comes first is not known before the first came: older entries may be trimmed.
        let chunk = match self.ahead.pop_front() {
            Some(chunk) => chunk,
            None if self.rest > 0 => self.ask("+"),
            None => return Ok(Vec::new()),
        };
        let Chunk { count, entries } = chunk;
        let entries = entries.await.map_err(|_| stopped())??;
        match entries.last() {
            Some(last) if entries.len() == count => {
                if self.ahead.is_empty() {
                    self.next = last.seq.saturating_add(1);
                }
                self.ask_ahead();
            }
            // It ended there. What is on its way beyond is empty, or will be read another time.
            Some(_) | None => {
                self.rest = 0;
                self.ahead.clear();
            }
        }
        Ok(entries)
    }

    /// Numbers are contiguous, so where the following chunks begin is known before they come.
    fn ask_ahead(&mut self) {
        while self.ahead.len() < AHEAD && self.rest > 0 {
            let end = self.next.saturating_add(self.rest.min(CHUNK) as u64 - 1);
            let chunk = self.ask(&format!("{end}-0"));
            self.ahead.push_back(chunk);
        }
    }

    /// Fetches and takes apart in a task of its own, beside the one that reads the socket.
    fn ask(&mut self, to: &str) -> Chunk {
        let count = self.rest.min(CHUNK);
        let mut range = redis::cmd("XRANGE");
        range.arg(self.link.keys().log()).arg(format!("{}-0", self.next)).arg(to);
        range.arg("COUNT").arg(count);
        self.next = self.next.saturating_add(count as u64);
        self.rest -= count;
        let mut home = self.link.home();
        home.set_response_timeout(self.link.shared.response_timeout.saturating_add(UNHURRIED));
        let entries = tokio::spawn(async move {
            let answer = home.req_packed_command(&range).await;
            entry::entries(Reply::new(answer.map_err(|error| Fault::of(&error))?)?)
        });
        Chunk { count, entries }
    }
}

/// The runtime is being shut down.
fn stopped() -> Fault {
    Fault::Disconnected { kind: std::io::ErrorKind::Interrupted }
}

//! Acts on the log.

use std::time::Duration;

use deadpool_redis::redis::{self, Cmd};

use super::batch::Batch;
use super::deny::Direct;
use super::entry::{self, Append, Entry};
use super::error::{Act, Fault, RedisError};
use super::head::{Epoch, Head};
use super::keys::Table;
use super::link::Link;
use super::reply::Reply;
use super::scripts::{APPEND, TRIM};
use super::tables;
use crate::sessions::SharedToken;

impl Link {
    /// Appends entries in their order, in one write, and returns the number of the last; 0 if there
    /// are none. Entries of other writers may come between them.
    ///
    /// An error may leave some of them appended, each of them whole; without an answer all may be.
    /// Reading the log tells, by their names.
    pub async fn append(
        &mut self,
        epoch: Epoch,
        appends: &[Append<'_>],
    ) -> Result<u64, RedisError> {
        self.append_and_read(epoch, appends, &[]).await.map(|(last, _)| last)
    }

    /// Appends, then reads tables, which hold what was registered before the entries were seen by
    /// anybody. One round trip; in a cluster two.
    pub async fn append_and_read(
        &mut self,
        epoch: Epoch,
        appends: &[Append<'_>],
        tables: &[Table],
    ) -> Result<(u64, Vec<Vec<SharedToken>>), RedisError> {
        self.begin();
        let done = self.append_first(epoch, appends, tables).await;
        self.end(Act::Append, done)
    }

    async fn append_first(
        &mut self,
        epoch: Epoch,
        appends: &[Append<'_>],
        tables: &[Table],
    ) -> Result<(u64, Vec<Vec<SharedToken>>), Fault> {
        let mut batch = Batch::default();
        let epoch = epoch.to_string();
        for append in appends {
            batch.call(&APPEND, self.append_call(&epoch, append));
        }
        let mut reads = Batch::default();
        for table in tables {
            let read = tables::command(&self.keys().table(*table));
            if self.holds_tables() { batch.command(read) } else { reads.command(read) }
        }
        let mut replies = self.ask(&batch).await?;
        let mut held = replies.split_off(appends.len().min(replies.len()));
        let mut last = 0;
        for reply in replies {
            last =
                if reply.is_text() { return Err(Head::changed(reply)) } else { reply.number()? };
        }
        if !self.holds_tables() {
            held = self.ask_tables(reads).await?;
        }
        Ok((last, self.shared.decode(held)?))
    }

    fn append_call(&self, epoch: &str, append: &Append<'_>) -> Cmd {
        let direct = Direct::of(append.changes, &self.shared);
        let pack = append.sealed_pack();
        let (keys, arguments) = (2 + direct.len(), 3 + 2 * direct.len());
        let mut call = APPEND.call(keys, arguments, pack.len() + 160 * direct.len() + 256);
        call.arg(self.keys().head()).arg(self.keys().log());
        direct.add_keys(&mut call);
        call.arg(epoch).arg(append.link.as_bytes().as_slice()).arg(pack);
        direct.add_values(&mut call);
        call
    }

    /// Entries behind `after`, at most `at_most` of them and at least 1; waits for the first one.
    /// None if none came within `wait`, which counts in whole milliseconds.
    ///
    /// Nothing else goes out on this link meanwhile.
    pub async fn read(
        &mut self,
        after: u64,
        wait: Duration,
        at_most: usize,
    ) -> Result<Vec<Entry>, RedisError> {
        self.begin();
        let done = self.read_behind(after, wait, at_most).await;
        self.end(Act::Read, done)
    }

    async fn read_behind(
        &mut self,
        after: u64,
        wait: Duration,
        at_most: usize,
    ) -> Result<Vec<Entry>, Fault> {
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(u32::try_from(at_most).unwrap_or(u32::MAX).max(1));
        // BLOCK 0 would wait for ever.
        let millis = millis(wait);
        if millis > 0 {
            read.arg("BLOCK").arg(millis);
        }
        read.arg("STREAMS").arg(self.keys().log()).arg(format!("{after}-0"));
        let mut batch = Batch::default();
        batch.command(read);
        let answer = self.send(&batch, wait).await?.pop().ok_or_else(Fault::odd_answer)?;
        let Some([stream]) = Reply::new(answer)?.optional_array()? else { return Ok(Vec::new()) };
        let [_, entries] = stream.array()?;
        entry::entries(entries)
    }

    /// Forgets the entries before `first`, and returns how many those were. Does nothing if the
    /// head says so already, or if there is no entry `first - 1` yet.
    pub async fn trim(&mut self, epoch: Epoch, first: u64) -> Result<u64, RedisError> {
        self.begin();
        let call = TRIM.sealed(
            &[self.keys().head(), self.keys().log()],
            &[&epoch.to_string(), &first.to_string()],
        );
        let done = match self.call(&TRIM, call).await {
            Ok(reply) if reply.is_text() => Err(Head::changed(reply)),
            Ok(reply) => reply.number(),
            Err(fault) => Err(fault),
        };
        self.end(Act::Trim, done)
    }

    /// Waits until so many replicas have everything that was written to the log and the denylist on
    /// this link, and returns how many have it then. `timeout` counts in whole milliseconds; 0
    /// does not wait.
    ///
    /// `WAIT` speaks of the writes of its own connection, and of nothing on one that has written
    /// nothing: there it returned 1 for a write that no replica had. So it goes out on the very
    /// socket of the append, in a cluster too, where the link keeps a socket of its own for that.
    /// Tables of a cluster are on other nodes and not spoken of.
    pub async fn wait(&mut self, replicas: u32, timeout: Duration) -> Result<u32, RedisError> {
        self.begin();
        let done = self.wait_for(replicas, timeout).await;
        self.end(Act::Wait, done)
    }

    async fn wait_for(&mut self, replicas: u32, timeout: Duration) -> Result<u32, Fault> {
        // WAIT with 0 would wait for ever; 1 ms is as good as none.
        let mut wait = redis::cmd("WAIT");
        wait.arg(replicas).arg(millis(timeout).max(1));
        let mut batch = Batch::default();
        batch.command(wait);
        let answer = self.send(&batch, timeout).await?.pop().ok_or_else(Fault::odd_answer)?;
        Ok(u32::try_from(Reply::new(answer)?.number()?).unwrap_or(u32::MAX))
    }
}

/// At most 49 days: the server refuses what does not fit into its own numbers.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

//! One connection, and what is done on it.

use std::time::Duration;

use signout_checker::{Change, KeyName};

use super::{Append, Entry, Epoch, Founding, Head, InstanceId, Log, Probe, RedisError, Table};
use crate::sessions::SharedToken;

/// One connection. What is done on it is done in a row.
///
/// After an error it does not go back to the pool; drop it and connect anew.
pub struct Link {}

#[expect(clippy::unused_async, clippy::todo, unused_variables, reason = "signatures first")]
impl Link {
    /// The head; none if nobody has begun a log.
    pub async fn head(&mut self) -> Result<Option<Head>, RedisError> {
        todo!()
    }

    /// Begins a log if there is no head yet, and returns what stands there then.
    pub async fn found(&mut self, founding: &Founding) -> Result<Head, RedisError> {
        todo!()
    }

    /// Begins the epoch `new` if the epoch is still `old`, and returns what stands there then;
    /// none if there is no head.
    pub async fn renew(
        &mut self,
        old: Epoch,
        new: Epoch,
        log: Log,
    ) -> Result<Option<Head>, RedisError> {
        todo!()
    }

    /// Appends entries in their order and returns the number of the last; 0 if there are none.
    pub async fn append(
        &mut self,
        epoch: Epoch,
        appends: &[Append<'_>],
    ) -> Result<u64, RedisError> {
        todo!()
    }

    /// Appends, then reads tables.
    pub async fn append_and_read(
        &mut self,
        epoch: Epoch,
        appends: &[Append<'_>],
        tables: &[Table],
    ) -> Result<(u64, Vec<Vec<SharedToken>>), RedisError> {
        todo!()
    }

    /// Entries behind `after`, at most `at_most`; waits for the first one. None if none came.
    pub async fn read(
        &mut self,
        after: u64,
        wait: Duration,
        at_most: usize,
    ) -> Result<Vec<Entry>, RedisError> {
        todo!()
    }

    /// Entries from `from` on, at most `at_most`, without waiting.
    pub async fn range(&mut self, from: u64, at_most: usize) -> Result<Vec<Entry>, RedisError> {
        todo!()
    }

    /// Forgets the entries before `first`, and returns how many those were.
    pub async fn trim(&mut self, epoch: Epoch, first: u64) -> Result<u64, RedisError> {
        todo!()
    }

    /// Waits until so many replicas have everything that was written on this link to the log, and
    /// returns how many have it when the time is over.
    pub async fn wait(&mut self, replicas: u32, timeout: Duration) -> Result<u32, RedisError> {
        todo!()
    }

    /// Puts tokens into the tables of their session and their user.
    pub async fn register(&mut self, tokens: &[SharedToken]) -> Result<(), RedisError> {
        todo!()
    }

    /// Takes tokens out of the tables of their session and their user.
    pub async fn forget(&mut self, tokens: &[SharedToken]) -> Result<(), RedisError> {
        todo!()
    }

    /// The tokens of each table.
    pub async fn tables(&mut self, tables: &[Table]) -> Result<Vec<Vec<SharedToken>>, RedisError> {
        todo!()
    }

    /// Which of these have no denylist key.
    pub async fn missing(&mut self, names: &[KeyName]) -> Result<Vec<KeyName>, RedisError> {
        todo!()
    }

    /// Writes the denylist keys of changes that have a name, without any entry.
    pub async fn deny(&mut self, changes: &[Change]) -> Result<(), RedisError> {
        todo!()
    }

    /// Looks at the server.
    pub async fn probe(&mut self, instance: InstanceId) -> Result<Probe, RedisError> {
        todo!()
    }
}

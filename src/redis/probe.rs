//! Looking at the server.

use std::time::Duration;

use super::{Head, LinkId, RedisError};

/// What a probe saw, all of it on the node that holds the log.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The head, if there is one.
    pub head: Option<Head>,
    /// The log; none if the user may not look, or there is no log.
    pub log: Option<LogShape>,
    /// The server; none if the user may not run `INFO`.
    pub server: Option<Server>,
    /// The server's clock, since 1970; none if the user may not run `TIME`.
    pub time: Option<Duration>,
    /// What became of the last canary, and whether a new one could be set.
    pub canary: Result<Canary, RedisError>,
}

/// The extent of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogShape {
    /// How many entries.
    pub length: u64,
    /// Number of the oldest one; 0 if there is none.
    pub first: u64,
    /// Number of the newest one; 0 if there is none.
    pub last: u64,
    /// Name of the newest one.
    pub link: LinkId,
}

/// A key with an expiry that every probe reads and writes anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// The one of the last probe was there.
    Alive,
    /// The one of the last probe is gone before its time, or another one stands there: keys were
    /// evicted, flushed, or rolled back.
    Dead,
    /// There was no last probe on this link, or it was too long ago.
    First,
}

/// What `INFO` says. What the server did not say is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// `redis_version`.
    pub version: Option<Box<str>>,
    /// Changes with each start of the process.
    pub run_id: Option<Box<str>>,
    /// `master_replid`: the history that the data belong to; replicas share it.
    pub replid: Option<Box<str>>,
    /// `master` or `slave`.
    pub role: Option<Box<str>>,
    /// Replicas that are connected.
    pub replicas: Option<u64>,
    /// `maxmemory_policy`.
    pub policy: Option<Box<str>>,
    /// Bytes; 0 is no limit.
    pub maxmemory: Option<u64>,
    /// Bytes.
    pub used_memory: Option<u64>,
    /// Since the start of the process.
    pub evicted_keys: Option<u64>,
    /// Whether data are being loaded from disk.
    pub loading: Option<bool>,
    /// How writes reach the disk.
    pub aof: Option<Aof>,
}

/// The append-only file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aof {
    /// There is none.
    Off,
    /// The last write to it went well.
    Good,
    /// The last write to it failed.
    Failing,
}

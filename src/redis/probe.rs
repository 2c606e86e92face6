//! Looking at the server.

use std::time::{Duration, Instant};

use deadpool_redis::redis::{self, Value};
use signout_checker::log::{Head, LinkId, LogShape};

use super::batch::Batch;
use super::entry;
use super::error::{Act, Fault, RedisError};
use super::head;
use super::keys::InstanceId;
use super::link::Link;
use super::reply::Reply;
use super::server::Server;

/// How long a canary lives.
const CANARY_LIFE: Duration = Duration::from_secs(60);
/// One that is older may be gone because its time is over.
const CANARY_COUNTS: Duration = Duration::from_secs(50);

/// What a probe saw, all of it on the node that holds the log.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The head, if there is one.
    pub head: Option<Head>,
    /// The log; none if the user may not look.
    pub log: Option<LogShape>,
    /// The server; none if the user may not run `INFO`.
    pub server: Option<Server>,
    /// The server's clock, since 1970; none if the user may not run `TIME`.
    pub time: Option<Duration>,
    /// What became of the last canary, and whether a new one could be set.
    pub canary: Result<Canary, RedisError>,
}

/// A key with an expiry that every probe reads, and writes anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// The one of the last probe was there.
    Alive,
    /// The one of the last probe was gone before its time, or another one stood there: keys were
    /// evicted, flushed or rolled back. So it is, too, if the new one could not be read back.
    Dead,
    /// There was no last probe on this link, or it was too long ago.
    First,
}

/// What the last probe of a link wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastCanary {
    number: u64,
    set: Instant,
}

impl Link {
    /// Looks at the server, in one round trip.
    ///
    /// `INFO` and `TIME` may be forbidden, and the canary may be refused (by a server that is full,
    /// or a replica): the rest is told all the same.
    pub async fn probe(&mut self, instance: InstanceId) -> Result<Probe, RedisError> {
        self.begin();
        let done = self.look(instance).await;
        self.end(Act::Probe, done)
    }

    async fn look(&mut self, instance: InstanceId) -> Result<Probe, Fault> {
        let (last, now) = (self.canary.take(), Instant::now());
        let number = last.map_or(0, |last| last.number).wrapping_add(1);
        let key = self.keys().canary(instance);
        let log = self.keys().log();

        let mut batch = Batch::default();
        batch.command(head::command(self.keys().head()));
        batch.command(words(&["XLEN", log]));
        batch.command(words(&["XRANGE", log, "-", "+", "COUNT", "1"]));
        batch.command(words(&["XREVRANGE", log, "+", "-", "COUNT", "1"]));
        batch.command(words(&["INFO"]));
        batch.command(words(&["TIME"]));
        batch.command(words(&["GET", &key]));
        let value = format!("{number}");
        let life = CANARY_LIFE.as_millis().to_string();
        batch.command(words(&["SET", &key, &value, "PX", &life]));
        batch.command(words(&["GET", &key]));

        let answers: Result<[Value; 9], _> = self.send(&batch, Duration::ZERO).await?.try_into();
        let [head, length, first, newest, info, time, before, set, after] =
            answers.map_err(|_| Fault::odd_answer())?;
        let canary = canary(last, number, now, [before, set, after]);
        if canary.is_ok() {
            self.canary = Some(LastCanary { number, set: now });
        }
        Ok(Probe {
            head: head::read(Reply::new(head)?)?,
            log: permitted(shape(length, first, newest))?,
            server: permitted(Reply::new(info).and_then(Server::read))?,
            time: permitted(Reply::new(time).and_then(since_epoch))?,
            canary: canary.map_err(|fault| RedisError { act: Act::Probe, fault }),
        })
    }
}

fn words(words: &[&str]) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    command.arg(words);
    command
}

/// What the user may not see is absent.
fn permitted<T>(seen: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match seen {
        Ok(seen) => Ok(Some(seen)),
        Err(Fault::NoPermission { .. }) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn shape(length: Value, first: Value, newest: Value) -> Result<LogShape, Fault> {
    let length = Reply::new(length)?.number()?;
    let first = entry::entries(Reply::new(first)?)?;
    let newest = entry::entries(Reply::new(newest)?)?;
    Ok(LogShape {
        length,
        first: first.first().map_or(0, |entry| entry.seq),
        last: newest.first().map_or(0, |entry| entry.seq),
        link: newest.first().map_or(LinkId::NONE, |entry| entry.link),
    })
}

fn since_epoch(reply: Reply) -> Result<Duration, Fault> {
    let [secs, micros] = reply.array()?;
    let number = |reply: Reply| reply.text()?.parse().map_err(|_| Fault::odd_answer());
    Ok(Duration::from_secs(number(secs)?).saturating_add(Duration::from_micros(number(micros)?)))
}

fn canary(
    last: Option<LastCanary>,
    number: u64,
    now: Instant,
    [before, set, after]: [Value; 3],
) -> Result<Canary, Fault> {
    let before = Reply::new(before)?.optional_bytes()?;
    Reply::new(set)?;
    let after = Reply::new(after)?.optional_bytes()?;
    let says = |answer: Option<Vec<u8>>, number: u64| {
        answer.is_some_and(|answer| answer == number.to_string().as_bytes())
    };
    let last = last.filter(|last| now.saturating_duration_since(last.set) < CANARY_COUNTS);
    Ok(match last {
        _ if !says(after, number) => Canary::Dead,
        None => Canary::First,
        Some(last) if says(before, last.number) => Canary::Alive,
        Some(_) => Canary::Dead,
    })
}

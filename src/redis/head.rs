//! `{P}:head`: which log this is, and how far it goes.

use deadpool_redis::redis::{self, Cmd};
use signout_checker::DigestKey;
use signout_checker::log::{Epoch, Foreign, Head};

use super::batch::Batch;
use super::config::DirectKeys;
use super::error::{Act, Fault, RedisError};
use super::link::Link;
use super::reply::Reply;
use super::scripts::{FOUND, RENEW};

/// The head of a log that nobody has begun yet.
#[derive(Clone, Debug)]
pub struct Founding {
    /// The key of the deployment's digests and names.
    pub key: DigestKey,
    /// The first incarnation.
    pub epoch: Epoch,
}

/// What a new epoch does with the entries of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// They stay, with their numbers.
    Keep,
    /// They are deleted, and numbers begin with 1 again.
    Replace,
}

/// Reads the answer to [`command`]; none if there is no head.
pub(super) fn read(reply: Reply) -> Result<Option<Head>, Fault> {
    let fields = reply.array::<6>()?.map(Reply::optional_bytes);
    let [format, key, epoch, seq, link, first] = fields;
    let fields = [format?, key?, epoch?, seq?, link?, first?];
    Head::read(fields.each_ref().map(Option::as_deref)).map_err(Fault::Foreign)
}

/// Reads what a script gives that found another epoch.
pub(super) fn changed(reply: Reply) -> Fault {
    match reply.text() {
        Err(fault) => fault,
        Ok(text) if text.is_empty() => Fault::EpochChanged { found: None },
        Ok(text) => match Epoch::parse(&text) {
            Some(epoch) => Fault::EpochChanged { found: Some(epoch) },
            None => Fault::Foreign(Foreign::Head { field: "epoch" }),
        },
    }
}

impl Link {
    /// The head; none if nobody has begun a log.
    pub async fn head(&mut self) -> Result<Option<Head>, RedisError> {
        self.begin();
        let done = self.read_head().await;
        self.end(Act::Head, done)
    }

    /// Begins a log if there is no head yet, and returns what stands there then: of several who
    /// try at once, all get the head of the one that came first.
    ///
    /// A log that is there without a head is deleted: nobody knows under which key its digests
    /// are. What it held, the journals hold that it came from. A head of this deployment that cannot
    /// be read counts as none. The field `direct_keys` says `no` as
    /// soon as one instance writes no denylist keys, for those who would ask for one.
    pub async fn found(&mut self, founding: &Founding) -> Result<Head, RedisError> {
        self.begin();
        let key = format!("{:032x}", u128::from_be_bytes(*founding.key.as_bytes()));
        let direct_keys = match self.shared.direct_keys {
            DirectKeys::Omit => "no",
            DirectKeys::Write => "yes",
        };
        let call = FOUND.sealed(
            &[self.keys().head(), self.keys().log()],
            &[&key, &founding.epoch.to_string(), direct_keys],
        );
        let done = self.call(&FOUND, call).await.and_then(read);
        let done = done.and_then(|head| head.ok_or_else(Fault::odd_answer));
        self.end(Act::Found, done)
    }

    /// Begins the epoch `new` if the epoch is still `old`, and returns what stands there then;
    /// none if there is no head. The denylist keys stay in either case.
    pub async fn renew(
        &mut self,
        old: Epoch,
        new: Epoch,
        log: Log,
    ) -> Result<Option<Head>, RedisError> {
        self.begin();
        let log = match log {
            Log::Keep => "keep",
            Log::Replace => "replace",
        };
        let call = RENEW.sealed(
            &[self.keys().head(), self.keys().log()],
            &[&old.to_string(), &new.to_string(), log],
        );
        let done = self.call(&RENEW, call).await.and_then(read);
        self.end(Act::Renew, done)
    }

    async fn read_head(&mut self) -> Result<Option<Head>, Fault> {
        let mut batch = Batch::default();
        batch.command(command(self.keys().head()));
        let reply = self.ask(&batch).await?.pop().ok_or_else(Fault::odd_answer)?;
        read(reply)
    }
}

/// `HMGET` of all fields.
pub(super) fn command(head: &str) -> Cmd {
    let mut command = redis::cmd("HMGET");
    command.arg(head).arg(&Head::FIELDS);
    command
}

//! `{P}:head`: which log this is, and how far it goes.

use std::fmt;

use deadpool_redis::redis::{self, Cmd};
use signout_checker::DigestKey;

use super::batch::Batch;
use super::config::DirectKeys;
use super::error::{Act, Fault, Foreign, RedisError};
use super::link::Link;
use super::reply::Reply;
use super::scripts::{FOUND, RENEW};

/// The form of everything under the prefix that this version reads and writes.
pub const FORMAT: u64 = 1;

/// Which incarnation of the log it is. A new one begins whenever entries may have been lost, so
/// that nobody continues from a number that means something else now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(u64);

impl Epoch {
    /// Takes a random number.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The number.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Reads 16 hex digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        digits.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

/// 16 hex digits.
impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The name of one entry, drawn at random by whoever appends it. Every entry carries that of the
/// entry before it: a log that was continued by two masters apart shows where it forked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId([u8; 8]);

impl LinkId {
    /// What the very first entry follows.
    pub const NONE: Self = Self([0; 8]);

    /// Takes 8 random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

/// 16 hex digits.
impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkId({self})")
    }
}

/// What `{P}:head` says.
#[derive(Clone, Debug)]
pub struct Head {
    /// The form of what is stored; [`FORMAT`], since other heads are refused.
    pub format: u64,
    /// The key of the deployment's digests and names.
    pub key: DigestKey,
    /// Which incarnation of the log.
    pub epoch: Epoch,
    /// Number of the last entry; 0 if there is none yet.
    pub seq: u64,
    /// Name of the last entry.
    pub link: LinkId,
    /// Number of the oldest entry that must still be there; 1 in the beginning.
    pub first: u64,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        let plain = |head: &Self| (head.format, head.epoch, head.seq, head.link, head.first);
        // Heads are compared to notice that one changed; nobody learns a key from how long it takes.
        plain(self) == plain(other) && self.key.as_bytes() == other.key.as_bytes()
    }
}

impl Eq for Head {}

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

/// The fields, in the order in which they are read everywhere.
const FIELDS: [&str; 6] = ["format", "key", "epoch", "seq", "link", "first"];

impl Head {
    /// Reads the answer to `HMGET` of [`FIELDS`]; none if there is no head.
    pub(super) fn read(reply: Reply) -> Result<Option<Self>, Fault> {
        let fields = reply.array::<6>()?.map(Reply::optional_bytes);
        let [format, key, epoch, seq, link, first] = fields;
        let fields = [format?, key?, epoch?, seq?, link?, first?];
        if fields.iter().all(Option::is_none) {
            return Ok(None);
        }
        let [format, key, epoch, seq, link, first] = fields;
        let format = field("format", format, number)?;
        if format != FORMAT {
            return Err(Fault::Foreign(Foreign::Format { format }));
        }
        Ok(Some(Self {
            format,
            key: field("key", key, |bytes| hex(bytes).map(DigestKey::from_bytes))?,
            epoch: field("epoch", epoch, |bytes| Epoch::parse(std::str::from_utf8(bytes).ok()?))?,
            seq: field("seq", seq, number)?,
            link: field("link", link, |bytes| bytes.try_into().ok().map(LinkId))?,
            first: field("first", first, number)?,
        }))
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
        let done = self.call(&FOUND, call).await.and_then(Head::read);
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
        let done = self.call(&RENEW, call).await.and_then(Head::read);
        self.end(Act::Renew, done)
    }

    async fn read_head(&mut self) -> Result<Option<Head>, Fault> {
        let mut batch = Batch::default();
        batch.command(command(self.keys().head()));
        let reply = self.ask(&batch).await?.pop().ok_or_else(Fault::odd_answer)?;
        Head::read(reply)
    }
}

/// `HMGET` of all fields.
pub(super) fn command(head: &str) -> Cmd {
    let mut command = redis::cmd("HMGET");
    command.arg(head).arg(&FIELDS);
    command
}

fn field<T>(
    field: &'static str,
    bytes: Option<Vec<u8>>,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, Fault> {
    let read = bytes.and_then(|bytes| read(&bytes));
    read.ok_or(Fault::Foreign(Foreign::Head { field }))
}

fn number(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

/// 32 hex digits.
fn hex(digits: &[u8]) -> Option<[u8; 16]> {
    let plain = digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| plain)?;
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use deadpool_redis::redis::Value;

    fn read(fields: [Option<&[u8]>; 6]) -> Result<Option<Head>, Fault> {
        let value = |field: Option<&[u8]>| {
            field.map_or(Value::Nil, |bytes| Value::BulkString(bytes.to_vec()))
        };
        Head::read(Reply::new(Value::Array(fields.map(value).to_vec())).unwrap())
    }

    const GOOD: [Option<&[u8]>; 6] = [
        Some(b"1"),
        Some(b"00112233445566778899aabbccddeeff"),
        Some(b"0123456789abcdef"),
        Some(b"42"),
        Some(&[1, 2, 3, 4, 5, 6, 7, 0xff]),
        Some(b"7"),
    ];

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let head = read(GOOD).unwrap().unwrap();
        assert_eq!(head.key.as_bytes()[..3], [0x00, 0x11, 0x22]);
        assert_eq!(head.epoch.to_string(), "0123456789abcdef");
        assert_eq!((head.seq, head.first), (42, 7));
        assert_eq!(head.link.to_string(), "01020304050607ff");
        assert_eq!(read([None; 6]), Ok(None));
    }

    #[test]
    fn a_head_that_is_not_ours_is_refused() {
        let bad: [(usize, Option<&[u8]>); 9] = [
            (0, None),
            (0, Some(b"one")),
            (1, Some(b"0011")),
            (1, Some(b"+0112233445566778899aabbccddeeff")),
            (2, Some(b"+123456789abcdef")),
            (3, Some(b"-1")),
            (3, Some(b"")),
            (4, Some(b"1234567")),
            (5, None),
        ];
        for (at, value) in bad {
            let mut fields = GOOD;
            fields[at] = value;
            let foreign = Fault::Foreign(Foreign::Head { field: FIELDS[at] });
            assert_eq!(read(fields), Err(foreign), "{at}");
        }
        let mut later = GOOD;
        later[0] = Some(b"2");
        assert_eq!(read(later), Err(Fault::Foreign(Foreign::Format { format: 2 })));
    }
}

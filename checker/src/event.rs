//! What `GET /v1/feed` says, for both ends of it: one definition of the JSON.
//!
//! The feed is a stream of server-sent events (`text/event-stream`, WHATWG HTML, section 9.2). Their
//! names, ids and data:
//!
//! | event | id | data |
//! |---|---|---|
//! | `heartbeat` | position | `{"staleness_ms":n,"elapsed_ms":n,"time":secs,"previous":seq}` |
//! | `changes` | position | `{"previous":seq,"changes":[...]}` |
//! | `reset` | none | `{"reason":"unknown_position"}`, or `"too_far_behind"`, or `"lagged"` |
//!
//! `previous` is the seq of the last entry before this event that mattered to the feed: whoever has
//! not come that far misses something. Times are seconds since 1970 (UTC); `null` as `issued_before`
//! is every token, `null` as `retain_until` is for good. Digests and names are 32 lower-case hex
//! digits. Unknown fields are left alone.
//!
//! An act with more changes than fit comes in several `changes` events, with `"part":n,"parts":m` in
//! their data, `n` from 0. All but the last have the id of the entry *before* the act, `previous`
//! itself: they are to be applied, but a stream that breaks among them is taken up before the first.

mod json;

use std::fmt;
use std::time::{Duration, Instant};

use crate::{Change, Position, Target, Timestamp};

/// The longest `data` that is read, in bytes.
const DATA_BYTES: usize = 1 << 20;
/// Knowledge this old is none. A server that never knew says 2^53 - 1 ms.
const MOST_STALENESS: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Changes in one event that is written. With the longest identifiers, each byte of them escaped,
/// a change takes 3.5 KiB.
const EVENT_CHANGES: usize = 256;

/// One event of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedEvent {
    /// Nothing but what is known up to here.
    Heartbeat {
        /// Everything that matters up to here was sent before.
        at: Position,
        /// How fresh that is.
        heartbeat: Heartbeat,
    },
    /// Somebody was signed out.
    Changes {
        /// The entry of the journal that tells so.
        at: Position,
        /// The last entry before it that mattered.
        previous: u64,
        /// What it changes. At least one.
        changes: Vec<FeedChange>,
    },
    /// One event of several that tell of an act together. Whoever writes does not need it:
    /// [`to_frame`](Self::to_frame) parts [`Changes`](Self::Changes).
    Part {
        /// Of the last part the entry of the journal that tells so, of all others the entry before.
        at: Position,
        /// The last entry before it that mattered.
        previous: u64,
        /// Which part this is.
        part: Part,
        /// What it changes. At least one.
        changes: Vec<FeedChange>,
    },
    /// The stream ends, and what comes behind the client's position cannot be had: load the snapshot
    /// and go on behind that.
    Reset(ResetReason),
}

/// How fresh the server's knowledge was when it sent this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whatever was decided longer ago than this, anywhere in the deployment, was sent on this stream
    /// before, or lies before the position that was asked for. In milliseconds on the wire, rounded
    /// up.
    ///
    /// A heartbeat that is sent ahead of entries the client has yet to be sent says
    /// [`Duration::MAX`], which is 2^53 - 1 on the wire: no client may call itself fresh by it.
    pub staleness: Duration,
    /// Time since the server began to answer the request, by its monotonic clock. In milliseconds on
    /// the wire, rounded down.
    pub elapsed: Duration,
    /// The server's settled wall clock, which no verifier's is behind: what is over by it may be
    /// forgotten ([`Index::expire`](crate::Index::expire)).
    pub time: Timestamp,
    /// The last entry up to the heartbeat's position that mattered to the feed.
    pub previous: u64,
}

impl Heartbeat {
    /// Up to which instant everything is known to whoever applied all that came before, for
    /// [`Checker::vouch`](crate::Checker::vouch). `asked` is when the request was sent, `arrived`
    /// when this came in, both by the local monotonic clock.
    ///
    /// Sent `elapsed` after a request that did not reach the server before `asked`, and not after
    /// `arrived`: network and buffers make knowledge older, never younger. `None` if the server
    /// knows nothing for sure, or nothing of the last year.
    #[must_use]
    pub fn as_of(&self, asked: Instant, arrived: Instant) -> Option<Instant> {
        let sent = asked.checked_add(self.elapsed).map_or(arrived, |sent| sent.min(arrived));
        if self.staleness > MOST_STALENESS { None } else { sent.checked_sub(self.staleness) }
    }
}

/// One part of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Counted from 0.
    pub number: u32,
    /// How many there are, at least 2.
    pub of: u32,
}

impl Part {
    /// Whether the act is complete with this one.
    #[must_use]
    pub const fn is_last(self) -> bool {
        self.number + 1 >= self.of
    }
}

/// A change, and what it is about if the receiver may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedChange {
    /// By digest.
    pub change: Change,
    /// The issuer and the identifier themselves. Only for keys that also register tokens, and only
    /// of what the answering instance took itself. Nobody here holds it against the digest.
    pub target: Option<Target>,
}

impl From<Change> for FeedChange {
    fn from(change: Change) -> Self {
        Self { change, target: None }
    }
}

/// Why a stream cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResetReason {
    /// The position is of another journal, or ahead of this one.
    UnknownPosition,
    /// What came behind the position is not kept any more.
    TooFarBehind,
    /// The client did not read fast enough.
    Lagged,
}

impl ResetReason {
    /// Every reason.
    pub const ALL: &'static [Self] = &[Self::UnknownPosition, Self::TooFarBehind, Self::Lagged];

    /// The word on the wire, also good as a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownPosition => "unknown_position",
            Self::TooFarBehind => "too_far_behind",
            Self::Lagged => "lagged",
        }
    }
}

impl fmt::Display for ResetReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An event is not what the feed says. Nothing of it may be used; the stream is to be given up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// More than a server sends.
    #[error("an event of the feed has {0} bytes, at most {DATA_BYTES} are read")]
    TooLong(usize),
    /// The id is missing or no position.
    #[error("an event of the feed has no position for its id: {0}")]
    Id(#[from] crate::NoPosition),
    /// The data are not the JSON that belongs to the event's name.
    #[error("the data of a {name} event cannot be read: {source}")]
    Data {
        /// The event's name.
        name: &'static str,
        /// Where, and what was expected.
        source: serde_json::Error,
    },
    /// `changes` is empty.
    #[error("an event of the feed has no changes in it")]
    Empty,
    /// `previous` does not lie before the event itself.
    #[error("an event of the feed at {at} says that {previous} came before it")]
    Order {
        /// The event's own seq.
        at: u64,
        /// What it says.
        previous: u64,
    },
    /// A part of an act that has no such part.
    #[error("an event of the feed says it is part {number} of {of}")]
    Part {
        /// Which it says it is, counted from 0.
        number: u32,
        /// How many there are.
        of: u32,
    },
}

impl FeedEvent {
    /// Reads an event as a reader of event streams hands it out: its name, the last event id, and its
    /// data. `None` is an event that this version does not know and need not.
    pub fn decode(name: &str, id: &str, data: &str) -> Result<Option<Self>, EventError> {
        if data.len() > DATA_BYTES {
            return Err(EventError::TooLong(data.len()));
        }
        let event = match name {
            HEARTBEAT => {
                let (at, heartbeat) = (id.parse::<Position>()?, json::heartbeat(data)?);
                in_order(heartbeat.previous <= at.seq, at, heartbeat.previous)?;
                Self::Heartbeat { at, heartbeat }
            }
            CHANGES => Self::of_changes(id.parse()?, json::changes(data)?)?,
            RESET => Self::Reset(json::reset(data)?),
            _ => return Ok(None),
        };
        Ok(Some(event))
    }

    fn of_changes(at: Position, told: json::Told) -> Result<Self, EventError> {
        let json::Told { previous, part, changes } = told;
        if changes.is_empty() {
            return Err(EventError::Empty);
        }
        match part {
            None => {
                in_order(previous < at.seq, at, previous)?;
                Ok(Self::Changes { at, previous, changes })
            }
            Some(Part { number, of }) if of < 2 || number >= of => {
                Err(EventError::Part { number, of })
            }
            Some(part) => {
                let ordered = if part.is_last() { previous < at.seq } else { previous == at.seq };
                in_order(ordered, at, previous)?;
                Ok(Self::Part { at, previous, part, changes })
            }
        }
    }

    /// The event as it stands in a `text/event-stream`, empty line and all. An act too large for one
    /// event becomes several.
    #[must_use]
    pub fn to_frame(&self) -> String {
        match self {
            Self::Heartbeat { at, heartbeat } => {
                frame(HEARTBEAT, Some(*at), &json::of_heartbeat(heartbeat))
            }
            Self::Changes { at, previous, changes } => {
                let parts = changes.chunks(EVENT_CHANGES);
                let of = u32::try_from(parts.len()).unwrap_or(u32::MAX);
                let frames = (0..of).zip(parts).map(|(number, changes)| {
                    let part = Part { number, of };
                    let seq = if part.is_last() { at.seq } else { *previous };
                    let part = (of > 1).then_some(part);
                    let data = json::of_changes(*previous, part, changes);
                    frame(CHANGES, Some(Position { seq, ..*at }), &data)
                });
                frames.collect()
            }
            Self::Part { at, previous, part, changes } => {
                let data = json::of_changes(*previous, Some(*part), changes);
                frame(CHANGES, Some(*at), &data)
            }
            Self::Reset(reason) => frame(RESET, None, &json::of_reset(*reason)),
        }
    }
}

const HEARTBEAT: &str = "heartbeat";
const CHANGES: &str = "changes";
const RESET: &str = "reset";

fn in_order(ordered: bool, at: Position, previous: u64) -> Result<(), EventError> {
    if ordered { Ok(()) } else { Err(EventError::Order { at: at.seq, previous }) }
}

fn frame(name: &str, id: Option<Position>, data: &str) -> String {
    match id {
        Some(id) => format!("event: {name}\nid: {id}\ndata: {data}\n\n"),
        None => format!("event: {name}\ndata: {data}\n\n"),
    }
}

#[cfg(test)]
mod tests;

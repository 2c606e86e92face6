//! The data of events. What is written and what is read is declared once.

use std::borrow::Cow;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Deserialize as Deserialized, Serialize};

use super::{CHANGES, EventError, FeedChange, HEARTBEAT, Heartbeat, Part, RESET, ResetReason};
use crate::object::Object;
use crate::{
    Change, ClientId, Digest, IdError, IssuedBefore, Issuer, JwtId, KeyName, Reach, Reason,
    SessionId, Subject, Target, TargetKind, Timestamp,
};

#[derive(Serialize, Deserialized)]
struct HeartbeatData {
    staleness_ms: u64,
    elapsed_ms: u64,
    time: u64,
    previous: u64,
}

#[derive(Serialize, Deserialized)]
struct ChangesData<'a> {
    previous: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<u32>,
    #[serde(borrow)]
    changes: Vec<Object<ChangeData<'a>>>,
}

#[derive(Serialize, Deserialized)]
struct ChangeData<'a> {
    kind: Cow<'a, str>,
    digest: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "present")]
    issued_before: Option<u64>,
    offline: bool,
    long_lived: bool,
    #[serde(deserialize_with = "present")]
    retain_until: Option<u64>,
    reason: Cow<'a, str>,
    revoked_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialized)]
struct ResetData<'a> {
    reason: Cow<'a, str>,
}

/// `null` means something here, so a field that is missing is not taken for it.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u64>, D::Error> {
    Option::deserialize(value)
}

/// What JSON of the right shape does not say.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("`{0}` is no 32 lower-case hex digits")]
    Hex(&'static str),
    #[error("`{0}` is none of the known words")]
    Word(&'static str),
    #[error(transparent)]
    Identifier(#[from] IdError),
    #[error("`iss` and the identifier of this `kind` come together, and no other with them")]
    Target,
    #[error("`part` and `parts` come together")]
    Part,
}

pub(super) fn heartbeat(data: &str) -> Result<Heartbeat, EventError> {
    let data = serde_json::from_str(data).map_err(unreadable(HEARTBEAT))?;
    let Object(HeartbeatData { staleness_ms, elapsed_ms, time, previous }) = data;
    Ok(Heartbeat {
        staleness: Duration::from_millis(staleness_ms),
        elapsed: Duration::from_millis(elapsed_ms),
        time: Timestamp::from_secs(time),
        previous,
    })
}

/// The data of a `changes` event.
pub(super) struct Told {
    pub(super) previous: u64,
    pub(super) part: Option<Part>,
    pub(super) changes: Vec<FeedChange>,
}

pub(super) fn changes(data: &str) -> Result<Told, EventError> {
    let Object(data): Object<ChangesData<'_>> =
        serde_json::from_str(data).map_err(unreadable(CHANGES))?;
    let changes: Result<_, Fault> =
        data.changes.into_iter().map(|Object(change)| change.read()).collect();
    let part = match (data.part, data.parts) {
        (Some(number), Some(of)) => Ok(Some(Part { number, of })),
        (None, None) => Ok(None),
        _ => Err(Fault::Part),
    };
    let told = part.and_then(|part| Ok(Told { previous: data.previous, part, changes: changes? }));
    told.map_err(serde_json::Error::custom).map_err(unreadable(CHANGES))
}

pub(super) fn reset(data: &str) -> Result<ResetReason, EventError> {
    let Object(data): Object<ResetData<'_>> =
        serde_json::from_str(data).map_err(unreadable(RESET))?;
    let known = ResetReason::ALL.iter().find(|reason| reason.as_str() == data.reason);
    let fault = || unreadable(RESET)(serde_json::Error::custom(Fault::Word("reason")));
    known.copied().ok_or_else(fault)
}

pub(super) fn of_heartbeat(heartbeat: &Heartbeat) -> String {
    let Heartbeat { staleness, elapsed, time, previous } = *heartbeat;
    text(&HeartbeatData {
        staleness_ms: milliseconds(staleness.saturating_add(Duration::from_nanos(999_999))),
        elapsed_ms: milliseconds(elapsed),
        time: time.as_secs(),
        previous,
    })
}

pub(super) fn of_changes(previous: u64, part: Option<Part>, changes: &[FeedChange]) -> String {
    let (part, parts) = (part.map(|part| part.number), part.map(|part| part.of));
    let changes = changes.iter().map(|told| Object(ChangeData::of(told))).collect();
    text(&ChangesData { previous, part, parts, changes })
}

pub(super) fn of_reset(reason: ResetReason) -> String {
    text(&ResetData { reason: reason.as_str().into() })
}

fn unreadable(name: &'static str) -> impl Fn(serde_json::Error) -> EventError {
    move |source| EventError::Data { name, source }
}

/// There is nothing in these data that could fail to be written. If there were, readers would drop
/// an event without data, and the next event's `previous` would tell them.
fn text(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default()
}

/// JSON readers take whole numbers up to 2^53 as they are; beyond that, it is "unknown" anyway.
fn milliseconds(duration: Duration) -> u64 {
    const LARGEST: u64 = (1 << 53) - 1;
    u64::try_from(duration.as_millis()).unwrap_or(LARGEST).min(LARGEST)
}

impl<'a> ChangeData<'a> {
    fn of(FeedChange { change, target }: &'a FeedChange) -> Self {
        let retain_until = change.retain_until.as_secs();
        let mut data = Self {
            kind: change.kind.as_str().into(),
            digest: change.target.to_string().into(),
            name: change.name.map(|name| name.to_string().into()),
            issued_before: match change.issued_before {
                IssuedBefore::EVERYTHING => None,
                cut_off => Some(cut_off.to_bits().into()),
            },
            offline: change.reach.offline,
            long_lived: change.reach.long_lived,
            // As in a pack: what lasts longer than 32 bits can say lasts for good.
            retain_until: (retain_until < u32::MAX.into()).then_some(retain_until),
            reason: change.reason.as_str().into(),
            revoked_at: change.revoked_at.as_secs(),
            iss: target.as_ref().map(|target| target.issuer().as_str().into()),
            jti: None,
            sid: None,
            sub: None,
            client_id: None,
        };
        match target {
            Some(Target::Token(_, id)) => data.jti = Some(id.as_str().into()),
            Some(Target::Session(_, id)) => data.sid = Some(id.as_str().into()),
            Some(Target::Subject(_, id)) => data.sub = Some(id.as_str().into()),
            Some(Target::Client(_, id)) => data.client_id = Some(id.as_str().into()),
            Some(Target::Issuer(_)) | None => {}
        }
        data
    }

    fn read(self) -> Result<FeedChange, Fault> {
        let kind = TargetKind::from_word(&self.kind).ok_or(Fault::Word("kind"))?;
        let name = self.name.as_deref().map(|name| hex(name).ok_or(Fault::Hex("name")));
        let digest = hex(&self.digest).ok_or(Fault::Hex("digest"))?;
        let change = Change {
            target: Digest::from_bytes(digest.to_le_bytes()),
            name: name.transpose()?.map(|name| KeyName::from_bytes(name.to_be_bytes())),
            kind,
            issued_before: match self.issued_before {
                None => IssuedBefore::EVERYTHING,
                Some(secs) => IssuedBefore::at(Timestamp::from_secs(secs)),
            },
            reach: Reach { offline: self.offline, long_lived: self.long_lived },
            retain_until: self.retain_until.map_or(Timestamp::MAX, Timestamp::from_secs),
            reason: Reason::from_word(&self.reason).ok_or(Fault::Word("reason"))?,
            revoked_at: Timestamp::from_secs(self.revoked_at),
        };
        Ok(FeedChange { change, target: self.target(kind)? })
    }

    fn target(self, kind: TargetKind) -> Result<Option<Target>, Fault> {
        let Self { iss, jti, sid, sub, client_id, .. } = self;
        let issuer = iss.map(Issuer::parse).transpose()?;
        let target = match (kind, issuer, jti, sid, sub, client_id) {
            (_, None, None, None, None, None) => return Ok(None),
            (TargetKind::Token, Some(issuer), Some(id), None, None, None) => {
                Target::Token(issuer, JwtId::parse(id)?)
            }
            (TargetKind::Session, Some(issuer), None, Some(id), None, None) => {
                Target::Session(issuer, SessionId::parse(id)?)
            }
            (TargetKind::Subject, Some(issuer), None, None, Some(id), None) => {
                Target::Subject(issuer, Subject::parse(id)?)
            }
            (TargetKind::Client, Some(issuer), None, None, None, Some(id)) => {
                Target::Client(issuer, ClientId::parse(id)?)
            }
            (TargetKind::Issuer, Some(issuer), None, None, None, None) => Target::Issuer(issuer),
            _ => return Err(Fault::Target),
        };
        Ok(Some(target))
    }
}

/// The parser of the standard library would take a sign and capitals as well.
fn hex(text: &str) -> Option<u128> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let well_formed = text.len() == 32 && text.bytes().all(is_hex);
    well_formed.then(|| u128::from_str_radix(text, 16).ok())?
}

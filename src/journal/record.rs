//! What one entry of the journal says, and its bytes.
//!
//! An entry is a head (version, `retain_until`, CRC-32 of the body) and a body in postcard. The
//! checksum lets a damaged entry be told from its neighbours, which are still good. Raw
//! identifiers stand here on purpose: the journal is this host's own file (mode 0600), and names
//! for other stores are derived from them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use signout_checker::{
    Change, ClientId, IssuedBefore, Issuer, JwtId, Reach, Reason, Revocation, SessionId, Subject,
    Target, TargetKind, Timestamp, TokenKind,
};

use super::error::RecordError;
use crate::replay::Seen;
use crate::sessions::IssuedToken;

const VERSION: u8 = 1;
/// Version, `retain_until`, checksum.
const HEAD: usize = 1 + 8 + 4;

/// One entry: all that one request did, so that it is durable as a whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Tokens were registered.
    Registered(Vec<Arc<IssuedToken>>),
    /// Somebody was signed out. All revocations of one act share issuer, reason and time.
    Revoked {
        /// What is refused from now on.
        revocations: Vec<Revocation>,
        /// The logout token that said so, for the replay memory.
        seen: Option<Seen>,
    },
    /// Their owner let go of tokens that ended by themselves.
    Forgotten {
        /// Whose tokens.
        issuer: Issuer,
        /// Which.
        jwt_ids: Vec<JwtId>,
        /// When the last of them would have ended.
        until: Timestamp,
    },
    /// Another instance signed somebody out, as the shared log tells it: by digest, under the
    /// deployment's key. Kept so that any one journal can rebuild the whole denylist.
    Followed(Vec<Change>),
}

impl Record {
    /// When nothing in it matters any more.
    #[must_use]
    pub fn retain_until(&self) -> Timestamp {
        match self {
            Self::Registered(tokens) => tokens.iter().map(|t| t.expires_at).max(),
            Self::Revoked { revocations, seen } => {
                let revocations = revocations.iter().map(|r| r.retain_until);
                revocations.chain(seen.iter().map(|s| s.retain_until)).max()
            }
            Self::Forgotten { until, .. } => Some(*until),
            Self::Followed(changes) => changes.iter().map(|c| c.retain_until).max(),
        }
        .unwrap_or_default()
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        let retain_until = self.retain_until();
        let body = postcard::to_stdvec(&Body::of(self))?;
        let mut bytes = Vec::with_capacity(HEAD + body.len());
        bytes.push(VERSION);
        bytes.extend(retain_until.as_secs().to_le_bytes());
        bytes.extend(checksum(retain_until, &body).to_le_bytes());
        bytes.extend(body);
        Ok(bytes)
    }

    /// How many targets it refuses.
    #[must_use]
    pub fn targets(&self) -> usize {
        match self {
            Self::Revoked { revocations, .. } => revocations.len(),
            Self::Followed(changes) => changes.len(),
            Self::Registered(_) | Self::Forgotten { .. } => 0,
        }
    }

    /// The same as [`Record::decode`], if it is one that refuses something.
    pub(super) fn decode_revoking(bytes: &[u8]) -> Result<Option<Self>, RecordError> {
        let (_, body) = Head::split(bytes)?;
        let refuses = body.first().is_some_and(|tag| REVOKING.contains(tag));
        refuses.then(|| Self::decode(bytes)).transpose()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (head, body) = Head::split(bytes)?;
        if checksum(head.retain_until, body) != head.checksum {
            return Err(RecordError::Checksum);
        }
        postcard::from_bytes::<Body<'_>>(body)?.into_record()
    }
}

/// The tags of [`Body::Revoked`] and [`Body::Followed`], which postcard writes as one byte.
const REVOKING: [u8; 2] = [1, 3];

fn checksum(retain_until: Timestamp, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&retain_until.as_secs().to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// The first bytes of an entry.
pub(super) struct Head {
    pub(super) retain_until: Timestamp,
    checksum: u32,
}

impl Head {
    pub(super) fn split(bytes: &[u8]) -> Result<(Self, &[u8]), RecordError> {
        let (&version, rest) = bytes.split_first().ok_or(RecordError::Truncated)?;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        let (retain_until, rest) = rest.split_first_chunk().ok_or(RecordError::Truncated)?;
        let (checksum, body) = rest.split_first_chunk().ok_or(RecordError::Truncated)?;
        let head = Self {
            retain_until: Timestamp::from_secs(u64::from_le_bytes(*retain_until)),
            checksum: u32::from_le_bytes(*checksum),
        };
        Ok((head, body))
    }
}

/// The body as it is written. New kinds go last: the position is the tag.
#[derive(Serialize, Deserialize)]
enum Body<'a> {
    Registered(#[serde(borrow)] Vec<TokenBody<'a>>),
    Revoked {
        issuer: &'a str,
        reason: u8,
        revoked_at: u64,
        #[serde(borrow)]
        targets: Vec<TargetBody<'a>>,
        #[serde(borrow)]
        seen: Option<SeenBody<'a>>,
    },
    Forgotten {
        issuer: &'a str,
        #[serde(borrow)]
        jwt_ids: Vec<&'a str>,
        until: u64,
    },
    Followed(Vec<u8>),
}

#[derive(Serialize, Deserialize)]
struct TokenBody<'a> {
    issuer: &'a str,
    jwt_id: &'a str,
    session: Option<&'a str>,
    subject: Option<&'a str>,
    client: Option<&'a str>,
    kind: u8,
    issued_at: u64,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
struct TargetBody<'a> {
    kind: u8,
    value: &'a str,
    issued_before: u32,
    reach: u8,
    retain_until: u64,
}

#[derive(Serialize, Deserialize)]
struct SeenBody<'a> {
    jwt_id: &'a str,
    identity: [u8; 32],
    retain_until: u64,
}

const REACH_OFFLINE: u8 = 1;
const REACH_LONG_LIVED: u8 = 2;

impl<'a> Body<'a> {
    fn of(record: &'a Record) -> Self {
        match record {
            Record::Registered(tokens) => {
                Self::Registered(tokens.iter().map(|token| TokenBody::of(token)).collect())
            }
            Record::Revoked { revocations, seen } => {
                let first = revocations.first();
                let issuer = first.map(|r| r.target.issuer()).or(seen.as_ref().map(|s| &s.issuer));
                Self::Revoked {
                    issuer: issuer.map_or("", Issuer::as_str),
                    reason: first.map_or(0, |r| r.reason.tag()),
                    revoked_at: first.map_or(0, |r| r.revoked_at.as_secs()),
                    targets: revocations.iter().map(TargetBody::of).collect(),
                    seen: seen.as_ref().map(SeenBody::of),
                }
            }
            Record::Forgotten { issuer, jwt_ids, until } => Self::Forgotten {
                issuer: issuer.as_str(),
                jwt_ids: jwt_ids.iter().map(JwtId::as_str).collect(),
                until: until.as_secs(),
            },
            Record::Followed(changes) => Self::Followed(Change::pack(changes)),
        }
    }

    fn into_record(self) -> Result<Record, RecordError> {
        Ok(match self {
            Self::Registered(tokens) => Record::Registered(
                tokens
                    .into_iter()
                    .map(|token| token.into_token().map(Arc::new))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Revoked { issuer, reason, revoked_at, targets, seen } => {
                let issuer = Issuer::parse(issuer)?;
                let reason = Reason::from_tag(reason).ok_or(RecordError::Tag(reason))?;
                let revoked_at = Timestamp::from_secs(revoked_at);
                let revocations = targets
                    .into_iter()
                    .map(|target| target.into_revocation(&issuer, reason, revoked_at))
                    .collect::<Result<_, _>>()?;
                let seen = seen.map(|seen| seen.into_seen(issuer)).transpose()?;
                Record::Revoked { revocations, seen }
            }
            Self::Forgotten { issuer, jwt_ids, until } => Record::Forgotten {
                issuer: Issuer::parse(issuer)?,
                jwt_ids: jwt_ids.into_iter().map(JwtId::parse).collect::<Result<_, _>>()?,
                until: Timestamp::from_secs(until),
            },
            Self::Followed(pack) => Record::Followed(Change::unpack(&pack)?),
        })
    }
}

impl<'a> TokenBody<'a> {
    fn of(token: &'a IssuedToken) -> Self {
        Self {
            issuer: token.issuer.as_str(),
            jwt_id: token.jwt_id.as_str(),
            session: token.session.as_ref().map(SessionId::as_str),
            subject: token.subject.as_ref().map(Subject::as_str),
            client: token.client.as_ref().map(ClientId::as_str),
            kind: token.kind.tag(),
            issued_at: token.issued_at.as_secs(),
            expires_at: token.expires_at.as_secs(),
        }
    }

    fn into_token(self) -> Result<IssuedToken, RecordError> {
        Ok(IssuedToken {
            issuer: Issuer::parse(self.issuer)?,
            jwt_id: JwtId::parse(self.jwt_id)?,
            session: self.session.map(SessionId::parse).transpose()?,
            subject: self.subject.map(Subject::parse).transpose()?,
            client: self.client.map(ClientId::parse).transpose()?,
            kind: TokenKind::from_tag(self.kind).ok_or(RecordError::Tag(self.kind))?,
            issued_at: Timestamp::from_secs(self.issued_at),
            expires_at: Timestamp::from_secs(self.expires_at),
        })
    }
}

impl<'a> TargetBody<'a> {
    fn of(revocation: &'a Revocation) -> Self {
        let Revocation { target, issued_before, reach, retain_until, .. } = revocation;
        let value = match target {
            Target::Token(_, id) => id.as_str(),
            Target::Session(_, id) => id.as_str(),
            Target::Subject(_, id) => id.as_str(),
            Target::Client(_, id) => id.as_str(),
            Target::Issuer(_) => "",
        };
        let offline = if reach.offline { REACH_OFFLINE } else { 0 };
        let long_lived = if reach.long_lived { REACH_LONG_LIVED } else { 0 };
        Self {
            kind: target.kind().tag(),
            value,
            issued_before: issued_before.to_bits(),
            reach: offline | long_lived,
            retain_until: retain_until.as_secs(),
        }
    }

    fn into_revocation(
        self,
        issuer: &Issuer,
        reason: Reason,
        revoked_at: Timestamp,
    ) -> Result<Revocation, RecordError> {
        let issuer = issuer.clone();
        let target = match TargetKind::from_tag(self.kind).ok_or(RecordError::Tag(self.kind))? {
            TargetKind::Token => Target::Token(issuer, JwtId::parse(self.value)?),
            TargetKind::Session => Target::Session(issuer, SessionId::parse(self.value)?),
            TargetKind::Subject => Target::Subject(issuer, Subject::parse(self.value)?),
            TargetKind::Client => Target::Client(issuer, ClientId::parse(self.value)?),
            TargetKind::Issuer => Target::Issuer(issuer),
        };
        Ok(Revocation {
            target,
            issued_before: IssuedBefore::from_bits(self.issued_before),
            reach: Reach {
                offline: self.reach & REACH_OFFLINE != 0,
                long_lived: self.reach & REACH_LONG_LIVED != 0,
            },
            retain_until: Timestamp::from_secs(self.retain_until),
            reason,
            revoked_at,
        })
    }
}

impl<'a> SeenBody<'a> {
    fn of(seen: &'a Seen) -> Self {
        Self {
            jwt_id: seen.jwt_id.as_str(),
            identity: seen.identity,
            retain_until: seen.retain_until.as_secs(),
        }
    }

    fn into_seen(self, issuer: Issuer) -> Result<Seen, RecordError> {
        Ok(Seen {
            issuer,
            jwt_id: JwtId::parse(self.jwt_id)?,
            identity: self.identity,
            retain_until: Timestamp::from_secs(self.retain_until),
        })
    }
}

#[cfg(test)]
mod tests {
    use signout_checker::{Digest, KeyName};

    use super::*;

    fn records() -> Vec<Record> {
        let issuer = Issuer::parse("https://op.example").unwrap();
        let at = Timestamp::from_secs(1_000);
        let until = Timestamp::from_secs(9_000);
        let token = IssuedToken {
            issuer: issuer.clone(),
            jwt_id: JwtId::parse("jti-1").unwrap(),
            session: Some(SessionId::parse("a*b:{c} d%").unwrap()),
            subject: None,
            client: Some(ClientId::parse("web").unwrap()),
            kind: TokenKind::OfflineRefresh,
            issued_at: at,
            expires_at: until,
        };
        let targets = [
            Target::Token(issuer.clone(), token.jwt_id.clone()),
            Target::Session(issuer.clone(), SessionId::parse("s").unwrap()),
            Target::Subject(issuer.clone(), Subject::parse("u").unwrap()),
            Target::Client(issuer.clone(), ClientId::parse("c").unwrap()),
            Target::Issuer(issuer.clone()),
        ];
        let revocations = targets
            .into_iter()
            .zip(
                [Reach::ALL, Reach::LOGIN, Reach { offline: true, long_lived: false }]
                    .iter()
                    .cycle(),
            )
            .map(|(target, reach)| {
                Revocation::of(target, Reason::BackchannelLogout, at, until)
                    .issued_before(IssuedBefore::at(at))
                    .reaching(*reach)
            })
            .collect();
        let seen = Seen {
            issuer: issuer.clone(),
            jwt_id: JwtId::parse("logout").unwrap(),
            identity: [7; 32],
            retain_until: Timestamp::from_secs(9_500),
        };
        vec![
            Record::Registered(vec![Arc::new(token)]),
            Record::Revoked { revocations, seen: Some(seen) },
            Record::Forgotten { issuer, jwt_ids: vec![JwtId::parse("jti-1").unwrap()], until },
            Record::Followed(vec![Change {
                target: Digest::from_bytes([3; 16]),
                name: Some(KeyName::from_bytes([4; 16])),
                kind: TargetKind::Session,
                issued_before: IssuedBefore::EVERYTHING,
                reach: Reach::LOGIN,
                retain_until: until,
                reason: Reason::Admin,
                revoked_at: at,
            }]),
        ]
    }

    #[test]
    fn comes_back_as_it_was() {
        for record in records() {
            let bytes = record.encode().unwrap();
            assert_eq!(Record::decode(&bytes).unwrap(), record);
            assert_eq!(Head::split(&bytes).unwrap().0.retain_until, record.retain_until());
        }
    }

    #[test]
    fn i15_every_damaged_byte_is_noticed() {
        for record in records() {
            let good = record.encode().unwrap();
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 0x10;
                assert!(Record::decode(&bad).is_err(), "byte {at}");
            }
            for length in 0..good.len() {
                assert!(Record::decode(&good[..length]).is_err(), "cut at {length}");
            }
        }
    }

    #[test]
    fn only_what_refuses_is_decoded_as_such() {
        for record in records() {
            let refuses = record.targets() > 0;
            let decoded = Record::decode_revoking(&record.encode().unwrap()).unwrap();
            assert_eq!(decoded, refuses.then_some(record));
        }
    }

    #[test]
    fn retained_as_long_as_its_longest_part() {
        let [registered, revoked, _, _] = records().try_into().unwrap();
        assert_eq!(registered.retain_until().as_secs(), 9_000);
        assert_eq!(revoked.retain_until().as_secs(), 9_500);
    }

    /// An old journal opened by a new binary: these bytes were written by format 1.
    #[test]
    fn i16_format_1_is_frozen() {
        let record = Record::Forgotten {
            issuer: Issuer::parse("https://op").unwrap(),
            jwt_ids: vec![JwtId::parse("x").unwrap()],
            until: Timestamp::from_secs(258),
        };
        let bytes = record.encode().unwrap();
        let frozen = b"\x01\x02\x01\0\0\0\0\0\0\x5c\x83\x26\xd3\x02\x0ahttps://op\x01\x01x\x82\x02";
        assert_eq!(bytes, frozen);
    }
}

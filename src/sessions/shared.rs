//! A registered token as other instances see it: by digests.

use signout_checker::{Digest, KeyName, Timestamp, TokenKind};

const VERSION: u8 = 1;
const NAMED: u8 = 1;
const IN_SESSION: u8 = 2;
const OF_SUBJECT: u8 = 4;
const SESSION_NAMED: u8 = 8;
const FLAGS: u8 = NAMED | IN_SESSION | OF_SUBJECT | SESSION_NAMED;

/// What another instance needs to know to end this token with its session or its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedToken {
    /// Which token.
    pub token: Digest,
    /// The same, for the names of denylist keys.
    pub name: Option<KeyName>,
    /// The session it belongs to.
    pub session: Option<Digest>,
    /// The same, for the names of denylist keys. Nothing without a session and a name.
    pub session_name: Option<KeyName>,
    /// The user it belongs to.
    pub subject: Option<Digest>,
    /// What kind of token.
    pub kind: TokenKind,
    /// Its `iat`.
    pub issued_at: Timestamp,
    /// Until when it must be remembered once it is revoked: its expiry and the largest leeway.
    pub retain_until: Timestamp,
}

/// The bytes are not of a shared token that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a shared token is malformed")]
pub struct MalformedToken;

impl SharedToken {
    /// The bytes beside the token's own digest, which is the name of the field they are kept under:
    /// version, kind, flags, `issued_at` and `retain_until` in 32 bits (little-endian), then name,
    /// session, the session's name and subject as far as flagged.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(self.name.is_some(), NAMED)
            | flag(self.session.is_some(), IN_SESSION)
            | flag(self.subject.is_some(), OF_SUBJECT)
            | flag(self.session_name.is_some(), SESSION_NAMED);
        let mut bytes = Vec::with_capacity(75);
        bytes.extend([VERSION, self.kind.tag(), flags]);
        bytes.extend(narrow(self.issued_at).to_le_bytes());
        bytes.extend(narrow(self.retain_until).to_le_bytes());
        let parts = [
            self.name.map(|name| *name.as_bytes()),
            self.session.map(Digest::to_bytes),
            self.session_name.map(|name| *name.as_bytes()),
            self.subject.map(Digest::to_bytes),
        ];
        bytes.extend(parts.into_iter().flatten().flatten());
        bytes
    }

    /// Reads what [`SharedToken::encode`] wrote.
    pub fn decode(token: Digest, mut bytes: &[u8]) -> Result<Self, MalformedToken> {
        let [version, kind, flags] = take(&mut bytes)?;
        if version != VERSION || flags & !FLAGS != 0 {
            return Err(MalformedToken);
        }
        let time = |bytes: [u8; 4]| match u32::from_le_bytes(bytes) {
            u32::MAX => Timestamp::MAX,
            secs => Timestamp::from_secs(secs.into()),
        };
        let (issued_at, retain_until) = (time(take(&mut bytes)?), time(take(&mut bytes)?));
        let mut part = |flag| {
            if flags & flag == 0 { Ok(None) } else { take::<16>(&mut bytes).map(Some) }
        };
        let decoded = Self {
            token,
            name: part(NAMED)?.map(KeyName::from_bytes),
            session: part(IN_SESSION)?.map(Digest::from_bytes),
            session_name: part(SESSION_NAMED)?.map(KeyName::from_bytes),
            subject: part(OF_SUBJECT)?.map(Digest::from_bytes),
            kind: TokenKind::from_tag(kind).ok_or(MalformedToken)?,
            issued_at,
            retain_until,
        };
        if bytes.is_empty() { Ok(decoded) } else { Err(MalformedToken) }
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], MalformedToken> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(MalformedToken)?;
    *bytes = rest;
    Ok(*taken)
}

/// A time beyond the year 2106 becomes the last one.
fn narrow(time: Timestamp) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_encoded_is_decoded() {
        let digest = |n| Digest::from_bytes([n; 16]);
        for (name, session, subject) in [
            (None, None, None),
            (Some(KeyName::from_bytes([7; 16])), Some(digest(1)), Some(digest(2))),
            (None, None, Some(digest(2))),
        ] {
            let token = SharedToken {
                token: digest(0),
                name,
                session,
                session_name: name.filter(|_| session.is_some()),
                subject,
                kind: TokenKind::OfflineRefresh,
                issued_at: Timestamp::from_secs(5),
                retain_until: Timestamp::MAX,
            };
            let bytes = token.encode();
            assert_eq!(SharedToken::decode(digest(0), &bytes), Ok(token));
            for length in 0..bytes.len() {
                assert_eq!(SharedToken::decode(digest(0), &bytes[..length]), Err(MalformedToken));
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            assert_eq!(SharedToken::decode(digest(0), &longer), Err(MalformedToken));
        }
    }
}

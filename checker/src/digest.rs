//! Keyed digests of what a revocation hits.
//!
//! `jti`, `sid` and `sub` are chosen by others, so the hash is keyed: nobody without the key can
//! choose two identifiers that collide, or flood one bucket. Each part is prefixed with its length,
//! so that `a|bc` and `ab|c` differ.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::{ClientId, Issuer, JwtId, SessionId, Subject, Target, TargetKind};

/// An issuer of 60 characters and a `jti` of 43 make 112 bytes.
const PIECE: usize = 192;

/// The secret of one deployment's digests: 128 bits, random.
#[derive(Clone)]
pub struct DigestKey([u8; 16]);

impl DigestKey {
    /// Takes 16 random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for whoever stores the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The digest of any target.
    #[must_use]
    pub fn target(&self, target: &Target) -> Digest {
        match target {
            Target::Token(issuer, jwt_id) => self.token(issuer, jwt_id),
            Target::Session(issuer, session) => self.session(issuer, session),
            Target::Subject(issuer, subject) => self.subject(issuer, subject),
            Target::Client(issuer, client) => self.client(issuer, client),
            Target::Issuer(issuer) => self.issuer(issuer),
        }
    }

    /// The digest of one token.
    #[must_use]
    pub fn token(&self, issuer: &Issuer, jwt_id: &JwtId) -> Digest {
        self.digest(TargetKind::Token, issuer, jwt_id.as_str())
    }

    /// The digest of one session at its issuer.
    #[must_use]
    pub fn session(&self, issuer: &Issuer, session: &SessionId) -> Digest {
        self.digest(TargetKind::Session, issuer, session.as_str())
    }

    /// The digest of one user at its issuer.
    #[must_use]
    pub fn subject(&self, issuer: &Issuer, subject: &Subject) -> Digest {
        self.digest(TargetKind::Subject, issuer, subject.as_str())
    }

    /// The digest of one client at its issuer.
    #[must_use]
    pub fn client(&self, issuer: &Issuer, client: &ClientId) -> Digest {
        self.digest(TargetKind::Client, issuer, client.as_str())
    }

    /// The digest of a whole issuer.
    #[must_use]
    pub fn issuer(&self, issuer: &Issuer) -> Digest {
        self.digest(TargetKind::Issuer, issuer, "")
    }

    fn digest(&self, kind: TargetKind, issuer: &Issuer, value: &str) -> Digest {
        // Parts are at most 1,024 bytes, so four length bytes always do.
        let length = |part: &str| u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes();
        let (issuer, tag) = (issuer.as_str(), [kind.tag()]);
        let (issuer_length, value_length) = (length(issuer), length(value));
        let parts: [&[u8]; 5] =
            [&tag, &issuer_length, issuer.as_bytes(), &value_length, value.as_bytes()];

        // The hash is fed in one piece where that fits, which it nearly always does: many small
        // pieces cost it twice the time.
        let mut piece = [0; PIECE];
        let mut filled = 0;
        for part in parts {
            let Some(room) = piece.get_mut(filled..filled + part.len()) else {
                return self.in_pieces(&parts);
            };
            room.copy_from_slice(part);
            filled += part.len();
        }
        let whole = piece.get(..filled).unwrap_or_default();
        Digest(u128::from(SipHasher13::new_with_key(&self.0).hash(whole)))
    }

    fn in_pieces(&self, parts: &[&[u8]]) -> Digest {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        for part in parts {
            hasher.write(part);
        }
        Digest(u128::from(hasher.finish128()))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(..)")
    }
}

/// 128 bits that stand for one target. Says nothing about it without the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(u128);

impl Digest {
    /// Takes the bytes that [`Digest::to_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    /// Little-endian bytes, the form on disk and on the wire.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// The low 64 bits. Enough for a table in memory: at 1e7 entries a lookup of another target
    /// meets the same fingerprint once in 2e12.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
    pub const fn fingerprint(self) -> u64 {
        self.0 as u64
    }
}

/// A map by digest. The digest is the output of a keyed hash already, so it is not hashed again.
pub type DigestMap<V> = HashMap<Digest, V, BuildHasherDefault<Prehashed>>;

/// Passes the low 64 bits of a keyed hash through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prehashed(u64);

impl Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }

    /// Only digests and their fingerprints are hashed; other input still gets a usable value.
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }

    fn write_u128(&mut self, digest: u128) {
        self.0 = Digest(digest).fingerprint();
    }
}

/// Lower-case hex. The form for logs, where a raw identifier must never stand.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(text: &str) -> Issuer {
        Issuer::parse(text).unwrap()
    }

    #[test]
    fn parts_cannot_run_into_each_other() {
        let key = DigestKey::from_bytes([1; 16]);
        let a = key.session(&issuer("a"), &SessionId::parse("bc").unwrap());
        let b = key.session(&issuer("ab"), &SessionId::parse("c").unwrap());
        assert_ne!(a, b);
    }

    #[test]
    fn kinds_issuers_and_keys_differ() {
        let key = DigestKey::from_bytes([1; 16]);
        let op = issuer("https://op.example");
        let all = [
            key.token(&op, &JwtId::parse("x").unwrap()),
            key.session(&op, &SessionId::parse("x").unwrap()),
            key.subject(&op, &Subject::parse("x").unwrap()),
            key.client(&op, &ClientId::parse("x").unwrap()),
            key.issuer(&op),
            key.session(&issuer("https://op.example/"), &SessionId::parse("x").unwrap()),
            DigestKey::from_bytes([2; 16]).session(&op, &SessionId::parse("x").unwrap()),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in all.iter().skip(i + 1) {
                assert_ne!(a, b);
            }
        }
    }

    #[test]
    fn long_parts_make_the_same_kind_of_digest() {
        let key = DigestKey::from_bytes([9; 16]);
        for length in 140..200 {
            let (issuer, value) = (issuer("https://op.example"), "x".repeat(length));
            let tag = [TargetKind::Session.tag()];
            let lengths =
                [issuer.as_str(), &value].map(|p| u32::try_from(p.len()).unwrap().to_le_bytes());
            let pieces: [&[u8]; 5] =
                [&tag, &lengths[0], issuer.as_str().as_bytes(), &lengths[1], value.as_bytes()];
            let session = SessionId::parse(value.as_str()).unwrap();
            assert_eq!(key.session(&issuer, &session), key.in_pieces(&pieces), "{length}");
        }
    }

    /// The journal and later the wire hold these values: they must never change.
    #[test]
    fn frozen_value() {
        let key = DigestKey::from_bytes(*b"0123456789abcdef");
        let digest =
            key.session(&issuer("https://op.example"), &SessionId::parse("sid-1").unwrap());
        assert_eq!(digest.to_string(), "144495adb1fb310cdb254de9266772e8");
        assert_eq!(format!("{key:?}"), "DigestKey(..)");
    }
}

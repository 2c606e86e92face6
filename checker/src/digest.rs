//! Keyed digests of what a revocation hits.
//!
//! `jti`, `sid` and `sub` are chosen by others, so the hash is keyed: nobody without the key can
//! choose two identifiers that collide, or flood one bucket. A digest is SipHash-1-3-128 of
//!
//! | bytes | what |
//! |---|---|
//! | 1 | kind: `t`, `s`, `u`, `c`, `i` |
//! | 7 | length of the issuer, little-endian, so that `a` + `bc` and `ab` + `c` differ |
//! | n | issuer, filled up with zeroes to a multiple of eight |
//! | rest | `jti`, `sid`, `sub` or `client_id`; nothing for a whole issuer |
//!
//! Eight bytes are what the hash takes at a time. All before the last part is the same for every
//! token of an issuer, so an index does that part once and not again at every check.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use crate::siphash::SipHash;
use crate::{ClientId, Issuer, JwtId, SessionId, Subject, Target, TargetKind};

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
        Prefix::new(self, kind, issuer).digest(value)
    }

    /// Takes the part of the work that is the same for every target of an issuer.
    pub(crate) fn within(&self, issuer: &Issuer) -> Within {
        use TargetKind::{Client, Session, Subject, Token};
        let prefixes =
            [Token, Session, Subject, Client].map(|kind| Prefix::new(self, kind, issuer));
        Within { prefixes, whole: self.issuer(issuer).fingerprint() }
    }
}

/// Fingerprints within one issuer, for whoever makes many.
#[derive(Clone, Debug)]
pub(crate) struct Within {
    prefixes: [Prefix; 4],
    whole: u64,
}

impl Within {
    /// [`Digest::fingerprint`] of a target of this kind.
    #[inline]
    pub(crate) fn fingerprint(&self, kind: TargetKind, value: &str) -> u64 {
        let [token, session, subject, client] = &self.prefixes;
        let prefix = match kind {
            TargetKind::Token => token,
            TargetKind::Session => session,
            TargetKind::Subject => subject,
            TargetKind::Client => client,
            TargetKind::Issuer => return self.whole,
        };
        prefix.0.low(value.as_bytes())
    }
}

/// The hash after kind and issuer.
#[derive(Clone, Copy)]
struct Prefix(SipHash);

impl Prefix {
    fn new(key: &DigestKey, kind: TargetKind, issuer: &Issuer) -> Self {
        let (mut hash, issuer) = (SipHash::new(&key.0), issuer.as_str().as_bytes());
        // An issuer has at most 512 bytes, so that its length leaves room for the kind.
        hash.word(u64::from(kind.tag()) | (issuer.len() as u64) << 8);
        hash.padded(issuer);
        Self(hash)
    }

    fn digest(&self, value: &str) -> Digest {
        Digest(self.0.whole(value.as_bytes()))
    }
}

/// Says nothing: it is as secret as the key.
impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prefix(..)")
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

    /// As the table at the top has it, hashed in one piece.
    #[test]
    fn digests_are_of_the_documented_bytes() {
        let key = DigestKey::from_bytes([9; 16]);
        for length in 1..40 {
            let (text, sid) = ("i".repeat(length), "s".repeat(41 - length));
            let mut whole = vec![b's', u8::try_from(length).unwrap(), 0, 0, 0, 0, 0, 0];
            whole.extend(text.bytes());
            whole.resize(whole.len().next_multiple_of(8), 0);
            whole.extend(sid.bytes());
            let hasher = siphasher::sip128::SipHasher13::new_with_key(&[9; 16]);
            let expected = Digest(hasher.hash(&whole).into());

            let (issuer, session) = (issuer(&text), SessionId::parse(sid).unwrap());
            assert_eq!(key.session(&issuer, &session), expected, "{length}");
        }
    }

    #[test]
    fn fingerprints_within_an_issuer_are_those_of_its_digests() {
        let (key, op) = (DigestKey::from_bytes([1; 16]), issuer("https://op.example"));
        let (within, text) = (key.within(&op), "0be40a1c-8f4b");
        let digests = [
            key.token(&op, &JwtId::parse(text).unwrap()),
            key.session(&op, &SessionId::parse(text).unwrap()),
            key.subject(&op, &Subject::parse(text).unwrap()),
            key.client(&op, &ClientId::parse(text).unwrap()),
            key.issuer(&op),
        ];
        for (&kind, digest) in TargetKind::ALL.iter().zip(digests) {
            assert_eq!(within.fingerprint(kind, text), digest.fingerprint(), "{kind}");
        }
    }

    /// The journal and later the wire hold these values: they must never change.
    #[test]
    fn frozen_value() {
        let key = DigestKey::from_bytes(*b"0123456789abcdef");
        let digest =
            key.session(&issuer("https://op.example"), &SessionId::parse("sid-1").unwrap());
        assert_eq!(digest.to_string(), "409e90a5f52249db51503c7053bfc519");
        assert_eq!(format!("{key:?}"), "DigestKey(..)");
    }
}

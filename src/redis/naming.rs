//! Names of denylist keys, which any language can compute.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use signout_checker::{DigestKey, Issuer, JwtId, KeyName, Target, TargetKind};

/// Names targets under one deployment's key.
///
/// HMAC-SHA-256 under the 16 bytes of the key, of: the kind's byte, the length of the issuer in
/// four little-endian bytes, the issuer, the length of the value likewise, the value. The first 16
/// bytes of it are the name. An issuer's own value is empty.
#[derive(Clone)]
pub struct Naming {
    /// The key's two blocks are hashed once, not for each name.
    keyed: Hmac<Sha256>,
}

impl Naming {
    /// Takes the key in.
    #[must_use]
    pub fn new(key: &DigestKey) -> Self {
        // A block is 64 bytes; RFC 2104 fills shorter keys with zeros, which is what this block is.
        let mut block = [0; 64];
        let (filled, _) = block.split_at_mut(key.as_bytes().len());
        filled.copy_from_slice(key.as_bytes());
        Self { keyed: Hmac::new(&block.into()) }
    }

    /// The name of any target.
    #[must_use]
    pub fn name(&self, target: &Target) -> KeyName {
        match target {
            Target::Token(issuer, jwt_id) => self.token(issuer, jwt_id),
            Target::Session(issuer, session) => {
                self.of(TargetKind::Session, issuer, session.as_str())
            }
            Target::Subject(issuer, subject) => {
                self.of(TargetKind::Subject, issuer, subject.as_str())
            }
            Target::Client(issuer, client) => self.of(TargetKind::Client, issuer, client.as_str()),
            Target::Issuer(issuer) => self.of(TargetKind::Issuer, issuer, ""),
        }
    }

    /// The name of one token.
    #[must_use]
    pub fn token(&self, issuer: &Issuer, jwt_id: &JwtId) -> KeyName {
        self.of(TargetKind::Token, issuer, jwt_id.as_str())
    }

    fn of(&self, kind: TargetKind, issuer: &Issuer, value: &str) -> KeyName {
        // Parts are at most 1,024 bytes, so four length bytes always do.
        let length = |part: &str| u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes();
        let mut mac = self.keyed.clone();
        mac.update(&[kind.tag()]);
        mac.update(&length(issuer.as_str()));
        mac.update(issuer.as_str().as_bytes());
        mac.update(&length(value));
        mac.update(value.as_bytes());
        let mac: [u8; 32] = mac.finalize().into_bytes().into();
        let mut name = [0; 16];
        name.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        KeyName::from_bytes(name)
    }
}

impl std::fmt::Debug for Naming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Naming(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signout_checker::{ClientId, SessionId, Subject};

    /// Computed by Python's hmac and struct.
    #[test]
    fn names_are_a_contract() {
        let naming = Naming::new(&DigestKey::from_bytes([0x0b; 16]));
        let issuer = || Issuer::parse("https://op.example").unwrap();
        let jwt_id = JwtId::parse("j-1").unwrap();
        for (target, name) in [
            (Target::Token(issuer(), jwt_id.clone()), "182c9dee6c4a78b87dbbe243b2f3670c"),
            (
                Target::Session(issuer(), SessionId::parse("j-1").unwrap()),
                "b59e30c88104b65480225c05557c38dc",
            ),
            (
                Target::Subject(issuer(), Subject::parse("alice").unwrap()),
                "71dec2335c9082c8e67383a561654be5",
            ),
            (
                Target::Client(issuer(), ClientId::parse("web").unwrap()),
                "cf031c2dc7fd9b2ab2f76b8eb09c94de",
            ),
            (Target::Issuer(issuer()), "2ef756713f7b11c9094b57d8754947eb"),
        ] {
            assert_eq!(naming.name(&target).to_string(), name);
        }
        assert_eq!(
            naming.token(&issuer(), &jwt_id).to_string(),
            "182c9dee6c4a78b87dbbe243b2f3670c"
        );
    }
}

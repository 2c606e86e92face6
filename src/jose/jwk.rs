//! Keys as JSON (RFC 7517), reduced to their key material before josekit sees them.

use josekit::Value as Json;
use josekit::jwk::Jwk;

use super::base64url;
use super::json::{Object, Value};
use super::key_admission::KeyRefusal;
use super::rsa;

/// Members that only a private or a symmetric key has (RFC 7518, sections 6.2.2, 6.3.2 and 6.4).
const PRIVATE: [&str; 8] = ["d", "dp", "dq", "k", "oth", "p", "q", "qi"];

/// The kinds of keys this room computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Ed25519,
    Ed448,
    P256,
    P384,
    P521,
    Rsa { modulus_bytes: usize },
    X25519,
}

/// What is left of a JWK: `kty` and the numbers, no `kid`, `use`, `alg` or certificates.
pub(super) struct Material {
    pub(super) kind: KeyKind,
    pub(super) jwk: Jwk,
}

impl Material {
    /// Private members are a refusal: whoever publishes them has lost the key.
    pub(super) fn public(object: &Object) -> Result<Self, KeyRefusal> {
        let kind = text(object, "kty").ok_or(KeyRefusal::Type)?;
        if kind == "oct" {
            return Err(KeyRefusal::Symmetric);
        }
        if PRIVATE.iter().any(|member| object.contains(member)) {
            return Err(KeyRefusal::Private);
        }
        Self::read(object, kind)
    }

    /// The private members must be strings; josekit and OpenSSL check that they fit.
    pub(super) fn private(object: &Object) -> Result<Self, KeyRefusal> {
        let kind = text(object, "kty").ok_or(KeyRefusal::Type)?;
        let mut material = Self::read(object, kind)?;
        let members: &[&str] = match material.kind {
            KeyKind::Rsa { .. } => &["d", "p", "q", "dp", "dq", "qi"],
            _ => &["d"],
        };
        for member in members {
            let value = text(object, member).ok_or(KeyRefusal::Material)?;
            set(&mut material.jwk, member, value)?;
        }
        Ok(material)
    }

    fn read(object: &Object, kind: &str) -> Result<Self, KeyRefusal> {
        match kind {
            "RSA" => Self::rsa(object),
            "EC" => Self::elliptic(object),
            "OKP" => Self::octet_pair(object),
            _ => Err(KeyRefusal::Type),
        }
    }

    /// A leading zero byte in `n` is tolerated: some providers publish one.
    fn rsa(object: &Object) -> Result<Self, KeyRefusal> {
        let modulus = bytes(object, "n")?;
        let modulus = rsa::without_leading_zeros(&modulus);
        let exponent = bytes(object, "e")?;
        let exponent = rsa::without_leading_zeros(&exponent);
        rsa::check(modulus, exponent)?;
        let mut jwk = Jwk::new("RSA");
        set(&mut jwk, "n", &base64url::encode(modulus))?;
        set(&mut jwk, "e", &base64url::encode(exponent))?;
        Ok(Self { kind: KeyKind::Rsa { modulus_bytes: modulus.len() }, jwk })
    }

    fn elliptic(object: &Object) -> Result<Self, KeyRefusal> {
        let curve = text(object, "crv").ok_or(KeyRefusal::Curve)?;
        let (kind, length) = match curve {
            "P-256" => (KeyKind::P256, 32),
            "P-384" => (KeyKind::P384, 48),
            "P-521" => (KeyKind::P521, 66),
            _ => return Err(KeyRefusal::Curve),
        };
        let mut jwk = Jwk::new("EC");
        set(&mut jwk, "crv", curve)?;
        copy_coordinate(object, &mut jwk, "x", length)?;
        copy_coordinate(object, &mut jwk, "y", length)?;
        Ok(Self { kind, jwk })
    }

    fn octet_pair(object: &Object) -> Result<Self, KeyRefusal> {
        let curve = text(object, "crv").ok_or(KeyRefusal::Curve)?;
        let (kind, length) = match curve {
            "Ed25519" => (KeyKind::Ed25519, 32),
            "Ed448" => (KeyKind::Ed448, 57),
            "X25519" => (KeyKind::X25519, 32),
            _ => return Err(KeyRefusal::Curve),
        };
        let mut jwk = Jwk::new("OKP");
        set(&mut jwk, "crv", curve)?;
        copy_coordinate(object, &mut jwk, "x", length)?;
        Ok(Self { kind, jwk })
    }
}

/// What a key is published for.
#[derive(Clone, Copy)]
pub(super) struct Purpose {
    /// The value of `use`.
    pub(super) key_use: &'static str,
    /// One of these in `key_ops` is enough.
    pub(super) operations: &'static [&'static str],
}

impl Purpose {
    pub(super) const VERIFY: Self = Self { key_use: "sig", operations: &["verify"] };
    pub(super) const SIGN: Self = Self { key_use: "sig", operations: &["sign"] };
    pub(super) const DECRYPT: Self =
        Self { key_use: "enc", operations: &["decrypt", "unwrapKey", "deriveKey", "deriveBits"] };

    /// `use` and `key_ops` must each be absent or name this purpose (RFC 7517, 4.2 and 4.3).
    pub(super) fn check(self, object: &Object) -> Result<(), KeyRefusal> {
        match object.get("use") {
            None => {}
            Some(Value::String(found)) if **found == *self.key_use => {}
            Some(_) => return Err(KeyRefusal::Use),
        }
        let ours = |item: &Value| match item {
            Value::String(found) => self.operations.contains(&&**found),
            _ => false,
        };
        match object.get("key_ops") {
            None => Ok(()),
            Some(Value::Array(items)) if items.iter().any(ours) => Ok(()),
            Some(_) => Err(KeyRefusal::Operations),
        }
    }
}

/// A string member; anything else is as good as absent here.
fn text<'o>(object: &'o Object, member: &str) -> Option<&'o str> {
    match object.get(member) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn bytes(object: &Object, member: &str) -> Result<Vec<u8>, KeyRefusal> {
    let text = text(object, member).ok_or(KeyRefusal::Material)?;
    base64url::decode(text).map_err(|_| KeyRefusal::Material)
}

/// Coordinates have the full length of the field, leading zeros included (RFC 7518, 6.2.1.2).
fn copy_coordinate(
    object: &Object,
    jwk: &mut Jwk,
    member: &str,
    length: usize,
) -> Result<(), KeyRefusal> {
    let coordinate = bytes(object, member)?;
    if coordinate.len() != length {
        return Err(KeyRefusal::Material);
    }
    set(jwk, member, &base64url::encode(&coordinate))
}

fn set(jwk: &mut Jwk, member: &str, value: &str) -> Result<(), KeyRefusal> {
    jwk.set_parameter(member, Some(Json::String(value.to_owned())))
        .map_err(|_| KeyRefusal::Material)
}

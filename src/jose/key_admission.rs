//! Whether one published key may verify anything.

use josekit::jwk::Jwk;
use josekit::jws::{self, JwsVerifier};
use thiserror::Error;

use super::algorithm::Algorithm;
use super::header::KeyId;
use super::json::{JsonError, Object, Value};
use super::jwk::{KeyKind, Material, Purpose};

/// Why a key is not used. The others of its set still are.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyRefusal {
    /// `alg` is no string, or none of the configured algorithms fits `alg` and the kind of key.
    #[error("none of the configured algorithms fits it")]
    Algorithm,
    /// A curve that is not supported.
    #[error("its `crv` is not supported")]
    Curve,
    /// The RSA exponent is even, below 65537 or above 2^32.
    #[error("its RSA exponent is not an odd number between 65537 and 2^32")]
    Exponent,
    /// Not a strict JSON object.
    #[error("{0}")]
    Json(#[source] JsonError),
    /// `kid` is no string, empty, longer than 255 bytes, or holds a control character.
    #[error("its `kid` is not usable")]
    KeyId,
    /// Numbers are missing, misspelled, of the wrong length, or no point of the curve.
    #[error("its numbers are missing or wrong")]
    Material,
    /// An RSA modulus outside 2048 to 8192 bits.
    #[error("its RSA modulus has {bits} bits, not 2048 to 8192")]
    ModulusSize {
        /// Real bits of `n`.
        bits: usize,
    },
    /// `key_ops` does not allow the purpose.
    #[error("its `key_ops` does not allow this use")]
    Operations,
    /// Private members in a public set: the key is compromised.
    #[error("it is published with its private part; the provider must replace it")]
    Private,
    /// The modulus has the fingerprint of CVE-2017-15361 and can be factored.
    #[error(
        "it comes from a generator whose keys can be factored (ROCA); the provider must replace it"
    )]
    Roca,
    /// A symmetric key in a public set.
    #[error("it is symmetric; a published secret is none")]
    Symmetric,
    /// `kty` is absent or unknown. RFC 7517, section 5, wants such keys ignored.
    #[error("its `kty` is not supported")]
    Type,
    /// `use` names another purpose.
    #[error("its `use` is another one")]
    Use,
}

impl KeyRefusal {
    /// A metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Algorithm => "algorithm",
            Self::Curve => "curve",
            Self::Exponent => "exponent",
            Self::Json(_) => "json",
            Self::KeyId => "key_id",
            Self::Material => "material",
            Self::ModulusSize { .. } => "modulus_size",
            Self::Operations => "operations",
            Self::Private => "private",
            Self::Roca => "roca",
            Self::Symmetric => "symmetric",
            Self::Type => "type",
            Self::Use => "use",
        }
    }
}

/// One verifier for each algorithm the key may do. They are kept: building an RSA verifier costs
/// six times as much as a verification.
pub(super) type Verifiers = Vec<(Algorithm, Box<dyn JwsVerifier>)>;

/// Reads one member of a JWK set. The `kid` comes back also when the key is refused.
pub(super) fn admit(
    json: &[u8],
    algorithms: &[Algorithm],
) -> (Option<KeyId>, Result<Verifiers, KeyRefusal>) {
    let object = match Object::parse(json) {
        Ok(object) => object,
        Err(fault) => return (None, Err(KeyRefusal::Json(fault))),
    };
    match key_id(&object) {
        Ok(key_id) => (key_id, verifiers(&object, algorithms)),
        Err(refusal) => (None, Err(refusal)),
    }
}

pub(super) fn key_id(object: &Object) -> Result<Option<KeyId>, KeyRefusal> {
    match object.get("kid") {
        None => Ok(None),
        Some(Value::String(text)) => KeyId::parse(text).map(Some).ok_or(KeyRefusal::KeyId),
        Some(_) => Err(KeyRefusal::KeyId),
    }
}

/// Whether the key's own `alg`, if it has one, is this name (RFC 8725bis: one key, one algorithm).
pub(super) fn allows(object: &Object, name: &str) -> bool {
    match object.get("alg") {
        None => true,
        Some(Value::String(own)) => **own == *name,
        Some(_) => false,
    }
}

pub(super) fn fits(kind: KeyKind, algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => matches!(kind, KeyKind::Rsa { .. }),
        Algorithm::Es256 => kind == KeyKind::P256,
        Algorithm::Es384 => kind == KeyKind::P384,
        Algorithm::Es512 => kind == KeyKind::P521,
        Algorithm::EdDsa => matches!(kind, KeyKind::Ed25519 | KeyKind::Ed448),
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => false,
    }
}

fn verifiers(object: &Object, algorithms: &[Algorithm]) -> Result<Verifiers, KeyRefusal> {
    Purpose::VERIFY.check(object)?;
    let material = Material::public(object)?;
    let verifiers: Verifiers = algorithms
        .iter()
        .copied()
        .filter(|algorithm| fits(material.kind, *algorithm) && allows(object, algorithm.as_str()))
        .map(|algorithm| Ok((algorithm, verifier(algorithm, &material.jwk)?)))
        .collect::<Result<_, KeyRefusal>>()?;
    if verifiers.is_empty() { Err(KeyRefusal::Algorithm) } else { Ok(verifiers) }
}

fn verifier(algorithm: Algorithm, jwk: &Jwk) -> Result<Box<dyn JwsVerifier>, KeyRefusal> {
    fn boxed<V: JwsVerifier + 'static>(
        built: Result<V, josekit::JoseError>,
    ) -> Result<Box<dyn JwsVerifier>, KeyRefusal> {
        // josekit says why only in prose; what it can still find here is a point off the curve.
        built.map(|verifier| Box::new(verifier) as _).map_err(|_| KeyRefusal::Material)
    }
    match algorithm {
        Algorithm::Rs256 => boxed(jws::RS256.verifier_from_jwk(jwk)),
        Algorithm::Rs384 => boxed(jws::RS384.verifier_from_jwk(jwk)),
        Algorithm::Rs512 => boxed(jws::RS512.verifier_from_jwk(jwk)),
        Algorithm::Ps256 => boxed(jws::PS256.verifier_from_jwk(jwk)),
        Algorithm::Ps384 => boxed(jws::PS384.verifier_from_jwk(jwk)),
        Algorithm::Ps512 => boxed(jws::PS512.verifier_from_jwk(jwk)),
        Algorithm::Es256 => boxed(jws::ES256.verifier_from_jwk(jwk)),
        Algorithm::Es384 => boxed(jws::ES384.verifier_from_jwk(jwk)),
        Algorithm::Es512 => boxed(jws::ES512.verifier_from_jwk(jwk)),
        Algorithm::EdDsa => boxed(jws::EdDSA.verifier_from_jwk(jwk)),
        // The client secret never comes as a JWK: see `Secret`.
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Err(KeyRefusal::Symmetric),
    }
}

//! Making tokens: for the built-in demo provider, for tests, and behind [`super::Signer`].

use std::fmt;

use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jwk::alg::ed::EdCurve;
use josekit::jws::{self, JwsSigner};
use serde_json::{Map, Value as Json};
use thiserror::Error;

use super::algorithm::Algorithm;
use super::base64url;
use super::header::KeyId;
use super::json::Object;
use super::jwk::{Material, Purpose};
use super::key_admission::{KeyRefusal, allows, fits, key_id};
use super::secret::{SecretError, mac};

/// Why there is no signing key, or no signature.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SigningKeyError {
    /// OpenSSL generated no key, or did not sign.
    #[error("the cryptographic library failed")]
    Library,
    /// The JWK is not usable.
    #[error("the JWK cannot be used: {0}")]
    Refused(#[source] KeyRefusal),
    /// The secret is not usable.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Signs with one key and one algorithm.
pub struct SigningKey {
    algorithm: Algorithm,
    key_id: Option<KeyId>,
    public: Option<Jwk>,
    signer: Box<dyn JwsSigner>,
}

impl SigningKey {
    /// A fresh RSA-2048, P-256, P-384, P-521 or Ed25519 key, whichever the algorithm asks for.
    pub fn generate(algorithm: Algorithm, key_id: Option<KeyId>) -> Result<Self, SigningKeyError> {
        let private = match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => Jwk::generate_rsa_key(2048),
            Algorithm::Es256 => Jwk::generate_ec_key(EcCurve::P256),
            Algorithm::Es384 => Jwk::generate_ec_key(EcCurve::P384),
            Algorithm::Es512 => Jwk::generate_ec_key(EcCurve::P521),
            Algorithm::EdDsa => Jwk::generate_ed_key(EdCurve::Ed25519),
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                return Err(SecretError::NoAlgorithm.into());
            }
        };
        Self::new(algorithm, key_id, &private.map_err(library)?)
    }

    /// A private key as JSON (RFC 7517). It must fit the algorithm and allow signing.
    pub fn from_jwk(jwk: &[u8], algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let object = Object::parse(jwk).map_err(|fault| refused(KeyRefusal::Json(fault)))?;
        let key_id = key_id(&object).map_err(refused)?;
        Purpose::SIGN.check(&object).map_err(refused)?;
        let material = Material::private(&object).map_err(refused)?;
        if !fits(material.kind, algorithm) || !allows(&object, algorithm.as_str()) {
            return Err(refused(KeyRefusal::Algorithm));
        }
        Self::new(algorithm, key_id, &material.jwk)
    }

    /// HS* under a client secret. Such a key has no `kid` and nothing to publish.
    pub fn from_secret(secret: &[u8], algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let signer = mac(algorithm, secret)?;
        Ok(Self { algorithm, key_id: None, public: None, signer })
    }

    fn new(
        algorithm: Algorithm,
        key_id: Option<KeyId>,
        private: &Jwk,
    ) -> Result<Self, SigningKeyError> {
        let public = Some(private.to_public_key().map_err(library)?);
        Ok(Self { algorithm, key_id, public, signer: signer(algorithm, private)? })
    }

    /// Gives it this name, unless it has one.
    pub(super) fn named_by_default(self, key_id: Option<KeyId>) -> Self {
        Self { key_id: self.key_id.or(key_id), ..self }
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key as its JWK set would publish it, with `kid`, `alg` and `use`. None for HS*.
    #[must_use]
    pub fn public_jwk(&self) -> Option<Json> {
        let mut jwk = self.public.as_ref()?.as_ref().clone();
        jwk.insert("use".to_owned(), "sig".into());
        jwk.insert("alg".to_owned(), self.algorithm.as_str().into());
        if let Some(key_id) = &self.key_id {
            jwk.insert("kid".to_owned(), key_id.as_str().into());
        }
        Some(Json::Object(jwk))
    }

    /// Signs claims. `alg` and `kid` of the key stand in the header unless `header` replaces them;
    /// its other members, `typ` for instance, are added.
    pub fn sign(
        &self,
        header: &Map<String, Json>,
        claims: &Map<String, Json>,
    ) -> Result<String, SigningKeyError> {
        let mut whole = Map::new();
        whole.insert("alg".to_owned(), self.algorithm.as_str().into());
        if let Some(key_id) = &self.key_id {
            whole.insert("kid".to_owned(), key_id.as_str().into());
        }
        whole.extend(header.iter().map(|(member, value)| (member.clone(), value.clone())));
        let header = Json::Object(whole).to_string();
        let claims = serde_json::to_string(claims).map_err(|_| SigningKeyError::Library)?;
        self.sign_bytes(header.as_bytes(), claims.as_bytes())
    }

    /// Signs a header and a payload byte for byte, however wrong they are.
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> Result<String, SigningKeyError> {
        let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
        let signature = self.signer.sign(input.as_bytes()).map_err(library)?;
        Ok(format!("{input}.{}", base64url::encode(&signature)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

fn library(_: josekit::JoseError) -> SigningKeyError {
    SigningKeyError::Library
}

fn refused(refusal: KeyRefusal) -> SigningKeyError {
    SigningKeyError::Refused(refusal)
}

fn signer(algorithm: Algorithm, jwk: &Jwk) -> Result<Box<dyn JwsSigner>, SigningKeyError> {
    fn boxed<S: JwsSigner + 'static>(
        built: Result<S, josekit::JoseError>,
    ) -> Result<Box<dyn JwsSigner>, SigningKeyError> {
        built.map(|signer| Box::new(signer) as _).map_err(|_| refused(KeyRefusal::Material))
    }
    match algorithm {
        Algorithm::Rs256 => boxed(jws::RS256.signer_from_jwk(jwk)),
        Algorithm::Rs384 => boxed(jws::RS384.signer_from_jwk(jwk)),
        Algorithm::Rs512 => boxed(jws::RS512.signer_from_jwk(jwk)),
        Algorithm::Ps256 => boxed(jws::PS256.signer_from_jwk(jwk)),
        Algorithm::Ps384 => boxed(jws::PS384.signer_from_jwk(jwk)),
        Algorithm::Ps512 => boxed(jws::PS512.signer_from_jwk(jwk)),
        Algorithm::Es256 => boxed(jws::ES256.signer_from_jwk(jwk)),
        Algorithm::Es384 => boxed(jws::ES384.signer_from_jwk(jwk)),
        Algorithm::Es512 => boxed(jws::ES512.signer_from_jwk(jwk)),
        Algorithm::EdDsa => boxed(jws::EdDSA.signer_from_jwk(jwk)),
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            Err(SecretError::NoAlgorithm.into())
        }
    }
}

//! Encrypted logout tokens: off unless a provider has `encryption_keys`.

use std::fmt;

use josekit::Value as Json;
use josekit::jwe::{self, JweDecrypter, JweHeader};
use josekit::jwk::Jwk;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use thiserror::Error;

use super::compact::{Compact, Envelope};
use super::content_encryption::ContentEncryption;
use super::encrypted::{Encrypted, KeyManagement};
use super::error::{JoseError, Part};
use super::header::KeyId;
use super::json::Object;
use super::jwk::{KeyKind, Material, Purpose};
use super::key_admission::{KeyRefusal, allows, key_id};
use super::key_set::caught;

/// Why a configured key cannot decrypt.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DecrypterError {
    /// There is nothing to decrypt with.
    #[error("no encryption key is given")]
    Empty,
    /// One of the keys is refused. Unlike published keys these are ours: the first fault counts.
    #[error("encryption key number {index} (from 0) cannot be used: {refusal}")]
    Key {
        /// Which of the given keys.
        index: usize,
        /// Why.
        refusal: KeyRefusal,
    },
}

/// The private keys of one provider's configuration.
///
/// To be asked only when [`Compact::parse`] says [`JoseError::Encrypted`]; whether a token may
/// also come unencrypted is decided with the claims, by `bcl_6`.
pub struct Decrypter {
    keys: Vec<Key>,
    secret: Option<Box<[u8]>>,
}

struct Key {
    id: Option<KeyId>,
    kind: KeyKind,
    decrypters: Vec<(KeyManagement, Box<dyn JweDecrypter>)>,
}

impl Decrypter {
    /// Private keys, each one JWK as JSON (RFC 7517): RSA of 2048 bits or more, P-256, P-384,
    /// P-521 or X25519, with `use` absent or `enc`.
    pub fn from_jwks(jwks: &[&[u8]]) -> Result<Self, DecrypterError> {
        let key = |(index, jwk): (usize, &&[u8])| {
            Key::from_jwk(jwk).map_err(|refusal| DecrypterError::Key { index, refusal })
        };
        let keys: Vec<_> = jwks.iter().enumerate().map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(DecrypterError::Empty) } else { Ok(Self { keys, secret: None }) }
    }

    /// Only `dir`, under the client secret.
    #[must_use]
    pub fn from_client_secret(secret: &[u8]) -> Self {
        Self { keys: Vec::new(), secret: None }.with_client_secret(secret)
    }

    /// Also accepts `dir`, under a key derived from the client secret (Core 1.0, section 10.2).
    #[must_use]
    pub fn with_client_secret(mut self, secret: &[u8]) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Decrypts a token. The result holds a text that is not verified, only secret until now.
    pub fn decrypt(&self, token: &str) -> Result<Decrypted, JoseError> {
        let token = Encrypted::parse(token)?;
        let plaintext = match token.management {
            KeyManagement::Direct => {
                let secret = self.secret.as_deref().ok_or(JoseError::EncryptionUnknown)?;
                let key = derived(secret, token.encryption);
                caught(|| token.encryption.open(&key, &token.sealed()))?
            }
            _ => self.choose(&token)?.open(&token)?,
        };
        let plaintext = plaintext.ok_or(JoseError::Decryption)?;
        let text = String::from_utf8(plaintext).map_err(|_| JoseError::Unsigned)?;
        Ok(Decrypted { text, issuer: token.issuer })
    }

    /// As for signatures: the key that is named, or the only one that fits. Keys without a `kid` of
    /// their own stand in for any name, because the operator may not know what the provider calls
    /// them.
    fn choose(&self, token: &Encrypted<'_>) -> Result<&Key, JoseError> {
        let fitting = || self.keys.iter().filter(|key| key.decrypter(token.management).is_some());
        let found = match &token.key_id {
            None => only(fitting())?,
            Some(id) => match only(fitting().filter(|key| key.id.as_ref() == Some(id)))? {
                None => only(fitting().filter(|key| key.id.is_none()))?,
                named => named,
            },
        };
        found.ok_or(JoseError::Decryption)
    }
}

fn only<'k>(mut fitting: impl Iterator<Item = &'k Key>) -> Result<Option<&'k Key>, JoseError> {
    let first = fitting.next();
    match fitting.count() {
        0 => Ok(first),
        more => Err(JoseError::AmbiguousKey { fitting: more + 1 }),
    }
}

impl fmt::Debug for Decrypter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decrypter").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// What an encrypted token held. It leads nowhere but to [`Decrypted::compact`].
pub struct Decrypted {
    text: String,
    issuer: Option<Box<str>>,
}

impl Decrypted {
    /// The signed token within. It remembers that it came encrypted, and from whom it says.
    pub fn compact(&self) -> Result<Compact<'_>, JoseError> {
        let envelope = Envelope::Encrypted { issuer: self.issuer.clone() };
        Compact::parse_within(&self.text, envelope).map_err(|fault| match fault {
            JoseError::Character { .. } | JoseError::Encrypted | JoseError::Parts { .. } => {
                JoseError::Unsigned
            }
            other => other,
        })
    }
}

impl fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decrypted").finish_non_exhaustive()
    }
}

impl Key {
    fn from_jwk(json: &[u8]) -> Result<Self, KeyRefusal> {
        let object = Object::parse(json).map_err(KeyRefusal::Json)?;
        let id = key_id(&object)?;
        Purpose::DECRYPT.check(&object)?;
        let Material { kind, jwk } = Material::private(&object)?;
        let decrypters: Vec<_> = KeyManagement::ALL
            .into_iter()
            .filter(|management| fits(kind, *management) && allows(&object, management.as_str()))
            .map(|management| Ok((management, decrypter(management, &jwk)?)))
            .collect::<Result<_, KeyRefusal>>()?;
        if decrypters.is_empty() {
            return Err(KeyRefusal::Algorithm);
        }
        Ok(Self { id, kind, decrypters })
    }

    fn decrypter(&self, management: KeyManagement) -> Option<&dyn JweDecrypter> {
        let mut own = self.decrypters.iter();
        own.find_map(|(own, decrypter)| (*own == management).then_some(&**decrypter))
    }

    fn open(&self, token: &Encrypted<'_>) -> Result<Option<Vec<u8>>, JoseError> {
        if let KeyKind::Rsa { modulus_bytes } = self.kind
            && token.wrapped_key.len() != modulus_bytes
        {
            let length = token.wrapped_key.len();
            return Err(JoseError::Length { part: Part::EncryptedKey, length });
        }
        let Some(decrypter) = self.decrypter(token.management) else { return Ok(None) };
        let Some(header) = agreement_header(token) else { return Ok(None) };
        let encrypted_key = (!token.wrapped_key.is_empty()).then_some(token.wrapped_key.as_slice());
        caught(|| {
            let encryption = token.encryption.josekit();
            let key = decrypter.decrypt(encrypted_key, &*encryption, &header).ok()?;
            token.encryption.open(&key, &token.sealed())
        })
    }
}

fn fits(kind: KeyKind, management: KeyManagement) -> bool {
    match management {
        KeyManagement::Direct => false,
        KeyManagement::RsaOaep | KeyManagement::RsaOaep256 => matches!(kind, KeyKind::Rsa { .. }),
        KeyManagement::EcdhEs
        | KeyManagement::EcdhEsA128Kw
        | KeyManagement::EcdhEsA192Kw
        | KeyManagement::EcdhEsA256Kw => {
            matches!(kind, KeyKind::P256 | KeyKind::P384 | KeyKind::P521 | KeyKind::X25519)
        }
    }
}

fn decrypter(management: KeyManagement, jwk: &Jwk) -> Result<Box<dyn JweDecrypter>, KeyRefusal> {
    fn boxed<D: JweDecrypter + 'static>(
        built: Result<D, josekit::JoseError>,
    ) -> Result<Box<dyn JweDecrypter>, KeyRefusal> {
        built.map(|decrypter| Box::new(decrypter) as _).map_err(|_| KeyRefusal::Material)
    }
    match management {
        // Its key is the client secret, which never comes as a JWK.
        KeyManagement::Direct => Err(KeyRefusal::Symmetric),
        KeyManagement::EcdhEs => boxed(jwe::ECDH_ES.decrypter_from_jwk(jwk)),
        KeyManagement::EcdhEsA128Kw => boxed(jwe::ECDH_ES_A128KW.decrypter_from_jwk(jwk)),
        KeyManagement::EcdhEsA192Kw => boxed(jwe::ECDH_ES_A192KW.decrypter_from_jwk(jwk)),
        KeyManagement::EcdhEsA256Kw => boxed(jwe::ECDH_ES_A256KW.decrypter_from_jwk(jwk)),
        // SHA-1 is no weakness here: OAEP does not rest on collision resistance (RFC 8017, B.1).
        KeyManagement::RsaOaep => boxed(jwe::RSA_OAEP.decrypter_from_jwk(jwk)),
        KeyManagement::RsaOaep256 => boxed(jwe::RSA_OAEP_256.decrypter_from_jwk(jwk)),
    }
}

/// What josekit may see of the header: the members of the key agreement, and strings only.
fn agreement_header(token: &Encrypted<'_>) -> Option<JweHeader> {
    let mut header = JweHeader::new();
    if token.header.contains("epk") {
        let members = ["kty", "crv", "x", "y"].into_iter().filter_map(|member| {
            Some((member.to_owned(), Json::String(token.ephemeral_key(member)?.to_owned())))
        });
        header.set_claim("epk", Some(Json::Object(members.collect()))).ok()?;
    }
    for member in ["apu", "apv"] {
        if let Some(text) = super::header::string(&token.header, member).ok()? {
            header.set_claim(member, Some(Json::String(text.to_owned()))).ok()?;
        }
    }
    Some(header)
}

/// Core 1.0, section 10.2: the left-most bits of the smallest SHA-2 that has enough.
fn derived(secret: &[u8], encryption: ContentEncryption) -> Vec<u8> {
    let bytes = encryption.key_bytes();
    let mut key = match bytes {
        0..=32 => Sha256::digest(secret).to_vec(),
        33..=48 => Sha384::digest(secret).to_vec(),
        _ => Sha512::digest(secret).to_vec(),
    };
    key.truncate(bytes);
    key
}

//! The text of an encrypted token, looked at before anything is computed (RFC 7516, section 7.1).

use super::compact::{decode, gate};
use super::content_encryption::{ContentEncryption, Sealed};
use super::error::{JoseError, Part};
use super::header::{self, KeyId};
use super::json::{Object, Value};

/// `alg` of an encrypted token. `RSA1_5` leaks by design, PBES2 burns the receiver's time before it
/// proves anything, AES key wrapping has no use without a shared key: none of them is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyManagement {
    Direct,
    EcdhEs,
    EcdhEsA128Kw,
    EcdhEsA192Kw,
    EcdhEsA256Kw,
    RsaOaep,
    RsaOaep256,
}

impl KeyManagement {
    pub(super) const ALL: [Self; 7] = [
        Self::Direct,
        Self::EcdhEs,
        Self::EcdhEsA128Kw,
        Self::EcdhEsA192Kw,
        Self::EcdhEsA256Kw,
        Self::RsaOaep,
        Self::RsaOaep256,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "dir",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA192Kw => "ECDH-ES+A192KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
        }
    }
}

/// An encrypted token whose form is right: five canonical parts of the lengths that `enc` asks
/// for, and a header on the allow-list. Not decrypted.
pub(super) struct Encrypted<'t> {
    pub(super) management: KeyManagement,
    pub(super) encryption: ContentEncryption,
    pub(super) key_id: Option<KeyId>,
    pub(super) issuer: Option<Box<str>>,
    pub(super) header: Object,
    pub(super) wrapped_key: Vec<u8>,
    header_text: &'t str,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

impl<'t> Encrypted<'t> {
    pub(super) fn parse(token: &'t str) -> Result<Self, JoseError> {
        let dots = gate(token)?;
        let mut parts = token.splitn(5, '.');
        let mut part = || parts.next().ok_or(JoseError::Parts { dots });
        let (header_text, key, iv, ciphertext, tag) = (part()?, part()?, part()?, part()?, part()?);
        if dots != 4 {
            return Err(JoseError::Parts { dots });
        }
        let header = header::parse_object(&decode(header_text, Part::Header)?)?;
        let required =
            |member| header::string(&header, member)?.ok_or(JoseError::HeaderMember { member });
        let name = required("alg")?;
        let management = KeyManagement::ALL
            .into_iter()
            .find(|management| management.as_str() == name)
            .ok_or(JoseError::EncryptionUnknown)?;
        let encryption =
            ContentEncryption::from_name(required("enc")?).ok_or(JoseError::EncryptionUnknown)?;
        let encrypted = Self {
            management,
            encryption,
            key_id: header::key_id(&header)?,
            issuer: header::string(&header, "iss")?.map(Into::into),
            header_text,
            wrapped_key: decode(key, Part::EncryptedKey)?,
            iv: decode(iv, Part::InitializationVector)?,
            ciphertext: decode(ciphertext, Part::Ciphertext)?,
            tag: decode(tag, Part::AuthenticationTag)?,
            header,
        };
        encrypted.check_lengths()?;
        Ok(encrypted)
    }

    /// josekit enforces none of these but the tag of CBC, and subtracts 8 from the length of a
    /// wrapped key without looking.
    fn check_lengths(&self) -> Result<(), JoseError> {
        let exactly = |part, bytes: &[u8], expected: usize| {
            if bytes.len() == expected {
                Ok(())
            } else {
                Err(JoseError::Length { part, length: bytes.len() })
            }
        };
        exactly(Part::InitializationVector, &self.iv, self.encryption.iv_bytes())?;
        exactly(Part::AuthenticationTag, &self.tag, self.encryption.tag_bytes())?;
        match self.management {
            KeyManagement::Direct | KeyManagement::EcdhEs => {
                exactly(Part::EncryptedKey, &self.wrapped_key, 0)?;
            }
            KeyManagement::EcdhEsA128Kw
            | KeyManagement::EcdhEsA192Kw
            | KeyManagement::EcdhEsA256Kw => {
                let wrapped = self.encryption.key_bytes() + 8;
                exactly(Part::EncryptedKey, &self.wrapped_key, wrapped)?;
            }
            // As long as the modulus, which the decrypter knows.
            KeyManagement::RsaOaep | KeyManagement::RsaOaep256 => {}
        }
        let whole_blocks = self.encryption.is_gcm() || self.ciphertext.len().is_multiple_of(16);
        if self.ciphertext.is_empty() || !whole_blocks {
            let length = self.ciphertext.len();
            return Err(JoseError::Length { part: Part::Ciphertext, length });
        }
        Ok(())
    }

    pub(super) fn sealed(&self) -> Sealed<'_> {
        Sealed {
            iv: &self.iv,
            ciphertext: &self.ciphertext,
            additional: self.header_text.as_bytes(),
            tag: &self.tag,
        }
    }

    /// The string members of `epk`, the sender's ephemeral key (RFC 7518, section 4.6.1.1).
    pub(super) fn ephemeral_key(&self, member: &str) -> Option<&str> {
        match self.header.get("epk")? {
            Value::Object(key) => match key.get(member)? {
                Value::String(text) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }
}

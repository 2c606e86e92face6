//! The content encryptions of RFC 7518, section 5, with their exact lengths.

use josekit::jwe::JweContentEncryption;
use josekit::jwe::enc;
use sha2::digest::core_api::BlockSizeUser;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

/// `enc` of an encrypted token. There are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentEncryption {
    A128CbcHs256,
    A192CbcHs384,
    A256CbcHs512,
    A128Gcm,
    A192Gcm,
    A256Gcm,
}

/// The parts of an encrypted token that the content encryption works on.
pub(super) struct Sealed<'a> {
    pub(super) iv: &'a [u8],
    pub(super) ciphertext: &'a [u8],
    /// The header as it stands in the token, in base64url.
    pub(super) additional: &'a [u8],
    pub(super) tag: &'a [u8],
}

impl ContentEncryption {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "A128CBC-HS256" => Self::A128CbcHs256,
            "A192CBC-HS384" => Self::A192CbcHs384,
            "A256CBC-HS512" => Self::A256CbcHs512,
            "A128GCM" => Self::A128Gcm,
            "A192GCM" => Self::A192Gcm,
            "A256GCM" => Self::A256Gcm,
            _ => return None,
        })
    }

    pub(super) const fn key_bytes(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A192Gcm => 24,
            Self::A128CbcHs256 | Self::A256Gcm => 32,
            Self::A192CbcHs384 => 48,
            Self::A256CbcHs512 => 64,
        }
    }

    pub(super) const fn iv_bytes(self) -> usize {
        if self.is_gcm() { 12 } else { 16 }
    }

    pub(super) const fn tag_bytes(self) -> usize {
        match self {
            Self::A192CbcHs384 => 24,
            Self::A256CbcHs512 => 32,
            Self::A128CbcHs256 | Self::A128Gcm | Self::A192Gcm | Self::A256Gcm => 16,
        }
    }

    pub(super) const fn is_gcm(self) -> bool {
        matches!(self, Self::A128Gcm | Self::A192Gcm | Self::A256Gcm)
    }

    /// What josekit calls it; the key agreements derive for it by name.
    pub(super) fn josekit(self) -> Box<dyn JweContentEncryption> {
        match self {
            Self::A128CbcHs256 => Box::new(enc::A128CBC_HS256),
            Self::A192CbcHs384 => Box::new(enc::A192CBC_HS384),
            Self::A256CbcHs512 => Box::new(enc::A256CBC_HS512),
            Self::A128Gcm => Box::new(enc::A128GCM),
            Self::A192Gcm => Box::new(enc::A192GCM),
            Self::A256Gcm => Box::new(enc::A256GCM),
        }
    }

    /// The plaintext, or nothing: callers must not learn at which step it failed.
    ///
    /// For CBC the tag is checked here first, in constant time. josekit removes the padding before
    /// it compares the tag, which would make this endpoint a padding oracle (RFC 7518, 5.2.2.2).
    pub(super) fn open(self, key: &[u8], sealed: &Sealed<'_>) -> Option<Vec<u8>> {
        let &Sealed { iv, ciphertext, additional, tag } = sealed;
        if key.len() != self.key_bytes() {
            return None;
        }
        if !self.is_gcm() {
            let expected = self.cbc_tag(key, sealed)?;
            if !bool::from(expected.ct_eq(tag)) {
                return None;
            }
        }
        self.josekit().decrypt(key, Some(iv), ciphertext, additional, Some(tag)).ok()
    }

    fn cbc_tag(self, key: &[u8], sealed: &Sealed<'_>) -> Option<Vec<u8>> {
        let &Sealed { iv, ciphertext, additional, .. } = sealed;
        let (mac_key, _) = key.split_at_checked(key.len() / 2)?;
        let bits = u64::try_from(additional.len()).ok()?.checked_mul(8)?.to_be_bytes();
        let message = [additional, iv, ciphertext, &bits];
        let mut tag = match self {
            Self::A192CbcHs384 => hmac::<Sha384>(mac_key, &message),
            Self::A256CbcHs512 => hmac::<Sha512>(mac_key, &message),
            _ => hmac::<Sha256>(mac_key, &message),
        };
        tag.truncate(self.tag_bytes());
        Some(tag)
    }
}

/// RFC 2104 for keys no longer than a block, which all of the above are. josekit's own refuses
/// keys shorter than the hash, but A128CBC-HS256 has one of 16 bytes.
fn hmac<D: Digest + BlockSizeUser>(key: &[u8], message: &[&[u8]]) -> Vec<u8> {
    let pad = |byte: u8| {
        let mut block = vec![byte; D::block_size()];
        block.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        block
    };
    let mut inner = D::new_with_prefix(pad(0x36));
    for part in message {
        inner.update(part);
    }
    D::new_with_prefix(pad(0x5c)).chain_update(inner.finalize()).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    #[test]
    fn hmac_of_rfc_4231_test_case_2() {
        let message: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert_eq!(
            hex(&hmac::<Sha256>(b"Jefe", &message)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(
            hex(&hmac::<Sha384>(b"Jefe", &message)).starts_with("af45d2e376484031617f78d2b58a6b1b")
        );
        assert!(
            hex(&hmac::<Sha512>(b"Jefe", &message)).starts_with("164b7a7bfcf819e2e395fbe73b56e0a3")
        );
    }

    #[test]
    fn jwt_7_opens_only_what_is_whole() {
        for name in
            ["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM"]
        {
            let enc = ContentEncryption::from_name(name).unwrap();
            let key = vec![7; enc.key_bytes()];
            let iv = vec![9; enc.iv_bytes()];
            let (ciphertext, tag) =
                enc.josekit().encrypt(&key, Some(&iv), b"plaintext", b"header").unwrap();
            let tag = tag.unwrap();
            assert_eq!(tag.len(), enc.tag_bytes(), "{name}");
            let open = |key: &[u8], iv: &[u8], ciphertext: &[u8], tag: &[u8]| {
                enc.open(key, &Sealed { iv, ciphertext, additional: b"header", tag })
            };
            let spoiled = |bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                *bytes.last_mut().unwrap() ^= 1;
                bytes
            };
            assert_eq!(open(&key, &iv, &ciphertext, &tag).as_deref(), Some(&b"plaintext"[..]));
            assert_eq!(open(&spoiled(&key), &iv, &ciphertext, &tag), None, "{name}");
            assert_eq!(open(&key, &spoiled(&iv), &ciphertext, &tag), None, "{name}");
            assert_eq!(open(&key, &iv, &spoiled(&ciphertext), &tag), None, "{name}");
            assert_eq!(open(&key, &iv, &ciphertext, &spoiled(&tag)), None, "{name}");
            assert_eq!(open(&key[1..], &iv, &ciphertext, &tag), None, "{name}");
        }
    }
}

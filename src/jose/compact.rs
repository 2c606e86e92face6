//! The text of a signed token, looked at but not verified.

use std::fmt;
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use signout_checker::Issuer;

use super::base64url;
use super::claims::Claims;
use super::error::{JoseError, Part};
use super::header::Header;
use super::json::JsonError;

/// Bytes of a token. Captured logout tokens have 0.5 to 1.6 kB. Access tokens come in a header
/// line, for which common servers allow 8 KiB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A token in JWS compact serialisation (RFC 7515, section 7.1) whose form is right and whose
/// header was read. **Nothing in it is verified.** The only thing to do with it is
/// [`super::KeySet::verify`].
pub struct Compact<'t> {
    signing_input: &'t str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
    envelope: Envelope,
    /// Read at most once: for the issuer's name, and again when the signature holds.
    claims: OnceLock<Result<Arc<Claims>, JsonError>>,
}

impl<'t> Compact<'t> {
    /// Checks size, characters and dots before anything is allocated, then decodes.
    pub fn parse(token: &'t str) -> Result<Self, JoseError> {
        Self::parse_within(token, Envelope::Plain)
    }

    pub(super) fn parse_within(token: &'t str, envelope: Envelope) -> Result<Self, JoseError> {
        match gate(token)? {
            2 => {}
            4 => return Err(JoseError::Encrypted),
            dots => return Err(JoseError::Parts { dots }),
        }
        let parts = token.rsplit_once('.').and_then(|(signing_input, signature)| {
            let (header, payload) = signing_input.split_once('.')?;
            Some((signing_input, header, payload, signature))
        });
        let Some((signing_input, header, payload, signature)) = parts else {
            return Err(JoseError::Parts { dots: 2 });
        };
        Ok(Self {
            signing_input,
            header: Header::parse(&decode(header, Part::Header)?)?,
            payload: decode(payload, Part::Payload)?,
            signature: decode(signature, Part::Signature)?,
            envelope,
            claims: OnceLock::new(),
        })
    }

    /// The header, as its sender wrote it.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The `iss` that the token claims, if it claims a usable one.
    ///
    /// One use is permitted: choosing which provider's configuration, and so which keys, to verify
    /// the token with. After [`super::KeySet::verify`] the claim is compared again, by
    /// [`crate::logout_token::validate`], with the issuer of those keys.
    pub fn unverified_issuer(&self) -> Result<Option<Issuer>, JoseError> {
        let issuer = self.unverified_claims()?.string("iss").ok().flatten();
        Ok(issuer.and_then(|issuer| Issuer::parse(issuer).ok()))
    }

    /// What this token is the same as. See [`SigningInputDigest`].
    #[must_use]
    pub fn identity(&self) -> SigningInputDigest {
        SigningInputDigest(Sha256::digest(self.signing_input).into())
    }

    pub(super) fn signing_input(&self) -> &str {
        self.signing_input
    }

    /// For [`super::VerifiedJws`], once the signature holds.
    pub(super) fn unverified_claims(&self) -> Result<&Arc<Claims>, JoseError> {
        let read = || Claims::parse(&self.payload).map(Arc::new);
        self.claims.get_or_init(read).as_ref().map_err(|fault| JoseError::Claims(*fault))
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub(super) fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}

/// A token may be a credential: its header is all that is shown.
impl fmt::Debug for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compact").field("header", &self.header).finish_non_exhaustive()
    }
}

/// How a signed token arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// Within an encrypted token that was decrypted here.
    Encrypted {
        /// `iss` of the encrypted token's header, if it has one (RFC 7519, section 5.3).
        issuer: Option<Box<str>>,
    },
    /// As it is.
    Plain,
}

/// SHA-256 of `header.payload`: the identity of a token, for replay memory and for tokens without
/// `jti`. Not of the whole text: an ECDSA signature has a second valid spelling (`n - s` for `s`),
/// which must not make a second token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SigningInputDigest([u8; 32]);

impl SigningInputDigest {
    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SigningInputDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningInputDigest(")?;
        for byte in self.0.iter().take(8) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("..)")
    }
}

/// The first look at a text from outside: without allocation, in one pass. Returns its dots.
pub(super) fn gate(token: &str) -> Result<usize, JoseError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(JoseError::TooLong { length: token.len(), limit: MAX_TOKEN_BYTES });
    }
    let mut dots = 0;
    for (at, byte) in token.bytes().enumerate() {
        match byte {
            b'.' => dots += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {}
            _ => return Err(JoseError::Character { at }),
        }
    }
    Ok(dots)
}

pub(super) fn decode(text: &str, part: Part) -> Result<Vec<u8>, JoseError> {
    base64url::decode(text).map_err(|_| JoseError::Base64 { part })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"alg":"RS256"}` . `{"iss":"https://op.example"}` . three bytes
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL29wLmV4YW1wbGUifQ.AAAA";

    fn label(token: &str) -> Result<(), &'static str> {
        Compact::parse(token).map(|_| ()).map_err(JoseError::label)
    }

    #[test]
    fn jwt_1_form() {
        assert_eq!(label(TOKEN), Ok(()));
        assert_eq!(label(&format!("{TOKEN}\n")), Err("character"));
        assert_eq!(label(&format!(" {TOKEN}")), Err("character"));
        assert_eq!(label(&format!("{TOKEN}=")), Err("character"));
        assert_eq!(label(&format!("{TOKEN}.")), Err("parts"));
        assert_eq!(label(&format!("{TOKEN}..")), Err("encrypted"));
        assert_eq!(label(&TOKEN.replacen('.', "", 1)), Err("parts"));
        assert_eq!(label(&TOKEN.replace("AAAA", "AAB")), Err("base64"));
        assert_eq!(label(""), Err("parts"));
        assert_eq!(label(".."), Err("header_json_syntax"));
    }

    #[test]
    fn a35_size_is_checked_before_dots() {
        assert_eq!(label(&".".repeat(16 << 20)), Err("too_long"));
        assert_eq!(label(&".".repeat(MAX_TOKEN_BYTES)), Err("parts"));
        let room = MAX_TOKEN_BYTES - TOKEN.len();
        assert_eq!(label(&format!("{TOKEN}{}", "A".repeat(room / 4 * 4))), Ok(()));
        assert_eq!(label(&format!("{TOKEN}{}", "A".repeat(room + 1))), Err("too_long"));
    }

    #[test]
    fn a40_truncated_at_every_byte() {
        for end in 0..TOKEN.len() {
            let _ = label(&TOKEN[..end]);
        }
    }

    #[test]
    fn jwt_11_identity_ignores_the_signature() {
        let token = Compact::parse(TOKEN).unwrap();
        let resigned = TOKEN.replace("AAAA", "BBBB");
        assert_eq!(token.identity(), Compact::parse(&resigned).unwrap().identity());
        let other = TOKEN.replace(".eyJ", ".IHsi");
        assert_ne!(token.identity(), Compact::parse(&other).unwrap().identity());
    }

    #[test]
    fn unverified_issuer_for_choosing_a_configuration() {
        let issuer = Compact::parse(TOKEN).unwrap().unverified_issuer().unwrap();
        assert_eq!(issuer, Issuer::parse("https://op.example").ok());
    }

    #[test]
    fn i17_debug_shows_neither_claims_nor_signature() {
        let shown = format!("{:?}", Compact::parse(TOKEN).unwrap());
        assert!(shown.starts_with("Compact { header:") && !shown.contains("op.example"), "{shown}");
    }
}

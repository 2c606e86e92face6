//! What a request says of who sends it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use thiserror::Error;

/// The value of an `Authorization` header. Its `Debug` does not show it.
#[derive(Clone)]
pub struct Credentials(HeaderValue);

/// A key with characters that no header may hold: a line break at its end, mostly.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "the key holds a character that cannot be sent: look for a line break or a space in its file"
)]
pub struct CredentialsError;

impl Credentials {
    /// `Bearer <key>`, with the key as it is.
    pub fn bearer(key: &str) -> Result<Self, CredentialsError> {
        // RFC 6750, section 2.1: b64token has no spaces.
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CredentialsError);
        }
        Self::new(&format!("Bearer {key}"))
    }

    /// A client's name and password by HTTP Basic, each encoded like a form first (RFC 6749,
    /// section 2.3.1).
    pub fn basic(id: &str, secret: &[u8]) -> Result<Self, CredentialsError> {
        let encoded = |part: &[u8]| form_urlencoded::byte_serialize(part).collect::<String>();
        let both = format!("{}:{}", encoded(id.as_bytes()), encoded(secret));
        Self::new(&format!("Basic {}", STANDARD.encode(both)))
    }

    fn new(value: &str) -> Result<Self, CredentialsError> {
        let mut value = HeaderValue::from_str(value).map_err(|_| CredentialsError)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_encoded_like_a_form() {
        let basic = Credentials::basic("a client", b"100% of a+b:c").unwrap();
        let expected = STANDARD.encode("a+client:100%25+of+a%2Bb%3Ac");
        assert_eq!(basic.header(), format!("Basic {expected}"));
    }

    #[test]
    fn i17_a_key_is_not_shown() {
        assert_eq!(format!("{:?}", Credentials::bearer("s3cret").unwrap()), "Credentials(..)");
        for bad in ["", "a b", "a\n", "a\r\nb: c", "ü"] {
            assert_eq!(Credentials::bearer(bad).unwrap_err(), CredentialsError);
        }
    }
}

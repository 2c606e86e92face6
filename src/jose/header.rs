//! The protected header: four members are read, seven are refused, the rest is ignored.

use std::fmt;

use super::algorithm::Algorithm;
use super::error::JoseError;
use super::json::{Object, Value};

/// Bytes of a decoded header. Real ones have 30 to 200.
const MAX_HEADER_BYTES: usize = 2048;

/// Members that change what the token means or bring their own key. `crit` and `b64` are refused
/// even where they would be harmless: no extension is understood here (RFC 7515, section 4.1.11;
/// RFC 7797). `x5t` and unknown members are ignored, as RFC 7515, section 4, asks.
const FORBIDDEN: [&str; 7] = ["b64", "crit", "jku", "jwk", "x5c", "x5u", "zip"];

/// The header of a signed token (RFC 7515, section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Algorithm,
    key_id: Option<KeyId>,
    token_type: Option<Box<str>>,
    content_type: Option<Box<str>>,
}

impl Header {
    pub(super) fn parse(json: &[u8]) -> Result<Self, JoseError> {
        let object = parse_object(json)?;
        let algorithm = string(&object, "alg")?.ok_or(JoseError::HeaderMember { member: "alg" })?;
        Ok(Self {
            algorithm: algorithm.parse().map_err(|_| JoseError::AlgorithmUnknown)?,
            key_id: key_id(&object)?,
            token_type: string(&object, "typ")?.map(Into::into),
            content_type: string(&object, "cty")?.map(Into::into),
        })
    }

    /// `alg`: what the sender says. Keys and configuration decide.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`: which of the issuer's keys the sender names.
    #[must_use]
    pub fn key_id(&self) -> Option<&KeyId> {
        self.key_id.as_ref()
    }

    /// `typ`, as written.
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }

    /// `cty`, as written.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }
}

/// `kid`: a name that somebody else chose for a key. Compared byte for byte, used for nothing else.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Box<str>);

impl KeyId {
    /// The most bytes a `kid` may have. A SHA-512 thumbprint in hex has 128.
    pub const MAX_BYTES: usize = 255;

    /// Takes the text as it is. `None` if it is empty, too long, or holds a control character.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty()
            && text.len() <= Self::MAX_BYTES
            && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into()))
    }

    /// The exact bytes that were parsed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

pub(super) fn parse_object(json: &[u8]) -> Result<Object, JoseError> {
    if json.len() > MAX_HEADER_BYTES {
        return Err(JoseError::HeaderTooLong { length: json.len(), limit: MAX_HEADER_BYTES });
    }
    let object = Object::parse(json).map_err(JoseError::Header)?;
    match FORBIDDEN.into_iter().find(|member| object.contains(member)) {
        Some(member) => Err(JoseError::HeaderForbidden { member }),
        None => Ok(object),
    }
}

pub(super) fn string<'o>(
    object: &'o Object,
    member: &'static str,
) -> Result<Option<&'o str>, JoseError> {
    match object.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JoseError::HeaderMember { member }),
    }
}

pub(super) fn key_id(object: &Object) -> Result<Option<KeyId>, JoseError> {
    string(object, "kid")?
        .map(|text| KeyId::parse(text).ok_or(JoseError::HeaderMember { member: "kid" }))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Result<(), &str>) {
        let found = Header::parse(json.as_bytes()).map(|_| ()).map_err(JoseError::label);
        assert_eq!(found, expected, "{json:.80}");
    }

    #[test]
    fn reads_what_it_needs_and_ignores_the_rest() {
        let header =
            br#"{"x5t":"a","alg":"ES256","kid":"../k' OR 1","typ":"JWT","cty":"x","iss":7}"#;
        let header = Header::parse(header).unwrap();
        assert_eq!(header.algorithm(), Algorithm::Es256);
        assert_eq!(header.key_id().map(KeyId::as_str), Some("../k' OR 1"));
        assert_eq!(header.token_type(), Some("JWT"));
        assert_eq!(header.content_type(), Some("x"));
    }

    #[test]
    fn jwt_3_jwt_4_forbidden_members_whatever_their_value() {
        check(r#"{"alg":"RS256"}"#, Ok(()));
        for member in FORBIDDEN {
            for value in ["null", "[]", "[\"exp\"]", "{}", "true", "false", "\"DEF\"", "5"] {
                let json = format!(r#"{{"alg":"RS256","{member}":{value}}}"#);
                check(&json, Err("header_forbidden"));
            }
        }
        check(r#"{"alg":"RS256","cr\u0069t":[]}"#, Err("header_forbidden"));
    }

    #[test]
    fn bcl_8_algorithm() {
        check("{}", Err("header_member"));
        check(r#"{"alg":null}"#, Err("header_member"));
        check(r#"{"alg":["RS256"]}"#, Err("header_member"));
        check(r#"{"alg":"none"}"#, Err("algorithm_unknown"));
        check(r#"{"alg":"rs256"}"#, Err("algorithm_unknown"));
        check(r#"{"alg":"RS256","alg":"none"}"#, Err("header_json_duplicate"));
    }

    #[test]
    fn jwt_4_kid_bounds() {
        let kid = |kid: &str| format!(r#"{{"alg":"RS256","kid":{kid}}}"#);
        check(&kid(&format!("\"{}\"", "k".repeat(255))), Ok(()));
        check(&kid(&format!("\"{}\"", "k".repeat(256))), Err("header_member"));
        check(&kid(&format!("\"{}\"", "k".repeat(65536))), Err("header_too_long"));
        for text in ["\"\"", "5", "null", r#""a\u0000""#, r#""a\r\nb""#] {
            check(&kid(text), Err("header_member"));
        }
    }
}

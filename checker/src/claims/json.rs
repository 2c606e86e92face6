//! Claims from JSON.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Claims, RawClaims};
use crate::object::Object;
use crate::{IdError, Timestamp};

/// The longest token that is looked into. No server takes headers that long.
const JWT_BYTES: usize = 64 << 10;

/// Claims cannot be used. None of them is ever taken for absent because it is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// An identifier is empty, too long or has control characters.
    #[error(transparent)]
    Identifier(#[from] IdError),
    /// There is no `iss`; nothing else means anything without it.
    #[error("the claims have no iss")]
    NoIssuer,
    /// A claim is there, but of another type. `null` is another type.
    #[error("{claim} is no string")]
    NoString {
        /// The claim.
        claim: &'static str,
    },
    /// `iat` is there, but no `NumericDate` (RFC 7519, section 2).
    #[error("iat is no number of seconds between 0 and 253402300799")]
    NoDate,
    /// The claims are no JSON object, or one with a claim twice.
    #[error("the claims are no JSON object that has each claim once")]
    NoObject,
    /// The text has not the form of a signed token, `header.payload.signature` in base64url.
    #[error("this is no signed JWT in compact form of at most {JWT_BYTES} bytes")]
    NoJwt,
}

impl Claims {
    /// Takes what matters from the claims of a verified access token: `iss`, `jti`, `sid`, `sub`,
    /// `client_id` (else `azp`) and `iat`, which may have a fraction.
    pub fn from_json(claims: &Value) -> Result<Self, ClaimsError> {
        let claims = claims.as_object().ok_or(ClaimsError::NoObject)?;
        let member = |name| claims.get(name);
        Members {
            iss: member("iss"),
            jti: member("jti"),
            sid: member("sid"),
            sub: member("sub"),
            client_id: member("client_id"),
            azp: member("azp"),
            iat: member("iat"),
        }
        .parse()
    }

    /// Looks into a signed JWT **that was verified before**, where the library that did so does not
    /// hand out its claims. Checks nothing: not the signature, not `exp`, not `aud`. With a token
    /// that nobody verified, the answer is about claims that anybody can make up.
    ///
    /// Strict and bounded all the same: at most 64 KiB, three parts, base64url without padding, and
    /// no claim twice, since readers differ in which of two they take.
    pub fn peek_without_verifying(already_verified: &str) -> Result<Self, ClaimsError> {
        if already_verified.len() > JWT_BYTES {
            return Err(ClaimsError::NoJwt);
        }
        let mut parts = already_verified.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ClaimsError::NoJwt);
        };
        if header.is_empty() || signature.is_empty() {
            return Err(ClaimsError::NoJwt);
        }
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| ClaimsError::NoJwt)?;
        let Object(payload): Object<Payload> =
            serde_json::from_slice(&payload).map_err(|_| ClaimsError::NoObject)?;
        let Payload { iss, jti, sid, sub, client_id, azp, iat } = &payload;
        Members {
            iss: iss.as_ref(),
            jti: jti.as_ref(),
            sid: sid.as_ref(),
            sub: sub.as_ref(),
            client_id: client_id.as_ref(),
            azp: azp.as_ref(),
            iat: iat.as_ref(),
        }
        .parse()
    }
}

/// The claims that matter, as a struct so that serde refuses one that is there twice.
#[derive(Deserialize)]
struct Payload {
    #[serde(default, deserialize_with = "there")]
    iss: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    jti: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    sid: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    sub: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    client_id: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    azp: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    iat: Option<Value>,
}

/// Without this `null` would be `None`, which is for what is absent.
fn there<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

struct Members<'a> {
    iss: Option<&'a Value>,
    jti: Option<&'a Value>,
    sid: Option<&'a Value>,
    sub: Option<&'a Value>,
    client_id: Option<&'a Value>,
    azp: Option<&'a Value>,
    iat: Option<&'a Value>,
}

impl Members<'_> {
    fn parse(&self) -> Result<Claims, ClaimsError> {
        let (client_id, azp) = (string("client_id", self.client_id)?, string("azp", self.azp)?);
        let raw = RawClaims {
            iss: string("iss", self.iss)?.ok_or(ClaimsError::NoIssuer)?,
            jti: string("jti", self.jti)?,
            sid: string("sid", self.sid)?,
            sub: string("sub", self.sub)?,
            client_id: client_id.or(azp),
            iat: self.iat.map(date).transpose()?,
        };
        Ok(Claims::of(&raw)?)
    }
}

fn string<'a>(
    claim: &'static str,
    value: Option<&'a Value>,
) -> Result<Option<&'a str>, ClaimsError> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ClaimsError::NoString { claim }),
    }
}

fn date(value: &Value) -> Result<Timestamp, ClaimsError> {
    let date = match value.as_u64() {
        Some(secs) => (secs <= Timestamp::MAX.as_secs()).then(|| Timestamp::from_secs(secs)),
        None => value.as_f64().and_then(Timestamp::from_numeric_date),
    };
    date.ok_or(ClaimsError::NoDate)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jwt(payload: &str) -> String {
        format!("eyJhbGciOiJFUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    /// Both ways in answer alike.
    fn read(claims: &Value) -> Result<Claims, ClaimsError> {
        let parsed = Claims::from_json(claims);
        assert_eq!(Claims::peek_without_verifying(&jwt(&claims.to_string())), parsed);
        parsed
    }

    fn with(claim: &str, value: Value) -> Value {
        let mut claims = json!({"iss": "https://op.example", "sub": "ann", "exp": [], "": null});
        claims[claim] = value;
        claims
    }

    #[test]
    fn what_matters_is_taken() {
        let claims = json!({
            "iss": "https://op.example", "jti": "j", "sid": "s", "sub": "u", "client_id": "c",
            "azp": "other", "iat": 1_700_000_000.9, "aud": ["x"], "roles": {"a": [1]},
        });
        let raw = RawClaims {
            iss: "https://op.example",
            jti: Some("j"),
            sid: Some("s"),
            sub: Some("u"),
            client_id: Some("c"),
            iat: Some(Timestamp::from_secs(1_700_000_000)),
        };
        assert_eq!(read(&claims), Ok(Claims::of(&raw).unwrap()));
    }

    #[test]
    fn the_client_may_be_called_azp() {
        let claims = read(&with("azp", json!("web"))).unwrap();
        assert_eq!(claims.facts().client.unwrap().as_str(), "web");
    }

    #[test]
    fn a18_a_wrong_type_is_never_absent() {
        for claim in ["iss", "jti", "sid", "sub", "client_id", "azp"] {
            for odd in [json!(null), json!(1), json!(true), json!(["x"]), json!({"x": 1})] {
                let read = read(&with(claim, odd));
                assert_eq!(read, Err(ClaimsError::NoString { claim }), "{claim}");
            }
            assert!(matches!(read(&with(claim, json!(""))), Err(ClaimsError::Identifier(_))));
        }
    }

    #[test]
    fn iat_is_seconds_with_or_without_a_fraction() {
        for (iat, secs) in [
            (json!(0), 0),
            (json!(0.5), 0),
            (json!(1_700_000_000), 1_700_000_000),
            (json!(1_700_000_000.999_9), 1_700_000_000),
            (json!(1.7e9), 1_700_000_000),
            (json!(253_402_300_799_u64), 253_402_300_799),
        ] {
            let issued_at = read(&with("iat", iat)).unwrap().issued_at;
            assert_eq!(issued_at, Some(Timestamp::from_secs(secs)));
        }
        assert_eq!(read(&with("exp", json!(1))).unwrap().issued_at, None);
        for odd in [
            json!(null),
            json!("1700000000"),
            json!(-1),
            json!(-0.5),
            json!(253_402_300_800_u64),
            json!(1e300),
            json!([1]),
            json!(true),
        ] {
            assert_eq!(read(&with("iat", odd.clone())), Err(ClaimsError::NoDate), "{odd}");
        }
    }

    #[test]
    fn claims_are_an_object_with_an_issuer() {
        for odd in [json!(null), json!("x"), json!([{"iss": "x"}])] {
            assert_eq!(Claims::from_json(&odd), Err(ClaimsError::NoObject));
        }
        assert_eq!(read(&json!({"sub": "ann"})), Err(ClaimsError::NoIssuer));
    }

    #[test]
    fn only_signed_tokens_are_looked_into() {
        let good = jwt(r#"{"iss":"https://op.example"}"#);
        assert!(Claims::peek_without_verifying(&good).is_ok());
        let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts")
        };
        for odd in [
            String::new(),
            format!("{header}.{payload}"),
            format!("{header}.{payload}."),
            format!(".{payload}.{signature}"),
            format!("{header}.{payload}.{signature}.{signature}"),
            format!("{header}.{payload}.a.b.{signature}"),
            format!("{header}.{payload}=.{signature}"),
            format!("{header}. {payload}.{signature}"),
            format!("{header}.{payload}+.{signature}"),
            format!("{good}{}", "a".repeat(JWT_BYTES)),
        ] {
            assert_eq!(Claims::peek_without_verifying(&odd), Err(ClaimsError::NoJwt), "{odd}");
        }
        for odd in [
            "",
            "[]",
            "{",
            "null",
            r#"{"iss":"a","iss":"b"}"#,
            r#"{"iss":"a","sub":"x","s\u0075b":"y"}"#,
            r#"{"iss":"a"} {}"#,
        ] {
            assert_eq!(
                Claims::peek_without_verifying(&jwt(odd)),
                Err(ClaimsError::NoObject),
                "{odd}"
            );
        }
    }
}

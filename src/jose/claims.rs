//! Typed access to the claims of a verified token.

use thiserror::Error;

use signout_checker::Timestamp;

use super::json::{JsonError, JsonType, Number, Object, Value};

/// A claim that is there, but not what it must be. Never to be taken for an absent one.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ClaimError {
    /// A number, but no date between 1970 and 9999 (RFC 7519, section 2, `NumericDate`).
    #[error("`{claim}` is not a number of seconds between 0 and 253402300799")]
    DateOutOfRange {
        /// Name of the claim.
        claim: &'static str,
    },
    /// Another JSON type than the claim has.
    #[error("`{claim}` must not be of JSON type {found}")]
    WrongType {
        /// Name of the claim.
        claim: &'static str,
        /// What it is.
        found: JsonType,
    },
}

/// The claims set of a token whose signature holds (RFC 7519, section 4).
///
/// Every accessor tells "absent" (`Ok(None)`) from "of the wrong type" (`Err`). `null` is a value
/// of the wrong type.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Object);

impl Claims {
    /// Reads a payload. Crate-private on purpose: claims come out of [`super::KeySet::verify`].
    pub(super) fn parse(payload: &[u8]) -> Result<Self, JsonError> {
        Object::parse(payload).map(Self)
    }

    /// The value itself, for claims that have no accessor of their own.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether the claim is there at all, `null` included.
    #[must_use]
    pub fn is_present(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// A string.
    pub fn string(&self, claim: &'static str) -> Result<Option<&str>, ClaimError> {
        match self.get(claim) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(ClaimError::WrongType { claim, found: other.json_type() }),
        }
    }

    /// A string or an array of strings, as `aud` is (RFC 7519, section 4.1.3).
    pub fn audience(&self, claim: &'static str) -> Result<Option<Audience<'_>>, ClaimError> {
        let wrong = |found| ClaimError::WrongType { claim, found };
        match self.get(claim) {
            None => Ok(None),
            Some(Value::Array(items)) => {
                match items.iter().find(|item| item.json_type() != JsonType::String) {
                    None => Ok(Some(Audience(items))),
                    Some(other) => Err(wrong(other.json_type())),
                }
            }
            Some(one @ Value::String(_)) => Ok(Some(Audience(std::slice::from_ref(one)))),
            Some(other) => Err(wrong(other.json_type())),
        }
    }

    /// A `NumericDate`: an integer or a finite float, rounded down to whole seconds.
    pub fn date(&self, claim: &'static str) -> Result<Option<Timestamp>, ClaimError> {
        match self.get(claim) {
            None => Ok(None),
            Some(Value::Number(number)) => {
                seconds(*number).map(Some).ok_or(ClaimError::DateOutOfRange { claim })
            }
            Some(other) => Err(ClaimError::WrongType { claim, found: other.json_type() }),
        }
    }

    /// An object.
    pub fn object(&self, claim: &'static str) -> Result<Option<&Object>, ClaimError> {
        match self.get(claim) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) => Err(ClaimError::WrongType { claim, found: other.json_type() }),
        }
    }
}

/// Whom a token is for. May be empty: `[]` is an array of strings.
#[derive(Clone, Copy, Debug)]
pub struct Audience<'c>(&'c [Value]);

impl<'c> Audience<'c> {
    /// The members in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'c str> + use<'c> {
        self.0.iter().filter_map(|item| match item {
            Value::String(text) => Some(&**text),
            _ => None,
        })
    }
}

fn seconds(number: Number) -> Option<Timestamp> {
    match number {
        Number::Unsigned(secs) => {
            (secs <= Timestamp::MAX.as_secs()).then(|| Timestamp::from_secs(secs))
        }
        Number::Negative(_) => None,
        Number::Float(secs) => Timestamp::from_numeric_date(secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims {
        Claims::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn a18_a_wrong_type_is_never_absent() {
        const OTHERS: [(&str, JsonType); 4] = [
            ("null", JsonType::Null),
            ("true", JsonType::Boolean),
            ("[1]", JsonType::Array),
            ("{}", JsonType::Object),
        ];
        for (json, found) in OTHERS {
            let claims = claims(&format!("{{\"x\":{json}}}"));
            let wrong = ClaimError::WrongType { claim: "x", found };
            assert!(claims.is_present("x"));
            assert_eq!(claims.string("x"), Err(wrong));
            assert_eq!(claims.date("x"), Err(wrong));
            assert!(claims.audience("x").is_err());
            assert_eq!(claims.object("x").is_ok(), found == JsonType::Object);
        }
        let empty = claims("{}");
        assert!(!empty.is_present("x"));
        assert_eq!(empty.string("x"), Ok(None));
        assert_eq!(empty.date("x"), Ok(None));
        assert_eq!(empty.object("x"), Ok(None));
        assert!(empty.audience("x").unwrap().is_none());
    }

    #[test]
    fn dates() {
        fn check(json: &str, expected: Option<u64>) {
            let found = claims(&format!("{{\"x\":{json}}}")).date("x");
            let expected = expected
                .map(|secs| Some(Timestamp::from_secs(secs)))
                .ok_or(ClaimError::DateOutOfRange { claim: "x" });
            assert_eq!(found, expected, "{json}");
        }
        check("0", Some(0));
        check("-0", Some(0));
        check("1700000000", Some(1_700_000_000));
        check("1700000000.999", Some(1_700_000_000));
        check("1.7e9", Some(1_700_000_000));
        check("253402300799", Some(253_402_300_799));
        check("253402300799.9", Some(253_402_300_799));
        for json in ["253402300800", "1e12", "-1", "-0.5", "1e300", "-1e300", "9223372036854775808"]
        {
            check(json, None);
        }
        assert_eq!(
            claims(r#"{"x":"1700000000"}"#).date("x"),
            Err(ClaimError::WrongType { claim: "x", found: JsonType::String })
        );
        assert!(Claims::parse(br#"{"x":1e400}"#).is_err());
    }

    #[test]
    fn bcl_10_audience_shapes() {
        fn check(json: &str, expected: Option<&[&str]>) {
            let claims = claims(&format!("{{\"aud\":{json}}}"));
            let found = claims.audience("aud").ok().flatten().map(|aud| aud.iter().collect());
            assert_eq!(found, expected.map(<[_]>::to_vec), "{json}");
        }
        check(r#""a""#, Some(&["a"]));
        check(r#"["a","b"]"#, Some(&["a", "b"]));
        check("[]", Some(&[]));
        check(r#"["a",1]"#, None);
        check(r#"["a",["b"]]"#, None);
        check("5", None);
    }
}

//! One strict reading of a JSON object (RFC 8259; RFC 7519, section 4).
//!
//! `serde_json` does the grammar, UTF-8 and surrogates. Added here: duplicate members are refused at
//! any depth, also when one of the two is spelled with `\u` escapes, because parsers differ in
//! which one they keep; depth and width are bounded.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

/// Containers within each other. Providers nest three deep; eight leaves room for mapped claims.
const MAX_DEPTH: usize = 8;

/// Members of one object or items of one array. Bounds the duplicate check, which compares pairs;
/// the largest token seen has 20 claims.
const MAX_WIDTH: usize = 128;

/// Why bytes are no acceptable JSON object.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JsonError {
    /// A member name occurs twice in one object.
    #[error("a JSON object names a member twice")]
    Duplicate,
    /// Valid JSON, but not an object.
    #[error("JSON object expected, found {0}")]
    NotObject(JsonType),
    /// Bad grammar, bad UTF-8, a lone surrogate, a byte order mark, trailing bytes.
    #[error("not JSON")]
    Syntax,
    /// Nested deeper than eight.
    #[error("JSON is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// More than 128 members or items in one container.
    #[error("a JSON container holds more than {MAX_WIDTH} values")]
    TooWide,
}

/// The type of a JSON value, for errors that must not show the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of RFC 8259, section 3")]
pub enum JsonType {
    Array,
    Boolean,
    Null,
    Number,
    Object,
    String,
}

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Null => "null",
            Self::Number => "number",
            Self::Object => "object",
            Self::String => "string",
        })
    }
}

/// A JSON number as it was written: an integer that fits, otherwise a float.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is what it holds")]
pub enum Number {
    Float(f64),
    Negative(i64),
    Unsigned(u64),
}

/// A JSON value that was read strictly. Its text is not shown by `Debug`.
#[derive(Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are those of RFC 8259, section 3")]
pub enum Value {
    Array(Box<[Self]>),
    Boolean(bool),
    Null,
    Number(Number),
    Object(Object),
    String(Box<str>),
}

impl Value {
    /// What kind of value this is.
    #[must_use]
    pub const fn json_type(&self) -> JsonType {
        match self {
            Self::Array(_) => JsonType::Array,
            Self::Boolean(_) => JsonType::Boolean,
            Self::Null => JsonType::Null,
            Self::Number(_) => JsonType::Number,
            Self::Object(_) => JsonType::Object,
            Self::String(_) => JsonType::String,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.json_type())
    }
}

/// A JSON object without duplicate members, in the order of the text.
#[derive(Clone, PartialEq, Default)]
pub struct Object(Box<[(Box<str>, Value)]>);

impl Object {
    /// Reads a whole text that must be one object.
    pub(super) fn parse(json: &[u8]) -> Result<Self, JsonError> {
        let fault = Cell::new(None);
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let strict = Strict { depth: MAX_DEPTH, fault: &fault };
        let value = strict
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value))
            .map_err(|_| fault.get().unwrap_or(JsonError::Syntax))?;
        match value {
            Value::Object(object) => Ok(object),
            other => Err(JsonError::NotObject(other.json_type())),
        }
    }

    /// The member of this exact name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find_map(|(member, value)| (**member == *name).then_some(value))
    }

    /// Whether there is a member of this name, whatever its value, `null` included.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// Claims are chosen by others and may name people: only their number is shown.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} members)", self.0.len())
    }
}

/// Reads one value with `depth` levels left below it. serde's errors are texts, so the fault
/// itself travels beside them.
#[derive(Clone, Copy)]
struct Strict<'f> {
    depth: usize,
    fault: &'f Cell<Option<JsonError>>,
}

impl Strict<'_> {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.refuse(JsonError::TooDeep)),
        }
    }

    fn refuse<E: serde::de::Error>(self, fault: JsonError) -> E {
        self.fault.set(Some(fault));
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(Number::Float(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(Number::Negative(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(Number::Unsigned(value)))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = array.next_element_seed(inner)? {
            if items.len() == MAX_WIDTH {
                return Err(self.refuse(JsonError::TooWide));
            }
            items.push(item);
        }
        Ok(Value::Array(items.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members: Vec<(Box<str>, Value)> = Vec::with_capacity(12);
        while let Some(name) = object.next_key::<Box<str>>()? {
            if members.iter().any(|(other, _)| *other == name) {
                return Err(self.refuse(JsonError::Duplicate));
            }
            if members.len() == MAX_WIDTH {
                return Err(self.refuse(JsonError::TooWide));
            }
            members.push((name, object.next_value_seed(inner)?));
        }
        Ok(Value::Object(Object(members.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: impl AsRef<[u8]>, expected: Result<(), JsonError>) {
        let json = json.as_ref();
        let found = Object::parse(json).map(|_| ());
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(json));
    }

    #[test]
    fn jwt_1_an_object_and_nothing_else() {
        check(r#" {"a":[1,-1,1.5,true,null,"x",{}]} "#, Ok(()));
        check("[]", Err(JsonError::NotObject(JsonType::Array)));
        check("null", Err(JsonError::NotObject(JsonType::Null)));
        check(r#""{}""#, Err(JsonError::NotObject(JsonType::String)));
        for json in ["", "{", "{}x", "{}{}", "\u{feff}{}", "{'a':1}", "{\"a\":1,}", "{\"a\":01}"] {
            check(json, Err(JsonError::Syntax));
        }
    }

    #[test]
    fn jwt_1_unicode() {
        check("{\"a\":\"\\ud83d\\ude00\"}", Ok(()));
        check("{\"a\":\"\\ud83d\"}", Err(JsonError::Syntax));
        check("{\"a\":\"\\ude00\"}", Err(JsonError::Syntax));
        check(b"{\"a\":\"\xc0\xaf\"}", Err(JsonError::Syntax));
        check(b"{\"a\":\"\xed\xa0\x80\"}", Err(JsonError::Syntax));
        check("{\"a\":\"\n\"}", Err(JsonError::Syntax));
        check(b"{\0\"\0a\0\"\0:\0\x31\0}\0", Err(JsonError::Syntax));
    }

    #[test]
    fn jwt_2_duplicates_at_any_depth() {
        check(r#"{"a":{"b":1},"b":{"b":1}}"#, Ok(()));
        check(r#"{"a":1,"a":1}"#, Err(JsonError::Duplicate));
        check(r#"{"sub":1,"s\u0075b":1}"#, Err(JsonError::Duplicate));
        check(r#"{"a":[{"b":{"c":1,"\u0063":2}}]}"#, Err(JsonError::Duplicate));
    }

    #[test]
    fn i18_depth_and_width_are_bounded() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        check(nested(MAX_DEPTH - 1), Ok(()));
        check(nested(MAX_DEPTH), Err(JsonError::TooDeep));
        check(nested(200_000), Err(JsonError::TooDeep));

        let wide = |count: usize| format!("{{\"a\":[{}]}}", vec!["1"; count].join(","));
        check(wide(MAX_WIDTH), Ok(()));
        check(wide(MAX_WIDTH + 1), Err(JsonError::TooWide));

        let members = |count: usize| {
            let members: Vec<_> = (0..count).map(|i| format!("\"{i}\":1")).collect();
            format!("{{{}}}", members.join(","))
        };
        check(members(MAX_WIDTH), Ok(()));
        check(members(MAX_WIDTH + 1), Err(JsonError::TooWide));
    }

    #[test]
    fn i17_debug_tells_no_value() {
        let object = Object::parse(br#"{"sub":"very-secret"}"#).unwrap();
        assert_eq!(format!("{object:?}"), "Object(1 members)");
        assert_eq!(format!("{:?}", object.get("sub")), "Some(<string>)");
    }
}

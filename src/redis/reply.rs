//! Taking answers apart.

use deadpool_redis::redis::Value;

use super::error::Fault;

/// An answer that is no error.
#[derive(Debug)]
pub(super) struct Reply(Value);

impl Reply {
    /// Errors become faults.
    pub(super) fn new(value: Value) -> Result<Self, Fault> {
        match value {
            Value::ServerError(error) => Err(Fault::of_server(&error)),
            value => Ok(Self(value)),
        }
    }

    /// An integer that is not negative.
    pub(super) fn number(&self) -> Result<u64, Fault> {
        match &self.0 {
            Value::Int(number) => u64::try_from(*number).map_err(|_| Fault::odd_answer()),
            _ => Err(Fault::odd_answer()),
        }
    }

    /// A string of bytes, or nothing.
    pub(super) fn optional_bytes(self) -> Result<Option<Vec<u8>>, Fault> {
        match self.0 {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => Ok(Some(bytes)),
            Value::SimpleString(text) => Ok(Some(text.into_bytes())),
            _ => Err(Fault::odd_answer()),
        }
    }

    /// A string of bytes.
    pub(super) fn bytes(self) -> Result<Vec<u8>, Fault> {
        self.optional_bytes()?.ok_or_else(Fault::odd_answer)
    }

    /// A string.
    pub(super) fn text(self) -> Result<String, Fault> {
        String::from_utf8(self.bytes()?).map_err(|_| Fault::odd_answer())
    }

    /// A list.
    pub(super) fn list(self) -> Result<Vec<Self>, Fault> {
        self.optional_list()?.ok_or_else(Fault::odd_answer)
    }

    /// A list, or nothing.
    pub(super) fn optional_list(self) -> Result<Option<Vec<Self>>, Fault> {
        match self.0 {
            Value::Nil => Ok(None),
            Value::Array(values) => {
                values.into_iter().map(Self::new).collect::<Result<_, _>>().map(Some)
            }
            _ => Err(Fault::odd_answer()),
        }
    }

    /// A list of this length, or nothing.
    pub(super) fn optional_array<const N: usize>(self) -> Result<Option<[Self; N]>, Fault> {
        let Some(list) = self.optional_list()? else { return Ok(None) };
        list.try_into().map(Some).map_err(|_| Fault::odd_answer())
    }

    /// A list of this length.
    pub(super) fn array<const N: usize>(self) -> Result<[Self; N], Fault> {
        self.optional_array()?.ok_or_else(Fault::odd_answer)
    }

    /// Whether it is a string rather than a number.
    pub(super) const fn is_text(&self) -> bool {
        matches!(self.0, Value::BulkString(_) | Value::SimpleString(_))
    }
}

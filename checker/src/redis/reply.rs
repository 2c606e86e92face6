//! Taking answers apart.

use ::redis::Value;

use super::Trouble;
use crate::log::{Entry, Head, LinkId, LogShape};

/// A list.
pub(super) fn list(value: Value) -> Result<Vec<Value>, Trouble> {
    match value {
        Value::Array(values) => Ok(values),
        Value::ServerError(error) => Err(::redis::RedisError::from(error).into()),
        _ => Err(Trouble::Odd),
    }
}

/// A list of this length.
pub(super) fn array<const N: usize>(value: Value) -> Result<[Value; N], Trouble> {
    list(value)?.try_into().map_err(|_| Trouble::Odd)
}

/// A string of bytes, or nothing.
fn optional_bytes(value: Value) -> Result<Option<Vec<u8>>, Trouble> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        Value::SimpleString(text) => Ok(Some(text.into_bytes())),
        Value::ServerError(error) => Err(::redis::RedisError::from(error).into()),
        _ => Err(Trouble::Odd),
    }
}

/// A string of bytes.
fn bytes(value: Value) -> Result<Vec<u8>, Trouble> {
    optional_bytes(value)?.ok_or(Trouble::Odd)
}

/// A string.
pub(super) fn text(value: Value) -> Result<String, Trouble> {
    String::from_utf8(bytes(value)?).map_err(|_| Trouble::Odd)
}

/// A number that is not negative.
fn number(value: Value) -> Result<u64, Trouble> {
    match value {
        Value::Int(number) => u64::try_from(number).map_err(|_| Trouble::Odd),
        Value::ServerError(error) => Err(::redis::RedisError::from(error).into()),
        _ => Err(Trouble::Odd),
    }
}

/// The answer to `HMGET` of [`Head::FIELDS`].
pub(super) fn head(value: Value) -> Result<Option<Head>, Trouble> {
    let fields: Result<Vec<_>, _> = array::<6>(value)?.into_iter().map(optional_bytes).collect();
    let fields: [_; 6] = fields?.try_into().map_err(|_| Trouble::Odd)?;
    Ok(Head::read(fields.each_ref().map(Option::as_deref))?)
}

/// What `XRANGE` gives.
pub(super) fn entries(value: Value) -> Result<Vec<Entry>, Trouble> {
    list(value)?.into_iter().map(entry).collect()
}

/// What `XREAD` of one stream gives: nothing, if nothing came.
pub(super) fn read(value: Value) -> Result<Vec<Entry>, Trouble> {
    if matches!(value, Value::Nil) {
        return Ok(Vec::new());
    }
    let [stream] = array(value)?;
    let [_, entries_of_it] = array(stream)?;
    entries(entries_of_it)
}

fn entry(value: Value) -> Result<Entry, Trouble> {
    let [id, fields] = array(value)?;
    let id = text(id)?;
    let parts = id.split_once('-').and_then(|(millis, number)| {
        Some((millis.parse::<u64>().ok()?, number.parse::<u64>().ok()?))
    });
    let (millis, number) = parts.ok_or(Trouble::Odd)?;
    // An entry of ours has one field; of others, what is in them does not matter.
    let (field, value) = match array(fields) {
        Ok([field, value]) => (bytes(field)?, bytes(value)?),
        Err(_) => Default::default(),
    };
    Ok(Entry::read(millis, number, &field, &value)?)
}

/// The answers to `XLEN`, and to `XRANGE` and `XREVRANGE` of one entry each.
pub(super) fn shape(length: Value, first: Value, newest: Value) -> Result<LogShape, Trouble> {
    let (length, first, newest) = (number(length)?, entries(first)?, entries(newest)?);
    Ok(LogShape {
        length,
        first: first.first().map_or(0, |entry| entry.seq),
        last: newest.first().map_or(0, |entry| entry.seq),
        link: newest.first().map_or(LinkId::NONE, |entry| entry.link),
    })
}

/// What `INFO` says of the server: its process, and whether it is a master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) run_id: String,
    pub(super) is_master: bool,
}

/// The answer to `INFO`.
pub(super) fn server(value: Value) -> Result<Server, Trouble> {
    let info = text(value)?;
    let line = |name: &str| info.lines().find_map(|line| line.strip_prefix(name));
    let run_id = line("run_id:").ok_or(Trouble::Odd)?.to_owned();
    let is_master = line("role:").ok_or(Trouble::Odd)? == "master";
    let is_loading = line("loading:").is_some_and(|loading| loading != "0");
    Ok(Server { run_id, is_master: is_master && !is_loading })
}

/// The answer to `TIME`: milliseconds since 1970.
pub(super) fn time(value: Value) -> Result<u64, Trouble> {
    let [secs, micros] = array(value)?;
    let number = |value| text(value)?.parse::<u64>().map_err(|_| Trouble::Odd);
    Ok(number(secs)?.saturating_mul(1_000).saturating_add(number(micros)? / 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn a_server_says_what_it_is() {
        let info = |role: &str, loading: u8| {
            bulk(&format!("# Server\r\nrun_id:ab\r\nloading:{loading}\r\nrole:{role}\r\n"))
        };
        for (info, is_master) in
            [(info("master", 0), true), (info("slave", 0), false), (info("master", 1), false)]
        {
            let run_id = "ab".to_owned();
            assert_eq!(server(info), Ok(Server { run_id, is_master }));
        }
        assert_eq!(server(bulk("role:master\r\n")), Err(Trouble::Odd));
        assert_eq!(server(Value::Nil), Err(Trouble::Odd));
    }

    #[test]
    fn odd_answers_are_no_answers() {
        for odd in [Value::Nil, Value::Int(-1), bulk("x"), Value::Array(vec![Value::Int(1)])] {
            assert_eq!(head(odd.clone()).unwrap_err(), Trouble::Odd, "{odd:?}");
            assert_eq!(entries(odd.clone()).is_err(), odd != Value::Array(Vec::new()), "{odd:?}");
            assert_eq!(time(odd.clone()).unwrap_err(), Trouble::Odd, "{odd:?}");
        }
        assert_eq!(read(Value::Nil), Ok(Vec::new()));
        assert_eq!(time(Value::Array(vec![bulk("7"), bulk("8999")])), Ok(7_008));
    }
}

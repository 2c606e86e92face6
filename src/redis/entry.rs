//! Entries of the log, as the library gives them.

use signout_checker::log::Entry;

use super::error::Fault;
use super::reply::Reply;

/// Reads a list of entries, as `XRANGE` and `XREAD` give it.
pub(super) fn entries(reply: Reply) -> Result<Vec<Entry>, Fault> {
    reply.list()?.into_iter().map(entry).collect()
}

fn entry(reply: Reply) -> Result<Entry, Fault> {
    let [id, fields] = reply.array()?;
    let id = id.text()?;
    let parts = id.split_once('-').and_then(|(millis, number)| {
        Some((millis.parse::<u64>().ok()?, number.parse::<u64>().ok()?))
    });
    let (millis, number) = parts.ok_or_else(Fault::odd_answer)?;
    // An entry of ours has one field; of others, what is in them does not matter.
    let (field, value) = match fields.array() {
        Ok([field, value]) => (field.bytes()?, value.bytes()?),
        Err(_) => Default::default(),
    };
    Entry::read(millis, number, &field, &value).map_err(Fault::Foreign)
}

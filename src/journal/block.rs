//! Records that are committed together stand in one value of the store, one behind the other, each
//! behind its length: inserting a value costs the store as much as a commit of ten records does.
//!
//! Only records that stop mattering at about the same time share a block, so that a long-lived one
//! does not keep others.

use signout_checker::Timestamp;

use super::error::RecordError;
use super::record::{Head, Record};

/// Records whose ends fall into the same stretch of this length share a block.
const STRETCH_SECS: u64 = 2 * 86_400;

/// Cuts records into runs that may share a block. Their order stays.
pub(super) fn runs(records: &[Record]) -> impl Iterator<Item = &[Record]> {
    let stretch = |record: &Record| record.retain_until().as_secs() / STRETCH_SECS;
    records.chunk_by(move |one, next| stretch(one) == stretch(next))
}

/// When nothing of a run matters any more.
pub(super) fn retain_until(run: &[Record]) -> Timestamp {
    run.iter().map(Record::retain_until).max().unwrap_or_default()
}

/// The bytes of a block.
pub(super) fn encode(run: &[Record]) -> Result<Vec<u8>, postcard::Error> {
    let mut block = Vec::new();
    for record in run {
        let record = record.encode()?;
        // The store takes no value of three gigabytes, so four length bytes always do.
        let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
        block.extend(length.to_le_bytes());
        block.extend(record);
    }
    Ok(block)
}

/// The records of a block, undecoded. A wrong length ends it with an error: what follows it cannot
/// be found.
pub(super) fn records(mut block: &[u8]) -> impl Iterator<Item = Result<&[u8], RecordError>> {
    std::iter::from_fn(move || {
        if block.is_empty() {
            return None;
        }
        let split = block.split_first_chunk().and_then(|(length, rest)| {
            rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
        });
        let Some((record, rest)) = split else {
            block = &[];
            return Some(Err(RecordError::Truncated));
        };
        block = rest;
        Some(Ok(record))
    })
}

/// How many records a stored block has, and until when it is to be kept. One with an unreadable
/// head is kept for good: it may be looked at by hand.
pub(super) fn survey(block: &[u8]) -> (u64, Timestamp) {
    records(block).fold((0, Timestamp::default()), |(count, until), record| {
        let head = record.and_then(Head::split);
        let ends = head.map_or(Timestamp::MAX, |(head, _)| head.retain_until);
        (count + 1, until.max(ends))
    })
}

#[cfg(test)]
mod tests {
    use signout_checker::{Issuer, JwtId};

    use super::*;

    fn record(until: u64) -> Record {
        Record::Forgotten {
            issuer: Issuer::parse("https://op").unwrap(),
            jwt_ids: vec![JwtId::parse(until.to_string()).unwrap()],
            until: Timestamp::from_secs(until),
        }
    }

    #[test]
    fn comes_back_in_order() {
        let run = [record(5), record(9), record(7)];
        let block = encode(&run).unwrap();
        let found: Vec<_> =
            records(&block).map(|bytes| Record::decode(bytes.unwrap()).unwrap()).collect();
        assert_eq!(found, run);
        assert_eq!(survey(&block), (3, Timestamp::from_secs(9)));
        assert_eq!(retain_until(&run), Timestamp::from_secs(9));
    }

    #[test]
    fn long_lived_records_do_not_keep_others() {
        let all = [record(10), record(20), record(3_000_000), record(30)];
        let cut: Vec<_> = runs(&all).map(<[Record]>::len).collect();
        assert_eq!(cut, [2, 1, 1]);
    }

    #[test]
    fn i15_a_cut_block_gives_what_is_whole() {
        let block = encode(&[record(5), record(9)]).unwrap();
        for length in 0..block.len() {
            let whole = records(&block[..length]).flatten().count();
            assert!(whole <= 1, "{length}");
            let ends_early = records(&block[..length]).any(|record| record.is_err());
            assert_eq!(ends_early, length % (block.len() / 2) != 0, "{length}");
        }
        let (_, until) = survey(&block[..block.len() - 1]);
        assert_eq!(until, Timestamp::MAX);
    }
}

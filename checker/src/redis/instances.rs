//! Which instances of signout share this Redis, and whether all of them have compared. Pure.

use crate::log::Epoch;

/// An instance that says nothing for this long is down, or apart from Redis. What it knows and the
/// log does not, it brings when it comes back.
const SILENT_AFTER_MILLIS: u64 = 3_000;

/// Whether no living instance has anything to put back into the log of this epoch.
///
/// `{P}:instances` holds, for each, when it was last heard of by the server's clock, in milliseconds
/// since 1970, and the epoch that it has compared its journal with, if any. `now` is by the same
/// clock. What cannot be read is waited for.
pub(super) fn all_compared<'a>(
    values: impl IntoIterator<Item = &'a str>,
    epoch: Epoch,
    now: u64,
) -> bool {
    values.into_iter().all(|value| {
        let Some((heard, compared)) = value.split_once(' ') else { return false };
        let Ok(heard) = heard.parse::<u64>() else { return false };
        now.saturating_sub(heard) >= SILENT_AFTER_MILLIS || Epoch::parse(compared) == Some(epoch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i11_a_living_instance_that_has_not_compared_is_waited_for() {
        for (values, compared) in [
            (&[][..], true),
            (&["9000 00000000000000aa"], true),
            (&["9000 00000000000000aa", "9000 00000000000000ab"], false),
            (&["9000 "], false),
            // Silent for long enough, and not yet.
            (&["7000 "], true),
            (&["7001 "], false),
            // Ahead of the server's clock, which went back.
            (&["99000 "], false),
            (&["nonsense"], false),
            (&["x 00000000000000aa"], false),
        ] {
            let found = all_compared(values.iter().copied(), Epoch::from_bits(0xaa), 10_000);
            assert_eq!(found, compared, "{values:?}");
        }
    }
}

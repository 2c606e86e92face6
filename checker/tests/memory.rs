//! How much memory an entry takes. A binary of its own: it counts what the allocator gives.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::alloc::System;

use signout_checker::{
    DigestKey, Index, IssuedBefore, Issuer, JwtId, Reason, Revocation, Target, TargetKind,
    Timestamp,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 86_400;

fn token(n: u64) -> Revocation {
    let issuer = Issuer::parse("https://op.example").unwrap();
    let target = Target::Token(issuer, JwtId::parse(n.to_string()).unwrap());
    let at = Timestamp::from_secs;
    Revocation::of(target, Reason::BackchannelLogout, at(NOW + n), at(NOW + n + DAY))
}

/// Bytes that were taken and not given back since.
fn held(region: &Region<'_, System>) -> f64 {
    let stats = region.change();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let held = (stats.bytes_allocated - stats.bytes_deallocated) as f64;
    held
}

/// Bytes that an index holds for each of these, which came unexpected.
fn bytes_each(entries: u32, act: impl Fn(Revocation) -> Revocation) -> f64 {
    bytes_each_expecting(0, entries, act)
}

fn bytes_each_expecting(
    expected: usize,
    entries: u32,
    act: impl Fn(Revocation) -> Revocation,
) -> f64 {
    let region = Region::new(ALLOCATED);
    let index = Index::new(DigestKey::from_bytes([3; 16]));
    index.expect(expected);
    (0..entries.into()).for_each(|n| {
        index.apply(&act(token(n)));
    });
    let each = held(&region) / f64::from(entries);
    drop(index);
    each
}

/// One test, because others would be counted too.
#[test]
fn g16_an_entry_takes_sixteen_bytes() {
    let empty = bytes_each(1, |act| act);
    assert!(empty <= 131_072.0, "{empty}");

    // What there always is makes up half a byte of it.
    let plain = bytes_each(200_000, |act| act);
    assert!((13.0..=16.6).contains(&plain), "{plain}");

    for entries in [150_000, 200_000, 290_000] {
        let each = bytes_each_expecting(entries as usize, entries, |act| act);
        assert!((13.0..=16.9).contains(&each), "{entries}: {each}");
    }
    let one = bytes_each_expecting(usize::MAX, 1, |act| act);
    assert!(one <= empty, "an expectation takes no memory: {one}");

    // A cut-off takes a cell.
    let cut_off =
        |act: Revocation| Revocation { issued_before: IssuedBefore::at(act.revoked_at), ..act };
    let in_cells = bytes_each(50_000, cut_off);
    assert!((38.0..=46.0).contains(&in_cells), "{in_cells}");

    what_entries_leave_is_used_again();
}

fn what_entries_leave_is_used_again() {
    let region = Region::new(ALLOCATED);
    let index = Index::new(DigestKey::from_bytes([3; 16]));
    let mut after_one = 0.0;
    for hour in 0..10 {
        let first = hour * 20_000;
        for n in first..first + 20_000 {
            index.apply(&Revocation {
                retain_until: Timestamp::from_secs(NOW + 3_600 * hour),
                issued_before: IssuedBefore::at(Timestamp::from_secs(NOW + n % 2)),
                ..token(n)
            });
        }
        index.expire(Timestamp::from_secs(NOW + 3_600 * hour + 1));
        assert_eq!(index.len(TargetKind::Token), 0);
        if hour == 0 {
            after_one = held(&region);
        }
    }
    let after_all = held(&region);
    assert!(after_all <= 1.2 * after_one, "{after_one} after an hour, {after_all} after ten");
}

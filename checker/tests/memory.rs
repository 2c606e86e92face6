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

/// Bytes that an index holds for each of these.
fn bytes_each(
    entries: u64,
    act: impl Fn(Revocation, u64) -> Revocation,
    expired: Option<u64>,
) -> f64 {
    let issuer = Issuer::parse("https://op.example").unwrap();
    let region = Region::new(ALLOCATED);
    let index = Index::new(DigestKey::from_bytes([3; 16]));
    for n in 0..entries {
        let target = Target::Token(issuer.clone(), JwtId::parse(n.to_string()).unwrap());
        let at = Timestamp::from_secs;
        let plain =
            Revocation::of(target, Reason::BackchannelLogout, at(NOW + n), at(NOW + n + DAY));
        index.apply(&act(plain, n));
    }
    index.expire(Timestamp::from_secs(expired.unwrap_or_default()));
    let left = index.len(TargetKind::Token);
    let stats = region.change();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let held = (stats.bytes_allocated - stats.bytes_deallocated) as f64 / left as f64;
    drop(index);
    held
}

/// One test, because others would be counted too.
#[test]
fn g16_an_entry_takes_sixteen_bytes() {
    let plain = bytes_each(200_000, |act, _| act, None);
    assert!((13.0..=16.0).contains(&plain), "{plain}");

    // Memory comes back: six of ten are over.
    let expired = bytes_each(100_000, |act, _| act, Some(NOW + DAY + 60_000));
    assert!(expired <= 21.0, "{expired}");

    // A cut-off takes a cell.
    let cut_off =
        |act: Revocation, n| act.issued_before(IssuedBefore::at(Timestamp::from_secs(NOW + n)));
    let in_cells = bytes_each(50_000, cut_off, None);
    assert!((40.0..=52.0).contains(&in_cells), "{in_cells}");
}

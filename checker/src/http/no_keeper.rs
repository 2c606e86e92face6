//! Keeps nothing: the feature `file` is off.

use crate::{Change, Checker, Position, Timestamp};

/// Where nothing is kept.
#[derive(Debug)]
pub(super) struct Keeper;

#[expect(clippy::unused_self, clippy::unused_async, reason = "the other one needs them")]
impl Keeper {
    pub(super) const fn nowhere() -> Self {
        Self
    }

    pub(super) const fn keep(&mut self, _: &Checker, _: &[Change]) {}

    pub(super) const fn keep_up_to(&mut self, _: &Checker, _: Position, _: &[Change]) {}

    pub(super) async fn tidy(&mut self, _: &Checker, _: Timestamp) {}
}

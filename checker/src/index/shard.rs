//! One shard: where its table is, for readers who leave no trace.
//!
//! A table stands on up to 24 plots of equal size. Building anew puts the entries on other plots,
//! writes down where those are in the map that is not in use, and then changes the state, in one
//! store. A reader takes the state, looks, and takes the state again: if it is another one, what it
//! looked at may have been built on since, and it looks once more. So a reader never waits: it
//! begins again only if a whole table was built in the nanoseconds it took.

use super::cells::Cells;
use super::fingerprint::Fingerprint;
use super::ground::{Ground, Place, Register};
use super::mark::Mark;
use super::sync::{AtomicU32, AtomicU64, Ordering, fence};
use super::table::Table;

/// The most plots of a table. From twelve on, a table grows by a whole number of them up to here,
/// and then goes on with twelve of twice the size: it never grows by more than a twelfth.
pub(super) const PLOTS: usize = 24;

/// Kept to whole lines of the cache, so that shards do not disturb each other's readers.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Shard {
    state: AtomicU64,
    maps: [Map; 2],
}

/// The first groups of the plots.
pub(super) type Map = [AtomicU32; PLOTS];

/// Which table is in use: how many plots of which size, and how many tables came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State(u64);

/// How large a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) plots: u8,
    /// Each has two to the power of this many groups.
    pub(super) order: u8,
}

impl Shape {
    /// The smallest table of at least so many groups.
    pub(super) fn of(groups: usize) -> Self {
        let mut order = 0;
        while groups.div_ceil(1 << order) > PLOTS {
            order += 1;
        }
        let plots = u8::try_from(groups.div_ceil(1 << order)).unwrap_or(u8::MAX);
        Self { plots, order }
    }

    #[inline]
    pub(super) const fn groups(self) -> usize {
        (self.plots as usize) << (self.order % 32)
    }
}

impl State {
    fn next(self, shape: Shape) -> Self {
        Self(((self.0 >> 16) + 1) << 16 | u64::from(shape.order) << 8 | u64::from(shape.plots))
    }

    #[inline]
    const fn shape(self) -> Shape {
        let [plots, order, ..] = self.0.to_le_bytes();
        Shape { plots, order }
    }

    /// The number of the map in use.
    #[inline]
    const fn map(self) -> bool {
        self.0 >> 16 & 1 != 0
    }
}

impl Shard {
    pub(super) fn new() -> Self {
        let map = || std::array::from_fn(|_| AtomicU32::new(0));
        Self { state: AtomicU64::new(0), maps: [map(), map()] }
    }

    /// What is known of a target.
    #[inline]
    pub(super) fn mark(&self, ground: &Ground, cells: &Cells, print: Fingerprint) -> Option<Mark> {
        let mut state = State(self.state.load(Ordering::Acquire));
        loop {
            let mark = self.at(state, ground).mark(cells, print);
            // Whoever built on these plots stored another state before, and everything built
            // after that with `Release`: if anything of it was seen, so is the state.
            fence(Ordering::Acquire);
            let now = State(self.state.load(Ordering::Relaxed));
            if now == state {
                return mark;
            }
            fence(Ordering::Acquire);
            state = now;
        }
    }

    /// The table in use. Only the writer may rely on its staying so.
    pub(super) fn table<'a>(&'a self, ground: &'a Ground) -> Table<'a> {
        self.at(State(self.state.load(Ordering::Acquire)), ground)
    }

    #[inline]
    fn at<'a>(&'a self, state: State, ground: &'a Ground) -> Table<'a> {
        let [even, odd] = &self.maps;
        Table::new(ground, if state.map() { odd } else { even }, state.shape())
    }

    /// A table that nobody uses yet. None if the ground is used up.
    pub(super) fn next<'a>(
        &'a self,
        ground: &'a Ground,
        register: &mut Register,
        shape: Shape,
    ) -> Option<Table<'a>> {
        let state = State(self.state.load(Ordering::Relaxed)).next(shape);
        let table = self.at(state, ground);
        for plot in table.plots() {
            let place = register.take(ground, shape.order.into())?;
            plot.store(place.to_bits(), Ordering::Release);
        }
        Some(table)
    }

    /// Has readers use the next table from now on.
    pub(super) fn turn(&self, shape: Shape) {
        let state = State(self.state.load(Ordering::Relaxed));
        self.state.store(state.next(shape).0, Ordering::Release);
    }
}

impl Table<'_> {
    /// Gives its plots back. Nobody may be sent here any more.
    pub(super) fn leave(self, register: &mut Register) {
        for plot in self.plots() {
            let place = Place::from_bits(plot.load(Ordering::Relaxed));
            register.give(place, self.shape().order.into());
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_table_never_grows_by_more_than_a_twelfth() {
        for groups in 1..20_000 {
            let got = Shape::of(groups).groups();
            assert!(got >= groups && got - groups <= groups / 12, "{groups}: {got}");
        }
        assert_eq!(Shape::of(0).groups(), 0);
    }

    #[test]
    fn states_tell_shapes_and_take_turns() {
        let mut state = State(0);
        for groups in [0, 1, 24, 25, 1_000_000] {
            let next = state.next(Shape::of(groups));
            assert_eq!(next.shape(), Shape::of(groups));
            assert_ne!(next.map(), state.map());
            state = next;
        }
    }
}

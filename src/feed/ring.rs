//! What was published lately, once for all subscribers. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use super::item::Item;

/// Items under consecutive numbers; the oldest leave when there are too many bytes.
#[derive(Debug)]
pub(super) struct Ring {
    items: VecDeque<Arc<Item>>,
    /// The number of the oldest.
    first: u64,
    bytes: usize,
    most: usize,
}

/// What stands under a number.
#[derive(Debug)]
pub(super) enum Found {
    Item(Arc<Item>),
    /// It was published and is gone.
    Gone,
    /// It comes later.
    NotYet,
}

impl Ring {
    pub(super) const fn new(most: usize) -> Self {
        Self { items: VecDeque::new(), first: 0, bytes: 0, most }
    }

    /// The number of the next item.
    pub(super) fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    pub(super) fn push(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.items.push_back(Arc::new(item));
        // The newest stays, however large: nobody could ever have it otherwise.
        while self.bytes > self.most && self.items.len() > 1 {
            self.drop_oldest();
        }
    }

    pub(super) fn find(&self, number: u64) -> Found {
        let Some(behind) = number.checked_sub(self.first) else { return Found::Gone };
        let item = usize::try_from(behind).ok().and_then(|behind| self.items.get(behind));
        item.map_or(Found::NotYet, |item| Found::Item(Arc::clone(item)))
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops everything. The numbers count on.
    pub(super) fn clear(&mut self) {
        while !self.items.is_empty() {
            self.drop_oldest();
        }
        self.items.shrink_to_fit();
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.items.pop_front() {
            self.bytes -= oldest.bytes();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::What;
    use super::*;

    fn item(seq: u64) -> Item {
        Item { previous: seq - 1, seq, what: What::TooLarge }
    }

    fn seq(ring: &Ring, number: u64) -> Option<u64> {
        match ring.find(number) {
            Found::Item(item) => Some(item.seq),
            Found::Gone | Found::NotYet => None,
        }
    }

    #[test]
    fn the_oldest_leave_and_the_numbers_stay() {
        let mut ring = Ring::new(3 * item(1).bytes());
        (1..=5).for_each(|seq| ring.push(item(seq)));
        assert_eq!(ring.end(), 5);
        assert!(matches!(ring.find(1), Found::Gone));
        assert_eq!((2..5).map(|n| seq(&ring, n)).collect::<Vec<_>>(), [Some(3), Some(4), Some(5)]);
        assert!(matches!(ring.find(5), Found::NotYet));
        ring.clear();
        assert_eq!((ring.end(), ring.bytes), (5, 0));
        assert!(matches!(ring.find(4), Found::Gone));
        ring.push(item(6));
        assert_eq!(seq(&ring, 5), Some(6));
    }

    #[test]
    fn the_newest_stays_however_large() {
        let mut ring = Ring::new(0);
        ring.push(item(1));
        assert_eq!(seq(&ring, 0), Some(1));
        ring.push(item(2));
        assert_eq!((seq(&ring, 0), seq(&ring, 1)), (None, Some(2)));
    }
}

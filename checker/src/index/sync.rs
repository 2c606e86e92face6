//! What the index synchronises with: the real thing, or under `--cfg loom` a stand-in whose every
//! interleaving a model can try.

#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
#[cfg(not(loom))]
pub(super) use std::sync::{Mutex, MutexGuard};

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering, fence};
#[cfg(loom)]
pub(super) use loom::sync::{Mutex, MutexGuard};
#[cfg(loom)]
pub(super) use turns::AtomicU64;

#[cfg(loom)]
mod turns {
    use super::{AtomicUsize, Ordering};

    loom::lazy_static! {
        static ref TURN: AtomicUsize = AtomicUsize::new(0);
    }

    /// Loom only remembers who was last at an atomic. Where a writer loads what it will store, it
    /// forgets the reader who loaded before, and does not try the other order. So everybody takes
    /// a turn before; `Relaxed`, so that this orders nothing else.
    #[derive(Debug, Default)]
    pub(in super::super) struct AtomicU64(loom::sync::atomic::AtomicU64);

    impl AtomicU64 {
        pub(in super::super) fn new(value: u64) -> Self {
            Self(loom::sync::atomic::AtomicU64::new(value))
        }

        pub(in super::super) fn load(&self, ordering: Ordering) -> u64 {
            TURN.fetch_add(1, Ordering::Relaxed);
            self.0.load(ordering)
        }

        pub(in super::super) fn store(&self, value: u64, ordering: Ordering) {
            TURN.fetch_add(1, Ordering::Relaxed);
            self.0.store(value, ordering);
        }
    }
}

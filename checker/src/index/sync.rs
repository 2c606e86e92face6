//! What the index synchronises with: the real thing, or under `--cfg loom` a stand-in whose every
//! interleaving a model can try.

#[cfg(not(loom))]
pub(super) use arc_swap::ArcSwap;
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(loom))]
pub(super) use std::sync::{Mutex, MutexGuard};

/// What a load gives: the value, kept alive. No count is written to where other readers look.
#[cfg(not(loom))]
pub(super) type Guard<T> = arc_swap::Guard<std::sync::Arc<T>>;

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(loom)]
pub(super) use loom::sync::{Mutex, MutexGuard};
#[cfg(loom)]
pub(super) use stand_in::{ArcSwap, Guard};

#[cfg(loom)]
mod stand_in {
    use std::sync::{Arc, PoisonError};

    use loom::sync::RwLock;

    /// An `ArcSwap` as its contract has it: loads and stores happen at one moment each.
    #[derive(Debug)]
    pub(in super::super) struct ArcSwap<T>(RwLock<Arc<T>>);

    pub(in super::super) type Guard<T> = Arc<T>;

    impl<T> ArcSwap<T> {
        pub(in super::super) fn from_pointee(value: T) -> Self {
            Self(RwLock::new(Arc::new(value)))
        }

        pub(in super::super) fn load(&self) -> Guard<T> {
            Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
        }

        pub(in super::super) fn swap(&self, value: Arc<T>) -> Arc<T> {
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *known, value)
        }
    }
}

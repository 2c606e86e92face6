//! Values that may be used once.

use super::Source;

/// Which values were used, and where.
pub(super) struct Unique<T>(Vec<(T, Source)>);

impl<T: PartialEq + Clone> Unique<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// The place of the earlier use, if there is one.
    pub(super) fn insert(&mut self, value: &T, source: Source) -> Option<Source> {
        let first = self.0.iter().find(|(used, _)| used == value).map(|(_, first)| first.clone());
        if first.is_none() {
            self.0.push((value.clone(), source));
        }
        first
    }
}

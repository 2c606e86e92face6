//! The index from outside.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

// Random histories against a model of thirty lines.
mod histories;
// Real threads.
mod threads;

//! The index from outside.

// Random histories against a model of thirty lines.
mod histories;
// Real threads.
mod threads;

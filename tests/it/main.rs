//! Tests from outside: the real binary, real sockets, real files.
//!
//! One binary, so that it links once. A test waits for conditions, never for time to pass; every
//! server binds to loopback on a free port, works in a temporary folder and is ended by its pid.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy.toml allows them in tests, but not in the functions beside them"
)]

/// Starts services and plays a provider.
mod harness;

/// Every token of `tests/vectors`, label for label.
mod vectors;

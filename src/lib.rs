//! signout ends access tokens when a login ends.
//!
//! The service behind the binary `signout`, as a library so that tests and benches reach its rooms.
//! What APIs embed is the crate `signout-checker`. ARCHITECTURE.md has the map.

pub mod access_token;
pub mod application;
pub mod bearer;
pub mod clock;
pub mod demo;
pub mod feed;
pub mod forwarder;
pub mod http;
pub mod jose;
pub mod journal;
pub mod logout_token;
pub mod notify;
pub mod provider;
pub mod redis;
pub mod replay;
pub mod replicator;
pub mod revoker;
pub mod sessions;
pub mod settings;
pub mod telemetry;

//! Real `redis-server` processes: one alone, with replicas, with sentinels, as a cluster.
//!
//! Each listens on loopback on a free port, works in a temporary folder, and is killed by its pid
//! when its owner goes away. The harness itself talks to it through a unix socket in that folder,
//! so that neither TLS nor a stranger on the port can come between them.

mod cluster;
mod replication;
mod resp;
mod sentinel;
mod server;
mod tls;

pub(crate) use cluster::Cluster;
pub(crate) use replication::Replicated;
pub(crate) use sentinel::Sentinels;
pub(crate) use server::{Dump, RedisServer};

#[cfg(test)]
mod tests;

//! Real `redis-server` processes: one alone, with replicas, with sentinels, as a cluster.
//!
//! Each listens on loopback on a free port, works in a temporary folder, and is killed by its pid
//! when its owner goes away. The harness itself talks to it through a unix socket in that folder,
//! so that neither TLS nor a stranger on the port can come between them.

mod ports;
mod resp;
mod server;

pub(crate) use server::RedisServer;

#[cfg(test)]
mod tests;

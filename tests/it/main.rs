//! Tests from outside: the real binary, real sockets, real files.
//!
//! One binary, so that it links once. A test waits for conditions, never for time to pass; every
//! server binds to loopback on a free port, works in a temporary folder and is ended by its pid.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy.toml allows them in tests, but not in the functions beside them"
)]

/// Starts services and plays a provider.
mod harness;

/// The rules of the house that no compiler knows: who may name what.
mod architecture;
/// What a provider may post and what it is answered (bcl_*, conf_*).
mod backchannel;
/// APIs that embed the checker: what they answer, and how soon.
mod checker;
/// The commands, as a person or a script runs them.
mod cli;
/// The image, compose and Kubernetes, held against their schemas.
mod containers;
/// What a full disk or a broken journal does to the answers (I15).
mod disk;
/// What is told to those who follow, and the snapshot they begin with.
mod feed;
/// What reverse proxies are told about a request (jwt_9 to jwt_12).
mod forward_auth;
/// kill -9, over and over, under load, with the oracle outside (I1, I2).
mod kill;
/// Metrics, rules, alerts and the dashboard.
mod monitoring;
/// Whatever happens to Redis, to the network and to the instances (I2, I3, I5, I8, I11).
mod nemesis;
/// What OAuth clients, resource servers and front channels ask (rev_*, intro_*, fcl_*).
mod oauth;
/// A real provider, from sign-in to refusal.
mod oidc_provider;
/// openapi.yaml, the routes and what they really answer.
mod openapi;
/// nginx, Caddy, HAProxy, Traefik and Envoy, as `deploy/` configures them.
mod proxies;
/// Other languages ask the shared denylist without us.
mod redis_clients;
/// The acts on Redis, each against real servers of each kind.
mod redis_room;
/// Several instances that share a Redis.
mod sharing;
/// The unit for systemd, and the way to tell systemd.
mod systemd;
/// The JSON routes: registering, asking, revoking, and who may.
mod tokens;
/// Every token of `tests/vectors`, label for label.
mod vectors;

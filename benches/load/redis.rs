//! Instances that share a Redis: what sharing costs, and how soon one knows what another took.

mod callback;
mod drain;
mod entries;
mod instance;
mod load;
mod memory;
mod propagation;
mod server;
mod subject;

pub(crate) use callback::run as callback;
pub(crate) use drain::run as drain;
pub(crate) use load::run as load;
pub(crate) use memory::run as memory;
pub(crate) use propagation::run as propagation;
pub(crate) use subject::run as subject;

use std::time::Duration;

use crate::service::Service;
use server::RedisServer;

/// What the settings say about one Redis.
fn settings(redis: &RedisServer, prefix: &str, direct_keys: bool) -> String {
    format!(
        "\n[redis]\nurls = [\"{}\"]\nkey_prefix = {prefix:?}\ndirect_keys = {direct_keys}\n",
        redis.url()
    )
}

/// Waits until the instance shares what it takes.
fn shares(service: &Service) {
    while !service.operators("/readyz?verbose").contains("redis: sharing") {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until everything that the instance took is in Redis. The gauge is set twice a second.
fn settled(service: &Service) {
    std::thread::sleep(Duration::from_millis(600));
    while service.metric("signout_replication_pending") > 0.0 {
        std::thread::sleep(Duration::from_millis(50));
    }
}

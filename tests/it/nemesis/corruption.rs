//! Bytes that change on the way, behind everything that the network checks.

use super::super::harness::proxy::{Direction, Fault};
use super::super::harness::redis::RedisServer;
use super::super::harness::until;
use super::group::Group;

/// A logout is a request of some 900 bytes, and one of its bytes after the other is changed.
const BYTES: usize = 1_000;
const STEP: usize = 13;

/// Whatever byte of what an instance writes changes: what it acknowledged comes to be refused by all,
/// and nothing has to be restarted for that.
#[tokio::test]
async fn i2_a_byte_that_changes_on_its_way_to_redis_loses_nothing() {
    every_byte(Direction::ToServer, 0).await;
}

/// The same for what another instance reads.
#[tokio::test]
async fn i2_a_byte_that_changes_on_its_way_from_redis_loses_nothing() {
    every_byte(Direction::ToClient, 1).await;
}

async fn every_byte(direction: Direction, at: usize) {
    let redis = RedisServer::start();
    let mut group = Group::start(2, &redis, "").await;
    let offsets = (0..BYTES).step_by(STEP);
    for offset in offsets.clone() {
        group.network[at].set(direction, Fault::CorruptAt(offset));
        group.log_out(0, &format!("s{offset}")).await;
        // Else the next one would go with it.
        until("it is on its way", async || {
            group.pending(0).await == 0.0 || group.health(0).await.contains("redis: apart")
        })
        .await;
        group.network[at].pass();
    }
    group.all_share().await;
    for offset in offsets.clone() {
        group.all_refuse("sid", &format!("s{offset}")).await;
    }
    let newcomer = group.join();
    for offset in offsets {
        group.comes_to_refuse(newcomer, "sid", &format!("s{offset}")).await;
    }
}

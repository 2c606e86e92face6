//! Bytes that change on the way, behind everything that the network checks.

use std::ops::Range;

use super::super::harness::proxy::{Direction, Fault};
use super::super::harness::redis::RedisServer;
use super::group::Group;

/// Where a logout's digest is on its way, by either direction, and some of what is around it. No part
/// of an entry that is not protected is as short as a step.
const BYTES: Range<usize> = 60..300;
const STEP: usize = 6;

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
    let group = Group::start(2, &redis, "").await;
    for offset in BYTES.step_by(STEP) {
        group.network[at].set(direction, Fault::CorruptAt(offset));
        let sid = format!("s{offset}");
        group.log_out(0, &sid).await;
        group.comes_to_refuse(1, "sid", &sid).await;
        group.network[at].pass();
        group.all_share().await;
    }
}

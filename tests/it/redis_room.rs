//! Every act of the room, against real servers.

/// What the denylist keys say, in whatever order it was said.
mod denylist;
/// Errors, by what an operator has to do.
mod faults;
/// Head and log.
mod log;
/// Looking at the server, and what it costs.
mod probe;
/// Registered tokens.
mod tables;
/// TLS, replicas, sentinels and a cluster.
mod topologies;

use std::time::Duration;

use signout::redis::{
    Act, Address, Append, Config, DirectKeys, Epoch, Fault, Founding, Head, KeyPrefix, Link,
    LinkId, Login, Redis, RedisError, Table, Topology,
};
use signout::sessions::SharedToken;
use signout_checker::{
    Change, Digest, DigestKey, IssuedBefore, KeyName, Reach, Reason, TargetKind, Timestamp,
};

use crate::harness::now;
use crate::harness::redis::RedisServer;

const FIRST: Epoch = Epoch::from_bits(0x0123_4567_89ab_cdef);
const SECOND: Epoch = Epoch::from_bits(2);

/// Where a server is, without the password that its URL may have.
fn address(url: &str) -> Address {
    let (scheme, rest) = url.split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    Address::parse(&format!("{scheme}://{host}")).unwrap()
}

fn addresses(urls: &[String]) -> Vec<Address> {
    urls.iter().map(|url| address(url)).collect()
}

/// Patient with everything but what a test sets otherwise.
fn config(topology: Topology) -> Config {
    Config {
        topology,
        login: Login::default(),
        ca_file: None,
        prefix: KeyPrefix::default(),
        direct_keys: DirectKeys::Write,
        connect_timeout: Duration::from_secs(20),
        response_timeout: Duration::from_secs(20),
    }
}

fn single(server: &RedisServer) -> Config {
    config(Topology::Single(address(&server.url())))
}

async fn connect(config: &Config) -> Link {
    Redis::new(config).unwrap().connect().await.unwrap()
}

/// A server, a log that has begun, and a link.
async fn founded() -> (RedisServer, Link) {
    let server = RedisServer::start();
    let mut link = connect(&single(&server)).await;
    assert_eq!(found(&mut link, FIRST).await.epoch, FIRST);
    (server, link)
}

async fn found(link: &mut Link, epoch: Epoch) -> Head {
    let key = DigestKey::from_bytes([0xa5; 16]);
    link.found(&Founding { key, epoch }).await.unwrap()
}

fn link_id(n: u8) -> LinkId {
    LinkId::from_bytes([n, 0xff, b'\r', b'\n', 0, 1, 2, 3])
}

/// One that ends in an hour.
fn change(n: u8) -> Change {
    Change {
        target: Digest::from_bytes([n; 16]),
        name: None,
        kind: TargetKind::Token,
        issued_before: IssuedBefore::EVERYTHING,
        reach: Reach::ALL,
        retain_until: Timestamp::from_secs(now() + 3_600),
        reason: Reason::BackchannelLogout,
        revoked_at: Timestamp::from_secs(now()),
    }
}

fn named(n: u8) -> Change {
    change(n).named(KeyName::from_bytes([n; 16]))
}

/// Appends one entry of one change.
async fn append(link: &mut Link, epoch: Epoch, n: u8) -> Result<u64, RedisError> {
    let changes = [named(n)];
    link.append(epoch, &[Append { link: link_id(n), changes: &changes }]).await
}

/// The tokens of each table.
async fn listed(link: &mut Link, tables: &[Table]) -> Result<Vec<Vec<SharedToken>>, RedisError> {
    let (_, listed) = link.append_and_read(FIRST, &[], tables).await?;
    Ok(listed)
}

#[track_caller]
fn fault<T: std::fmt::Debug>(done: Result<T, RedisError>, act: Act) -> Fault {
    let error = done.unwrap_err();
    assert_eq!(error.act, act, "{error}");
    error.fault
}

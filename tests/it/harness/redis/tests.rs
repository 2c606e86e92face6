//! The fixtures answer, and do to a server what they say.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use super::super::{PATIENCE, install_cryptography};
use super::*;

#[test]
fn a_server_forgets_unless_it_is_told_to_keep() {
    let mut forgets = RedisServer::start();
    assert_eq!(forgets.url(), format!("redis://127.0.0.1:{}", forgets.port()));
    assert_eq!(forgets.cli(&["SET", "k", "v"]), "OK");
    let (pid, port) = (forgets.pid(), forgets.port());
    forgets.restart();
    assert_eq!((forgets.cli(&["GET", "k"]).as_str(), forgets.port()), ("(nil)", port));
    assert_ne!(forgets.pid(), pid);

    let mut keeps = RedisServer::start_with(&[("appendonly", "yes"), ("appendfsync", "always")]);
    keeps.cli(&["RPUSH", "k", "a", "b"]);
    keeps.restart();
    assert_eq!(keeps.cli(&["LRANGE", "k", "0", "-1"]), "a\nb");
    keeps.restart_empty();
    assert_eq!(keeps.cli(&["EXISTS", "k"]), "0");
}

#[test]
fn an_older_dump_and_a_flush_undo_what_was_written() {
    let mut redis = RedisServer::start();
    redis.cli(&["SET", "old", "1"]);
    let dump = redis.copy_dump();
    redis.cli(&["SET", "new", "1"]);
    redis.restore_dump(&dump);
    assert_eq!(redis.cli(&["KEYS", "*"]), "old");
    redis.flushall();
    assert_eq!(redis.cli(&["DBSIZE"]), "0");
}

#[test]
fn a_killed_server_is_gone_and_a_stopped_one_waits() {
    let mut redis = RedisServer::start();
    let mut asking = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port())).unwrap();
    redis.stop();
    asking.write_all(b"PING\r\n").unwrap();
    asking.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut answer = [0; 7];
    assert_eq!(asking.read(&mut answer).unwrap_err().kind(), ErrorKind::WouldBlock);
    redis.cont();
    asking.set_read_timeout(Some(PATIENCE)).unwrap();
    asking.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
    redis.kill();
    redis.kill();
    assert!(redis.try_cli(&["PING"]).is_err());
    redis.restart();
    redis.config_set("maxmemory", "1");
    assert!(redis.try_cli(&["SET", "k", "v"]).unwrap_err().starts_with("OOM"));
}

#[test]
fn passwords_and_users_hold_also_after_a_restart() {
    let mut redis = RedisServer::start_with(&[("requirepass", "secret")]);
    assert_eq!(redis.url(), format!("redis://:secret@127.0.0.1:{}", redis.port()));
    assert!(redis.try_cli_as("default", "wrong", &["PING"]).is_err());
    redis.add_user("orders", "pw", "app:", &["get", "@connection"]);
    for _ in 0..2 {
        redis.cli(&["SET", "app:k", "v"]);
        let ask = |command: &[&str]| redis.try_cli_as("orders", "pw", command);
        assert_eq!(ask(&["GET", "app:k"]).unwrap(), "v");
        assert!(ask(&["GET", "other:k"]).unwrap_err().starts_with("NOPERM"));
        assert!(ask(&["SET", "app:k", "w"]).unwrap_err().starts_with("NOPERM"));
        redis.restart();
    }
    assert_eq!(redis.url_as("orders", "pw"), redis.url().replace(":secret", "orders:pw"));
}

#[test]
#[should_panic(expected = "Bad directive")]
fn a_server_that_does_not_start_shows_its_log() {
    RedisServer::start_with(&[("no-such-directive", "1")]);
}

/// PING over TLS, trusting this authority alone.
async fn ping(redis: &RedisServer, ca_file: &Path) -> io::Result<[u8; 7]> {
    install_cryptography();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port())).await?;
    let name = "127.0.0.1".try_into().unwrap();
    let mut stream = connector.connect(name, stream).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_server_with_tls_is_trusted_by_its_ca_file_only() {
    let (redis, other) = (RedisServer::start_tls(&[]), RedisServer::start_tls(&[]));
    assert_eq!(redis.url(), format!("rediss://127.0.0.1:{}", redis.port()));
    assert_eq!(&ping(&redis, &redis.ca_file()).await.unwrap(), b"+PONG\r\n");
    ping(&redis, &other.ca_file()).await.unwrap_err();
}

#[tokio::test]
async fn a_promoted_replica_has_what_reached_it() {
    let mut group = Replicated::start(2).await;
    group.master.cli(&["SET", "k", "1"]);
    group.in_sync().await;
    group.promote(0);
    // The old master takes a write, acknowledges it, and dies with it.
    assert_eq!(group.replicas[0].cli(&["SET", "k", "2"]), "OK");
    group.replicas[0].kill();
    assert_eq!(group.master.cli(&["GET", "k"]), "1");
    group.replicas[0].restart();
    group.rejoin().await;
    assert_eq!(group.replicas[0].cli(&["GET", "k"]), "1");
    assert_eq!(group.master.info("connected_slaves"), "2");
}

#[tokio::test]
async fn sentinels_replace_a_killed_master() {
    let mut group = Sentinels::start().await;
    assert_eq!(group.urls().len(), 3);
    let old = group.master().await.port();
    group.kill_master().await;
    let new = group.await_failover().await;
    assert_eq!(new.cli(&["SET", "k", "v"]), "OK");
    assert_ne!(new.port(), old);
    assert_eq!(group.servers.len(), 3);
}

#[tokio::test]
async fn a_cluster_replaces_a_killed_master() {
    let mut cluster = Cluster::start().await;
    assert_eq!(cluster.urls().len(), 6);
    let old = cluster.master_of("k");
    assert_eq!(cluster.nodes[old].cli(&["SET", "k", "v"]), "OK");
    cluster.await_ok().await;
    cluster.kill(old);
    cluster.await_ok().await;
    let new = cluster.master_of("k");
    assert_ne!(new, old);
    assert_eq!(cluster.nodes[new].cli(&["GET", "k"]), "v");
    cluster.nodes[old].restart();
    cluster.await_ok().await;
    assert_eq!(cluster.nodes[old].info("role"), "slave");
}

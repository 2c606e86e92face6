use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use signout::redis::{
    Act, Append, ConfigError, Foreign, InstanceId, Password, Permission, Redis, Table,
};

use super::tables::token;
use super::*;
use crate::harness::proxy::Proxy;
use crate::harness::redis::Replicated;
use crate::harness::until;

const ME: InstanceId = InstanceId::from_bits(7);

/// As short as the README says; what may not be there is made clear below.
const SHORT: Duration = Duration::from_millis(200);

fn no_permission(what: Permission) -> Fault {
    Fault::NoPermission { what }
}

/// Something else under each of our names.
#[tokio::test]
async fn another_type_of_value_is_told() {
    let table = format!("signout:s:{{{}}}", "01".repeat(16));
    // The head itself.
    let server = RedisServer::start();
    server.cli(&["SET", "{signout}:head", "x"]);
    let config = single(&server);
    let key = DigestKey::from_bytes([1; 16]);
    let founding = Founding { key, epoch: FIRST };
    for act in [Act::Head, Act::Found, Act::Renew, Act::Append, Act::Trim, Act::Probe] {
        let mut link = connect(&config).await;
        let failed = match act {
            Act::Head => fault(link.head().await, act),
            Act::Found => fault(link.found(&founding).await, act),
            Act::Renew => fault(link.renew(FIRST, SECOND, signout::redis::Log::Keep).await, act),
            Act::Append => fault(append(&mut link, FIRST, 1).await, act),
            Act::Trim => fault(link.trim(FIRST, 2).await, act),
            _ => fault(link.probe(ME).await, act),
        };
        assert_eq!(failed, Fault::WrongType, "{act}");
    }
    // The log, with and without a head.
    let server = RedisServer::start();
    server.cli(&["SET", "{signout}:log", "x"]);
    let config = single(&server);
    let mut link = connect(&config).await;
    assert_eq!(fault(link.found(&founding).await, Act::Found), Fault::WrongType);
    assert_eq!(server.cli(&["KEYS", "*"]), "{signout}:log");
    server.cli(&["DEL", "{signout}:log"]);
    let mut link = connect(&config).await;
    found(&mut link, FIRST).await;
    server.cli(&["SET", "{signout}:log", "x"]);
    let before = server.cli(&["HGETALL", "{signout}:head"]);
    for act in [Act::Append, Act::Read, Act::Range, Act::Renew, Act::Probe] {
        let mut link = connect(&config).await;
        let failed = match act {
            Act::Append => fault(append(&mut link, FIRST, 1).await, act),
            Act::Read => fault(link.read(0, Duration::ZERO, 1).await, act),
            Act::Range => fault(link.range(1, 1).await, act),
            Act::Renew => fault(link.renew(FIRST, SECOND, signout::redis::Log::Replace).await, act),
            _ => fault(link.probe(ME).await, act),
        };
        assert_eq!(failed, Fault::WrongType, "{act}");
    }
    assert_eq!(server.cli(&["HGETALL", "{signout}:head"]), before);
    assert_eq!(server.cli(&["DBSIZE"]), "3", "head, log and canary");
    // A table.
    server.cli(&["SET", &table, "x"]);
    let session = Table::Session(Digest::from_bytes([1; 16]));
    for act in [Act::Register, Act::Append] {
        let mut link = connect(&config).await;
        let failed = match act {
            Act::Register => fault(link.register(&[token(1, 100)]).await, act),
            _ => fault(listed(&mut link, &[session]).await, act),
        };
        assert_eq!(failed, Fault::WrongType, "{act}");
    }
}

#[tokio::test]
async fn a_full_server_refuses_and_forgets_nothing() {
    let (server, mut link) = founded().await;
    append(&mut link, FIRST, 1).await.unwrap();
    let config = single(&server);
    server.config_set("maxmemory", "1");
    let full = || Fault::OutOfMemory;
    assert_eq!(fault(append(&mut link, FIRST, 2).await, Act::Append), full());
    let mut link = connect(&config).await;
    assert_eq!(fault(link.register(&[token(1, 100)]).await, Act::Register), full());
    let mut link = connect(&config).await;
    assert_eq!(fault(link.deny(&[named(3)]).await, Act::Deny), full());
    let mut link = connect(&config).await;
    let replaced = link.renew(FIRST, SECOND, signout::redis::Log::Replace).await;
    assert_eq!(fault(replaced, Act::Renew), full());

    server.config_set("maxmemory", "0");
    let mut link = connect(&config).await;
    let head = link.head().await.unwrap().unwrap();
    assert_eq!((head.epoch, head.seq, head.link), (FIRST, 1, link_id(1)));
    assert_eq!(link.range(1, 10).await.unwrap().len(), 1);
    assert_eq!(append(&mut link, FIRST, 2).await, Ok(2));
}

#[tokio::test]
async fn a_replica_takes_no_writes() {
    let group = Replicated::start(1).await;
    let mut master = connect(&single(&group.master)).await;
    found(&mut master, FIRST).await;
    group.in_sync().await;
    let config = single(&group.replicas[0]);
    let mut link = connect(&config).await;
    assert_eq!(link.head().await.unwrap().unwrap().epoch, FIRST);
    assert_eq!(fault(append(&mut link, FIRST, 1).await, Act::Append), Fault::ReadOnly);
    let mut link = connect(&config).await;
    assert_eq!(fault(link.register(&[token(1, 100)]).await, Act::Register), Fault::ReadOnly);
    let seen = connect(&config).await.probe(ME).await.unwrap();
    assert_eq!(fault(seen.canary, Act::Probe), Fault::ReadOnly);
    assert_eq!(seen.server.unwrap().role, Some(signout::redis::Role::Replica));

    // A reader that waits on a master is told when it becomes a replica.
    let mut reader = connect(&single(&group.master)).await;
    let reading = tokio::spawn(async move { reader.read(0, Duration::from_secs(20), 1).await });
    until("the reader waits", async || group.master.info("blocked_clients") == "1").await;
    let port = group.replicas[0].port().to_string();
    group.replicas[0].cli(&["REPLICAOF", "NO", "ONE"]);
    group.master.cli(&["REPLICAOF", "127.0.0.1", &port]);
    assert_eq!(fault(reading.await.unwrap(), Act::Read), Fault::ReadOnly);
}

#[tokio::test]
async fn too_few_replicas_are_told() {
    let (server, mut link) = founded().await;
    server.config_set("min-replicas-to-write", "1");
    assert_eq!(fault(append(&mut link, FIRST, 1).await, Act::Append), Fault::TooFewReplicas);
}

#[tokio::test]
async fn who_does_not_know_the_password_is_refused() {
    let server = RedisServer::start_with(&[("requirepass", "right")]);
    let with = |username: Option<&str>, password: Option<&str>| {
        let mut config = single(&server);
        config.login.username = username.map(Into::into);
        config.login.password = password.map(|password| Password::new(password.as_bytes()));
        config
    };
    let connecting =
        |config: Config| async move { Redis::new(&config).unwrap().connect().await.map(drop) };
    for (username, password) in
        [(None, Some("wrong")), (Some("default"), Some("wrong")), (Some("nobody"), Some("right"))]
    {
        let refused = connecting(with(username, password)).await;
        assert_eq!(fault(refused, Act::Connect), Fault::Authentication, "{username:?}");
    }
    // Without a password a server lets anybody in, and then refuses everything.
    let mut link = connect(&with(None, None)).await;
    assert_eq!(fault(link.head().await, Act::Head), Fault::Authentication);
    let mut link = connect(&with(Some("default"), Some("right"))).await;
    assert_eq!(link.head().await, Ok(None));
}

/// The least that a user needs, for all acts. docs/redis.md has the same.
pub(super) const RULES: [&str; 5] = [
    "~{signout}:*",
    "~signout:*",
    "-@all",
    "+eval +evalsha +hmget +hget +hset +hdel +hgetall +hrandfield +xadd +xlen +xread +xrange \
     +xrevrange +xtrim +set +get +exists +unlink +type +pttl +pexpireat +time +ping +unwatch \
     +wait",
    "+info",
];

fn server_with_user(rules: &[&str]) -> (RedisServer, Config) {
    let server = RedisServer::start();
    let rules = rules.iter().flat_map(|rule| rule.split(' ')).filter(|rule| !rule.is_empty());
    let rules: Vec<_> =
        ["ACL", "SETUSER", "signout", "on", ">pw"].into_iter().chain(rules).collect();
    server.cli(&rules);
    let mut config = single(&server);
    config.login.username = Some("signout".into());
    config.login.password = Some(Password::new(*b"pw"));
    (server, config)
}

/// All acts there are, on one link.
pub(super) async fn everything(redis: &Redis) -> Result<(), RedisError> {
    let mut link = redis.connect().await?;
    link.head().await?;
    let key = DigestKey::from_bytes([1; 16]);
    link.found(&Founding { key, epoch: FIRST }).await?;
    link.register(&[token(1, 100), token(2, 100)]).await?;
    // One that is over is swept out when others come.
    let over = SharedToken { retain_until: Timestamp::from_secs(now() - 9_000), ..token(3, 0) };
    link.register(&[over]).await?;
    link.register(&[token(1, 200)]).await?;
    link.register(&[token(1, 200)]).await?;
    let changes = [named(1), named(1)];
    let append = [1, 2].map(|n| Append { link: link_id(n), changes: &changes });
    let table = Table::Subject(Digest::from_bytes([2; 16]));
    link.append_and_read(FIRST, &append, &[table]).await?;
    link.read(0, Duration::ZERO, 1).await?;
    link.read(2, Duration::from_millis(1), 1).await?;
    link.range(1, 10).await?;
    link.trim(FIRST, 2).await?;
    link.wait(0, Duration::ZERO).await?;
    link.missing(&[KeyName::from_bytes([1; 16])]).await?;
    link.deny(&changes).await?;
    let seen = link.probe(ME).await?;
    seen.canary?;
    let unseen = RedisError { act: Act::Probe, fault: no_permission(Permission::Unnamed) };
    seen.log.ok_or(unseen)?;
    link.meet(ME, Some(FIRST)).await?;
    link.renew(FIRST, SECOND, signout::redis::Log::Replace).await?;
    // From the pool.
    drop(link);
    redis.connect().await?.head().await?;
    Ok(())
}

#[test]
fn the_documentation_has_the_same_rules() {
    let page = include_str!("../../../docs/redis.md");
    let (_, rules) = page.split_once("ACL SETUSER signout on >password ").unwrap();
    let (rules, _) = rules.split_once("```").unwrap();
    let words = |rules: &str| rules.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(rules), words(&RULES.join(" ")));
}

#[tokio::test]
async fn i17_a_user_needs_these_commands_and_no_others() {
    let (server, config) = server_with_user(&RULES);
    let redis = Redis::new(&config).unwrap();
    everything(&redis).await.unwrap();
    // One connection was enough: the pool's greeting was allowed.
    assert_eq!(server.cli(&["ACL", "LOG"]), "");
    assert_eq!(server.info("connected_clients"), "2", "the harness has one");
    drop(redis);

    for command in RULES[3].split_whitespace() {
        // Without the pool's greeting every link has a new connection, which does no harm.
        if ["+ping", "+unwatch"].contains(&command) {
            continue;
        }
        let without = RULES[3].split_whitespace().filter(|other| *other != command);
        let without = without.collect::<Vec<_>>().join(" ");
        let (_server, config) = server_with_user(&[RULES[0], RULES[1], RULES[2], &without]);
        let redis = Redis::new(&config).unwrap();
        let missing = match everything(&redis).await {
            Ok(()) => panic!("{command} is not needed"),
            Err(error) => error,
        };
        let name = command.trim_start_matches('+');
        let told = no_permission(Permission::Command(name.into()));
        // Redis 7.0 does not name the command if it was a script that called it.
        let untold = no_permission(Permission::Unnamed);
        assert!([told, untold].contains(&missing.fault), "{command}: {missing}");
    }
}

/// `INFO` and `TIME` tell about a server that others may use as well.
#[tokio::test]
async fn what_a_user_may_not_see_is_absent() {
    let (_server, config) = server_with_user(&[RULES[0], RULES[2], "+hmget +get +set"]);
    let seen = connect(&config).await.probe(ME).await.unwrap();
    assert_eq!((seen.head, seen.log, seen.server, seen.time), (None, None, None, None));
    assert!(seen.canary.is_ok());

    let (_server, config) = server_with_user(&["~elsewhere:*", "+@all"]);
    let refused = connect(&config).await.head().await;
    assert_eq!(fault(refused, Act::Head), no_permission(Permission::Keys));
}

#[tokio::test]
async fn who_is_not_there_is_told() {
    let mut server = RedisServer::start();
    let config = single(&server);
    let mut link = connect(&config).await;
    server.kill();
    let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
    let broken = fault(link.head().await, Act::Head);
    assert!(kinds.map(|kind| Fault::Disconnected { kind }).contains(&broken), "{broken:?}");
    let refused = Redis::new(&config).unwrap().connect().await.map(drop);
    let address: Box<str> = server.url().into();
    let kind = io::ErrorKind::ConnectionRefused;
    assert_eq!(fault(refused, Act::Connect), Fault::Unreachable { address, kind });

    let nowhere = Address::parse("redis://nowhere.invalid:6379").unwrap();
    let refused = Redis::new(&super::config(Topology::Single(nowhere))).unwrap().connect().await;
    let address = "redis://nowhere.invalid:6379".into();
    assert_eq!(fault(refused.map(drop), Act::Connect), Fault::Unresolved { address });
}

/// A link goes back to the pool only while nothing went wrong on it.
#[tokio::test]
async fn a_link_that_failed_is_not_used_again() {
    let server = RedisServer::start();
    let redis = Redis::new(&single(&server)).unwrap();
    let clients = || -> u32 { server.info("total_connections_received").parse().unwrap() };
    let before = clients();
    for _ in 0..3 {
        redis.connect().await.unwrap().head().await.unwrap();
    }
    // Each look at the statistics takes a connection of its own.
    assert_eq!(clients() - before, 1 + 1);
    server.cli(&["SET", "{signout}:head", "x"]);
    let mut link = redis.connect().await.unwrap();
    link.head().await.unwrap_err();
    link.range(1, 1).await.unwrap();
    drop(link);
    let before = clients();
    redis.connect().await.unwrap().head().await.unwrap_err();
    assert_eq!(clients() - before, 1 + 1);

    // Nor one on which something was still under way.
    let mut link = redis.connect().await.unwrap();
    let reading = link.read(0, Duration::from_secs(20), 1);
    assert!(tokio::time::timeout(Duration::from_millis(20), reading).await.is_err());
    drop(link);
    let before = clients();
    drop(redis.connect().await.unwrap());
    assert_eq!(clients() - before, 1 + 1);
}

#[tokio::test]
async fn a_server_that_hangs_is_not_waited_for() {
    let mut server = RedisServer::start();
    let mut config = single(&server);
    (config.connect_timeout, config.response_timeout) = (SHORT, SHORT);
    let mut link = connect(&config).await;
    server.stop();
    assert_eq!(fault(link.head().await, Act::Head), Fault::TimedOut);
    config.login.password = Some(Password::new(*b"asks at once"));
    let hanging = Redis::new(&config).unwrap().connect().await.map(drop);
    assert_eq!(fault(hanging, Act::Connect), Fault::TimedOut);

    // As does a network that swallows everything, after the connection stood.
    server.cont();
    let target: SocketAddr = format!("127.0.0.1:{}", server.port()).parse().unwrap();
    let proxy = Proxy::start(target);
    config.topology = Topology::Single(address(&format!("redis://{}", proxy.address())));
    config.login = Login::default();
    let mut link = connect(&config).await;
    assert_eq!(link.head().await, Ok(None));
    proxy.black_hole();
    assert_eq!(fault(link.head().await, Act::Head), Fault::TimedOut);
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let with_ca = |contents: Option<&str>| {
        let path = folder.path().join("ca.pem");
        let _ = std::fs::remove_file(&path);
        if let Some(contents) = contents {
            std::fs::write(&path, contents).unwrap();
        }
        let mut config = config(Topology::Single(address("rediss://localhost")));
        config.ca_file = Some(path);
        Redis::new(&config).unwrap_err()
    };
    assert!(matches!(with_ca(None), ConfigError::Unreadable { .. }));
    for contents in ["", "text", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(
            matches!(with_ca(Some(contents)), ConfigError::BadCertificate { .. }),
            "{contents}"
        );
    }
    let mut config = config(Topology::Single(address("redis://localhost")));
    config.login.password = Some(Password::new([0xff]));
    assert!(matches!(Redis::new(&config), Err(ConfigError::PasswordNotUtf8)));
}

/// I17: neither what is stored nor what was said in error is repeated.
#[tokio::test]
async fn i17_errors_do_not_repeat_what_they_saw() {
    const SECRET: &str = "hunter2";
    let server = RedisServer::start();
    server.cli(&["HSET", "{signout}:head", "format", SECRET, "key", SECRET]);
    let mut config = single(&server);
    let head = connect(&config).await.head().await.unwrap_err();
    assert_eq!(head.fault, Fault::Foreign(Foreign::Head { field: "format" }));
    config.login.password = Some(Password::new(SECRET.as_bytes()));
    let login = Redis::new(&config).unwrap().connect().await.map(drop).unwrap_err();
    let shown = format!("{head} {head:?} {login} {login:?} {config:?}");
    assert!(!shown.contains(SECRET), "{shown}");
}

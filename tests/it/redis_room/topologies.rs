use std::time::Duration;

use signout::redis::{Act, Address, Canary, InstanceId, Masters, Password, Redis, Role, Table};
use signout::sessions::SharedToken;

use super::faults::{RULES, everything};
use super::tables::token;
use super::*;
use crate::harness::install_cryptography;
use crate::harness::redis::{Cluster, Replicated, Sentinels};

const ME: InstanceId = InstanceId::from_bits(7);
const SOON: Duration = Duration::from_millis(200);

#[tokio::test]
async fn tls_is_by_the_configured_authority() {
    install_cryptography();
    let server = RedisServer::start_tls(&[]);
    let other = RedisServer::start_tls(&[]);
    let mut config = single(&server);
    config.ca_file = Some(server.ca_file());
    let mut link = connect(&config).await;
    found(&mut link, FIRST).await;
    assert_eq!(append(&mut link, FIRST, 1).await, Ok(1));

    // By its name, too.
    let by_name = format!("rediss://localhost:{}", server.port());
    config.topology = Topology::Single(Address::parse(&by_name).unwrap());
    assert_eq!(connect(&config).await.head().await.unwrap().unwrap().seq, 1);

    // Nobody vouches for this one; the system's authorities do not either.
    for ca_file in [Some(other.ca_file()), None] {
        let refused = Redis::new(&Config { ca_file, ..config.clone() }).unwrap().connect().await;
        let refused = fault(refused.map(drop), Act::Connect);
        assert!(matches!(refused, Fault::Tls { .. }), "{refused:?}");
    }
    // Plain words to a TLS port end it; a plain port waits for the end of a line.
    let plain = Address::parse(&format!("redis://127.0.0.1:{}", server.port())).unwrap();
    let mut config = super::config(Topology::Single(plain));
    let mut link = connect(&config).await;
    let refused = fault(link.head().await, Act::Head);
    assert!(matches!(refused, Fault::Disconnected { .. }), "{refused:?}");
    let plain = RedisServer::start();
    let tls = Address::parse(&format!("rediss://127.0.0.1:{}", plain.port())).unwrap();
    config.topology = Topology::Single(tls);
    (config.ca_file, config.connect_timeout) = (Some(server.ca_file()), SOON);
    let refused = Redis::new(&config).unwrap().connect().await;
    assert_eq!(fault(refused.map(drop), Act::Connect), Fault::TimedOut);
}

/// `WAIT` tells of the writes of its own connection only.
#[tokio::test]
async fn replicas_are_waited_for() {
    let mut group = Replicated::start(2).await;
    let mut link = connect(&single(&group.master)).await;
    found(&mut link, FIRST).await;
    append(&mut link, FIRST, 1).await.unwrap();
    assert_eq!(link.wait(2, Duration::from_secs(20)).await, Ok(2));
    group.replicas[1].stop();
    append(&mut link, FIRST, 2).await.unwrap();
    assert_eq!(link.wait(2, SOON).await, Ok(1));
    group.replicas[0].stop();
    append(&mut link, FIRST, 3).await.unwrap();
    assert_eq!(link.wait(1, SOON).await, Ok(0));
    assert_eq!(link.wait(1, Duration::ZERO).await, Ok(0));
    let seen = link.probe(ME).await.unwrap();
    assert_eq!(seen.server.unwrap().replicas, Some(2));
}

fn sentinel(group: &Sentinels, service: &str) -> Config {
    config(Topology::Sentinel {
        sentinels: addresses(&group.urls()),
        service: service.into(),
        login: Login::default(),
    })
}

#[tokio::test]
async fn sentinels_lead_to_the_master() {
    let mut group = Sentinels::start().await;
    let mut config = sentinel(&group, Sentinels::SERVICE);
    let unknown = Redis::new(&sentinel(&group, "another")).unwrap();
    assert_eq!(fault(unknown.connect().await.map(drop), Act::Connect), Fault::NoMaster);
    assert_eq!(fault(unknown.masters().await, Act::Masters), Fault::NoMaster);

    config.connect_timeout = Duration::from_secs(5);
    let redis = Redis::new(&config).unwrap();
    let mut link = redis.connect().await.unwrap();
    found(&mut link, FIRST).await;
    append(&mut link, FIRST, 1).await.unwrap();
    assert_eq!(link.wait(2, Duration::from_secs(20)).await, Ok(2));
    let seen = link.probe(ME).await.unwrap().server.unwrap();
    let old = group.master().await;
    assert_eq!(seen.run_id.as_deref(), Some(&*old.info("run_id")));
    let named = Some(format!("127.0.0.1:{}", old.port()).into_boxed_str());
    let masters = redis.masters().await.unwrap().unwrap();
    assert_eq!(masters, Masters { named: vec![named.clone(); 3] });
    assert_eq!(masters.majority(), named.as_deref());
    drop(link);

    group.kill_master().await;
    group.await_failover().await;
    // What was in the pool led to the dead one.
    let mut link = redis.connect().await.unwrap();
    let seen = link.probe(ME).await.unwrap();
    assert_eq!(seen.server.as_ref().unwrap().role, Some(Role::Master));
    let new = group.master().await;
    assert_eq!(seen.server.unwrap().run_id.as_deref(), Some(&*new.info("run_id")));
    assert_eq!(append(&mut link, FIRST, 2).await, Ok(2));

    // One sentinel that does not answer changes nothing; two leave no majority.
    group.watchers[0].kill();
    let masters = redis.masters().await.unwrap().unwrap();
    assert_eq!(masters.named.iter().flatten().count(), 2);
    assert!(masters.majority().is_some());
    group.watchers[1].kill();
    let masters = redis.masters().await.unwrap().unwrap();
    assert_eq!(masters.majority(), None);
    redis.connect().await.unwrap().head().await.unwrap();
    group.watchers[2].kill();
    assert!(matches!(fault(redis.masters().await, Act::Masters), Fault::Unreachable { .. }));
}

#[tokio::test]
async fn sentinels_have_a_password_of_their_own() {
    let mut group = Sentinels::start().await;
    for sentinel in &group.watchers {
        let may = "+sentinel|get-master-addr-by-name";
        sentinel.cli(&["ACL", "SETUSER", "signout", "on", ">watch", "-@all", may]);
        sentinel.cli(&["ACL", "SETUSER", "default", "resetpass", ">other"]);
    }
    let mut config = sentinel(&group, Sentinels::SERVICE);
    let refused = Redis::new(&config).unwrap().connect().await;
    assert_eq!(fault(refused.map(drop), Act::Connect), Fault::Authentication);
    if let Topology::Sentinel { login, .. } = &mut config.topology {
        login.username = Some("signout".into());
        login.password = Some(Password::new(*b"watch"));
    }
    assert_eq!(connect(&config).await.head().await, Ok(None));
    for sentinel in &mut group.watchers {
        sentinel.kill();
    }
}

/// Tables of tokens that spread over all nodes.
fn spread(tokens: u8) -> Vec<SharedToken> {
    let digest = |n| Digest::from_bytes([n; 16]);
    let of =
        |n| SharedToken { session: Some(digest(n)), subject: Some(digest(n)), ..token(n, 100) };
    (0..tokens).map(of).collect()
}

#[tokio::test]
async fn a_cluster_keeps_the_log_together_and_spreads_the_tables() {
    let mut cluster = Cluster::start().await;
    let config = config(Topology::Cluster(addresses(&cluster.urls())));
    let redis = Redis::new(&config).unwrap();
    assert_eq!(redis.masters().await, Ok(None));
    let mut link = redis.connect().await.unwrap();
    found(&mut link, FIRST).await;
    for n in 1..=3 {
        assert_eq!(append(&mut link, FIRST, n).await, Ok(u64::from(n)));
        assert_eq!(link.wait(1, Duration::from_secs(20)).await, Ok(1));
    }
    assert_eq!(link.range(1, 10).await.unwrap().len(), 3);
    assert_eq!(link.read(2, Duration::from_millis(1), 10).await.unwrap().len(), 1);
    link.trim(FIRST, 2).await.unwrap();
    let names = [1, 9].map(|n| KeyName::from_bytes([n; 16]));
    assert_eq!(link.missing(&names).await.unwrap(), [names[1]]);

    let tokens = spread(60);
    link.register(&tokens).await.unwrap();
    let tables: Vec<_> = tokens
        .iter()
        .flat_map(|token| [Table::Session(token.token), Table::Subject(token.token)])
        .collect();
    let expected: Vec<_> = tokens.iter().flat_map(|token| [vec![*token], vec![*token]]).collect();
    assert_eq!(listed(&mut link, &tables).await.unwrap(), expected);
    let changes = [named(4)];
    let appends = [Append { link: link_id(4), changes: &changes }];
    let done = link.append_and_read(FIRST, &appends, &tables).await.unwrap();
    assert_eq!(done, (4, expected));

    // Every master has some of them, and the log is on one.
    let home = cluster.master_of("{signout}:log");
    for (at, node) in cluster.nodes.iter().enumerate() {
        if node.info("role") != "master" {
            continue;
        }
        assert_ne!(node.cli(&["KEYS", "signout:s:*"]), "");
        assert_eq!(node.cli(&["KEYS", "{signout}:head"]).is_empty(), at != home);
        node.cli(&["SCRIPT", "FLUSH"]);
    }
    let seen = link.probe(ME).await.unwrap();
    let server = seen.server.unwrap();
    assert_eq!(server.run_id.as_deref(), Some(&*cluster.nodes[home].info("run_id")));
    assert_eq!((seen.canary, seen.head.unwrap().seq), (Ok(Canary::First), 4));
    link.register(&tokens).await.unwrap();

    // The node goes down with our slot; a replica takes over.
    drop(link);
    cluster.kill(home);
    cluster.await_ok().await;
    let mut link = redis.connect().await.unwrap();
    let seen = link.probe(ME).await.unwrap();
    assert_eq!(seen.head.unwrap().seq, 4);
    assert_ne!(seen.server.unwrap().run_id, server.run_id);
    assert_eq!(append(&mut link, FIRST, 5).await, Ok(5));
    assert_eq!(listed(&mut link, &tables[..2]).await.unwrap(), [vec![tokens[0]], vec![tokens[0]]]);
}

/// Whoever holds a link to a node that lost our slot is told so.
#[tokio::test]
async fn a_slot_that_moved_is_told() {
    let cluster = Cluster::start().await;
    let mut config = config(Topology::Cluster(addresses(&cluster.urls())));
    let redis = Redis::new(&config).unwrap();
    let mut link = redis.connect().await.unwrap();
    found(&mut link, FIRST).await;
    append(&mut link, FIRST, 1).await.unwrap();

    let home = cluster.master_of("{signout}:log");
    let port = cluster.nodes[home].port().to_string();
    let replica = cluster.nodes.iter().find(|node| node.info("master_port") == port).unwrap();
    replica.cli(&["CLUSTER", "FAILOVER"]);
    crate::harness::until("the replica takes over", async || replica.info("role") == "master")
        .await;
    cluster.await_ok().await;
    assert_eq!(fault(append(&mut link, FIRST, 2).await, Act::Append), Fault::Moved);
    let mut link = redis.connect().await.unwrap();
    assert_eq!(append(&mut link, FIRST, 2).await, Ok(2));

    // A user needs one command more than on a single server.
    for node in &cluster.nodes {
        let rules = RULES.iter().chain(&["+cluster|slots"]).flat_map(|rule| rule.split(' '));
        let rules = rules.filter(|rule| !rule.is_empty());
        let user = ["ACL", "SETUSER", "signout", "on", ">pw"];
        node.cli(&user.into_iter().chain(rules).collect::<Vec<_>>());
        if node.info("role") == "master" {
            node.flushall();
        }
    }
    config.login.username = Some("signout".into());
    config.login.password = Some(Password::new(*b"pw"));
    everything(&Redis::new(&config).unwrap()).await.unwrap();
    for node in &cluster.nodes {
        assert_eq!(node.cli(&["ACL", "LOG"]), "");
    }
}

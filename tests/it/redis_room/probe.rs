use std::time::Duration;

use signout::redis::{Act, Canary, DirectKeys, InstanceId, LinkId, LogShape, Role};

use super::*;

const ME: InstanceId = InstanceId::from_bits(7);

#[tokio::test]
async fn a_probe_sees_head_log_and_server() {
    let server = RedisServer::start_with(&[("maxmemory", "100mb")]);
    let mut link = connect(&single(&server)).await;
    let seen = link.probe(ME).await.unwrap();
    assert_eq!(seen.head, None);
    assert_eq!(seen.log, Some(LogShape { length: 0, first: 0, last: 0, link: LinkId::NONE }));
    assert_eq!(seen.canary, Ok(Canary::First));

    found(&mut link, FIRST).await;
    for n in 1..=3 {
        append(&mut link, FIRST, n).await.unwrap();
    }
    link.trim(FIRST, 2).await.unwrap();
    let seen = link.probe(ME).await.unwrap();
    assert_eq!(seen.head, link.head().await.unwrap());
    assert_eq!(seen.log, Some(LogShape { length: 2, first: 2, last: 3, link: link_id(3) }));
    assert_eq!(seen.canary, Ok(Canary::Alive));
    let told = seen.server.unwrap();
    assert_eq!(told.run_id.as_deref(), Some(&*server.info("run_id")));
    assert_eq!(told.replid.as_deref(), Some(&*server.info("master_replid")));
    assert_eq!((told.role, told.policy.as_deref()), (Some(Role::Master), Some("noeviction")));
    assert_eq!((told.maxmemory, told.evicted_keys), (Some(100 * 1024 * 1024), Some(0)));
    assert_eq!((told.loading, told.replicas), (Some(false), Some(0)));
    assert!(told.used_memory > Some(0) && told.aof.is_some() && told.version.is_some());
    let time = seen.time.unwrap();
    assert!(time.abs_diff(Duration::from_secs(now())) < Duration::from_secs(60), "{time:?}");
}

#[tokio::test]
async fn i11_a_dead_canary_is_noticed() {
    let (server, mut link) = founded().await;
    assert_eq!(link.probe(ME).await.unwrap().canary, Ok(Canary::First));
    assert_eq!(link.probe(ME).await.unwrap().canary, Ok(Canary::Alive));
    server.flushall();
    let seen = link.probe(ME).await.unwrap();
    assert_eq!((seen.head, seen.canary), (None, Ok(Canary::Dead)));
    assert_eq!(link.probe(ME).await.unwrap().canary, Ok(Canary::Alive));
    // Of another time, as after a failover to a replica that was behind.
    let key = "{signout}:canary:0000000000000007";
    server.cli(&["SET", key, "1"]);
    assert_eq!(link.probe(ME).await.unwrap().canary, Ok(Canary::Dead));
    // It goes away with its instance.
    let life: i64 = server.cli(&["PTTL", key]).parse().unwrap();
    assert!((1..=60_000).contains(&life), "{life}");
    let mut other = connect(&single(&server)).await;
    assert_eq!(other.probe(ME).await.unwrap().canary, Ok(Canary::First));
}

/// A server that takes no writes is looked at all the same.
#[tokio::test]
async fn a_full_server_can_be_probed() {
    let (server, mut link) = founded().await;
    server.config_set("maxmemory", "1");
    let seen = link.probe(ME).await.unwrap();
    assert_eq!(fault(seen.canary, Act::Probe), Fault::OutOfMemory);
    assert_eq!(seen.server.unwrap().maxmemory, Some(1));
    assert!(seen.head.is_some());
}

/// What one append of a logout with ten tokens costs the server: 31 us alone on an idle core of
/// 2.3 GHz, 11 us without denylist keys. The figure is told, and held against several times as much:
/// other tests run beside this one.
#[tokio::test]
async fn an_append_costs_one_command_for_each_target() {
    for (direct_keys, sets) in [(DirectKeys::Write, 11), (DirectKeys::Omit, 0)] {
        let server = RedisServer::start();
        let mut config = single(&server);
        config.direct_keys = direct_keys;
        let mut link = connect(&config).await;
        found(&mut link, FIRST).await;
        append(&mut link, FIRST, 0).await.unwrap();
        server.cli(&["CONFIG", "RESETSTAT"]);
        let name = |n| KeyName::from_bytes([100 + n; 16]);
        let changes: Vec<_> = (0..11).map(|n| change(n).named(name(n))).collect();
        link.append(FIRST, &[Append { link: link_id(1), changes: &changes }]).await.unwrap();
        let calls = |command: &str| {
            let stats = server.info(&format!("cmdstat_{command}"));
            let calls = stats.split(',').find_map(|stat| stat.strip_prefix("calls="));
            calls.map_or(0, |calls| calls.parse().unwrap())
        };
        for (command, expected) in
            [("evalsha", 1), ("hmget", 1), ("xadd", 1), ("hset", 1), ("set", sets), ("get", 0)]
        {
            assert_eq!(calls(command), expected, "{command} {direct_keys:?}");
        }
    }
}

/// One damaged entry among the instances would keep all of them apart.
#[tokio::test]
async fn instances_that_cannot_be_read_are_forgotten() {
    let (server, mut link) = founded().await;
    let (here, there) = (InstanceId::from_bits(1), InstanceId::from_bits(2));
    assert_eq!(link.meet(here, None).await, Ok(vec![]));
    let now = server.cli(&["TIME"]).lines().next().unwrap().to_owned() + "000 ";
    for (instance, said) in [
        ("000000000000000\u{fffd}", now.as_str()),
        ("17", &now),
        ("0000000000000003", "x"),
        ("", ""),
    ] {
        server.cli(&["HSET", "{signout}:instances", instance, said]);
    }
    let peers = link.meet(there, Some(FIRST)).await.unwrap();
    assert_eq!(peers.iter().map(|peer| peer.instance).collect::<Vec<_>>(), [here]);
    assert_eq!(server.cli(&["HLEN", "{signout}:instances"]), "2");
}

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use signout::redis::{Act, Append, Entry, Epoch, Fault, Foreign, Link, LinkId, Log, Redis};

use super::*;
use crate::harness::proxy::Fault::CorruptAt;
use crate::harness::proxy::{Direction, Proxy};

const HEAD: &str = "{signout}:head";

#[tokio::test]
async fn a_log_begins_once() {
    let server = RedisServer::start();
    let mut link = connect(&single(&server)).await;
    assert_eq!(link.head().await.unwrap(), None);

    let head = found(&mut link, FIRST).await;
    assert_eq!((head.epoch, head.seq, head.first), (FIRST, 0, 1));
    assert_eq!((head.link, head.key.as_bytes()), (LinkId::NONE, &[0xa5; 16]));
    assert_eq!(link.head().await.unwrap(), Some(head.clone()));
    assert_eq!(server.cli(&["HGET", "{signout}:head", "epoch"]), "0123456789abcdef");
    assert_eq!(server.cli(&["HGET", "{signout}:head", "key"]), "a5".repeat(16));

    append(&mut link, FIRST, 1).await.unwrap();
    let again = found(&mut link, SECOND).await;
    assert_eq!((again.epoch, again.seq, again.link), (FIRST, 1, link_id(1)));
}

/// Several who begin a log at once all get the head of one of them.
#[tokio::test]
async fn a_race_to_begin_has_one_winner() {
    let server = RedisServer::start();
    let redis = Redis::new(&single(&server)).unwrap();
    let mut racing = tokio::task::JoinSet::new();
    for n in 1..=8 {
        let redis = redis.clone();
        racing.spawn(async move {
            let mut link = redis.connect().await.unwrap();
            found(&mut link, Epoch::from_bits(n)).await
        });
    }
    let heads = racing.join_all().await;
    assert!(heads.windows(2).all(|pair| pair[0] == pair[1]), "{heads:?}");
}

/// Without its head nobody knows under which key the digests of a log are.
#[tokio::test]
async fn a_log_without_a_head_is_deleted() {
    let (server, mut link) = founded().await;
    append(&mut link, FIRST, 1).await.unwrap();
    server.cli(&["DEL", "{signout}:head"]);
    assert_eq!(found(&mut link, SECOND).await.seq, 0);
    assert_eq!(server.cli(&["EXISTS", "{signout}:log"]), "0");
    assert_eq!(append(&mut link, SECOND, 2).await, Ok(1));
}

/// What was damaged when it was written is written again, by somebody of the same deployment.
#[tokio::test]
async fn a_head_that_cannot_be_read_is_replaced() {
    for damage in [
        &["HSET", HEAD, "epoch", "0123456789abcdeg"][..],
        &["HSET", HEAD, "seq", "1a"],
        &["HSET", HEAD, "link", "short"],
        &["HSET", HEAD, "first", ""],
        &["HSET", HEAD, "key", "a5"],
        &["HDEL", HEAD, "epoch"],
        &["HDEL", HEAD, "format"],
    ] {
        let (server, mut link) = founded().await;
        append(&mut link, FIRST, 1).await.unwrap();
        server.cli(damage);
        let unreadable = fault(link.head().await, Act::Head);
        assert!(matches!(unreadable, Fault::Foreign(Foreign::Head { .. })), "{damage:?}");
        let head = found(&mut link, SECOND).await;
        assert_eq!((head.epoch, head.seq, head.first), (SECOND, 0, 1), "{damage:?}");
        assert_eq!(server.cli(&["EXISTS", "{signout}:log"]), "0", "{damage:?}");
    }
}

/// The same by somebody else, or of a later version, is left alone.
#[tokio::test]
async fn a_foreign_head_is_not_replaced() {
    for foreign in [
        &["HSET", HEAD, "format", "2", "epoch", "?"][..],
        &["HSET", HEAD, "key", "b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6", "epoch", "?"],
        &["HDEL", HEAD, "format", "key"],
    ] {
        let (server, mut link) = founded().await;
        append(&mut link, FIRST, 1).await.unwrap();
        server.cli(foreign);
        let founding = Founding { key: DigestKey::from_bytes([0xa5; 16]), epoch: SECOND };
        fault(link.found(&founding).await, Act::Found);
        assert_eq!(server.cli(&["XLEN", "{signout}:log"]), "1", "{foreign:?}");
    }
}

/// A byte that changes on the way changes nothing that stands for the whole log.
#[tokio::test]
async fn a_damaged_command_changes_nothing() {
    let (server, mut link) = founded().await;
    // From here on the server knows the script by its hash.
    link.renew(FIRST, SECOND, Log::Keep).await.unwrap();
    let proxy = Proxy::start((Ipv4Addr::LOCALHOST, server.port()).into());
    let way = Address::parse(&format!("redis://{}", proxy.address())).unwrap();
    // Where a length is damaged the server waits for more.
    let response_timeout = Duration::from_millis(100);
    let config = Config { response_timeout, ..config(Topology::Single(way)) };
    let mut faults = BTreeSet::new();
    for offset in 0..300 {
        server.cli(&["HSET", HEAD, "epoch", &FIRST.to_string()]);
        let mut link = connect(&config).await;
        proxy.set(Direction::ToServer, CorruptAt(offset));
        if let Err(error) = link.renew(FIRST, SECOND, Log::Keep).await {
            faults.insert(error.fault.to_string());
        }
        proxy.pass();
        let epoch = server.cli(&["HGET", HEAD, "epoch"]);
        assert!(
            [FIRST, SECOND].map(|epoch| epoch.to_string()).contains(&epoch),
            "{offset} {epoch}"
        );
    }
    assert!(faults.iter().any(|fault| fault.contains("damaged on its way")), "{faults:?}");
}

#[tokio::test]
async fn i11_a_new_epoch_begins_once() {
    let server = RedisServer::start();
    let redis = Redis::new(&single(&server)).unwrap();
    let mut link = redis.connect().await.unwrap();
    assert_eq!(link.renew(FIRST, SECOND, Log::Keep).await, Ok(None));

    found(&mut link, FIRST).await;
    append(&mut link, FIRST, 1).await.unwrap();
    let mut racing = tokio::task::JoinSet::new();
    for n in 100..108 {
        let redis = redis.clone();
        racing.spawn(async move {
            let mut link = redis.connect().await.unwrap();
            link.renew(FIRST, Epoch::from_bits(n), Log::Keep).await.unwrap().unwrap()
        });
    }
    let heads = racing.join_all().await;
    assert!(heads.windows(2).all(|pair| pair[0] == pair[1]), "{heads:?}");
    let won = heads[0].epoch;
    assert_ne!(won, FIRST);
    assert_eq!((heads[0].seq, heads[0].link), (1, link_id(1)));

    let replaced = link.renew(won, SECOND, Log::Replace).await.unwrap().unwrap();
    assert_eq!((replaced.epoch, replaced.seq, replaced.first), (SECOND, 0, 1));
    assert_eq!(replaced.link, LinkId::NONE);
    assert_eq!(link.range(1, 10).await, Ok(vec![]));
    // What stands in the denylist goes on being refused meanwhile.
    assert_eq!(server.cli(&["EXISTS", &format!("{{signout}}:deny:{}", "01".repeat(16))]), "1");
}

#[tokio::test]
async fn an_old_epoch_changes_nothing() {
    let (server, mut link) = founded().await;
    link.renew(FIRST, SECOND, Log::Keep).await.unwrap();
    let found = Some(SECOND);
    assert_eq!(
        fault(append(&mut link, FIRST, 1).await, Act::Append),
        Fault::EpochChanged { found }
    );
    let mut link = connect(&single(&server)).await;
    let trimmed = link.trim(FIRST, 1).await;
    assert_eq!(fault(trimmed, Act::Trim), Fault::EpochChanged { found });
    assert_eq!(server.cli(&["KEYS", "*"]), "{signout}:head");

    server.flushall();
    let mut link = connect(&single(&server)).await;
    let gone = Fault::EpochChanged { found: None };
    assert_eq!(fault(append(&mut link, SECOND, 1).await, Act::Append), gone);
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

#[tokio::test]
async fn what_is_appended_is_read() {
    let (_server, mut link) = founded().await;
    let changes: Vec<_> = (0..4).map(named).collect();
    let appends = [
        Append { link: link_id(1), changes: &changes[..1] },
        Append { link: link_id(2), changes: &changes[1..] },
    ];
    assert_eq!(link.append(FIRST, &appends).await, Ok(2));
    assert_eq!(link.append(FIRST, &[]).await, Ok(0));

    let (first, second) = (LinkId::NONE, link_id(1));
    let entry = |seq, previous, link, changes: &[Change]| Entry {
        seq,
        previous,
        link,
        changes: changes.to_vec(),
    };
    let expected =
        [entry(1, first, link_id(1), &changes[..1]), entry(2, second, link_id(2), &changes[1..])];
    assert_eq!(link.read(0, Duration::ZERO, 10).await.unwrap(), expected);
    assert_eq!(link.range(1, 10).await.unwrap(), expected);
    assert_eq!(link.read(0, Duration::ZERO, 1).await.unwrap(), expected[..1]);
    assert_eq!(link.read(1, Duration::ZERO, 10).await.unwrap(), expected[1..]);
    assert_eq!(link.read(0, Duration::MAX, usize::MAX).await.unwrap(), expected);
    assert_eq!(link.range(2, 1).await.unwrap(), expected[1..]);
    assert_eq!(link.range(3, 10).await, Ok(vec![]));
    let head = link.head().await.unwrap().unwrap();
    assert_eq!((head.seq, head.link), (2, link_id(2)));
}

#[tokio::test]
async fn a_reader_waits_for_the_next_entry() {
    let (server, mut writer) = founded().await;
    let mut config = single(&server);
    config.response_timeout = Duration::from_millis(100);
    let mut reader = connect(&config).await;
    let began = Instant::now();
    let wait = Duration::from_millis(250);
    // Longer than the response timeout: the time that the server was asked to wait comes on top.
    assert_eq!(reader.read(0, wait, 10).await, Ok(vec![]));
    assert!(began.elapsed() >= wait);

    let reading = tokio::spawn(async move { reader.read(0, Duration::from_secs(20), 10).await });
    crate::harness::until("the reader waits", async || server.info("blocked_clients") == "1").await;
    append(&mut writer, FIRST, 1).await.unwrap();
    let entries = reading.await.unwrap().unwrap();
    assert_eq!(entries[0].changes, [named(1)]);
}

/// I12: whoever reads the log sees one chain without gaps, whatever the writers do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i12_writers_side_by_side_make_one_chain() {
    const WRITERS: u8 = 4;
    const BATCHES: u8 = 20;
    let (server, mut link) = founded().await;
    let redis = Redis::new(&single(&server)).unwrap();
    let mut writing = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let redis = redis.clone();
        writing.spawn(async move {
            let mut link = redis.connect().await.unwrap();
            for batch in 0..BATCHES {
                let id = |n| LinkId::from_bytes([writer, batch, n, 0, 0, 0, 0, 1]);
                let changes = [named(batch)];
                let appends: Vec<_> =
                    (0..5).map(|n| Append { link: id(n), changes: &changes }).collect();
                link.append(FIRST, &appends).await.unwrap();
            }
        });
    }
    writing.join_all().await;
    let entries = link.range(1, 10_000).await.unwrap();
    assert_eq!(entries.len(), usize::from(WRITERS) * usize::from(BATCHES) * 5);
    let head = link.head().await.unwrap().unwrap();
    check_chain(&entries, 1, LinkId::NONE);
    assert_eq!(entries.last().map(|entry| (entry.seq, entry.link)), Some((head.seq, head.link)));
    let names: BTreeSet<_> = entries.iter().map(|entry| entry.link).collect();
    assert_eq!(names.len(), entries.len());
}

#[track_caller]
fn check_chain(entries: &[Entry], first: u64, mut previous: LinkId) {
    for (seq, entry) in (first..).zip(entries) {
        assert_eq!((entry.seq, entry.previous), (seq, previous));
        previous = entry.link;
    }
}

/// Fetched in several steps that run ahead.
#[tokio::test]
async fn a_long_log_is_loaded_whole() {
    let (_server, mut link) = founded().await;
    let changes = [change(1)];
    let id = |n: u64| LinkId::from_bytes(n.to_be_bytes());
    for hundred in 0..57 {
        let appends: Vec<_> =
            (1..=100).map(|n| Append { link: id(hundred * 100 + n), changes: &changes }).collect();
        link.append(FIRST, &appends).await.unwrap();
    }
    for (from, at_most, expected) in [
        (1, usize::MAX, 5_700),
        (1, 5_700, 5_700),
        (1, 5_000, 5_000),
        (1, 999, 999),
        (1, 1_000, 1_000),
        (1, 1_001, 1_001),
        (0, 10, 10),
        (700, 10_000, 5_001),
        (1, 0, 0),
    ] {
        let entries = link.range(from, at_most).await.unwrap();
        assert_eq!(entries.len(), expected, "{from} {at_most}");
        let first = from.max(1);
        let previous = if first == 1 { LinkId::NONE } else { id(first - 1) };
        check_chain(&entries, first, previous);
    }
}

#[tokio::test]
async fn what_is_over_is_trimmed() {
    let (_server, mut link) = founded().await;
    for n in 1..=10 {
        append(&mut link, FIRST, n).await.unwrap();
    }
    let seqs = async |link: &mut Link| -> Vec<_> {
        link.range(1, 100).await.unwrap().iter().map(|entry| entry.seq).collect()
    };
    for (first, removed, remaining) in [
        (1, 0, 1..=10),
        (4, 3, 4..=10),
        (2, 0, 4..=10),
        // Nobody may promise what is not there.
        (12, 0, 4..=10),
        (10, 6, 10..=10),
    ] {
        assert_eq!(link.trim(FIRST, first).await, Ok(removed), "{first}");
        assert_eq!(seqs(&mut link).await, remaining.clone().collect::<Vec<_>>(), "{first}");
        let head = link.head().await.unwrap().unwrap();
        assert_eq!((head.first, head.seq), (*remaining.start(), 10));
    }
    assert_eq!(link.trim(FIRST, 11).await, Ok(1));
    assert_eq!(append(&mut link, FIRST, 11).await, Ok(11));
    assert_eq!(seqs(&mut link).await, [11]);
}

/// SCRIPT FLUSH, or a server that was restarted behind an address that stays.
#[tokio::test]
async fn a_script_that_the_server_forgot_is_sent_again() {
    let (server, mut link) = founded().await;
    let changes = [named(1)];
    for round in 0..2_u8 {
        server.cli(&["SCRIPT", "FLUSH"]);
        let id = |n| link_id(round * 3 + n);
        let appends: Vec<_> = (1..=3).map(|n| Append { link: id(n), changes: &changes }).collect();
        let table = Table::Session(Digest::from_bytes([1; 16]));
        let done = link.append_and_read(FIRST, &appends, &[table]).await.unwrap();
        assert_eq!(done, (u64::from(round) * 3 + 3, vec![vec![]]));
    }
    let entries = link.range(1, 10).await.unwrap();
    check_chain(&entries, 1, LinkId::NONE);
    assert_eq!(
        entries.iter().map(|e| e.link).collect::<Vec<_>>(),
        (1..=6).map(link_id).collect::<Vec<_>>()
    );
    server.cli(&["SCRIPT", "FLUSH"]);
    link.deny(&changes).await.unwrap();
    link.trim(FIRST, 2).await.unwrap();
    link.renew(FIRST, SECOND, Log::Keep).await.unwrap();
}

#[tokio::test]
async fn foreign_entries_are_told_from_ours() {
    for (id, field, value, foreign) in [
        ("1-1", "e", "x", Foreign::EntryId { millis: 1, number: 1 }),
        ("1-0", "e", "x", Foreign::Entry { seq: 1 }),
        ("1-0", "other", "x", Foreign::Entry { seq: 1 }),
    ] {
        let (server, mut link) = founded().await;
        server.cli(&["XADD", "{signout}:log", id, field, value]);
        let foreign = Fault::Foreign(foreign);
        assert_eq!(fault(link.range(1, 10).await, Act::Range), foreign);
        let mut link = connect(&single(&server)).await;
        assert_eq!(fault(link.read(0, Duration::ZERO, 1).await, Act::Read), foreign);
    }
    // A log that goes on behind its head.
    let (server, mut link) = founded().await;
    server.cli(&["XADD", "{signout}:log", "5-0", "e", "x"]);
    let beyond = Fault::Foreign(Foreign::LogBeyondHead);
    assert_eq!(fault(append(&mut link, FIRST, 1).await, Act::Append), beyond);
    // A head of a later version.
    server.cli(&["HSET", "{signout}:head", "format", "2"]);
    let mut link = connect(&single(&server)).await;
    assert_eq!(fault(link.head().await, Act::Head), Fault::Foreign(Foreign::Format { format: 2 }));
}

//! `/v1/feed` and `/v1/snapshot`.

mod crowd;
mod identifiers;
pub(crate) mod stream;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use signout::journal::{Journal, Record};
use signout_checker::{
    Change, Digest, FeedEvent, Index, IssuedBefore, Issuer, Position, Reach, Reason, SessionId,
    TargetKind, Timestamp, TokenFacts, Verdict,
};

use super::harness::redis::RedisServer;
use super::harness::{API_KEY, Answer, Op, Service, now};
use stream::{Follower, Stream, end, registered};

pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) op: Op,
    pub(crate) service: Service,
    settings: String,
}

pub(crate) fn house_with(more: &str) -> House {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let settings = op.settings() + more;
    let service = Service::start(folder.path(), &settings);
    House { folder, op, service, settings }
}

fn house() -> House {
    house_with("")
}

impl House {
    /// kill -9, and a start on the same journal.
    fn restart(&mut self) {
        self.service.kill();
        self.service = Service::start(self.folder.path(), &self.settings);
    }

    pub(crate) async fn end(&self, sid: &str) -> Position {
        end(&self.service, &self.op, sid).await
    }

    async fn refused(&self, query: &str) -> Answer {
        let request = self.service.request(Method::GET, query).bearer_auth(API_KEY);
        Answer::of(request).await
    }
}

fn refuses(index: &Index, op: &Op, sid: &str) -> bool {
    let (issuer, sid) = (Issuer::parse(&*op.issuer).unwrap(), SessionId::parse(sid).unwrap());
    matches!(index.check(&TokenFacts::new(&issuer).session(&sid)), Verdict::Revoked(_))
}

#[tokio::test]
async fn what_is_revoked_is_told_in_order_and_once() {
    let house = house();
    let key = Follower::load(&house.service).await.index.key().clone();
    let issuer = Issuer::parse(&*house.op.issuer).unwrap();
    let mut stream = Stream::open(&house.service, None).await;
    let Some(FeedEvent::Heartbeat { at: first, heartbeat }) = stream.next().await else {
        panic!("the first is a heartbeat")
    };
    assert_eq!(heartbeat.staleness, Duration::ZERO);
    assert!(heartbeat.time.as_secs().abs_diff(now()) < 60);
    let mut known = first.seq;
    for n in 0..50 {
        // What refuses nothing stands in the journal and is not told.
        let token = registered(&house.op, &format!("j{n}"), &format!("s{n}"), "alice");
        house.service.post("/v1/tokens", &token).await;
        let ended = house.end(&format!("s{n}")).await;
        let event = stream.next_act().await.unwrap();
        let FeedEvent::Changes { at, previous, changes } = event else { panic!("{event:?}") };
        assert_eq!(at, ended);
        assert!(previous >= known && previous < at.seq, "{previous} behind {known}");
        known = at.seq;
        let session = SessionId::parse(format!("s{n}")).unwrap();
        let kinds: Vec<_> = changes.iter().map(|told| told.change.kind).collect();
        assert_eq!(kinds, [TargetKind::Session, TargetKind::Token]);
        assert_eq!(changes[0].change.target, key.session(&issuer, &session));
        assert!(changes[0].change.name.is_some());
    }
}

#[tokio::test]
async fn a_heartbeat_comes_every_five_seconds() {
    let house = house();
    let mut stream = Stream::open(&house.service, None).await;
    stream.heartbeat().await;
    let ended = house.end("s").await;
    stream.changes().await;
    let (mut last, mut beats) = (Duration::ZERO, 0);
    while beats < 2 {
        let (at, heartbeat) = stream.heartbeat().await;
        assert!(at.seq >= ended.seq);
        assert!(heartbeat.elapsed >= last, "{heartbeat:?}");
        // The first may come at once, for the hub has just begun to listen.
        beats += usize::from(heartbeat.elapsed > last + Duration::from_secs(4));
        assert!(heartbeat.elapsed < last + Duration::from_secs(15), "{heartbeat:?}");
        last = heartbeat.elapsed;
    }
}

/// By the header as browsers do, by the parameter, and by both, where the header goes first.
#[tokio::test]
async fn a_stream_goes_on_where_another_ended() {
    let house = house();
    let mut ends = Vec::new();
    for n in 0..20 {
        ends.push(house.end(&format!("s{n}")).await);
    }
    let path = |after: Position| format!("/v1/feed?after={after}");
    let header = "Last-Event-ID";
    for (from, path, last) in [
        (5, path(ends[5]), None),
        (11, "/v1/feed".to_owned(), Some(ends[11])),
        (15, path(ends[2]), Some(ends[15])),
        (19, path(ends[19]), None),
    ] {
        let mut request = house.service.request(Method::GET, &path).bearer_auth(API_KEY);
        if let Some(last) = last {
            request = request.header(header, last.to_string());
        }
        let mut stream = Stream::of(request).await;
        let first = stream.next().await.unwrap();
        assert!(matches!(first, FeedEvent::Heartbeat { at, .. } if at == ends[from]), "{first:?}");
        for expected in &ends[from + 1..] {
            assert_eq!(stream.changes().await.0, *expected);
        }
        let live = house.end(&format!("live{from}")).await;
        assert_eq!(stream.changes().await.0, live);
        ends.push(live);
    }
}

/// Half of it was read from the journal and half of it published, while more comes in.
#[tokio::test]
async fn nothing_is_missing_between_the_journal_and_what_is_live() {
    let house = house();
    let begin = house.end("begin").await;
    for n in 0..100 {
        house.end(&format!("before{n}")).await;
    }
    let ending = async {
        let mut last = begin;
        for n in 0..200 {
            last = house.end(&format!("meanwhile{n}")).await;
        }
        last
    };
    let following = async {
        let mut ids = Vec::new();
        for _ in 0..10 {
            // Each goes on from where the one before was cut off.
            let after = ids.last().copied().unwrap_or(begin);
            let mut stream = Stream::open(&house.service, Some(after)).await;
            for _ in 0..20 {
                ids.push(stream.changes().await.0);
            }
        }
        let mut stream = Stream::open(&house.service, ids.last().copied()).await;
        while ids.len() < 300 {
            ids.push(stream.changes().await.0);
        }
        ids
    };
    let (last, ids) = tokio::join!(ending, following);
    let seqs: Vec<_> = ids.iter().map(|id| id.seq).collect();
    assert_eq!(seqs, (begin.seq + 1..=last.seq).collect::<Vec<_>>());
}

#[tokio::test]
async fn i1_a_stream_goes_on_across_a_kill() {
    let mut house = house();
    let mut stream = Stream::open(&house.service, None).await;
    stream.heartbeat().await;
    house.end("told").await;
    let (told, _) = stream.changes().await;
    house.end("not told").await;
    house.restart();
    let mut again = Stream::open(&house.service, Some(told)).await;
    let (at, _) = again.changes().await;
    assert_eq!(at, Position { seq: told.seq + 1, ..told });
    let live = house.end("live").await;
    assert_eq!(again.changes().await.0, live);
}

#[tokio::test]
async fn what_cannot_go_on_is_reset() {
    let house = house();
    let known = house.end("s").await;
    for unknown in [
        Position { seq: known.seq + 1, ..known },
        Position { epoch: known.epoch ^ 1, ..known },
        Position { epoch: 0, seq: u64::MAX },
    ] {
        let mut stream = Stream::open(&house.service, Some(unknown)).await;
        assert_eq!(stream.reset().await, "unknown_position");
    }
    let resets = "signout_feed_resets_total{reason=\"unknown_position\"}";
    assert_eq!(house.service.count(resets).await, 3);
}

/// A journal with this many acts of so many targets.
fn long_journal(folder: &Path, acts: usize, targets: usize) -> Position {
    let mut journal = Journal::open(&folder.join("signout.redb")).unwrap();
    let mut numbers = 0_u128..;
    let mut act = || {
        let targets = numbers.by_ref().take(targets);
        Record::Followed(targets.map(|n| change(Digest::from_bytes(n.to_le_bytes()))).collect())
    };
    let all: Vec<_> = (0..acts).map(|_| act()).collect();
    for some in all.chunks((10_000 / targets).max(1)) {
        journal.commit(some).unwrap();
    }
    journal.position()
}

fn change(target: Digest) -> Change {
    Change {
        target,
        name: None,
        kind: TargetKind::Token,
        issued_before: IssuedBefore::EVERYTHING,
        reach: Reach::ALL,
        retain_until: Timestamp::from_secs(now() + 9_000),
        reason: Reason::Admin,
        revoked_at: Timestamp::from_secs(now()),
    }
}

#[tokio::test]
async fn whoever_is_too_far_behind_is_reset() {
    let folder = tempfile::tempdir().unwrap();
    let end = long_journal(folder.path(), 100_001, 1);
    let op = Op::new("home", folder.path());
    let service = Service::start(folder.path(), &op.settings());
    let mut stream = Stream::open(&service, Some(Position { seq: 0, ..end })).await;
    assert_eq!(stream.reset().await, "too_far_behind");
    let mut stream = Stream::open(&service, Some(Position { seq: 1, ..end })).await;
    for seq in 2..=end.seq {
        assert_eq!(stream.changes().await.0.seq, seq);
    }
}

/// What would need more memory than an event may have comes with the snapshot.
#[tokio::test]
async fn a_huge_act_is_for_the_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let end = long_journal(folder.path(), 1, 10_001);
    let op = Op::new("home", folder.path());
    let service = Service::start(folder.path(), &op.settings());
    let mut stream = Stream::open(&service, Some(Position { seq: 0, ..end })).await;
    assert_eq!(stream.reset().await, "too_far_behind");
    let follower = Follower::load(&service).await;
    assert_eq!(follower.index.len(TargetKind::Token), 10_001);
    assert_eq!(follower.cursor.position(), end);
}

#[tokio::test]
async fn a_snapshot_and_the_feed_behind_it_are_all_there_is() {
    let house = house();
    let register = |jti: &str, sid: &str| registered(&house.op, jti, sid, "alice");
    house.service.post("/v1/tokens", &register("j1", "s1")).await;
    house.service.logout(&house.op.logout_token("l1", "s1")).await;
    // Born revoked.
    house.service.post("/v1/tokens", &register("j2", "s1")).await;
    let mut follower = Follower::load(&house.service).await;
    assert_eq!(follower.index.len(TargetKind::Token), 2);
    assert!(refuses(&follower.index, &house.op, "s1"));
    assert!(!refuses(&follower.index, &house.op, "s2"));
    let mut stream = Stream::open(&house.service, Some(follower.cursor.position())).await;
    let ended = house.end("s2").await;
    follower.follow_to(&mut stream, ended).await;
    assert!(refuses(&follower.index, &house.op, "s2"));
    assert_eq!(house.service.count("signout_snapshots_total").await, 1);
}

/// What another instance took is told here too, by digest.
#[tokio::test]
async fn i2_what_other_instances_took_is_told() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut redis = RedisServer::start();
    let op = Op::new("home", folders[0].path());
    let settings = format!("{}\n[redis]\nurls = [{:?}]\n", op.settings(), redis.url());
    let [a, b] = folders.each_ref().map(|folder| Service::start(folder.path(), &settings));
    let mut follower = Follower::load(&b).await;
    let mut stream = Stream::open(&b, Some(follower.cursor.position())).await;
    stream.heartbeat().await;
    a.logout(&op.logout_token("l1", "s1")).await;
    let (at, changes) = stream.changes().await;
    assert!(changes.iter().all(|told| told.target.is_none()), "{changes:?}");
    follower.follow_to(&mut Stream::open(&b, Some(follower.cursor.position())).await, at).await;
    assert!(refuses(&follower.index, &op, "s1"));

    // Behind a Redis that is away others may have taken anything: the heartbeats say so.
    redis.kill();
    let asked = Instant::now();
    let mut apart = Stream::open(&b, None).await;
    let (_, before) = apart.heartbeat().await;
    let (_, after) = loop {
        let beat = apart.heartbeat().await;
        if beat.1.elapsed > before.elapsed + Duration::from_secs(4) {
            break beat;
        }
    };
    assert!(after.staleness > Duration::from_secs(3), "{after:?}");
    assert!(after.staleness < asked.elapsed() + Duration::from_secs(10), "{after:?}");
    redis.restart_empty();
}

#[tokio::test]
async fn only_what_is_well_formed_and_allowed_is_answered() {
    let house = house_with(
        "[[api_key]]\nname = \"check\"\nkey = \"a-key-that-only-checks\"\nscopes = [\"check\"]\n",
    );
    for query in [
        "?after=",
        "?after=1",
        "?after=zz.1",
        "?after=0000000000000001.-1",
        "?before=1",
        "?after=0000000000000001.1&after=0000000000000001.2",
    ] {
        let refused = house.refused(&format!("/v1/feed{query}")).await;
        assert_eq!(refused.status, 400, "{query} {refused:?}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert!(refused.json()["detail"].as_str().unwrap().contains("after"), "{refused:?}");
    }
    let request = house.service.request(Method::GET, "/v1/feed").bearer_auth(API_KEY);
    let refused = Answer::of(request.header("Last-Event-ID", "nonsense")).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    for path in ["/v1/feed", "/v1/snapshot"] {
        let refused = |key| house.service.call_as(key, Method::GET, path, &Value::Null);
        assert_eq!(refused("a-key-that-nobody-knows").await.status, 401);
        let answer = refused("a-key-that-only-checks").await;
        assert_eq!(answer.status, 403);
        assert!(answer.header("www-authenticate").contains("scope=\"feed\""), "{answer:?}");
        let posted = house.service.call(Method::POST, path, &json!({})).await;
        assert_eq!((posted.status, posted.header("allow")), (405, "GET"));
    }
}

/// Streams end at once, and whoever reads them sees that they did; nobody waits for their end.
#[tokio::test]
async fn sigterm_ends_every_stream() {
    let mut house = house();
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = Stream::open(&house.service, None).await;
        stream.heartbeat().await;
        streams.push(stream);
    }
    let began = Instant::now();
    house.service.signal("TERM");
    for mut stream in streams {
        assert_eq!(stream.next_act().await, None);
    }
    assert!(house.service.wait().success(), "{}", house.service.log());
    // What was under way when it stopped gets ten seconds; there was nothing.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

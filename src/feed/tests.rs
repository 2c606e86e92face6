//! The feed over a real journal, in this process.

use std::path::Path;

use prometheus::Registry;
use proptest::prelude::*;
use signout_checker::{
    Change, Index, IssuedBefore, Issuer, JwtId, Reach, Reason, Revocation, SessionId, SnapshotPart,
    SnapshotReader, Subject, Target, TargetKind, Timestamp, TokenKind,
};

use super::*;
use crate::clock::SystemClock;
use crate::journal::{Journal, Record};
use crate::revoker::{self, Order, Policies, Policy};
use crate::sessions::IssuedToken;
use crate::settings::{RevokeOffline, SessionReuse, SidScope};

const POLICY: Policy = Policy {
    sid_scope: SidScope::Session,
    revoke_offline: RevokeOffline::AsTold,
    session_reuse: SessionReuse::Deny,
    max_token_lifetime: Duration::from_secs(86_400),
    leeway: Duration::from_secs(60),
    max_logout_token_age: Duration::from_secs(300),
};

fn op() -> Issuer {
    Issuer::parse("https://op.example").unwrap()
}

struct House {
    revoker: Revoker,
    feed: Feed,
    clock: Arc<SystemClock>,
}

impl House {
    fn open(path: &Path) -> Self {
        let (registry, clock) = (Registry::new(), Arc::new(SystemClock::start()));
        let (revoker, _, _) = Revoker::start(revoker::Parts {
            path: path.to_owned(),
            journal: Journal::open(path).unwrap(),
            policies: Policies::from_iter([(op(), POLICY)]),
            clock: Arc::<SystemClock>::clone(&clock),
            metrics: revoker::Metrics::register(&registry).unwrap(),
        })
        .unwrap();
        let (feed, _) = Feed::new(Parts {
            revoker: revoker.clone(),
            sharing: Sharing::alone(),
            clock: Arc::<SystemClock>::clone(&clock),
            max_subscribers: 1,
            metrics: Metrics::register(&registry).unwrap(),
        });
        Self { revoker, feed, clock }
    }

    async fn act(&self, act: &Act) {
        let now = self.clock.now();
        match act {
            Act::Register { jti, sid, sub } => {
                let token = IssuedToken {
                    issuer: op(),
                    jwt_id: JwtId::parse(format!("j{jti}")).unwrap(),
                    session: Some(SessionId::parse(format!("s{sid}")).unwrap()),
                    subject: Some(Subject::parse(format!("u{sub}")).unwrap()),
                    client: None,
                    kind: if jti % 3 == 0 { TokenKind::OfflineRefresh } else { TokenKind::Access },
                    issued_at: Timestamp::from_secs(now.as_secs() - 100),
                    expires_at: Timestamp::from_secs(now.as_secs() + 900),
                };
                self.revoker.register(vec![(token, POLICY)], now).await.unwrap();
            }
            Act::Revoke { target, before } => {
                let issued_before =
                    before.map(|ago| Timestamp::from_secs(now.as_secs() - u64::from(ago)));
                let (target, reason) = (target.clone(), Reason::Admin);
                let order = Order { target, issued_before, reason, policy: POLICY };
                self.revoker.revoke(order, now).await.unwrap();
            }
            Act::Follow { target, lives } => {
                let until = Timestamp::from_secs(now.as_secs() + u64::from(*lives));
                let mark = Revocation::of(target.clone(), Reason::SecurityEvent, now, until);
                let cut_off = IssuedBefore::at(Timestamp::from_secs(u64::from(*lives)));
                let mark = mark.issued_before(cut_off).reaching(Reach::ALL);
                let change = Change::of(&mark, self.revoker.index().key());
                self.revoker.follow([change]).await;
            }
        }
    }

    /// The index of somebody who takes a snapshot.
    async fn loaded(&self) -> (Index, Vec<Change>) {
        let mut snapshot = self.feed.snapshot().await.unwrap();
        let (mut reader, mut all) = (SnapshotReader::new(), Vec::new());
        let index = Index::new(self.revoker.index().key().clone());
        while let Some(piece) = snapshot.next().await {
            let piece = piece.unwrap();
            let mut piece = &*piece;
            while let Some(part) = reader.read(&mut piece).unwrap() {
                match part {
                    SnapshotPart::Head { key, .. } => {
                        assert_eq!(key.as_bytes(), index.key().as_bytes());
                    }
                    SnapshotPart::Changes(changes) => all.extend(changes),
                }
            }
        }
        assert_eq!(reader.finish().unwrap().position, self.revoker.position());
        for change in &all {
            index.apply_change(change);
        }
        (index, all)
    }
}

#[derive(Clone, Debug)]
enum Act {
    Register { jti: u8, sid: u8, sub: u8 },
    Revoke { target: Target, before: Option<u8> },
    Follow { target: Target, lives: u16 },
}

fn target() -> impl Strategy<Value = Target> {
    (0..4_u8, 0..5_u8).prop_map(|(kind, n)| match kind {
        0 => Target::Token(op(), JwtId::parse(format!("j{n}")).unwrap()),
        1 => Target::Session(op(), SessionId::parse(format!("s{n}")).unwrap()),
        2 => Target::Subject(op(), Subject::parse(format!("u{n}")).unwrap()),
        _ => Target::Issuer(op()),
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..20_u8, 0..5_u8, 0..3_u8)
            .prop_map(|(jti, sid, sub)| Act::Register { jti, sid, sub }),
        2 => (target(), proptest::option::of(0..200_u8))
            .prop_map(|(target, before)| Act::Revoke { target, before }),
        2 => (target(), 500..2_000_u16).prop_map(|(target, lives)| Act::Follow { target, lives }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Orders, what was born revoked, what others took: whoever takes a snapshot refuses what this
    /// instance refuses, and nothing else.
    #[test]
    fn i5_a_snapshot_is_the_index(acts in prop::collection::vec(act(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::open(&folder.path().join("journal"));
            for act in &acts {
                house.act(act).await;
            }
            let (index, changes) = house.loaded().await;
            let known = house.revoker.index();
            for &kind in TargetKind::ALL {
                assert_eq!(index.len(kind), known.len(kind), "{kind}");
            }
            for change in &changes {
                assert!(known.covers(change), "{change:?} is more than the index has");
            }
            // What the index has is what was written down, all of it.
            let written = house.revoker.read(1).await.unwrap().records;
            for record in written {
                let changes = match record {
                    Record::Revoked { revocations, .. } => {
                        revocations.iter().map(|one| Change::of(one, index.key())).collect()
                    }
                    Record::Followed(changes) => changes,
                    Record::Registered(_) | Record::Forgotten { .. } => Vec::new(),
                };
                assert!(changes.iter().all(|change| index.covers(change)), "{changes:?}");
            }
        });
    }
}

#[tokio::test]
async fn what_is_over_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let now = SystemClock::start().now().as_secs();
    let mark = |sid: &str, until| {
        let session = Target::Session(op(), SessionId::parse(sid).unwrap());
        let at = Timestamp::from_secs(now - 900);
        Revocation::of(session, Reason::Admin, at, Timestamp::from_secs(until))
    };
    let revocations = vec![mark("over", now - 5), mark("live", now + 500)];
    let mut journal = Journal::open(&path).unwrap();
    journal.commit(&[Record::Revoked { revocations, seen: None }]).unwrap();
    drop(journal);
    let (index, changes) = House::open(&path).loaded().await;
    assert_eq!((index.len(TargetKind::Session), changes.len()), (1, 1));
}

#[tokio::test]
async fn nothing_is_kept_while_nobody_follows() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(&folder.path().join("journal"));
    let hub = tokio::spawn(Hub::new(Arc::clone(&house.feed.0)).run());
    let end = async |sid: u8| {
        let target = Target::Session(op(), SessionId::parse(format!("s{sid}")).unwrap());
        house.act(&Act::Revoke { target, before: None }).await;
    };
    end(1).await;
    tokio::task::yield_now().await;
    assert_eq!(house.feed.0.ring().end(), 0);
    let subscribe = || house.feed.subscribe(None, Audience::Anybody, Instant::now());
    let mut subscriber = subscribe().await.unwrap();
    assert_eq!(subscribe().await.err(), Some(Refused::Full));
    let mut events = String::new();
    let next = async |subscriber: &mut Subscriber| {
        String::from_utf8(subscriber.next().await.unwrap().to_vec()).unwrap()
    };
    end(2).await;
    while !events.contains("event: changes") {
        events = next(&mut subscriber).await;
    }
    drop(subscriber);
    // The hub notices that it is alone.
    while house.feed.0.ring().bytes() > 0 {
        tokio::task::yield_now().await;
    }
    house.feed.close();
    assert_eq!(subscribe().await.err(), Some(Refused::Stopping));
    assert_eq!(house.feed.snapshot().await.err(), Some(Refused::Stopping));
    hub.abort();
}

/// What was followed is refused here before it is written: a heartbeat must not vouch for it
/// sooner than it is told.
#[tokio::test]
async fn i9_a_pulse_is_not_before_what_was_followed() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(&folder.path().join("journal"));
    for n in 1..20 {
        let target = Target::Session(op(), SessionId::parse(format!("s{n}")).unwrap());
        house.act(&Act::Follow { target, lives: 900 }).await;
        assert_eq!(house.feed.0.pulse().await.unwrap().seq, n);
    }
}

/// The hub is not there for more commits than wait for it.
#[tokio::test]
async fn i2_what_the_hub_missed_is_read() {
    const ACTS: u64 = 200;
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(&folder.path().join("journal"));
    let hub = tokio::spawn(Hub::new(Arc::clone(&house.feed.0)).run());
    let subscribed = house.feed.subscribe(None, Audience::Anybody, Instant::now()).await;
    let mut subscriber = subscribed.unwrap();
    // The first heartbeat is the subscriber's own, the second the hub's: it listens.
    for _ in 0..2 {
        subscriber.next().await.unwrap();
    }
    // This runtime has one thread, which waits for this one.
    let ending = std::thread::scope(|scope| {
        let acts = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                for n in 0..ACTS {
                    let target = Target::Session(op(), SessionId::parse(format!("s{n}")).unwrap());
                    house.act(&Act::Revoke { target, before: None }).await;
                }
            });
        });
        acts.join()
    });
    ending.unwrap();
    let mut told = Vec::new();
    // Should some be missing, the hub's next heartbeat takes longer than the patience here.
    while told.len() < usize::try_from(ACTS).unwrap() {
        let events = tokio::time::timeout(Duration::from_secs(4), subscriber.next()).await;
        let events = String::from_utf8(events.unwrap().unwrap().to_vec()).unwrap();
        for event in events.split("\n\n").filter(|event| event.starts_with("event: changes")) {
            let id = event.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
            told.push(id.parse::<Position>().unwrap().seq);
        }
    }
    assert_eq!(told, (1..=ACTS).collect::<Vec<_>>());
    hub.abort();
}

//! The service, the API, and the network between them.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use signout_checker::{
    FeedEvent, Index, ResetReason, Target, TargetKind, Timestamp, TokenFacts, TokenKind,
};

use super::api::{Api, Next};
use super::service::{KEY, STALENESS, Service, TARGETS};

/// Everything is some milliseconds after this.
static START: LazyLock<Instant> = LazyLock::new(|| Instant::now() + Duration::from_secs(60));

#[derive(Debug)]
pub(crate) struct World {
    now: u64,
    service: Service,
    api: Api,
    stream: Option<Stream>,
    /// The next snapshot breaks off here.
    cut: Option<usize>,
    seen: Vec<&'static str>,
}

#[derive(Debug, Default)]
struct Stream {
    /// When the server began to answer.
    began: u64,
    on_the_way: VecDeque<FeedEvent>,
    sent: Vec<FeedEvent>,
}

impl Stream {
    fn send(&mut self, events: Vec<FeedEvent>) {
        self.on_the_way.extend(events.iter().cloned());
        self.sent.extend(events);
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let (service, api) = (Service::new(), Api::new());
        Self { now: 0, service, api, stream: None, cut: None, seen: Vec::new() }
    }

    /// What happened, in no order.
    pub(crate) fn seen(&self) -> &[&'static str] {
        &self.seen
    }

    fn instant(&self) -> Instant {
        *START + Duration::from_millis(self.now)
    }

    /// One thing happens.
    pub(crate) fn step(&mut self, number: u16) {
        let choice = number / 20;
        match number % 20 {
            0..=3 => self.act(choice),
            4 | 5 => self.heartbeat(),
            6..=10 => self.deliver(),
            11 => self.service.trim(choice),
            12 => self.replace(),
            13 => self.stream = None,
            14 => self.lag(),
            15 => self.cut = Some(usize::from(choice)),
            kind => self.disturb(kind, choice),
        }
        self.go_on();
    }

    /// One thing happens, and it is hardly ever good.
    pub(crate) fn step_badly(&mut self, number: u16) {
        let choice = number / 8;
        match number % 8 {
            0 => self.act(choice),
            1 => self.heartbeat(),
            2 | 3 => self.deliver(),
            kind => self.disturb(kind + 12, choice),
        }
        self.go_on();
    }

    fn disturb(&mut self, kind: u16, choice: u16) {
        self.now += 1;
        let Some(Stream { on_the_way, sent, .. }) = &mut self.stream else { return };
        let pick = |among: usize| usize::from(choice).checked_rem(among);
        match (kind, pick(on_the_way.len()), pick(sent.len())) {
            (16, Some(lost), _) => _ = on_the_way.remove(lost),
            (17, _, Some(again)) => on_the_way.push_front(sent[again].clone()),
            (18, Some(late), _) => on_the_way.rotate_left(late),
            (19, Some(other), _) => on_the_way.swap(0, other),
            _ => {}
        }
    }

    /// Somebody is signed out, here or a moment ago elsewhere.
    fn act(&mut self, choice: u16) {
        self.now += 1;
        let decided = self.now.saturating_sub(u64::from(choice) % STALENESS);
        self.service.act(choice, decided);
        if let Some(stream) = &mut self.stream {
            stream.send(self.service.news());
        }
    }

    fn heartbeat(&mut self) {
        self.now += 1;
        if let Some(stream) = &mut self.stream {
            stream.send(vec![self.service.heartbeat(self.now - stream.began)]);
        }
    }

    fn lag(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.send(vec![FeedEvent::Reset(ResetReason::Lagged)]);
        }
    }

    fn replace(&mut self) {
        self.service.replace();
        self.stream = None;
    }

    fn deliver(&mut self) {
        self.now += 1;
        let now = self.instant();
        let Some(event) = self.stream.as_mut().and_then(|stream| stream.on_the_way.pop_front())
        else {
            return;
        };
        let (next, what) = self.api.takes(event, now);
        self.seen.push(what);
        self.is_honest();
        match next {
            Next::Read => {}
            Next::Connect => self.connect(),
            Next::Load => self.load(),
        }
    }

    /// The follower does what it does by itself.
    fn go_on(&mut self) {
        if self.stream.is_none() {
            self.connect();
        }
    }

    fn connect(&mut self) {
        self.now += 1;
        let Some(after) = self.api.connects(self.instant()) else { return self.load() };
        self.now += 1;
        let mut stream = Stream { began: self.now, ..Stream::default() };
        stream.send(self.service.answer(after));
        self.stream = Some(stream);
    }

    /// Without a whole snapshot there is no stream; it is tried again at the next step.
    fn load(&mut self) {
        self.stream = None;
        self.now += 1;
        let mut bytes = self.service.snapshot();
        let cut = self.cut.take();
        if let Some(cut) = cut {
            bytes.truncate(cut % bytes.len());
        }
        let loaded = self.api.loads(&bytes, usize::try_from(self.now * 31).unwrap());
        assert_eq!(loaded.is_err(), cut.is_some(), "{loaded:?}");
        self.seen.push(if loaded.is_ok() { "loaded" } else { "cut short" });
        self.is_honest();
        if loaded.is_ok() {
            self.connect();
        }
    }

    /// What the checker vouches for it knows.
    fn is_honest(&self) {
        let staleness = self.api.checker.staleness(self.instant());
        let Some(as_of) = self.instant().checked_sub(staleness) else { return };
        if staleness == Duration::MAX {
            return;
        }
        let index = self.api.checker.index().unwrap();
        for act in &self.service.acts {
            let decided = *START + Duration::from_millis(act.decided);
            if decided <= as_of {
                assert!(act.changes.iter().all(|change| index.covers(change)), "{act:?} {as_of:?}");
            }
        }
    }

    /// The network is well again: all that is left is to read.
    pub(crate) fn settle(&mut self) {
        self.cut = None;
        self.stream = None;
        // A reset, a snapshot, and what came since.
        for _ in 0..3 {
            self.go_on();
            self.heartbeat();
            // More than all that can be on the way, for a follower that comes to no end.
            for _ in 0..500 {
                if self.stream.as_ref().is_none_or(|stream| stream.on_the_way.is_empty()) {
                    break;
                }
                self.deliver();
            }
        }
        let late = self.api.checker.staleness(self.instant());
        assert!(late <= Duration::from_millis(STALENESS + 20), "{late:?}");
        let full = Index::new(KEY);
        let changes = self.service.acts.iter().flat_map(|act| &act.changes);
        changes.for_each(|change| _ = full.apply_change(change));
        self.is_same(&full);
    }

    fn is_same(&self, full: &Index) {
        let known = self.api.checker.index().unwrap();
        for &kind in TargetKind::ALL {
            assert_eq!(known.len(kind), full.len(kind), "{kind}");
        }
        for target in &*TARGETS {
            for kind in [TokenKind::Access, TokenKind::OfflineRefresh] {
                for issued_at in [100, 101].map(Timestamp::from_secs) {
                    let facts = TokenFacts::new(target.issuer()).kind(kind).issued_at(issued_at);
                    let facts = match target {
                        Target::Token(_, id) => facts.jwt_id(id),
                        Target::Session(_, id) => facts.session(id),
                        Target::Subject(_, id) => facts.subject(id),
                        other => panic!("{other:?}"),
                    };
                    assert_eq!(known.check(&facts), full.check(&facts), "{target:?}");
                }
            }
        }
        for change in self.service.acts.iter().flat_map(|act| &act.changes) {
            assert!(known.covers(change), "{change:?}");
        }
    }
}

//! A client of the feed, and one that keeps an index as checkers do.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use signout_checker::{
    Cursor, FeedChange, FeedEvent, Heartbeat, Index, Position, SnapshotPart, SnapshotReader, Step,
};

use crate::harness::{API_KEY, Op, PATIENCE, Service, now};

/// An open stream.
pub(crate) struct Stream {
    response: reqwest::Response,
    text: String,
    events: VecDeque<FeedEvent>,
}

impl Stream {
    /// From now on, or behind a position.
    pub(crate) async fn open(service: &Service, after: Option<Position>) -> Self {
        let query = after.map_or(String::new(), |after| format!("?after={after}"));
        Self::open_as(API_KEY, service, &query).await
    }

    pub(crate) async fn open_as(key: &str, service: &Service, query: &str) -> Self {
        let request = service.request(Method::GET, &format!("/v1/feed{query}")).bearer_auth(key);
        Self::of(request).await
    }

    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        // Patience is for each event, not for all of them.
        let response = request.timeout(PATIENCE * 20).send().await.unwrap();
        assert_eq!(response.status(), 200, "{:?}", response.text().await);
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-store"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(response.headers().get(name).unwrap(), value);
        }
        Self { response, text: String::new(), events: VecDeque::new() }
    }

    /// The next event; none at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<FeedEvent> {
        while self.events.is_empty() {
            let waiting = tokio::time::timeout(PATIENCE, self.response.chunk());
            let piece = waiting.await.unwrap().ok()??;
            self.text += std::str::from_utf8(&piece).unwrap();
            let whole = self.text.rfind("\n\n").map_or(0, |end| end + 2);
            let events: String = self.text.drain(..whole).collect();
            self.events.extend(events.split_terminator("\n\n").map(decoded));
        }
        self.events.pop_front()
    }

    /// The next that is no heartbeat.
    pub(crate) async fn next_act(&mut self) -> Option<FeedEvent> {
        loop {
            match self.next().await? {
                FeedEvent::Heartbeat { .. } => {}
                act => return Some(act),
            }
        }
    }

    /// What the next act changes, in however many parts it comes, with its position.
    pub(crate) async fn changes(&mut self) -> (Position, Vec<FeedChange>) {
        let mut all = Vec::new();
        loop {
            match self.next_act().await {
                Some(FeedEvent::Changes { at, changes, .. }) => return (at, changes),
                Some(FeedEvent::Part { at, part, changes, .. }) => {
                    all.extend(changes);
                    if part.is_last() {
                        return (at, all);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next heartbeat that vouches for something; there must be no changes before it.
    pub(crate) async fn heartbeat(&mut self) -> (Position, Heartbeat) {
        loop {
            match self.next().await {
                Some(FeedEvent::Heartbeat { at, heartbeat }) if is_sure(&heartbeat) => {
                    return (at, heartbeat);
                }
                Some(FeedEvent::Heartbeat { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The reason of the reset that is the next act; nothing comes behind it.
    pub(crate) async fn reset(&mut self) -> &'static str {
        let Some(FeedEvent::Reset(reason)) = self.next_act().await else { panic!("no reset") };
        assert_eq!(self.next().await, None);
        reason.as_str()
    }
}

/// Before an instance has heard of the others, or has read what a client lacks.
fn is_sure(heartbeat: &Heartbeat) -> bool {
    heartbeat.staleness < Duration::from_secs(3_600)
}

/// Reads an event as browsers do.
fn decoded(event: &str) -> FeedEvent {
    let field = |name: &str| {
        let mut lines = event.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
    };
    let decoded = FeedEvent::decode(field("event"), field("id"), field("data"));
    decoded.unwrap_or_else(|error| panic!("{error}: {event}")).unwrap()
}

/// What a checker knows.
pub(crate) struct Follower {
    pub(crate) index: Index,
    pub(crate) cursor: Cursor,
}

impl Follower {
    /// Takes a snapshot.
    pub(crate) async fn load(service: &Service) -> Self {
        let request = service.request(Method::GET, "/v1/snapshot").bearer_auth(API_KEY);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
        let bytes = response.bytes().await.unwrap();
        let (mut bytes, mut reader, mut index) = (&*bytes, SnapshotReader::new(), None);
        while let Some(part) = reader.read(&mut bytes).unwrap() {
            match part {
                SnapshotPart::Head { key, .. } => index = Some(Index::new(key)),
                SnapshotPart::Changes(changes) => {
                    let index = index.as_ref().unwrap();
                    for change in &changes {
                        index.apply_change(change);
                    }
                }
            }
        }
        let snapshot = reader.finish().unwrap();
        Self { index: index.unwrap(), cursor: Cursor::at(snapshot.position) }
    }

    /// Applies what comes until a heartbeat vouches for everything up to a position.
    pub(crate) async fn follow_to(&mut self, stream: &mut Stream, position: Position) {
        loop {
            let event = stream.next().await.unwrap();
            let step = self.cursor.step(&event);
            assert_eq!(step, Step::Apply, "{event:?} at {:?}", self.cursor);
            match event {
                FeedEvent::Changes { changes, .. } | FeedEvent::Part { changes, .. } => {
                    for told in &changes {
                        self.index.apply_change(&told.change);
                    }
                }
                FeedEvent::Heartbeat { at, heartbeat }
                    if at.seq >= position.seq && is_sure(&heartbeat) =>
                {
                    return;
                }
                FeedEvent::Heartbeat { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Ends one session and tells where that stands in the journal.
pub(crate) async fn end(service: &Service, op: &Op, sid: &str) -> Position {
    let order = json!({ "target": { "iss": op.issuer, "sid": sid }, "reason": "admin" });
    let carried = service.post("/v1/revocations", &order).await;
    carried["position"].as_str().unwrap().parse().unwrap()
}

/// Registers a token.
pub(crate) fn registered(op: &Op, jti: &str, sid: &str, sub: &str) -> Value {
    json!({
        "iss": op.issuer, "jti": jti, "sid": sid, "sub": sub, "client_id": "app",
        "iat": now() - 10, "exp": now() + 600,
    })
}

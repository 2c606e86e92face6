//! A follower before a service that says what the test wants.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{
    Change, Checker, Claims, Connection, DigestKey, Heartbeat, IssuedBefore, Issuer, JwtId,
    Observer, Policy, Position, Reach, Reason, SnapshotWriter, TargetKind, Timestamp, Verdict,
};
use crate::{FeedEvent, ResetReason};

const KEY: DigestKey = DigestKey::from_bytes([1; 16]);
const PATIENCE: Duration = Duration::from_secs(20);

fn claims(jwt_id: &str) -> Claims {
    let issuer = Issuer::parse("https://op.example").unwrap();
    Claims::new(issuer).jwt_id(JwtId::parse(jwt_id).unwrap())
}

fn change(jwt_id: &str) -> Change {
    let issuer = Issuer::parse("https://op.example").unwrap();
    Change {
        target: KEY.token(&issuer, &JwtId::parse(jwt_id).unwrap()),
        name: None,
        kind: TargetKind::Token,
        issued_before: IssuedBefore::EVERYTHING,
        reach: Reach::ALL,
        retain_until: Timestamp::from_secs(9_000),
        reason: Reason::BackchannelLogout,
        revoked_at: Timestamp::from_secs(1_000),
    }
}

fn at(epoch: u64, seq: u64) -> Position {
    Position { epoch, seq }
}

fn heartbeat(at: Position) -> String {
    let (staleness, elapsed) = (Duration::ZERO, Duration::ZERO);
    let time = Timestamp::from_secs(2_000);
    let heartbeat = Heartbeat { staleness, elapsed, time, previous: at.seq };
    FeedEvent::Heartbeat { at, heartbeat }.to_frame()
}

fn changes(at: Position, jwt_id: &str) -> String {
    let (previous, changes) = (at.seq - 1, vec![change(jwt_id).into()]);
    FeedEvent::Changes { at, previous, changes }.to_frame()
}

fn snapshot(at: Position, jwt_ids: &[&str]) -> Answer {
    let mut body = Vec::new();
    let mut writer = SnapshotWriter::begin(&KEY, at, jwt_ids.len(), &mut body);
    writer.add(jwt_ids.iter().map(|jwt_id| change(jwt_id)), &mut body);
    writer.finish(&mut body);
    let head = "200 OK\r\ncontent-type: application/octet-stream";
    Answer { route: "/v1/snapshot", head: head.into(), body, then: Then::End }
}

fn feed(events: &[String], then: Then) -> Answer {
    let head = "200 OK\r\ncontent-type: text/event-stream; charset=utf-8".into();
    Answer { route: "/v1/feed", head, body: events.concat().into_bytes(), then }
}

fn refusal(route: &'static str, head: &str) -> Answer {
    Answer { route, head: head.into(), body: Vec::new(), then: Then::End }
}

/// What one request is answered.
struct Answer {
    route: &'static str,
    head: String,
    body: Vec<u8>,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    End,
    StayOpen,
}

/// Gives its answers in their order, and nothing after the last.
struct Scripted {
    base: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut open = Vec::new();
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let request = head_of(&mut socket).await;
                assert!(request.starts_with(&format!("GET {} ", answer.route)), "{request}");
                seen.lock().unwrap().push(request);
                let head = format!("HTTP/1.1 {}\r\nconnection: close\r\n\r\n", answer.head);
                socket.write_all(head.as_bytes()).await.unwrap();
                socket.write_all(&answer.body).await.unwrap();
                match answer.then {
                    Then::End => drop(socket),
                    Then::StayOpen => open.push(socket),
                }
            }
            // Those who come back find the door shut, and what is open stays open.
            drop(listener);
            std::future::pending::<()>().await;
        });
        Self { base, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The positions that the feed was asked for behind.
    fn asked_behind(&self) -> Vec<String> {
        let requests = self.requests();
        let ids = requests.iter().flat_map(|request| request.lines());
        ids.filter_map(|line| line.strip_prefix("last-event-id: ").map(str::to_owned)).collect()
    }
}

async fn head_of(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Writes down what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn note(&self, note: impl Into<String>) {
        self.0.lock().unwrap().push(note.into());
    }

    fn has(&self, part: &str) -> bool {
        self.0.lock().unwrap().iter().any(|note| note.contains(part))
    }
}

impl Observer for Notes {
    fn connection(&self, connection: Connection) {
        self.note(format!("{connection:?}"));
    }

    fn trouble(&self, trouble: &(dyn Error + 'static)) {
        self.note(trouble.to_string());
    }
}

/// A follower at work on a task.
struct Following {
    checker: Checker,
    notes: Arc<Notes>,
    service: Scripted,
    task: tokio::task::JoinHandle<()>,
}

impl Following {
    async fn start(answers: Vec<Answer>) -> Self {
        let service = Scripted::start(answers).await;
        let notes = Arc::<Notes>::default();
        let observer: Arc<dyn Observer> = Arc::clone(&notes) as _;
        let checker = Checker::with_observer(Policy::default(), observer);
        let at = Service::at(&service.base, ApiKey::parse("hunter2").unwrap()).unwrap();
        let follower = Follower::new(&at, checker.clone()).unwrap();
        let task = tokio::spawn(async move { match follower.run().await {} });
        Self { checker, notes, service, task }
    }

    fn revoked(&self, jwt_id: &str) -> bool {
        let verdict = self.checker.check(&claims(jwt_id).facts(), Instant::now());
        matches!(verdict, Verdict::Revoked(_))
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let asking = tokio::time::timeout(PATIENCE, async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        let told = asking.await.is_ok();
        assert!(told, "not {what}: {:?} {:?}", self.service.requests(), self.notes.0);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn what_the_feed_says_is_refused() {
    let events = [heartbeat(at(1, 7)), changes(at(1, 8), "second")];
    let following =
        Following::start(vec![snapshot(at(1, 7), &["first"]), feed(&events, Then::StayOpen)]).await;
    following.until("both refused", |it| it.revoked("first") && it.revoked("second")).await;
    let now = Instant::now();
    assert!(following.checker.staleness(now) < PATIENCE);
    assert!(matches!(
        following.checker.check(&claims("third").facts(), now),
        Verdict::NotRevoked(_)
    ));
    let requests = following.service.requests();
    assert!(requests.iter().all(|request| request.contains("authorization: Bearer hunter2\r\n")));
    assert_eq!(following.service.asked_behind(), ["0000000000000001.7"]);
    assert!(following.notes.has("Up"));
}

#[tokio::test]
async fn a_stream_that_ended_is_taken_up_where_it_was() {
    let first = [heartbeat(at(1, 7)), changes(at(1, 8), "one")];
    // Something is missing before the second event.
    let second = [heartbeat(at(1, 8)), changes(at(1, 10), "three")];
    let third = [changes(at(1, 9), "two"), changes(at(1, 10), "three")];
    let following = Following::start(vec![
        snapshot(at(1, 7), &[]),
        feed(&first, Then::End),
        feed(&second, Then::StayOpen),
        feed(&third, Then::StayOpen),
    ])
    .await;
    following
        .until("all refused", |it| ["one", "two", "three"].iter().all(|t| it.revoked(t)))
        .await;
    let epoch = "0000000000000001";
    let asked = [format!("{epoch}.7"), format!("{epoch}.8"), format!("{epoch}.8")];
    assert_eq!(following.service.asked_behind(), asked);
}

#[tokio::test]
async fn i3_a_reset_loads_anew_and_drops_nothing() {
    let reset = FeedEvent::Reset(ResetReason::TooFarBehind).to_frame();
    let following = Following::start(vec![
        snapshot(at(1, 7), &["old"]),
        feed(&[heartbeat(at(1, 7)), reset], Then::End),
        snapshot(at(2, 3), &["new"]),
        feed(&[heartbeat(at(2, 3))], Then::StayOpen),
    ])
    .await;
    following.until("both refused", |it| it.revoked("new") && it.revoked("old")).await;
    following.until("followed again", |it| it.service.asked_behind().len() == 2).await;
    assert_eq!(following.service.asked_behind()[1], "0000000000000002.3");
    assert!(following.notes.has("does not go on from here"));
}

/// Another instance answers, and then the first again.
#[tokio::test]
async fn a_position_that_nobody_knows_is_tried_again_before_all_is_loaded() {
    let unknown = || feed(&[FeedEvent::Reset(ResetReason::UnknownPosition).to_frame()], Then::End);
    let following = Following::start(vec![
        snapshot(at(1, 7), &["a"]),
        unknown(),
        feed(&[heartbeat(at(1, 7))], Then::End),
        unknown(),
        // An instance of another epoch that does not even say so.
        feed(&[heartbeat(at(2, 7))], Then::End),
        unknown(),
        unknown(),
        snapshot(at(2, 3), &["b"]),
        feed(&[heartbeat(at(2, 3))], Then::StayOpen),
    ])
    .await;
    following.until("followed again", |it| it.revoked("b")).await;
    following.until("asked", |it| it.service.asked_behind().len() == 7).await;
    assert!(following.revoked("a"));
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let truncated = || {
        let mut answer = snapshot(at(1, 7), &["a"]);
        answer.body.pop();
        answer
    };
    let endless = Answer { body: vec![b'x'; 2 << 20], ..feed(&[], Then::StayOpen) };
    let page = "200 OK\r\ncontent-type: text/html";
    for (answers, told) in [
        (vec![refusal("/v1/snapshot", "401 Unauthorized")], "configure this key"),
        (vec![refusal("/v1/snapshot", "403 Forbidden")], "give it the scope \"feed\""),
        (vec![refusal("/v1/snapshot", "307 T\r\nlocation: http://127.0.0.1:1/")], "redirect (307)"),
        (vec![refusal("/v1/snapshot", "404 Not Found")], "status 404"),
        (vec![refusal("/v1/snapshot", "503 Busy\r\nretry-after: 1")], "the service is busy (503)"),
        (vec![refusal("/v1/snapshot", page)], "no feed of signout"),
        (vec![truncated()], "cut short"),
        (vec![snapshot(at(1, 7), &[]), refusal("/v1/feed", page)], "no feed of signout"),
        (vec![snapshot(at(1, 7), &[]), endless], "more than fits"),
        (
            vec![
                snapshot(at(1, 7), &[]),
                feed(&["event: changes\nid: x\ndata: {}\n\n".into()], Then::End),
            ],
            "no position",
        ),
        (vec![], "cannot be reached"),
    ] {
        let following = Following::start(answers).await;
        following.until(told, |it| it.notes.has(told)).await;
        let never = following.checker.staleness(Instant::now()) == Duration::MAX;
        assert!(never, "{told}: {:?}", following.notes.0);
        assert!(!following.notes.has("hunter2"));
    }
}

#[tokio::test]
async fn another_deployment_is_refused() {
    let following = Following::start(vec![snapshot(at(1, 7), &["a"])]).await;
    following.until("loaded", |it| it.revoked("a")).await;
    let service = Scripted::start(vec![{
        let mut body = Vec::new();
        let other = DigestKey::from_bytes([2; 16]);
        SnapshotWriter::begin(&other, at(1, 1), 0, &mut body).finish(&mut body);
        Answer { body, ..snapshot(at(1, 1), &[]) }
    }])
    .await;
    let at = Service::at(&service.base, ApiKey::parse("k").unwrap()).unwrap();
    let notes = Arc::clone(&following.notes);
    let follower = Follower::new(&at, following.checker.clone()).unwrap();
    let task = tokio::spawn(async move { match follower.run().await {} });
    following.until("refused", |_| notes.has("another signout deployment")).await;
    task.abort();
    assert!(following.revoked("a"));
}

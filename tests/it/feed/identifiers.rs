//! Who sees whom a revocation is about.

use serde_json::json;
use signout_checker::{FeedChange, FeedEvent, Position, Target, TargetKind};

use super::stream::{Stream, end};
use crate::harness::{Op, Service};

const DIGESTS: &str = "a-key-that-sees-only-digests";
const HOME: &str = "a-key-that-registers-for-home";
const ALL: &str = "a-key-that-registers-for-all";

struct House {
    _folder: tempfile::TempDir,
    home: Op,
    other: Op,
    service: Service,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let [home, other] = ["home", "other"].map(|name| Op::new(name, folder.path()));
    let key = |name: &str, key: &str, scopes: &str, more: &str| {
        format!("[[api_key]]\nname = {name:?}\nkey = {key:?}\nscopes = [{scopes}]\n{more}\n")
    };
    let settings = [
        home.settings(),
        other.settings(),
        key("digests", DIGESTS, "\"feed\", \"check\"", ""),
        key("home-only", HOME, "\"feed\", \"register\"", "issuers = [\"home\"]"),
        key("all", ALL, "\"feed\", \"register\"", ""),
    ];
    let service = Service::start(folder.path(), &settings.concat());
    House { _folder: folder, home, other, service }
}

/// The session that a change says it is about.
fn session(told: &FeedChange) -> Option<(&str, &str)> {
    match told.target.as_ref()? {
        Target::Session(issuer, session) => Some((issuer.as_str(), session.as_str())),
        other => panic!("{other:?}"),
    }
}

async fn sees(stream: &mut Stream, at: Position, expected: Option<(&str, &str)>) {
    let (told_at, changes) = stream.changes().await;
    assert_eq!(told_at, at);
    assert_eq!(changes.iter().map(session).collect::<Vec<_>>(), [expected]);
    assert_eq!(changes[0].change.kind, TargetKind::Session);
}

/// Live and from the journal.
#[tokio::test]
async fn identifiers_are_for_those_who_register_the_issuers_tokens() {
    let House { home, other, service, .. } = &house();
    let begin = end(service, home, "begin").await;
    let mut live = [
        Stream::open_as(DIGESTS, service, "").await,
        Stream::open_as(HOME, service, "").await,
        Stream::open_as(ALL, service, "").await,
    ];
    for stream in &mut live {
        stream.heartbeat().await;
    }
    let first = end(service, home, "s1").await;
    let second = end(service, other, "s2").await;
    let after = format!("?after={begin}");
    let read = [
        Stream::open_as(DIGESTS, service, &after).await,
        Stream::open_as(HOME, service, &after).await,
        Stream::open_as(ALL, service, &after).await,
    ];
    let (of_home, of_other) = ((&*home.issuer, "s1"), (&*other.issuer, "s2"));
    for [digests, home_only, all] in [&mut live, &mut { read }] {
        sees(digests, first, None).await;
        sees(digests, second, None).await;
        sees(home_only, first, Some(of_home)).await;
        sees(home_only, second, None).await;
        sees(all, first, Some(of_home)).await;
        sees(all, second, Some(of_other)).await;
    }
}

/// The first to see identifiers comes while others follow without.
#[tokio::test]
async fn identifiers_are_there_for_whoever_comes_later() {
    let House { home, service, .. } = &house();
    let mut digests = Stream::open_as(DIGESTS, service, "").await;
    digests.heartbeat().await;
    for n in 0..20 {
        let mut all = Stream::open_as(ALL, service, "").await;
        let sid = format!("s{n}");
        let at = end(service, home, &sid).await;
        sees(&mut all, at, Some((&home.issuer, &sid))).await;
        sees(&mut digests, at, None).await;
    }
}

/// Of a commit with acts of several issuers each is told in its own way.
#[tokio::test]
async fn one_commit_may_have_both() {
    let House { home, other, service, .. } = &house();
    let mut stream = Stream::open_as(HOME, service, "").await;
    stream.heartbeat().await;
    let order = |op: &Op, sid: String| json!({ "target": { "iss": op.issuer, "sid": sid }, "reason": "admin" });
    // Sent together, so that some share a commit.
    let orders: Vec<_> =
        (0..60).map(|n| order(if n % 2 == 0 { home } else { other }, format!("s{n}"))).collect();
    let mut requests = tokio::task::JoinSet::new();
    for order in orders {
        let request = service
            .request(reqwest::Method::POST, "/v1/revocations")
            .bearer_auth(crate::harness::API_KEY);
        let request = request.header("content-type", "application/json").body(order.to_string());
        requests.spawn(async move { assert_eq!(request.send().await.unwrap().status(), 201) });
    }
    requests.join_all().await;
    let (mut shown, mut hidden) = (0, 0);
    while shown + hidden < 60 {
        let Some(FeedEvent::Changes { changes, .. }) = stream.next_act().await else { panic!() };
        match session(&changes[0]) {
            Some((issuer, _)) => {
                assert_eq!(issuer, home.issuer);
                shown += 1;
            }
            None => hidden += 1,
        }
    }
    assert_eq!((shown, hidden), (30, 30));
}

use super::*;
use crate::{Digest, IssuedBefore, Issuer, KeyName, Reach, Reason, SessionId, Subject, TargetKind};

const AT: Position = Position { epoch: 0xabc, seq: 9 };

fn change(kind: TargetKind) -> Change {
    Change {
        target: Digest::from_bytes(*b"0123456789abcdef"),
        name: None,
        kind,
        issued_before: IssuedBefore::EVERYTHING,
        reach: Reach::LOGIN,
        retain_until: Timestamp::from_secs(5_000),
        reason: Reason::BackchannelLogout,
        revoked_at: Timestamp::from_secs(1_000),
    }
}

fn several() -> Vec<FeedChange> {
    let op = Issuer::parse("https://op.example").unwrap();
    let sid = SessionId::parse("a \"quoted\" sid\u{2028}").unwrap();
    let sub = Subject::parse("ann").unwrap();
    vec![
        change(TargetKind::Token).named(KeyName::from_bytes(*b"fedcba9876543210")).into(),
        Change { retain_until: Timestamp::MAX, ..change(TargetKind::Client) }.into(),
        Change { issued_before: IssuedBefore::NOTHING, ..change(TargetKind::Client) }.into(),
        FeedChange {
            change: change(TargetKind::Session),
            target: Some(Target::Session(op.clone(), sid)),
        },
        FeedChange {
            change: Change {
                issued_before: IssuedBefore::at(Timestamp::from_secs(999)),
                reach: Reach::ALL,
                ..change(TargetKind::Subject)
            },
            target: Some(Target::Subject(op.clone(), sub)),
        },
        FeedChange { change: change(TargetKind::Issuer), target: Some(Target::Issuer(op)) },
    ]
}

/// Takes frames apart as a reader of event streams does.
fn decoded(frames: &str) -> Vec<FeedEvent> {
    let field = |frame: &str, name: &str| {
        frame.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    let event = |frame: &str| {
        let [name, id, data] = ["event: ", "id: ", "data: "].map(|name| field(frame, name));
        FeedEvent::decode(&name, &id, &data).unwrap().unwrap()
    };
    frames.split_terminator("\n\n").map(event).collect()
}

#[test]
fn what_is_written_is_read() {
    let heartbeat = Heartbeat {
        staleness: Duration::from_millis(250),
        elapsed: Duration::from_millis(5_003),
        time: Timestamp::from_secs(1_700_000_000),
        previous: 9,
    };
    let mut events = vec![
        FeedEvent::Heartbeat { at: AT, heartbeat },
        FeedEvent::Changes { at: AT, previous: 3, changes: several() },
    ];
    events.extend(ResetReason::ALL.iter().copied().map(FeedEvent::Reset));
    for event in events {
        assert_eq!(decoded(&event.to_frame()), [event]);
    }
}

/// Other programs read this.
#[test]
fn frozen_frames() {
    let changes = vec![change(TargetKind::Session).into()];
    let event = FeedEvent::Changes { at: AT, previous: 3, changes };
    assert_eq!(
        event.to_frame(),
        "event: changes\nid: 0000000000000abc.9\ndata: {\"previous\":3,\"changes\":[{\
         \"kind\":\"session\",\"digest\":\"66656463626139383736353433323130\",\
         \"issued_before\":null,\"offline\":false,\"long_lived\":false,\"retain_until\":5000,\
         \"reason\":\"backchannel_logout\",\"revoked_at\":1000}]}\n\n"
    );
    assert_eq!(
        FeedEvent::Reset(ResetReason::Lagged).to_frame(),
        "event: reset\ndata: {\"reason\":\"lagged\"}\n\n"
    );
}

#[test]
fn staleness_is_rounded_up_and_elapsed_down() {
    let exact = Heartbeat {
        staleness: Duration::from_micros(1_001),
        elapsed: Duration::from_micros(1_999),
        time: Timestamp::from_secs(1),
        previous: 0,
    };
    let [FeedEvent::Heartbeat { heartbeat, .. }] =
        &decoded(&FeedEvent::Heartbeat { at: AT, heartbeat: exact }.to_frame())[..]
    else {
        panic!("one heartbeat was written");
    };
    assert_eq!(heartbeat.staleness, Duration::from_millis(2));
    assert_eq!(heartbeat.elapsed, Duration::from_millis(1));
    let unknown = Heartbeat { staleness: Duration::MAX, ..exact };
    let frame = FeedEvent::Heartbeat { at: AT, heartbeat: unknown }.to_frame();
    assert!(frame.contains("\"staleness_ms\":9007199254740991"), "{frame}");
}

#[test]
fn a_large_act_becomes_events_that_are_small_enough() {
    let op = Issuer::parse("\"".repeat(Issuer::MAX_BYTES)).unwrap();
    let sid = SessionId::parse("\"".repeat(SessionId::MAX_BYTES)).unwrap();
    let largest = FeedChange {
        change: change(TargetKind::Session).named(KeyName::from_bytes([255; 16])),
        target: Some(Target::Session(op, sid)),
    };
    let changes = vec![largest; 2 * EVENT_CHANGES + 1];
    let whole = FeedEvent::Changes { at: AT, previous: 3, changes: changes.clone() };
    let parts = decoded(&whole.to_frame());
    let mut found = Vec::new();
    let mut seqs = Vec::new();
    for part in parts {
        assert_eq!(decoded(&part.to_frame()), std::slice::from_ref(&part));
        let FeedEvent::Part { at, previous: 3, part, changes } = part else { panic!("{part:?}") };
        seqs.push((at.seq, part.number, part.of));
        found.extend(changes);
    }
    assert_eq!((found, seqs), (changes, vec![(3, 0, 3), (3, 1, 3), (9, 2, 3)]));
}

#[test]
fn unknown_events_and_fields_are_left_alone() {
    assert!(FeedEvent::decode("weather", "", "{").unwrap().is_none());
    let data = r#"{"staleness_ms":0,"elapsed_ms":0,"time":0,"previous":0,"mood":{"a":[1]}}"#;
    assert!(FeedEvent::decode("heartbeat", &AT.to_string(), data).unwrap().is_some());
}

#[test]
fn each_fault_is_refused() {
    let good = FeedEvent::Changes { at: AT, previous: 3, changes: several() }.to_frame();
    let good = good.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let id = AT.to_string();
    assert!(FeedEvent::decode("changes", &id, good).is_ok());
    for (from, to, says) in [
        ("\"previous\":3", "\"previous\":10", "says that 10 came before"),
        ("\"previous\":3", "\"previous\":9", "says that 9 came before"),
        ("\"previous\":3", "\"previous\":3,\"part\":0", "come together"),
        ("\"previous\":3", "\"previous\":3,\"parts\":2", "come together"),
        ("\"previous\":3", "\"previous\":3,\"part\":0,\"parts\":1", "part 0 of 1"),
        ("\"previous\":3", "\"previous\":3,\"part\":2,\"parts\":2", "part 2 of 2"),
        ("\"previous\":3", "\"previous\":3,\"part\":0,\"parts\":2", "says that 3 came before"),
        ("\"previous\":3", "\"previous\":9,\"part\":1,\"parts\":2", "says that 9 came before"),
        ("\"previous\":3", "\"previous\":-1", "expected u64"),
        ("\"previous\":3", "\"previous\":\"3\"", "expected u64"),
        ("\"previous\":3,", "", "missing field `previous`"),
        ("\"previous\":3", "\"previous\":3,\"previous\":3", "duplicate field"),
        ("\"digest\":\"66", "\"digest\":\"+6", "`digest`"),
        ("\"digest\":\"6665", "\"digest\":\"666F", "`digest`"),
        ("\"digest\":\"66", "\"digest\":\"", "`digest`"),
        ("\"name\":\"66", "\"name\":\"6", "`name`"),
        ("\"kind\":\"token\"", "\"kind\":\"Token\"", "`kind`"),
        ("\"kind\":\"token\"", "\"kind\":1", "expected a string"),
        ("\"reason\":\"backchannel_logout\"", "\"reason\":\"\"", "`reason`"),
        ("\"issued_before\":null,", "", "missing field `issued_before`"),
        ("\"retain_until\":null,", "", "missing field `retain_until`"),
        ("\"issued_before\":999", "\"issued_before\":999.5", "expected u64"),
        ("\"offline\":false", "\"offline\":0", "expected a boolean"),
        ("\"iss\":\"https://op.example\"", "\"iss\":\"\"", "iss is empty"),
        ("\"iss\":\"https://op.example\",", "", "come together"),
        ("\"sub\":\"ann\"", "\"sub\":\"ann\",\"sid\":\"x\"", "come together"),
        ("\"sub\":\"ann\"", "\"sub\":\"\\u0000\"", "control character"),
        ("]}", "]", "EOF"),
        ("]}", "]}}", "trailing characters"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let error = FeedEvent::decode("changes", &id, &bad).unwrap_err().to_string();
        assert!(error.contains(says), "{from} -> {to}: {error}");
    }
    for (name, id, data, says) in [
        ("changes", "", good, "no position"),
        ("changes", "9", good, "no position"),
        ("changes", &*id, r#"{"previous":3,"changes":[]}"#, "no changes"),
        ("changes", &*id, r#"{"previous":3,"changes":[[]]}"#, "expected an object"),
        ("heartbeat", &*id, "{}", "missing field"),
        ("heartbeat", &*id, "[0,0,0,0]", "expected an object"),
        ("reset", "", r#"{"reason":"boredom"}"#, "`reason`"),
        ("heartbeat", &*id, &" ".repeat(DATA_BYTES + 1), "at most 1048576"),
    ] {
        let error = FeedEvent::decode(name, id, data).unwrap_err().to_string();
        assert!(error.contains(says), "{name} {id}: {error}");
    }
}

#[test]
fn i13_delays_make_knowledge_older_and_never_younger() {
    let asked = Instant::now() + Duration::from_secs(1_000);
    let at = |secs| asked + Duration::from_secs(secs);
    let heartbeat = |staleness, elapsed| Heartbeat {
        staleness,
        elapsed,
        time: Timestamp::from_secs(0),
        previous: 0,
    };
    let secs = Duration::from_secs;
    for (staleness, elapsed, arrived, as_of) in [
        (secs(0), secs(5), at(5), Some(at(5))),
        // An hour in a buffer.
        (secs(0), secs(5), at(3_605), Some(at(5))),
        // A server whose clock runs fast.
        (secs(0), secs(9), at(5), Some(at(5))),
        (secs(2), secs(9), at(5), Some(at(3))),
        (Duration::ZERO, Duration::MAX, at(5), Some(at(5))),
        (Duration::from_millis((1 << 53) - 1), secs(5), at(5), None),
        (Duration::MAX, secs(5), at(5), None),
    ] {
        assert_eq!(heartbeat(staleness, elapsed).as_of(asked, arrived), as_of);
    }
}

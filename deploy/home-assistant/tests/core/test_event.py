"""Events, read strictly."""

import json

import pytest

from custom_components.signout.core.event import (
    Changes,
    EventError,
    Heartbeat,
    Part,
    Reset,
    ResetReason,
    parse,
)
from custom_components.signout.core.position import Position
from custom_components.signout.core.revocation import Change, Kind, Reason, Target
from custom_components.signout.core.sse import Message

AT = Position("00000000000000aa", 7)
CHANGE = {
    "kind": "session",
    "digest": "0" * 31 + "a",
    "name": "f" * 32,
    "issued_before": None,
    "offline": False,
    "long_lived": True,
    "retain_until": 9,
    "reason": "backchannel_logout",
    "revoked_at": 8,
}


def message(event: str, data: object, at: str = str(AT)) -> Message:
    text = data if isinstance(data, str) else json.dumps(data)
    return Message(event.encode(), at.encode(), text.encode())


def changes(*fields: dict[str, object], **more: object) -> Message:
    return message("changes", {"previous": 6, "changes": list(fields), **more})


def heartbeat(**fields: object) -> Message:
    data = {"staleness_ms": 20, "elapsed_ms": 1500, "time": 99, "previous": 7} | fields
    return message("heartbeat", data)


def test_a_heartbeat():
    assert parse(heartbeat(more="?")) == Heartbeat(AT, 7, 0.02, 1.5, 99)


def test_how_far_a_heartbeat_vouches():
    beat = parse(heartbeat())
    assert isinstance(beat, Heartbeat)
    assert beat.as_of(asked=100, arrived=200) == 101.48
    # The service's clock runs faster than ours: not later than the arrival.
    assert beat.as_of(asked=100, arrived=101) == 100.98
    nothing = parse(heartbeat(staleness_ms=2**53 - 1))
    assert isinstance(nothing, Heartbeat)
    assert nothing.as_of(asked=100, arrived=101) is None


def test_a_change():
    event = parse(changes(CHANGE))
    change = Change(
        kind=Kind.SESSION,
        digest=10,
        issued_before=None,
        offline=False,
        long_lived=True,
        retain_until=9,
        reason=Reason.BACKCHANNEL_LOGOUT,
        revoked_at=8,
    )
    assert event == Changes(AT, 6, (change,))


@pytest.mark.parametrize(
    ("kind", "fields", "target"),
    [
        ("token", {"iss": "i", "jti": "x"}, Target("i", "x")),
        ("session", {"iss": "i", "sid": "x"}, Target("i", "x")),
        ("subject", {"iss": "i", "sub": "x"}, Target("i", "x")),
        ("client", {"iss": "i", "client_id": "x"}, Target("i", "x")),
        ("issuer", {"iss": "i"}, Target("i", "")),
        ("session", {}, None),
    ],
)
def test_whom_it_is_about(kind, fields, target):
    event = parse(changes({**CHANGE, "kind": kind, **fields}))
    assert isinstance(event, Changes)
    assert event.changes[0].target == target


def test_a_part_of_a_large_act():
    event = parse(changes(CHANGE, part=0, parts=2))
    assert isinstance(event, Changes)
    assert event.part == Part(0, 2)


def test_a_reset_has_no_position():
    event = parse(message("reset", {"reason": "lagged"}, at=""))
    assert event == Reset(ResetReason.LAGGED)


def test_unknown_events_are_passed_over():
    assert parse(message("tomorrow", "no json", at="?")) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"kind": "planet"},
        {"digest": "A" * 32},
        {"digest": "0" * 31},
        {"digest": 5},
        {"issued_before": -1},
        {"issued_before": True},
        {"issued_before": 1.5},
        {"offline": 0},
        {"retain_until": "9"},
        {"reason": ""},
        {"reason": "because"},
        {"sid": "x"},
        {"iss": "i"},
        {"iss": "i", "sub": "x"},
        {"iss": "i", "sid": "x", "sub": "y"},
        {"iss": "", "sid": "x"},
        {"iss": "i", "sid": None},
    ],
)
def test_odd_changes_are_refused(odd):
    with pytest.raises(EventError) as error:
        parse(changes({**CHANGE, **odd}))
    # Errors name fields and no values.
    assert "planet" not in str(error.value)
    assert "because" not in str(error.value)


@pytest.mark.parametrize("missing", sorted(CHANGE.keys() - {"name"}))
def test_nothing_may_be_missing(missing):
    with pytest.raises(EventError):
        parse(changes({name: value for name, value in CHANGE.items() if name != missing}))


@pytest.mark.parametrize(
    "odd",
    [
        changes(),
        message("changes", {"previous": 6, "changes": [5]}),
        message("changes", {"previous": 6, "changes": {}}),
        changes(CHANGE, part=1),
        message("changes", "[]"),
        message("changes", "{"),
        message("changes", '{"previous": 1, "previous": 2}'),
        message("changes", "[" * 100_000),
        heartbeat(previous=None),
        message("heartbeat", {}, at="7"),
        message("heartbeat", {}, at=f"{AT.epoch}.07"),
        message("heartbeat", {}, at=f"{AT.epoch}.{2**64}"),
        message("heartbeat", {}, at=AT.epoch.upper() + ".7"),
        message("reset", {"reason": "whim"}),
    ],
)
def test_odd_events_are_refused(odd):
    with pytest.raises(EventError):
        parse(odd)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(EventError):
        parse(Message(b"changes", b"\xff", b"{}"))
    with pytest.raises(EventError):
        parse(Message(b"changes", str(AT).encode(), b'{"previous": "\xff"}'))

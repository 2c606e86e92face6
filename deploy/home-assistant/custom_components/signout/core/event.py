"""Events of the feed: from the text of a message to what it says, or an error that says why not.

Unknown events and unknown fields are passed over, as the contract asks. Everything known is read
strictly: an event that is half understood could let a session live that was ended.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .position import Position
from .revocation import Change, Kind, Reason, Target
from .sse import Message

_IDENTIFIERS: Final = {
    "jti": Kind.TOKEN,
    "sid": Kind.SESSION,
    "sub": Kind.SUBJECT,
    "client_id": Kind.CLIENT,
}
_HEX: Final = frozenset("0123456789abcdef")
_DIGITS: Final = 32
_NEVER: Final = 2**53 - 1


class EventError(Exception):
    """An event is not what the feed says. Nothing of it may be used."""


class ResetReason(StrEnum):
    """Why a stream cannot go on."""

    UNKNOWN_POSITION = "unknown_position"
    TOO_FAR_BEHIND = "too_far_behind"
    LAGGED = "lagged"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing but what is known up to here. Times are in seconds.

    Everything that was decided longer than `staleness` before this was sent was told before; `None`
    vouches for nothing. It was sent `elapsed` after the request. `time` is the service's clock.
    """

    at: Position
    previous: int
    staleness: float | None
    elapsed: float
    time: int

    def as_of(self, asked: float, arrived: float) -> float | None:
        """Up to when everything is known, by the clock of `asked` (the request) and `arrived`."""
        if self.staleness is None:
            return None
        return min(asked + self.elapsed, arrived) - self.staleness


@dataclass(frozen=True, slots=True)
class Part:
    """One event of several that tell of one act: `number` counts from 0."""

    number: int
    of: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Somebody was signed out."""

    at: Position
    previous: int
    changes: tuple[Change, ...]
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Reset:
    """The last event of a stream: load the snapshot."""

    reason: ResetReason


type Event = Heartbeat | Changes | Reset


def parse(message: Message) -> Event | None:
    """Read an event; `None` is one to pass over."""
    match message.event:
        case b"heartbeat":
            return _heartbeat(_position(message), _Fields.of(message))
        case b"changes":
            return _changes(_position(message), _Fields.of(message))
        case b"reset":
            return Reset(_Fields.of(message).word("reason", ResetReason))
        case _:
            return None


def _position(message: Message) -> Position:
    position = Position.parse(message.id.decode("utf-8", "replace"))
    if position is None:
        raise EventError("an event has no position for its id")
    return position


def _heartbeat(at: Position, fields: "_Fields") -> Heartbeat:
    staleness = fields.number("staleness_ms")
    return Heartbeat(
        at,
        previous=fields.number("previous"),
        staleness=None if staleness >= _NEVER else staleness / 1000,
        elapsed=fields.number("elapsed_ms") / 1000,
        time=fields.number("time"),
    )


def _changes(at: Position, fields: "_Fields") -> Changes:
    changes = tuple(_change(change) for change in fields.objects("changes"))
    part = None
    if fields.has("part") or fields.has("parts"):
        part = Part(fields.number("part"), fields.number("parts"))
    return Changes(at, fields.number("previous"), changes, part)


def _change(fields: "_Fields") -> Change:
    kind = fields.word("kind", Kind)
    return Change(
        kind=kind,
        digest=fields.digest("digest"),
        issued_before=fields.number_or_null("issued_before"),
        offline=fields.flag("offline"),
        long_lived=fields.flag("long_lived"),
        retain_until=fields.number_or_null("retain_until"),
        reason=fields.word("reason", Reason),
        revoked_at=fields.number("revoked_at"),
        target=_target(kind, fields),
    )


def _target(kind: Kind, fields: "_Fields") -> Target | None:
    """Whom it is about. `iss` and the one identifier of this kind come together, or not at all."""
    named = [name for name in _IDENTIFIERS if fields.has(name)]
    if not fields.has("iss"):
        if named:
            raise EventError("`iss` is missing beside an identifier")
        return None
    if [_IDENTIFIERS[name] for name in named] != ([] if kind is Kind.ISSUER else [kind]):
        raise EventError("the identifier is not the one of this `kind`")
    return Target(fields.text("iss"), fields.text(named[0]) if named else "")


class _Fields:
    """One JSON object, read by what a field must be. Errors name the field, never the value."""

    def __init__(self, fields: dict[str, object]) -> None:
        self._fields = fields

    @classmethod
    def of(cls, message: Message) -> "_Fields":
        try:
            fields = json.loads(message.data.decode(), object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            raise EventError("the data of an event are no JSON") from error
        if not isinstance(fields, dict):
            raise EventError("the data of an event are no object")
        return cls(fields)

    def has(self, name: str) -> bool:
        return name in self._fields

    def number(self, name: str) -> int:
        value = self._fields.get(name)
        # True and False are numbers to Python.
        if type(value) is not int or value < 0:
            raise EventError(f"`{name}` is no whole number")
        return value

    def number_or_null(self, name: str) -> int | None:
        """`null` means something, so a field that is missing is not taken for it."""
        if self._fields.get(name, "") is None:
            return None
        return self.number(name)

    def flag(self, name: str) -> bool:
        value = self._fields.get(name)
        if not isinstance(value, bool):
            raise EventError(f"`{name}` is neither true nor false")
        return value

    def text(self, name: str) -> str:
        value = self._fields.get(name)
        if not isinstance(value, str) or not value:
            raise EventError(f"`{name}` is no text")
        return value

    def word[W: StrEnum](self, name: str, words: type[W]) -> W:
        value = self.text(name)
        for word in words:
            if word == value:
                return word
        raise EventError(f"`{name}` is none of the known words")

    def digest(self, name: str) -> int:
        value = self.text(name)
        if len(value) != _DIGITS or not _HEX.issuperset(value):
            raise EventError(f"`{name}` is no 32 lower-case hex digits")
        return int(value, 16)

    def objects(self, name: str) -> list["_Fields"]:
        value = self._fields.get(name)
        if not isinstance(value, list) or not value:
            raise EventError(f"`{name}` is no list with something in it")
        if not all(isinstance(item, dict) for item in value):
            raise EventError(f"`{name}` has something in it that is no object")
        return [_Fields(item) for item in value]


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is there twice")
    return fields

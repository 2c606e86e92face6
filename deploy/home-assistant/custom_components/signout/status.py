"""How it goes: what entities, diagnostics and repairs tell."""

from asyncio import TimerHandle
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from .const import DISCONNECTED, EVENT_LOGOUT, SIGNAL_LOGOUT, SIGNAL_STATUS
from .core.freshness import Freshness
from .core.revocation import Change, Kind, Reason

_MOMENT: Final = 0.25
"""Seconds. To count ten thousand sessions at each of ten thousand logouts would take very long."""

LOGOUT_TYPES: Final = ("session", "user", "admin", "password_change", "recheck")


def logout_type(change: Change) -> str:
    """Give the type of event that a change is told as."""
    match change.reason:
        case Reason.ADMIN | Reason.ACCOUNT_DISABLED:
            return "admin"
        case Reason.PASSWORD_CHANGE:
            return "password_change"
        case Reason.RECHECK_FAILED:
            return "recheck"
        case _:
            return "user" if change.kind is Kind.SUBJECT else "session"


@dataclass
class Counts:
    """What happened since the start. None of it tells of whom."""

    changes: int = 0
    connections: int = 0
    snapshots: int = 0
    unknown_sessions: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    registrations: Counter[str] = field(default_factory=Counter)


class Status:
    """Kept by whoever does something, read by whoever shows something."""

    def __init__(self, hass: HomeAssistant, clock: Callable[[], float]) -> None:
        """Begin disconnected. `clock` is monotonic."""
        self._hass, self._clock = hass, clock
        self.freshness = Freshness(clock())
        self.counts = Counts()
        self.trouble: str | None = None
        self._heard: float | None = None
        self._lost = clock()
        self._today: tuple[date, int] = (dt_util.now().date(), 0)
        self.last_logout: datetime | None = None
        self._telling: TimerHandle | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the service was heard of within the last two heartbeats."""
        return self._heard is not None and self._clock() - self._heard < DISCONNECTED

    @property
    def silence(self) -> float:
        """Seconds since the service was last heard of, or since the start."""
        return self._clock() - (self._lost if self._heard is None else self._heard)

    @property
    def ended_today(self) -> int:
        """Refresh tokens that were ended since midnight, local time."""
        day, count = self._today
        return count if day == dt_util.now().date() else 0

    @callback
    def heard(self) -> None:
        """Note a sign of life."""
        was_connected = self.is_connected
        self._heard, self.trouble = self._clock(), None
        if not was_connected:
            self.tell()

    @callback
    def ended(self, user_id: str, count: int, kind: str, reason: str) -> None:
        """Note that tokens of a user were ended, and tell whoever listens."""
        self.counts.ended[kind] += count
        self._today = (dt_util.now().date(), self.ended_today + count)
        self.last_logout = dt_util.utcnow()
        data = {"user_id": user_id, "count": count, "type": kind, "reason": reason}
        self._hass.bus.async_fire(EVENT_LOGOUT, data)
        async_dispatcher_send(self._hass, SIGNAL_LOGOUT, data)
        self.tell()

    @callback
    def tell(self) -> None:
        """Have everything shown anew in a moment: once, however often this is said meanwhile."""
        if self._telling is None:
            self._telling = self._hass.loop.call_later(_MOMENT, self._tell)

    @callback
    def close(self) -> None:
        """Show nothing any more."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    @callback
    def _tell(self) -> None:
        self._telling = None
        async_dispatcher_send(self._hass, SIGNAL_STATUS)

"""What is kept across restarts: how far the feed was followed, and whose tokens are whose.

It holds subjects and sessions as the provider calls them. The file lies beside Home Assistant's own
tokens and is as private as theirs.
"""

from collections.abc import Callable
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store

from .const import DOMAIN, SETTLES_AFTER
from .core.identity import Identity
from .core.position import Position, Trail

_VERSION: Final = 1
_DELAY: Final = 1.0


class Memory:
    """One file below `.storage`."""

    def __init__(self, hass: HomeAssistant, clock: Callable[[], float]) -> None:
        """Say where it is. `clock` is monotonic."""
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, DOMAIN, private=True, atomic_writes=True
        )
        self._clock = clock
        self._trail = Trail(SETTLES_AFTER)
        self._kept: Position | None = None
        self.logins: dict[str, Identity] = {}
        self.since: int | None = None
        """When this was first set up, in seconds since 1970."""
        self.last_logout: int | None = None
        """When somebody was last signed out, in seconds since 1970."""

    async def load(self, now: int) -> None:
        """Read the file. `now` is what a first set-up is dated with."""
        stored = await self._store.async_load() or {}
        position = stored.get("position")
        self._kept = Position.parse(position) if isinstance(position, str) else None
        for token_id, login in stored.get("logins", {}).items():
            identity = Identity.of_json(login)
            if identity is not None:
                self.logins[token_id] = identity
        self.last_logout = stored.get("last_logout")
        self.since = stored.get("since") or now
        self.changed()

    @property
    def position(self) -> Position | None:
        """From where to replay, so that nothing is missed that was not yet on the disk."""
        return self._trail.settled(self._clock()) or self._kept

    @callback
    def reached(self, position: Position) -> None:
        """Note that everything up to here was acted on."""
        self._trail.reached(position, self._clock())
        if self.position != self._kept:
            self._kept = self.position
            self.changed()

    @callback
    def changed(self) -> None:
        """Write it down in a moment."""
        self._store.async_delay_save(self._data, _DELAY)

    async def save(self) -> None:
        """Write it down now."""
        await self._store.async_save(self._data())

    async def remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()

    def _data(self) -> dict[str, Any]:
        position = self.position
        return {
            "position": None if position is None else str(position),
            "logins": {token_id: login.to_json() for token_id, login in self.logins.items()},
            "last_logout": self.last_logout,
            "since": self.since,
        }

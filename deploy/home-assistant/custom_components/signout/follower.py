"""Follows the feed: snapshot, replay, stream, and again."""

import asyncio
import logging
from collections.abc import Callable
from random import random
from typing import Final

from homeassistant.core import HomeAssistant

from .book import Book
from .client import KeyRejectedError, SignoutClient, SignoutError
from .core.backoff import HOPELESS, Backoff
from .core.cursor import Cursor, Step
from .core.event import Changes, Heartbeat
from .core.position import Position
from .core.snapshot import SnapshotError, SnapshotReader
from .enforcer import Enforcer
from .memory import Memory
from .status import Status

_LOGGER = logging.getLogger(__name__)

_FARTHEST: Final = 90_000
"""Entries that are replayed at most. The service takes 100,000; more may come while we ask."""
_INLINE: Final = 4 << 10
"""Bytes of a snapshot that are read on the event loop; more of them are read beside it."""
_EXPIRE_EVERY: Final = 3_600


class Follower:
    """One feed. Once begun, it follows for as long as it is let."""

    def __init__(
        self,
        hass: HomeAssistant,
        client: SignoutClient,
        book: Book,
        enforcer: Enforcer,
        memory: Memory,
        status: Status,
        clock: Callable[[], float],
    ) -> None:
        """Say what is to be followed, and who acts on it. `clock` is monotonic."""
        self._hass, self._client, self._clock = hass, client, clock
        self._book, self._enforcer = book, enforcer
        self._memory, self._status = memory, status
        self._cursor: Cursor | None = None
        self._replays = True
        self._is_vouched = False
        self._since: float | None = None
        self._expired_at = 0
        self.caught_up = asyncio.Event()
        self.on_rejected: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Follow for ever."""
        backoff = Backoff()
        while True:
            pause = None
            try:
                await self._follow()
            except KeyRejectedError as error:
                self._lost(str(error))
                self.on_rejected()
                pause = HOPELESS * (0.5 + random())
            except (SignoutError, SnapshotError) as error:
                self._lost(str(error))
            if self._since is not None:
                backoff.lasted(self._clock() - self._since)
                self._since = None
            if pause is None:
                pause = backoff.pause(random())
            await asyncio.sleep(pause)

    def _lost(self, trouble: str) -> None:
        if self._status.trouble is None:
            _LOGGER.warning("The signout service is not followed at the moment: %s", trouble)
        self._status.trouble = trouble

    async def _follow(self) -> None:
        cursor = self._cursor
        if cursor is None:
            cursor = self._cursor = await self._synchronise()
        asked, self._is_vouched = self._clock(), False
        async with self._client.follow(cursor.position) as events:
            self._status.counts.connections += 1
            self._since = self._clock()
            async for event in events:
                match cursor.step(event):
                    case Step.RESET:
                        # If a replay led here it would do so again.
                        self._replays = self._is_vouched
                        self._cursor = None
                        return
                    case Step.MISSING:
                        return
                    case Step.REPEATED:
                        continue
                    case Step.APPLY:
                        pass
                if isinstance(event, Changes):
                    await self._enforcer.apply(event.changes)
                elif isinstance(event, Heartbeat):
                    self._beat(event, asked)
                self._memory.reached(cursor.position)
                self._heard()

    def _heard(self) -> None:
        if self._status.trouble is not None:
            _LOGGER.info("The signout service is followed again")
        self._status.heard()

    def _beat(self, heartbeat: Heartbeat, asked: float) -> None:
        now = self._clock()
        as_of = heartbeat.as_of(asked, now)
        if as_of is None:
            # Sent ahead of a replay: nothing is vouched for yet.
            return
        self._status.freshness.vouch(as_of, now)
        if heartbeat.time - self._expired_at >= _EXPIRE_EVERY:
            self._expired_at = heartbeat.time
            self._enforcer.marks.expire(heartbeat.time)
        self._is_vouched = self._replays = True
        self.caught_up.set()
        self._status.tell()

    async def _synchronise(self) -> Cursor:
        """Take the snapshot and act on it, and say from where to go on.

        A snapshot knows its targets by digest only. Users of whom only the hash of hass-oidc-auth
        is known here are found by replaying what led to it, as far as the service has that.
        """
        reader = SnapshotReader()
        async with self._client.snapshot() as pieces:
            async for piece in pieces:
                if len(piece) > _INLINE:
                    changes = await self._hass.async_add_executor_job(reader.push, piece)
                else:
                    changes = reader.push(piece)
                if reader.key is not None:
                    await self._book.rekey(reader.key)
                await self._enforcer.apply(changes)
        goal = reader.finish()
        self._status.counts.snapshots += 1
        if not self._replays:
            return Cursor(goal)
        known, begin = self._memory.position, max(0, goal.seq - _FARTHEST)
        if known is not None and known.epoch == goal.epoch and known.seq <= goal.seq:
            begin = max(begin, known.seq)
        return Cursor(Position(goal.epoch, begin))

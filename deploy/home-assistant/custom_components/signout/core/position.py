"""Where a feed stands."""

import re
from collections import deque
from dataclasses import dataclass
from typing import Final, Self

_FORM: Final = re.compile(r"([0-9a-f]{16})\.(0|[1-9][0-9]{0,19})", re.ASCII)
_MOST: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Position:
    """An entry of a journal, written `<epoch>.<seq>`: which journal, and how far."""

    epoch: str
    seq: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` writes, and nothing else."""
        form = _FORM.fullmatch(text)
        if form is None or int(form[2]) > _MOST:
            return None
        return cls(form[1], int(form[2]))

    def __str__(self) -> str:
        """Write it as an event's id."""
        return f"{self.epoch}.{self.seq}"


class Trail:
    """Positions of the last seconds, to tell one that everything before is on the disk of.

    Home Assistant writes its tokens a second after the last change. Whoever wrote a newer position
    down and crashed would come back with tokens that nobody tells it to end again.
    """

    def __init__(self, settles_after: float) -> None:
        """Say how many seconds it takes until what a position led to is on the disk."""
        self._settles_after = settles_after
        self._recent: deque[tuple[float, Position]] = deque()
        self._settled: Position | None = None

    def reached(self, position: Position, now: float) -> None:
        """Note that everything up to a position was acted on. `now` is monotonic, in seconds."""
        if not self._recent or self._recent[-1][1] != position:
            self._recent.append((now, position))

    def settled(self, now: float) -> Position | None:
        """Give the latest position that was reached long enough ago."""
        while self._recent and now - self._recent[0][0] >= self._settles_after:
            self._settled = self._recent.popleft()[1]
        return self._settled

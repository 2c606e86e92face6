"""How far a follower of the feed has come."""

from dataclasses import dataclass
from enum import Enum, auto

from .event import Changes, Event, Part, Reset
from .position import Position


class Step(Enum):
    """What an event means to a follower."""

    APPLY = auto()
    """It continues what is known."""
    REPEATED = auto()
    """All of it is known."""
    MISSING = auto()
    """Something before it is not known: connect again behind the cursor's position."""
    RESET = auto()
    """The feed cannot go on from here: load the snapshot."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A large act of which some parts are known."""

    previous: int
    of: int
    known: int


class Cursor:
    """The position of a follower, and the rule that nothing counts that leaves a gap."""

    def __init__(self, position: Position) -> None:
        """Say up to where everything is known."""
        self.position = position
        self._begun: _Begun | None = None

    def step(self, event: Event) -> Step:
        """Look at the next event, and move over it if it is to be applied."""
        if isinstance(event, Reset) or event.at.epoch != self.position.epoch:
            return Step.RESET
        if event.previous > self.position.seq:
            return Step.MISSING
        if isinstance(event, Changes):
            if event.part is not None:
                step = self._part(event.part, event.at.seq, event.previous)
                if step is not Step.APPLY:
                    return step
            elif event.at.seq <= self.position.seq:
                return Step.REPEATED
        if event.at.seq > self.position.seq:
            self.position = event.at
        return Step.APPLY

    def _part(self, part: Part, seq: int, previous: int) -> Step:
        """Look at a part. Those before it have to be known.

        Only the last one's position tells that the act is known: that of the others is the entry
        before, and entries that do not matter may lie between that and what is known.
        """
        if part.number + 1 >= part.of and seq <= self.position.seq:
            return Step.REPEATED
        begun, known = self._begun, 0
        if begun is not None and (begun.previous, begun.of) == (previous, part.of):
            known = begun.known
        if part.number != known:
            return Step.MISSING if part.number > known else Step.REPEATED
        self._begun = _Begun(previous, part.of, known + 1)
        return Step.APPLY

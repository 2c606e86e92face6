"""How long to pause before the next attempt."""

from typing import Final

FIRST: Final = 0.5
LONGEST: Final = 30.0
HOPELESS: Final = 60.0
"""Behind an answer that only a person can change, such as a key that is refused."""
_GOOD: Final = 5.0


class Backoff:
    """Pauses in seconds that double from failure to failure and are spread by a half either way."""

    def __init__(self) -> None:
        """Begin with the first pause."""
        self._next = FIRST

    def pause(self, random: float) -> float:
        """Give the pause behind one more failure. `random` is evenly spread over 0 to 1."""
        pause = self._next
        self._next = min(pause * 2, LONGEST)
        return pause * (0.5 + random)

    def lasted(self, seconds: float) -> None:
        """Note that there was a connection for so long: after a good one the count begins anew."""
        if seconds >= _GOOD:
            self._next = FIRST

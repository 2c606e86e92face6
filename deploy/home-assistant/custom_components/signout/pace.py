"""Long work in short pieces."""

import asyncio
from time import monotonic

from .const import SLICE


class Pace:
    """Lets others have the event loop whenever a slice of work is over."""

    def __init__(self) -> None:
        """Begin the first slice."""
        self._since = monotonic()

    async def breathe(self) -> None:
        """Go on, at once or when others had their turn."""
        if monotonic() - self._since > SLICE:
            await asyncio.sleep(0)
            self._since = monotonic()

"""How old the knowledge of what is refused is."""

from enum import StrEnum


class StalePolicy(StrEnum):
    """What to do when it is too old."""

    ALLOW = "allow"
    """Go by what is known. Lights keep working."""
    DENY = "deny"
    """Refuse SSO sessions that were there before, until the service is heard of again."""


class Freshness:
    """Knowledge gets old by itself, and new by heartbeats only. Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        """Begin: what was known before is as old as this."""
        self._as_of = now
        self.lag: float | None = None

    def vouch(self, as_of: float | None, now: float) -> None:
        """Take in a heartbeat. Time only moves forward."""
        if as_of is not None:
            self._as_of = max(self._as_of, as_of)
            self.lag = max(0.0, now - as_of)

    def age(self, now: float) -> float:
        """Give how old the knowledge is, in seconds."""
        return max(0.0, now - self._as_of)

"""Logins between the provider's answer and the refresh token that comes of it."""

from dataclasses import replace
from typing import Final

from .identity import Identity

LIFETIME: Final = 900.0
"""Seconds until an arrival is given up. hass-oidc-auth keeps its own for five minutes, and the code
that it leads to for as long again."""
_MOST: Final = 1_000


class Arrivals:
    """Identities that were seen at the provider's answer, until their refresh token is made."""

    def __init__(self) -> None:
        """Begin with none."""
        self._seen: list[tuple[float, Identity]] = []

    def saw(self, identity: Identity, now: float) -> None:
        """Note an identity. `now` is monotonic, in seconds."""
        self._seen = [*self._fresh(now), (now, identity)][-_MOST:]

    def take(self, stored: Identity, now: float) -> Identity | None:
        """Give who it is that a refresh token is made for, of whom `stored` is known otherwise.

        If a user logs in twice at a time, nothing tells which login this is: then each is both, and
        the end of either will end it. What was seen stays for the other one then.
        """
        self._seen = self._fresh(now)
        found = [identity for _, identity in self._seen if identity.agrees_with(stored)]
        if not found:
            return None
        if len(found) == 1:
            self._seen = [(at, seen) for at, seen in self._seen if seen is not found[0]]
        sessions = tuple(dict.fromkeys(sid for identity in found for sid in identity.sessions))
        return replace(found[-1], sessions=sessions)

    def _fresh(self, now: float) -> list[tuple[float, Identity]]:
        return [(at, identity) for at, identity in self._seen if now - at < LIFETIME]

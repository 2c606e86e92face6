"""The look at every request: refresh tokens that Home Assistant still has, and must not honour.

Home Assistant looks a refresh token up for every bearer token, signed URL and new websocket, all by
one method. Whatever it does not find there is not let in. That covers the time until a token is
removed, and sessions that are only held back. In front of the middlewares there would be no place
that sees websockets and signed URLs as well.
"""

from collections.abc import Callable, Iterable
from typing import Any

from homeassistant.auth import AuthManager

from .wrap import Wrap


class Guard:
    """Refuses refresh tokens by id. Costs one lookup in a set for each request."""

    def __init__(self, auth: AuthManager) -> None:
        """Stand before the lookups of `auth`."""
        self._ended: set[str] = set()
        self._held: frozenset[str] = frozenset()
        # What both say, so that a request asks only once.
        self._refused: set[str] = set()
        self.find: Callable[[str], Any] = auth.async_get_refresh_token
        self._by_id = _Lookup(auth, self._refused)
        self._by_secret = Wrap(auth, "async_get_refresh_token_by_token", self._unless_ended)

    def end(self, token_ids: Iterable[str]) -> None:
        """Refuse tokens that are about to be removed, also to those who hold their secret."""
        self._ended.update(token_ids)
        self._refused.update(self._ended)

    def removed(self, token_id: str) -> None:
        """Forget a token that is there no more."""
        self._ended.discard(token_id)
        if token_id not in self._held:
            self._refused.discard(token_id)

    def hold(self, token_ids: Iterable[str]) -> None:
        """Refuse these for now, and no others any more.

        Their refresh grant is left alone: a client that is refused there forgets its login.
        """
        self._held = frozenset(token_ids)
        self._refused.clear()
        self._refused.update(self._ended, self._held)

    @property
    def held(self) -> int:
        """How many are refused for now."""
        return len(self._held)

    def undo(self) -> None:
        """Let everything through again."""
        self._ended.clear()
        self.hold(())
        self._by_id.undo()
        self._by_secret.undo()

    def _unless_ended(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(secret: str) -> Any:
            token = original(secret)
            return None if token is not None and token.id in self._ended else token

        return guarded


class _Lookup:
    """A wrap of its own, as every layer counts here. It is never inactive, but may be empty."""

    def __init__(self, auth: AuthManager, refused: set[str]) -> None:
        original = auth.async_get_refresh_token

        def async_get_refresh_token(token_id: str) -> Any:
            if token_id in refused:
                return None
            return original(token_id)

        self._auth, self._ours = auth, async_get_refresh_token
        self._own = vars(auth).get("async_get_refresh_token")
        # A method of this one object, in the place of its class's.
        vars(auth)["async_get_refresh_token"] = async_get_refresh_token

    def undo(self) -> None:
        mine = vars(self._auth)
        if mine.get("async_get_refresh_token") is not self._ours:
            return
        if self._own is None:
            del mine["async_get_refresh_token"]
        else:
            mine["async_get_refresh_token"] = self._own

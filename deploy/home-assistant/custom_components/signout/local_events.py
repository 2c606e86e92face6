"""What happens in Home Assistant itself and should end sessions, where it does not by itself.

A changed password ends nothing in any version. A disabled user's tokens end since 2026.1, those of
a deleted user or credential only since late in 2026; before, open websockets stay.
"""

from collections.abc import Callable
from typing import Any, Final

from homeassistant.auth import EVENT_USER_UPDATED, AuthManager
from homeassistant.auth.models import TOKEN_TYPE_NORMAL, Credentials, RefreshToken, User
from homeassistant.components.websocket_api.connection import current_connection
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .const import PASSWORD_GRACE
from .enforcer import Enforcer
from .wrap import Wrap

_LOCAL: Final = "homeassistant"


class LocalEvents:
    """Ends sessions for reasons that no provider knows of."""

    def __init__(self, hass: HomeAssistant, enforcer: Enforcer, *, passwords: bool) -> None:
        """Begin to watch. `passwords` is whether a changed password ends sessions."""
        self._hass, self._enforcer = hass, enforcer
        auth = hass.auth
        self._wraps = [
            Wrap(auth, "async_remove_user", self._before_user_is_removed),
            Wrap(auth, "async_remove_credentials", self._before_credential_is_removed),
        ]
        local = auth.get_auth_provider(_LOCAL, None)
        if passwords and local is not None and hasattr(local, "async_change_password"):
            self._wraps.append(Wrap(local, "async_change_password", self._after_password_change))
        self._unlisten = hass.bus.async_listen(EVENT_USER_UPDATED, self._user_updated)
        self._later: set[CALLBACK_TYPE] = set()

    @callback
    def undo(self) -> None:
        """Watch no longer. What was due is left: whoever unloads this wants to be left alone."""
        for wrap in self._wraps:
            wrap.undo()
        self._unlisten()
        for cancel in self._later:
            cancel()
        self._later.clear()

    async def _user_updated(self, event: Event) -> None:
        user = await self._hass.auth.async_get_user(event.data["user_id"])
        if user is not None and not user.is_active:
            self._end(list(user.refresh_tokens.values()), "admin", "account_disabled")

    def _before_user_is_removed(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def async_remove_user(user: User) -> None:
            # Before: of a user who is gone, older versions do not find the tokens any more.
            if not user.is_owner:
                self._end(list(user.refresh_tokens.values()), "admin", "account_disabled")
            await original(user)

        return async_remove_user

    def _before_credential_is_removed(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def async_remove_credentials(credential: Credentials) -> None:
            user = await self._hass.auth.async_get_user_by_credentials(credential)
            await original(credential)
            tokens = [] if user is None else list(user.refresh_tokens.values())
            self._end([token for token in tokens if _is_of(token, credential)], "admin", "admin")

        return async_remove_credentials

    def _after_password_change(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def async_change_password(username: str, *args: Any, **kwargs: Any) -> None:
            await original(username, *args, **kwargs)
            connection = current_connection.get()
            user = await _user_of(self._hass.auth, username)
            if user is None:
                return
            own = None
            if connection is not None and connection.user.id == user.id:
                # Whoever changes their own password stays where they are.
                own = connection.refresh_token_id
            due = [
                token
                for token in user.refresh_tokens.values()
                if token.token_type == TOKEN_TYPE_NORMAL and token.id != own
            ]
            self._end_later(due)

        return async_change_password

    def _end_later(self, tokens: list[RefreshToken]) -> None:
        @callback
        def end(_: object) -> None:
            self._later.discard(cancel)
            self._end(tokens, "password_change", "password_change")

        cancel = async_call_later(self._hass, PASSWORD_GRACE, end)
        self._later.add(cancel)

    def _end(self, tokens: list[RefreshToken], kind: str, reason: str) -> None:
        self._enforcer.end_tokens(tokens, kind, reason)


def _is_of(token: RefreshToken, credential: Credentials) -> bool:
    return token.credential is not None and token.credential.id == credential.id


async def _user_of(auth: AuthManager, username: str) -> User | None:
    """Give the user of the local provider with this name, as that compares names."""
    name = username.strip().casefold()
    for user in await auth.async_get_users():
        for credential in user.credentials:
            stored = credential.data.get("username")
            if credential.auth_provider_type != _LOCAL or not isinstance(stored, str):
                continue
            if stored.strip().casefold() == name:
                return user
    return None

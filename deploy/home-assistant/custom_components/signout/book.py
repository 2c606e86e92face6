"""Keeps the roster in step with the refresh tokens of Home Assistant."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from homeassistant.auth.models import (
    TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN,
    TOKEN_TYPE_NORMAL,
    Credentials,
    RefreshToken,
    User,
)
from homeassistant.core import HomeAssistant, callback

from .core.arrivals import Arrivals
from .core.digest import DigestKey
from .core.identity import OPENID, Identity, Name, unverified_claims
from .core.roster import Login, Roster
from .memory import Memory
from .pace import Pace
from .wrap import Wrap


class Book:
    """Every refresh token of an SSO login, and the long-lived ones of whoever has such a login."""

    def __init__(
        self,
        hass: HomeAssistant,
        roster: Roster,
        memory: Memory,
        find: Callable[[str], RefreshToken | None],
        clock: Callable[[], float],
    ) -> None:
        """Begin empty. `find` looks tokens up, also those that the guard keeps out."""
        self._auth, self._memory, self._clock = hass.auth, memory, clock
        self.token = find
        self.roster = roster
        self.arrivals = Arrivals()
        self._key: DigestKey | None = None
        # Who is who behind the hashes that hass-oidc-auth keeps, as far as logins were seen.
        self._subjects: dict[str, Identity] = {}
        self._unregister: dict[str, Callable[[], None]] = {}
        self._wrap: Wrap | None = None
        self.on_login: Callable[[RefreshToken, Identity | None, Login], None] = _ignore
        self.on_end: Callable[[str, Identity | None], None] = _ignore

    async def open(self) -> None:
        """Enter all tokens that there are, and from now on those that come."""
        for identity in self._memory.logins.values():
            self._knows(identity)
        # First, so that none is made unseen while the others are entered.
        self._wrap = Wrap(self._auth, "async_create_refresh_token", self._seeing)
        pace, known = Pace(), set()
        for user in await self._auth.async_get_users():
            for token in list(user.refresh_tokens.values()):
                known.add(token.id)
                self._enter(token)
                await pace.breathe()
        for token_id in self._memory.logins.keys() - known:
            if self.token(token_id) is None:
                del self._memory.logins[token_id]

    @callback
    def close(self) -> None:
        """Watch no longer."""
        if self._wrap is not None:
            self._wrap.undo()
        for unregister in self._unregister.values():
            unregister()
        self._unregister.clear()

    async def rekey(self, key: DigestKey) -> None:
        """Name everything anew, under the key of a deployment."""
        if key == self._key:
            return
        self._key = key
        pace = Pace()
        for login in list(self.roster):
            if (token := self.token(login.token_id)) is not None:
                self._enter(token)
            await pace.breathe()

    def identity(self, token: RefreshToken) -> Identity | None:
        """Give all that is known of the login behind a token."""
        stored = _stored(token.credential)
        if stored is None:
            return None
        login = self._memory.logins.get(token.id)
        return login if login is not None else self._better(stored)

    def sso_tokens(self) -> Iterator[RefreshToken]:
        """Give the tokens of SSO logins, without the long-lived ones."""
        for login in list(self.roster):
            token = self.token(login.token_id)
            if token is not None and not login.is_long_lived:
                yield token

    def _seeing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def async_create_refresh_token(*args: Any, **kwargs: Any) -> Any:
            token = await original(*args, **kwargs)
            self._logged_in(token)
            return token

        return async_create_refresh_token

    @callback
    def _logged_in(self, token: RefreshToken) -> None:
        stored = _stored(token.credential)
        identity = None
        if stored is not None:
            identity = self._arrived(token.credential, stored)
        if identity is not None:
            self._memory.logins[token.id] = identity
            self._memory.changed()
            self._knows(identity)
            self._enter_again(identity)
        login = self._enter(token)
        if login is None:
            return
        if stored is not None:
            # A first SSO login also tells whose the long-lived tokens of the user are.
            for other in list(token.user.refresh_tokens.values()):
                if other.token_type == TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN:
                    self._enter(other)
        self.on_login(token, identity, login)

    def _arrived(self, credential: Credentials | None, stored: Identity) -> Identity | None:
        if credential is not None and credential.auth_provider_type == OPENID:
            # At this moment the ID token that it keeps is that of this very login.
            claims = unverified_claims(credential.data.get("id_token"))
            return None if claims is None else Identity.of_claims(claims)
        return self.arrivals.take(stored, self._clock())

    def _knows(self, identity: Identity) -> None:
        if identity.subject_hash is not None and identity.subject is not None:
            self._subjects[identity.subject_hash] = replace(identity, sessions=())

    def _better(self, stored: Identity) -> Identity:
        return self._subjects.get(stored.subject_hash or "", stored)

    def _enter_again(self, identity: Identity) -> None:
        """Enter what was only known by its hash."""
        names = [] if identity.subject_hash is None else [identity.subject_hash]
        for token_id in self.roster.holders(names):
            if (token := self.token(token_id)) is not None:
                self._enter(token)

    def _enter(self, token: RefreshToken) -> Login | None:
        names = frozenset(self._names(token))
        if not names:
            return None
        login = Login(
            token_id=token.id,
            user_id=token.user.id,
            created_at=token.created_at.timestamp(),
            names=names,
            is_long_lived=token.token_type == TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN,
        )
        self.roster.add(login)
        if token.id not in self._unregister:
            self._unregister[token.id] = self._auth.async_register_revoke_token_callback(
                token.id, lambda: self._removed(token.id)
            )
        return login

    def _names(self, token: RefreshToken) -> Iterator[Name]:
        if token.token_type == TOKEN_TYPE_NORMAL:
            identity = self.identity(token)
            if identity is not None:
                yield from identity.names(self._key, token.id)
        elif token.token_type == TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN:
            for stored in stored_identities(token.user):
                yield from self._better(stored).user_names(self._key)

    @callback
    def _removed(self, token_id: str) -> None:
        self._unregister.pop(token_id, None)
        self.roster.discard(token_id)
        identity = self._memory.logins.pop(token_id, None)
        if identity is not None:
            self._memory.changed()
        self.on_end(token_id, identity)


def stored_identities(user: User) -> list[Identity]:
    """Give who a user is at the providers that they log in with."""
    found = (_stored(credential) for credential in user.credentials)
    return [identity for identity in found if identity is not None]


def _stored(credential: Credentials | None) -> Identity | None:
    if credential is None:
        return None
    return Identity.of_credential(credential.auth_provider_type, credential.data)


def _ignore(*_: object) -> None:
    """Nobody listens."""

"""Registers sessions at the service, so that its console shows them, until they end."""

import asyncio
from collections.abc import Mapping
from itertools import batched
from random import random
from typing import Final

from homeassistant.auth.models import RefreshToken
from homeassistant.core import callback

from .client import BATCH, KeyRejectedError, SignoutClient, SignoutError, UnusableError
from .core.backoff import HOPELESS, Backoff
from .core.identity import Identity
from .enforcer import Enforcer
from .status import Status

_LIFETIME: Final = 365 * 86_400
"""Seconds until the service forgets a session of which it hears nothing more. Tokens here have no
end as long as they are used; but for ending them nothing needs to be registered."""
_BORN_REVOKED: Final = "born_revoked"


class Registrar:
    """What the service has yet to be told, in the background and however long it is away.

    Tokens are registered by their id. It is no secret: nobody can do anything with it. Token and
    key never leave Home Assistant.
    """

    def __init__(self, client: SignoutClient, enforcer: Enforcer, status: Status) -> None:
        """Say whom to tell."""
        self._client, self._enforcer, self._status = client, enforcer, status
        self._new: dict[str, dict[str, object]] = {}
        self._over: dict[str, str] = {}
        self._wake = asyncio.Event()

    @callback
    def began(self, token: RefreshToken, identity: Identity) -> None:
        """Tell of a session."""
        if identity.issuer is None or identity.subject is None:
            return
        began = int(token.created_at.timestamp())
        facts: dict[str, object] = {
            "iss": identity.issuer,
            "jti": token.id,
            "sub": identity.subject,
            "iat": began,
            "exp": began + _LIFETIME,
            "kind": "refresh",
        }
        if len(identity.sessions) == 1:
            facts["sid"] = identity.sessions[0]
        if identity.client is not None:
            facts["client_id"] = identity.client
        self._new[token.id] = facts
        self._wake.set()

    @callback
    def ended(self, token_id: str, identity: Identity | None) -> None:
        """Tell that a session is over, also one that is just being told of."""
        self._new.pop(token_id, None)
        if identity is not None and identity.issuer is not None:
            self._over[token_id] = identity.issuer
            self._wake.set()

    async def run(self) -> None:
        """Tell for ever."""
        backoff = Backoff()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._tell()
            except KeyRejectedError:
                # Whoever follows the feed with the same key asks for another one.
                self._wake.set()
                await asyncio.sleep(HOPELESS)
            except SignoutError:
                self._wake.set()
                await asyncio.sleep(backoff.pause(random()))
            else:
                backoff = Backoff()

    async def _tell(self) -> None:
        for batch in batched(list(self._new.items()), BATCH, strict=False):
            await self._register(dict(batch))
        for issuer in set(self._over.values()):
            ids = [token_id for token_id, of in self._over.items() if of == issuer]
            for some in batched(ids, BATCH, strict=False):
                try:
                    await self._client.forget(issuer, some)
                except UnusableError:
                    # An issuer that the service does not know has nothing to be forgotten there.
                    self._status.counts.registrations["refused"] += len(some)
                for token_id in some:
                    self._over.pop(token_id, None)

    async def _register(self, batch: Mapping[str, Mapping[str, object]]) -> None:
        try:
            results = await self._client.register(list(batch.values()))
        except UnusableError:
            if len(batch) > 1:
                # One that the service cannot take keeps all others out: find it.
                for token_id, facts in batch.items():
                    await self._register({token_id: facts})
                return
            results = ["refused"]
        for (token_id, facts), result in zip(batch.items(), results, strict=True):
            self._status.counts.registrations[result] += 1
            if self._new.get(token_id) is facts:
                del self._new[token_id]
            if result == _BORN_REVOKED:
                self._enforcer.end_now([token_id], "session", "backchannel_logout")

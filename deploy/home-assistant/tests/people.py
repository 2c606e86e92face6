"""Users and logins, made as the SSO integrations make them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from homeassistant.auth.models import (
    TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN,
    Credentials,
    RefreshToken,
    User,
)
from homeassistant.auth.providers import AuthProvider
from homeassistant.core import HomeAssistant

from custom_components.signout import SignoutEntry
from custom_components.signout.core.identity import Identity, hashed_subject
from tests.service import ISSUER

CLIENT = "https://ha.example/"


class Provider(AuthProvider):
    """As much of hass-oidc-auth's provider as Home Assistant asks."""

    type, id = "auth_oidc", "default"
    user_linking = False


def provide(hass: HomeAssistant) -> Provider:
    """Put the provider in, as hass-oidc-auth does."""
    provider = Provider(hass, hass.auth._store, {})
    hass.auth._providers[(provider.type, provider.id)] = provider
    return provider


async def eventually(condition: Callable[[], Any]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def user(hass: HomeAssistant, subject: str, provider: str = "auth_oidc") -> User:
    """Someone who has logged in by SSO. The first user of a test is somebody else, the owner."""
    if not await hass.auth.async_get_users():
        await hass.auth.async_create_user("Owner")
    made = await hass.auth.async_create_user(subject)
    await link(hass, made, subject, provider)
    return made


async def link(
    hass: HomeAssistant, to: User, subject: str, provider: str = "auth_oidc"
) -> Credentials:
    data: dict[str, Any] = {"sub": hashed_subject(ISSUER, subject)}
    credential = Credentials(provider, "default", data, is_new=False)
    await hass.auth.async_link_user(to, credential)
    return credential


async def login(
    hass: HomeAssistant,
    of: User,
    *,
    entry: SignoutEntry | None = None,
    session: str | None = None,
) -> RefreshToken:
    """A login; with `entry` and `session` as one that the hook sees."""
    credential = of.credentials[0]
    if entry is not None:
        claims = {"iss": ISSUER, "sub": of.name, "aud": "ha", "sid": session}
        identity = Identity.of_claims(claims)
        assert identity is not None
        entry.runtime_data.book.arrivals.saw(identity, hass.loop.time())
    return await hass.auth.async_create_refresh_token(of, CLIENT, credential=credential)


async def long_lived(hass: HomeAssistant, of: User, name: str = "script") -> RefreshToken:
    return await hass.auth.async_create_refresh_token(
        of,
        client_name=name,
        token_type=TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN,
        access_token_expiration=timedelta(days=365),
    )


def lives(hass: HomeAssistant, token: RefreshToken) -> bool:
    return hass.auth.async_get_refresh_token(token.id) is not None

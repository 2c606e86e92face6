"""What administrators may have done: end a session, a user's sessions, or ask the service again."""

from itertools import batched
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.auth.models import (
    TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN,
    TOKEN_TYPE_NORMAL,
    RefreshToken,
    User,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv

from .client import BATCH, SignoutError
from .const import DOMAIN

if TYPE_CHECKING:
    from . import Signout

_USER: Final = "user_id"
_SESSION: Final = "session_id"
_LONG_LIVED: Final = "include_long_lived"
_DISABLE: Final = "disable_user"

_SESSION_SCHEMA: Final[Any] = vol.Schema({vol.Required(_SESSION): cv.string})
_USER_SCHEMA: Final[Any] = vol.Schema(
    {
        vol.Required(_USER): cv.string,
        vol.Optional(_LONG_LIVED, default=False): cv.boolean,
        vol.Optional(_DISABLE, default=False): cv.boolean,
    }
)
_RECHECK_SCHEMA: Final[Any] = vol.Schema({vol.Required(_USER): cv.string})


def async_register_actions(hass: HomeAssistant) -> None:
    """Offer them."""
    for name, action, schema in (
        ("revoke_session", _revoke_session, _SESSION_SCHEMA),
        ("revoke_user", _revoke_user, _USER_SCHEMA),
        ("recheck_user", _recheck_user, _RECHECK_SCHEMA),
    ):
        hass.services.async_register(
            DOMAIN, name, action, schema, supports_response=SupportsResponse.OPTIONAL
        )


async def _revoke_session(call: ServiceCall) -> dict[str, Any]:
    running = await _allowed(call)
    token = running.book.token(call.data[_SESSION])
    if token is None or token.token_type not in (
        TOKEN_TYPE_NORMAL,
        TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN,
    ):
        raise _invalid("unknown_session")
    return {"ended": await running.enforcer.end_many([token], "admin")}


async def _revoke_user(call: ServiceCall) -> dict[str, Any]:
    running = await _allowed(call)
    user = await _user(call)
    if call.data[_DISABLE] and user.is_owner:
        raise _invalid("owner_stays")
    kinds = {TOKEN_TYPE_NORMAL}
    if call.data[_LONG_LIVED]:
        kinds.add(TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN)
    tokens = [token for token in user.refresh_tokens.values() if token.token_type in kinds]
    ended = await running.enforcer.end_many(tokens, "admin")
    if call.data[_DISABLE]:
        await call.hass.auth.async_update_user(user, is_active=False)
    return {"ended": ended}


async def _recheck_user(call: ServiceCall) -> dict[str, Any]:
    running = await _allowed(call)
    user = await _user(call)
    facts = [
        (token, facts)
        for token in user.refresh_tokens.values()
        if (facts := _facts(running, token)) is not None
    ]
    refused: dict[str, list[RefreshToken]] = {}
    try:
        for batch in batched(facts, BATCH, strict=False):
            reasons = await running.client.check([facts for _, facts in batch])
            for (token, _), reason in zip(batch, reasons, strict=True):
                if reason is not None:
                    refused.setdefault(reason, []).append(token)
    except SignoutError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="check_failed",
            translation_placeholders={"error": str(error)},
        ) from error
    ended = 0
    for reason, tokens in refused.items():
        ended += await running.enforcer.end_many(tokens, reason)
    return {"checked": len(facts), "ended": ended}


def _facts(running: "Signout", token: RefreshToken) -> dict[str, object] | None:
    """Give what the service needs to know about a token, if anything of it is known there."""
    identity = running.book.identity(token)
    if identity is None or identity.issuer is None:
        return None
    facts: dict[str, object] = {
        "iss": identity.issuer,
        "jti": token.id,
        "sub": identity.subject,
        "iat": int(token.created_at.timestamp()),
    }
    if len(identity.sessions) == 1:
        facts["sid"] = identity.sessions[0]
    return facts


async def _allowed(call: ServiceCall) -> "Signout":
    """Look that somebody with the right to it calls, and that there is something to call."""
    if call.context.user_id is not None:
        caller = await call.hass.auth.async_get_user(call.context.user_id)
        if caller is None or not caller.is_admin:
            raise _invalid("admins_only")
    for entry in call.hass.config_entries.async_entries(DOMAIN):
        if entry.state is ConfigEntryState.LOADED:
            running: Signout = entry.runtime_data
            return running
    raise _invalid("not_loaded")


async def _user(call: ServiceCall) -> User:
    user = await call.hass.auth.async_get_user(call.data[_USER])
    if user is None or user.system_generated:
        raise _invalid("unknown_user")
    return user


def _invalid(key: str) -> ServiceValidationError:
    return ServiceValidationError(translation_domain=DOMAIN, translation_key=key)

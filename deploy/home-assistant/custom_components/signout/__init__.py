"""signout: signed out at the provider means signed out of Home Assistant."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from homeassistant.auth.models import RefreshToken
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    CONF_API_KEY,
    CONF_URL,
    CONF_VERIFY_SSL,
    EVENT_COMPONENT_LOADED,
    Platform,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.typing import ConfigType
from homeassistant.setup import EventComponentLoaded
from homeassistant.util import dt as dt_util

from .actions import async_register_actions
from .book import Book
from .client import SignoutClient
from .const import (
    CATCH_UP,
    CONF_LONG_LIVED,
    CONF_PASSWORD_CHANGE,
    CONF_STALE_AFTER,
    CONF_WHEN_STALE,
    DEFAULT_STALE_AFTER,
    DOMAIN,
)
from .core.freshness import StalePolicy
from .core.identity import OIDC_AUTH, Identity
from .core.roster import Login, LongLivedPolicy, Roster
from .enforcer import Enforcer
from .follower import Follower
from .guard import Guard
from .local_events import LocalEvents
from .memory import Memory
from .registrar import Registrar
from .session_hook import SessionHook
from .status import Status
from .watch import Watch

PLATFORMS: Final = [Platform.BINARY_SENSOR, Platform.BUTTON, Platform.EVENT, Platform.SENSOR]
CONFIG_SCHEMA: Final = cv.config_entry_only_config_schema(DOMAIN)


@dataclass
class Signout:
    """What is running while the integration is loaded."""

    book: Book
    client: SignoutClient
    enforcer: Enforcer
    follower: Follower
    guard: Guard
    hook: SessionHook
    local_events: LocalEvents
    memory: Memory
    registrar: Registrar
    status: Status
    watch: Watch


type SignoutEntry = ConfigEntry[Signout]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Offer the actions, which say themselves if nothing is set up."""
    async_register_actions(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: SignoutEntry) -> bool:
    """Set up: first of all catch up with what happened while Home Assistant was off.

    A service that is down does not make this fail. What is known locally should be in force all the
    same, and the follower comes back by itself.
    """
    options, clock = entry.options, hass.loop.time
    session = async_get_clientsession(hass, verify_ssl=entry.data.get(CONF_VERIFY_SSL, True))
    client = SignoutClient(session, entry.data[CONF_URL], entry.data[CONF_API_KEY])
    memory = Memory(hass, clock)
    await memory.load(int(dt_util.utcnow().timestamp()))
    status = Status(hass, clock)
    if memory.last_logout is not None:
        status.last_logout = dt_util.utc_from_timestamp(memory.last_logout)

    guard = Guard(hass.auth)
    roster = Roster(LongLivedPolicy(options.get(CONF_LONG_LIVED, LongLivedPolicy.USER_EVENTS)))
    book = Book(hass, roster, memory, guard.find, clock)
    enforcer = Enforcer(hass, book, guard, memory, status)
    registrar = Registrar(client, enforcer, status)
    hook = SessionHook(lambda identity: book.arrivals.saw(identity, clock()))
    follower = Follower(hass, client, book, enforcer, memory, status, clock)
    follower.on_rejected = lambda: entry.async_start_reauth(hass)
    local_events = LocalEvents(hass, enforcer, passwords=options.get(CONF_PASSWORD_CHANGE, True))
    watch = Watch(
        hass,
        book,
        guard,
        hook,
        memory,
        status,
        when_stale=StalePolicy(options.get(CONF_WHEN_STALE, StalePolicy.ALLOW)),
        stale_after=timedelta(
            minutes=options.get(CONF_STALE_AFTER, DEFAULT_STALE_AFTER)
        ).total_seconds(),
        clock=clock,
    )

    @callback
    def login(token: RefreshToken, identity: Identity | None, login: Login) -> None:
        if enforcer.admit(login) is None and identity is not None:
            registrar.began(token, identity)
        status.tell()

    @callback
    def end(token_id: str, identity: Identity | None) -> None:
        guard.removed(token_id)
        registrar.ended(token_id, identity)
        status.tell()

    book.on_login, book.on_end = login, end
    await book.open()
    for token in book.sso_tokens():
        identity = memory.logins.get(token.id)
        if identity is not None:
            registrar.began(token, identity)

    entry.runtime_data = Signout(
        book,
        client,
        enforcer,
        follower,
        guard,
        hook,
        local_events,
        memory,
        registrar,
        status,
        watch,
    )
    _learn_sessions(hass, entry)
    entry.async_create_background_task(hass, follower.run(), "signout feed")
    entry.async_create_background_task(hass, registrar.run(), "signout sessions")
    try:
        async with asyncio.timeout(CATCH_UP):
            await follower.caught_up.wait()
    except TimeoutError:
        # The follower has said why, and goes on trying.
        pass
    await watch.begin()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_on_unload(entry.add_update_listener(_reload))
    return True


async def async_unload_entry(hass: HomeAssistant, entry: SignoutEntry) -> bool:
    """Unload: everything that was replaced is put back."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    running = entry.runtime_data
    running.watch.end()
    running.local_events.undo()
    running.hook.undo()
    running.book.close()
    running.guard.undo()
    running.status.close()
    await running.memory.save()
    return True


async def async_remove_entry(hass: HomeAssistant, entry: SignoutEntry) -> None:
    """Forget what was kept."""
    await Memory(hass, hass.loop.time).remove()


async def _reload(hass: HomeAssistant, entry: SignoutEntry) -> None:
    await hass.config_entries.async_reload(entry.entry_id)


@callback
def _learn_sessions(hass: HomeAssistant, entry: SignoutEntry) -> None:
    """Put the hook into hass-oidc-auth, also if that loads later than we do."""

    @callback
    def install() -> None:
        is_present = any(provider.type == OIDC_AUTH for provider in hass.auth.auth_providers)
        entry.runtime_data.hook.install(is_present=is_present)

    @callback
    def loaded(event: Event[EventComponentLoaded]) -> None:
        if event.data["component"] == OIDC_AUTH:
            install()

    install()
    entry.async_on_unload(hass.bus.async_listen(EVENT_COMPONENT_LOADED, loaded))

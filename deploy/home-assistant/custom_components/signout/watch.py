"""Looks every few seconds how things are: connection, stale policy, and what needs repair."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .book import Book
from .const import DOMAIN, REPAIR_AFTER
from .core.freshness import StalePolicy
from .core.identity import OIDC_AUTH, PROVIDERS
from .guard import Guard
from .memory import Memory
from .session_hook import HookState, SessionHook
from .status import Status

_EVERY: Final = timedelta(seconds=5)
_SLOWLY: Final = timedelta(minutes=1)
_SILENT_PROVIDER: Final = 14 * 86_400
"""Seconds with SSO sessions and without a single logout until somebody is told."""

ISSUES: Final = ("feed_down", "hook_missing", "linking_on", "owner_linked", "no_logout_seen")


class Watch:
    """Does what no event would start."""

    def __init__(
        self,
        hass: HomeAssistant,
        book: Book,
        guard: Guard,
        hook: SessionHook,
        memory: Memory,
        status: Status,
        *,
        when_stale: StalePolicy,
        stale_after: float,
        clock: Callable[[], float],
    ) -> None:
        """Say what to look at. `stale_after` is in seconds, `clock` monotonic."""
        self._hass, self._book, self._guard = hass, book, guard
        self._hook, self._memory, self._status = hook, memory, status
        self._when_stale, self._stale_after, self._clock = when_stale, stale_after, clock
        self._was_connected = status.is_connected
        self._unlisten: list[Callable[[], None]] = []

    async def begin(self) -> None:
        """Look now, and again every few seconds."""
        await self._check_accounts(dt_util.utcnow())
        self._unlisten = [
            async_track_time_interval(self._hass, self._check_connection, _EVERY),
            async_track_time_interval(self._hass, self._check_accounts, _SLOWLY),
        ]

    @callback
    def end(self) -> None:
        """Look no longer, and take back what was said."""
        for unlisten in self._unlisten:
            unlisten()
        for issue in ISSUES:
            ir.async_delete_issue(self._hass, DOMAIN, issue)

    @callback
    def _check_connection(self, _: datetime) -> None:
        is_connected = self._status.is_connected
        if is_connected != self._was_connected:
            self._was_connected = is_connected
            self._status.tell()
        self._say("feed_down", self._status.silence >= REPAIR_AFTER, ir.IssueSeverity.ERROR)
        self._hold()

    def _hold(self) -> None:
        """Refuse SSO sessions that were there before the knowledge became too old."""
        if self._when_stale is not StalePolicy.DENY:
            return
        age = self._status.freshness.age(self._clock())
        if age < self._stale_after:
            if self._guard.held:
                self._guard.hold(())
            return
        lost = dt_util.utcnow() - timedelta(seconds=age)
        # The owner always gets in: somebody must be able to repair this.
        held = [
            token.id
            for token in self._book.sso_tokens()
            if token.created_at <= lost and not token.user.is_owner
        ]
        if len(held) != self._guard.held:
            self._guard.hold(held)

    async def _check_accounts(self, now: datetime) -> None:
        linking = any(
            getattr(provider, "user_linking", False) is True
            for provider in self._hass.auth.auth_providers
            if provider.type == OIDC_AUTH
        )
        self._say("linking_on", linking)
        owner = await self._hass.auth.async_get_owner()
        is_linked = owner is not None and any(
            credential.auth_provider_type in PROVIDERS for credential in owner.credentials
        )
        self._say("owner_linked", is_linked)
        self._say("hook_missing", self._hook.state is HookState.UNKNOWN_INTERNALS)
        since = self._memory.since
        self._say(
            "no_logout_seen",
            self._memory.last_logout is None
            and since is not None
            and now.timestamp() - since > _SILENT_PROVIDER
            and any(True for _ in self._book.sso_tokens()),
        )

    def _say(
        self,
        issue: str,
        holds: bool,  # noqa: FBT001
        severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
    ) -> None:
        if not holds:
            ir.async_delete_issue(self._hass, DOMAIN, issue)
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue,
            is_fixable=False,
            severity=severity,
            translation_key=issue,
            learn_more_url=f"{_HOW_TO}#{issue.replace('_', '-')}",
        )


_HOW_TO: Final = "https://github.com/signout-dev/signout/blob/main/docs/how-to/home-assistant.md"

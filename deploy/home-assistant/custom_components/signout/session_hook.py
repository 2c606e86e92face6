"""Learns from hass-oidc-auth which session a login belongs to.

It verifies the ID token and keeps a hash of issuer and subject. What else the token says, above all
the session, it drops. So the method that turns claims into user details is replaced by one that
looks at the claims in passing. If a later version has no such method there is nothing to learn,
users are still signed out as a whole, and a repair issue says so.
"""

import inspect
import logging
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from .core.identity import Identity
from .wrap import Wrap

_LOGGER = logging.getLogger(__name__)

_MODULES: Final = (
    "custom_components.auth_oidc.tools.oidc_client",
    "custom_components.auth_oidc.oidc_client",
)
_CLASS: Final = "OIDCClient"
_METHOD: Final = "parse_user_details"
_PARAMETERS: Final = 3


class HookState(Enum):
    """What became of the hook."""

    ABSENT = "absent"
    """There is no hass-oidc-auth."""
    LEARNING = "learning"
    """Sessions are known as soon as somebody logs in."""
    UNKNOWN_INTERNALS = "unknown_internals"
    """It is there, and not as it was when this was written."""


class SessionHook:
    """Stands in hass-oidc-auth for as long as this integration is loaded."""

    def __init__(self, saw: Callable[[Identity], None]) -> None:
        """Say who wants to know."""
        self._saw = saw
        self._wrap: Wrap | None = None
        self.state = HookState.ABSENT

    def install(self, *, is_present: bool) -> HookState:
        """Look for the method, and replace it. May be repeated."""
        if self._wrap is not None:
            return self.state
        modules = [sys.modules[name] for name in _MODULES if name in sys.modules]
        owner = next((found for m in modules if (found := getattr(m, _CLASS, None))), None)
        if owner is not None and _is_known(getattr(owner, _METHOD, None)):
            self._wrap = Wrap(owner, _METHOD, self._looking)
            self.state = HookState.LEARNING
        elif modules or is_present:
            self.state = HookState.UNKNOWN_INTERNALS
        return self.state

    def undo(self) -> None:
        """Take it out."""
        if self._wrap is not None:
            self._wrap.undo()
            self._wrap = None
        self.state = HookState.ABSENT

    def _looking(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def parse_user_details(*args: Any, **kwargs: Any) -> Any:
            details = await original(*args, **kwargs)
            try:
                self._look(args[1] if len(args) > 1 else kwargs.get("id_token"), details)
            except Exception:
                # A login must not fail because somebody wanted to look at it.
                _LOGGER.exception("A login could not be looked at")
            return details

        return parse_user_details

    def _look(self, claims: object, details: object) -> None:
        identity = Identity.of_claims(claims) if isinstance(claims, Mapping) else None
        stored = details.get("sub") if isinstance(details, Mapping) else None
        if identity is None or identity.subject_hash != stored:
            # The claims are no claims, or the hash is made in another way.
            self.state = HookState.UNKNOWN_INTERNALS
            return
        self.state = HookState.LEARNING
        self._saw(identity)


def _is_known(method: object) -> bool:
    return (
        inspect.iscoroutinefunction(method)
        and len(inspect.signature(method).parameters) == _PARAMETERS
    )

"""Names and numbers that several modules share."""

from typing import Final

DOMAIN: Final = "signout"

CONF_LONG_LIVED: Final = "long_lived"
CONF_WHEN_STALE: Final = "when_stale"
CONF_STALE_AFTER: Final = "stale_after"
CONF_PASSWORD_CHANGE: Final = "password_change"  # noqa: S105

DEFAULT_STALE_AFTER: Final = 5
"""Minutes without the service until StalePolicy.DENY refuses."""

EVENT_LOGOUT: Final = "signout_logout"
"""Fired for each user whose sessions ended. Holds no identifier of the provider's."""

SIGNAL_STATUS: Final = "signout_status"
SIGNAL_LOGOUT: Final = "signout_logout"

SETTLES_AFTER: Final = 5.0
"""Seconds until what was ended is surely on the disk. Home Assistant writes its tokens a second
after the last change; the rest is for slow disks."""
CATCH_UP: Final = 5.0
"""Seconds that set-up waits for the service. What was missed while Home Assistant was off should be
done before anybody relies on it; but a service that is down must not hold up the lights."""
SILENCE: Final = 15.0
"""Seconds without a byte after which a stream is dead. Heartbeats come every five."""
DISCONNECTED: Final = 12.0
"""Seconds since the last sign of life until the feed counts as disconnected: two heartbeats."""
REPAIR_AFTER: Final = 300.0
"""Seconds without the service until somebody is told."""
PASSWORD_GRACE: Final = 1.0
"""Seconds between a password change and the end of the sessions, so that the answer arrives."""
SLICE: Final = 0.005
"""Seconds of work at a time: others on the event loop wait no longer for us."""

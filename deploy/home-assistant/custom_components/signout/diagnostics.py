"""What may be attached to a bug report. It tells how many, and never who."""

from typing import Any
from urllib.parse import urlsplit

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_API_KEY, CONF_URL
from homeassistant.core import HomeAssistant

from . import SignoutEntry


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: SignoutEntry
) -> dict[str, Any]:
    """Tell how it is set up and how it goes."""
    running = entry.runtime_data
    status, roster = running.status, list(running.book.roster)
    position = running.memory.position
    return {
        "data": async_redact_data(dict(entry.data), {CONF_API_KEY, CONF_URL})
        | {"scheme": urlsplit(entry.data[CONF_URL]).scheme},
        "options": dict(entry.options),
        "feed": {
            "connected": status.is_connected,
            "trouble": status.trouble,
            "position": None if position is None else position.seq,
            "lag": status.freshness.lag,
            "age": status.freshness.age(hass.loop.time()),
            "marks": len(running.enforcer.marks),
        },
        "hook": running.hook.state.value,
        "logins": {
            "tokens": len(roster),
            "long_lived": sum(login.is_long_lived for login in roster),
            "with_known_session": len(running.memory.logins),
            "held": running.guard.held,
        },
        "counts": {
            "changes": status.counts.changes,
            "connections": status.counts.connections,
            "snapshots": status.counts.snapshots,
            "unknown_sessions": status.counts.unknown_sessions,
            "ended": dict(status.counts.ended),
            "registrations": dict(status.counts.registrations),
        },
    }

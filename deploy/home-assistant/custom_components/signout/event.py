"""Tells automations that somebody was signed out."""

from typing import Any, ClassVar, Final

from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from . import SignoutEntry
from .const import SIGNAL_LOGOUT
from .entity import SignoutEntity
from .status import LOGOUT_TYPES

PARALLEL_UPDATES: Final = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SignoutEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Show it."""
    add([Logout(entry, "logout")])


class Logout(SignoutEntity, EventEntity):
    """One event for each user whose sessions ended. Users are told by the ids they have here."""

    _attr_event_types: ClassVar[list[str]] = list(LOGOUT_TYPES)  # type: ignore[misc]

    async def async_added_to_hass(self) -> None:
        """Listen for logouts, and not for the status, which changes all the time."""
        self.async_on_remove(async_dispatcher_connect(self.hass, SIGNAL_LOGOUT, self._logged_out))

    @callback
    def _logged_out(self, data: dict[str, Any]) -> None:
        told = {name: data[name] for name in ("user_id", "count", "reason")}
        self._trigger_event(data["type"], told)
        self.async_write_ha_state()

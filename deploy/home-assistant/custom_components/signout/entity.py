"""What all entities have in common."""

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity

from . import Signout, SignoutEntry
from .const import DOMAIN, SIGNAL_STATUS


class SignoutEntity(Entity):
    """An entity that shows something of the status, whenever it changes."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, entry: SignoutEntry, key: str) -> None:
        """Say what it shows. `key` names it in translations."""
        self._attr_unique_id = f"{entry.entry_id}_{key}"
        self._attr_translation_key = key
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, entry.entry_id)},
            entry_type=DeviceEntryType.SERVICE,
            name="signout",
            manufacturer="signout",
        )
        self._running: Signout = entry.runtime_data

    async def async_added_to_hass(self) -> None:
        """Begin to listen."""
        self.async_on_remove(async_dispatcher_connect(self.hass, SIGNAL_STATUS, self._changed))

    @callback
    def _changed(self) -> None:
        self.async_write_ha_state()

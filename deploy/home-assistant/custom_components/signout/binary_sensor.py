"""Whether the service is heard of."""

from typing import Final

from homeassistant.components.binary_sensor import (  # type: ignore[attr-defined]
    BinarySensorDeviceClass,  # Older versions have it here, and newer ones too.
    BinarySensorEntity,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from . import SignoutEntry
from .entity import SignoutEntity

PARALLEL_UPDATES: Final = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SignoutEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Show it."""
    add([Connected(entry, "connected")])


class Connected(SignoutEntity, BinarySensorEntity):
    """On while the feed is followed, off after two missed heartbeats."""

    _attr_device_class = BinarySensorDeviceClass.CONNECTIVITY
    _attr_entity_category = EntityCategory.DIAGNOSTIC

    @property
    def is_on(self) -> bool:
        """Whether the service was heard of lately."""
        return self._running.status.is_connected

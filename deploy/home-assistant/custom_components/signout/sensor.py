"""Numbers about sessions and about the feed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from . import Signout, SignoutEntry
from .entity import SignoutEntity

PARALLEL_UPDATES: Final = 0


@dataclass(frozen=True, kw_only=True)
class SignoutSensorDescription(SensorEntityDescription):
    """A sensor, and where its value is from."""

    value: Callable[[Signout], float | datetime | None]


def _lag(running: Signout) -> float | None:
    lag = running.status.freshness.lag
    return None if lag is None or not running.status.is_connected else round(lag, 3)


SENSORS: Final = (
    SignoutSensorDescription(
        key="sessions",
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda running: sum(not login.is_long_lived for login in running.book.roster),
    ),
    SignoutSensorDescription(
        key="users",
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda running: len({login.user_id for login in running.book.roster}),
    ),
    SignoutSensorDescription(
        key="ended_today",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value=lambda running: running.status.ended_today,
    ),
    SignoutSensorDescription(
        key="last_logout",
        device_class=SensorDeviceClass.TIMESTAMP,
        value=lambda running: running.status.last_logout,
    ),
    SignoutSensorDescription(
        key="feed_lag",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value=_lag,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: SignoutEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Show all of them."""
    add(SignoutSensor(entry, description) for description in SENSORS)


class SignoutSensor(SignoutEntity, SensorEntity):
    """One of the numbers."""

    entity_description: SignoutSensorDescription

    def __init__(self, entry: SignoutEntry, description: SignoutSensorDescription) -> None:
        """Show what the description says."""
        super().__init__(entry, description.key)
        self.entity_description = description

    @property
    def native_value(self) -> float | datetime | None:
        """Give the number as it is now."""
        return self.entity_description.value(self._running)

"""Ends all SSO sessions."""

from typing import Final

from homeassistant.components.button import ButtonEntity
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
    add([EndAll(entry, "end_all")])


class EndAll(SignoutEntity, ButtonEntity):
    """Signs out everybody who logged in by SSO. Local logins and long-lived tokens stay."""

    _attr_entity_category = EntityCategory.CONFIG

    async def async_press(self) -> None:
        """Do it."""
        await self._running.enforcer.end_many(list(self._running.book.sso_tokens()), "admin")

"""What the tests of the component share.

The component is imported here: later, the test Home Assistant puts a folder of its own in the place
of `custom_components`, and nothing would be found.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components.signout
from custom_components.signout import SignoutEntry
from tests.service import KEY, Service

assert custom_components.signout.__name__

type SetUp = Callable[..., Awaitable[SignoutEntry]]


@pytest.fixture(autouse=True)
def _custom(enable_custom_integrations: None) -> None:
    """Let the component be found."""


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Open sockets have timers."""
    return True


@pytest.fixture
async def service(socket_enabled: None) -> AsyncIterator[Service]:
    """A service on loopback that says what a test has it say."""
    service = Service()
    await service.start()
    yield service
    await service.stop()


@pytest.fixture
async def set_up(hass: HomeAssistant, service: Service) -> AsyncIterator[SetUp]:
    """Sets the component up beside the service, and unloads it."""
    entries: list[MockConfigEntry] = []

    async def set_up(**options: object) -> SignoutEntry:
        entry = MockConfigEntry(
            domain="signout",
            data={"url": service.url, "api_key": KEY, "verify_ssl": True},
            options=options,
        )
        entry.add_to_hass(hass)
        entries.append(entry)
        assert await hass.config_entries.async_setup(entry.entry_id)
        return entry

    yield set_up
    for entry in entries:
        if entry.state is ConfigEntryState.LOADED:
            assert await hass.config_entries.async_unload(entry.entry_id)

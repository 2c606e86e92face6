"""What Home Assistant itself should end and does not."""

import pytest
from homeassistant.auth.models import Credentials
from homeassistant.auth.providers.homeassistant import HassAuthProvider
from homeassistant.components.websocket_api.connection import current_connection
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    async_fire_time_changed,
    ensure_auth_manager_loaded,
)

from tests.conftest import SetUp
from tests.people import CLIENT, lives, login, long_lived, user


@pytest.fixture
async def local(hass: HomeAssistant) -> HassAuthProvider:
    """The provider with passwords, and a user Grace who has one."""
    ensure_auth_manager_loaded(hass.auth)
    provider = HassAuthProvider(hass, hass.auth._store, {"type": "homeassistant"})
    await provider.async_initialize()
    hass.auth._providers[("homeassistant", None)] = provider
    await provider.async_add_auth("grace", "old-password")
    await hass.auth.async_create_user("Owner")
    return provider


async def grace(hass: HomeAssistant):
    made = await hass.auth.async_create_user("Grace")
    credential = Credentials("homeassistant", None, {"username": "grace"}, is_new=False)
    await hass.auth.async_link_user(made, credential)
    tokens = [
        await hass.auth.async_create_refresh_token(made, CLIENT, credential=credential)
        for _ in range(2)
    ]
    return made, tokens


async def later(hass: HomeAssistant) -> None:
    async_fire_time_changed(hass, dt_util.utcnow().replace(year=2099))
    await hass.async_block_till_done()


async def test_a_password_change_ends_the_other_sessions(
    hass: HomeAssistant, set_up: SetUp, local: HassAuthProvider
):
    made, (own, other) = await grace(hass)
    script, bystander = await long_lived(hass, made), await login(hass, await user(hass, "ada"))
    await set_up()
    events = async_capture_events(hass, "signout_logout")

    class Connection:
        user = made
        refresh_token_id = own.id

    current_connection.set(Connection())
    await local.async_change_password("GRACE ", "new-password")
    current_connection.set(None)
    assert lives(hass, other), "the answer has to arrive first"
    await later(hass)
    assert not lives(hass, other)
    assert all(lives(hass, token) for token in (own, script, bystander))
    (event,) = events
    assert event.data == {
        "user_id": made.id,
        "count": 1,
        "type": "password_change",
        "reason": "password_change",
    }


async def test_a_password_reset_by_somebody_else_ends_all_sessions(
    hass: HomeAssistant, set_up: SetUp, local: HassAuthProvider
):
    _, tokens = await grace(hass)
    await set_up()
    await local.async_change_password("grace", "new-password")
    await later(hass)
    assert not any(lives(hass, token) for token in tokens)


async def test_passwords_may_be_left_alone(
    hass: HomeAssistant, set_up: SetUp, local: HassAuthProvider
):
    _, tokens = await grace(hass)
    await set_up(password_change=False)
    await local.async_change_password("grace", "new-password")
    await later(hass)
    assert all(lives(hass, token) for token in tokens)


async def test_a_password_without_a_user_ends_nothing(
    hass: HomeAssistant, set_up: SetUp, local: HassAuthProvider
):
    entry = await set_up()
    await local.async_change_password("grace", "new-password")
    await later(hass)
    assert entry.runtime_data.status.ended_today == 0


async def test_what_is_due_when_it_is_unloaded_is_left(
    hass: HomeAssistant, set_up: SetUp, local: HassAuthProvider
):
    _, tokens = await grace(hass)
    entry = await set_up()
    await local.async_change_password("grace", "new-password")
    assert await hass.config_entries.async_unload(entry.entry_id)
    await later(hass)
    assert all(lives(hass, token) for token in tokens)


async def test_a_user_who_is_disabled_in_any_way_is_signed_out(
    hass: HomeAssistant, set_up: SetUp, local: HassAuthProvider
):
    made, tokens = await grace(hass)
    await set_up()
    # As older versions do it, which end nothing themselves.
    await hass.auth._store.async_deactivate_user(made)
    hass.bus.async_fire("user_updated", {"user_id": made.id})
    await hass.async_block_till_done()
    assert not any(lives(hass, token) for token in tokens)


async def test_sockets_of_a_removed_user_hear_of_it(
    hass: HomeAssistant, set_up: SetUp, local: HassAuthProvider
):
    made, tokens = await grace(hass)
    await set_up()
    told: list[str] = []
    for token in tokens:
        hass.auth.async_register_revoke_token_callback(token.id, lambda: told.append("ended"))
    await hass.auth.async_remove_user(made)
    assert told == ["ended"] * 2


async def test_the_owner_is_not_signed_out_by_a_removal_that_fails(
    hass: HomeAssistant, set_up: SetUp, monkeypatch
):
    async def refuse(user):
        raise ValueError("Unable to remove the owner")

    # Older versions look at it elsewhere.
    monkeypatch.setattr(hass.auth, "async_remove_user", refuse)
    await user(hass, "ada")
    owner = await hass.auth.async_get_owner()
    assert owner is not None
    token = await hass.auth.async_create_refresh_token(owner, CLIENT)
    await set_up()
    with pytest.raises(ValueError, match="owner"):
        await hass.auth.async_remove_user(owner)
    assert lives(hass, token)


async def test_a_removed_credential_ends_its_logins_only(hass: HomeAssistant, set_up: SetUp):
    ada = await user(hass, "ada")
    await set_up()
    sso = await login(hass, ada)
    other = await hass.auth.async_create_refresh_token(ada, CLIENT)
    await hass.auth.async_remove_credentials(ada.credentials[0])
    assert (lives(hass, sso), lives(hass, other)) == (False, True)

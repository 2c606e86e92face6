"""What is said and done when the service is away, and what else needs repair."""

import time

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.signout.watch import ISSUES
from tests.conftest import SetUp
from tests.people import CLIENT, eventually, link, lives, login, provide, user
from tests.service import Service, heartbeat


class Clock:
    """The loop's clock, and time that passed without waiting."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass, self.ahead = hass, 0.0

    def __call__(self) -> float:
        return self._hass.loop.time() + self.ahead


def age(entry, seconds: float) -> Clock:
    """Have time pass for whoever looks how old things are."""
    running = entry.runtime_data
    clock = Clock(running.watch._hass)
    clock.ahead = seconds
    running.status._clock = running.watch._clock = clock
    return clock


async def look(hass: HomeAssistant) -> None:
    async_fire_time_changed(hass, dt_util.utcnow().replace(year=2099))
    await hass.async_block_till_done()


async def test_the_feed_is_missed(hass: HomeAssistant, set_up: SetUp, issue_registry):
    entry = await set_up()
    status = entry.runtime_data.status
    assert status.is_connected
    clock = age(entry, 60)
    await look(hass)
    assert not status.is_connected
    assert not issue_registry.async_get_issue("signout", "feed_down")
    clock.ahead = 301
    await look(hass)
    assert issue_registry.async_get_issue("signout", "feed_down")
    clock.ahead = 0
    await look(hass)
    assert not issue_registry.async_get_issue("signout", "feed_down")


async def test_lights_work_without_the_service(
    hass: HomeAssistant, set_up: SetUp, service: Service, monkeypatch, caplog
):
    monkeypatch.setattr("custom_components.signout.CATCH_UP", 0.2)
    service.status["/v1/snapshot"] = 503
    token = await login(hass, await user(hass, "ada"))
    entry = await set_up()
    age(entry, 1e6)
    await look(hass)
    assert lives(hass, token)
    assert caplog.text.count("is not followed at the moment") == 1
    del service.status["/v1/snapshot"]
    await eventually(entry.runtime_data.follower.caught_up.is_set)
    assert "is followed again" in caplog.text


async def test_deny_holds_sso_sessions_only_and_lets_them_back(
    hass: HomeAssistant, set_up: SetUp, service: Service
):
    ada = await user(hass, "ada")
    owner = await hass.auth.async_get_owner()
    assert owner is not None
    await link(hass, owner, "owner")
    sso, owners = await login(hass, ada), await login(hass, owner)
    local = await hass.auth.async_create_refresh_token(ada, CLIENT)
    system = await hass.auth.async_create_refresh_token(
        await hass.auth.async_create_system_user("Supervisor")
    )
    entry = await set_up(when_stale="deny", stale_after=5)
    await look(hass)
    assert lives(hass, sso)
    clock = age(entry, 301)
    # Created before the knowledge became too old.
    for token in (sso, owners, local, system):
        token.created_at = dt_util.utcnow().replace(year=2020)
    later = await login(hass, ada)
    later.created_at = dt_util.utcnow().replace(year=2098)
    await look(hass)
    assert not lives(hass, sso)
    assert all(lives(hass, token) for token in (owners, local, system, later))
    clock.ahead = 0
    service.say(heartbeat(13))
    await look(hass)
    assert lives(hass, sso)


async def test_nothing_to_repair(hass: HomeAssistant, set_up: SetUp, issue_registry):
    await user(hass, "ada")
    await set_up()
    await look(hass)
    assert not [issue for issue in ISSUES if issue_registry.async_get_issue("signout", issue)]


async def test_links_that_are_dangerous(hass: HomeAssistant, set_up: SetUp, issue_registry):
    await user(hass, "ada")
    owner = await hass.auth.async_get_owner()
    assert owner is not None
    await link(hass, owner, "owner")
    provide(hass).user_linking = True
    entry = await set_up()
    for issue in ("linking_on", "owner_linked"):
        assert issue_registry.async_get_issue("signout", issue)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert not issue_registry.async_get_issue("signout", "owner_linked")


@pytest.mark.parametrize(("days", "is_said"), [(13, False), (15, True)])
async def test_a_provider_that_says_nothing(
    hass: HomeAssistant, set_up: SetUp, issue_registry, hass_storage, days, is_said
):
    hass_storage["signout"] = {
        "version": 1,
        "data": {"since": int(time.time()) - days * 86_400, "position": "?", "logins": {"x": {}}},
    }
    await login(hass, await user(hass, "ada"))
    await set_up()
    assert (issue_registry.async_get_issue("signout", "no_logout_seen") is not None) is is_said


async def test_what_is_kept_goes_with_the_entry(hass: HomeAssistant, set_up: SetUp, hass_storage):
    entry = await set_up()
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert hass_storage["signout"]["data"]["since"]
    await hass.config_entries.async_remove(entry.entry_id)
    assert "signout" not in hass_storage

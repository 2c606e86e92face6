"""What is shown, what may be done, and what a bug report has."""

import json
from pathlib import Path

import pytest
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.setup import async_setup_component

import custom_components.signout as component
from custom_components.signout.actions import async_register_actions
from custom_components.signout.core.revocation import Kind, Reason
from custom_components.signout.diagnostics import async_get_config_entry_diagnostics
from custom_components.signout.sensor import SENSORS
from custom_components.signout.watch import ISSUES
from tests.conftest import SetUp
from tests.people import CLIENT, eventually, link, lives, login, long_lived, user
from tests.service import KEY, Service, change, changes, heartbeat


def shown(hass: HomeAssistant, entity_id: str) -> str | None:
    state = hass.states.get(entity_id)
    return None if state is None else state.state


async def test_what_is_shown(hass: HomeAssistant, set_up: SetUp, service: Service):
    ada = await user(hass, "ada")
    entry = await set_up()
    one = await login(hass, ada, entry=entry, session="s-1")
    await login(hass, ada, entry=entry, session="s-2")
    await long_lived(hass, ada)
    await eventually(lambda: shown(hass, "sensor.signout_sso_sessions") == "2")
    assert shown(hass, "sensor.signout_sso_users") == "1"
    assert shown(hass, "sensor.signout_sessions_ended_today") == "0"
    assert shown(hass, "sensor.signout_last_logout") == "unknown"
    assert shown(hass, "binary_sensor.signout_feed") == "on"
    assert shown(hass, "event.signout_logout") == "unknown"
    service.say(changes(13, change(Kind.SESSION, "s-1")))
    await eventually(lambda: not lives(hass, one))
    await eventually(lambda: shown(hass, "sensor.signout_sso_sessions") == "1")
    assert shown(hass, "sensor.signout_sessions_ended_today") == "1"
    assert shown(hass, "sensor.signout_last_logout") != "unknown"
    state = hass.states.get("event.signout_logout")
    assert state is not None
    told = {name: state.attributes[name] for name in ("event_type", "user_id", "count", "reason")}
    assert told == {
        "event_type": "session",
        "user_id": ada.id,
        "count": 1,
        "reason": "backchannel_logout",
    }


@pytest.mark.parametrize(
    ("kind", "reason", "told"),
    [
        (Kind.SESSION, Reason.BACKCHANNEL_LOGOUT, "session"),
        (Kind.SUBJECT, Reason.BACKCHANNEL_LOGOUT, "user"),
        (Kind.SUBJECT, Reason.ADMIN, "admin"),
        (Kind.SUBJECT, Reason.ACCOUNT_DISABLED, "admin"),
        (Kind.SUBJECT, Reason.PASSWORD_CHANGE, "password_change"),
        (Kind.SESSION, Reason.RECHECK_FAILED, "recheck"),
    ],
)
async def test_how_logouts_are_told(
    hass: HomeAssistant, set_up: SetUp, service: Service, kind, reason, told
):
    ada = await user(hass, "ada")
    entry = await set_up()
    token = await login(hass, ada, entry=entry, session="ada")
    service.say(changes(13, change(kind, "ada", reason=reason.value)))
    await eventually(lambda: not lives(hass, token))
    assert entry.runtime_data.status.counts.ended == {told: 1}


async def test_the_lag_is_there_for_those_who_want_it(
    hass: HomeAssistant, set_up: SetUp, service: Service, entity_registry: er.EntityRegistry
):
    entry = await set_up()
    registered = entity_registry.async_get("sensor.signout_feed_lag")
    assert registered is not None
    assert registered.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    lag = next(sensor for sensor in SENSORS if sensor.key == "feed_lag")
    service.say(heartbeat(12, staleness=500))
    freshness = entry.runtime_data.status.freshness
    await eventually(lambda: freshness.lag is not None and freshness.lag >= 0.5)
    assert lag.value(entry.runtime_data) == round(freshness.lag or 0, 3)
    entry.runtime_data.status._heard = None
    assert lag.value(entry.runtime_data) is None


async def test_everybody_may_be_signed_out(hass: HomeAssistant, set_up: SetUp):
    ada = await user(hass, "ada")
    await set_up()
    sso, script = await login(hass, ada), await long_lived(hass, ada)
    local = await hass.auth.async_create_refresh_token(ada, CLIENT)
    await hass.services.async_call(
        "button", "press", {"entity_id": "button.signout_end_all_sso_sessions"}, blocking=True
    )
    assert not lives(hass, sso)
    assert lives(hass, script)
    assert lives(hass, local)


async def act(hass: HomeAssistant, name: str, by: str | None = None, **data: object) -> object:
    return await hass.services.async_call(
        "signout", name, data, blocking=True, return_response=True, context=Context(user_id=by)
    )


async def test_a_session_by_hand(hass: HomeAssistant, set_up: SetUp):
    ada = await user(hass, "ada")
    await set_up()
    one, two = await login(hass, ada), await login(hass, ada)
    assert await act(hass, "revoke_session", session_id=one.id) == {"ended": 1}
    assert (lives(hass, one), lives(hass, two)) == (False, True)
    with pytest.raises(ServiceValidationError, match="no such session"):
        await act(hass, "revoke_session", session_id=one.id)


async def test_a_user_by_hand(hass: HomeAssistant, set_up: SetUp):
    ada = await user(hass, "ada")
    await set_up()
    sso, script = await login(hass, ada), await long_lived(hass, ada)
    assert await act(hass, "revoke_user", user_id=ada.id) == {"ended": 1}
    assert (lives(hass, sso), lives(hass, script)) == (False, True)
    again = {"user_id": ada.id, "include_long_lived": True, "disable_user": True}
    assert await act(hass, "revoke_user", **again) == {"ended": 1}
    assert not ada.is_active
    with pytest.raises(ServiceValidationError, match="no such user"):
        await act(hass, "revoke_user", user_id="nobody")


async def test_the_owner_is_never_disabled(hass: HomeAssistant, set_up: SetUp):
    await user(hass, "ada")
    owner = await hass.auth.async_get_owner()
    assert owner is not None
    await link(hass, owner, "owner")
    await set_up()
    token = await login(hass, owner)
    with pytest.raises(ServiceValidationError, match="owner"):
        await act(hass, "revoke_user", user_id=owner.id, disable_user=True)
    assert lives(hass, token)


async def test_only_administrators(hass: HomeAssistant, set_up: SetUp):
    ada = await user(hass, "ada")
    entry = await set_up()
    for by in (ada.id, "nobody"):
        with pytest.raises(ServiceValidationError, match="administrators"):
            await act(hass, "revoke_user", by, user_id=ada.id)
    owner = await hass.auth.async_get_owner()
    assert owner is not None
    assert await act(hass, "revoke_user", owner.id, user_id=ada.id) == {"ended": 0}
    assert await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError, match="not loaded"):
        await act(hass, "revoke_user", user_id=ada.id)


async def test_a_user_is_asked_about_again(hass: HomeAssistant, set_up: SetUp, service: Service):
    ada = await user(hass, "ada")
    entry = await set_up()
    tokens = [await login(hass, ada, entry=entry, session=f"s-{n}") for n in (1, 2)]
    await hass.auth.async_create_refresh_token(ada, CLIENT)
    service.revoked = {tokens[0].id}
    answer = await act(hass, "recheck_user", user_id=ada.id)
    assert answer == {"checked": 2, "ended": 1}
    assert [lives(hass, token) for token in tokens] == [False, True]
    service.status["/v1/check"] = 403
    with pytest.raises(HomeAssistantError, match="lacks the scopes"):
        await act(hass, "recheck_user", user_id=ada.id)


async def test_actions_are_there_without_an_entry(hass: HomeAssistant):
    assert await async_setup_component(hass, "signout", {})
    assert hass.services.has_service("signout", "revoke_user")
    async_register_actions(hass)


async def test_a_bug_report_tells_nothing_of_anybody(
    hass: HomeAssistant, set_up: SetUp, service: Service
):
    ada = await user(hass, "subject-ada")
    entry = await set_up()
    token = await login(hass, ada, entry=entry, session="session-ada")
    report = await async_get_config_entry_diagnostics(hass, entry)
    text = json.dumps(report)
    for secret in (KEY, service.url, "ada", token.id, token.token, ada.id):
        assert secret not in text
    assert report["logins"] == {
        "tokens": 1,
        "long_lived": 0,
        "with_known_session": 1,
        "held": 0,
    }
    assert report["feed"]["connected"] is True


def test_everything_that_is_said_has_words():
    folder = Path(component.__file__).parent
    strings = json.loads((folder / "strings.json").read_text())
    assert json.loads((folder / "translations" / "en.json").read_text()) == strings
    assert set(strings["issues"]) == set(ISSUES)
    assert set(strings["entity"]["sensor"]) == {sensor.key for sensor in SENSORS}
    icons = json.loads((folder / "icons.json").read_text())
    assert icons["services"].keys() == strings["services"].keys()


async def test_actions_are_described_so_that_the_pages_load(hass: HomeAssistant, set_up: SetUp):
    # One description that is not as it should be, and no page of Home Assistant loads.
    await set_up()
    described = await async_get_all_descriptions(hass)
    assert described["signout"]["revoke_user"]["fields"].keys() == {
        "user_id",
        "include_long_lived",
        "disable_user",
    }

"""What is learnt at a login, and told to the service."""

import sys
from types import ModuleType

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.setup import ATTR_COMPONENT, EVENT_COMPONENT_LOADED

from custom_components.signout.core.identity import hashed_subject
from custom_components.signout.core.revocation import Kind
from custom_components.signout.session_hook import HookState
from tests.conftest import SetUp
from tests.core.test_identity import id_token
from tests.people import CLIENT, eventually, lives, login, provide, user
from tests.service import ISSUER, KEY, Service, change, changes

MODULE = "custom_components.auth_oidc.tools.oidc_client"


class OIDCClient:
    """As much of hass-oidc-auth as the hook looks at."""

    async def parse_user_details(self, id_token, access_token):
        return {"sub": hashed_subject(id_token["iss"], id_token["sub"]), "role": "system-users"}


@pytest.fixture
def oidc_auth(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> type:
    """hass-oidc-auth, loaded."""
    client = type("OIDCClient", (OIDCClient,), dict(vars(OIDCClient)))
    module = ModuleType(MODULE)
    module.OIDCClient = client  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    provide(hass)
    return client


def claims(subject="ada", session="s-1"):
    return {"iss": ISSUER, "sub": subject, "sid": session, "aud": "ha"}


async def test_the_hook_tells_sessions_apart(
    hass: HomeAssistant, set_up: SetUp, service: Service, oidc_auth
):
    original = oidc_auth.parse_user_details
    ada = await user(hass, "ada")
    entry = await set_up()
    assert entry.runtime_data.hook.state is HookState.LEARNING
    tokens = []
    for session in ("s-1", "s-2"):
        details = await oidc_auth().parse_user_details(claims(session=session), "at")
        assert details["role"] == "system-users"
        tokens.append(await login(hass, ada))
    service.say(changes(13, change(Kind.SESSION, "s-1")))
    await eventually(lambda: not lives(hass, tokens[0]))
    assert lives(hass, tokens[1])
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert oidc_auth.parse_user_details is original


async def test_sessions_are_known_after_a_restart(
    hass: HomeAssistant, set_up: SetUp, service: Service
):
    ada = await user(hass, "ada")
    entry = await set_up()
    token = await login(hass, ada, entry=entry, session="s-1")
    assert await hass.config_entries.async_unload(entry.entry_id)
    gone = await login(hass, ada)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.runtime_data.memory.logins.keys() == {token.id}
    service.say(changes(13, change(Kind.SESSION, "s-1")))
    await eventually(lambda: not lives(hass, token))
    assert lives(hass, gone)


async def test_the_hook_finds_what_loads_later(
    hass: HomeAssistant, set_up: SetUp, monkeypatch, request
):
    entry = await set_up()
    assert entry.runtime_data.hook.state is HookState.ABSENT
    request.getfixturevalue("oidc_auth")
    hass.bus.async_fire(EVENT_COMPONENT_LOADED, {ATTR_COMPONENT: "other"})
    await hass.async_block_till_done()
    assert entry.runtime_data.hook.state is HookState.ABSENT
    hass.bus.async_fire(EVENT_COMPONENT_LOADED, {ATTR_COMPONENT: "auth_oidc"})
    await hass.async_block_till_done()
    assert entry.runtime_data.hook.state is HookState.LEARNING


async def later_parse(self, claims):
    return {}


@pytest.mark.parametrize(
    "method", [None, later_parse, lambda self, id_token, access_token: {}], ids=str
)
async def test_other_internals_are_said_and_break_nothing(
    hass: HomeAssistant, set_up: SetUp, service: Service, oidc_auth, method, issue_registry
):
    oidc_auth.parse_user_details = method
    ada = await user(hass, "ada")
    entry = await set_up()
    assert entry.runtime_data.hook.state is HookState.UNKNOWN_INTERNALS
    assert issue_registry.async_get_issue("signout", "hook_missing")
    assert oidc_auth.parse_user_details is method
    token = await login(hass, ada)
    service.say(changes(13, change(Kind.SUBJECT, "ada", issued_before=2_000_000_000)))
    await eventually(lambda: not lives(hass, token))


@pytest.mark.parametrize(
    ("told", "stored"),
    [(None, "x"), ({}, "x"), (claims(), "another hash"), (claims(), None)],
)
async def test_a_login_is_not_disturbed(
    hass: HomeAssistant, set_up: SetUp, oidc_auth, told, stored
):
    async def parse_user_details(self, id_token, access_token):
        return {"sub": stored}

    oidc_auth.parse_user_details = parse_user_details
    entry = await set_up()
    assert await oidc_auth().parse_user_details(told, access_token="at") == {"sub": stored}
    assert entry.runtime_data.hook.state is HookState.UNKNOWN_INTERNALS
    assert await oidc_auth().parse_user_details(id_token=told, access_token="at")


async def test_a_look_that_fails_is_no_failed_login(
    hass: HomeAssistant, set_up: SetUp, oidc_auth, caplog
):
    entry = await set_up()
    entry.runtime_data.hook._saw = None  # type: ignore[assignment]
    assert await oidc_auth().parse_user_details(claims(), "at")
    assert "could not be looked at" in caplog.text
    assert "ada" not in caplog.text


async def test_hass_openid_tells_the_session_at_the_login(
    hass: HomeAssistant, set_up: SetUp, service: Service
):
    ada = await user(hass, "ada", provider="openid")
    entry = await set_up()
    credential, tokens = ada.credentials[0], []
    for session in ("s-1", "s-2"):
        data = {"subject": "ada", "id_token": id_token(claims(session=session))}
        hass.auth.async_update_user_credentials_data(credential, data)
        tokens.append(
            await hass.auth.async_create_refresh_token(ada, CLIENT, credential=credential)
        )
    service.say(changes(13, change(Kind.SESSION, "s-1")))
    await eventually(lambda: not lives(hass, tokens[0]))
    assert lives(hass, tokens[1])
    # Without the token nothing is known, and nothing breaks.
    hass.auth.async_update_user_credentials_data(credential, {"subject": "ada"})
    await hass.auth.async_create_refresh_token(ada, CLIENT, credential=credential)
    assert len(entry.runtime_data.memory.logins) == 1


async def test_sessions_are_registered_and_forgotten(
    hass: HomeAssistant, set_up: SetUp, service: Service
):
    ada = await user(hass, "ada")
    entry = await set_up()
    token = await login(hass, ada, entry=entry, session="s-1")
    await eventually(lambda: service.registered)
    began = int(token.created_at.timestamp())
    assert service.registered == [
        {
            "iss": ISSUER,
            "jti": token.id,
            "sub": "ada",
            "sid": "s-1",
            "client_id": "ha",
            "iat": began,
            "exp": began + 365 * 86_400,
            "kind": "refresh",
        }
    ]
    hass.auth.async_remove_refresh_token(token)
    await eventually(lambda: service.forgotten == [token.id])


async def test_a_session_that_ends_while_it_is_registered_is_forgotten(
    hass: HomeAssistant, set_up: SetUp, service: Service
):
    ada = await user(hass, "ada")
    entry = await set_up()
    token = await login(hass, ada, entry=entry, session="s-1")
    hass.auth.async_remove_refresh_token(token)
    await eventually(lambda: service.forgotten == [token.id])


async def test_a_session_that_was_over_when_it_was_registered_ends(
    hass: HomeAssistant, set_up: SetUp, service: Service
):
    service.result = "born_revoked"
    ada = await user(hass, "ada")
    entry = await set_up()
    token = await login(hass, ada, entry=entry, session="s-1")
    await eventually(lambda: not lives(hass, token))


async def test_one_that_cannot_be_registered_keeps_nobody_out(
    hass: HomeAssistant, set_up: SetUp, service: Service
):
    ada = await user(hass, "ada")
    entry = await set_up()
    service.status["/v1/tokens"] = 503
    registrar = entry.runtime_data.registrar
    good = await login(hass, ada, entry=entry, session="s-1")
    identity = entry.runtime_data.memory.logins[good.id]
    odd = await login(hass, ada)
    registrar.began(odd, type(identity)("https://unknown.example", "ada"))
    registrar.began(odd, type(identity)(subject_hash="x"))
    del service.status["/v1/tokens"]
    await eventually(lambda: service.registered)
    counts = entry.runtime_data.status.counts.registrations
    await eventually(lambda: counts == {"registered": 1, "refused": 1})
    registrar.ended(odd.id, type(identity)("https://unknown.example", "ada"))
    await eventually(lambda: counts["refused"] == 2)


async def test_a_key_that_is_refused_is_asked_for_again(
    hass: HomeAssistant, set_up: SetUp, service: Service, monkeypatch
):
    monkeypatch.setattr("custom_components.signout.CATCH_UP", 0.2)
    monkeypatch.setattr("custom_components.signout.registrar.HOPELESS", 0.01)
    monkeypatch.setattr("custom_components.signout.follower.HOPELESS", 0.01)
    service.key = "another"
    ada = await user(hass, "ada")
    entry = await set_up()
    await login(hass, ada, entry=entry, session="s-1")
    await eventually(hass.config_entries.flow.async_progress)
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == "reauth"
    service.key = KEY
    await eventually(lambda: service.registered)
    await eventually(entry.runtime_data.follower.caught_up.is_set)

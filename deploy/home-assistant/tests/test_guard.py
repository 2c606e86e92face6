"""The look at every request, and its end."""

import timeit
from datetime import timedelta

import pytest
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from custom_components.signout.core.revocation import Kind
from custom_components.signout.guard import Guard
from custom_components.signout.wrap import Wrap
from tests.conftest import SetUp
from tests.people import eventually, lives, login, provide, user
from tests.service import Service, change, changes


async def test_bearer_signed_url_grant_and_sockets_end_together(
    hass: HomeAssistant, set_up: SetUp, service: Service, hass_client_no_auth, hass_ws_client
):
    for component in ("api", "websocket_api"):
        assert await async_setup_component(hass, component, {})
    provide(hass)
    ada = await user(hass, "ada")
    entry = await set_up()
    tokens = [await login(hass, ada, entry=entry, session=f"s-{n}") for n in (1, 2)]
    bearers = [hass.auth.async_create_access_token(token) for token in tokens]
    paths = [
        async_sign_path(hass, "/api/", timedelta(minutes=5), refresh_token_id=token.id)
        for token in tokens
    ]
    client = await hass_client_no_auth()
    sockets = [await hass_ws_client(hass, bearer) for bearer in bearers]

    async def answers() -> list[tuple[int, int, int]]:
        return [
            (
                (await client.get("/api/", headers={"Authorization": f"Bearer {bearer}"})).status,
                (await client.get(path)).status,
                (
                    await client.post(
                        "/auth/token",
                        data={
                            "grant_type": "refresh_token",
                            "refresh_token": token.token,
                            "client_id": token.client_id,
                        },
                    )
                ).status,
            )
            for token, bearer, path in zip(tokens, bearers, paths, strict=True)
        ]

    assert await answers() == [(200, 200, 200), (200, 200, 200)]
    service.say(changes(13, change(Kind.SESSION, "s-1")))
    await eventually(lambda: not lives(hass, tokens[0]))
    assert await answers() == [(401, 401, 400), (200, 200, 200)]
    assert (await sockets[0].receive(timeout=5)).type.name in ("CLOSE", "CLOSED", "CLOSING")
    await sockets[1].send_json_auto_id({"type": "ping"})
    assert (await sockets[1].receive_json())["type"] == "pong"


async def test_what_is_about_to_be_removed_is_refused_at_once(hass: HomeAssistant):
    provide(hass)
    ada = await user(hass, "ada")
    token, other = await login(hass, ada), await login(hass, ada)
    bearer = hass.auth.async_create_access_token(token)
    guard = Guard(hass.auth)
    guard.end([token.id])
    assert hass.auth.async_get_refresh_token(token.id) is None
    assert hass.auth.async_get_refresh_token_by_token(token.token) is None
    assert hass.auth.async_validate_access_token(bearer) is None
    assert hass.auth.async_get_refresh_token(other.id) is other
    assert hass.auth.async_get_refresh_token_by_token(other.token) is other
    assert hass.auth.async_get_refresh_token_by_token("?") is None
    assert guard.find(token.id) is token
    guard.removed(token.id)
    assert hass.auth.async_get_refresh_token(token.id) is token
    guard.undo()


async def test_who_is_held_may_come_back(hass: HomeAssistant):
    ada = await user(hass, "ada")
    token, ended = await login(hass, ada), await login(hass, ada)
    guard = Guard(hass.auth)
    guard.end([ended.id])
    guard.hold([token.id])
    assert (lives(hass, token), lives(hass, ended), guard.held) == (False, False, 1)
    # Its grant stays: a client that is refused there forgets its login.
    assert hass.auth.async_get_refresh_token_by_token(token.token) is token
    guard.removed(token.id)
    assert not lives(hass, token)
    guard.hold([])
    assert (lives(hass, token), lives(hass, ended)) == (True, False)
    guard.undo()
    assert (lives(hass, token), lives(hass, ended)) == (True, True)


async def test_nothing_is_left_behind(hass: HomeAssistant, set_up: SetUp, service: Service):
    before = dict(vars(hass.auth))
    entry = await set_up()
    assert vars(hass.auth).keys() - before.keys()
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert vars(hass.auth).keys() == before.keys()


async def test_a_wrap_around_ours_is_left_alone(hass: HomeAssistant):
    ada = await user(hass, "ada")
    token = await login(hass, ada)
    guard = Guard(hass.auth)
    theirs = Wrap(hass.auth, "async_get_refresh_token", lambda original: original)
    guard.end([token.id])
    guard.undo()
    assert hass.auth.async_get_refresh_token(token.id) is token
    theirs.undo()
    assert hass.auth.async_get_refresh_token(token.id) is token


async def test_the_look_costs_a_hundred_nanoseconds_at_most(hass: HomeAssistant):
    ada = await user(hass, "ada")
    token = await login(hass, ada)

    def cost() -> float:
        look = hass.auth.async_get_refresh_token
        return min(timeit.repeat(lambda: look(token.id), number=20_000, repeat=15)) / 20_000

    without = cost()
    guard = Guard(hass.auth)
    guard.hold(f"{n:032x}" for n in range(10_000))
    added = (cost() - without) * 1e9
    guard.undo()
    print(f"the guard adds {added:.0f} ns to {without * 1e9:.0f} ns")
    # The goal is 100 ns on a quiet machine; coverage and busy machines cost more.
    assert added < 2_000


class Owner:
    def method(self) -> str:
        return "theirs"


@pytest.mark.parametrize("owner", [Owner, Owner()], ids=["class", "object"])
def test_a_wrap_is_undone(owner):
    def ask() -> str:
        return (owner() if isinstance(owner, type) else owner).method()

    inner = Wrap(owner, "method", lambda original: lambda *args: original(*args) + "+1")
    assert ask() == "theirs+1"
    outer = Wrap(owner, "method", lambda original: lambda *args: original(*args) + "+2")
    assert ask() == "theirs+1+2"
    inner.undo()
    assert ask() == "theirs+2"
    outer.undo()
    assert ask() == "theirs"

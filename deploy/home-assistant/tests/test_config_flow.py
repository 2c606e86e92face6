"""Service and key are tried before they are kept."""

import pytest
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from tests.conftest import SetUp
from tests.service import KEY, Service


def given(service: Service, **other: object) -> dict[str, object]:
    return {"url": service.url, "api_key": KEY, "verify_ssl": True} | other


async def begin(hass: HomeAssistant):
    return await hass.config_entries.flow.async_init("signout", context={"source": SOURCE_USER})


async def test_a_good_service_is_kept(hass: HomeAssistant, service: Service):
    flow = await begin(hass)
    assert (flow["type"], flow["errors"]) == (FlowResultType.FORM, {})
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], given(service))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (result["title"], result["data"]) == ("127.0.0.1", given(service))
    await hass.async_block_till_done()
    assert (await begin(hass))["reason"] == "single_instance_allowed"
    assert await hass.config_entries.async_unload(result["result"].entry_id)


@pytest.mark.parametrize(
    ("other", "status", "errors"),
    [
        ({"api_key": "wrong"}, {}, {"api_key": "invalid_auth"}),
        ({}, {"/v1/tokens": 403}, {"api_key": "invalid_auth"}),
        ({}, {"/v1/feed": 403}, {"api_key": "invalid_auth"}),
        ({}, {"/v1/feed": 503}, {"base": "cannot_connect"}),
        ({}, {"/v1/feed": 404}, {"url": "not_signout"}),
        ({}, {"/v1/feed": 302}, {"url": "not_signout"}),
        ({"url": "http://127.0.0.1:1"}, {}, {"base": "cannot_connect"}),
        ({"url": "ftp://x"}, {}, {"url": "invalid_url"}),
        ({"url": "http://[x"}, {}, {"url": "invalid_url"}),
        ({"url": "http://me:secret@x"}, {}, {"url": "invalid_url"}),
        ({"url": "x"}, {}, {"url": "invalid_url"}),
    ],
)
async def test_what_is_wrong_is_said_and_can_be_mended(
    hass: HomeAssistant, service: Service, other, status, errors
):
    service.status = status
    flow = await begin(hass)
    configure = hass.config_entries.flow.async_configure
    result = await configure(flow["flow_id"], given(service, **other))
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, errors)
    service.status = {}
    result = await configure(flow["flow_id"], given(service))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert await hass.config_entries.async_unload(result["result"].entry_id)


async def test_odd_services(hass: HomeAssistant, service: Service, monkeypatch):
    flow = await begin(hass)
    configure = hass.config_entries.flow.async_configure
    service.opening = ["event: heartbeat\ndata: {}\n\n"]
    result = await configure(flow["flow_id"], given(service))
    assert result["errors"] == {"url": "not_signout"}
    # A page of something else, and a stream that ends at once.
    result = await configure(flow["flow_id"], given(service, url=f"{service.url}other"))
    assert result["errors"] == {"url": "not_signout"}
    monkeypatch.setattr("custom_components.signout.client.SignoutClient.probe", None)
    result = await configure(flow["flow_id"], given(service))
    assert result["errors"] == {"base": "unknown"}


async def test_another_key(hass: HomeAssistant, set_up: SetUp, service: Service):
    entry = await set_up()
    service.key = "a-newer-key-of-ours"
    flow = await entry.start_reauth_flow(hass)
    assert flow["step_id"] == "reauth_confirm"
    configure = hass.config_entries.flow.async_configure
    result = await configure(flow["flow_id"], {"api_key": "wrong"})
    assert result["errors"] == {"api_key": "invalid_auth"}
    result = await configure(flow["flow_id"], {"api_key": service.key})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert entry.data == given(service, api_key=service.key)
    await hass.async_block_till_done()


async def test_another_service(hass: HomeAssistant, set_up: SetUp, service: Service):
    entry = await set_up()
    flow = await entry.start_reconfigure_flow(hass)
    assert flow["step_id"] == "reconfigure"
    configure = hass.config_entries.flow.async_configure
    result = await configure(flow["flow_id"], given(service, url="http://127.0.0.1:1"))
    assert result["errors"] == {"base": "cannot_connect"}
    url = service.url.rstrip("/")
    result = await configure(flow["flow_id"], given(service, url=url))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert entry.data["url"] == url
    await hass.async_block_till_done()


async def test_policies(hass: HomeAssistant, set_up: SetUp):
    entry = await set_up()
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    chosen = {
        "long_lived": "never",
        "when_stale": "deny",
        "stale_after": 7.0,
        "password_change": False,
    }
    result = await hass.config_entries.options.async_configure(flow["flow_id"], chosen)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == chosen | {"stale_after": 7}
    await hass.async_block_till_done()
    assert entry.runtime_data.book.roster.policy == "never"

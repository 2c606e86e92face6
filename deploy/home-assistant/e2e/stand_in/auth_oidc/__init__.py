"""Stands in for hass-oidc-auth, which no package registry has.

It keeps what that keeps, where that keeps it: a provider of the type `auth_oidc` with the id
`default`, credentials with nothing but the hash of issuer and subject, and user details that come
out of `OIDCClient.parse_user_details`. The provider's answer is taken on trust: the claims are the
code.

It also has the integration complain after fifteen seconds without the service, and not after five
minutes, for which no test would wait.
"""

import json
from typing import Any

import voluptuous as vol
from homeassistant.auth.models import Credentials, UserMeta
from homeassistant.auth.providers import AuthProvider, LoginFlow
from homeassistant.core import HomeAssistant

from custom_components.signout import watch

from .tools.oidc_client import OIDCClient


async def async_setup(hass: HomeAssistant, config: dict[str, Any]) -> bool:
    provider = StandIn(hass, hass.auth._store, {"id": "default", "type": "auth_oidc"})
    hass.auth._providers[(provider.type, provider.id)] = provider
    watch.REPAIR_AFTER = 15.0  # type: ignore[misc]
    return True


class StandIn(AuthProvider):
    DEFAULT_TITLE = "Stand-in"
    user_linking = False
    support_mfa = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.meta: dict[str, dict[str, Any]] = {}

    async def async_login_flow(self, context: Any) -> LoginFlow:
        return StandInFlow(self)

    async def async_get_or_create_credentials(self, flow_result: Any) -> Credentials:
        for credential in await self.async_credentials():
            if credential.data.get("sub") == flow_result["sub"]:
                return credential
        return self.async_create_credentials({"sub": flow_result["sub"]})

    async def async_user_meta_for_credentials(self, credentials: Credentials) -> UserMeta:
        meta = self.meta[credentials.data["sub"]]
        return UserMeta(name=meta["display_name"], is_active=True, group=meta["role"])


class StandInFlow(LoginFlow):
    async def async_step_init(self, user_input: Any = None) -> Any:
        if user_input is None:
            return self.async_show_form(
                step_id="init", data_schema=vol.Schema({vol.Required("code"): str})
            )
        details = await OIDCClient().parse_user_details(json.loads(user_input["code"]), "token")
        self._auth_provider.meta[details["sub"]] = details
        return await self.async_finish({"sub": details["sub"]})

"""Asks for the service's URL and a key, and sees that they are good before they are kept."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import voluptuous as vol
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlow,
)
from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from yarl import URL

from .client import (
    KeyRejectedError,
    SignoutClient,
    SignoutError,
    UnreachableError,
    UnusableError,
)
from .const import (
    CONF_LONG_LIVED,
    CONF_PASSWORD_CHANGE,
    CONF_STALE_AFTER,
    CONF_WHEN_STALE,
    DEFAULT_STALE_AFTER,
    DOMAIN,
)
from .core.freshness import StalePolicy
from .core.roster import LongLivedPolicy

_LOGGER = logging.getLogger(__name__)

_SERVICE: Final[Any] = vol.Schema(
    {
        vol.Required(CONF_URL): TextSelector(TextSelectorConfig(type=TextSelectorType.URL)),
        vol.Required(CONF_API_KEY): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD)
        ),
        vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
    }
)
_KEY: Final[Any] = vol.Schema({vol.Required(CONF_API_KEY): _SERVICE.schema[CONF_API_KEY]})
_OPTIONS: Final[Any] = vol.Schema(
    {
        vol.Required(CONF_LONG_LIVED, default=LongLivedPolicy.USER_EVENTS): SelectSelector(
            SelectSelectorConfig(
                options=[policy.value for policy in LongLivedPolicy],
                translation_key=CONF_LONG_LIVED,
            )
        ),
        vol.Required(CONF_WHEN_STALE, default=StalePolicy.ALLOW): SelectSelector(
            SelectSelectorConfig(
                options=[policy.value for policy in StalePolicy], translation_key=CONF_WHEN_STALE
            )
        ),
        vol.Required(CONF_STALE_AFTER, default=DEFAULT_STALE_AFTER): NumberSelector(
            NumberSelectorConfig(
                min=1, max=1440, mode=NumberSelectorMode.BOX, unit_of_measurement="min"
            )
        ),
        vol.Required(CONF_PASSWORD_CHANGE, default=True): BooleanSelector(),
    }
)


_TOLD: Final[dict[type[SignoutError], dict[str, str]]] = {
    KeyRejectedError: {CONF_API_KEY: "invalid_auth"},
    UnreachableError: {"base": "cannot_connect"},
    UnusableError: {CONF_URL: "not_signout"},
}


class SignoutConfigFlow(ConfigFlow, domain=DOMAIN):
    """Sets up the one service that this Home Assistant listens to."""

    VERSION = 1

    @staticmethod
    @callback
    def async_get_options_flow(config_entry: ConfigEntry) -> "SignoutOptionsFlow":
        """Offer the policies."""
        return SignoutOptionsFlow()

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for service and key."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._errors(user_input)
            if not errors:
                title = URL(user_input[CONF_URL]).host or DOMAIN
                return self.async_create_entry(title=title, data=user_input)
        return self._form("user", _SERVICE, user_input, errors)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for them again."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._errors(user_input)
            if not errors:
                return self.async_update_reload_and_abort(entry, data=user_input)
        shown = user_input or {**entry.data, CONF_API_KEY: vol.UNDEFINED}
        return self._form("reconfigure", _SERVICE, shown, errors)

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin again with the key, which the service knows no more."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for another key."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            data = {**entry.data, **user_input}
            errors = await self._errors(data)
            if not errors:
                return self.async_update_reload_and_abort(entry, data=data)
        return self._form("reauth_confirm", _KEY, None, errors)

    def _form(
        self,
        step: str,
        schema: Any,
        shown: Mapping[str, Any] | None,
        errors: dict[str, str],
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
        )

    async def _errors(self, data: Mapping[str, Any]) -> dict[str, str]:
        """See whether service and key are good."""
        try:
            url = URL(data[CONF_URL])
        except ValueError:
            return {CONF_URL: "invalid_url"}
        if url.scheme not in ("http", "https") or not url.host or url.user or url.query_string:
            return {CONF_URL: "invalid_url"}
        session = async_get_clientsession(self.hass, verify_ssl=data[CONF_VERIFY_SSL])
        try:
            await SignoutClient(session, data[CONF_URL], data[CONF_API_KEY]).probe()
        except SignoutError as error:
            return _TOLD[type(error)]
        except Exception:
            _LOGGER.exception("The signout service could not be tried")
            return {"base": "unknown"}
        return {}


class SignoutOptionsFlow(OptionsFlow):
    """Asks for the policies."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask."""
        if user_input is not None:
            user_input[CONF_STALE_AFTER] = int(user_input[CONF_STALE_AFTER])
            return self.async_create_entry(data=user_input)
        schema = self.add_suggested_values_to_schema(_OPTIONS, self.config_entry.options)
        return self.async_show_form(step_id="init", data_schema=schema)

"""As hass-oidc-auth has it."""

"""Fixtures. The component is imported here: later the test Home Assistant's own folder hides it."""

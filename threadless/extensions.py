"""What installed apps add to the core. Adding an app to `INSTALLED_APPS` enables its additions.

An `AppConfig` may have these attributes. Each is a list of objects or their dotted paths:

- `threadless_gates`: subclasses of `threadless.calls.gates.Gate`
- `threadless_ledger_hooks`: subclasses of `threadless.usage.hooks.LedgerHook`
- `threadless_settings`: instances of `threadless.conf.SettingsGroup`
- `threadless_routes`: URL patterns below our prefix, whose views extend `threadless.api.views.EndpointView`
- `threadless_call_descriptions`: functions that add to the `Operation` of a call in the OpenAPI document, and return it
- `threadless_scopes`: instances of `threadless.keys.scopes.Scope`
- `threadless_key_links`: functions for the page of a key in the admin, see `threadless.admin.key_links`
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.utils.module_loading import import_string


@cache
def additions(attribute: str) -> tuple[Any, ...]:
    """The objects that all installed apps list under this attribute, in the order of `INSTALLED_APPS`."""
    listed = (value for config in apps.get_app_configs() for value in getattr(config, attribute, ()))
    return tuple(import_string(value) if isinstance(value, str) else value for value in listed)


def _forget(*, setting: str, **kwargs: Any) -> None:  # noqa: ARG001
    if setting == "INSTALLED_APPS":
        additions.cache_clear()


setting_changed.connect(_forget)

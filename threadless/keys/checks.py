"""System check of the key lookup."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from threadless.conf import conf
from threadless.keys.adapters import ModelKeyAdapter


def check_key_lookup() -> list[CheckMessage]:
    """Warn if the lookup depends on code of the host. It is then compiled for each call, which is slower."""
    try:
        adapter: Any = conf.key_adapter
        is_ours = isinstance(adapter, type) and issubclass(adapter, ModelKeyAdapter)
        cause = adapter.compiles_at_each_call() if is_ours else ""
    except (ImportError, ImproperlyConfigured):  # reported by the checks of the settings
        return []
    if not cause:
        return []
    text = f"The key lookup is compiled for each call, because the result of {cause} may differ between calls."
    hint = "This takes about 0.2 ms. If you only add columns, list them in `annotations` of the key adapter instead."
    return [CheckWarning(text, hint=hint, id="threadless.W020")]

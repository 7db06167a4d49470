"""System check of the app."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register


@register("threadless")
def check_reports(**kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """The sums of usage come from `threadless.reports`."""
    if apps.is_installed("threadless.reports"):
        return []
    hint = "Add 'threadless.reports' to INSTALLED_APPS."
    return [Error("threadless.self_service needs threadless.reports.", hint=hint, id="threadless.E060")]

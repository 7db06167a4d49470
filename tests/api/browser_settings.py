"""The example host under the strictest content security policy, for the tests of the playground in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from project.settings import *  # noqa: F403
from project.settings import MIDDLEWARE
from project.settings import THREADLESS as _GIVEN
from threadless.types import Target, Usage

_SHOWN: dict[str, Any] = {"COST_IN_USAGE": True, "PRICER": "tests.api.browser_settings.price"}
THREADLESS = _GIVEN | _SHOWN
MIDDLEWARE = ["tests.api.browser_settings.StrictPolicy", *MIDDLEWARE]


def price(target: Target, usage: Usage, reported: int | None) -> int:
    """The same for each token."""
    return 10_000 * ((usage.prompt_tokens or 0) + (usage.completion_tokens or 0))


class StrictPolicy:
    """Nothing inline, nothing from elsewhere."""

    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self';"
        " form-action 'self'; base-uri 'none'"
    )

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = self.policy
        return response

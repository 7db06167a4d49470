"""The host of the cases: settings, resolver and function, for a server in a separate process."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from project.settings import *  # noqa: F403
from project.settings import LOGGING, THREADLESS
from tests.wire.cases import CASES_BY_ID
from tests.wire.cases.case import INSTRUCTIONS, KEY, PRIVATE_MODEL, Case
from threadless.exceptions import ModelNotFound
from threadless.resolvers import BaseResolver
from threadless.types import Caller, Target

_OPENAI = {
    "BACKEND": "threadless.backends.openai.OpenAIBackend",
    "OPTIONS": {"base_url": os.environ.get("UPSTREAM_BASE_URL", "http://127.0.0.1/v1"), "api_key": KEY},
}
_FUNCTION = {
    "BACKEND": "threadless.backends.function.FunctionBackend",
    "OPTIONS": {"function": "tests.wire.cases.host.answer"},
}
# A backend remembers that its upstream has refused a field, so each such case has its own backend.
_REFUSING = {case.id: _OPENAI for case in CASES_BY_ID.values() if case.refuses}

THREADLESS = {
    **THREADLESS,
    "RESOLVER": "tests.wire.cases.host.CaseResolver",
    "BACKENDS": {"default": _OPENAI, "function": _FUNCTION, **_REFUSING},
}
LOGGING = {
    **LOGGING,
    "loggers": {"django": {"level": "INFO"}, "django.request": {"level": "DEBUG"}, "threadless": {"level": "DEBUG"}},
}


class CaseResolver(BaseResolver):
    """The model "small", and a target for each case that needs its own."""

    def list(self, caller: Caller) -> Iterable[Target]:
        return [self.resolve("small", caller)]

    def resolve(self, name: str, caller: Caller) -> Target:
        if name == "small":
            return Target(id=name, model=PRIVATE_MODEL, instructions=INSTRUCTIONS)
        case = CASES_BY_ID.get(name)
        if case is None:
            raise ModelNotFound(name)
        return Target(id=name, backend=_backend(case), **{"model": PRIVATE_MODEL} | case.target)


def _backend(case: Case) -> str:
    return case.id if case.refuses else "function" if case.returned is not None else "default"


def answer(payload: dict[str, Any], caller: Caller) -> Any:
    """What a host's function returns."""
    make = CASES_BY_ID[payload["prompt_cache_key"]].returned
    assert make is not None
    return make()

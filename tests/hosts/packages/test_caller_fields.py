"""Each adapter passes on what a host adds to its callers, as `data` or as typed fields."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.models import APIKey
from threadless.types import Caller


class TieredCaller(Caller, frozen=True, kw_only=True):
    """The caller of a host with price tiers."""

    tier: str


USER = SimpleNamespace(pk=7, is_active=True, is_superuser=False, has_perm=lambda permission: False)
API_KEY = SimpleNamespace(prefix="abc", name="laptop")
OAUTH_TOKEN = SimpleNamespace(application=None, application_id=1, scope="A B")
KEYS: dict[str, tuple[Any, ...]] = {
    "knox.KnoxKeyAdapter": (USER, SimpleNamespace(token_key="abc")),
    "rest_framework_simplejwt.JWTAdapter": (USER, {}),
    "rest_framework_api_key.APIKeyAdapter": (API_KEY, None),
    "oauth2_provider.OAuth2TokenAuthentication": (USER, OAUTH_TOKEN),
}


def with_tier(base: Any) -> Any:
    """An instance of a subclass as a host writes it."""

    class Adapter(base):  # type: ignore[misc]
        caller_class = TieredCaller

        def get_caller_fields(self, *arguments: Any) -> dict[str, Any]:
            return super().get_caller_fields(*arguments) | {"tier": "gold", "data": {"team": 3}}

    return Adapter()


@pytest.mark.parametrize("path", KEYS)
def test_adapter_of_another_package_passes_on_what_the_host_adds(path: str) -> None:
    module, _, name = path.partition(".")
    pytest.importorskip(module)
    adapter = with_tier(getattr(import_module(f"threadless.contrib.{module}"), name))
    caller = adapter.get_caller(*KEYS[path])
    assert (type(caller), caller.tier, caller.data) == (TieredCaller, "gold", {"team": 3})


def test_own_adapter_passes_on_what_the_host_adds() -> None:
    caller = with_tier(ModelKeyAdapter).get_caller(APIKey(pk=1, name="laptop", user_id=7))
    assert (type(caller), caller.tier, caller.data) == (TieredCaller, "gold", {"team": 3})

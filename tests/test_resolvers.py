"""What `GET models` lists and what a call finds follow one rule, with any resolver."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.core.checks import run_checks

from threadless import resolvers
from threadless.exceptions import ModelNotFound
from threadless.resolvers import BaseResolver, SettingsResolver
from threadless.types import Caller, Target


class Aliases(BaseResolver):
    """Two models, the newest also under an alias; one needs a scope."""

    def list(self, caller: Caller) -> Iterable[Target]:
        return [Target(id="gpt-2", model="m"), Target(id="secret", model="m", scope="SECRETS:READ")]

    def resolve(self, name: str, caller: Caller) -> Target:
        return super().resolve("gpt-2" if name == "latest" else name, caller)


@pytest.fixture(autouse=True)
def _aliases(settings: Any) -> None:
    settings.THREADLESS = {**settings.THREADLESS, "RESOLVER": Aliases}


CALLERS = {
    "without limits": (Caller(user_id=1), ["gpt-2"]),
    "with the scope": (Caller(user_id=1, scopes=frozenset({"SECRETS:READ"})), ["gpt-2", "secret"]),
    "limited to a model": (Caller(user_id=1, allowed_models=frozenset({"gpt-2"})), ["gpt-2"]),
    "limited to an alias": (Caller(user_id=1, allowed_models=frozenset({"latest"})), []),
    "limited to nothing": (Caller(user_id=1, allowed_models=frozenset()), []),
}


def is_found(name: str, caller: Caller) -> bool:
    try:
        resolvers.resolve(name, caller)
    except ModelNotFound:
        return False
    return True


@pytest.mark.parametrize("who", CALLERS)
def test_call_finds_what_the_list_shows(who: str) -> None:
    caller, shown = CALLERS[who]
    assert [target.id for target in resolvers.targets(caller)] == shown
    assert [name for name in ("gpt-2", "secret") if is_found(name, caller)] == shown


@pytest.mark.parametrize("who", CALLERS)
def test_alias_is_found_if_its_model_is_shown(who: str) -> None:
    caller, shown = CALLERS[who]
    assert is_found("latest", caller) == ("gpt-2" in shown)


class TieredTarget(Target, frozen=True, kw_only=True):
    """The target of a host with price tiers."""

    tier: str = ""


class TieredResolver(SettingsResolver):
    """Reads a field of the host from the setting."""

    target_class = TieredTarget


def test_resolver_of_the_setting_passes_on_what_the_host_adds(settings: Any) -> None:
    models = {"small": {"model": "m", "tier": "gold", "data": {"team": 3}}}
    settings.THREADLESS = {**settings.THREADLESS, "RESOLVER": TieredResolver, "MODELS": models}
    target: Any = resolvers.resolve("small", Caller(user_id=1))
    assert (type(target), target.tier, target.data) == (TieredTarget, "gold", {"team": 3})
    assert resolvers.targets(Caller(user_id=1)) == [target]
    assert run_checks(tags=["threadless"]) == []

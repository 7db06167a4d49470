"""Every setting is misconfigured once, and the check that tells of it is named."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import CheckMessage, Error, run_checks

from threadless.backends.base import BaseChatBackend
from threadless.backends.dummy import DummyBackend
from threadless.checks import FORMS
from threadless.conf import DEFAULTS

DUMMY = {"BACKEND": "threadless.backends.dummy.DummyBackend"}


class NoMethods:
    """Neither a backend nor anything else."""


def found(settings: Any, value: Any, **others: Any) -> list[str]:
    """The ids of our messages under these settings."""
    settings.THREADLESS = value if not isinstance(value, dict) else {"BACKENDS": {"default": DUMMY}} | value
    for name, other in others.items():
        setattr(settings, name, other)
    return [str(message.id) for message in run_checks(tags=["threadless"], include_deployment_checks=True)]


def test_settings_of_barest_host_are_right(settings: Any) -> None:
    assert found(settings, settings.THREADLESS) == []


def test_every_setting_has_a_form() -> None:
    assert set(FORMS) == set(DEFAULTS)


@pytest.mark.parametrize("value", [None, [], "BACKENDS", 5])
def test_settings_that_are_no_dict_are_e001(settings: Any, value: Any) -> None:
    assert found(settings, value) == ["threadless.E001"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("RESOLVERS", "Did you mean 'RESOLVER'?"), ("max_messages", "Did you mean 'MAX_MESSAGES'?"), ("X", None)],
)
def test_unknown_setting_is_e002_with_a_guess(settings: Any, name: str, hint: str | None) -> None:
    settings.THREADLESS = {"BACKENDS": {"default": DUMMY}, name: 1}
    [message] = run_checks(tags=["threadless"])
    assert (message.id, message.hint) == ("threadless.E002", hint)


MALFORMED = {
    "BACKENDS": [None, [], {"default": "path"}, {5: {}}, {"a b": {}}],
    "MODELS": [None, ["small"], {"small": "upstream"}, {"": {}}, {"small": {5: ""}}],
    "RESOLVER": [None, "", 5],
    "KEY_ADAPTER": [None, "", 5],
    "USAGE_RECORDER": [None, "", 5],
    "TOKEN_COUNTER": [None, "", 5],
    "AUTHENTICATION_CLASSES": [None, "a.path", [""], [5]],
    "PERMISSION_CLASSES": [None, "a.path", [""], [5]],
    "THROTTLE_CLASSES": [None, "a.path", [""], [5]],
    "SCOPES": [None, ["CHATS:WRITE"], {"CHATS:WRITE": None}, {"A B": ""}, {"A,B": ""}, {"": ""}],
    "REQUIRED_SCOPE": [None, 5, ["CHATS:WRITE"]],
    "SCOPE_PERMISSIONS": [None, [], {"CHATS:WRITE": "write_chats"}, {"CHATS:WRITE": None}, {"CHATS:WRITE": "a.b.c"}],
    "KEY_PREFIX": [None, "", "_tl", "-tl", "tl tl", "clé", "x" * 41, "tl\n"],
    "MAX_BODY_BYTES": [None, 0, -1, 1.5, "1", True],
    "MAX_MESSAGES": [None, 0, -1, 1.5, "1", True],
    "MAX_DEPTH": [None, 0, -1, 1.5, "1", True, 501],
    "MAX_VALUES": [None, 0, -1, 1.5, "1", True],
    "CONNECT_SECONDS": [None, 0, -1, "1", True, 86_401, float("nan"), float("inf")],
    "FIRST_BYTE_SECONDS": [None, 0, -1, "1", True, 86_401],
    "BETWEEN_CHUNKS_SECONDS": [None, 0, -1, "1", True, 86_401],
    "MAX_CALL_SECONDS": [None, 0, -1, "1", True, 86_401],
    "GRACE_SECONDS": [None, -1, "1", True, 86_401],
    "PING_SECONDS": [None, 0, -1, "1", True, 86_401],
    "STALL_SECONDS": [None, 0, -1, "1", True, 86_401],
    "GRACEFUL_SECONDS": [0, -1, "1", True, 86_401],
    "REQUESTS_PER_MINUTE": [0, -1, 1.5, "1", True],
    "TOKENS_PER_MINUTE": [0, -1, 1.5, "1", True],
    "CONCURRENT_CALLS_PER_KEY": [0, -1, 1.5, "1", True],
    "THROTTLE_CACHE": [None, 5],
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_setting_of_wrong_type_or_range_is_e003(settings: Any, name: str) -> None:
    for value in MALFORMED[name]:
        assert found(settings, {name: value}) == ["threadless.E003"], value


def test_message_names_the_setting_and_what_it_wants(settings: Any) -> None:
    settings.THREADLESS = {"BACKENDS": {"default": DUMMY}, "MAX_MESSAGES": -1}
    [message] = run_checks(tags=["threadless"])
    assert message.msg == "THREADLESS['MAX_MESSAGES'] must be a whole number from 1, not -1."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRACE_SECONDS", 0),
        ("MAX_CALL_SECONDS", 0.5),
        ("CONCURRENT_CALLS_PER_KEY", None),
        ("KEY_PREFIX", "My-Firm_2"),
        ("TOKEN_COUNTER", lambda text, model: 1),
        ("PERMISSION_CLASSES", []),
        ("MODELS", {"vendor/model 1": {"model": "m"}}),
    ],
)
def test_setting_at_the_edge_of_its_range_is_right(settings: Any, name: str, value: Any) -> None:
    assert found(settings, {name: value}) == []


PATHS = ["RESOLVER", "KEY_ADAPTER", "USAGE_RECORDER", "TOKEN_COUNTER"]
PATH_LISTS = ["AUTHENTICATION_CLASSES", "PERMISSION_CLASSES", "THROTTLE_CLASSES"]


@pytest.mark.parametrize("path", ["nowhere", "nowhere.Thing", "threadless.conf.NoSuchThing"])
@pytest.mark.parametrize("name", [*PATHS, *PATH_LISTS])
def test_path_that_leads_nowhere_is_e004(settings: Any, name: str, path: str) -> None:
    assert found(settings, {name: [path] if name in PATH_LISTS else path}) == ["threadless.E004"]


@pytest.mark.parametrize("name", [*PATHS, *PATH_LISTS])
def test_path_to_wrong_thing_is_e005(settings: Any, name: str) -> None:
    path = "threadless.conf.DEFAULTS" if name == "TOKEN_COUNTER" else "tests.test_checks.NoMethods"
    assert found(settings, {name: [path] if name in PATH_LISTS else path}) == ["threadless.E005"]


def test_combined_permissions_are_right(settings: Any) -> None:
    from rest_framework.permissions import IsAdminUser, IsAuthenticated

    assert found(settings, {"PERMISSION_CLASSES": [IsAuthenticated & IsAdminUser]}) == []


@pytest.mark.parametrize("model", ["nowhere.Key", "threadless", "", "auth.NoSuchModel", "auth.Group"])
def test_key_model_that_is_none_is_e006(settings: Any, model: str) -> None:
    assert found(settings, {}, THREADLESS_API_KEY_MODEL=model) == ["threadless.E006"]


@pytest.mark.parametrize(
    "backend",
    [
        {},
        {"BACKEND": "nowhere.Backend"},
        {"BACKEND": 5},
        DUMMY | {"OPTIONS": {"no_such_option": 1}},
        DUMMY | {"OPTIONS": 5},
        DUMMY | {"OPTION": {}},
        {"BACKEND": "threadless.backends.openai.OpenAIBackend"},
    ],
)
def test_backend_that_cannot_be_built_is_e007(settings: Any, backend: dict[str, Any]) -> None:
    assert found(settings, {"BACKENDS": {"default": backend}}) == ["threadless.E007"]


class Loose(NoMethods):
    """Takes what a backend takes."""

    def __init__(self, alias: str) -> None:
        self.alias = alias


def test_backend_of_wrong_class_is_e005(settings: Any) -> None:
    assert found(settings, {"BACKENDS": {"default": {"BACKEND": "tests.test_checks.Loose"}}}) == ["threadless.E005"]
    assert not issubclass(Loose, BaseChatBackend)


class Choosy(DummyBackend):
    """Finds fault with itself."""

    def check(self) -> list[CheckMessage]:
        return [Error("Never content.", id="choosy.E001")]


def test_backend_has_its_own_say(settings: Any) -> None:
    assert found(settings, {"BACKENDS": {"default": {"BACKEND": "tests.test_checks.Choosy"}}}) == ["choosy.E001"]


def test_upstream_address_that_is_none_is_an_error(settings: Any) -> None:
    backend = {"BACKEND": "threadless.backends.openai.OpenAIBackend", "OPTIONS": {"base_url": "ftp://example.com"}}
    [number] = found(settings, {"BACKENDS": {"default": backend}})
    assert number.startswith("threadless.E")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model": ""},
        {"model": "m", "colour": "red"},
        {"model": "m", "id": "other"},
        {"model": "m", "backend": "nowhere"},
        {"model": "m", "scope": "NO:SUCH"},
        {"model": "m", "kind": "assistant"},
    ],
)
def test_model_that_cannot_be_a_target_is_e008(settings: Any, fields: dict[str, Any]) -> None:
    assert found(settings, {"MODELS": {"small": fields}}) == ["threadless.E008"]


def test_required_scope_that_is_unknown_is_e009(settings: Any) -> None:
    assert found(settings, {"REQUIRED_SCOPE": "NO:SUCH"}) == ["threadless.E009"]


def test_permission_for_unknown_scope_is_e010(settings: Any) -> None:
    assert found(settings, {"SCOPE_PERMISSIONS": {"NO:SUCH": "app.do_it"}}) == ["threadless.E010"]


def test_unknown_throttle_cache_is_e011(settings: Any) -> None:
    assert found(settings, {"THROTTLE_CACHE": "nowhere"}) == ["threadless.E011"]


def test_no_backend_is_w001(settings: Any) -> None:
    assert found(settings, {"BACKENDS": {}}) == ["threadless.W001"]


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({"CONN_MAX_AGE": 60}, ["threadless.W002"]),
        ({"CONN_MAX_AGE": None}, ["threadless.W002"]),
        ({"CONN_MAX_AGE": 0}, []),
        ({"CONN_MAX_AGE": 60, "OPTIONS": {"pool": True}}, []),
    ],
)
def test_persistent_connections_without_pool_are_w002(
    settings: Any, monkeypatch: pytest.MonkeyPatch, database: dict[str, Any], expected: list[str]
) -> None:
    from django.db import connections

    monkeypatch.setitem(connections.settings, "other", database)
    assert found(settings, {}) == expected


@pytest.mark.parametrize("limit", ["REQUESTS_PER_MINUTE", "TOKENS_PER_MINUTE"])
@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("locmem.LocMemCache", ["threadless.W003"]),
        ("dummy.DummyCache", ["threadless.W003"]),
        ("filebased.FileBasedCache", []),
    ],
)
def test_limit_counted_in_unshared_cache_is_w003(settings: Any, limit: str, backend: str, expected: list[str]) -> None:
    caches = {"default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": ""}}
    assert found(settings, {limit: 10}, CACHES=caches) == expected

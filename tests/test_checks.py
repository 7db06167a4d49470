"""Every setting is misconfigured once, and the check that reports it is named."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.urls import include, path

from tests.support.setting_checks import DUMMY, found
from threadless.conf import SETTINGS


def test_settings_of_barest_host_are_right(settings: Any) -> None:
    assert found(settings, settings.THREADLESS) == []


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


@pytest.fixture
def app_with_settings(settings: Any) -> None:
    """Installs an app that has its own key in our setting."""
    hooked = "tests.support.testapp.apps.HookedConfig"
    settings.INSTALLED_APPS = [hooked if app == "tests.support.testapp" else app for app in settings.INSTALLED_APPS]


@pytest.mark.parametrize(("value", "ids"), [(5, []), (0, ["threadless.E003"])])
def test_key_of_an_app_is_checked(settings: Any, app_with_settings: None, value: int, ids: list[str]) -> None:
    assert found(settings, {"TESTAPP_CALLS": value}) == ids


def test_key_of_an_app_that_is_not_installed_is_e002(settings: Any) -> None:
    assert found(settings, {"TESTAPP_CALLS": 5}) == ["threadless.E002"]


MALFORMED: dict[str, list[Any]] = {
    "BACKENDS": [None, [], {"default": "path"}, {5: {}}, {"a b": {}}, {"a": {5: ""}}],
    "MODELS": [None, ["small"], {"small": "upstream"}, {"": {}}, {"small": {5: ""}}],
    "RESOLVER": [None, "", 5, ".x", "a b", "a..b"],
    "KEY_ADAPTER": [None, "", 5],
    "USAGE_RECORDER": [None, "", 5],
    "CALL_CONTEXT": ["", 5, ".x"],
    "TOKEN_COUNTER": [None, "", 5],
    "AUTHENTICATION_CLASSES": [None, "a.path", [""], [5]],
    "PERMISSION_CLASSES": [None, "a.path", [""], [5]],
    "THROTTLE_CLASSES": [None, "a.path", [""], [5]],
    "GATES": [None, "a.path", [""], [5]],
    "DIALECTS": [None, "a.path", [""], [5]],
    "UNKNOWN_PATHS": [None, True, "html"],
    "SCOPES": [None, ["CHATS:WRITE"], {"CHATS:WRITE": None}, {"A B": ""}, {"A,B": ""}, {"": ""}],
    "REQUIRED_SCOPE": [None, 5, ["CHATS:WRITE"]],
    "SCOPE_PERMISSIONS": [None, [], {"CHATS:WRITE": "write_chats"}, {"CHATS:WRITE": None}, {"CHATS:WRITE": "a.b.c"}],
    "KEY_PREFIX": [None, "", "_tl", "-tl", "tl tl", "clé", "x" * 41, "tl\n"],
    "MAX_BODY_BYTES": [None, 0, -1, 1.5, "1", True],
    "MAX_MESSAGES": [None, 0, -1, 1.5, "1", True],
    "MAX_DEPTH": [None, 0, -1, 1.5, "1", True, 501],
    "BODY_SECONDS": [None, 0, -1, "1", True, 86_401],
    "ASGI_THREADS": [None, 0, -1, 1.5, "1", True],
    "MAX_BYTES_IN_FLIGHT": [None, 0, -1, 1.5, "1", True],
    "MAX_VALUES": [None, 0, -1, 1.5, "1", True],
    "CONNECT_SECONDS": [None, 0, -1, "1", True, 86_401, float("nan"), float("inf")],
    "FIRST_BYTE_SECONDS": [None, 0, -1, "1", True, 86_401],
    "BETWEEN_CHUNKS_SECONDS": [None, 0, -1, "1", True, 86_401],
    "MAX_CALL_SECONDS": [None, 0, -1, "1", True, 86_401],
    "MAX_ANSWER_BYTES": [0, 1.5, "1"],
    "MAX_EVENT_BYTES": [0, 1.5, "1"],
    "GRACE_SECONDS": [None, -1, "1", True, 86_401],
    "PING_SECONDS": [None, 0, -1, "1", True, 86_401],
    "STALL_SECONDS": [None, 0, -1, "1", True, 86_401],
    "GRACEFUL_SECONDS": [0, -1, "1", True, 86_401],
    "REQUESTS_PER_MINUTE": [0, -1, 1.5, "1", True],
    "TOKENS_PER_MINUTE": [0, -1, 1.5, "1", True],
    "CONCURRENT_CALLS_PER_KEY": [0, -1, 1.5, "1", True],
    "THROTTLE_CACHE": [None, 5],
    "CACHE_FAILURE": [None, 5, "ignore"],
    "CURRENCY": [None, "", "eur", "EURO", "€", 5],
    "PRICER": [None, "", 5],
    "READ_ONLY": [None, 0, 1, "yes"],
    "COST_IN_USAGE": [None, 0, 1, "yes"],
    "BILLING_TIME_ZONE": ["", "CET+1", "Mars/Base", 5],
    "KEEP_RECORDS_DAYS": [0, -1, 1.5, True, "400"],
}


@pytest.mark.parametrize("name", SETTINGS)
def test_setting_of_wrong_type_or_range_is_e003(settings: Any, name: str) -> None:
    for value in MALFORMED[name]:
        assert found(settings, {name: value}) == ["threadless.E003"], value


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MAX_MESSAGES", -1, "must be a whole number from 1, not -1."),
        ("RESOLVER", 5, "must be a class or its dotted path, not 5."),
        ("THROTTLE_CLASSES", ["a.b", 5], "must be a list of classes or their dotted paths, but item 1 is invalid."),
        ("THROTTLE_CLASSES", "a.b", "must be a list of classes or their dotted paths, not a value of type 'str'."),
        ("MODELS", {"a": {}, "b": "c"}, "must be a dict of model names to dicts, but the value of 'b' is invalid."),
        ("MODELS", {"": {}}, "must be a dict of model names to dicts, but one of its keys is invalid."),
        ("GRACEFUL_SECONDS", 0, "must be None, or seconds above 0, at most a day, not 0."),
        ("TOKEN_COUNTER", "threadless.conf.SETTINGS", ": 'threadless.conf.SETTINGS' is not callable."),
        ("RESOLVER", "builtins.dict", ": 'builtins.dict' is not a subclass of BaseResolver."),
        ("RESOLVER", dict, ": 'dict' is not a subclass of BaseResolver."),
        ("PERMISSION_CLASSES", ["builtins.dict"], ": 'builtins.dict' has no has_permission() method."),
        ("MODELS", {"a": {"model": "m", "kind": 5}}, "['a'] has an invalid kind 5. It must be 'model' or 'agent'."),
    ],
)
def test_message_names_the_setting_and_the_fault(settings: Any, name: str, value: Any, message: str) -> None:
    settings.THREADLESS = {"BACKENDS": {"default": DUMMY}, name: value}
    [found_message] = run_checks(tags=["threadless"])
    separator = "" if message[0] in ":[" else " "
    assert found_message.msg == f"THREADLESS[{name!r}]{separator}{message}"


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


PATHS = ["RESOLVER", "KEY_ADAPTER", "USAGE_RECORDER", "TOKEN_COUNTER", "CALL_CONTEXT"]
FUNCTIONS = ["TOKEN_COUNTER", "CALL_CONTEXT"]
PATH_LISTS = ["AUTHENTICATION_CLASSES", "PERMISSION_CLASSES", "THROTTLE_CLASSES"]


@pytest.mark.parametrize("path", ["nowhere", "nowhere.Thing", "threadless.conf.NoSuchThing"])
@pytest.mark.parametrize("name", [*PATHS, *PATH_LISTS])
def test_path_that_leads_nowhere_is_e004(settings: Any, name: str, path: str) -> None:
    assert found(settings, {name: [path] if name in PATH_LISTS else path}) == ["threadless.E004"]


@pytest.mark.parametrize("name", [*PATHS, *PATH_LISTS])
def test_path_to_wrong_thing_is_e005(settings: Any, name: str) -> None:
    path = "threadless.conf.SETTINGS" if name in FUNCTIONS else "tests.support.setting_checks.NoMethods"
    assert found(settings, {name: [path] if name in PATH_LISTS else path}) == ["threadless.E005"]


def test_combined_permissions_are_right(settings: Any) -> None:
    from rest_framework.permissions import IsAdminUser, IsAuthenticated

    assert found(settings, {"PERMISSION_CLASSES": [IsAuthenticated & IsAdminUser]}) == []


@pytest.mark.parametrize("model", ["nowhere.Key", "threadless", "", "auth.NoSuchModel", "auth.Group"])
def test_key_model_that_is_none_is_e006(settings: Any, model: str) -> None:
    assert found(settings, {}, THREADLESS_API_KEY_MODEL=model) == ["threadless.E006"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model": ""},
        {"model": "m", "colour": "red"},
        {"model": "m", "id": "other"},
        {"model": "m", "backend": "nowhere"},
        {"model": "m", "backend": []},
        {"model": "m", "scope": "NO:SUCH"},
        {"model": "m", "scope": ["NO:SUCH"]},
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


@pytest.mark.parametrize(
    ("engine", "options", "expected"),
    [
        ("django.db.backends.sqlite3", {"timeout": 20}, ["threadless.W004"]),
        ("django.db.backends.sqlite3", {"timeout": 5}, []),
        ("django.db.backends.sqlite3", {}, []),
        ("threadless.contrib.pooled_sqlite", {"timeout": 20}, []),
    ],
)
def test_long_waits_for_a_lock_of_sqlite_are_w004(
    settings: Any, monkeypatch: pytest.MonkeyPatch, engine: str, options: dict[str, Any], expected: list[str]
) -> None:
    from django.db import connections

    monkeypatch.setitem(connections.settings, "other", {"ENGINE": engine, "CONN_MAX_AGE": 0, "OPTIONS": options})
    assert found(settings, {}) == expected


@pytest.mark.parametrize("limit", ["REQUESTS_PER_MINUTE", "TOKENS_PER_MINUTE"])
@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("locmem.LocMemCache", ["threadless.W003"]),
        ("dummy.DummyCache", ["threadless.W003"]),
        ("filebased.FileBasedCache", ["threadless.W006"]),
        ("db.DatabaseCache", ["threadless.W006"]),
        ("redis.RedisCache", []),
    ],
)
def test_limit_counted_in_unshared_cache_is_w003_and_without_atomicity_w006(
    settings: Any, limit: str, backend: str, expected: list[str]
) -> None:
    caches = {"default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": ""}}
    assert found(settings, {limit: 10}, CACHES=caches) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["threadless.W011"]),
        ({"retry_attempts": 0}, []),
        ({"retry_attempts": 0, "ignore_exc": True}, ["threadless.W011"]),
    ],
)
def test_memcached_that_hides_its_failures_is_w011(settings: Any, options: dict[str, Any], expected: list[str]) -> None:
    backend = "django.core.cache.backends.memcached.PyMemcacheCache"
    caches = {"default": {"BACKEND": backend, "LOCATION": "127.0.0.1:11211", "OPTIONS": options}}
    assert found(settings, {"REQUESTS_PER_MINUTE": 10}, CACHES=caches) == expected


class RootUrls:
    """A URLconf that includes our routes without a prefix."""

    urlpatterns = [path("", include("threadless.urls"))]


@pytest.mark.parametrize(
    ("urlconf", "unknown_paths", "expected"),
    [(RootUrls, "refuse", ["threadless.W005"]), (RootUrls, "ignore", []), ("tests.urls", "refuse", [])],
)
def test_routes_without_a_prefix_are_w005(settings: Any, urlconf: Any, unknown_paths: str, expected: list[str]) -> None:
    assert found(settings, {"UNKNOWN_PATHS": unknown_paths}, ROOT_URLCONF=urlconf) == expected

"""Mistakes in a configuration, each with the line that the user of `manage.py check` reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf.urls.i18n import i18n_patterns
from django.core.checks import run_checks
from django.db import connections, models
from django.urls import include, path, re_path

from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.models import AbstractAPIKey

SMALL = "?: (threadless.E008) THREADLESS['MODELS']['small']"
NO_PASSWORD = "base_url must not contain a user name or password; use api_key or headers."
DUMMY = {"BACKEND": "threadless.backends.dummy.DummyBackend"}


def lines(settings: Any, **values: Any) -> list[str]:
    """What `check --deploy` prints of ours, without hints. Upper-case names are keys of THREADLESS or settings."""
    ours = {name: value for name, value in values.items() if name in ("BACKENDS", "MODELS", "REQUIRED_SCOPE", "SCOPES")}
    settings.THREADLESS = {"BACKENDS": {"default": DUMMY}} | ours
    for name in values.keys() - ours.keys():
        setattr(settings, name, values[name])
    messages = run_checks(tags=["threadless"], include_deployment_checks=True)
    return [str(message).splitlines()[0] for message in messages]


def upstream(**options: Any) -> dict[str, Any]:
    """An `OpenAIBackend` that is right, with other options."""
    given = {"base_url": "https://api.openai.com/v1", "api_key": "sk-CANARY"} | options
    return {"default": {"BACKEND": "threadless.backends.openai.OpenAIBackend", "OPTIONS": given}}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"BACKENDS": upstream(base_url="https://api.openai.com")},
            "?: (threadless.W031) Backend 'default': base_url has no path, but '/chat/completions' is added to it.",
        ),
        (
            {"BACKENDS": upstream(base_url="https://me:CANARY@api.openai.com/v1")},
            f"?: (threadless.E007) Backend 'default': {NO_PASSWORD}",
        ),
        (
            {"BACKENDS": upstream(api_key="")},
            "?: (threadless.W032) Backend 'default' sends no key to an upstream outside of a private network.",
        ),
        (
            {"BACKENDS": upstream(api_key=None)},
            "?: (threadless.W032) Backend 'default' sends no key to an upstream outside of a private network.",
        ),
        (
            {"MODELS": {"small": {"model": "m", "backend": "defualt"}}},
            f"{SMALL} has an unknown backend 'defualt'.",
        ),
        (
            {"MODELS": {"small": {"model": "m", "scope": "NO:SUCH"}}},
            f"{SMALL} has an unknown scope 'NO:SUCH'.",
        ),
        (
            {"MODELS": {"small": {"model": "m", "parameters": [("temperature", 0)]}}},
            f"{SMALL} has a value of the wrong type 'list' in 'parameters'.",
        ),
        (
            {"MODELS": {"small": {"model": "m", "instructions": None}}},
            f"{SMALL} has a value of the wrong type 'NoneType' in 'instructions'.",
        ),
        (
            {"REQUIRED_SCOPE": "NO:SUCH"},
            "?: (threadless.E009) THREADLESS['REQUIRED_SCOPE']: 'NO:SUCH' is not in SCOPES.",
        ),
    ],
)
def test_mistake_is_one_line(settings: Any, values: dict[str, Any], line: str) -> None:
    assert lines(settings, **values) == [line]


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"api-key": "CANARY-0123456789"}, "api_key": ""},
        {"credentials": lambda caller, target: None, "api_key": ""},
        {"base_url": "http://ollama:11434/v1", "api_key": ""},
        {"base_url": "https://generativelanguage.googleapis.com/v1beta/openai"},
    ],
)
def test_address_and_key_that_can_work_are_right(settings: Any, options: dict[str, Any]) -> None:
    assert lines(settings, BACKENDS=upstream(**options)) == []


# Routes


def urlconf(*patterns: Any) -> Any:
    """A URLconf with these patterns."""

    class Urls:
        urlpatterns = list(patterns)

    return Urls


OURS = include("threadless.urls")


@pytest.mark.parametrize(
    ("patterns", "line"),
    [
        ([], "?: (threadless.W009) threadless.urls is not included, so there is no endpoint."),
        (
            [path("api/v1", OURS)],
            "?: (threadless.E012) threadless.urls is included at 'api/v1', so the path is 'api/v1chat/completions'.",
        ),
        (
            [path("api/", include([path("v1", OURS)]))],
            "?: (threadless.E012) threadless.urls is included at 'api/v1', so the path is 'api/v1chat/completions'.",
        ),
        (
            [path("api/v1/", OURS), path("api/v2/", include([path("llm/", OURS)]))],
            "?: (threadless.W010) threadless.urls is included at 'api/v1/' and 'api/v2/llm/'.",
        ),
        (
            i18n_patterns(path("api/v1/", OURS)),
            "?: (threadless.W007) threadless.urls is included below i18n_patterns, at 'api/v1/' after the language.",
        ),
    ],
)
def test_wrong_inclusion_is_one_line(settings: Any, patterns: list[Any], line: str) -> None:
    assert lines(settings, ROOT_URLCONF=urlconf(*patterns)) == [line]


@pytest.mark.parametrize(
    "pattern", [re_path(r"^api/v1/", OURS), path("api/", include([path("v1/", OURS)])), path("<slug:team>/", OURS)]
)
def test_inclusion_that_works_is_right(settings: Any, pattern: Any) -> None:
    assert lines(settings, ROOT_URLCONF=urlconf(pattern)) == []


# Databases


@pytest.mark.parametrize(
    ("database", "is_warned"),
    [
        ({"PORT": "6432", "OPTIONS": {"prepare_threshold": 5}}, True),
        ({"PORT": 6432, "OPTIONS": {"prepare_threshold": 0}}, True),
        ({"DISABLE_SERVER_SIDE_CURSORS": True, "OPTIONS": {"prepare_threshold": 5}}, True),
        ({"PORT": "6432", "OPTIONS": {"prepare_threshold": None}}, False),
        ({"PORT": "6432"}, False),
        ({"PORT": "5432", "OPTIONS": {"prepare_threshold": 5}}, False),
    ],
)
def test_prepared_statements_behind_pgbouncer_are_one_line(
    settings: Any, monkeypatch: pytest.MonkeyPatch, database: dict[str, Any], is_warned: bool
) -> None:
    monkeypatch.setitem(connections.settings, "other", {"CONN_MAX_AGE": 0} | database)
    text = "Database 'other' prepares statements behind PgBouncer, which may not find them on its connections."
    assert lines(settings) == [f"?: (threadless.W008) {text}"] * is_warned


# Keys


def define_key_models() -> None:
    """Two models that cannot hold keys."""

    class HalfKey(AbstractAPIKey):
        """It has removed two of our fields."""

        scopes = None
        note = None  # type: ignore[assignment]

        class Meta(AbstractAPIKey.Meta):
            app_label = "testapp"
            managed = False
            abstract = False

    class Unrelated(models.Model):
        """A key table of another kind."""

        class Meta:
            app_label = "testapp"
            managed = False

        def __str__(self) -> str:
            return "key"


@pytest.fixture
def key_models() -> Iterator[None]:
    """The models, registered until the end of the test: deletions of users would look for their rows."""
    define_key_models()
    yield
    for name in ("halfkey", "unrelated"):
        del apps.all_models["testapp"][name]
    apps.clear_cache()


class OwnAdapter(ModelKeyAdapter):
    """An adapter that extends ours."""


def test_key_model_without_our_columns_is_one_line(settings: Any, key_models: None) -> None:
    text = "THREADLESS_API_KEY_MODEL: testapp.HalfKey has removed fields of AbstractAPIKey: note, scopes."
    assert lines(settings, THREADLESS_API_KEY_MODEL="testapp.HalfKey") == [f"?: (threadless.E006) {text}"]


def test_key_model_of_another_kind_under_an_adapter_that_extends_ours_is_one_line(
    settings: Any, key_models: None
) -> None:
    settings.THREADLESS = {"BACKENDS": {"default": DUMMY}, "KEY_ADAPTER": OwnAdapter}
    settings.THREADLESS_API_KEY_MODEL = "testapp.Unrelated"
    [message] = run_checks(tags=["threadless"])
    text = "(threadless.E006) THREADLESS_API_KEY_MODEL must name a model that extends AbstractAPIKey."
    assert text in str(message)

"""Every mistake in `BACKENDS` is reported, and no message shows a value of its options."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from django.core.checks import CheckMessage, Error, run_checks
from django.core.exceptions import ImproperlyConfigured

from tests.support.setting_checks import DUMMY, NoMethods, found
from threadless.backends.base import BaseChatBackend, backends
from threadless.backends.dummy import DummyBackend
from threadless.exceptions import InvalidBackend


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


CANARY = "sk_canary"
UPSTREAM = "threadless.backends.openai.OpenAIBackend"
FUNCTION = "threadless.backends.function.FunctionBackend"


def upstream(**options: Any) -> dict[str, Any]:
    """A backend with these options besides a valid address and key."""
    return {"BACKEND": UPSTREAM, "OPTIONS": {"base_url": "http://127.0.0.1/v1", "api_key": CANARY} | options}


class Failing(DummyBackend):
    """Shows its options in the text of an exception that it does not expect."""

    def __init__(self, *, key: str, alias: str = "") -> None:
        raise LookupError(f"No such key: {key}")


MISTAKES: list[Any] = [
    CANARY,
    [{"api_key": CANARY}],
    {"default": CANARY},
    {"default": [CANARY]},
    {"default": {"BACKEND": CANARY}},
    {"default": {"BACKEND": f"{CANARY}.v1"}},
    {"default": {"BACKEND": {"api_key": CANARY}}},
    {"default": {"BACKEND": f"threadless.conf.{CANARY}"}},
    {"default": {"BACKEND": "threadless.conf.API_KEY_MODEL", "OPTIONS": {"api_key": CANARY}}},
    {"default": {"BACKEND": UPSTREAM, "OPTIONS": CANARY}},
    {"default": {"BACKEND": UPSTREAM, "OPTIONS": [CANARY]}},
    {"default": {"BACKEND": UPSTREAM, "OPTIONS": {"api_key": CANARY}}},
    {"default": {"BACKEND": UPSTREAM, "OPTIONS": {5: CANARY}}},
    {"default": {"BACKEND": UPSTREAM, "api_key": CANARY}},
    {"default": {"BACKEND": FUNCTION, "OPTIONS": {"function": CANARY}}},
    {"default": {"BACKEND": FUNCTION, "OPTIONS": {"function": (CANARY,)}}},
    {"default": {"BACKEND": "builtins.dict", "OPTIONS": {"api_key": CANARY}}},
    {"default": {"BACKEND": "tests.test_backend_checks.Failing", "OPTIONS": {"key": CANARY}}},
    {"default": upstream(api_key=f"{CANARY}\nX-Key: a")},
    {"default": upstream(api_key=f"\N{CYRILLIC SMALL LETTER KA}{CANARY}")},
    {"default": upstream(api_key=[CANARY])},
    {"default": upstream(headers=[CANARY])},
    {"default": upstream(headers={"X-Key": [CANARY]})},
    {"default": upstream(headers={"X-Key": f"{CANARY}\n"})},
    {"default": upstream(base_url=CANARY)},
    {"default": upstream(base_url=[CANARY])},
    {"default": upstream(base_url=f"ftp://user:{CANARY}@example.com")},
    {"default": upstream(base_url=f"http://[::1/{CANARY}")},
    {"default": upstream(no_such_option=CANARY)},
    {"default": upstream(alias=CANARY)},
    {"default": upstream(pool_maxsize=CANARY)},
    {"default": upstream(pool_maxsize=-1)},
]


@pytest.mark.parametrize("backends_setting", MISTAKES, ids=range(len(MISTAKES)))
def test_message_about_a_backend_shows_no_value(settings: Any, backends_setting: Any) -> None:
    settings.THREADLESS = {"BACKENDS": backends_setting}
    messages = run_checks(tags=["threadless"])
    assert messages
    assert CANARY not in " ".join(f"{message.msg} {message.hint}" for message in messages)


@pytest.mark.parametrize("key", [f"{CANARY}\nX-Key: a", [CANARY]])
def test_log_of_a_call_shows_no_option_of_an_invalid_backend(settings: Any, key: Any) -> None:
    settings.THREADLESS = {"BACKENDS": {"default": upstream(api_key=key)}}
    with pytest.raises(InvalidBackend) as caught:
        backends["default"]
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ({}, "['BACKEND'] must be a dotted path."),
        (DUMMY | {"api_key": CANARY}, " has unknown keys: 'api_key'."),
        ({"BACKEND": FUNCTION}, "['OPTIONS']: missing a required argument: 'function'."),
        (upstream(apikey=CANARY), "['OPTIONS']: got an unexpected keyword argument 'apikey'."),
        ({"BACKEND": UPSTREAM, "OPTIONS": []}, "['OPTIONS'] must be a dict of option names to values."),
        ({"BACKEND": "threadless.conf.API_KEY_MODEL"}, "['BACKEND'] cannot be imported: it is not a class."),
    ],
)
def test_message_names_the_backend_and_the_option(settings: Any, backend: dict[str, Any], message: str) -> None:
    settings.THREADLESS = {"BACKENDS": {"default": backend}}
    [found_message] = run_checks(tags=["threadless"])
    text = found_message.msg.replace("required keyword-only argument", "required argument")  # Python 3.12 and newer
    assert text == f"THREADLESS['BACKENDS']['default']{message}"


def test_message_names_the_exception_and_its_line(settings: Any) -> None:
    failing = {"BACKEND": "tests.test_backend_checks.Failing", "OPTIONS": {"key": CANARY}}
    settings.THREADLESS = {"BACKENDS": {"default": failing}}
    [message] = run_checks(tags=["threadless"])
    start = "THREADLESS['BACKENDS']['default'] cannot be created from its OPTIONS: LookupError in "
    assert message.msg.startswith(f"{start}{__file__}, line ")


class Explaining(DummyBackend):
    """Refuses its options with a message for people."""

    def __init__(self, *, alias: str = "") -> None:
        raise ImproperlyConfigured("The option 'region' is missing.")


def test_message_of_a_backend_for_people_is_passed_on(settings: Any) -> None:
    settings.THREADLESS = {"BACKENDS": {"default": {"BACKEND": "tests.test_backend_checks.Explaining"}}}
    [message] = run_checks(tags=["threadless"])
    assert (message.id, message.msg) == ("threadless.E007", "The option 'region' is missing.")


class Loose(NoMethods):
    """Takes what a backend takes."""

    def __init__(self, alias: str) -> None:
        self.alias = alias


def test_backend_of_wrong_class_is_e005(settings: Any) -> None:
    backend = {"BACKEND": "tests.test_backend_checks.Loose"}
    assert found(settings, {"BACKENDS": {"default": backend}}) == ["threadless.E005"]
    assert not issubclass(Loose, BaseChatBackend)


class Choosy(DummyBackend):
    """Finds fault with itself."""

    def check(self) -> list[CheckMessage]:
        return [Error("Never content.", id="choosy.E001")]


def test_backend_has_its_own_say(settings: Any) -> None:
    backend = {"BACKEND": "tests.test_backend_checks.Choosy"}
    assert found(settings, {"BACKENDS": {"default": backend}}) == ["choosy.E001"]


def test_upstream_address_that_is_none_is_an_error(settings: Any) -> None:
    backend = {"BACKEND": "threadless.backends.openai.OpenAIBackend", "OPTIONS": {"base_url": "ftp://example.com"}}
    [number] = found(settings, {"BACKENDS": {"default": backend}})
    assert number.startswith("threadless.E")
